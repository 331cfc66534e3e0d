package zkmig.lab;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.prefs.Preferences;

/** Stands in for Exhibitor on a master: the same command line, log lines, files, timings and REST answers. */
public final class Exhibitor {
    /** What the monitor compares from check to check. */
    private record Instance(ServerList ensemble, ZooKeeperProcess.State state, String settings) {}

    /** The names of the control panel's switches begin so. */
    private static final String SWITCH = "com.netflix.exhibitor.control-panel.";

    /** Faults that the lab lays here: present only while a rehearsal wants them. */
    private static final Path FAULTS = Path.of("/run/zkmig-lab");

    private final String hostname;
    private final Properties defaults = new Properties();
    private final ConfigSource source;
    private final ZooKeeperProcess zookeeper = new ZooKeeperProcess(this);
    private final Preferences switches = Preferences.userRoot();
    private volatile Properties config;
    private volatile Stored stored;
    private Rest rest;
    private volatile Instance current;
    private volatile long since;
    private volatile boolean leader;

    private Exhibitor(Map<String, String> options) throws Exception {
        hostname = options.get("hostname");
        try (InputStream in = Files.newInputStream(Path.of(options.get("defaultconfig")))) {
            defaults.load(in);
        }
        source = switch (options.getOrDefault("configtype", "")) {
            case "static" -> new ConfigSource.Static(options.get("staticensemble"));
            case "zookeeper" -> new ConfigSource.External(options.get("zkconfigconnect"), options.get("zkconfigzpath"));
            case "file" -> new ConfigSource.SharedFile(Path.of(options.get("fsconfigdir"), "exhibitor.properties"));
            default -> throw new IllegalArgumentException("unknown --configtype: " + options.get("configtype"));
        };
        config = defaults;
        stored = Stored.of(new Properties());
        if (source.readyAtStart()) {
            adopt(source.load());
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < args.length; i++) {
            String name = args[i].replaceFirst("^--", "");
            int equals = name.indexOf('=');
            if (equals >= 0) {
                options.put(name.substring(0, equals), name.substring(equals + 1));
            } else {
                options.put(name, args[++i]);
            }
        }
        Exhibitor exhibitor = new Exhibitor(options);
        exhibitor.rest = new Rest(exhibitor, Integer.parseInt(options.getOrDefault("port", "8181")), Security.of(options, System.getenv()));
        exhibitor.rest.start();
        exhibitor.log("Exhibitor started");
        Thread management = new Thread(new InstanceManagement(exhibitor, FAULTS.resolve("manage-now")), "ActivityQueue-1");
        management.setDaemon(true);
        management.start();
        Thread queue = new Thread(exhibitor::repeat, "ActivityQueue-0");
        queue.start();
        queue.join();
    }

    String hostname() {
        return hostname;
    }

    Properties config() {
        return config;
    }

    /** What was last taken from the storage; of no version where nothing was. */
    Stored stored() {
        return stored;
    }

    ConfigSource source() {
        return source;
    }

    Rest rest() {
        return rest;
    }

    ServerList ensemble() {
        return new ServerList(config.getProperty("servers-spec", ""));
    }

    ZooKeeperProcess zookeeper() {
        return zookeeper;
    }

    ZooKeeperProcess.State state() {
        Instance seen = current;
        return seen == null ? ZooKeeperProcess.State.LATENT : seen.state();
    }

    boolean leader() {
        return leader;
    }

    int checkMs() {
        return Integer.parseInt(config.getProperty("check-ms"));
    }

    /** The shared configuration is looked at in a period of its own, which no setting of the configuration changes. */
    private static int configCheckMs() {
        return Integer.getInteger("zkmig.lab.config-check-ms");
    }

    boolean isOn(String name) {
        return switches.getBoolean(SWITCH + name, true);
    }

    void turn(String name, boolean on) throws Exception {
        switches.putBoolean(SWITCH + name, on);
        switches.flush();
    }

    void log(String message) {
        print("INFO ", message);
    }

    void error(String message) {
        print("ERROR", message);
    }

    private static synchronized void print(String level, String message) {
        System.out.println(level + " com.netflix.exhibitor.core.activity.ActivityLog  " + message
            + " [" + Thread.currentThread().getName() + "]");
        System.out.flush();
    }

    /** Takes a stored configuration; true where it differs from the one in force. */
    private boolean adopt(Stored fresh) {
        if (fresh == null || fresh.equals(stored)) {
            return false;
        }
        Properties merged = new Properties();
        merged.putAll(defaults);
        merged.putAll(fresh.on(hostname));
        boolean changed = !merged.equals(config) || stored.version() == Stored.NEVER;
        stored = fresh;
        config = merged;
        return changed;
    }

    /** Both repeated jobs wait a full period before their first run, and a new configuration restarts the monitor's. */
    private void repeat() {
        long nextConfig = System.nanoTime() + configCheckMs() * 1_000_000L;
        long nextCheck = System.nanoTime() + checkMs() * 1_000_000L;
        while (true) {
            try {
                long pause = Math.min(nextConfig, nextCheck) - System.nanoTime();
                if (pause > 0) {
                    Thread.sleep(pause / 1_000_000, (int) (pause % 1_000_000));
                }
                if (System.nanoTime() >= nextConfig) {
                    boolean changed = adopt(source.load());
                    nextConfig = System.nanoTime() + configCheckMs() * 1_000_000L;
                    if (changed) {
                        nextCheck = System.nanoTime() + checkMs() * 1_000_000L;
                    }
                }
                if (System.nanoTime() >= nextCheck) {
                    check();
                    nextCheck = System.nanoTime() + checkMs() * 1_000_000L;
                }
            } catch (InterruptedException end) {
                return;
            } catch (Exception failed) {
                error("" + failed);
                nextConfig = System.nanoTime() + configCheckMs() * 1_000_000L;
                nextCheck = System.nanoTime() + checkMs() * 1_000_000L;
            }
        }
    }

    private void check() throws Exception {
        ZooKeeperProcess.Answer answer = hangs() ? new ZooKeeperProcess.Answer(ZooKeeperProcess.State.DOWN, false)
            : zookeeper.check();
        leader = answer.leader();
        Instance fresh = new Instance(ensemble(), answer.state(), settings());
        Instance before = current;
        if (fresh.equals(before)) {
            checkForRestart(before);
            return;
        }
        current = fresh;
        since = System.currentTimeMillis();
        log("State: " + fresh.state().description);
        if (before != null && !before.ensemble().equals(fresh.ensemble())) {
            log("Server list has changed");
            restart();
        } else if (before != null && !before.settings().equals(fresh.settings())) {
            log("ZooKeeper related configuration has changed");
            restart();
        } else if (fresh.state() == ZooKeeperProcess.State.DOWN) {
            restart();
        }
        // A first check that finds a serving server changes nothing: a server that outlived its Exhibitor keeps its old id.
    }

    /** The settings whose change restarts ZooKeeper. */
    private String settings() {
        StringBuilder all = new StringBuilder();
        for (String name : new String[] {"zookeeper-data-directory", "zookeeper-log-directory", "client-port",
            "connect-port", "election-port", "zoo-cfg-extra", "java-environment"}) {
            all.append(name).append('=').append(config.getProperty(name, "")).append('\n');
        }
        return all.toString();
    }

    private void checkForRestart(Instance now) throws Exception {
        if (!now.ensemble().servers.isEmpty() && now.ensemble().find(hostname) == null) {
            return;
        }
        if (now.state() != ZooKeeperProcess.State.DOWN && now.state() != ZooKeeperProcess.State.NOT_SERVING) {
            return;
        }
        long elapsed = System.currentTimeMillis() - since;
        Properties extra = ZooKeeperProcess.extra(config);
        long limit = 2L * number(extra, "tickTime") * Math.max(number(extra, "initLimit"), number(extra, "syncLimit"));
        if (limit == 0) {
            limit = 10L * checkMs();
        }
        if (elapsed > limit) {
            log("Restarting down/not-serving ZooKeeper after " + elapsed + " ms pause");
            since = System.currentTimeMillis();
            restart();
        } else {
            log("ZooKeeper down/not-serving waiting " + elapsed + " of " + limit + " ms before restarting");
        }
    }

    private static int number(Properties from, String name) {
        try {
            return Integer.parseInt(from.getProperty(name, "0"));
        } catch (NumberFormatException unusable) {
            return 0;
        }
    }

    private void restart() throws Exception {
        if (!isOn("restarts")) {
            log("Restart of ZooKeeper skipped due to control panel setting");
            return;
        }
        restartNow();
    }

    synchronized void restartNow() throws Exception {
        log("Attempting to stop instance");
        log("Attempting to start/restart ZooKeeper");
        zookeeper.stop();
        zookeeper.start();
    }

    synchronized void stopNow() throws Exception {
        log("Attempting to stop instance");
        zookeeper.stop();
    }

    /**
     * The fault "already-running": for one check, a server that is alive seems not to answer. The file names the
     * Exhibitor that ran when the fault was laid; only a later one is meant.
     */
    private static boolean hangs() {
        Path fault = FAULTS.resolve("hang-once");
        try {
            return !Files.readString(fault).strip().equals(String.valueOf(ProcessHandle.current().pid()))
                && Files.deleteIfExists(fault);
        } catch (IOException notLaid) {
            return false;
        }
    }
}
