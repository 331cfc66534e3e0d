#!/bin/bash
# Starts and stops the ZooKeeper server. A living process under the recorded pid means "already running", with exit
# code 0, and nothing is started: that is how a server can keep its old id while the files hold a new one.
set -u

JAVA=/opt/mesosphere/active/java/usr/java/bin/java
home=$(dirname "$(dirname "$(readlink -f "$0")")")
config=$2

# The real one's banner goes there, so that Exhibitor logs it as errors.
echo "ZooKeeper JMX enabled by default" >&2
echo "Using config: $config" >&2
case $1 in
start)
    echo -n "Starting zookeeper ... "
    if [[ -f $ZOOPIDFILE ]] && kill -0 "$(<"$ZOOPIDFILE")" 2>/dev/null; then
        echo "already running as process $(<"$ZOOPIDFILE")."
        exit 0
    fi
    # Whatever set it: Exhibitor's configuration of today, or of another backend.
    # shellcheck source=/dev/null
    [[ ! -f $ZOOCFGDIR/java.env ]] || source "$ZOOCFGDIR/java.env"
    # shellcheck disable=SC2086
    nohup "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" -Xmx96m -Xss256k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Xshare:auto ${JVMFLAGS-} -Djna.nosys=false "-Djava.library.path=$home/lib" -cp "$home/lib/*:$ZOOCFGDIR" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$config" \
        >"$ZOO_LOG_DIR/zookeeper.out" 2>&1 </dev/null &
    if echo -n $! >"$ZOOPIDFILE"; then
        # The real one's pause: Exhibitor's next line comes after it, the server does not wait.
        sleep 1
        echo STARTED
    else
        echo "FAILED TO WRITE PID"
        exit 1
    fi
    ;;
stop)
    echo -n "Stopping zookeeper ... "
    if [[ ! -f $ZOOPIDFILE ]]; then
        echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
    else
        kill -9 "$(<"$ZOOPIDFILE")"
        rm "$ZOOPIDFILE"
        echo STOPPED
    fi
    ;;
*)
    echo "Usage: $0 {start|stop} CONFIG" >&2
    exit 1
    ;;
esac
