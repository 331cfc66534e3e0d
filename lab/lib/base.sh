# The root filesystem that a lab's hosts boot from, built once.
# shellcheck shell=bash

build_base() {
    local new=$BASE.new raw=$CACHE/debootstrap-$1
    if [[ ! -d $raw ]]; then
        say "building the base image, once (about a minute)"
        rm -rf "$raw.new"
        timeout 900 debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,openssh-server,iproute2,sudo \
            "$1" "$raw.new" ${ZKMIG_LAB_MIRROR:+"$ZKMIG_LAB_MIRROR"} </dev/null >"$CACHE/debootstrap.log" 2>&1 ||
            fail "debootstrap could not build the base image" "Its output is in $CACHE/debootstrap.log"
        rm -rf "$raw.new"/var/cache/apt/archives/*.deb "$raw.new"/var/lib/apt/lists/*
        mv "$raw.new" "$raw"
    fi
    rm -rf "$new"
    cp -a --reflink=auto "$raw" "$new"
    rm -f "$new/etc/machine-id" "$new"/etc/ssh/ssh_host_* "$new/etc/resolv.conf"
    chroot "$new" groupadd -r -g "${EXHIBITOR_USER#*:}" dcos_exhibitor
    chroot "$new" useradd -r -u "${EXHIBITOR_USER%:*}" -g dcos_exhibitor -d /var/lib/dcos/exhibitor -s /usr/sbin/nologin dcos_exhibitor
    local user
    for user in centos operator; do
        # Debian has a group "operator" of its own.
        chroot "$new" useradd -m -s /bin/bash -g users "$user"
        touch "$new/home/$user/.hushlogin"
    done
    # A locked password would refuse the key too, so centos gets one that nothing matches.
    echo 'centos:*' | chroot "$new" chpasswd -e
    echo "operator:$OPERATOR_PASSWORD" | chroot "$new" chpasswd
    printf 'centos ALL=(ALL) NOPASSWD: ALL\noperator ALL=(ALL) ALL\n' >"$new/etc/sudoers.d/lab"
    chmod 440 "$new/etc/sudoers.d/lab"
    cat >"$new/etc/ssh/sshd_config" <<'EOF'
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM no
UseDNS no
PasswordAuthentication no
PrintMotd no
PrintLastLog no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
EOF
    sed -i 's/^hosts:.*/hosts: files/' "$new/etc/nsswitch.conf"
    mkdir -p "$new/etc/systemd/journald.conf.d"
    # ZooKeeper's elections are loud: a limit would drop the very lines that a reader looks for.
    printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n' \
        >"$new/etc/systemd/journald.conf.d/lab.conf"
    local unit
    for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
        dpkg-db-backup.timer systemd-networkd.service systemd-networkd.socket systemd-resolved.service \
        systemd-timesyncd.service systemd-logind.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
        console-getty.service getty.target systemd-journal-flush.service systemd-journal-catalog-update.service \
        systemd-update-done.service systemd-random-seed.service systemd-pcrphase.service systemd-tmpfiles-clean.timer \
        systemd-firstboot.service systemd-ask-password-wall.path systemd-ask-password-console.path ssh.socket \
        ldconfig.service remote-fs.target systemd-remount-fs.service systemd-boot-update.service; do
        ln -sf /dev/null "$new/etc/systemd/system/$unit"
    done
    mv "$new" "$BASE"
    drop_stale "$CACHE/base-" "$BASE"
}
