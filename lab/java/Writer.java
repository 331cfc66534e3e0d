package zkmig.lab;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/**
 * One application of the cluster: a session of an ordinary client, a write each so many ms into a folder of its own, and a
 * line for each time it waited for long. Its waits hold the client library's own pauses, as any application's do.
 */
final class Writer implements Callable<Writer> {
    /** So much longer than from one write to the next is a wait. */
    private static final int WAIT_MS = 150;

    private final int number;
    private final int everyMs;
    private final String connect;
    private final String folder;
    private final Notes notes;
    private final EnsembleClock ensemble;
    private final Ending ending;
    private ZooKeeper client;
    private volatile boolean connected;
    private volatile int connections;
    private int acknowledged;
    private long longest;
    private int lost;
    private Integer missing;

    Writer(int number, int everyMs, String connect, String path, Notes notes, EnsembleClock ensemble, Ending ending) {
        this.number = number;
        this.everyMs = everyMs;
        this.connect = connect;
        this.folder = folder(path, number);
        this.notes = notes;
        this.ensemble = ensemble;
        this.ending = ending;
    }

    static String folder(String path, int number) {
        return path + "/" + number;
    }

    int acknowledged() {
        return acknowledged;
    }

    long longestMs() {
        return longest;
    }

    int lostSessions() {
        return lost;
    }

    /** How many of the acknowledged writes are not there; null when no server could tell. */
    Integer missing() {
        return missing;
    }

    void open() throws IOException, InterruptedException {
        if (client != null) {
            client.close();
        }
        connected = false;
        client = Sessions.open(connect, event -> {
            connected = event.getState() == Watcher.Event.KeeperState.SyncConnected;
            if (connected && event.getType() == Watcher.Event.EventType.None) {
                connections++;
            }
        });
    }

    boolean isConnected() {
        return connected;
    }

    void ensure(String node) throws KeeperException, InterruptedException {
        while (true) {
            try {
                client.create(node, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                return;
            } catch (KeeperException.NodeExistsException there) {
                // Made by an earlier watch, or by the try whose answer was lost.
                return;
            } catch (KeeperException.ConnectionLossException again) {
                if (ending.asked()) {
                    throw again;
                }
                Thread.sleep(20);
            }
        }
    }

    void ensureFolder() throws KeeperException, InterruptedException {
        ensure(folder);
    }

    /** Writes until the end, then looks whether all of it is there. */
    @Override
    public Writer call() throws Exception {
        long last = System.nanoTime();
        int connectionsBefore = connections;
        while (!ending.reached()) {
            long started = System.nanoTime();
            if (!write(last)) {
                break;
            }
            long now = System.nanoTime();
            ensemble.acknowledged(now);
            ending.answered(number);
            acknowledged++;
            waited((now - last) / 1_000_000, connections != connectionsBefore);
            connectionsBefore = connections;
            last = now;
            ending.await(everyMs - (System.nanoTime() - started) / 1_000_000);
        }
        long end = System.nanoTime();
        ensemble.close(end);
        // What was still waiting for an answer when the end came has waited as well.
        waited((end - last) / 1_000_000, connections != connectionsBefore);
        try {
            missing = missing(client, folder, acknowledged);
        } catch (KeeperException unreachable) {
            // Left to "watch --verify", when the cluster answers again.
        }
        return this;
    }

    private void waited(long ms, boolean reconnected) throws IOException {
        longest = Math.max(longest, ms);
        if (ms > everyMs + WAIT_MS) {
            notes.line("wait", "\"session\":" + number + ",\"ms\":" + ms + ",\"reconnected\":" + reconnected);
        }
    }

    /** Tries until the write is acknowledged; says whether it was before the patience at the end was over. */
    private boolean write(long last) throws Exception {
        while (!ending.overdue()) {
            try {
                client.create(node(folder, acknowledged), new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                return true;
            } catch (KeeperException.NodeExistsException earlier) {
                // The try whose answer was lost had been carried out.
                return true;
            } catch (KeeperException.ConnectionLossException again) {
                Thread.sleep(20);
            } catch (KeeperException.SessionExpiredException expired) {
                lost++;
                notes.line("session_lost", "\"session\":" + number + ",\"ms\":" + (System.nanoTime() - last) / 1_000_000);
                open();
            }
        }
        return false;
    }

    private static String node(String folder, int number) {
        return folder + "/" + name(number);
    }

    private static String name(int number) {
        return String.format("w-%09d", number);
    }

    /** How many of the acknowledged writes are not there. The server first catches up with the leader. */
    static int missing(ZooKeeper client, String folder, int acknowledged) throws KeeperException, InterruptedException {
        CountDownLatch synced = new CountDownLatch(1);
        client.sync(folder, (code, path, context) -> synced.countDown(), null);
        synced.await(Watch.PATIENCE_S, TimeUnit.SECONDS);
        Set<String> there = new HashSet<>(client.getChildren(folder, false));
        int missing = 0;
        for (int i = 0; i < acknowledged; i++) {
            if (!there.contains(name(i))) {
                missing++;
            }
        }
        return missing;
    }
}
