# The life of a lab: up, status, down, and the ways into it.
# shellcheck shell=bash

command_up() {
    read_up_options "$@"
    lock_lab
    if [[ -e $LAB ]]; then
        [[ ! -e $LAB/ready ]] || [[ -n $(dead_masters) ]] ||
            fail "the lab '$NAME' is up already" "End it first with: lab/lab down$NAME_HINT"
        say "cleaning what is left of an earlier lab '$NAME'"
        take_down
    fi
    [[ -z $(lab_namespaces) ]] || fail "there is a network namespace '$NAME' that no lab made" "Take another name with --name."
    build_cache

    local began=$EPOCHREALTIME address
    mkdir -p "$LAB"
    mount -t tmpfs -o size=6g,mode=755 zkmig-lab "$LAB"
    trap 'say "the boot failed; remove what it left with: lab/lab down$NAME_HINT"' EXIT
    {
        declare -p KIND MASTERS IDS ZOOKEEPER DCOS BACKEND CHECK_MS CONFIG_CHECK_MS FOUR_LETTER_MS LAYOUT EXHIBITOR_PASSWORD EXHIBITOR_TLS WITH_SERVICES STORED NEXT_RELEASE BASE PACKAGE JAVA_DIR | sed "s,^declare ,&-g ,"
    } >"$LAB/lab.conf"
    local external=("${EXTERNAL[@]}")
    # Only this backend keeps anything there.
    [[ $KIND == zookeeper && $BACKEND == zk ]] || external=()
    {
        printf '127.0.0.1 localhost\n%s operator\n' "$OPERATOR_ADDRESS"
        for address in "${MASTERS[@]}" "${EXTERNAL[@]}"; do
            printf '%s %s\n' "$address" "$(hostname_of "$address")"
        done
    } >"$LAB/hosts"
    write_keys
    up_net "${MASTERS[@]}" "${external[@]}"
    if [[ $KIND == zookeeper ]]; then
        up_masters "${external[@]}"
        say "the lab '$NAME' serves after $(seconds_since "$began") s: ${#MASTERS[@]} masters, ZooKeeper $ZOOKEEPER, backend $BACKEND, as DC/OS $DCOS"
    else
        up_members
        say "the lab '$NAME' serves after $(seconds_since "$began") s: ${#MASTERS[@]} members of $KIND"
    fi
    touch "$LAB/ready"
    trap - EXIT
    command_inventory
}

up_masters() { # up_masters EXTERNAL...
    local address
    write_etc
    [[ -z $WITH_SERVICES ]] || write_agents
    [[ -z $EXHIBITOR_TLS ]] || make_authority
    for address in "$@"; do
        boot_external "$address"
    done
    if [[ $BACKEND == shared_fs ]]; then
        mkdir -p "$LAB/shared"
        stored_config >"$LAB/shared/exhibitor.properties"
        chown -R "$EXHIBITOR_USER" "$LAB/shared"
    fi
    for address in "${MASTERS[@]}"; do
        prepare_host "$address"
        boot_host "$address"
    done
    release_cache
    if [[ $BACKEND == zk ]]; then
        stored_config >"$LAB/stored-config"
        client Seed "$(connect_of "$@")" /configs/config "$LAB/stored-config" 60 >"$LAB/seed.log" 2>&1 ||
            fail "the external ensemble does not serve" "Its logs: $LAB/external/*/log and $LAB/seed.log"
    fi
    for address in "${MASTERS[@]}"; do
        start_exhibitor "$address"
    done
    # The first check comes after one or two periods, and the next one at the latest sees it serve.
    wait_serving $((120 + 3 * CHECK_MS / 1000))
    [[ -z $WITH_SERVICES ]] || start_services
}

up_members() {
    local address
    bring_client
    for address in "${MASTERS[@]}"; do
        prepare_host "$address"
        boot_host "$address"
    done
    release_cache
    # RabbitMQ takes half a minute on a machine of its own, and many times as long on one with other labs.
    local patience=120
    [[ $KIND != rabbitmq ]] || patience=540
    until_true "$patience" members_serve || {
        member_status >&2 || true
        fail "the members of $KIND do not serve within $patience s" "Look with: lab/lab ssh$NAME_HINT ${MASTERS[0]} sudo journalctl -u $(unit_of_kind)"
    }
}

# needs_masters WHAT: for what only a lab of masters has.
needs_masters() { [[ $KIND == zookeeper ]] || fail "$1 needs a lab of masters, and '$NAME' is one of $KIND"; }

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.1f", b - a}'; }

dead_masters() {
    (
        load_lab
        for address in "${MASTERS[@]}"; do
            [[ -n $(init_of "$address") ]] || echo "$address"
        done
    ) 2>/dev/null || true
}

mode_of() { ask "$1" srvr | sed -n 's/^Mode: //p'; }

all_serve() {
    local address leaders=0 mode
    for address in "${MASTERS[@]}"; do
        mode=$(mode_of "$address") || return 1
        case $mode in
        leader | standalone) leaders=$((leaders + 1)) ;;
        follower) ;;
        *) return 1 ;;
        esac
        takes_logins "$address" || return 1
    done
    ((leaders == 1))
}

# shellcheck disable=SC2016
takes_logins() {
    in_lab timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/22" && read -r line <&3 && [[ $line == SSH-* ]]' _ "$1" 2>/dev/null
}

wait_serving() {
    until_true "$1" all_serve || {
        command_status >&2 || true
        fail "the masters do not serve within $1 s" "Look with: lab/lab ssh$NAME_HINT ${MASTERS[0]} sudo journalctl -u dcos-exhibitor"
    }
}

command_status() {
    load_lab
    [[ $KIND == zookeeper ]] || { member_status; return; }
    local address mode id file
    printf '%-14s %-4s %-12s %-10s %s\n' ADDRESS ID MODE BACKEND ENSEMBLE
    for address in "${MASTERS[@]}"; do
        mode=$(mode_of "$address" || true)
        id=$(ask "$address" conf | sed -n 's/^serverId=//p' || true)
        if [[ -z $mode ]]; then
            mode=$([[ $(ask "$address" ruok) != imok ]] && echo down || echo "not serving")
            # A server that does not serve keeps its id to itself, but its log lines carry it.
            [[ $mode == down ]] || id=$(logged_id "$address")
        fi
        file=$(in_master "$address" cat /opt/mesosphere/etc/exhibitor 2>/dev/null || true)
        printf '%-14s %-4s %-12s %-10s %s\n' "$address" "${id:--}" "$mode" \
            "$(sed -n 's/^EXHIBITOR_BACKEND=//p' <<<"$file")" \
            "$(sed -nE 's/^(EXHIBITOR_STATICENSEMBLE|ZK_CONFIG_CONNECT|EXHIBITOR_FSCONFIGDIR)=//p' <<<"$file" | head -n 1)"
    done
}

logged_id() {
    # shellcheck disable=SC2016
    in_master "$1" bash -c '
        pid=$(</var/lib/dcos/exhibitor/zk.pid) &&
        timeout 5 journalctl -u dcos-exhibitor "_PID=$pid" -o json --output-fields=LOG4J_MDC_MYID -n 20' 2>/dev/null |
        sed -n 's/.*"LOG4J_MDC_MYID":"\([0-9]*\)".*/\1/p' | tail -n 1 || true
}

command_inventory() {
    [[ -f $LAB/inventory.yml ]] || load_lab
    echo "$LAB/inventory.yml"
}

command_exec() {
    load_lab
    [[ ${1-} != -- ]] || shift
    [[ $# -gt 0 ]] || fail "exec needs a command" "For example: lab/lab exec -- ping -c 1 ${MASTERS[0]}"
    [[ ! -d $LAB/bin ]] || PATH=$LAB/bin:$PATH
    exec nsenter --net="/run/netns/$NAME" -- "$@"
}

command_ssh() {
    load_lab
    [[ $# -gt 0 ]] || fail "ssh needs a host" "The masters: ${MASTERS[*]}"
    need_master "$1"
    exec nsenter --net="/run/netns/$NAME" -- ssh -F "$LAB/ssh_config" "$@"
}

command_watch() {
    local mode='write' file='' sessions=''
    while [[ $# -gt 0 ]]; do
        [[ $# -ge 2 ]] || fail "$1 needs a value" "See: lab/lab help"
        case $1 in
        --out) mode='write' file=$2 ;;
        --verify) mode='verify' file=$2 ;;
        --sessions)
            [[ $2 =~ ^[1-9][0-9]?$ ]] || fail "--sessions is a number from 1 to 99, not '$2'"
            sessions=$2
            ;;
        *) fail "watch knows no option $1" "See: lab/lab help" ;;
        esac
        shift 2
    done
    [[ -n $file ]] || fail "watch needs --out FILE or --verify FILE"
    [[ $mode == write || -f $file ]] || fail "there is no file $file"
    load_lab
    needs_masters "a watch"
    # In the lab's group, so that one that is forgotten ends with the lab.
    local root
    for root in $(cgroup_roots); do
        mkdir -p "$root/zkmig-lab/$NAME/watch"
        echo $$ >"$root/zkmig-lab/$NAME/watch/cgroup.procs"
    done
    become_client Watch "$mode" "$(connect_of "${MASTERS[@]}")" "$file" "${sessions:-$((2 * ${#MASTERS[@]}))}"
}

# What a lab made is found by its name, not by what its boot got to note, so that this works after any crash.
take_down() {
    down_processes
    local mounted
    for mounted in $(awk '{print $5}' /proc/self/mountinfo | grep -E "^$LAB(/|\$)" | tac); do
        umount "$mounted" 2>/dev/null || umount -l "$mounted" || fail "cannot unmount $mounted" "Leave that folder in every shell, then repeat the command."
    done
    down_net || fail "cannot remove the network namespaces of '$NAME'"
    rm -rf "$LAB"
}

command_down() {
    lock_lab
    if [[ ! -e $LAB && -z $(lab_namespaces) && -z $(lab_groups) ]]; then
        say "there is no lab '$NAME'"
    else
        take_down
        say "the lab '$NAME' is gone"
    fi
    rm -f "$RUN/$NAME.lock"
    rmdir "$RUN" 2>/dev/null || true
}
