# Installs what is missing and builds, once, what all labs share: the masters' base image, ZooKeeper and the stand-in.
# shellcheck shell=bash

CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/zkmig-lab

install_missing() {
    local missing=() pair
    for pair in systemd-nspawn:systemd-container debootstrap:debootstrap ip:iproute2 ssh:openssh-client \
        javac:default-jdk-headless pip3:python3-pip pgrep:procps; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [[ -e /usr/share/java/jna.jar ]] || missing+=(libjna-java)
    compgen -G '/usr/lib/*/jni/libjnidispatch*.so' >/dev/null || missing+=(libjna-jni)
    if [[ $ZOOKEEPER == 3.8 && ! -e /usr/share/java/zookeeper.jar ]]; then
        missing+=(libzookeeper-java)
    fi
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "these packages are missing: ${missing[*]}" "Install them by hand; only apt-get is known here."
    say "installing ${missing[*]}"
    {
        DEBIAN_FRONTEND=noninteractive timeout 300 apt-get update &&
            DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y --no-install-recommends "${missing[@]}"
    } </dev/null >"$CACHE/install.log" 2>&1 ||
        fail "apt-get could not install ${missing[*]}" "Its output is in $CACHE/install.log"
}

find_java() {
    JAVA_DIR=$(readlink -f "$(command -v javac)")
    JAVA_DIR=${JAVA_DIR%/bin/javac}
}

fingerprint() { cat "$@" | sha256sum | cut -c1-16; }

build_cache() {
    mkdir -p "$CACHE"
    exec 8>"$CACHE/lock"
    flock -w 900 8 || fail "another lab has been building the cache for 15 minutes" "Look at $CACHE, end that build and try again."
    install_missing
    find_java
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
    BASE=$CACHE/base-$codename-$(fingerprint "$HERE/lib/cache.sh" "$HERE/image/dcos-exhibitor.service")
    PACKAGE=$CACHE/zookeeper-$ZOOKEEPER-$(fingerprint "$HERE"/lib/cache.sh "$HERE"/java/*.java "$HERE"/java/*/*.java "$HERE"/image/*)
    [[ -d $BASE ]] || build_base "$codename"
    [[ -d $PACKAGE ]] || build_package
    # Shared from here on, so that no other lab drops a layer as stale before it is mounted.
    flock -s 8
}

release_cache() { exec 8>&-; }

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
    chroot "$new" useradd -r -u 900 -d /var/lib/dcos/exhibitor -s /usr/sbin/nologin dcos_exhibitor
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
    cp "$HERE/image/dcos-exhibitor.service" "$new/etc/systemd/system/"
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

# The layer of /opt/mesosphere: ZooKeeper of the asked version, the stand-in's jar, the scripts.
build_package() {
    local new=$PACKAGE.new
    rm -rf "$new"
    local root=$new/packages/$EXHIBITOR_PACKAGE/usr
    local lib=$root/zookeeper/lib
    mkdir -p "$lib" "$root/zookeeper/bin" "$root/exhibitor" "$new"/{bin,etc,lib,active}
    case $ZOOKEEPER in
    3.4) fetch_34 && cp "$CACHE"/jars-3.4/*.jar "$lib/" ;;
    3.8) copy_38 "$lib" ;;
    esac
    cp /usr/share/java/jna.jar "$lib/"
    # Debian names its library after the distribution; the plain name serves every version of the jar.
    local native
    native=$(compgen -G '/usr/lib/*/jni/libjnidispatch*.so' | head -n 1)
    cp "$native" "$lib/"
    cp "$native" "$lib/libjnidispatch.so"

    say "compiling the stand-in for ZooKeeper $ZOOKEEPER"
    local classes=$new/classes
    mkdir -p "$classes"
    local sources=("$HERE"/java/*.java)
    [[ $ZOOKEEPER != 3.4 ]] || sources+=("$HERE"/java/client-3.4/*.java)
    javac --release 17 -nowarn -cp "$lib/*" -d "$classes" "${sources[@]}" >"$CACHE/javac.log" 2>&1 ||
        fail "the stand-in does not compile" "The compiler's output is in $CACHE/javac.log"
    jar --create --file "$lib/lab-journal.jar" -C "$classes" zkmig/lab/JournalAppender.class \
        -C "$classes" 'zkmig/lab/JournalAppender$Systemd.class'
    cat >"$classes/log4j.properties" <<'EOF'
log4j.rootLogger=WARN, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%-5p %c %x %m [%t]%n
EOF
    local jar path='Class-Path:'
    for jar in "$lib"/*.jar; do
        path+=" ../zookeeper/lib/${jar##*/}"
    done
    # A manifest's line ends at 72 bytes and goes on behind a blank.
    printf 'Main-Class: zkmig.lab.Exhibitor\n%s\n' "$(sed -E 's/(.{70})/\1\n /g' <<<"$path")" >"$new/manifest"
    jar --create --file "$root/exhibitor/exhibitor.jar" --manifest "$new/manifest" -C "$classes" .
    rm -r "$classes" "$new/manifest"

    local extra='tickTime=2000&initLimit=10&syncLimit=5&quorumListenOnAllIPs=true&maxClientCnxns=0'
    extra+='&autopurge.snapRetainCount=5&autopurge.purgeInterval=6'
    # From 3.5 on ZooKeeper answers Exhibitor's probes only where they are allowed, and opens a web port of its own.
    [[ $ZOOKEEPER == 3.4 ]] || extra+='&4lw.commands.whitelist=*&admin.enableServer=false'
    echo "$extra" >"$root/zookeeper/zoo-cfg-extra"
    cp "$HERE/image/zkServer.sh" "$root/zookeeper/bin/"
    cp "$HERE/image/start_exhibitor.py" "$root/exhibitor/"
    cp "$HERE/image/detect_ip" "$new/bin/"
    ln -s "/opt/mesosphere/packages/$EXHIBITOR_PACKAGE" "$new/active/exhibitor"
    mkdir -p "$new/packages/java--17/usr"
    ln -s "$JAVA_DIR" "$new/packages/java--17/usr/java"
    ln -s /opt/mesosphere/packages/java--17 "$new/active/java"
    ln -s /opt/mesosphere/active/java/usr/java/bin/java "$new/bin/java"
    mv "$new" "$PACKAGE"
    drop_stale "$CACHE/zookeeper-$ZOOKEEPER-" "$PACKAGE"
}

fetch_34() {
    [[ ! -d $CACHE/jars-3.4 ]] || return 0
    say "fetching ZooKeeper 3.4.14, once (it comes within a package of 214 MB)"
    local new=$CACHE/jars-3.4.new
    rm -rf "$new"
    mkdir -p "$new/unpacked"
    timeout 900 pip3 download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$new" pyspark==3.1.3 \
        </dev/null >"$CACHE/pip.log" 2>&1 ||
        fail "pip could not fetch the package that carries ZooKeeper 3.4.14" "Its output is in $CACHE/pip.log; --zookeeper 3.8 needs no such package."
    tar -xzf "$new"/pyspark-*.tar.gz -C "$new/unpacked" --strip-components=3 --wildcards \
        '*/deps/jars/zookeeper-3.4.14.jar' '*/deps/jars/slf4j-api-*.jar' '*/deps/jars/slf4j-log4j12-*.jar' \
        '*/deps/jars/log4j-1.2.17.jar' '*/deps/jars/netty-all-4.1.51.Final.jar'
    mv "$new/unpacked" "$CACHE/jars-3.4"
    rm -rf "$new"
}

copy_38() {
    local jar
    for jar in zookeeper zookeeper-jute slf4j-api slf4j-log4j12 log4j-1.2 metrics-core snappy-java commons-cli; do
        [[ ! -e /usr/share/java/$jar.jar ]] || cp -L "/usr/share/java/$jar.jar" "$1/"
    done
    for jar in /usr/share/java/netty*.jar; do
        [[ ! -e $jar ]] || cp -L "$jar" "$1/"
    done
}

# Layers of earlier versions of these files, unless a lab that runs has them mounted.
drop_stale() {
    local old
    for old in "$1"*; do
        [[ $old == "$2" ]] || grep -qF "$old" /proc/mounts || rm -rf "$old"
    done
}
