package zkmig.lab;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * A service of a master that wants to lead its kind: one session with the master's own ZooKeeper, an ephemeral node, and
 * who has the lowest one leads. A session that has not been connected for its time-out is given up, as Mesos gives it up,
 * without waiting for a server to say that it expired.
 */
final class Candidate {
    private static final String CONNECT = "127.0.0.1:2181";
    private static final int LOOK_MS = 1_000;

    private final String folder;
    private final String prefix;
    private final String membership;
    private final String introduction;
    private final Object wake = new Object();
    private volatile String leader;
    private volatile boolean elected;
    private volatile long electedAt;
    private volatile int members;
    private volatile int mostMembers;

    /** Its node is FOLDER/PREFIX and a number, and holds the introduction; in the folder of membership all are counted. */
    Candidate(String folder, String prefix, String membership, String introduction) {
        this.folder = folder;
        this.prefix = prefix;
        this.membership = membership;
        this.introduction = introduction;
    }

    /** What the leader's node holds; null while none is known. */
    String leader() {
        return leader;
    }

    boolean elected() {
        return elected;
    }

    double secondsAsLeader() {
        return (System.currentTimeMillis() - electedAt) / 1000.0;
    }

    double electedTime() {
        return electedAt / 1000.0;
    }

    int members() {
        return members;
    }

    /** The most members that were there together since the process began. */
    int mostMembers() {
        return mostMembers;
    }

    /** Runs until it has led and does so no longer: a leader ends its process then, and systemd starts another. */
    void run() throws Exception {
        while (!elected) {
            session();
            leader = null;
            members = 0;
        }
    }

    private void session() throws Exception {
        ZooKeeper client = Sessions.open(CONNECT, event -> {
            synchronized (wake) {
                wake.notifyAll();
            }
        });
        boolean entered = false;
        long connected = System.nanoTime();
        try {
            while (client.getState().isAlive()) {
                long now = System.nanoTime();
                if (client.getState().isConnected()) {
                    connected = now;
                    try {
                        if (!entered) {
                            enter(client);
                            entered = true;
                        }
                        look(client);
                    } catch (KeeperException.ConnectionLossException | KeeperException.OperationTimeoutException again) {
                        // Looked at again when the connection is back, or given up when it is not in time.
                    } catch (KeeperException.SessionExpiredException expired) {
                        return;
                    }
                } else if (now - connected > TimeUnit.MILLISECONDS.toNanos(Sessions.TIMEOUT_MS)) {
                    return;
                }
                synchronized (wake) {
                    wake.wait(LOOK_MS);
                }
            }
        } finally {
            client.close();
        }
    }

    /** Enters once, also where the answer to the first try was lost: what a session has made is found by its owner. */
    private void enter(ZooKeeper client) throws KeeperException, InterruptedException {
        ensure(client, folder);
        ensure(client, membership);
        byte[] data = introduction.getBytes(StandardCharsets.UTF_8);
        try {
            String member = membership + "/" + Long.toHexString(client.getSessionId());
            client.create(member, data, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        } catch (KeeperException.NodeExistsException earlier) {
            // The try whose answer was lost had been carried out.
        }
        for (String name : client.getChildren(folder, false)) {
            if (isOwn(client, name)) {
                return;
            }
        }
        client.create(folder + "/" + prefix, data, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
    }

    private boolean isOwn(ZooKeeper client, String name) throws KeeperException, InterruptedException {
        Stat stat = client.exists(folder + "/" + name, false);
        return stat != null && stat.getEphemeralOwner() == client.getSessionId();
    }

    private static void ensure(ZooKeeper client, String path) throws KeeperException, InterruptedException {
        for (int end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
            try {
                client.create(end < 0 ? path : path.substring(0, end), new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            } catch (KeeperException.NodeExistsException there) {
                // Another master's service was first.
            }
            if (end < 0) {
                return;
            }
        }
    }

    private void look(ZooKeeper client) throws KeeperException, InterruptedException {
        members = client.getChildren(membership, true).size();
        mostMembers = Math.max(mostMembers, members);
        List<String> candidates = client.getChildren(folder, true).stream().filter(name -> name.startsWith(prefix)).sorted().toList();
        if (candidates.isEmpty()) {
            leader = null;
            return;
        }
        String first = candidates.get(0);
        try {
            leader = new String(client.getData(folder + "/" + first, false, null), StandardCharsets.UTF_8);
        } catch (KeeperException.NoNodeException gone) {
            return;
        }
        if (!elected && isOwn(client, first)) {
            electedAt = System.currentTimeMillis();
            elected = true;
        }
    }
}
