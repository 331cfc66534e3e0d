//! What a user can rely on in inventories and patterns.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

use super::*;

fn load(files: &[(&str, &str)], extra: &[&str]) -> Result<Inventory> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let extra = Extra::parse(&extra.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Inventory::load(&[folder.path().join("hosts.yaml")], &LoadOptions { extra, ..LoadOptions::default() })
}

fn hosts(text: &str) -> Inventory {
    load(&[("hosts.yaml", text)], &[]).unwrap()
}

fn refused(text: &str) -> (String, usize) {
    let reached =
        |inventory: Inventory| inventory.hosts.iter().try_for_each(|host| inventory.connection(host).map(drop));
    let error = load(&[("hosts.yaml", text)], &[]).and_then(reached).unwrap_err();
    let line = error.parts().excerpts.first().map_or(0, crate::error::Excerpt::line);
    (format!("{} {}", error.parts().message, error.parts().hints.join(" ")), line)
}

fn names(inventory: &Inventory, pattern: &str) -> Vec<String> {
    match inventory.select(pattern) {
        Ok(selected) => selected.hosts.into_iter().map(|host| host.name.clone()).collect(),
        Err(error) => vec![error.to_string()],
    }
}

const CLUSTER: &str = "
masters:
  hosts:
    10.10.0.193:
    10.10.0.122:
    10.10.0.203:
agents:
  children:
    public:
      hosts:
        p[1:2]:
    private:
      hosts:
        a[01:03]:
        p2:
";

#[test]
fn hosts_keep_the_order_of_the_file() {
    let inventory = hosts(CLUSTER);
    let all: Vec<&str> = inventory.hosts().map(|host| host.name.as_str()).collect();
    assert_eq!(all, ["10.10.0.193", "10.10.0.122", "10.10.0.203", "p1", "p2", "a01", "a02", "a03"]);
    assert_eq!(names(&inventory, "10.10.0.203:10.10.0.193"), ["10.10.0.203", "10.10.0.193"]);
}

#[test]
fn patterns_select_as_in_ansible() {
    let inventory = hosts(CLUSTER);
    let count = |pattern: &str| names(&inventory, pattern).len();
    assert_eq!(count("all"), 8);
    assert_eq!(count("*"), 8);
    assert_eq!(names(&inventory, "public:&private"), ["p2"]);
    assert_eq!(names(&inventory, "public:!private"), ["p1"]);
    assert_eq!(names(&inventory, "agents:!p?"), ["a01", "a02", "a03"]);
    assert_eq!(names(&inventory, "masters[0]"), ["10.10.0.193"]);
    assert_eq!(names(&inventory, "masters[-1]"), ["10.10.0.203"]);
    assert_eq!(names(&inventory, "masters[0:1]"), ["10.10.0.193", "10.10.0.122"]);
    assert_eq!(names(&inventory, "masters[1:]"), ["10.10.0.122", "10.10.0.203"]);
    assert_eq!(names(&inventory, "~a0[13]$"), ["a01", "a03"]);
    assert_eq!(names(&inventory, "10.10.0.*2*,p1"), ["10.10.0.122", "10.10.0.203", "p1"]);
    assert_eq!(count("!masters"), 5);
}

#[test]
fn a_part_of_a_pattern_that_matches_nothing_is_warned_of_and_a_pattern_without_hosts_is_an_error() {
    let inventory = hosts(CLUSTER);
    for pattern in ["mastres", "masters:&public", "~^x", "masters[7]", "a[", "~[", "!", ""] {
        assert!(inventory.select(pattern).is_err(), "{pattern}");
    }
    for pattern in ["masters:nobody", "masters:!nobody", "masters:&masters:!nobody"] {
        let selected = inventory.select(pattern).unwrap();
        assert_eq!((selected.hosts.len(), selected.warnings.all().len()), (3, 1), "{pattern}");
        assert!(selected.warnings.all()[0].message.contains("`nobody`"));
    }
}

#[test]
fn a_variable_has_the_value_of_its_nearest_place_and_tells_where_it_is_from() {
    let inventory = load(
        &[
            ("hosts.yaml", "all:\n  vars:\n    v: all\nouter:\n  children:\n    inner:\n      hosts:\n        m1:\n          w: host\n        m2:\n      vars:\n        v: inner\n  vars:\n    v: outer\n    w: outer\n"),
            ("group_vars/inner.yaml", "x: file\nv: inner file\n"),
            ("host_vars/m2/main.yml", "v: m2 file\n"),
        ],
        &["x=extra"],
    )
    .unwrap();
    let value = |host: &str, name: &str| inventory.host(host).unwrap().variable(name).unwrap().value.clone();
    assert_eq!(value("m1", "v"), "inner file");
    assert_eq!(value("m1", "w"), "host");
    assert_eq!(value("m2", "w"), "outer");
    assert_eq!(value("m2", "v"), "m2 file");
    assert_eq!(value("m1", "x"), "extra");
    let explained = inventory.explain("m1", "v").unwrap();
    let lines: Vec<&str> = explained.lines().collect();
    assert!(
        lines[1].contains("counts") && lines[1].contains("inner file") && lines[1].contains("group_vars/inner.yaml:2"),
        "{explained}"
    );
    assert!(
        lines[4].contains("hidden") && lines[4].contains("\"all\"") && lines[4].contains("hosts.yaml:3"),
        "{explained}"
    );
}

#[test]
fn plain_values_mean_what_they_mean_to_ansible_and_keep_how_they_were_written() {
    let inventory = hosts(
        "m:\n  hosts:\n    m1:\n      a: no\n      b: 0755\n      c: 12\n      d: 1.5\n      e: true\n      f: 10.10.0.1\n      g: ~\n      h: 'x'\n",
    );
    let vars = inventory.host("m1").unwrap().vars_json();
    assert_eq!(
        serde_json::to_string(&vars).unwrap(),
        r#"{"a":false,"b":493,"c":12,"d":1.5,"e":true,"f":"10.10.0.1","g":null,"h":"x"}"#
    );
    let written = |name: &str| inventory.host("m1").unwrap().variable(name).unwrap().text().unwrap();
    assert_eq!((written("a").as_str(), written("b").as_str(), written("c").as_str()), ("no", "0755", "12"));
    let surprises: Vec<&str> = inventory.surprises().iter().map(|surprise| &*surprise.written).collect();
    assert_eq!(surprises, ["no", "0755"]);
}

#[test]
fn the_connection_comes_from_the_variables() {
    let inventory = load(&[("hosts.yaml",
        "m:\n  hosts:\n    m1:\n      ansible_host: 10.0.0.1\n      ansible_port: 2222\n      ansible_ssh_common_args: -o ProxyJump=bastion -o 'UserKnownHostsFile=/a b'\n  vars:\n    ansible_user: centos\n    ansible_become: yes\n    ansible_become_password: s3cret\n    ansible_ssh_private_key_file: Cargo.toml\n")], &[]).unwrap();
    let host = inventory.host("m1").unwrap();
    let connection = inventory.connection(host).unwrap();
    assert_eq!(
        (connection.address.as_str(), connection.port, connection.user.as_deref()),
        ("10.0.0.1", Some(2222), Some("centos"))
    );
    assert!(
        connection.becomes
            && connection.key.as_ref().unwrap().ends_with("Cargo.toml")
            && connection.key.as_ref().unwrap().is_absolute()
    );
    assert_eq!(
        connection.ssh_options,
        [("ProxyJump".to_owned(), "bastion".to_owned()), ("UserKnownHostsFile".to_owned(), "/a b".to_owned())]
    );
    assert!(!format!("{connection:?}").contains("s3cret"));
    assert!(!serde_json::Value::Object(host.vars_json()).to_string().contains("s3cret"));
    assert_eq!(inventory.passwords(), ["s3cret"]);
    assert!(!inventory.explain("m1", "ansible_become_password").unwrap().contains("s3cret"));
}

#[test]
fn what_is_wrong_is_refused_with_its_line() {
    for (text, message, line) in [
        ("m:\n  hosts:\n    - a\n", "a list", 3),
        ("m:\n  hosts:\n    a: 5\n", "a mapping of variables", 3),
        ("m:\n  hosts:\n    a:\n      ansible_port: many\n", "from 1 to 65535", 4),
        ("m:\n  hosts:\n    a:\n      ansible_connection: winrm\n", "ssh or local", 4),
        ("m:\n  hosts:\n    a:\n      ansible_host: -oProxyCommand=x\n", "ansible_host", 4),
        ("m:\n  hosts:\n    a:\n      ansible_password: x\n", "ansible_ssh_private_key_file", 4),
        ("m:\n  hosts:\n    a:\n      ansible_ssh_private_key_file: nowhere\n", "nowhere", 4),
        ("m:\n  hosts:\n    a:\n      zkmig_lock_fil: nowhere\n", "did you mean `zkmig_lock_file`?", 4),
        ("m:\n  hosts:\n    a:\n      ansible_user: '{{ who }}'\n", "is a template", 4),
        ("m:\n  hosts:\n    -oProxyCommand=x:\n", "can't be the name of a host", 3),
        ("m:\n  hosts:\n    'a b':\n", "can't be the name of a host", 3),
        ("m:\n  hosts:\n    \"a$(id)\":\n", "no address or name", 0),
        ("m:\n  hosts:\n    a[2:1]:\n", "the lower end first", 3),
        ("m:\n  children:\n    n:\n      children:\n        m:\n", "contain each other", 3),
        ("m:\n  children:\n    all:\n", "`all` can't be in the group `m`", 3),
        ("m:\n  hosts:\n    a:\n      x: \"\u{1}\"\n", "not allowed: U+0001", 4),
        ("---\n# nothing\n", "and this is nothing", 3),
        ("m:\n  hosts:\n    a: !x 5\n", "tag `!x`", 3),
        ("m:\n  hosts:\n    a: {b: !vault [x]}\n", "`!vault` stands before a text", 3),
        ("m:\n  hosts:\n    a:\n---\nm:\n", "second document", 4),
        ("m:\n  hosts:\n    a:\n      x: 99999999999999999999999999\n", "too large", 4),
        ("m:\n  hosts:\n    a:\n      x: .nan\n", "infinity", 4),
        ("- a\n", "a mapping of groups", 1),
        ("plugin: amazon.aws.aws_ec2\n", "`amazon.aws.aws_ec2` is not supported", 1),
    ] {
        let (got, at) = refused(text);
        assert!(got.contains(message) && (line == 0 || at == line), "{text:?} gave line {at}: {got}");
    }
}

#[test]
fn the_command_line_gives_texts_files_and_maps() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vars.yaml");
    std::fs::write(&file, "a: 1\nb: [x]\n").unwrap();
    let arguments =
        [format!("@{}", file.display()), "a=2".to_owned(), "{c: true}".to_owned(), "d='x=y z' e=1".to_owned()];
    let extra = Extra::parse(&arguments).unwrap();
    let shown: Vec<String> = extra.iter().map(|(name, variable)| format!("{name}={}", variable.value)).collect();
    assert_eq!(shown, ["a=1", "b=[\"x\"]", "a=\"2\"", "c=true", "d=\"x=y z\"", "e=\"1\""]);
    for wrong in ["novalue", "a=1 novalue", "1a=2", "@/nowhere/at/all", "{a", "[a]"] {
        assert!(Extra::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
    }
}

#[test]
fn nothing_in_an_inventory_can_be_taken_for_an_option_or_for_a_shells_text() {
    let host = |line: &str| format!("m:\n  hosts:\n    a:\n      {line}\n");
    for line in [
        "ansible_host: a@-oProxyCommand",
        "ansible_host: '@a'",
        "ansible_host: \"a\\nb\"",
        "ansible_host: a$(id)",
        "ansible_host: a`id`",
        "ansible_user: -l",
        "ansible_user: a;id",
        "ansible_user: a$(id)",
        "ansible_user: \"a'b\"",
        "ansible_user: ''",
        "ansible_ssh_private_key_file: \"a\\nIdentityFile b\"",
        "zkmig_ssh_config: 'a\"b'",
        "ansible_ssh_common_args: -J -oProxyCommand=x",
        "ansible_ssh_common_args: -J a,b@-oProxyCommand",
        "ansible_ssh_common_args: -o 'ProxyJump=a;id'",
        "ansible_ssh_common_args: -W host:22",
        "ansible_ssh_common_args: -F /nowhere/at/all",
        "ansible_ssh_common_args: -éJ",
    ] {
        let (message, at) = refused(&host(line));
        assert_eq!(at, 4, "{line} gave {message}");
    }
    for line in [
        "ansible_user: DOMAIN\\me",
        "ansible_ssh_common_args: -J me@bastion:22,ssh://[fe80::1]:22",
        "ansible_host: fe80::1%eth0",
    ] {
        let inventory = load(&[("hosts.yaml", &host(line))], &[]).unwrap();
        assert!(inventory.hosts.iter().all(|host| inventory.connection(host).is_ok()), "{line}");
    }
}

#[test]
fn an_error_beside_a_password_shows_stars() {
    for text in [
        "m:\n  vars:\n    ansible_become_password: hunter2\n  hosts: [a]\n",
        "m:\n  vars:\n    ansible_become_password: [hunter2]\n  hosts:\n    a: 5\n",
        "m:\n  vars: {ansible_become_pass: hunter2, x: !x y}\n",
        "m:\n  vars:\n    ansible_become_password: |\n      one\n      hunter2\n  hosts: [a]\n",
    ] {
        let error = load(&[("hosts.yaml", text)], &[]).unwrap_err();
        assert!(!error.parts().excerpts.is_empty(), "{error}");
        assert!(!crate::report::diagnostic::render(&error, false).contains("hunter2"), "{text:?}");
        assert!(error.parts().excerpts.iter().all(|excerpt| !excerpt.text.contains("hunter2")), "{text:?}");
    }
}
