# Labs of other quorum systems: etcd and RabbitMQ, as the distribution packages them, in clusters whose members are fixed.
# shellcheck shell=bash

# The unit that runs the lab's service on each host.
unit_of_kind() {
    case $KIND in
    zookeeper) echo dcos-exhibitor ;;
    etcd) echo etcd ;;
    rabbitmq) echo rabbitmq-server ;;
    esac
}

# The member's own configuration, into the upper layer of its root.
write_member() { # write_member ADDRESS UPPER
    case $KIND in
    etcd) write_etcd "$@" ;;
    rabbitmq) write_rabbitmq "$@" ;;
    esac
}

write_etcd() {
    local address=$1 upper=$2 member cluster=
    for member in "${MASTERS[@]}"; do
        cluster+="${cluster:+,}$(hostname_of "$member")=http://$member:2380"
    done
    mkdir -p "$upper/etc/default"
    cat >"$upper/etc/default/etcd" <<EOF
ETCD_NAME=$(hostname_of "$address")
ETCD_LISTEN_PEER_URLS=http://$address:2380
ETCD_LISTEN_CLIENT_URLS=http://$address:2379,http://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=http://$address:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://$address:2380
ETCD_INITIAL_CLUSTER=$cluster
ETCD_INITIAL_CLUSTER_TOKEN=$NAME
ETCD_INITIAL_CLUSTER_STATE=new
EOF
    [[ -z $NEXT_RELEASE ]] || install -D -m 644 "$NEXT_PACKAGE" "$upper/var/cache/zkmig-lab/etcd-server-next.deb"
}

# The next release's etcd as a package, which a lab's host can't fetch for itself; kept in the cache.
fetch_next_etcd() { # fetch_next_etcd CODENAME: sets NEXT_PACKAGE
    local next sources=$CACHE/next log=$CACHE/next.log
    case $1 in
    bookworm) next=trixie ;;
    *) fail "--next-release: the lab knows no release behind $1 with another etcd" "It goes from bookworm to trixie." ;;
    esac
    NEXT_PACKAGE=$CACHE/etcd-server-$next.deb
    [[ ! -f $NEXT_PACKAGE ]] || return 0
    say "fetching etcd-server of $next, once"
    rm -rf "$sources"
    mkdir -p "$sources"/{lists,archives}/partial
    sed -nE "s/^deb ([^ ]+) $1 main$/deb \\1 $next main/p" "$BASE/etc/apt/sources.list" >"$sources/list"
    local options=(-o "Dir::Etc::SourceList=$sources/list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$sources/lists"
        -o "Dir::Cache::Archives=$sources/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root
        -o "Dir::Etc::TrustedParts=$BASE/etc/apt/trusted.gpg.d" -o Acquire::Languages=none)
    {
        timeout 300 apt-get "${options[@]}" update && (cd "$sources" && timeout 300 apt-get "${options[@]}" download etcd-server) &&
            mv "$sources"/etcd-server_*.deb "$NEXT_PACKAGE"
    } </dev/null >"$log" 2>&1 || fail "--next-release: etcd-server of $next could not be fetched" "apt-get's output is in $log; without --next-release the lab needs no such package."
    rm -rf "$sources"
}

write_rabbitmq() {
    local upper=$2 member number=0 owner
    owner=$(stat -c %u:%g "$BASE/var/lib/rabbitmq")
    mkdir -p "$upper/etc/rabbitmq" "$upper/var/lib/rabbitmq"
    chown "$owner" "$upper/var/lib/rabbitmq"
    {
        echo 'cluster_formation.peer_discovery_backend = classic_config'
        for member in "${MASTERS[@]}"; do
            number=$((number + 1))
            echo "cluster_formation.classic_config.nodes.$number = rabbit@$(hostname_of "$member")"
        done
        # Clients of the lab's network come as guest; a partition's smaller side stands still.
        echo 'loopback_users = none'
        echo 'cluster_partition_handling = pause_minority'
        echo 'disk_free_limit.absolute = 50MB'
    } >"$upper/etc/rabbitmq/rabbitmq.conf"
    # One scheduler that does not spin: five members share the machine.
    echo 'SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"' >"$upper/etc/rabbitmq/rabbitmq-env.conf"
    printf 'ZKMIGLAB%s' "${NAME//[^a-z0-9]/}" | tr a-z A-Z >"$upper/var/lib/rabbitmq/.erlang.cookie"
    chown "$owner" "$upper/var/lib/rabbitmq/.erlang.cookie"
    chmod 400 "$upper/var/lib/rabbitmq/.erlang.cookie"
}

# The kind's client, for "lab/lab exec".
bring_client() {
    [[ $KIND == etcd ]] || return 0
    mkdir -p "$LAB/bin"
    cp "$BASE/usr/bin/etcdctl" "$LAB/bin/"
}

etcdctl() { # etcdctl ADDRESS WORDS...
    ETCDCTL_API=3 in_lab timeout 5 "$LAB/bin/etcdctl" --endpoints "http://$1:2379" --dial-timeout 2s --command-timeout 4s "${@:2}" 2>/dev/null
}

# member_state ADDRESS: "leader 3.4.23", "follower 3.4.23", "running 3.10.8", or nothing where it does not serve.
member_state() {
    local answer
    case $KIND in
    etcd)
        answer=$(etcdctl "$1" endpoint status -w fields) || return 0
        awk -F' : ' '{gsub(/"/, "")} $1 == "MemberID" {me = $2} $1 == "Leader" {leader = $2} $1 == "Version" {version = $2}
            END {if (leader != 0) print (me == leader ? "leader" : "follower"), version}' <<<"$answer"
        ;;
    rabbitmq)
        [[ $(in_master "$1" systemctl is-active rabbitmq-server 2>/dev/null) == active ]] || return 0
        # The first frame of a connection tells the version: type, channel, length, and that many bytes.
        # shellcheck disable=SC2016
        answer=$(in_lab timeout 3 bash -c '
            exec 3<>"/dev/tcp/$1/5672" && printf "AMQP\0\0\x9\x1" >&3 &&
                length=$(head -c 7 <&3 | od -An -j3 -tu4 --endian=big) && head -c "$((length))" <&3 | tr "\0" " "' _ "$1" 2>/dev/null) || return 0
        sed -nE 's/.*versionS[^0-9]*([0-9]+\.[0-9]+\.[0-9]+).*/running \1/p' <<<"$answer" | head -n 1
        ;;
    esac
}

# Every member serves, and they are one cluster.
members_serve() {
    local address state leaders=0
    for address in "${MASTERS[@]}"; do
        state=$(member_state "$address")
        [[ -n $state ]] && takes_logins "$address" || return 1
        [[ $state != leader* ]] || leaders=$((leaders + 1))
    done
    case $KIND in
    etcd) ((leaders == 1)) ;;
    rabbitmq)
        in_master "${MASTERS[0]}" rabbitmqctl --quiet eval 'io:format("~b", [length(mnesia:system_info(running_db_nodes))]).' 2>/dev/null |
            grep -q "^${#MASTERS[@]}"
        ;;
    esac
}

member_status() {
    local address state
    printf '%-14s %-10s %s\n' ADDRESS STATE VERSION
    for address in "${MASTERS[@]}"; do
        state=$(member_state "$address")
        printf '%-14s %-10s %s\n' "$address" "${state%% *}" "${state#* }" | sed -E 's/^([^ ]+ +)  +$/\1down/'
    done
}
