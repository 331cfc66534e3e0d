# DC/OS's services on the masters: stand-ins of Mesos and Marathon, each with a session of its own master's ZooKeeper.
# shellcheck shell=bash

readonly SERVICES=(dcos-mesos-master dcos-marathon)
readonly AGENTS=(10.10.1.11 10.10.1.12 10.10.1.13)

write_services() { # write_services UPPER: the units, into the upper layer of a master's root
    local unit
    mkdir -p "$1/etc/systemd/system"
    for unit in "${SERVICES[@]}"; do
        cp "$HERE/image/$unit.service" "$1/etc/systemd/system/"
    done
}

# An agent is no host here: what Mesos tells of it stands in a file that every master sees.
write_agents() {
    local agent
    mkdir -p "$LAB/agents"
    for agent in "${AGENTS[@]}"; do
        echo active >"$LAB/agents/$agent"
    done
}

start_services() {
    local address
    for address in "${MASTERS[@]}"; do
        in_master "$address" systemctl enable --quiet --now --no-block "${SERVICES[@]}"
    done
    until_true 90 services_lead || fail "Mesos and Marathon do not have a leader each within 90 s" \
        "Look with: lab/lab ssh$NAME_HINT ${MASTERS[0]} sudo journalctl -u dcos-mesos-master -u dcos-marathon"
}

stop_services() {
    [[ -z $WITH_SERVICES ]] || in_master "$1" systemctl stop "${SERVICES[@]}"
}

# get ADDRESS:PORT/PATH: what a service answers.
get() { in_lab curl -sfS -m 3 "http://$1" 2>/dev/null; }

# One Mesos leads with a recovered log on every master and all agents; every Marathon knows who leads.
services_lead() {
    local address metrics leaders=0
    for address in "${MASTERS[@]}"; do
        metrics=$(get "$address:5050/metrics/snapshot") && [[ $metrics == *'"registrar/log/recovered":1.0'* ]] || return 1
        if [[ $metrics == *'"master/elected":1.0'* ]]; then
            leaders=$((leaders + 1))
            [[ $metrics == *"\"master/slaves_active\":${#AGENTS[@]}.0"* ]] || return 1
        fi
        get "$address:8080/v2/leader" >/dev/null || return 1
    done
    ((leaders == 1))
}
