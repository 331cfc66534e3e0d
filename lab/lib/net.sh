# The lab's networks: one namespace with a bridge, where the operator's commands run, and one for each host.
# shellcheck shell=bash

# up_net ADDRESS...
up_net() {
    ip netns add "$NAME" || fail "no network namespace can be made" "Inside another container, give that one the right to make them."
    ip -n "$NAME" link set lo up
    ip -n "$NAME" link add br0 type bridge
    ip -n "$NAME" addr add "$OPERATOR_ADDRESS/24" dev br0
    ip -n "$NAME" link set br0 up
    local address
    for address in "$@"; do
        ip netns add "$NAME-$address"
        ip -n "$NAME" link add "v${address##*.}" type veth peer name eth0 netns "$NAME-$address"
        ip -n "$NAME" link set "v${address##*.}" master br0 up
        ip -n "$NAME-$address" link set lo up
        ip -n "$NAME-$address" addr add "$address/24" dev eth0
        ip -n "$NAME-$address" link set eth0 up
    done
}

lab_namespaces() {
    ip netns list 2>/dev/null | awk '{print $1}' | grep -E "^$NAME(-([0-9]+\.){3}[0-9]+)?\$" || true
}

down_net() {
    local space
    for space in $(lab_namespaces); do
        ip netns del "$space" || return 1
    done
}
