//! The descriptions of what `dcos::…` has. None of it touches a host.

use crate::dcos::journal;
use crate::script::catalog::{Entry, Opt, opt};

const fn pure(
    name: &'static str,
    usage: &'static str,
    arguments: &'static [usize],
    doc: &'static str,
    example: &'static str,
) -> Entry {
    Entry { name, on: "", usage, arguments, options: &[], kind: None, doc, example }
}

const CANONICAL: Entry = pure(
    "dcos::canonical",
    "dcos::canonical(addresses)",
    &[1],
    "The ensemble of a list of addresses as DC/OS numbers it: sorted as texts, the ids from 1. Fails when there is none or one \
     stands twice, or is no address.",
    "note(dcos::canonical([\"10.0.0.9\", \"10.0.0.20\", \"10.0.0.104\"]));",
);

const STORED_ENSEMBLE: Entry = pure(
    "dcos::stored_ensemble",
    "dcos::stored_ensemble(text)",
    &[1],
    "The ensemble of a list of servers as a shared configuration has it, where \"S:1:10.0.0.1, 2:10.0.0.2\" is right too: spaces and \
     the type of a server. Fails as ids does.",
    "note(dcos::stored_ensemble(\"S:1:10.0.0.1, 2:10.0.0.2\"));",
);

const OTHER_LINES: Entry = pure(
    "dcos::other_lines",
    "dcos::other_lines(text)",
    &[1],
    "The lines of DC/OS's `exhibitor` environment file that neither choose a backend nor configure one, as a list: they stay when \
     the backend changes.",
    "let kept = dcos::other_lines(\"EXHIBITOR_BACKEND=AWS_S3\\nAWS_REGION=eu-west-1\\nCACERT=/ca.crt\\n\");",
);

const EXHIBITOR_COMMAND: Entry = pure(
    "dcos::exhibitor_command",
    "dcos::exhibitor_command(words)",
    &[1],
    "What the words of Exhibitor's command line, a list, say, as a map of texts: `config_type` (static, zookeeper, s3, azure, gcs, \
     file), `static_ensemble`, `zk_config_connect`, `zk_config_zpath`, `hostname`; () for each that is not given.",
    "let list = dcos::exhibitor_command([\"java\", \"--configtype=static\", \"--staticensemble=1:10.0.0.1\"]).static_ensemble;",
);

const LOST_SETTINGS: Entry = pure(
    "dcos::lost_settings",
    "dcos::lost_settings(state, defaults)",
    &[2],
    "The settings of a shared configuration that the static backend would replace, as a list of maps: `name`, `stored` (its value \
     now), `fixed` (its value then), and `data`, true where it is the place of the data: ZooKeeper would begin with an empty \
     database. `state` is the answer of Exhibitor's get-state, a map, `defaults` the text of the host's exhibitor_defaults.conf; \
     for an empty one DC/OS's values are taken.",
    "let lost = dcos::lost_settings(#{ config: #{ clientPort: 2182 } }, \"\");\nfor one in lost { note(`${one.name}: ${one.stored}, ${one.fixed} then`); }",
);

const STORED_STATE: Entry = pure(
    "dcos::stored_state",
    "dcos::stored_state(text)",
    &[1],
    "What Exhibitor's get-state would answer, from the text of the shared configuration: a map with `config`, in which are the \
     settings that lost_settings compares, `serversSpec` and `rollInProgress`.",
    "let rolling = dcos::stored_state(\"com.netflix.exhibitor-rolling-hostnames=\\n\").config.rollInProgress;",
);

const ZOO_CFG_STATE: Entry = pure(
    "dcos::zoo_cfg_state",
    "dcos::zoo_cfg_state(text)",
    &[1],
    "What Exhibitor's get-state would answer, as far as the text of a zoo.cfg tells: a map with `config`, in which are `serversSpec` \
     and those of the settings that lost_settings compares that are in it.",
    "let spec = dcos::zoo_cfg_state(\"server.1=10.0.0.1:2888:3888\\n\").config.serversSpec;",
);

const REALM_PASSWORD: Entry = pure(
    "dcos::realm_password",
    "dcos::realm_password(text, user)",
    &[2],
    "A user's password in the text of Exhibitor's realm file; () where there is none, or only its hash. Make it a secret at once.",
    "let password = secret(#{ value: dcos::realm_password(\"admin: s3cret-w0rd,admin\", \"admin\") });",
);

const CONFIG_YAML_TO_STATIC: Entry = pure(
    "dcos::config_yaml_to_static",
    "dcos::config_yaml_to_static(text)",
    &[1],
    "The text of DC/OS's config.yaml, changed so that the next upgrade generates the static backend; all else stays, comments \
     included. Fails when `exhibitor_storage_backend` is not there, or stands there twice.",
    "note(dcos::config_yaml_to_static(\"exhibitor_storage_backend: zookeeper\\nexhibitor_zk_hosts: 10.0.0.7:2181\\n\"));",
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
        "dcos::PATTERNS",
        "dcos::PATTERNS.name",
        &[],
        "Regular expressions for lines that Exhibitor and its start script log, for journal.wait: a map of texts by name.",
        "let pattern = dcos::PATTERNS.process_started;",
    )
};

/// What the module has.
pub const ENTRIES: &[Entry] = &[
    CANONICAL,
    STORED_ENSEMBLE,
    OTHER_LINES,
    EXHIBITOR_COMMAND,
    LOST_SETTINGS,
    STORED_STATE,
    ZOO_CFG_STATE,
    REALM_PASSWORD,
    CONFIG_YAML_TO_STATIC,
    PATTERNS,
];
