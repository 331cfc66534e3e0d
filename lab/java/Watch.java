package zkmig.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

/**
 * Applications of the cluster, which write all the time, and a line for each moment in which they would have suffered:
 * a gap in which nobody's write was acknowledged, and the waits of each. {@code Watch write CONNECT FILE SESSIONS} or
 * {@code Watch verify CONNECT FILE}.
 */
public final class Watch {
    static final int PATIENCE_S = 30;
    /** How far apart the writes of all sessions together are, at the least: what a gap's ends are seen to. More writes would say nothing more, and
     * take the processors from the clusters that are measured. */
    private static final int APART_MS = 25;
    /** How far apart one session's writes are, at the least. */
    private static final int EVERY_MS = 100;

    private static final String ROOT = "/zkmig-lab-watch";
    private static final Pattern SUMMARY =
        Pattern.compile("\"event\":\"summary\".*\"path\":\"([^\"]+)\".*\"written\":\\[([\\d,]*)]");

    private final String connect;
    private final Path file;
    private volatile boolean complete;

    private Watch(String connect, Path file) {
        this.connect = connect;
        this.file = file;
    }

    public static void main(String[] args) throws Exception {
        Watch watch = new Watch(args[1], Path.of(args[2]));
        try {
            if (args[0].equals("verify")) {
                System.exit(watch.verify());
            }
            watch.write(Integer.parseInt(args[3]));
        } catch (NoServer said) {
            System.err.println("lab: " + said.getMessage());
            System.exit(1);
        }
    }

    private void write(int sessions) throws Exception {
        Ending ending = new Ending(sessions);
        CountDownLatch finished = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            // The summary is written here too, so the signal waits for it, but not for ever.
            ending.ask(PATIENCE_S);
            try {
                finished.await(2 * PATIENCE_S, TimeUnit.SECONDS);
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
            // The exit code tells of the writes, not of the signal that ended the watch.
            Runtime.getRuntime().halt(complete ? 0 : 1);
        }));
        try {
            run(sessions, ending);
        } finally {
            finished.countDown();
        }
    }

    private void run(int sessions, Ending ending) throws Exception {
        String path = ROOT + "/" + System.currentTimeMillis();
        int everyMs = Math.max(EVERY_MS, APART_MS * sessions);
        Notes notes = new Notes(file);
        List<Writer> writers = new ArrayList<>();
        EnsembleClock ensemble = new EnsembleClock(notes);
        for (int number = 1; number <= sessions; number++) {
            writers.add(new Writer(number, everyMs, connect, path, notes, ensemble, ending));
        }
        begin(writers, path, ending);
        notes.line("start", "\"path\":\"" + path + "\",\"every_ms\":" + everyMs + ",\"sessions\":" + sessions);
        long began = System.nanoTime();
        ensemble.begin(began);
        Newcomer.start(connect, ensemble);
        ExecutorService threads = Executors.newFixedThreadPool(sessions, task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        ExecutorCompletionService<Writer> ended = new ExecutorCompletionService<>(threads);
        for (Writer writer : writers) {
            ended.submit(writer);
            // Evenly over the time between two writes of one.
            ending.await(everyMs / sessions);
        }
        for (int i = 0; i < sessions; i++) {
            // One that fails fails the watch, at once.
            ended.take().get();
        }
        notes.line("summary", summary(path, (System.nanoTime() - began) / 1_000_000_000L, writers, ensemble));
    }

    /** Returns when each has its session and its folder. */
    private void begin(List<Writer> writers, String path, Ending ending) throws Exception {
        for (Writer writer : writers) {
            writer.open();
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        for (Writer writer : writers) {
            while (!writer.isConnected()) {
                if (ending.asked()) {
                    throw new NoServer("the watch was ended before it began");
                }
                if (System.nanoTime() - deadline > 0) {
                    throw noServer();
                }
                Thread.sleep(20);
            }
        }
        writers.get(0).ensure(ROOT);
        writers.get(0).ensure(path);
        for (Writer writer : writers) {
            writer.ensureFolder();
        }
    }

    private String summary(String path, long seconds, List<Writer> writers, EnsembleClock ensemble) {
        boolean seen = writers.stream().allMatch(writer -> writer.missing() != null);
        int missing = seen ? writers.stream().mapToInt(Writer::missing).sum() : 0;
        complete = seen && missing == 0;
        return "\"path\":\"" + path + "\",\"seconds\":" + seconds + ",\"sessions\":" + writers.size()
            + ",\"acknowledged\":" + writers.stream().mapToInt(Writer::acknowledged).sum()
            + ",\"written\":[" + writers.stream().map(writer -> String.valueOf(writer.acknowledged())).collect(Collectors.joining(",")) + "]"
            + ",\"longest_gap_ms\":" + ensemble.longestMs()
            + ",\"longest_wait_ms\":" + writers.stream().mapToLong(Writer::longestMs).max().orElse(0)
            + ",\"lost_sessions\":" + writers.stream().mapToInt(Writer::lostSessions).sum()
            + ",\"missing\":" + (seen ? String.valueOf(missing) : "null");
    }

    private int verify() throws Exception {
        ZooKeeper client = null;
        int bad = 0;
        for (String line : Files.readAllLines(file)) {
            Matcher found = SUMMARY.matcher(line);
            if (found.find()) {
                client = client == null ? connected() : client;
                String path = found.group(1);
                String[] written = found.group(2).split(",");
                int acknowledged = 0;
                int missing = 0;
                for (int i = 0; i < written.length; i++) {
                    int count = Integer.parseInt(written[i]);
                    acknowledged += count;
                    missing += missing(client, Writer.folder(path, i + 1), count);
                }
                System.out.println("{\"event\":\"verified\",\"path\":\"" + path + "\",\"acknowledged\":"
                    + acknowledged + ",\"missing\":" + missing + "}");
                bad += missing;
            }
        }
        if (client == null) {
            System.err.println("lab: " + file + " holds no summary: its watch has not ended in good order");
            return 1;
        }
        return bad == 0 ? 0 : 1;
    }

    private static int missing(ZooKeeper client, String folder, int acknowledged) throws KeeperException, InterruptedException {
        try {
            return Writer.missing(client, folder, acknowledged);
        } catch (KeeperException.NoNodeException gone) {
            return acknowledged;
        }
    }

    private ZooKeeper connected() throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = Sessions.open(connect, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        if (!connected.await(PATIENCE_S, TimeUnit.SECONDS)) {
            throw noServer();
        }
        return client;
    }

    private NoServer noServer() {
        return new NoServer("no server of " + connect + " took a session within " + PATIENCE_S + " s");
    }

    private static final class NoServer extends Exception {
        private static final long serialVersionUID = 1L;

        NoServer(String message) {
            super(message);
        }
    }
}
