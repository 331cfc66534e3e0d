package zkmig.lab;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/** Starts, ends and asks the ZooKeeper server beside Exhibitor, with the weaknesses of the real way of doing it. */
final class ZooKeeperProcess {
    enum State {
        LATENT("latent"), DOWN("down"), NOT_SERVING("not serving"), SERVING("serving");

        final String description;

        State(String description) {
            this.description = description;
        }
    }

    record Answer(State state, boolean leader) {}

    private static final int ASK_MS = Integer.getInteger("zkmig.lab.four-letter-ms");
    private final Exhibitor exhibitor;

    ZooKeeperProcess(Exhibitor exhibitor) {
        this.exhibitor = exhibitor;
    }

    String ask(String word) throws IOException {
        int port = Integer.parseInt(exhibitor.config().getProperty("client-port"));
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port), ASK_MS);
            socket.setSoTimeout(ASK_MS);
            socket.getOutputStream().write(word.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    Answer check() {
        try {
            if (ask("ruok").equals("imok")) {
                for (String line : ask("srvr").split("\n")) {
                    if (line.contains("not currently serving")) {
                        return new Answer(State.NOT_SERVING, false);
                    }
                    if (line.startsWith("Mode:")) {
                        return new Answer(State.SERVING, line.contains("leader") || line.contains("standalone"));
                    }
                }
            }
        } catch (IOException closed) {
            // Nobody listens: the server is down.
        }
        return new Answer(State.DOWN, false);
    }

    /** What jps would print: the JVMs that keep a file in /tmp/hsperfdata_USER, so one without the file is missed. */
    private long find() throws IOException {
        Path seen = Path.of("/tmp/hsperfdata_" + System.getProperty("user.name"));
        if (!Files.isDirectory(seen)) {
            return 0;
        }
        try (DirectoryStream<Path> pids = Files.newDirectoryStream(seen, "[0-9]*")) {
            for (Path pid : pids) {
                try {
                    String command = Files.readString(Path.of("/proc", pid.getFileName().toString(), "cmdline"));
                    if (command.contains("org.apache.zookeeper.server.quorum.QuorumPeerMain")) {
                        return Long.parseLong(pid.getFileName().toString());
                    }
                } catch (IOException gone) {
                    // A file of a JVM that has ended.
                }
            }
        }
        return 0;
    }

    void stop() throws Exception {
        long pid = find();
        if (pid == 0) {
            exhibitor.log("jps didn't find instance - assuming ZK is not running");
            return;
        }
        ProcessHandle process = ProcessHandle.of(pid).orElse(null);
        for (int attempt = 0; attempt < 3 && process != null && process.isAlive(); attempt++) {
            // The waits are as short as the real ones: a kill that takes longer counts as failed.
            TimeUnit.MILLISECONDS.sleep(100L * attempt);
            if (attempt == 0) {
                run("stop");
            } else {
                process.destroyForcibly();
            }
            try {
                process.onExit().get(100, TimeUnit.MILLISECONDS);
                exhibitor.log("Kill attempted result: 0");
            } catch (java.util.concurrent.TimeoutException alive) {
                continue;
            }
        }
        if (process != null && process.isAlive()) {
            exhibitor.error("Could not kill zookeeper process: " + pid);
        }
    }

    void start() throws Exception {
        Properties config = exhibitor.config();
        ServerList ensemble = exhibitor.ensemble();
        ServerList.Server us = ensemble.find(exhibitor.hostname());
        Path data = Path.of(config.getProperty("zookeeper-data-directory"));
        Path logs = Path.of(config.getProperty("zookeeper-log-directory"));
        Path directory = Path.of(config.getProperty("zookeeper-config-directory"));
        Files.createDirectories(data);
        Files.createDirectories(logs);
        Files.createDirectories(directory);
        if (us != null) {
            Files.writeString(data.resolve("myid"), us.id() + "\n");
        } else {
            exhibitor.log("Starting in standalone mode");
            Files.deleteIfExists(data.resolve("myid"));
        }
        Properties zoo = new Properties();
        zoo.setProperty("dataDir", data.toString());
        zoo.setProperty("dataLogDir", logs.toString());
        zoo.setProperty("clientPort", config.getProperty("client-port"));
        zoo.putAll(extra(config));
        for (ServerList.Server server : ensemble.servers) {
            zoo.setProperty("server." + server.id(), server.host() + ":" + config.getProperty("connect-port") + ":"
                + config.getProperty("election-port") + (server.observer() ? ":observer" : ""));
        }
        if (us != null && us.observer()) {
            zoo.setProperty("peerType", "observer");
        }
        try (OutputStream out = Files.newOutputStream(directory.resolve("zoo.cfg"))) {
            zoo.store(out, "Auto-generated by Exhibitor - " + new java.util.Date());
        }
        String environment = config.getProperty("java-environment", "").strip();
        if (!environment.isEmpty()) {
            // Without one nothing is written, and nothing is removed: what an earlier backend had set stays in force.
            Files.writeString(directory.resolve("java.env"), environment + "\n");
        }
        Files.writeString(directory.resolve("log4j.properties"), log4j());
        run("start");
    }

    /** Settings that Exhibitor passes to zoo.cfg as they are: name=value pairs joined by ampersands. */
    static Properties extra(Properties config) {
        Properties extra = new Properties();
        for (String pair : config.getProperty("zoo-cfg-extra", "").split("&")) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                extra.setProperty(pair.substring(0, equals), pair.substring(equals + 1));
            }
        }
        return extra;
    }

    private static String log4j() {
        String pattern = switch (System.getProperty("zkmig.lab.layout", "bare")) {
            case "thread" -> "%-5p [%t:%C{1}@%L] - %m%n";
            case "myid" -> "[myid:%X{myid}] %-5p [%t:%C{1}@%L] - %m%n";
            default -> null;
        };
        String text = "log4j.rootLogger=INFO, journal\nlog4j.appender.journal=zkmig.lab.JournalAppender\n";
        return pattern == null ? text : text + "log4j.appender.journal.pattern=" + pattern + "\n";
    }

    private void run(String command) throws Exception {
        Properties config = exhibitor.config();
        Path script = Path.of(config.getProperty("zookeeper-install-directory"), "bin/zkServer.sh");
        Path directory = Path.of(config.getProperty("zookeeper-config-directory"));
        ProcessBuilder builder = new ProcessBuilder(script.toString(), command, directory.resolve("zoo.cfg").toString());
        Map<String, String> env = builder.environment();
        env.put("ZOOCFGDIR", directory.toString());
        env.put("ZOO_LOG_DIR", Path.of(config.getProperty("zookeeper-log-directory")).getParent().toString());
        env.put("ZOOPIDFILE", config.getProperty("zookeeper-pid-path"));
        Process process = builder.start();
        if (command.equals("start")) {
            exhibitor.log("Process started via: " + script);
        }
        // The server keeps none of the script's descriptors, so the end of these streams is the script's end. They are read
        // one after the other: what the script writes fits into a pipe.
        lines(process.getErrorStream()).forEach(exhibitor::error);
        lines(process.getInputStream()).forEach(exhibitor::log);
        process.waitFor(10, TimeUnit.SECONDS);
    }

    private static List<String> lines(InputStream from) throws IOException {
        return new String(from.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.isBlank())
            .map(line -> "ZooKeeper Server: " + line.strip()).toList();
    }
}
