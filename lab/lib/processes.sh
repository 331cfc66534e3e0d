# What the lab starts, and how it is found and ended: by the control group that each process was put into at its start.
# shellcheck shell=bash

# The hierarchies in which a process's group can be recorded: one on a machine with cgroup v2, two on a hybrid one.
cgroup_roots() {
    local root
    for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [[ ! -e $root/cgroup.procs ]] || echo "$root"
    done
}

# start ADDRESS COMMAND...: in a session and a control group of its own; its pid is the one that this prints.
start() {
    local address=$1 root
    shift
    for root in $(cgroup_roots); do
        mkdir -p "$root/zkmig-lab/$NAME/$address" ||
            fail "no control group can be made under $root" "Inside another container, give that one the right to make them."
    done
    # shellcheck disable=SC2016
    setsid bash -c '
        address=$1; pid_file=$2; roots=$3; group=$4; shift 4
        for root in $roots; do echo $$ >"$root/$group/cgroup.procs"; done
        echo $$ >"$pid_file"
        exec "$@"' _ "$address" "$LAB/${ROLE:?}/$address/pid" "$(cgroup_roots | tr '\n' ' ')" "zkmig-lab/$NAME/$address" "$@" \
        </dev/null >"$LAB/$ROLE/$address/log" 2>&1 8>&- 9>&- &
    disown
}

lab_groups() { # deepest first
    local root
    for root in $(cgroup_roots); do
        [[ ! -d $root/zkmig-lab/$NAME ]] || find "$root/zkmig-lab/$NAME" -depth -type d
    done
}

lab_pids() {
    local group
    for group in $(lab_groups); do
        cat "$group/cgroup.procs" 2>/dev/null || true
    done | grep -v '^0$' | sort -un
}

none_left() {
    local pids
    pids=$(lab_pids)
    [[ -n $pids ]] || return 0
    # shellcheck disable=SC2086
    kill -KILL $pids 2>/dev/null || true
    return 1
}

down_processes() {
    until_true 20 none_left || fail "these processes of the lab do not end: $(lab_pids | tr '\n' ' ')" "Look at them with ps, then repeat the command."
    local group
    for group in $(lab_groups); do
        rmdir "$group" 2>/dev/null || true
    done
    for group in $(cgroup_roots); do
        rmdir "$group/zkmig-lab" 2>/dev/null || true
    done
}
