# Words that every part of the lab uses: messages, deadlines, names and addresses.
# shellcheck shell=bash

# Masters in the inventory's order, and the ids that they run with before a migration.
readonly ALL_MASTERS=(10.10.0.193 10.10.0.122 10.10.0.203 10.10.0.104 10.10.0.169 10.10.0.20 10.10.0.9 10.10.0.31 10.10.0.57)
readonly ALL_IDS=(1 4 2 5 3 7 6 9 8)
readonly EXTERNAL=(10.10.0.249 10.10.0.79 10.10.0.125)
readonly OPERATOR_ADDRESS=10.10.0.1
readonly OPERATOR_PASSWORD=rehearsal
# The user and group that Exhibitor runs as.
readonly EXHIBITOR_USER=900:900
readonly SETUP=dcos-config--setup_1b0f8a6e5f0f4cf5b0a0f7f7c0a1d6a5e9d3c2b1
readonly EXHIBITOR_PACKAGE=exhibitor--dbd1a61e0f16f9e71131ab347f35102035275672
readonly RUN=/run/zkmig-lab

say() { printf 'lab: %s\n' "$*" >&2; }

# fail WHAT [NEXT]: what failed, and what the user can do next.
fail() {
    printf 'lab: %s\n' "$1" >&2
    [[ $# -lt 2 ]] || printf '     %s\n' "$2" >&2
    exit 1
}

# until_true SECONDS COMMAND...: repeats the command until it succeeds; false at the deadline.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

use_lab() {
    [[ $NAME =~ ^[a-z][a-z0-9-]{0,30}$ ]] ||
        fail "the name '$NAME' cannot be used" "Take small letters, digits and '-', beginning with a letter."
    LAB=$RUN/$NAME
}

# A second command that changes the same lab waits for the first. "down" removes the file, so one that waited looks
# whether what it holds is still the file of that name.
lock_lab() {
    while true; do
        mkdir -p "$RUN"
        exec 9>"$RUN/$NAME.lock"
        flock -w 180 9 || fail "another command has held the lab '$NAME' for 180 s" "Wait for it, or end it."
        [[ ! "$RUN/$NAME.lock" -ef /proc/$$/fd/9 ]] || return 0
    done
}

# Reads a running lab's settings: MASTERS, IDS, BACKEND, ZOOKEEPER, CHECK_MS, LAYOUT.
load_lab() {
    [[ -f $LAB/lab.conf ]] || fail "there is no lab '$NAME'" "Boot it with: lab/lab up${NAME_HINT}"
    # shellcheck source=/dev/null
    source "$LAB/lab.conf"
}

need_master() {
    local address
    for address in "${MASTERS[@]}"; do
        [[ $address != "$1" ]] || return 0
    done
    fail "'$1' is no master of the lab '$NAME'" "Its masters: ${MASTERS[*]}"
}

in_lab() { nsenter --net="/run/netns/$NAME" -- "$@"; }

# The pid, seen from outside, of a master's first process: a child of its systemd-nspawn, which is one of what boots it.
init_of() {
    local spawn
    spawn=$(pgrep -P "$(<"$LAB/masters/$1/pid")" -o 2>/dev/null) && pgrep -P "$spawn" -o 2>/dev/null
}

# in_master ADDRESS COMMAND...: runs as root inside a master, without its sshd.
in_master() {
    local init
    init=$(init_of "$1") || return 1
    shift
    timeout 90 nsenter -t "$init" -m -u -i -n -p -r -w -- "$@"
}

ensemble_of() { # ensemble_of: the ensemble that the lab started with, in the inventory's order
    local i list=
    for i in "${!MASTERS[@]}"; do
        list+="${list:+,}${IDS[i]}:${MASTERS[i]}"
    done
    echo "$list"
}

connect_of() { # connect_of ADDRESS...: a ZooKeeper client's connect string
    local list
    list=$(printf '%s:2181,' "$@")
    echo "${list%,}"
}

# ask ADDRESS WORD: a four-letter word's answer, from the lab's network; fails where nobody answers.
ask() {
    # shellcheck disable=SC2016
    in_lab timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/2181" && printf %s "$2" >&3 && cat <&3' _ "$1" "$2" 2>/dev/null
}
