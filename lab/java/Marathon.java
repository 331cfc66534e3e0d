package zkmig.lab;

/** Stands in for Marathon: its election in ZooKeeper, and what it tells an operator on port 8080. */
public final class Marathon extends Service {
    private static final int PORT = 8080;

    private Marathon(String address) {
        super(address, new Candidate("/marathon/leader-curator", "latch-", "/marathon/members", address + ":" + PORT));
    }

    public static void main(String[] args) throws Exception {
        new Marathon(detectAddress()).serve(PORT, "Lost leadership (shutting down)");
    }

    @Override
    Answer answer(String method, String path) {
        String leader = candidate.leader();
        return switch (method + " " + path) {
            case "GET /ping" -> new Answer(200, "text/plain", "pong\n");
            case "GET /v2/info" -> Answer.json(info(leader));
            case "GET /v2/leader" -> leader == null ? new Answer(404, "application/json", "{\"message\":\"There is no leader\"}")
                : Answer.json("{\"leader\":\"" + leader + "\"}");
            // Apps are the leader's to tell; whoever has none to ask says so.
            case "GET /v2/apps" -> leader == null ? new Answer(503, "application/json", "{\"message\":\"Could not determine the current leader\"}")
                : Answer.json("{\"apps\":[]}");
            default -> new Answer(404, "application/json", "{\"message\":\"Not Found\"}");
        };
    }

    private String info(String leader) {
        return "{\"name\":\"marathon\",\"version\":\"1.11.24\",\"buildref\":\"unknown\",\"elected\":" + candidate.elected()
            + ",\"leader\":" + (leader == null ? "null" : '"' + leader + '"') + ",\"frameworkId\":\"zkmig-lab-0000\""
            + ",\"marathon_config\":{\"master\":\"zk://127.0.0.1:2181/mesos\",\"ha\":true,\"hostname\":\"" + address
            + "\",\"framework_name\":\"marathon\",\"checkpoint\":true,\"webui_url\":null}"
            + ",\"zookeeper_config\":{\"zk\":\"zk://127.0.0.1:2181/marathon\",\"zk_timeout\":10000,\"zk_session_timeout\":" + Sessions.TIMEOUT_MS
            + ",\"zk_max_versions\":50},\"event_subscriber\":null,\"http_config\":{\"http_port\":" + PORT + ",\"https_port\":8443}}";
    }
}
