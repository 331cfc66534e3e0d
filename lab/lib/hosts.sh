# The lab's hosts: masters are booted containers over the base image, external ZooKeepers are plain processes.
# shellcheck shell=bash

write_keys() {
    ssh-keygen -q -t ed25519 -N '' -C "$NAME" -f "$LAB/id_ed25519"
    cat >"$LAB/ssh_config" <<EOF
Host *
    User centos
    IdentityFile $LAB/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile $LAB/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
EOF
    {
        cat <<EOF
# The lab '$NAME', as zkmig and Ansible read it. Commands reach it from its network: lab/lab exec -- COMMAND
all:
  vars:
    ansible_user: centos
    ansible_become: true
    ansible_port: 22
    ansible_ssh_private_key_file: $LAB/id_ed25519
    ansible_ssh_common_args: -o UserKnownHostsFile=$LAB/known_hosts -o IdentitiesOnly=yes
    zkmig_ssh_config: $LAB/ssh_config
  children:
    $([[ $KIND == zookeeper ]] && echo masters || echo "$KIND"):
      hosts:
EOF
        local address
        for address in "${MASTERS[@]}"; do
            printf '        %s:\n          ansible_host: %s\n' "$address" "$address"
        done
    } >"$LAB/inventory.yml"
}

hostname_of() { echo "ip-${1//./-}"; }

# prepare_host ADDRESS: a booted host's files, over the base image.
prepare_host() {
    local address=$1 home=$LAB/masters/$1 user
    mkdir -p "$home"/{root,upper,work}
    local etc=$home/upper/etc
    mkdir -p "$etc/ssh" "$home/upper/root/.ssh"
    chmod 700 "$home/upper/root" "$home/upper/root/.ssh"
    tr -d '\n-' </proc/sys/kernel/random/uuid >"$etc/machine-id"
    hostname_of "$address" >"$etc/hostname"
    cp "$LAB/hosts" "$etc/hosts"
    ssh-keygen -q -t ed25519 -N '' -C "$(hostname_of "$address")" -f "$etc/ssh/ssh_host_ed25519_key"
    echo "$address $(cut -d' ' -f1,2 "$etc/ssh/ssh_host_ed25519_key.pub")" >>"$LAB/known_hosts"
    for user in centos operator; do
        mkdir -p "$home/upper/home/$user/.ssh"
        cp "$LAB/id_ed25519.pub" "$home/upper/home/$user/.ssh/authorized_keys"
        chmod 700 "$home/upper/home/$user" "$home/upper/home/$user/.ssh"
        chmod 600 "$home/upper/home/$user/.ssh/authorized_keys"
        touch "$home/upper/home/$user/.hushlogin"
        chown -R "$(stat -c %u:%g "$BASE/home/$user")" "$home/upper/home/$user"
    done
    if [[ $KIND == zookeeper ]]; then write_master "$address"; else write_member "$address" "$home/upper"; fi
    mount -t overlay -o "lowerdir=$BASE,upperdir=$home/upper,workdir=$home/work" zkmig-lab "$home/root"
    [[ $KIND != zookeeper ]] ||
        mount -t overlay -o "lowerdir=$PACKAGE,upperdir=$home/opt/upper,workdir=$home/opt/work" zkmig-lab "$home/root/opt/mesosphere"
}

# write_master ADDRESS: what makes a host a master. /opt/mesosphere is a small filesystem of its own, so that it can be filled.
write_master() {
    local address=$1 home=$LAB/masters/$1 file
    local etc=$home/upper/etc
    mkdir -p "$home/opt" "$home/upper/opt/mesosphere" "$home/upper/var/lib/dcos/exhibitor" "$etc/systemd/system"
    printf 'DCOS=%s\nCHECK_MS=%s\nCONFIG_CHECK_MS=%s\nFOUR_LETTER_MS=%s\nLAYOUT=%s\n' \
        "$DCOS" "$CHECK_MS" "$CONFIG_CHECK_MS" "$FOUR_LETTER_MS" "$LAYOUT" >"$etc/zkmig-lab.conf"
    cp "$HERE/image/dcos-exhibitor-$DCOS.service" "$etc/systemd/system/dcos-exhibitor.service"
    chown "$EXHIBITOR_USER" "$home/upper/var/lib/dcos/exhibitor"
    [[ -z $WITH_SERVICES ]] || write_services "$home/upper"
    [[ -z $EXHIBITOR_TLS ]] || issue_certificates "$address" "$home/upper/var/lib/dcos/exhibitor-tls-artifacts"

    mount -t tmpfs -o size=16m,mode=755 zkmig-lab "$home/opt"
    mkdir -p "$home/opt/upper/packages/$SETUP/etc" "$home/opt/upper/etc" "$home/opt/work"
    cp -a "$LAB/etc/." "$home/opt/upper/packages/$SETUP/etc/"
    for file in "$LAB/etc"/*; do
        ln -s "/opt/mesosphere/packages/$SETUP/etc/${file##*/}" "$home/opt/upper/etc/"
    done
    printf 'LD_LIBRARY_PATH=/opt/mesosphere/lib\nPATH=/opt/mesosphere/bin:/usr/sbin:/usr/bin:/sbin:/bin\n' >"$home/opt/upper/environment"
}

boot_host() {
    local address=$1 bind=() directory
    if [[ $KIND == zookeeper ]]; then
        for directory in "$JAVA_DIR" /etc/java-*-openjdk; do
            [[ ! -d $directory ]] || bind+=(--bind-ro="$directory")
        done
    fi
    [[ ! -d $LAB/agents ]] || bind+=(--bind-ro="$LAB/agents:/var/lib/zkmig-lab/agents")
    [[ $BACKEND != shared_fs ]] || bind+=(--bind="$LAB/shared:/shared/exhibitor")
    # Who rebooted a host finds it booted again: with --keep-unit that is left to whom systemd-nspawn was started by, and 133 says so.
    # shellcheck disable=SC2016
    ROLE=masters start "$address" bash -c 'while systemd-nspawn "$@"; [ $? -eq 133 ]; do :; done' _ --register=no --keep-unit -q -D "$LAB/masters/$address/root" \
        --machine="$NAME-$(hostname_of "$address")" --hostname="$(hostname_of "$address")" \
        --network-namespace-path="/run/netns/$NAME-$address" --resolv-conf=off --timezone=off --link-journal=no \
        "${bind[@]}" --console=pipe -b
}

# Exhibitor is started when its storage answers, because one that finds none starts ZooKeeper alone and without an id.
start_exhibitor() {
    local address=$1
    until_true 60 in_master "$address" test -S /run/systemd/private 2>/dev/null ||
        fail "$address did not boot within 60 s" "Its console: $LAB/masters/$address/log"
    in_master "$address" systemctl enable --quiet --now --no-block dcos-exhibitor
}

boot_external() {
    local address=$1 home=$LAB/external/$1 lib=$PACKAGE/packages/$EXHIBITOR_PACKAGE/usr/zookeeper/lib i
    mkdir -p "$home/data" "$home/conf"
    {
        printf 'tickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2181\ndataDir=%s\nadmin.enableServer=false\n' "$home/data"
        echo '4lw.commands.whitelist=*'
        for i in "${!EXTERNAL[@]}"; do
            echo "server.$((i + 1))=${EXTERNAL[i]}:2888:3888"
            [[ ${EXTERNAL[i]} != "$address" ]] || echo $((i + 1)) >"$home/data/myid"
        done
    } >"$home/conf/zoo.cfg"
    printf 'log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\nlog4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%%d %%-5p [%%t] %%m%%n\n' \
        >"$home/conf/log4j.properties"
    ROLE=external start "$address" nsenter --net="/run/netns/$NAME-$address" -- "$JAVA_DIR/bin/java" \
        -Xmx64m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -cp "$home/conf:$lib/*" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$home/conf/zoo.cfg"
}

# become_client CLASS ARGUMENTS...: one of the lab's own ZooKeeper clients, in the lab's network, under the caller's own pid.
become_client() {
    local root=$PACKAGE/packages/$EXHIBITOR_PACKAGE/usr class=zkmig.lab.$1
    shift
    exec nsenter --net="/run/netns/$NAME" -- "$JAVA_DIR/bin/java" -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
        -cp "$root/exhibitor/exhibitor.jar" "$class" "$@"
}

client() { (become_client "$@"); }
