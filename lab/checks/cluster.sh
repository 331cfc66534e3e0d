# A cluster of three: what its user can rely on, its faults, its watch, and its end.
# shellcheck shell=bash disable=SC2016

same=1:10.10.0.193,3:10.10.0.122,2:10.10.0.203
other=3:10.10.0.193,1:10.10.0.122,2:10.10.0.203
starting=("10.10.0.193 1" "10.10.0.122 3" "10.10.0.203 2")

check "up boots three masters" lab up --masters 3 --check-ms 500 \
    --stored 'java-environment=export JVMFLAGS=-Dlab.stored=yes'
check "a second up of the same name is refused" bash -c "! '$HERE/lab' up --name $NAME --masters 3"
check "the masters run with the ids that the storage gives" status_says "${starting[@]}"
check "the inventory names the masters in order" bash -c \
    "diff <(grep -oE '^        [0-9.]+:' \$('$HERE/lab' inventory --name $NAME) | tr -d ': ') <(printf '%s\n' ${masters[*]})"
check "a command reaches a master with a strict host key" on "${masters[0]}" true
check "the login user is root without a password" on "${masters[0]}" sudo -n true
check "operator's sudo wants its password" bash -c "
    config=\$(dirname \$('$HERE/lab' inventory --name $NAME))/ssh_config
    login=('$HERE/lab' exec --name $NAME -- ssh -F \$config operator@${masters[0]})
    ! \"\${login[@]}\" sudo -n true && echo rehearsal | \"\${login[@]}\" 'sudo -S -p \"\" true'"
check "a master has no Python, and no curl or nc in its path" on "${masters[0]}" '! command -v python3 && ! command -v python && ! command -v curl && ! command -v nc'
check "the environment file is a link into the package" on "${masters[0]}" '[[ $(readlink /opt/mesosphere/etc/exhibitor) == /opt/mesosphere/packages/dcos-config--setup_*/etc/exhibitor ]]'
check "ZooKeeper's lines carry its pid and its id" on "${masters[0]}" \
    'sudo journalctl -u dcos-exhibitor _PID=$(sudo cat /var/lib/dcos/exhibitor/zk.pid) LOG4J_MDC_MYID=1 -t java -n 1 -o cat | grep -q .'

has_stored_environment() { # ZooKeeper's process, on every master
    local host
    for host in "${masters[@]}"; do
        on "$host" 'tr "\0" " " </proc/$(sudo cat /var/lib/dcos/exhibitor/zk.pid)/cmdline | grep -q -- -Dlab.stored=yes' || return 1
    done
}
check "ZooKeeper runs with the Java environment that is stored" has_stored_environment

"$HERE/lab" watch --name "$NAME" --out "$OUT/watch" </dev/null 2>"$OUT/watch.err" &
watch=$!
check "the watch begins" within 15 grep -q start "$OUT/watch"
roll() {
    local host
    for host in "${masters[@]}"; do
        write_static "$host" "$same" && restart "$host" && within 30 check_done "$host" serving && within 30 all_serve 3 || return 1
    done
}
check "a rolling restart onto the static backend serves throughout" roll
check "the ids stay" status_says "${starting[@]}"
check "and so does java.env, which the static backend does not remove" has_stored_environment
finds_missing() { # a summary that tells one write more than the last session's
    awk 'match($0, /[0-9]+\]/) {
        $0 = substr($0, 1, RSTART - 1) (substr($0, RSTART, RLENGTH - 1) + 1) substr($0, RSTART + RLENGTH - 1)
    } 1' "$OUT/watch" >"$OUT/more"
    ! lab watch --verify "$OUT/more" >"$OUT/found" && grep -q '"missing":1}' "$OUT/found"
}
kill -TERM "$watch"
wait "$watch"
check "the watch lost no acknowledged write and no session" grep -qE '"lost_sessions":0,"missing":0' "$OUT/watch"
check "it tells what each of six sessions wrote" grep -qE '"sessions":6,"acknowledged":[0-9]+,"written":\[[1-9][0-9]*(,[1-9][0-9]*){5}\]' "$OUT/watch"
check "and a later look agrees" lab watch --verify "$OUT/watch"
check "which finds what is missing in any session's folder" finds_missing

leak() {
    lab fault leak "${masters[2]}" && write_static "${masters[2]}" 2:10.10.0.193,1:10.10.0.122,3:10.10.0.203 &&
        restart "${masters[2]}" && within 20 check_done "${masters[2]}" serving &&
        on "${masters[2]}" '[[ $(sudo cat /var/lib/dcos/exhibitor/zookeeper/snapshot/myid) == 2 ]]' && status_says "${starting[@]}"
}
check "leak: neither the process nor the files take the new id" leak
check "heal undoes a leak" lab fault heal "${masters[2]}"

already_running() {
    lab fault already-running "${masters[0]}" && write_static "${masters[0]}" "$other" && restart "${masters[0]}" &&
        within 20 check_done "${masters[0]}" serving &&
        on "${masters[0]}" '[[ $(sudo cat /var/lib/dcos/exhibitor/zookeeper/snapshot/myid) == 3 ]] &&
            sudo journalctl -u dcos-exhibitor -o cat | grep -q "already running as process $(sudo cat /var/lib/dcos/exhibitor/zk.pid)"' &&
        status_says "${starting[@]}"
}
check "already-running: the files take the new id, the process does not" already_running

extras() {
    lab fault extras "${masters[1]}" && on "${masters[1]}" 'sudo systemctl restart dcos-exhibitor
        for try in $(seq 50); do
            pid=$(systemctl show -p MainPID --value dcos-exhibitor)
            tr "\0" " " </proc/$pid/cmdline | grep -q "staticensemble '"$same"'" && exit 0; sleep 0.1
        done; exit 1'
}
check "extras override the file" extras

# What follows begins in the starting state: on a busy machine Exhibitor starts a server that it could not ask for a while, and
# that one then has the id that the checks above have left in its file.
check "reset brings back the starting state" lab reset
check "the ids are those of the start" status_says "${starting[@]}"
check "the file is that of the start" on "${masters[0]}" grep -q '^EXHIBITOR_BACKEND=ZK$' /opt/mesosphere/etc/exhibitor

disk_full() {
    lab fault disk-full "${masters[1]}" && ! on "${masters[1]}" 'echo x | sudo tee /opt/mesosphere/etc/new' &&
        lab fault heal "${masters[1]}" && on "${masters[1]}" 'echo x | sudo tee /opt/mesosphere/etc/new'
}
check "disk-full fills what an editor writes to, and heal empties it" disk_full
hang() {
    lab fault hang-sshd "${masters[1]}" && ! timeout 3 "$HERE/lab" ssh --name "$NAME" "${masters[1]}" true &&
        lab fault heal "${masters[1]}" && on "${masters[1]}" true
}
check "hang-sshd hangs a login, and heal lets it in" hang
cut_off() {
    lab fault cut "${masters[1]}" && ! lab exec -- timeout 2 bash -c "</dev/tcp/${masters[1]}/22" &&
        lab fault heal "${masters[1]}" && within 10 on "${masters[1]}" true
}
check "cut takes a host off the network, and heal brings it back" cut_off

refuse() {
    lab fault refuse-sshd "${masters[1]}" && ! lab exec -- timeout 2 bash -c "</dev/tcp/${masters[1]}/22" &&
        lab fault heal "${masters[1]}" && within 10 on "${masters[1]}" true
}
check "refuse-sshd refuses a login, and heal lets it in" refuse
revoke() {
    lab fault no-sudo "${masters[1]}" && ! on "${masters[1]}" sudo -n true &&
        lab fault heal "${masters[1]}" && on "${masters[1]}" sudo -n true
}
check "no-sudo takes root away, and heal gives it back" revoke
break_unit() {
    lab fault broken-unit "${masters[1]}" && ! restart "${masters[1]}" && lab fault heal "${masters[1]}" &&
        within 30 on "${masters[1]}" systemctl is-active --quiet dcos-exhibitor && within 40 all_serve 3 && return
    on "${masters[1]}" systemctl status --no-pager --lines 5 dcos-exhibitor
    lab status
    return 1
}
check "broken-unit keeps the unit from starting, and heal starts it" break_unit
leader() { lab status | awk '$3 == "leader" {print $1}'; }
new_leader() {
    local before
    before=$(leader)
    lab fault new-leader "$before" && within 20 all_serve 3 && [[ -n $(leader) && $(leader) != "$before" ]] && return
    echo "$before led before; now:"
    lab status
    return 1
}
check "new-leader makes another lead" new_leader
check "and who follows can't lose the leadership" bash -c "! '$HERE/lab' fault --name $NAME new-leader     \$('$HERE/lab' status --name $NAME | awk '\$3 == "follower" {print \$1; exit}')"
vacuum() {
    on "${masters[0]}" 'echo before | sudo systemd-cat -t lab-test; sudo journalctl -q -t lab-test | grep -q before' &&
        lab fault vacuum-journal "${masters[0]}" && on "${masters[0]}" '[[ -z $(sudo journalctl -q -t lab-test) ]]'
}
check "vacuum-journal empties the journal" vacuum

check "a killed ZooKeeper is started again by the next check" bash -c "
    '$HERE/lab' fault --name $NAME kill-zk ${masters[0]}"
check "and the three serve" within 40 all_serve 3

external() { # external FAULT: laid on the three that keep the configuration
    lab fault "$1" 10.10.0.249 && lab fault "$1" 10.10.0.79 && lab fault "$1" 10.10.0.125
}
is_alone() { lab status | grep -qE "^$1 +0 +standalone "; }
stored_list_begins() { lab exec -- curl -sS -m 5 "http://${masters[0]}:8181/exhibitor/v1/config/get-state" | grep -q "\"serversSpec\":\"$1"; }
overwritten() { # a master that started alone takes the stored list for itself when its storage is back
    external cut && restart "${masters[2]}" && within 30 is_alone "${masters[2]}" && lab fault manage-instances "${masters[2]}" && external heal &&
        within 30 stored_list_begins "1:${masters[2]}" && within 30 has_followed "${masters[0]}" && within 30 has_followed "${masters[1]}"
}
# Not whether it is alone: it enters the list again in one of its own runs, which may be the next moment.
has_followed() { on "$1" "sudo journalctl -u dcos-exhibitor -o cat | grep -q 'Server list has changed'"; }
check "manage-instances: a master that started alone overwrites the list, and the healthy follow it" overwritten
check "reset brings back the list too" lab reset
check "with the ids of the start" status_says "${starting[@]}"

check "down ends the lab" lab down
nothing_left() {
    ! ip netns list | grep "^$NAME" && ! grep "/$NAME" /proc/mounts && ! compgen -G "/run/zkmig-lab/$NAME*" &&
        [[ -z $(find /sys/fs/cgroup -maxdepth 3 -path "*zkmig-lab/$NAME*") ]]
}
check "down leaves nothing behind" nothing_left
crash() {
    "$HERE/lab" up --name "$NAME" --masters 3 </dev/null >"$OUT/crash" 2>&1 &
    local up=$!
    within 30 test -e "/run/zkmig-lab/$NAME/masters" && sleep 0.5
    kill -KILL "$up"
    wait "$up"
    lab down && nothing_left
}
check "down cleans up after a boot that was killed" crash
