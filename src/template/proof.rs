//! The templates of `tests/templates` give, byte for byte, what ansible-core made of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{HostVars, Options, Raw, Settings, World};
use crate::error::Result;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates")
}

/// The hosts of `compare-ansible`, with the variables of the cases.
struct Cases(serde_json::Map<String, serde_json::Value>);

const HOSTS: [&str; 4] = ["localhost", "web1.example.com", "web2.example.com", "db1"];

impl World for Cases {
    fn variable(&self, host: &str, name: &str) -> Option<Raw> {
        let own = match (host, name) {
            ("localhost", "own") => Some("of {{ inventory_hostname }}"),
            ("web1.example.com", "ip") => Some("10.0.0.11"),
            ("web2.example.com", "ip") => Some("{{ base_ip }}12"),
            ("web1.example.com" | "web2.example.com", "base_ip") => Some("10.0.0."),
            ("db1", "ip") => Some("10.0.1.1"),
            _ => None,
        };
        let value = own.map_or_else(|| self.0.get(name).cloned(), |own| Some(own.into()))?;
        Some(Raw { value, exact: None, place: "vars.json".into(), excerpt: None, sealed: false })
    }
    fn names(&self, _: &str) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
    fn hosts(&self) -> Vec<String> {
        HOSTS.map(str::to_owned).to_vec()
    }
    fn groups(&self) -> Vec<(String, Vec<String>)> {
        let groups = [("all", &HOSTS[..]), ("ungrouped", &HOSTS[..1]), ("web", &HOSTS[1..3]), ("db", &HOSTS[3..])];
        groups.map(|(name, hosts)| (name.to_owned(), hosts.iter().map(|host| (*host).to_owned()).collect())).to_vec()
    }
    fn groups_of(&self, host: &str) -> Vec<String> {
        let group = match host {
            "localhost" => "ungrouped",
            "db1" => "db",
            _ => "web",
        };
        vec![group.to_owned()]
    }
    fn file(&self, _: &str) -> Option<String> {
        None
    }
    fn decrypt(&self, _: &str, origin: &str) -> Result<String> {
        Ok(format!("the secret of {origin}"))
    }
}

fn host(vars: serde_json::Value) -> HostVars {
    let vars = vars.as_object().cloned().unwrap_or_default();
    let settings = Settings { playbook_dir: Some(folder().join("cases")), ..Settings::default() };
    HostVars::new(Arc::new(Cases(vars)), "localhost", Arc::new(settings))
}

#[test]
fn templates_give_what_ansible_makes_of_them() {
    let vars = std::fs::read_to_string(folder().join("vars.json")).expect("the variables");
    let host = host(serde_json::from_str(&vars).expect("JSON"));
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder().join("cases")).expect("the cases").flatten() {
        let path = entry.path();
        let Ok(expected) = std::fs::read_to_string(path.with_extension("out")) else { continue };
        if path.extension().is_none_or(|extension| extension != "j2") {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(&path).expect("a template");
        match host.render_text(&path.display().to_string(), &text, &Options::default()) {
            Ok(given) if given == expected => {}
            Ok(given) => wrong.push(format!("{}: {given}\n--- ansible: {expected}", path.display())),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(count >= 40, "{count} templates");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The host of `typed.yml`, as an inventory gives it.
fn typed() -> (tempfile::TempDir, HostVars) {
    let made = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(made.path().join("group_vars")).expect("a folder");
    std::fs::copy(folder().join("typed.yml"), made.path().join("group_vars/all.yml")).expect("the variables");
    std::fs::write(made.path().join("hosts"), "localhost\n").expect("an inventory");
    let options = crate::inventory::LoadOptions::default();
    let inventory = crate::inventory::Inventory::load(&[made.path().join("hosts")], &options).expect("an inventory");
    let host = HostVars::new(Arc::new(inventory), "localhost", Arc::default());
    (made, host)
}

#[test]
fn types_that_only_yaml_has_print_compare_and_fail_as_in_ansible() {
    let answers = std::fs::read_to_string(folder().join("typed.json")).expect("the answers");
    let answers: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&answers).expect("JSON");
    let (_made, host) = typed();
    let (mut rendered, mut refused, mut wrong) = (0, 0, Vec::new());
    for (text, expected) in &answers {
        match (host.render_text("t/x.j2", &format!("{text}\n"), &Options::default()), expected.as_str()) {
            (Ok(given), Some(expected)) if given == expected => rendered += 1,
            (Err(_), None) => refused += 1,
            // What is not supported here says so.
            (Err(_), Some(_)) => {}
            (given, expected) => wrong.push(format!("{text}: {given:?}, ansible: {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rendered >= 200 && refused >= 80, "{rendered} rendered, {refused} refused");
}

/// What ansible-playbook tells tasks of a host without connection variables, and `hostvars` does not.
#[test]
fn a_task_knows_the_connection_of_its_own_host() {
    let connection =
        serde_json::json!({"ansible_host": "localhost", "ansible_ssh_host": "localhost", "ansible_connection": "ssh"});
    let settings = Settings { connection: connection.as_object().cloned().unwrap_or_default(), ..Settings::default() };
    let host = HostVars::new(Arc::new(Cases(serde_json::Map::new())), "localhost", Arc::new(settings));
    let names =
        ["ansible_host", "ansible_ssh_host", "ansible_connection", "ansible_user", "ansible_port", "ansible_ssh_port"];
    let ask = |of: &str| {
        let each = names.map(|name| format!("{{{{ {of}{name} | default('U') }}}}"));
        host.render_text("t/x.j2", &each.join(" "), &Options::default()).expect("a text")
    };
    assert_eq!(ask(""), "localhost localhost ssh U U U");
    assert_eq!(ask("hostvars.localhost."), "U U U U U U");
    assert_eq!(ask("hostvars.db1."), "U U U U U U");
    assert_eq!(ask("vars."), "U U U U U U");
}

/// Mistakes, and what their messages name.
#[test]
fn what_cannot_be_rendered_is_told_with_its_place_and_the_way_on() {
    let cases = std::fs::read_to_string(folder().join("errors.json")).expect("the mistakes");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&cases).expect("JSON");
    assert!(cases.len() >= 30, "{} mistakes", cases.len());
    for case in cases {
        let text = case["text"].as_str().expect("a template");
        let host = host(case["vars"].clone());
        let error = host.render_text("t/x.j2", text, &Options::default()).expect_err(text);
        let parts = error.parts();
        let line = parts.excerpts.first().map_or(0, crate::error::Excerpt::line);
        let told = format!("{error} | {}", parts.hints.join(" | "));
        for expected in case["tells"].as_array().expect("texts") {
            let expected = expected.as_str().expect("a text");
            assert!(told.contains(expected), "{text}: {told} has no {expected}");
        }
        assert_eq!(Some(line as u64), case["line"].as_u64(), "{text}: {told}");
    }
}

#[test]
fn a_value_keeps_its_type_and_is_rendered_when_it_is_used() {
    let host = host(serde_json::json!({
        "port": 8080, "next": "{{ port + 1 }}", "list": ["{{ next }}", "x{{ next }}"], "broken": {"a": 1, "b": "{{ nowhere }}"},
        "fine": "{{ broken.a }}", "loop_a": "{{ loop_b }}", "loop_b": "{{ loop_a }}", "maybe": "{{ nowhere | default(5) }}",
        "of_broken": "{{ broken.b | default('d') }}", "raw": {"__ansible_unsafe": "{{ not rendered }}"},
        "password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n00"}, "uses": "{{ password | upper }}",
        "when": "{% if port > 1 %}{{ list }}{% else %}none{% endif %}", "slash": "{{ 'a1' | regex_replace('(\\d)', '<\\1>') }}",
    }));
    let get = |name: &str| host.get(name).map_err(|error| error.to_string());
    assert_eq!(get("next"), Ok(Some(8081.into())));
    assert_eq!(get("list"), Ok(Some(serde_json::json!([8081, "x8081"]))));
    assert_eq!(get("fine"), Ok(Some(1.into())));
    assert_eq!(get("maybe"), Ok(Some(5.into())));
    assert_eq!(get("of_broken"), Ok(Some("d".into())));
    assert_eq!(get("raw"), Ok(Some("{{ not rendered }}".into())));
    assert_eq!(get("when"), Ok(Some(serde_json::json!([8081, "x8081"]))));
    assert_eq!(get("slash"), Ok(Some("a<1>".into())));
    assert_eq!(get("nowhere"), Ok(None));
    assert!(get("uses").is_ok_and(|value| {
        value.is_some_and(|value| value.as_str().is_some_and(|text| text.starts_with("THE SECRET")))
    }));
    let error = get("broken").expect_err("an undefined name");
    assert!(error.contains("'nowhere' is undefined") && error.contains("`broken` of localhost (vars.json)"), "{error}");
    let error = get("loop_a").expect_err("a circle");
    assert!(error.contains("needed to find its own value") && error.contains("`loop_b`"), "{error}");
    let given = serde_json::json!({"stdout": "{{ port }}"}).as_object().cloned().unwrap_or_default();
    assert_eq!(host.with(given).get("stdout").ok().flatten(), Some("{{ port }}".into()));
}

/// The tables of docs/templates.md name what there is, no more and no less.
#[test]
fn the_documentation_lists_every_filter_test_and_lookup() {
    let docs =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md")).expect("the docs");
    let listed = |heading: &str| -> Vec<String> {
        let from = docs.split(&format!("## {heading}\n")).nth(1).unwrap_or_default();
        let section = from.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("- "));
        let mut names: Vec<String> =
            rows.flat_map(|row| row.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
        names.sort();
        names
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let filters = super::filters::all().flat_map(|filter| filter.names).map(|name| (*name).to_owned()).collect();
    assert_eq!(listed("Filters"), sorted(filters));
    let tests = super::tests::TESTS.iter().flat_map(|test| test.names).map(|name| (*name).to_owned()).collect();
    assert_eq!(listed("Tests"), sorted(tests));
    let lookups = super::lookups::all().map(|lookup| lookup.name.to_owned()).collect();
    assert_eq!(listed("Lookups"), sorted(lookups));
}
