# Faults that a cluster really meets, laid on one host, and their undoing.
# shellcheck shell=bash

readonly LEAK_SCOPE=zookeeper-by-hand.scope
readonly SUDOERS=/etc/sudoers.d/lab
# Below /run, as what an operator's tool or another package lays there for the time being.
readonly BROKEN_UNIT=/run/systemd/system/dcos-exhibitor.service.d/lab-broken.conf

need_host() { # any host of the lab; only some faults suit an external ZooKeeper
    local address
    for address in "${MASTERS[@]}"; do
        [[ $address != "$1" ]] || return 0
    done
    [[ -d $LAB/external/$1 ]] || fail "'$1' is no host of the lab '$NAME'" "Its masters: ${MASTERS[*]}; its external ZooKeepers: $(external_hosts); its agents: $(ls "$LAB/agents" 2>/dev/null | tr '\n' ' ')"
}

external_hosts() {
    local home
    for home in "$LAB"/external/*/; do
        [[ ! -d $home ]] || printf '%s ' "$(basename "$home")"
    done
}

is_external() { [[ -d $LAB/external/$1 ]]; }

zookeeper_pid() { in_master "$1" cat /var/lib/dcos/exhibitor/zk.pid; }

command_fault() {
    load_lab
    [[ $# == 2 ]] || fail "fault needs a kind and a host" "See: lab/lab help"
    lock_lab
    local kind=$1 host=$2
    if [[ -e $LAB/agents/$host ]]; then
        fault_agent "$kind" "$host"
        return
    fi
    need_host "$host"
    if is_external "$host" && [[ ! $kind =~ ^(cut|heal|kill-zk)$ ]]; then
        fail "the fault '$kind' needs a master, and $host is an external ZooKeeper" "Such a host takes cut, kill-zk and heal."
    fi
    if [[ $KIND != zookeeper && ! $kind =~ ^(cut|hang-sshd|refuse-sshd|no-sudo|vacuum-journal|kill-server|heal)$ ]]; then
        fail "the fault '$kind' needs a master, and '$NAME' is a lab of $KIND" "Its hosts take cut, hang-sshd, refuse-sshd, no-sudo, vacuum-journal, kill-server and heal."
    fi
    case $kind in
    leak) fault_leak "$host" ;;
    already-running) fault_already_running "$host" ;;
    extras) echo "EXHIBITOR_STATICENSEMBLE=$(ensemble_of)" | in_master "$host" tee /opt/mesosphere/etc/exhibitor-extras >/dev/null ;;
    cut) ip -n "$NAME" link set "v${host##*.}" down ;;
    # Not their shells: a sudo whose child was stopped stops itself once more when it is let go on.
    hang-sshd) in_master "$host" pkill -STOP -x sshd ;;
    kill-server) in_master "$host" systemctl kill --signal=KILL "$(unit_of_kind)" ;;
    kill-zk) fault_kill_zk "$host" ;;
    kill-exhibitor) fault_kill_exhibitor "$host" ;;
    disk-full) fault_disk_full "$host" ;;
    refuse-sshd) fault_refuse_sshd "$host" ;;
    no-sudo) in_master "$host" sed -i '/^centos /d' "$SUDOERS" ;;
    broken-unit) fault_broken_unit "$host" ;;
    manage-instances) in_master "$host" bash -c 'mkdir -p /run/zkmig-lab && touch /run/zkmig-lab/manage-now && chown -R dcos_exhibitor /run/zkmig-lab' ;;
    new-leader) fault_new_leader "$host" ;;
    vacuum-journal) in_master "$host" bash -c 'journalctl --rotate --quiet && journalctl --vacuum-time=1us --quiet' ;;
    heal) heal "$host" ;;
    *) fail "unknown fault: $kind" "See: lab/lab help" ;;
    esac
}

# An agent that Mesos has lost, and one that has come back.
fault_agent() {
    case $1 in
    agent-gone) echo gone >"$LAB/agents/$2" ;;
    heal) echo active >"$LAB/agents/$2" ;;
    *) fail "the fault '$1' needs a host, and $2 is an agent of Mesos" "Agents take agent-gone and heal." ;;
    esac
}

# ZooKeeper outlives a restart of the unit, as one that was started by hand does: systemd ends only the unit's own group.
fault_leak() {
    ! leaked "$1" || return 0
    local pid
    if ! pid=$(zookeeper_pid "$1") || ! in_master "$1" kill -0 "$pid"; then
        fail "no ZooKeeper runs on $1"
    fi
    in_master "$1" busctl --quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
        StartTransientUnit 'ssa(sv)a(sa(sv))' "$LEAK_SCOPE" fail 1 PIDs au 1 "$pid" 0 >/dev/null
    until_true 5 leaked "$1" || fail "ZooKeeper did not leave the unit on $1"
}

leaked() {
    local pid
    # shellcheck disable=SC2016
    pid=$(zookeeper_pid "$1") && in_master "$1" grep -qs "$LEAK_SCOPE" "/proc/$pid/cgroup"
}

# It also hides from jps, and the next Exhibitor's first check misses it: the files are written anew, and nothing starts.
fault_already_running() {
    fault_leak "$1"
    local pid exhibitor
    pid=$(zookeeper_pid "$1")
    exhibitor=$(in_master "$1" systemctl show -p MainPID --value dcos-exhibitor)
    # shellcheck disable=SC2016
    in_master "$1" bash -c '
        rm -f "/tmp/hsperfdata_dcos_exhibitor/$1"
        mkdir -p /run/zkmig-lab
        echo "$2" >/run/zkmig-lab/hang-once
        chown -R dcos_exhibitor /run/zkmig-lab' _ "$pid" "$exhibitor"
}

fault_kill_zk() {
    if is_external "$1"; then
        kill -KILL "$(<"$LAB/external/$1/pid")" 2>/dev/null || fail "no ZooKeeper runs on $1"
    else
        in_master "$1" kill -KILL "$(zookeeper_pid "$1")" || fail "no ZooKeeper runs on $1"
    fi
}

fault_kill_exhibitor() {
    local pid
    pid=$(in_master "$1" systemctl show -p MainPID --value dcos-exhibitor)
    [[ $pid != 0 ]] || fail "no Exhibitor runs on $1"
    in_master "$1" kill -KILL "$pid"
}

# Fills the filesystem under /opt/mesosphere, from outside of what the master sees.
fault_disk_full() {
    dd if=/dev/zero of="$LAB/masters/$1/opt/filler" bs=4k status=none 2>/dev/null || true
    [[ -s $LAB/masters/$1/opt/filler ]] || fail "the filesystem of $1 could not be filled"
}

# Connections are refused, and those that stood have ended, as after a crash of sshd: its unit alone keeps its sessions.
fault_refuse_sshd() {
    in_master "$1" bash -c 'systemctl stop ssh && { pkill -KILL -x sshd || true; }'
    until_true 5 refuses_logins "$1" || fail "sshd on $1 still takes connections"
}

# shellcheck disable=SC2016
refuses_logins() { ! in_lab timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/22"' _ "$1" 2>/dev/null; }

fault_broken_unit() {
    # shellcheck disable=SC2016
    in_master "$1" bash -c '
        mkdir -p "${1%/*}"
        printf "[Service]\nExecStartPre=/bin/false\n" >"$1"
        systemctl daemon-reload' _ "$BROKEN_UNIT"
}

# The leader stands still and loses its followers, so that these elect another; then it goes on, and follows. Exhibitor's
# next checks take three seconds to notice a server that stands still, and an election less than two.
fault_new_leader() {
    [[ $(mode_of "$1") == leader ]] || fail "$1 does not lead, so nobody else can take over from it" "Who leads: lab/lab status$NAME_HINT"
    ((${#MASTERS[@]} > 1)) || fail "one master has nobody to hand over to"
    local pid
    pid=$(zookeeper_pid "$1")
    in_master "$1" kill -STOP "$pid"
    # Their reads would take syncLimit ticks, ten seconds, to give up.
    in_master "$1" ss -K sport = :2888 >/dev/null 2>&1 || true
    until_true 20 another_leads "$1" || {
        in_master "$1" kill -CONT "$pid" || true
        fail "no other master took over from $1 within 20 s"
    }
    # A real Exhibitor may have ended it meanwhile.
    in_master "$1" kill -CONT "$pid" 2>/dev/null || true
}

another_leads() {
    local address
    for address in "${MASTERS[@]}"; do
        [[ $address == "$1" || $(mode_of "$address") != leader ]] || return 0
    done
    return 1
}

heal() {
    ip -n "$NAME" link set "v${1##*.}" up
    if is_external "$1"; then
        kill -0 "$(<"$LAB/external/$1/pid")" 2>/dev/null || boot_external "$1"
        return
    fi
    rm -f "$LAB/masters/$1/opt/filler"
    # shellcheck disable=SC2016
    in_master "$1" bash -c '
        pkill -CONT -x sshd
        systemctl start ssh
        rm -f /opt/mesosphere/etc/exhibitor-extras /run/zkmig-lab/{hang-once,manage-now}
        cat >"$1.new" && chmod 440 "$1.new" && mv "$1.new" "$1"
        if [[ -e $2 ]]; then
            rm "$2"
            systemctl daemon-reload
            systemctl start --no-block dcos-exhibitor
        fi' _ "$SUDOERS" "$BROKEN_UNIT" <"$BASE$SUDOERS"
    ! leaked "$1" || heal_leak "$1"
}

# Back into the unit's group; but a server that jps cannot see is ended, for nothing brings it back into jps's sight.
heal_leak() {
    # shellcheck disable=SC2016
    in_master "$1" bash -c '
        if [[ ! -e /tmp/hsperfdata_dcos_exhibitor/$1 ]]; then
            kill -KILL "$1"
            exit
        fi
        for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
            group=$root/system.slice/dcos-exhibitor.service
            [[ ! -e $group/cgroup.procs ]] || echo "$1" >"$group/cgroup.procs"
        done' _ "$(zookeeper_pid "$1")"
}

# The starting state again, without a boot: files, ids, data, journal. Faults are healed first.
command_reset() {
    load_lab
    needs_masters "a reset"
    lock_lab
    local address began=$EPOCHREALTIME
    for address in $(external_hosts); do
        heal "$address"
    done
    for address in "${MASTERS[@]}"; do
        heal "$address" &
    done
    wait
    [[ -z $WITH_SERVICES ]] || write_agents
    for address in "${MASTERS[@]}"; do
        stop_services "$address"
    done
    for address in "${MASTERS[@]}"; do
        reset_master "$address" &
    done
    wait
    if [[ $BACKEND == shared_fs ]]; then
        stored_config >"$LAB/shared/exhibitor.properties"
        chown -R 900 "$LAB/shared"
    elif [[ $BACKEND == zk ]]; then
        client Seed "$(connect_of "${EXTERNAL[@]}")" /configs/config "$LAB/stored-config" 60 >"$LAB/seed.log" 2>&1 ||
            fail "the external ensemble does not serve" "Its logs: $LAB/external/*/log and $LAB/seed.log"
    fi
    for address in "${MASTERS[@]}"; do
        in_master "$address" systemctl start --no-block dcos-exhibitor
    done
    wait_serving $((120 + 3 * CHECK_MS / 1000))
    [[ -z $WITH_SERVICES ]] || start_services
    say "the lab '$NAME' is back at its start after $(seconds_since "$began") s"
}

reset_master() {
    # shellcheck disable=SC2016
    tar -C "$LAB/etc" -cf - . | in_master "$1" bash -c '
        etc=/opt/mesosphere/packages/$1/etc
        for drop_ins in /etc/systemd/system/dcos-exhibitor.service.d /run/systemd/system/dcos-exhibitor.service.d; do
            [[ ! -d $drop_ins ]] || { rm -rf "$drop_ins"; systemctl daemon-reload; }
        done
        timeout 30 systemctl stop dcos-exhibitor
        systemctl stop "$2" 2>/dev/null
        systemctl reset-failed 2>/dev/null
        [[ ! -e /var/lib/dcos/exhibitor/zk.pid ]] || kill -KILL "$(</var/lib/dcos/exhibitor/zk.pid)" 2>/dev/null
        find /var/lib/dcos/exhibitor -mindepth 1 -delete
        find /opt/mesosphere/etc "$etc" -mindepth 1 -delete
        tar -C "$etc" -xpf -
        for file in "$etc"/*; do
            ln -s "$file" /opt/mesosphere/etc/
        done
        rm -rf /var/lib/dcos/zkmig-backup
        find /var/lib/zkmig /var/backups/zkmig /var/tmp /tmp /root /home/centos /home/operator -mindepth 1 -maxdepth 1 \
            ! -name ".ssh" ! -name ".hushlogin" ! -name ".bash*" ! -name ".profile" ! -name "hsperfdata_*" \
            -exec rm -rf {} + 2>/dev/null
        journalctl --rotate --quiet; journalctl --vacuum-time=1us --quiet 2>/dev/null
        true' _ "$SETUP" "$LEAK_SCOPE"
}
