# One small lab for each kind that "up" can be asked for, and what is its own.
# shellcheck shell=bash disable=SC2016

# Boots a master of each kind and looks at what is its own.
single() { # single WHAT CHECK OPTIONS...
    local what=$1 seen=$2
    shift 2
    check "$what" eval "lab up --masters 1 $* && $seen"
    lab down >"$OUT/down" 2>&1
}
runs_version() { # the version that the running server tells
    [[ $(lab exec -- timeout 5 bash -c "exec 3<>/dev/tcp/${masters[0]}/2181 && echo srvr >&3 && cat <&3") == "Zookeeper version: $1"* ]]
}
for version in 3.4.6:3.4.6 3.6:3.6.3 3.8:3.8. 3.9:3.9.3; do
    single "--zookeeper ${version%:*} runs that version" "runs_version ${version#*:}" --zookeeper "${version%:*}"
done
blocks() { # the unit of 2.2 comes back from a restart when ZooKeeper answers, and no sooner
    on "${masters[0]}" 'sudo systemctl restart dcos-exhibitor &&
        exec 3<>/dev/tcp/127.0.0.1/2181 && echo ruok >&3 && [[ $(cat <&3) == imok ]] && grep -q ^EXHIBITOR_TLS_ENABLED=false /opt/mesosphere/etc/exhibitor'
}
single "--dcos 2.2: a restart of the unit waits for ZooKeeper" blocks --dcos 2.2
rest() { # rest ADDRESS [CURL'S OPTIONS...]: Exhibitor's answer as its HTTP status, from the lab's network
    lab exec -- curl -sS -m 10 -o /dev/null -w '%{http_code}' "${@:2}" "$1"
}
protected() {
    local url=https://${masters[0]}:8181/exhibitor/v1
    on "${masters[0]}" 'sudo tar -C /var/lib/dcos/exhibitor-tls-artifacts -cf - root-cert.pem client-cert.pem client-key.pem' | tar -C "$OUT" -xf - &&
        on "${masters[0]}" '[[ $(sudo cat /opt/mesosphere/etc/exhibitor_realm) == "admin: s3cret,admin" ]]' || return 1
    local tls=(--cacert "$OUT/root-cert.pem" --cert "$OUT/client-cert.pem" --key "$OUT/client-key.pem")
    [[ $(rest "$url/cluster/status" "${tls[@]}") == 200 && $(rest "$url/cluster/state" "${tls[@]}") == 401 &&
        $(rest "$url/cluster/state" "${tls[@]}" -u admin:wrong) == 401 && $(rest "$url/cluster/state" "${tls[@]}" -u admin:s3cret) == 200 ]] &&
        ! rest "${url/https/http}/cluster/status" && ! rest "$url/cluster/status" --cacert "$OUT/root-cert.pem"
}
single "--exhibitor-tls --exhibitor-password: only with a certificate, and the password for all but the status" protected \
    --dcos 2.2 --exhibitor-tls --exhibitor-password s3cret
unlisted_says() { # unlisted_says LINE: Exhibitor's, when its list does not name its host
    write_static "${masters[0]}" 1:10.10.0.1 && on "${masters[0]}" 'sudo systemctl restart dcos-exhibitor' &&
        within 20 on "${masters[0]}" "sudo journalctl -u dcos-exhibitor -o cat | grep -q '$1'"
}
single "--dcos 1.10: a host that is not in its list gets no Exhibitor" "unlisted_says 'is not in the configured list of masters'" --backend static
single "--dcos 1.8: a single master is static whatever its file says" "unlisted_says 'single master/static backend'" --dcos 1.8
check "an unknown version is refused with those that there are" bash -c \
    "'$HERE/lab' up --name $NAME --zookeeper 3.5 2>&1 | grep -q '3.4.6, 3.4.14, 3.6, 3.8 and 3.9'"

says_rolling() { lab exec -- curl -sS -m 5 "http://${masters[0]}:8181/exhibitor/v1/config/get-state" | grep -q "\"rollInProgress\":$1"; }
rolls() {
    lab up --masters 3 --backend shared_fs --stored com.netflix.exhibitor-rolling.auto-manage-instances=0 \
        --stored "com.netflix.exhibitor-rolling-hostnames=${masters[1]},${masters[0]}" && says_rolling true &&
        lab exec -- curl -sS "http://${masters[0]}:8181/exhibitor/v1/config/rollback-rolling" && within 10 says_rolling false && all_serve 3
}
check "--stored: a rolling change is under way until it is rolled back" rolls
lab down >"$OUT/down" 2>&1

elected() { lab exec -- curl -sS -m 5 "http://${masters[0]}:5050/metrics/snapshot" | grep -q "\"master/elected\":$1.0"; }
agents_are() { lab exec -- curl -sSL -m 5 "http://${masters[0]}:5050/master/state" | grep -q "\"activated_slaves\":$1,\"deactivated_slaves\":$2"; }
leads_and_loses() { # a restart of 2 s costs nothing, one of more than 10 s the leadership
    [[ $(lab exec -- curl -sS -m 5 "http://${masters[0]}:8080/v2/leader") == "{\"leader\":\"${masters[0]}:8080\"}" ]] &&
        lab fault agent-gone 10.10.1.12 && within 5 agents_are 2 1 && restart "${masters[0]}" && within 20 all_serve 1 && elected 1 &&
        on "${masters[0]}" 'sudo systemctl stop dcos-exhibitor' && within 30 elected 0 && on "${masters[0]}" 'sudo systemctl start dcos-exhibitor' &&
        within 40 elected 1 && lab fault heal 10.10.1.12 && within 10 agents_are 3 0
}
single "--services: Mesos and Marathon lead, and lose that with their session" leads_and_loses --services

members() { # members KIND UNIT: three are up, one that is killed comes back
    lab up "--$1" 3 && [[ $(lab status | grep -cE ' (leader|follower|running) ') == 3 ]] &&
        grep -q "^    $1:" "$(lab inventory)" && on "${masters[1]}" systemctl is-active "$2" &&
        lab fault kill-server "${masters[1]}" && within 60 all_are_up
}
all_are_up() { [[ $(lab status | grep -cE ' (leader|follower|running) ') == 3 ]]; }
check "--etcd 3: a cluster serves, and a member that dies comes back" members etcd etcd
lab down >"$OUT/down" 2>&1
check "--rabbitmq 3: a cluster serves, and a member that dies comes back" members rabbitmq rabbitmq-server
lab down >"$OUT/down" 2>&1
