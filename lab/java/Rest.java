package zkmig.lab;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Exhibitor's REST answers, as far as an operator or DC/OS asks them. */
final class Rest {
    private static final String BASE = "/exhibitor/v1/";
    private static final Pattern STATE = Pattern.compile("\"state\":(\\d+).*\"isLeader\":(true|false)");
    private final Exhibitor exhibitor;
    private final int port;
    private final Security security;
    private final ExecutorService workers = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "qtp");
        thread.setDaemon(true);
        return thread;
    });
    private String status = "[]";
    private long statusAt;

    Rest(Exhibitor exhibitor, int port, Security security) {
        this.exhibitor = exhibitor;
        this.port = port;
        this.security = security;
    }

    void start() throws IOException {
        HttpServer server = security.listen(port);
        server.setExecutor(workers);
        server.createContext("/", this::handle);
        server.start();
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (!security.admits(path, exchange.getRequestHeaders().getFirst("Authorization"))) {
            exchange.getResponseHeaders().set("WWW-Authenticate", "basic realm=\"DCOS\"");
            exchange.sendResponseHeaders(401, -1);
            exchange.close();
            return;
        }
        String body;
        int code = 200;
        String type = "application/json";
        try {
            String name = path.startsWith(BASE) ? path.substring(BASE.length()) : "";
            String accept = exchange.getRequestHeaders().getFirst("Accept");
            boolean form = accept != null && accept.contains("x-www-form-urlencoded");
            if (name.equals("cluster/status")) {
                body = status();
            } else if (name.equals("cluster/state")) {
                body = state();
            } else if (name.equals("cluster/list")) {
                body = list(form);
                type = form ? "application/x-www-form-urlencoded" : type;
            } else if (name.equals("config/get-state")) {
                body = getState();
                exchange.getResponseHeaders().set("ETag", '"' + Integer.toHexString(exhibitor.config().hashCode()) + '"');
            } else if (name.startsWith("cluster/4ltr/")) {
                body = quote(exhibitor.zookeeper().ask(name.substring("cluster/4ltr/".length())));
            } else if (name.matches("cluster/set/(restarts|cleanup|backups)/(true|false)")) {
                String[] parts = name.split("/");
                exhibitor.turn(parts[2], Boolean.parseBoolean(parts[3]));
                body = "{\"message\":\"OK\",\"succeeded\":true}";
            } else if (name.matches("cluster/(restart|start)")) {
                exhibitor.restartNow();
                body = "{\"message\":\"OK\",\"succeeded\":true}";
            } else if (name.equals("cluster/stop")) {
                exhibitor.stopNow();
                body = "{\"message\":\"OK\",\"succeeded\":true}";
            } else if (name.matches("config/(rollback|force-commit)-rolling")) {
                body = settle(name.contains("commit"));
            } else {
                code = 404;
                body = "";
            }
        } catch (Exception failed) {
            code = 500;
            body = "{\"message\":" + quote("" + failed.getMessage()) + ",\"succeeded\":false}";
        }
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(code, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private String state() {
        return "{\"switches\":{\"restarts\":" + exhibitor.isOn("restarts") + ",\"cleanup\":" + exhibitor.isOn("cleanup")
            + ",\"backups\":" + exhibitor.isOn("backups") + "},\"state\":" + exhibitor.state().ordinal()
            + ",\"description\":" + quote(exhibitor.state().description) + ",\"isLeader\":" + exhibitor.leader() + "}";
    }

    /** Kept for a check period, because the real one shows what its last check saw. */
    private synchronized String status() throws Exception {
        long age = (System.nanoTime() - statusAt) / 1_000_000;
        if (statusAt != 0 && age < exhibitor.checkMs()) {
            return status;
        }
        List<Future<String>> answers = new ArrayList<>();
        for (ServerList.Server server : exhibitor.ensemble().servers) {
            answers.add(workers.submit(() -> statusOf(server.host())));
        }
        List<String> all = new ArrayList<>();
        for (Future<String> answer : answers) {
            all.add(answer.get());
        }
        status = "[" + String.join(",", all) + "]";
        statusAt = System.nanoTime();
        return status;
    }

    private String statusOf(String host) {
        ZooKeeperProcess.Answer seen = look(host);
        return "{\"code\":" + seen.state().ordinal() + ",\"description\":" + quote(seen.state().description) + ",\"hostname\":"
            + quote(host) + ",\"isLeader\":" + seen.leader() + "}";
    }

    /** What a master of the list says of its ZooKeeper; one that can't be asked is down, as for the real one. */
    ZooKeeperProcess.Answer look(String host) {
        if (host.equals(exhibitor.hostname())) {
            return new ZooKeeperProcess.Answer(exhibitor.state(), exhibitor.leader());
        }
        try {
            HttpURLConnection peer = security.connect(host, port, BASE + "cluster/state");
            peer.setConnectTimeout(10_000);
            peer.setReadTimeout(3000);
            Matcher found = STATE.matcher(new String(peer.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            if (found.find()) {
                ZooKeeperProcess.State state = ZooKeeperProcess.State.values()[Integer.parseInt(found.group(1))];
                return new ZooKeeperProcess.Answer(state, Boolean.parseBoolean(found.group(2)));
            }
        } catch (IOException unreachable) {
            // Below.
        }
        return new ZooKeeperProcess.Answer(ZooKeeperProcess.State.DOWN, false);
    }

    private String list(boolean form) {
        List<String> hosts = exhibitor.ensemble().servers.stream().map(ServerList.Server::host).toList();
        String client = exhibitor.config().getProperty("client-port");
        StringBuilder body = new StringBuilder();
        if (form) {
            body.append("count=").append(hosts.size());
            for (int i = 0; i < hosts.size(); i++) {
                body.append("&server").append(i).append('=').append(hosts.get(i));
            }
            return body.append("&port=").append(client).toString();
        }
        return "{\"servers\":[" + String.join(",", hosts.stream().map(Rest::quote).toList()) + "],\"port\":" + client + "}";
    }

    private String getState() {
        Properties config = exhibitor.config();
        boolean running;
        try {
            running = exhibitor.zookeeper().ask("ruok").equals("imok");
        } catch (IOException down) {
            running = false;
        }
        ServerList.Server us = exhibitor.ensemble().find(exhibitor.hostname());
        StringBuilder body = new StringBuilder("{\"version\":\"zkmig-lab\",\"running\":" + running
            + ",\"backupActive\":false,\"standaloneMode\":false,\"extraHeadingText\":null,\"nodeMutationsAllowed\":true,"
            + "\"config\":{" + rolling() + ",\"hostname\":"
            + quote(exhibitor.hostname()) + ",\"serverId\":" + (us == null ? -1 : us.id()));
        String[][] texts = {{"logIndexDirectory", "log-index-directory"},
            {"zookeeperInstallDirectory", "zookeeper-install-directory"},
            {"zookeeperConfigDirectory", "zookeeper-config-directory"},
            {"zookeeperDataDirectory", "zookeeper-data-directory"}, {"zookeeperLogDirectory", "zookeeper-log-directory"},
            {"zookeeperPidPath", "zookeeper-pid-path"}, {"serversSpec", "servers-spec"}, {"backupExtra", "backup-extra"},
            {"javaEnvironment", "java-environment"}, {"log4jProperties", "log4j-properties"}};
        for (String[] text : texts) {
            body.append(",\"").append(text[0]).append("\":").append(quote(config.getProperty(text[1], "")));
        }
        String[][] numbers = {{"clientPort", "client-port"}, {"connectPort", "connect-port"},
            {"electionPort", "election-port"}, {"checkMs", "check-ms"}, {"cleanupPeriodMs", "cleanup-period-ms"},
            {"cleanupMaxFiles", "cleanup-max-files"}, {"backupPeriodMs", "backup-period-ms"},
            {"backupMaxStoreMs", "backup-max-store-ms"}, {"autoManageInstances", "auto-manage-instances"},
            {"autoManageInstancesSettlingPeriodMs", "auto-manage-instances-settling-period-ms"},
            {"autoManageInstancesFixedEnsembleSize", "auto-manage-instances-fixed-ensemble-size"},
            {"autoManageInstancesApplyAllAtOnce", "auto-manage-instances-apply-all-at-once"},
            {"observerThreshold", "observer-threshold"}};
        for (String[] number : numbers) {
            body.append(",\"").append(number[0]).append("\":").append(config.getProperty(number[1], "0"));
        }
        List<String> extra = new ArrayList<>();
        Properties pairs = ZooKeeperProcess.extra(config);
        for (String name : pairs.stringPropertyNames()) {
            extra.add(quote(name) + ":" + quote(pairs.getProperty(name)));
        }
        return body.append(",\"zooCfgExtra\":{").append(String.join(",", extra))
            .append("},\"controlPanel\":{}}}").toString();
    }

    /** How far a change that is rolled out from host to host has come. */
    private String rolling() {
        Stored stored = exhibitor.stored();
        if (!stored.isRolling()) {
            return "\"rollInProgress\":false,\"rollStatus\":\"n/a\",\"rollPercentDone\":0";
        }
        int at = Math.min(stored.index(), stored.hosts().size() - 1);
        String status = "Applying to " + stored.hosts().get(at) + " (" + (at + 1) + " of " + stored.hosts().size() + ")";
        return "\"rollInProgress\":true,\"rollStatus\":" + quote(status) + ",\"rollPercentDone\":" + 100 * at / stored.hosts().size();
    }

    /** Ends a change that is rolled out: on every host with the new settings, or back with the old ones. */
    private String settle(boolean commit) throws Exception {
        Stored stored = exhibitor.stored();
        boolean done = stored.isRolling() && exhibitor.source().store(stored.settled(commit ? stored.changed() : stored.settings()));
        return "{\"message\":\"OK\",\"succeeded\":" + done + "}";
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                default -> out.append(c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        return out.append('"').toString();
    }
}
