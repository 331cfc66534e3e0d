# What "up" can be told, and what it refuses.
# shellcheck shell=bash

# Reads the options of "up" into the settings that lab.conf keeps.
read_up_options() {
    local count=5 ids=
    KIND=zookeeper ZOOKEEPER=3.4.14 DCOS=1.10 BACKEND=zk CHECK_MS=1000 CONFIG_CHECK_MS= FOUR_LETTER_MS=3000 LAYOUT=bare
    EXHIBITOR_PASSWORD= EXHIBITOR_TLS= WITH_SERVICES= STORED=() NEXT_RELEASE=
    case ${1-} in
    --etcd | --rabbitmq)
        KIND=${1#--}
        [[ $# -ge 2 ]] || fail "$1 needs a value" "See: lab/lab help"
        one_of "$1" "$2" 3 5
        if [[ $# == 3 && $KIND == etcd && $3 == --next-release ]]; then
            NEXT_RELEASE=true
        elif [[ $# != 2 ]]; then
            fail "$1 takes no other option: $3" "See: lab/lab help"
        fi
        MASTERS=("${ALL_MASTERS[@]:0:$2}") IDS=()
        return
        ;;
    esac
    while [[ $# -gt 0 ]]; do
        case $1 in
        --etcd | --rabbitmq) fail "$1 goes alone: a lab has one kind of hosts" "See: lab/lab help" ;;
        --services) WITH_SERVICES=true; shift; continue ;;
        --exhibitor-tls) EXHIBITOR_TLS=true; shift; continue ;;
        esac
        [[ $# -ge 2 ]] || fail "$1 needs a value" "See: lab/lab help"
        case $1 in
        --masters) count=$2 ;;
        --ids) ids=$2 ;;
        --zookeeper) ZOOKEEPER=$2 ;;
        --dcos) DCOS=$2 ;;
        --backend) BACKEND=$2 ;;
        --check-ms) CHECK_MS=$2 ;;
        --config-check-ms) CONFIG_CHECK_MS=$2 ;;
        --four-letter-ms) FOUR_LETTER_MS=$2 ;;
        --layout) LAYOUT=$2 ;;
        --exhibitor-password) EXHIBITOR_PASSWORD=$2 ;;
        --stored) STORED+=("$2") ;;
        *) fail "up knows no option $1" "See: lab/lab help" ;;
        esac
        shift 2
    done
    [[ $count =~ ^[13579]$ ]] || fail "--masters $count: an ensemble has 1, 3, 5, 7 or 9 masters here"
    # The minor version alone means the newest of it that there is.
    [[ $ZOOKEEPER != 3.4 ]] || ZOOKEEPER=3.4.14
    one_of --zookeeper "$ZOOKEEPER" 3.4.6 3.4.14 3.6 3.8 3.9
    one_of --dcos "$DCOS" 1.8 1.10 2.2
    one_of --backend "$BACKEND" zk shared_fs static
    one_of --layout "$LAYOUT" bare thread myid
    # Exhibitor has one period for both checks only where it is as slow as the real one's check of its configuration.
    CONFIG_CHECK_MS=${CONFIG_CHECK_MS:-$((CHECK_MS < 30000 ? CHECK_MS : 30000))}
    milliseconds --check-ms "$CHECK_MS"
    milliseconds --config-check-ms "$CONFIG_CHECK_MS"
    milliseconds --four-letter-ms "$FOUR_LETTER_MS"
    if [[ -n $EXHIBITOR_PASSWORD ]]; then
        [[ $DCOS != 1.8 ]] || fail "--exhibitor-password: DC/OS 1.8 has no such password" "Take --dcos 1.10 or 2.2."
        [[ $EXHIBITOR_PASSWORD =~ ^[^[:space:],]+$ ]] || fail "--exhibitor-password: a realm's password has no blank and no comma"
    fi
    [[ -z $EXHIBITOR_TLS || $DCOS == 2.2 ]] || fail "--exhibitor-tls: DC/OS $DCOS has no TLS for Exhibitor" "Add --dcos 2.2."
    local setting
    for setting in "${STORED[@]}"; do
        [[ $setting == ?*=* ]] || fail "--stored $setting: take KEY=VALUE" "For example: --stored 'java-environment=export JVMFLAGS=-Xmx128m'"
    done
    ((${#STORED[@]} == 0)) || [[ $BACKEND != static ]] || fail "--stored: the static backend stores nothing" "Take --backend zk or shared_fs."
    MASTERS=("${ALL_MASTERS[@]:0:count}")
    choose_ids "$count" "$ids"
}

one_of() { # one_of OPTION VALUE ALLOWED...
    local option=$1 value=$2 allowed
    shift 2
    for allowed in "$@"; do
        [[ $value != "$allowed" ]] || return 0
    done
    fail "$option $value: the lab has $(printf '%s, ' "${@:1:$#-1}" | sed 's/, $//') and ${*: -1}"
}

milliseconds() { [[ $2 =~ ^[1-9][0-9]{2,5}$ ]] || fail "$1 $2: take 100 to 999999"; }

choose_ids() { # choose_ids COUNT LIST: sets IDS, by default the first of the procedure's that suit
    local count=$1 id
    if [[ -z $2 ]]; then
        IDS=()
        # Fewer masters than ids: the same order, numbered without gaps.
        for id in "${ALL_IDS[@]:0:count}"; do
            IDS+=("$(printf '%s\n' "${ALL_IDS[@]:0:count}" | awk -v id="$id" '$1 <= id' | wc -l)")
        done
        return
    fi
    [[ $2 =~ ^[0-9]+(,[0-9]+)*$ ]] || fail "--ids $2 is no list of numbers"
    IFS=, read -ra IDS <<<"$2"
    ((${#IDS[@]} == count)) || fail "--ids names ${#IDS[@]} ids for $count masters"
    [[ $(printf '%s\n' "${IDS[@]}" | sort -u | wc -l) == "$count" ]] || fail "--ids $2 has an id twice"
    for id in "${IDS[@]}"; do
        ((10#$id >= 1 && 10#$id <= 255)) || fail "--ids: $id is no ZooKeeper id" "Ids are 1 to 255."
    done
}
