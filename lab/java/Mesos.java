package zkmig.lab;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Stands in for a Mesos master: its election in ZooKeeper, and what it tells an operator on port 5050. */
public final class Mesos extends Service {
    private static final int PORT = 5050;
    private static final String VERSION = "1.11.0";
    private static final Path AGENTS = Path.of("/var/lib/zkmig-lab/agents");
    private static final Path MASTERS = Path.of("/opt/mesosphere/etc/master_count");
    private static final Pattern HOSTNAME = Pattern.compile("\"hostname\":\"([^\"]+)\",\"id\"");
    private final String id;

    /** An agent of the lab is a file with its address for a name, which says "gone" when it is lost. */
    private record Agent(int number, String address, boolean active) {}

    private Mesos(String address, String id) {
        super(address, new Candidate("/mesos", "json.info_", "/mesos/log_replicas", introduction(address, id)));
        this.id = id;
    }

    public static void main(String[] args) throws Exception {
        new Mesos(detectAddress(), UUID.randomUUID().toString()).serve(PORT, "Lost leadership... committing suicide!");
    }

    private static String introduction(String address, String id) {
        return "{\"address\":{\"hostname\":\"" + address + "\",\"ip\":\"" + address + "\",\"port\":" + PORT + "},\"hostname\":\"" + address
            + "\",\"id\":\"" + id + "\",\"pid\":\"master@" + address + ":" + PORT + "\",\"port\":" + PORT + ",\"version\":\"" + VERSION + "\"}";
    }

    @Override
    Answer answer(String method, String path) throws Exception {
        String name = path.replaceFirst("^/master(?=/)", "").replaceFirst("\\.json$", "");
        switch (name) {
            case "/metrics/snapshot":
                return Answer.json(metrics());
            case "/health":
                return new Answer(200, "text/plain", "");
            case "/version":
                return Answer.json("{\"build_user\":\"\",\"version\":\"" + VERSION + "\"}");
            case "/redirect", "/state", "/state-summary", "/slaves":
                break;
            default:
                return new Answer(404, "text/plain", "");
        }
        String leader = leaderAddress();
        if (leader == null) {
            return new Answer(503, "text/plain", "No leader elected");
        }
        if (name.equals("/redirect") || !candidate.elected()) {
            return new Answer(307, "", "//" + leader + ":" + PORT + (name.equals("/redirect") ? "" : path));
        }
        return Answer.json(switch (name) {
            case "/state" -> state();
            case "/slaves" -> "{\"slaves\":[" + slaves(registered()) + "],\"recovered_slaves\":[" + slaves(missing()) + "]}";
            default -> summary();
        });
    }

    private String leaderAddress() {
        String leader = candidate.leader();
        Matcher found = HOSTNAME.matcher(leader == null ? "" : leader);
        return found.find() ? found.group(1) : null;
    }

    private static List<Agent> agents() throws Exception {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(AGENTS)) {
            all.forEach(files::add);
        }
        files.sort(null);
        List<Agent> agents = new ArrayList<>();
        for (Path file : files) {
            agents.add(new Agent(agents.size(), file.getFileName().toString(), !Files.readString(file).contains("gone")));
        }
        return agents;
    }

    /** A new leader knows no agent at first: they come one after the other, a second apart, and a lost one does not come. */
    private boolean isRegistered(Agent agent) {
        return candidate.secondsAsLeader() > agent.number() + 1;
    }

    private List<Agent> registered() throws Exception {
        return agents().stream().filter(this::isRegistered).toList();
    }

    private List<Agent> missing() throws Exception {
        return agents().stream().filter(agent -> !isRegistered(agent)).toList();
    }

    /** The replicated log is recovered when it has once seen a quorum of its replicas. */
    private boolean recovered() throws Exception {
        int masters = Integer.parseInt(Files.readString(MASTERS).strip());
        return candidate.mostMembers() > masters / 2;
    }

    private String metrics() throws Exception {
        boolean leads = candidate.elected();
        List<Agent> known = leads ? registered() : List.of();
        long active = known.stream().filter(Agent::active).count();
        StringBuilder all = new StringBuilder("{");
        metric(all, "master/elected", leads ? 1 : 0);
        metric(all, "master/uptime_secs", (System.currentTimeMillis() - startedAt) / 1000.0);
        metric(all, "master/slaves_active", active);
        metric(all, "master/slaves_connected", active);
        metric(all, "master/slaves_disconnected", known.size() - active);
        metric(all, "master/slaves_inactive", known.size() - active);
        metric(all, "master/slaves_unreachable", 0);
        metric(all, "master/recovery_slave_removals", 0);
        metric(all, "master/slave_reregistrations", known.size());
        metric(all, "master/frameworks_active", leads ? 1 : 0);
        metric(all, "master/frameworks_connected", leads ? 1 : 0);
        metric(all, "master/tasks_running", active);
        metric(all, "registrar/log/ensemble_size", Integer.parseInt(Files.readString(MASTERS).strip()));
        metric(all, "registrar/log/recovered", recovered() ? 1 : 0);
        metric(all, "registrar/queued_operations", 0);
        metric(all, "system/cpus_total", Runtime.getRuntime().availableProcessors());
        all.setCharAt(all.length() - 1, '}');
        return all.toString();
    }

    private static void metric(StringBuilder all, String name, double value) {
        all.append('"').append(name).append("\":").append(value).append(',');
    }

    private String state() throws Exception {
        List<Agent> known = registered();
        long active = known.stream().filter(Agent::active).count();
        return "{\"version\":\"" + VERSION + "\",\"id\":\"" + id + "\",\"pid\":\"master@" + address + ":" + PORT + "\",\"hostname\":\""
            + address + "\",\"start_time\":" + seconds(startedAt / 1000.0) + ",\"elected_time\":" + seconds(candidate.electedTime())
            + ",\"activated_slaves\":" + active + ",\"deactivated_slaves\":" + (known.size() - active)
            + ",\"unreachable_slaves\":0,\"cluster\":\"zkmig-lab\",\"leader\":\"master@" + address + ":" + PORT
            + "\",\"leader_info\":" + introduction(address, id) + ",\"flags\":{\"quorum\":\""
            + (Integer.parseInt(Files.readString(MASTERS).strip()) / 2 + 1) + "\"},\"slaves\":[" + slaves(known)
            + "],\"recovered_slaves\":[" + slaves(missing()) + "],\"frameworks\":[" + frameworks()
            + "],\"completed_frameworks\":[],\"orphan_tasks\":[],\"unregistered_frameworks\":[]}";
    }

    private String summary() throws Exception {
        return "{\"hostname\":\"" + address + "\",\"cluster\":\"zkmig-lab\",\"slaves\":[" + slaves(registered()) + "],\"frameworks\":["
            + frameworks() + "]}";
    }

    private String slaves(List<Agent> agents) {
        return agents.stream().map(agent -> "{\"id\":\"" + id + "-S" + agent.number() + "\",\"hostname\":\"" + agent.address()
            + "\",\"port\":5051,\"attributes\":{},\"pid\":\"slave(1)@" + agent.address() + ":5051\",\"registered_time\":"
            + seconds(candidate.electedTime() + agent.number() + 1)
            + ",\"resources\":{\"disk\":10240.0,\"mem\":4096.0,\"gpus\":0.0,\"cpus\":4.0,\"ports\":\"[1025-32000]\"}"
            + ",\"used_resources\":{\"disk\":0.0,\"mem\":128.0,\"gpus\":0.0,\"cpus\":0.1},\"active\":" + agent.active()
            + ",\"version\":\"" + VERSION + "\",\"capabilities\":[\"MULTI_ROLE\"],\"TASK_RUNNING\":" + (agent.active() ? 1 : 0) + "}")
            .collect(Collectors.joining(","));
    }

    private String frameworks() throws Exception {
        long running = registered().stream().filter(Agent::active).count();
        return "{\"id\":\"zkmig-lab-0000\",\"name\":\"marathon\",\"active\":true,\"connected\":true,\"recovered\":false,\"TASK_RUNNING\":" + running + "}";
    }

    private static String seconds(double time) {
        return String.format(Locale.ROOT, "%.5f", time);
    }
}
