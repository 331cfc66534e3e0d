package zkmig.lab;

import java.io.IOException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/** Opens sessions with a ZooKeeper ensemble. */
final class Sessions {
    static final int TIMEOUT_MS = 10_000;

    static {
        // A client of ZooKeeper 3.4 asks for a server's canonical name when SASL may be used, and fails on newer JVMs.
        System.setProperty("zookeeper.sasl.client", "false");
    }

    private Sessions() {}

    static ZooKeeper open(String connect, Watcher watcher) throws IOException {
        return new ZooKeeper(connect, TIMEOUT_MS, watcher);
    }
}
