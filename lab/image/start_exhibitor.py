#!/bin/bash
# Starts Exhibitor from the unit's environment. The name is what the journal shows of this program on a real master,
# where it is a Python program; a lab's master has no Python, so that nothing comes to depend on it.
set -euo pipefail

# The lab's own settings of this master: DCOS, CHECK_MS, CONFIG_CHECK_MS, FOUR_LETTER_MS and LAYOUT.
source /etc/zkmig-lab.conf

state=/var/lib/dcos/exhibitor
install=/opt/mesosphere/active/exhibitor/usr
jar=$(readlink -f "$install/exhibitor/exhibitor.jar")

get_var_assert_set() {
    if [[ -z ${!1+set} ]]; then
        echo "ERROR: \"$1\" must be set"
        exit 1
    fi
    REPLY=${!1}
}

cluster_size=$(</opt/mesosphere/etc/master_count)
if ! detected_ip=$(/opt/mesosphere/bin/detect_ip); then
    echo "check_output exited with $?"
    exit 1
fi

# A host that its list does not name is refused from 1.10.9 on, and there the static backend goes before a single master.
listed() {
    local entry address entries
    IFS=, read -ra entries <<<"$1"
    for entry in "${entries[@]}"; do
        # The second part, whatever the number of parts: an observer's entry is misread as on a real master.
        IFS=: read -r _ address _ <<<"$entry"
        [[ $address != "$detected_ip" ]] || return 0
    done
    return 1
}

if [[ $DCOS == 2.2 ]]; then
    purge='&autopurge.purgeInterval=1' cleanup_ms=0
else
    purge='&autopurge.snapRetainCount=5&autopurge.purgeInterval=6' cleanup_ms=300000
fi

get_var_assert_set EXHIBITOR_BACKEND
backend=$REPLY
if [[ $DCOS == 1.8 && $cluster_size == 1 ]]; then
    echo "Exhibitor configured for single master/static backend"
    arguments=(--configtype=static "--staticensemble=1:$detected_ip")
elif [[ $backend == STATIC ]]; then
    get_var_assert_set EXHIBITOR_STATICENSEMBLE
    ensemble=$REPLY
    echo "Exhibitor configured for static ZK ensemble"
    arguments=(--configtype=static --staticensemble "$ensemble")
    if [[ $DCOS != 1.8 ]] && ! listed "$ensemble"; then
        echo "ERROR: ip-detect returned $detected_ip. $detected_ip is not in the configured list of masters."
        exit 1
    fi
elif [[ $cluster_size == 1 ]]; then
    echo "Exhibitor configured for single master/static backend"
    arguments=(--configtype=static "--staticensemble=1:$detected_ip")
elif [[ $backend == ZK ]]; then
    get_var_assert_set ZK_CONFIG_CONNECT
    connect=$REPLY
    get_var_assert_set ZK_CONFIG_ZPATH
    echo "Exhibitor configured for Zookeeper"
    arguments=(--configtype=zookeeper "--zkconfigconnect=$connect" "--zkconfigzpath=$REPLY")
elif [[ $backend == SHARED_FS ]]; then
    get_var_assert_set EXHIBITOR_FSCONFIGDIR
    echo "Exhibitor configured for shared filesystem"
    arguments=(--configtype=file --fsconfigdir "$REPLY")
else
    echo "ERROR: No known exhibitor backend: $backend"
    exit 1
fi

extra=$(<"$install/zookeeper/zoo-cfg-extra")$purge
cat >/run/dcos_exhibitor/exhibitor_defaults.conf <<EOF
# These settings only start an empty shared storage; what is stored there wins.
zookeeper-data-directory=$state/zookeeper/snapshot
zookeeper-install-directory=$install/zookeeper
zookeeper-log-directory=$state/zookeeper/transactions
zookeeper-config-directory=$state/conf
zookeeper-pid-path=$state/zk.pid
log-index-directory=$state/zookeeper/transactions
cleanup-period-ms=$cleanup_ms
check-ms=$CHECK_MS
backup-period-ms=600000
backup-max-store-ms=21600000
cleanup-max-files=10
client-port=2181
connect-port=2888
election-port=3888
observer-threshold=0
zoo-cfg-extra=${extra//=/\\=}
auto-manage-instances-settling-period-ms=0
auto-manage-instances=1
auto-manage-instances-fixed-ensemble-size=$cluster_size
EOF

security=()
if [[ -e /opt/mesosphere/etc/exhibitor_web.xml && -e /opt/mesosphere/etc/exhibitor_realm ]]; then
    security=(--security /opt/mesosphere/etc/exhibitor_web.xml --realm DCOS:/opt/mesosphere/etc/exhibitor_realm --remoteauth basic:admin)
fi

command=(java
    "-Djava.util.prefs.systemRoot=$state/" "-Djava.util.prefs.userRoot=$state/"
    "-Duser.home=$state/" "-Duser.dir=$state/"
    -Xmx32m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "-Dzkmig.lab.layout=$LAYOUT"
    "-Dzkmig.lab.config-check-ms=$CONFIG_CHECK_MS" "-Dzkmig.lab.four-letter-ms=$FOUR_LETTER_MS"
    -jar "$jar" --port 8181 --defaultconfig /run/dcos_exhibitor/exhibitor_defaults.conf
    --hostname "$detected_ip" "${security[@]}" "${arguments[@]}")

if [[ ${EXHIBITOR_TLS_ENABLED-} == true ]]; then
    echo "Enabling Exhibitor TLS"
    artifacts=/var/lib/dcos/exhibitor-tls-artifacts
    for store in TRUSTSTORE:truststore CLIENT_KEYSTORE:clientstore SERVER_KEYSTORE:serverstore; do
        file=$artifacts/${store#*:}.jks
        if [[ ! -e $file ]]; then
            echo "ERROR: $file not found."
            exit 1
        fi
        export "EXHIBITOR_TLS_${store%:*}_PATH=$file" "EXHIBITOR_TLS_${store%:*}_PASSWORD=not-relevant-for-security"
    done
    export EXHIBITOR_TLS_REQUIRE_CLIENT_CERT=true EXHIBITOR_TLS_VERIFY_PEER_CERT=true
elif [[ $DCOS == 2.2 ]]; then
    echo "Exhibitor TLS explicitly disabled"
fi

printed=
for word in "${command[@]}"; do
    printed+="${printed:+, }'$word'"
done
echo "Running exhibitor as command: [$printed]"
cd "$state"
exec -a java /opt/mesosphere/bin/java "${command[@]:1}"
