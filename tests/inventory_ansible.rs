//! Inventories mean what they mean to ansible-core: its own answers, recorded, for each kind of difference that nobody would
//! see, and for 30 generated inventories. `make inventories` asks it about 300 new ones.
//!
//! Each folder has the paths to be named in `sources`, and ansible-core's answer in `expected.json`, which
//! `tests/inventories/ask-ansible` wrote.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Map, Value};
use zkmig::inventory::{Inventory, LoadOptions, Order, is_template};
use zkmig::template::InInventory;

fn load(folder: &Path) -> zkmig::error::Result<Inventory> {
    let sources = std::fs::read_to_string(folder.join("sources")).expect("a case names its sources");
    let path = |source: &str| if source.contains(',') { PathBuf::from(source) } else { folder.join(source) };
    let sources: Vec<PathBuf> = sources.lines().map(path).collect();
    let play = folder.join("play");
    let options = LoadOptions {
        playbook_folder: play.is_dir().then_some(play),
        templates: Some(Arc::new(InInventory::default())),
        ..LoadOptions::default()
    };
    Inventory::load(&sources, &options)
}

/// Without the marks of texts that could be no templates anyway: what `constructed` computed has one for ansible, also where
/// somebody wrote the same text elsewhere.
fn unmarked(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(unmarked).collect(),
        Value::Object(fields) => match fields.get("__ansible_unsafe") {
            Some(text) if fields.len() == 1 && !is_template(text) => text.clone(),
            _ => fields.iter().map(|(name, value)| (name.clone(), unmarked(value))).collect::<Map<_, _>>().into(),
        },
        other => other.clone(),
    }
}

/// The names in a list.
fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What differs, a line each.
fn differences(folder: &Path) -> Vec<String> {
    let expected = std::fs::read(folder.join("expected.json")).expect("a case has its answer");
    let expected: Value = serde_json::from_slice(&expected).expect("an answer is JSON");
    let inventory = match load(folder) {
        Ok(inventory) => inventory,
        Err(_) if expected.get("refused").is_some() => return Vec::new(),
        Err(error) => return vec![format!("refused: {error}")],
    };
    if expected.get("refused").is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let (got, wanted) = (inventory.list_json(), &expected["list"]);
    let empty = Map::new();
    let fields = |value: &Value| value.as_object().unwrap_or(&empty).clone();
    let (got_hosts, wanted_hosts) = (fields(&got["_meta"]["hostvars"]), fields(&wanted["_meta"]["hostvars"]));
    for (one, other, what) in [(&fields(&got), &fields(wanted), "group"), (&got_hosts, &wanted_hosts, "host")] {
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).filter(|name| *name != "_meta").collect();
        for name in names {
            if one.get(name).map(unmarked) != other.get(name).map(unmarked) {
                found.push(format!("{what} {name}: {:?} and not {:?}", one.get(name), other.get(name)));
            }
        }
    }
    let deep = expected["deep"].as_array().is_some_and(|deep| !deep.is_empty());
    for (pattern, wanted) in fields(&expected["patterns"]) {
        // Below the children of children ansible's order is that of a set: by chance.
        if deep && pattern.contains('[') && !pattern.starts_with('~') {
            continue;
        }
        let mut wanted: Vec<&str> = wanted.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let selected = inventory.select(&pattern);
        let hosts = selected.map(|selected| selected.hosts).unwrap_or_default();
        let mut got: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        if deep {
            wanted.sort_unstable();
            got.sort_unstable();
        }
        if got != wanted {
            found.push(format!("pattern {pattern}: {got:?} and not {wanted:?}"));
        }
    }
    let mut compare = |what: String, mut got: Vec<&str>, mut wanted: Vec<&str>| {
        if deep {
            got.sort_unstable();
            wanted.sort_unstable();
        }
        if got != wanted {
            found.push(format!("{what}: {got:?} and not {wanted:?}"));
        }
    };
    for (word, wanted) in fields(&expected["orders"]) {
        let selected = inventory.select("all").map(|selected| selected.hosts).unwrap_or_default();
        let mut got: Vec<&str> = selected.iter().map(|host| host.name.as_str()).collect();
        Order::parse(&word).expect("it is an order of Ansible's").apply(&mut got);
        compare(format!("order {word}"), got, texts(&wanted));
    }
    let limit = folder.join("limit");
    if limit.exists() {
        let selected = inventory.limit(&format!("@{}", limit.display())).map(|selected| selected.hosts);
        let got = selected.unwrap_or_default();
        compare("limit".to_owned(), got.iter().map(|host| host.name.as_str()).collect(), texts(&expected["limit"]));
    }
    found
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories").join(kind);
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("there are cases").flatten().map(|entry| entry.path()).collect();
    cases.sort();
    cases
}

fn all_same(kind: &str, least: usize) {
    let cases = cases(kind);
    assert!(cases.len() >= least, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| differences(case).into_iter().map(move |text| format!("{}: {text}", case.display())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nobody_would_see_is_as_ansible_has_it() {
    all_same("kinds", 39);
}

#[test]
fn generated_inventories_are_as_ansible_has_them() {
    all_same("generated", 60);
}

#[test]
fn what_ansible_takes_with_a_warning_is_taken_with_a_warning() {
    for (case, text) in [
        ("group-vars-folder-hides-file", "masters.yml is passed over"),
        ("host-and-group-of-one-name", "a host and of a group"),
        ("yaml-duplicate-keys", "`m2` stands twice"),
        ("yaml-skipped", "did you mean `hosts`?"),
        ("a-later-port-does-not-count", "2222"),
        ("a-program", "`nobody` are not used"),
        ("a-program-without-meta", "`_meta` is missing"),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories/kinds").join(case);
        let inventory = load(&folder).expect("the case is read");
        let said: Vec<String> = inventory.warnings().iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said.contains(text)), "{case}: {said:?}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories/kinds/folder-of-formats");
    let inventory = load(&folder).expect("the case is read");
    assert_eq!(inventory.notes().len(), 4, "{:?}", inventory.notes());
}

/// The texts of ansible-inventory, byte for byte.
#[test]
fn lists_and_trees_are_printed_as_ansible_inventory_prints_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventories/printed");
    for (answer, arguments) in [
        ("list.json", &["--list"][..]),
        ("export.json", &["--list", "--export"]),
        ("limit.json", &["--list", "-l", "m3"]),
        ("host.json", &["--host", "m1"]),
        ("export.yaml", &["--list", "--export", "--yaml"]),
        ("limit.yaml", &["--list", "--yaml", "-l", "m3"]),
        ("host.yaml", &["--host", "m1", "-y"]),
        ("sealed.yaml", &["-i", "sealed.yml", "--list", "--yaml", "-l", "s1"]),
        ("graph.txt", &["--graph"]),
        ("graph-vars.txt", &["--graph", "--vars"]),
        ("graph-web.txt", &["--graph", "web", "--vars"]),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkmig"));
        let ran = command.args(["inventory", "-i", "hosts.yml"]).args(arguments).current_dir(&folder).output();
        let ran = ran.expect("it is run");
        let wanted = std::fs::read_to_string(folder.join(answer)).expect("an answer");
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            wanted,
            "{arguments:?} {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

/// 2,000 hosts with three levels of groups and `group_vars`, listed by the command: the time and the memory of
/// `zkmig --version` are the measure, because machines differ. A build without optimisation may take ten times as long.
#[test]
fn a_large_inventory_is_read_at_once_and_in_little_memory() {
    use std::fmt::Write as _;
    let folder = tempfile::tempdir().expect("there is room");
    let mut text = String::new();
    for rack in 0..40 {
        let _ = write!(
            text,
            "[rack{rack}]\n{}\n",
            (0..50).map(|host| format!("h{rack:02}-{host:02} slot={host}\n")).collect::<String>()
        );
        let _ = writeln!(text, "[row{}:children]\nrack{rack}", rack / 8);
    }
    let _ = writeln!(text, "[site:children]\n{}", (0..5).map(|row| format!("row{row}\n")).collect::<String>());
    std::fs::create_dir(folder.path().join("group_vars")).expect("there is room");
    std::fs::write(folder.path().join("hosts"), text).expect("there is room");
    for group in ["all", "site", "row1", "rack3"] {
        let vars: String = (0..50).map(|number| format!("{group}_{number}: value {number}\n")).collect();
        std::fs::write(folder.path().join("group_vars").join(group), vars).expect("there is room");
    }
    let version = measured(folder.path(), &["--version"]);
    let list = measured(folder.path(), &["inventory", "-i", "hosts", "--list"]);
    assert!(list.printed > 2_000_000, "{list:?}");
    // A child has at least the memory of the python that measures it. Where that hides what --version takes, it counts nothing.
    let own = if version.kilobytes > version.least { version.kilobytes } else { 0 };
    let most = 3 * own + 20 * 1024;
    assert!(list.kilobytes <= most, "{list:?}, and {version:?}: at most {most} kB");
    let seconds = if cfg!(debug_assertions) { 3.0 } else { 0.3 };
    assert!(list.seconds < seconds, "{list:?}: at most {seconds} s of processor time");

    let inventory = Inventory::load(&[folder.path().join("hosts")], &LoadOptions::default()).expect("it is read");
    assert_eq!(inventory.hosts().count(), 2000);
    let hosts = inventory.select("row1:&rack8").expect("there are some").hosts;
    assert_eq!((hosts.len(), hosts[0].vars_json().len()), (50, 151));
}

/// What a command took.
#[derive(Debug)]
struct Measured {
    printed: usize,
    /// Processor time: other work on the machine does not count.
    seconds: f64,
    /// The most memory at once.
    kilobytes: i64,
    /// What a process has at least that is measured so.
    least: i64,
}

/// The least of three runs of the command, as the kernel counts them for its process.
fn measured(folder: &Path, arguments: &[&str]) -> Measured {
    let once = || {
        let script = "import json, resource, subprocess, sys\n\
                      subprocess.run(['true'], check=True)\n\
                      before = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                      out = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout\n\
                      used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                      took = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime\n\
                      print(json.dumps([len(out), took, used.ru_maxrss, before.ru_maxrss]))";
        let mut command = Command::new("python3");
        let ran =
            command.args(["-ISc", script, env!("CARGO_BIN_EXE_zkmig")]).args(arguments).current_dir(folder).output();
        let ran = ran.expect("python3 measures");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let (printed, seconds, kilobytes, least) = serde_json::from_slice(&ran.stdout).expect("four numbers");
        Measured { printed, seconds, kilobytes, least }
    };
    let mut runs = [once(), once(), once()];
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let [least, ..] = runs;
    least
}
