# Installs what is missing and builds, once, what all labs share: the masters' base image, ZooKeeper and the stand-in.
# shellcheck shell=bash

CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/zkmig-lab

install_missing() {
    local missing=() pair
    for pair in systemd-nspawn:systemd-container debootstrap:debootstrap ip:iproute2 ssh:openssh-client openssl:openssl \
        javac:default-jdk-headless pip3:python3-pip pgrep:procps; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [[ -e /usr/share/java/jna.jar ]] || missing+=(libjna-java)
    compgen -G '/usr/lib/*/jni/libjnidispatch*.so' >/dev/null || missing+=(libjna-jni)
    [[ $ZOOKEEPER != 3.8 || -e /usr/share/java/zookeeper.jar ]] || missing+=(libzookeeper-java)
    [[ $ZOOKEEPER == 3.4.* || -e /usr/share/java/slf4j-log4j12.jar ]] || missing+=(libslf4j-java)
    [[ $ZOOKEEPER == 3.4.* || -e /usr/share/java/log4j-1.2.jar ]] || missing+=(liblog4j1.2-java)
    # DC/OS brings a curl of its own, and its unit of 2.2 uses it.
    command -v curl >/dev/null || missing+=(curl)
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
    BASE=$CACHE/base-$codename-$(fingerprint "$HERE/lib/base.sh")
    PACKAGE=$CACHE/zookeeper-$ZOOKEEPER-$(fingerprint "$HERE"/lib/cache.sh "$HERE"/java/*.java "$HERE"/java/*/*.java "$HERE"/image/*)
    [[ -d $BASE ]] || build_base "$codename"
    if [[ $KIND == zookeeper ]]; then
        [[ -d $PACKAGE ]] || build_package
    else
        PACKAGE=
        build_member_base "$codename"
        [[ -z $NEXT_RELEASE ]] || fetch_next_etcd "$codename"
    fi
    touch "$BASE" ${PACKAGE:+"$PACKAGE"}
    # Shared from here on, so that no other lab drops a layer as stale before it is mounted.
    flock -s 8
}

release_cache() { exec 8>&-; }

# The layer of /opt/mesosphere: ZooKeeper of the asked version, the stand-in's jar, the scripts.
build_package() {
    local new=$PACKAGE.new
    rm -rf "$new"
    local root=$new/packages/$EXHIBITOR_PACKAGE/usr
    local lib=$root/zookeeper/lib
    mkdir -p "$lib" "$root/zookeeper/bin" "$root/exhibitor" "$new"/{bin,etc,lib,active}
    gather_jars "$lib"
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
    [[ $ZOOKEEPER != 3.4.* ]] || sources+=("$HERE"/java/client-3.4/*.java)
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

    # What every DC/OS has; how much is purged differs, and start_exhibitor.py adds it.
    local extra='tickTime=2000&initLimit=10&syncLimit=5&quorumListenOnAllIPs=true&maxClientCnxns=0'
    # From 3.5 on ZooKeeper answers Exhibitor's probes only where they are allowed, and opens a web port of its own.
    [[ $ZOOKEEPER == 3.4.* ]] || extra+='&4lw.commands.whitelist=*&admin.enableServer=false'
    echo "$extra" >"$root/zookeeper/zoo-cfg-extra"
    cp "$HERE/image/zkServer.sh" "$root/zookeeper/bin/"
    cp "$HERE/image/start_exhibitor.py" "$root/exhibitor/"
    mkdir -p "$new/packages/$EXHIBITOR_PACKAGE/bin"
    cp "$HERE/image/set_exhibitor_file_permissions.py" "$new/packages/$EXHIBITOR_PACKAGE/bin/"
    cp "$HERE/image/detect_ip" "$HERE/image/check-time" "$new/bin/"
    bring_curl "$new"
    ln -s "/opt/mesosphere/packages/$EXHIBITOR_PACKAGE" "$new/active/exhibitor"
    mkdir -p "$new/packages/java--17/usr"
    ln -s "$JAVA_DIR" "$new/packages/java--17/usr/java"
    ln -s /opt/mesosphere/packages/java--17 "$new/active/java"
    ln -s /opt/mesosphere/active/java/usr/java/bin/java "$new/bin/java"
    mv "$new" "$PACKAGE"
    drop_stale "$CACHE/zookeeper-$ZOOKEEPER-" "$PACKAGE"
}

# ZooKeeper's jars, and what they need, into a folder: from the distribution, or out of a Python package that carries them.
gather_jars() {
    case $ZOOKEEPER in
    3.8)
        copy_debian "$1" zookeeper zookeeper-jute slf4j-api slf4j-log4j12 log4j-1.2 metrics-core snappy-java commons-cli
        cp -L /usr/share/java/netty*.jar "$1/"
        ;;
    3.4.*) fetch_jars && cp "$CACHE/jars-$ZOOKEEPER"/*.jar "$1/" ;;
    *)
        # These packages carry another logging library, and the journal's appender is one of log4j 1.2.
        fetch_jars && cp "$CACHE/jars-$ZOOKEEPER"/*.jar "$1/" && copy_debian "$1" slf4j-api slf4j-log4j12 log4j-1.2
        ;;
    esac
}

# The release of pyspark that carries the asked version, and the jars in it.
fetch_jars() {
    [[ ! -d $CACHE/jars-$ZOOKEEPER ]] || return 0
    local release jars=()
    case $ZOOKEEPER in
    3.4.6) release=2.4.8 jars=(zookeeper-3.4.6 slf4j-api-1.7.16 slf4j-log4j12-1.7.16 log4j-1.2.17 netty-3.9.9.Final) ;;
    3.4.14) release=3.1.3 jars=(zookeeper-3.4.14 slf4j-api-1.7.30 slf4j-log4j12-1.7.30 log4j-1.2.17 netty-all-4.1.51.Final) ;;
    3.6) release=3.5.6 jars=(zookeeper-3.6.3 zookeeper-jute-3.6.3 'netty-*' 'metrics-core-*' 'snappy-java-*' 'commons-cli-*') ;;
    3.9) release=4.0.1 jars=(zookeeper-3.9.3 zookeeper-jute-3.9.3 'netty-*' 'metrics-core-*' 'snappy-java-*' 'commons-cli-*' 'commons-io-*') ;;
    esac
    say "fetching ZooKeeper $ZOOKEEPER, once (it comes within pyspark $release, a package of 210 to 430 MB)"
    local new=$CACHE/jars-$ZOOKEEPER.new
    rm -rf "$new"
    mkdir -p "$new/unpacked"
    # The old package's build asks for a pypandoc that no longer has what it uses.
    echo 'pypandoc<1.6' >"$new/constraints"
    PIP_CONSTRAINT=$new/constraints timeout 900 pip3 download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --dest "$new" "pyspark==$release" </dev/null >"$CACHE/pip.log" 2>&1 ||
        fail "pip could not fetch the package that carries ZooKeeper $ZOOKEEPER" "Its output is in $CACHE/pip.log; --zookeeper 3.8 needs no such package."
    jars=("${jars[@]/%/.jar}")
    tar -xzf "$new"/pyspark-*.tar.gz -C "$new/unpacked" --strip-components=3 --wildcards "${jars[@]/#/*/deps/jars/}" 2>"$CACHE/pip.log" ||
        fail "pyspark $release does not hold the jars of ZooKeeper $ZOOKEEPER" "What is missing: $CACHE/pip.log"
    mv "$new/unpacked" "$CACHE/jars-$ZOOKEEPER"
    rm -rf "$new"
}

copy_debian() { # copy_debian FOLDER JAR...
    local folder=$1 name
    shift
    for name in "$@"; do
        cp -L "/usr/share/java/$name.jar" "$folder/" ||
            fail "there is no /usr/share/java/$name.jar" "Install the packages libzookeeper-java, libslf4j-java and liblog4j1.2-java."
    done
}

# DC/OS brings a curl with libraries of its own, outside of everybody's path; so does a master of the lab.
bring_curl() { # bring_curl FOLDER
    mkdir -p "$1/lib/curl"
    cp "$(command -v curl)" "$1/lib/curl/"
    local library
    for library in $(ldd "$(command -v curl)" | awk '$3 ~ "^/" && $1 !~ "^(libc|libm|libdl|libpthread|libresolv)[.]so" {print $3}'); do
        cp -L "$library" "$1/lib/curl/"
    done
    printf '#!/bin/sh\nLD_LIBRARY_PATH=/opt/mesosphere/lib/curl exec /opt/mesosphere/lib/curl/curl "$@"\n' >"$1/bin/curl"
    chmod +x "$1/bin/curl"
}

# Layers of earlier versions of these files that nobody has used for a day: another checkout may be at such a version.
drop_stale() {
    local old
    touch "$2"
    for old in $(find "$CACHE" -maxdepth 1 -path "$1*" -mmin +1440); do
        grep -qF "$old" /proc/mounts || rm -rf "$old"
    done
}
