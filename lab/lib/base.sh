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

# The base image with the kind's packages, built once on top of the masters'.
build_member_base() { # build_member_base CODENAME: sets BASE
    local plain=$BASE packages=()
    case $KIND in
    etcd) packages=(etcd-server etcd-client) ;;
    rabbitmq) packages=(rabbitmq-server) ;;
    esac
    BASE=$CACHE/$KIND-$1-$(fingerprint "$HERE/lib/base.sh")
    [[ ! -d $BASE ]] || return 0
    say "installing ${packages[*]} into an image, once"
    local new=$BASE.new
    rm -rf "$new"
    cp -a --reflink=auto "$plain" "$new"
    # A lab's host asks no name server; the installation has to.
    sed -i 's/^hosts:.*/hosts: files dns/' "$new/etc/nsswitch.conf"
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
    chmod +x "$new/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2016
    systemd-nspawn --register=no --keep-unit -q -D "$new" --machine="$NAME-image" --resolv-conf=replace-host --timezone=off --pipe \
        --setenv=DEBIAN_FRONTEND=noninteractive sh -ec '
            timeout 300 apt-get update
            timeout 600 apt-get install -y --no-install-recommends "$@"
            rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*' _ "${packages[@]}" </dev/null >"$CACHE/$KIND.log" 2>&1 ||
        fail "${packages[*]} could not be installed into an image" "The output is in $CACHE/$KIND.log"
    cp "$plain/etc/nsswitch.conf" "$new/etc/nsswitch.conf"
    # What their installation made is not a member's: its identity, its data, its cookie.
    rm -rf "$new/usr/sbin/policy-rc.d" "$new/etc/resolv.conf" "$new/etc/machine-id" "$new"/var/lib/etcd/* "$new"/var/lib/rabbitmq/{.erlang.cookie,mnesia}
    mv "$new" "$BASE"
    drop_stale "$CACHE/$KIND-" "$BASE"
}
