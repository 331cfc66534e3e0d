//! The descriptions of what `zookeeper::…` has. None of it touches a host.

use crate::script::catalog::{Entry, Opt, opt};
use crate::zookeeper::journal;

const fn pure(
    name: &'static str,
    usage: &'static str,
    arguments: &'static [usize],
    doc: &'static str,
    example: &'static str,
) -> Entry {
    Entry { name, on: "", usage, arguments, options: &[], kind: None, doc, example }
}

const ENSEMBLE: Entry = pure(
    "zookeeper::ensemble",
    "zookeeper::ensemble(ids)",
    &[1],
    "The ensemble of a map from address to id, as a text such as \"1:10.0.0.1,2:10.0.0.2\", in the order of the addresses. \
     Fails when there is no server, an id is not a number from 1 to 255, or two servers have the same.",
    "note(zookeeper::ensemble(#{ \"10.0.0.1\": 2, \"10.0.0.2\": 1 }));",
);

const IDS: Entry = pure(
    "zookeeper::ids",
    "zookeeper::ids(ensemble)",
    &[1],
    "The ids of an ensemble such as \"1:10.0.0.1,2:10.0.0.2\", as a map from address to number. Fails on what Exhibitor would drop \
     without a word: other forms, spaces, observers, ids and addresses that stand twice.",
    "let id = zookeeper::ids(\"1:10.0.0.1,2:10.0.0.2\")[\"10.0.0.2\"];",
);

const MOVES: Entry = pure(
    "zookeeper::moves",
    "zookeeper::moves(from, to)",
    &[2],
    "The addresses, as a list, that have another id in the second ensemble than in the first. An empty text for the first gives \
     none; fails when one is no ensemble, as ids does.",
    "let moving = zookeeper::moves(\"2:10.0.0.1,1:10.0.0.2,3:10.0.0.3\", \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\");",
);

const SRVR: Entry = pure(
    "zookeeper::srvr",
    "zookeeper::srvr(answer)",
    &[1],
    "What ZooKeeper's answer to `srvr` says, as a map: `serving` (true or false), `mode` (leader, follower, standalone, observer), \
     `version` (such as 3.4.14) and `zxid` as texts, `node_count` as a number; () for each that it does not say. An empty answer is \
     a server that does not serve.",
    "let serving = zookeeper::srvr(\"Zookeeper version: 3.4.14-4c25\\nMode: leader\\n\").serving;",
);

const ROLE: Entry = pure(
    "zookeeper::role",
    "zookeeper::role(answer, servers)",
    &[2],
    "What a server, one of so many, is to its quorum by its answer to `srvr`, as probe's verdict: a map with `serves`, `leads` and \
     `epoch`, the number of the leader's epoch (() where it does not tell); () for a server that is no part of it.",
    "let leads = zookeeper::role(\"Zxid: 0x500000012\\nMode: leader\\n\", 3).leads;",
);

const SERVER_ID: Entry = pure(
    "zookeeper::server_id",
    "zookeeper::server_id(answer)",
    &[1],
    "The id of the running process, a number, from ZooKeeper's answer to `conf`. Gives () where it does not tell: it does not serve, \
     is a standalone one, or may not say (3.5 and later, by default).",
    "let id = zookeeper::server_id(\"clientPort=2181\\nserverId=3\\n\");",
);

const SYNCED_FOLLOWERS: Entry = pure(
    "zookeeper::synced_followers",
    "zookeeper::synced_followers(answer)",
    &[1],
    "How many followers the leader has in sync, a number, from its answer to `mntr`; () where it does not tell, as only a leader does.",
    "let count = zookeeper::synced_followers(\"zk_server_state\\tleader\\nzk_synced_followers\\t4\\n\") ?? 0;",
);

const ZXID_LESS: Entry = pure(
    "zookeeper::zxid_less",
    "zookeeper::zxid_less(one, other)",
    &[2],
    "Whether the first transaction id, a text such as \"0x500000012\", is older than the second. A text that is none is older than \
     every one.",
    "if zookeeper::zxid_less(\"0x4ffffffff\", \"0x500000012\") { note(\"older\"); }",
);

const OWN_ID: Entry = pure(
    "zookeeper::own_id",
    "zookeeper::own_id(line)",
    &[1],
    "The id, a number, that a line of ZooKeeper's log tells of the process that printed it; () when it tells none. Ids of other \
     servers in the line don't count.",
    "let id = zookeeper::own_id(\"New election. My id =  5, proposed zxid=0x0\");",
);

const LIST_ROOT_REQUEST: Entry = pure(
    "zookeeper::list_root_request",
    "zookeeper::list_root_request()",
    &[0],
    "The bytes, for tcp, that open a session, list the znodes under `/` and close the session. An answer proves that a quorum agrees.",
    "let lists = |m| zookeeper::list_root_answer(m.tcp(2181, zookeeper::list_root_request(), #{ bytes: true }));",
);

const LIST_ROOT_ANSWER: Entry = pure(
    "zookeeper::list_root_answer",
    "zookeeper::list_root_answer(bytes)",
    &[1],
    "The names of the znodes under `/`, a list of texts, from the answer to list_root_request. Gives an empty one when the answer is \
     not that of a server that let the client in.",
    "let serves = |m| zookeeper::list_root_answer(m.tcp(2181, zookeeper::list_root_request(), #{ bytes: true })).contains(\"zookeeper\");",
);

const DATA_REQUEST: Entry = pure(
    "zookeeper::data_request",
    "zookeeper::data_request(path)",
    &[1],
    "The bytes, for tcp, that open a session, read the znode at a path and close the session.",
    "let read = |m| zookeeper::data_answer(m.tcp(2181, zookeeper::data_request(\"/exhibitor/config\"), #{ bytes: true }));",
);

const DATA_ANSWER: Entry = pure(
    "zookeeper::data_answer",
    "zookeeper::data_answer(bytes)",
    &[1],
    "What the answer to data_request says, as a map: `text`, what is in the znode, read as ISO 8859-1, or () when it can't be told; \
     then `why` says the reason, and is empty otherwise.",
    "let answer = zookeeper::data_answer(blob());\nif answer.text == () { note(answer.why); }",
);

const CREATE_REQUEST: Entry = pure(
    "zookeeper::create_request",
    "zookeeper::create_request(path, text)",
    &[2],
    "The bytes, for tcp, that open a session, make a znode that stays, with a text in it, and close the session. Anybody may \
     change and remove the znode.",
    "let plant = |m| zookeeper::done_answer(m.tcp(2181, zookeeper::create_request(\"/mark\", \"here\"), #{ bytes: true })).done;",
);

const DELETE_REQUEST: Entry = pure(
    "zookeeper::delete_request",
    "zookeeper::delete_request(path)",
    &[1],
    "The bytes, for tcp, that open a session, remove the znode at a path and close the session.",
    "let remove = |m| zookeeper::done_answer(m.tcp(2181, zookeeper::delete_request(\"/mark\"), #{ bytes: true })).done;",
);

const DONE_ANSWER: Entry = pure(
    "zookeeper::done_answer",
    "zookeeper::done_answer(bytes)",
    &[1],
    "What the answer to create_request or delete_request says, as a map: `done`, true when a quorum has the change; else `why` \
     says the reason, and is empty otherwise.",
    "let answer = zookeeper::done_answer(blob());\nif !answer.done { note(answer.why); }",
);

const PLAN: Entry = Entry {
    options: &[
        opt(
            "versions",
            "a list of texts such as \"3.4.14\"",
            "the servers' versions of ZooKeeper, as far as they tell them, whose rules are foreseen; needed",
        ),
        opt(
            "list",
            "an ensemble",
            "the list of those servers that were not restarted yet in the stage under way, of all when none is; needed",
        ),
        opt("target", "an ensemble", "the list at the end, of the same servers; needed"),
        opt("serving", "a list of addresses", "who leads or follows; needed"),
        opt(
            "restart_seconds",
            "a number of seconds",
            "how long one restart takes until the server serves again; needed",
        ),
        opt(
            "pause_seconds",
            "a number of seconds",
            "how long it is from the end of one restart to the beginning of the next; 5",
        ),
        opt("tick_seconds", "a number of seconds", "a tick of the ensemble, `tickTime` of its zoo.cfg; 2.0"),
        opt(
            "init_limit",
            "a number of ticks",
            "how long a new leader waits for a server's answer, `initLimit` of its zoo.cfg; 10",
        ),
        opt(
            "reload_seconds",
            "a number of seconds",
            "how long a server takes at the most to read its database, which versions up to 3.4.9 do before each vote; 5.0, and nothing for later ones",
        ),
        opt(
            "max_down",
            "1 or 2",
            "how many servers may be down at once by plan; without it, or with (), whichever of both has less time without a spare",
        ),
        opt("leader", "an address", "who leads; without it, or with (), nobody"),
        opt(
            "next",
            "an ensemble",
            "the list that the stage under way gives; without it, or with (), none is under way",
        ),
        opt("moved", "a list of addresses", "who has the list of `next` already; nobody without it"),
        opt(
            "absent",
            "a list of addresses",
            "who was seen not to take part in elections though it serves nobody; nobody without it",
        ),
        opt("due", "true or false", "whether every server has to be restarted once, even if its id stays; false"),
        opt(
            "between",
            "a number from 0 to 2",
            "how many stages may be put between, each with a list that is neither today's nor the one at the end; the one under way counts; 0",
        ),
        opt(
            "leader_changes",
            "a number from 0 to 2",
            "how often a leader may be restarted only so that another one leads; 2",
        ),
    ],
    ..pure(
        "zookeeper::plan",
        "zookeeper::plan(request)",
        &[1],
        "The restarts that give the servers of an ensemble other ids, in the order that costs least. Servers are addresses, ensembles \
         texts such as \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\". Gives a map: `stages`, `price`, `cheapest`, true when it was made sure \
         that no other plan costs less, `not_joined`, who could join those that serve and has not: the plan does not count on it; \
         `max_down`, 1 or 2; `why`, a sentence that tells why this plan, and `cautions`, sentences on what else an election may come to with this ZooKeeper. A stage has `ensemble`, the list that it gives, and `restarts`, in order. A restart has \
         `servers` (stopped together, in this order, and started again when the others have a leader; `at_once` is true where they \
         have to be stopped in the same moment, none waiting for another); while they are down: `serving_while_down`, \
         `spare_while_down` (how many more could fail before the quorum is lost, () without one), `lost_while_down` (nobody leads), \
         `election`, `noticed` (it begins when the leader notices that it has lost its quorum, up to a tick later), `electing` (who \
         takes part in it), `late` (who is elected may wait `init_limit` ticks for servers that are late, and more than once), `loses_writes` (such a server may be elected itself, and writes be lost); afterwards: \
         `serving`, `racing` (who of the servers joins only if it calls the others in time, and otherwise has to be restarted \
         again), `looking` (who does not serve), `leaders` (who may lead, the likeliest first), `spare`; how many seconds one more failure would end the quorum \
         (`seconds_without_spare`: while they are down, and until the next restart begins); and how many \
         nothing can be written, most likely (`gap`) and where the election comes to the worst (`worst_gap`). The price has \
         `restarts`, `elections` and `outages` (restarts while which nobody may lead) as numbers, `elections_only` (true when nothing is lost but the time of elections), and in \
         seconds `gap` (in all), `longest_gap`, `worst_gap` and `no_spare` (one more failure would end the quorum). Fails when the \
         lists are not of the same servers, there are too few or too many of them (3 to 9 can be planned for), a server that is \
         named is in no list, or a field is missing, unknown or of the wrong type.",
        "let ensemble = \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\";\n\
         let plan = zookeeper::plan(#{\n    \
             versions: [\"3.4.14\"], list: \"2:10.0.0.1,1:10.0.0.2,3:10.0.0.3\", target: ensemble, leader: \"10.0.0.3\",\n    \
             serving: zookeeper::ids(ensemble).keys(), restart_seconds: 60,\n\
         });\n\
         for stage in plan.stages { for one in stage.restarts { note(`${one.servers.join(\" and \")}: ${one.gap} s`); } }",
    )
};

const FOLLOW: Entry = pure(
    "zookeeper::follow",
    "zookeeper::follow(request, stages)",
    &[2],
    "What the restarts in a given order come to: the same map as plan gives, `cheapest` false. The request is as for plan; `stages` is a \
     list of maps: `ensemble`, the list that the stage gives, and `restarts`, a list of lists of addresses, those in one list \
     stopped together. Fails as plan does.",
    "let asked = #{\n    \
         versions: [\"3.4.14\"], list: \"2:10.0.0.1,1:10.0.0.2,3:10.0.0.3\", target: \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\",\n    \
         leader: \"10.0.0.3\", serving: [\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"], restart_seconds: 60,\n\
     };\n\
     let stages = [#{ ensemble: asked.target, restarts: [[\"10.0.0.2\"], [\"10.0.0.1\"], [\"10.0.0.3\"]] }];\n\
     note(`${zookeeper::follow(asked, stages).price.worst_gap} s at the worst`);",
);

const JOINS: Entry = pure(
    "zookeeper::joins",
    "zookeeper::joins(request)",
    &[1],
    "The addresses, as a list, of those that look for a leader now and could join those that serve, while the servers' lists differ. \
     Who is not among them waits in vain until another restart. The request is as for plan. Fails as plan does.",
    "let asked = #{\n    \
         versions: [\"3.4.14\"], list: \"2:10.0.0.1,1:10.0.0.2,3:10.0.0.3\", next: \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\",\n    \
         moved: [\"10.0.0.1\"], target: \"1:10.0.0.1,2:10.0.0.2,3:10.0.0.3\",\n    \
         leader: \"10.0.0.3\", serving: [\"10.0.0.2\", \"10.0.0.3\"], restart_seconds: 60,\n\
     };\n\
     if zookeeper::joins(asked).is_empty() { note(\"10.0.0.1 waits for the next restart\"); }",
);

/// The patterns' names and meanings, from the place that has them.
const NAMES: [Opt; journal::PATTERNS.len()] = {
    let mut names = [const { opt("", "", "") }; journal::PATTERNS.len()];
    let mut at = 0;
    while at < names.len() {
        let pattern = &journal::PATTERNS[at];
        names[at] = opt(pattern.name, "a text", pattern.doc);
        at += 1;
    }
    names
};

const PATTERNS: Entry = Entry {
    options: &NAMES,
    ..pure(
        "zookeeper::PATTERNS",
        "zookeeper::PATTERNS.name",
        &[],
        "Regular expressions for lines that ZooKeeper logs, for journal.wait: a map of texts by name. Exhibitor's are in dcos::PATTERNS.",
        "let pattern = zookeeper::PATTERNS.election;",
    )
};

/// What the module has.
pub const ENTRIES: &[Entry] = &[
    ENSEMBLE,
    IDS,
    MOVES,
    PLAN,
    FOLLOW,
    JOINS,
    SRVR,
    ROLE,
    SERVER_ID,
    SYNCED_FOLLOWERS,
    ZXID_LESS,
    LIST_ROOT_REQUEST,
    LIST_ROOT_ANSWER,
    DATA_REQUEST,
    DATA_ANSWER,
    CREATE_REQUEST,
    DELETE_REQUEST,
    DONE_ANSWER,
    OWN_ID,
    PATTERNS,
];
