//! Exhibitor: what its command line says, and which settings are lost when it leaves a shared configuration.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::formats::properties;

/// What Exhibitor was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `static`, `zookeeper`, `s3`, `azure`, `gcs` or `file`.
    pub config_type: Option<String>,
    /// The static ensemble.
    pub static_ensemble: Option<String>,
    /// The external ZooKeeper servers.
    pub zk_config_connect: Option<String>,
    /// Where in them the configuration is.
    pub zk_config_zpath: Option<String>,
    /// The name by which it looks for itself in the list of servers.
    pub hostname: Option<String>,
}

/// Reads a command line's words. Options stand as `--name=value` and as `--name value`.
pub fn command_line(words: &[String]) -> CommandLine {
    let option = |name: &str| {
        words.iter().enumerate().find_map(|(at, word)| {
            let rest = word.strip_prefix("--")?.strip_prefix(name)?;
            if rest.is_empty() { words.get(at + 1).cloned() } else { rest.strip_prefix('=').map(str::to_owned) }
        })
    };
    CommandLine {
        config_type: option("configtype"),
        static_ensemble: option("staticensemble"),
        zk_config_connect: option("zkconfigconnect"),
        zk_config_zpath: option("zkconfigzpath"),
        hostname: option("hostname"),
    }
}

/// A setting of the shared configuration that the static backend would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its name in Exhibitor's REST service.
    pub name: String,
    /// Its value now.
    pub stored: String,
    /// Its value with the static backend.
    pub fixed: String,
    /// It is where the data is: ZooKeeper would start with an empty database.
    pub data: bool,
}

/// The settings that matter, by their names in the REST service and in the properties file of the defaults, with DC/OS's
/// value where the file does not give one.
const SETTINGS: &[(&str, &str, &str, bool)] = &[
    ("zookeeperDataDirectory", "zookeeper-data-directory", "/var/lib/dcos/exhibitor/zookeeper/snapshot", true),
    ("zookeeperLogDirectory", "zookeeper-log-directory", "/var/lib/dcos/exhibitor/zookeeper/transactions", true),
    (
        "zookeeperInstallDirectory",
        "zookeeper-install-directory",
        "/opt/mesosphere/active/exhibitor/usr/zookeeper",
        false,
    ),
    ("zookeeperConfigDirectory", "zookeeper-config-directory", "/var/lib/dcos/exhibitor/conf", false),
    ("zookeeperPidPath", "zookeeper-pid-path", "/var/lib/dcos/exhibitor/zk.pid", false),
    ("clientPort", "client-port", "2181", false),
    ("connectPort", "connect-port", "2888", false),
    ("electionPort", "election-port", "3888", false),
    ("javaEnvironment", "java-environment", "", false),
    ("log4jProperties", "log4j-properties", "", false),
];

/// What of `get-state`'s answer the static backend would not keep. `defaults` is the host's own
/// `exhibitor_defaults.conf`, which the static backend always uses; without it DC/OS's values are taken.
pub fn lost_settings(state: &Value, defaults: &str) -> Vec<Lost> {
    let fixed: BTreeMap<String, String> = properties::parse(defaults)
        .into_iter()
        .map(|(key, value)| (key.strip_prefix("com.netflix.exhibitor.").map(str::to_owned).unwrap_or(key), value))
        .collect();
    let config = &state["config"];
    let mut lost = Vec::new();
    for (name, key, known, data) in SETTINGS {
        let Some(stored) = config.get(*name).map(text) else { continue };
        let fixed = fixed.get(*key).cloned().unwrap_or_else(|| (*known).to_owned());
        if stored.trim_end_matches('/').trim() != fixed.trim_end_matches('/').trim() {
            lost.push(Lost { name: (*name).to_owned(), stored, fixed, data: *data });
        }
    }
    if let Some(Value::Object(stored)) = config.get("zooCfgExtra") {
        let text_of_extra = fixed.get("zoo-cfg-extra").cloned();
        // Versions of DC/OS differ in what they clean up and when: without the host's file only the rest is compared.
        let known = text_of_extra.clone().unwrap_or_else(|| {
            "tickTime=2000&initLimit=10&syncLimit=5&quorumListenOnAllIPs=true&maxClientCnxns=0".to_owned()
        });
        let known: BTreeMap<&str, &str> = known.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let names: std::collections::BTreeSet<&str> =
            stored.keys().map(String::as_str).chain(known.keys().copied()).collect();
        for name in names {
            if text_of_extra.is_none() && name.starts_with("autopurge.") {
                continue;
            }
            let now = stored.get(name).map(text).unwrap_or_default();
            let then = known.get(name).copied().unwrap_or_default();
            if now != then {
                let shown = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
                lost.push(Lost {
                    name: format!("zooCfgExtra {name}"),
                    stored: shown(&now),
                    fixed: shown(then),
                    data: false,
                });
            }
        }
    }
    lost
}

/// What of a stored shared configuration, a properties file, the service's get-state would answer: its `config` with the settings
/// that `lost_settings` compares, `serversSpec` and `rollInProgress`. For where the service can't be asked.
pub fn stored_state(stored: &str) -> Value {
    let stored: BTreeMap<String, String> = properties::parse(stored).into_iter().collect();
    let value = |key: &str| stored.get(&format!("com.netflix.exhibitor.{key}")).cloned();
    let mut config = serde_json::Map::new();
    for (name, key, ..) in SETTINGS {
        if let Some(value) = value(key) {
            config.insert((*name).to_owned(), value.into());
        }
    }
    // A setting that is not stored has Exhibitor's default, which is what the static backend takes.
    if let Some(extra) = value("zoo-cfg-extra") {
        let pairs = extra.split('&').filter_map(|pair| pair.split_once('='));
        let extra: serde_json::Map<String, Value> = pairs.map(|(key, value)| (key.to_owned(), value.into())).collect();
        config.insert("zooCfgExtra".to_owned(), extra.into());
    }
    config.insert("serversSpec".to_owned(), value("servers-spec").unwrap_or_default().into());
    let rolling = stored.get("com.netflix.exhibitor-rolling-hostnames").is_some_and(|hosts| !hosts.trim().is_empty());
    config.insert("rollInProgress".to_owned(), rolling.into());
    serde_json::json!({ "config": config })
}

/// What of a `zoo.cfg` that Exhibitor has written the service's get-state would answer, as far as the file tells: not whether a
/// rolling change is under way, and nothing of `java.env` and `log4j.properties`. For where nothing else can be asked.
pub fn zoo_cfg_state(zoo_cfg: &str) -> Value {
    let mut config = serde_json::Map::new();
    let mut extra = serde_json::Map::new();
    let mut servers = BTreeMap::new();
    for (key, value) in properties::parse(zoo_cfg) {
        match key.as_str() {
            "dataDir" => drop(config.insert("zookeeperDataDirectory".to_owned(), value.into())),
            "dataLogDir" => drop(config.insert("zookeeperLogDirectory".to_owned(), value.into())),
            "clientPort" => drop(config.insert("clientPort".to_owned(), value.into())),
            key => match key.strip_prefix("server.").map(str::parse::<u16>) {
                Some(Ok(id)) => drop(servers.insert(id, value)),
                _ => drop(extra.insert(key.to_owned(), value.into())),
            },
        }
    }
    let mut specs = Vec::new();
    for (id, server) in servers {
        // address:connect:election, and `:observer` where it is one.
        let parts: Vec<&str> = server.split(':').collect();
        let kind = if parts.last() == Some(&"observer") { "O:" } else { "" };
        specs.push(format!("{kind}{id}:{}", parts.first().unwrap_or(&"")));
        for (name, port) in [("connectPort", parts.get(1)), ("electionPort", parts.get(2))] {
            if let Some(port) = port {
                config.insert(name.to_owned(), (*port).into());
            }
        }
    }
    config.insert("serversSpec".to_owned(), specs.join(",").into());
    config.insert("zooCfgExtra".to_owned(), extra.into());
    serde_json::json!({ "config": config })
}

/// The password of a user in the realm file that Exhibitor is started with (`admin: secret,admin`, Jetty's form); none where the
/// user is not in it, or the password stands there only as a hash.
pub fn realm_password(realm: &str, user: &str) -> Option<String> {
    let (_, entry) = properties::parse(realm).into_iter().rev().find(|(name, _)| name == user)?;
    let password = entry.split(',').next().unwrap_or_default().trim();
    let hashed = ["OBF:", "MD5:", "CRYPT:"].iter().any(|kind| password.starts_with(kind));
    (!password.is_empty() && !hashed).then(|| password.to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_both_forms() {
        let words: Vec<String> = [
            "java",
            "-jar",
            "x.jar",
            "--hostname",
            "10.10.0.193",
            "--configtype=static",
            "--staticensemble",
            "1:a,2:b",
        ]
        .map(String::from)
        .to_vec();
        let read = command_line(&words);
        assert_eq!(
            (read.config_type.as_deref(), read.static_ensemble.as_deref(), read.hostname.as_deref()),
            (Some("static"), Some("1:a,2:b"), Some("10.10.0.193"))
        );
    }

    #[test]
    fn a_data_folder_elsewhere_is_told_apart_from_a_lost_setting() {
        let state = serde_json::json!({ "config": {
            "zookeeperDataDirectory": "/var/lib/zookeeper/snapshot",
            "zookeeperLogDirectory": "/var/lib/dcos/exhibitor/zookeeper/transactions/",
            "clientPort": 2181,
            "javaEnvironment": "export JVMFLAGS=-Xmx4g",
            "zooCfgExtra": { "tickTime": "2000", "initLimit": "10", "syncLimit": "5", "quorumListenOnAllIPs": "true", "maxClientCnxns": "0", "autopurge.purgeInterval": "6" }
        } });
        let lost = lost_settings(&state, "");
        let names: Vec<(&str, bool)> = lost.iter().map(|lost| (lost.name.as_str(), lost.data)).collect();
        assert_eq!(names, [("zookeeperDataDirectory", true), ("javaEnvironment", false)]);
    }

    #[test]
    fn the_hosts_own_defaults_decide() {
        let state = serde_json::json!({ "config": { "clientPort": 2182, "zooCfgExtra": { "tickTime": "3000" } } });
        assert_eq!(
            lost_settings(&state, "com.netflix.exhibitor.client-port=2182\nzoo-cfg-extra=tickTime\\=3000\n"),
            []
        );
    }

    #[test]
    fn a_stored_configuration_says_what_the_service_would() {
        let stored = "com.netflix.exhibitor.zookeeper-data-directory=/var/lib/zookeeper/snapshot\n\
            com.netflix.exhibitor.client-port=2181\ncom.netflix.exhibitor.java-environment=export JVMFLAGS\\=-Xmx4g\n\
            com.netflix.exhibitor.zoo-cfg-extra=tickTime\\=3000&initLimit\\=10&syncLimit\\=5&quorumListenOnAllIPs\\=true&maxClientCnxns\\=0\n\
            com.netflix.exhibitor.servers-spec=1\\:10.0.0.1,2\\:10.0.0.2\ncom.netflix.exhibitor-rolling-hostnames=\n";
        let state = stored_state(stored);
        assert_eq!(state["config"]["serversSpec"], "1:10.0.0.1,2:10.0.0.2");
        assert_eq!(state["config"]["rollInProgress"], false);
        let lost: Vec<String> = lost_settings(&state, "").into_iter().map(|lost| lost.name).collect();
        assert_eq!(lost, ["zookeeperDataDirectory", "javaEnvironment", "zooCfgExtra tickTime"]);
        let rolling = stored_state("com.netflix.exhibitor-rolling-hostnames=10.0.0.1,10.0.0.2\n");
        assert_eq!(rolling["config"]["rollInProgress"], true);
        // Nothing is stored of these, so nothing of them is lost.
        assert_eq!(lost_settings(&rolling, "zoo-cfg-extra=tickTime\\=2000&initLimit\\=10\n"), []);
    }

    #[test]
    fn a_zoo_cfg_says_what_it_can() {
        let text = "#Auto-generated by Exhibitor - Tue Oct 03 15:40:07 UTC 2017\nserver.2=10.0.0.2\\:2888\\:3888\nserver.1=10.0.0.1\\:2888\\:3888\n\
            tickTime=2000\ninitLimit=20\nsyncLimit=5\nquorumListenOnAllIPs=true\nmaxClientCnxns=0\nclientPort=2182\n\
            dataDir=/var/lib/dcos/exhibitor/zookeeper/snapshot\ndataLogDir=/var/lib/dcos/exhibitor/zookeeper/transactions\n";
        let state = zoo_cfg_state(text);
        assert_eq!(state["config"]["serversSpec"], "1:10.0.0.1,2:10.0.0.2");
        let lost: Vec<String> = lost_settings(&state, "").into_iter().map(|lost| lost.name).collect();
        assert_eq!(lost, ["clientPort", "zooCfgExtra initLimit"]);
        assert_eq!(zoo_cfg_state("server.3=a\\:2888\\:3888\\:observer")["config"]["serversSpec"], "O:3:a");
    }

    #[test]
    fn a_realms_password_is_found_where_it_is_one() {
        assert_eq!(realm_password("admin: s3cret,admin\n", "admin").as_deref(), Some("s3cret"));
        assert_eq!(realm_password("# by DC/OS\nadmin:a\\:b , admin\n", "admin").as_deref(), Some("a:b"));
        for none in ["", "other: s3cret,admin", "admin: ,admin", "admin: MD5:5ebe2294ecd0e0f08eab7690d2a6ee69,admin"] {
            assert_eq!(realm_password(none, "admin"), None, "{none}");
        }
    }
}
