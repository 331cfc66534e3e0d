package zkmig.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/**
 * An application of the cluster: one session, a write each 100 ms, and a line for each moment in which it would have
 * suffered. {@code Watch write|verify CONNECT FILE}.
 */
public final class Watch {
    private static final String ROOT = "/zkmig-lab-watch";
    private static final int EVERY_MS = 100;
    private static final int GAP_MS = 250;
    private static final int PATIENCE_S = 30;

    private final String connect;
    private final Path file;
    private final String path = ROOT + "/" + System.currentTimeMillis();
    private ZooKeeper client;
    private volatile boolean connected;
    private volatile int connections;
    private volatile boolean ending;
    private volatile boolean complete;
    private volatile long endBy = Long.MAX_VALUE;

    private Watch(String connect, Path file) {
        this.connect = connect;
        this.file = file;
    }

    public static void main(String[] args) throws Exception {
        Watch watch = new Watch(args[1], Path.of(args[2]));
        if (args[0].equals("verify")) {
            System.exit(watch.verify());
        }
        watch.write();
    }

    private void open() throws IOException, InterruptedException {
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

    private void awaitConnection() throws Exception {
        open();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!connected) {
            if (System.nanoTime() > deadline) {
                System.err.println("lab: no server of " + connect + " took a session within " + PATIENCE_S + " s");
                System.exit(1);
            }
            Thread.sleep(20);
        }
    }

    private void write() throws Exception {
        CountDownLatch finished = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            // The summary is written here too, so the signal waits for it, but not for ever.
            endBy = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            ending = true;
            try {
                finished.await(2 * PATIENCE_S, TimeUnit.SECONDS);
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
            // The exit code tells of the writes, not of the signal that ended the watch.
            Runtime.getRuntime().halt(complete ? 0 : 1);
        }));
        try {
            awaitConnection();
            ensure(ROOT);
            ensure(path);
            line("start", "\"path\":\"" + path + "\",\"every_ms\":" + EVERY_MS);
            run();
        } finally {
            finished.countDown();
        }
    }

    private void ensure(String node) throws Exception {
        try {
            client.create(node, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        } catch (KeeperException.NodeExistsException there) {
            // Made by an earlier watch.
        }
    }

    private void run() throws Exception {
        long began = System.nanoTime();
        long last = began;
        long longest = 0;
        long lost = 0;
        int acknowledged = 0;
        int connectionsBefore = connections;
        while (!ending) {
            long started = System.nanoTime();
            while (System.nanoTime() < endBy) {
                try {
                    client.create(node(acknowledged), new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                    break;
                } catch (KeeperException.NodeExistsException earlier) {
                    // The try whose answer was lost had been carried out.
                    break;
                } catch (KeeperException.ConnectionLossException again) {
                    Thread.sleep(20);
                } catch (KeeperException.SessionExpiredException expired) {
                    lost++;
                    line("session_lost", "\"ms\":" + (System.nanoTime() - last) / 1_000_000);
                    open();
                }
            }
            if (System.nanoTime() >= endBy) {
                break;
            }
            long now = System.nanoTime();
            long gap = (now - last) / 1_000_000;
            acknowledged++;
            longest = Math.max(longest, gap);
            if (gap > GAP_MS) {
                line("gap", "\"ms\":" + gap + ",\"reconnected\":" + (connections != connectionsBefore));
            }
            connectionsBefore = connections;
            last = now;
            long pause = EVERY_MS - (System.nanoTime() - started) / 1_000_000;
            if (pause > 0 && !ending) {
                Thread.sleep(pause);
            }
        }
        // What was still waiting for an answer when the end came is a gap as well.
        longest = Math.max(longest, (System.nanoTime() - last) / 1_000_000);
        String missing = "null";
        try {
            int absent = missing(path, acknowledged);
            missing = String.valueOf(absent);
            complete = absent == 0;
        } catch (KeeperException unreachable) {
            // Left to "watch --verify", when the cluster answers again.
        }
        line("summary", "\"path\":\"" + path + "\",\"seconds\":" + (System.nanoTime() - began) / 1_000_000_000L
            + ",\"acknowledged\":" + acknowledged + ",\"longest_gap_ms\":" + longest + ",\"lost_sessions\":" + lost
            + ",\"missing\":" + missing);
    }

    private String node(int number) {
        return path + "/" + String.format("w-%09d", number);
    }

    /** How many of the acknowledged writes are not there. The server first catches up with the leader. */
    private int missing(String parent, int acknowledged) throws Exception {
        CountDownLatch synced = new CountDownLatch(1);
        client.sync(parent, (code, synchronizedPath, context) -> synced.countDown(), null);
        synced.await(PATIENCE_S, TimeUnit.SECONDS);
        Set<String> there = new HashSet<>(client.getChildren(parent, false));
        int missing = 0;
        for (int i = 0; i < acknowledged; i++) {
            if (!there.contains(String.format("w-%09d", i))) {
                missing++;
            }
        }
        return missing;
    }

    private int verify() throws Exception {
        Pattern summary = Pattern.compile("\"event\":\"summary\".*\"path\":\"([^\"]+)\".*\"acknowledged\":(\\d+)");
        List<String> lines = Files.readAllLines(file);
        int bad = 0;
        int seen = 0;
        for (String line : lines) {
            Matcher found = summary.matcher(line);
            if (found.find()) {
                if (seen++ == 0) {
                    awaitConnection();
                }
                int acknowledged = Integer.parseInt(found.group(2));
                int missing;
                try {
                    missing = missing(found.group(1), acknowledged);
                } catch (KeeperException.NoNodeException gone) {
                    missing = acknowledged;
                }
                System.out.println("{\"event\":\"verified\",\"path\":\"" + found.group(1) + "\",\"acknowledged\":"
                    + acknowledged + ",\"missing\":" + missing + "}");
                bad += missing;
            }
        }
        if (seen == 0) {
            System.err.println("lab: " + file + " holds no summary: its watch has not ended in good order");
            return 1;
        }
        return bad == 0 ? 0 : 1;
    }

    private void line(String event, String fields) throws IOException {
        Files.write(file, ("{\"event\":\"" + event + "\",\"at\":\"" + Instant.now() + "\"," + fields + "}\n")
            .getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
}
