# What the lab tests share: a lab, runs on it, and what has to hold after them. Sourced with the playbook's path in
# `playbook`; ends with `run_cases CASE…`, whose last line is "lab: N passed, N failed".
# shellcheck shell=bash

root=$PWD
zkmig=${ZKMIG:-$root/target/release/zkmig}
work=$(mktemp -d)
name=${LAB_NAME:-zktest}
passed=0 failed=0 current=
# The records of these runs are not the operator's.
export XDG_STATE_HOME=$work/state

lab() { "$root/lab/lab" "$1" --name "$name" "${@:2}"; }

cleanup() {
    lab down >"$work/down.log" 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

ok() { passed=$((passed + 1)); echo "ok: $current: $1"; }
bad() {
    failed=$((failed + 1))
    echo "FAILED: $current: $1"
    if [ -f "$work/run.log" ]; then tail -n "${2:-60}" "$work/run.log"; fi
}
# expect NAME COMMAND…: one thing that has to hold.
expect() {
    local what=$1
    shift
    if "$@" >"$work/expect.log" 2>&1; then ok "$what"; else bad "$what"; tail -n 20 "$work/expect.log"; fi
}

up() { lab up --check-ms 1000 "$@" >"$work/up.log" 2>&1 || { cat "$work/up.log"; bad "the lab boots"; return 1; }; }
down() { lab down >"$work/down.log" 2>&1 || { cat "$work/down.log"; bad "the lab ends"; }; }

# What the bundled playbooks are told of this lab's timing. A restart that is over within a second or two may be quicker than a
# leader that has to notice that its quorum is gone: then another one may be elected than in a cluster with Exhibitor's timing.
timing=()
set_timing() {
    timing=()
    [[ $playbook != playbooks/* ]] || timing=(-e forward_after=20)
}

# run EXPECTED_STATUS ARGUMENT…: runs the playbook; its output is in run.log.
run() {
    local want=$1 got=0
    shift
    set_timing
    lab exec -- "$zkmig" run "$playbook" -i "$(lab inventory)" --yes "${timing[@]}" "$@" >"$work/run.log" 2>&1 || got=$?
    if [ "$got" -eq "$want" ]; then ok "exit code $want (run $*)"; else bad "exit code $got instead of $want (run $*)"; fi
}
says() { if grep -qE -- "$1" "$work/run.log"; then ok "says \"$1\""; else bad "does not say \"$1\""; fi; }

hosts() { "$zkmig" inventory -i "$(lab inventory)" -l masters; }
on() { lab ssh "$1" "sudo -n sh -c '$2'"; }

# What a check mode run must leave alone: contents, times and processes.
fingerprint() {
    local host
    for host in $(hosts); do
        on "$host" "cd /opt/mesosphere && find . -type f -exec sha256sum {} + | sort -k2
            find . /var/lib/dcos/exhibitor/conf /var/lib/dcos/exhibitor/zookeeper/snapshot/myid -printf \"%p %T@ %i %m %U %G\\n\" | sort
            ls -d /var/lib/dcos/zkmig-backup 2>/dev/null
            systemctl show -p MainPID -p ExecMainStartTimestampMonotonic dcos-exhibitor.service; cat /var/lib/dcos/exhibitor/zk.pid" || true
    done
}

canonical() { # the ensemble as a DC/OS upgrade numbers it
    hosts | LC_ALL=C sort | awk '{ printf "%s%d:%s", (NR > 1 ? "," : ""), NR, $1 } END { print "" }'
}

# The state that every migration has to end in.
migrated() {
    local want host answer
    want=$(canonical)
    for host in $(hosts); do
        # From DC/OS 2.0 on there are lines on TLS before those that choose the backend: they stay.
        answer=$(on "$host" "cat /opt/mesosphere/etc/exhibitor" | grep -vE '^(EXHIBITOR_TLS_[A-Z]+|EXHIBITOR_BOOTSTRAP_CA_URL|BOOTSTRAP_URL)=')
        [ "$answer" = "$(printf 'EXHIBITOR_BACKEND=STATIC\nEXHIBITOR_STATICENSEMBLE=%s' "$want")" ] || { echo "$host: file: $answer"; return 1; }
    done
    lab status >"$work/status.log"
    cat "$work/status.log"
    [ "$(grep -cw leader "$work/status.log")" -eq 1 ] || return 1
    [ "$(grep -cwE 'leader|follower' "$work/status.log")" -eq "$(hosts | wc -l)" ] || return 1
    local n=0
    for host in $(hosts | LC_ALL=C sort); do
        n=$((n + 1))
        awk -v host="$host" -v id="$n" '$1 == host { exit !($2 == id) }' "$work/status.log" || return 1
    done
}
symlinked() { for host in $(hosts); do on "$host" "test -L /opt/mesosphere/etc/exhibitor" || return 1; done; }
originals() { # every exhibitor.orig is what was there at the start
    local host
    for host in $(hosts); do
        [ "$(on "$host" "cat /opt/mesosphere/etc/exhibitor.orig")" = "$(cat "$work/original.$host")" ] || { echo "$host differs"; return 1; }
        [ "$(on "$host" "cat /var/lib/dcos/zkmig-backup/exhibitor.orig")" = "$(cat "$work/original.$host")" ] || { echo "$host: backup folder differs"; return 1; }
    done
}
remember() { local host; for host in $(hosts); do on "$host" "cat /opt/mesosphere/etc/exhibitor" >"$work/original.$host"; done; }
unchanged() { grep -qE '^done in .*: ok=[0-9]+ changed=0 failed=0 unreachable=0' "$work/run.log"; }

# interrupted STEP [EFFECT [COUNT]]: kills a run with SIGKILL as soon as a step has made so many changes, of one effect.
interrupted() {
    local events=$work/events.ndjson pid seen= step=$1 effect=${2:-[a-z]*} count=${3:-1}
    rm -f "$events"
    set_timing
    lab exec -- "$zkmig" run "$playbook" -i "$(lab inventory)" --yes "${timing[@]}" --events "$events" >"$work/run.log" 2>&1 &
    pid=$!
    for _ in $(seq 1 1200); do
        if [ -f "$events" ] && [ "$(grep -cE "\"event\":\"effect_finished\".*\"step\":\"$step[^\"]*\",\"name\":\"$effect\".*\"outcome\":\"changed\"" "$events")" -ge "$count" ]; then
            seen=1
            break
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    # The lab's exec may keep a parent between: end the one that the events came from.
    pkill -KILL -P "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    # Its locks are dead now, and a plain run does not take them by itself.
    lab exec -- "$zkmig" unlock -i "$(lab inventory)" -y >"$work/unlock.log" 2>&1 || bad "the locks of a dead run can be removed"
    if [ -n "$seen" ]; then ok "killed in \"$step\", change $count"; else bad "was not killed in \"$step\", change $count"; fi
}

# paused WANT PATTERN COMMAND ARGUMENT…: stops a run at the event that a regular expression matches, runs the command, and
# lets the run go on.
paused() {
    local want=$1 pattern=$2 meanwhile=$3 got=0 pid line
    shift 3
    local events=$work/events.ndjson
    rm -f "$events"
    mkfifo "$events"
    set_timing
    "$root/lab/lab" exec --name "$name" -- "$zkmig" run "$playbook" -i "$(lab inventory)" --yes "${timing[@]}" --events "$events" "$@" >"$work/run.log" 2>&1 &
    pid=$!
    while IFS= read -r line; do
        [[ $line =~ $pattern ]] || continue
        # The command itself, or what the lab started it in.
        kill -STOP "$pid"
        pkill -STOP -P "$pid" || true
        "$meanwhile" >"$work/fault.log" 2>&1 || bad "$meanwhile while the run was stopped"
        pkill -CONT -P "$pid" || true
        kill -CONT "$pid"
        # Once: what comes is read to the end, so that the run never waits for its reader.
        pattern='^$'
    done <"$events"
    rm -f "$events"
    wait "$pid" || got=$?
    if [ "$got" -eq "$want" ]; then ok "exit code $want ($meanwhile)"; else bad "exit code $got instead of $want ($meanwhile)"; fi
}

all() { declare -F | sed -n 's/^declare -f case_//p'; }

run_cases() {
    local case began
    for case in "$@"; do
        current=$case
        began=$SECONDS
        "case_$case" || bad "came to its end"
        lab down >"$work/down.log" 2>&1 || true
        echo "$case took $((SECONDS - began)) s"
    done
    echo "lab: $passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
