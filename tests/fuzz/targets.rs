//! What is fed, and what has to hold for any input.

use std::cell::RefCell;
use std::path::PathBuf;

use zkmig::dcos::{backend, config_yaml, exhibitor, numbering};
use zkmig::formats::{environment, properties};
use zkmig::host::marker::{Found, Marks};
use zkmig::inventory::{Extra, Inventory, LoadOptions, range};
use zkmig::report::{diagnostic, ndjson};
use zkmig::run::secrets::Secrets;
use zkmig::task::journal::Entry;
use zkmig::task::{acts, printable};
use zkmig::zookeeper::{client, ensemble, four_letter, journal};

/// A reader of other people's bytes.
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Feeds it; panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Words of its language.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "inventory",
        run: inventory,
        words: &[
            "all:\n",
            "  hosts:\n",
            "  children:\n",
            "  vars:\n",
            "    ansible_host: ",
            "ansible_become_password: ",
            "[01:05]",
            "&a ",
            "*a",
            "<<: *a",
            "{}",
            "[",
            "- ",
            "!x ",
            "|\n",
            ">-\n",
            "? ",
            "---\n",
            "...\n",
            "ansible_ssh_common_args: ",
            "-o ",
        ],
    },
    Target {
        name: "inventory-ini",
        run: inventory_ini,
        words: &[
            "[web]\n",
            "[web:vars]\n",
            "[web:children]\n",
            "[all:vars]\n",
            "h1 ",
            "h[1:3]",
            ":22",
            "a=",
            "'",
            "\"",
            "\\",
            "#",
            ";",
            "[1, 2]",
            "{'a': 1}",
            "(1,)",
            "0x1F",
            "1_000",
            "True",
            "None",
            "1e5",
            "b'x'",
            "\\x41",
            "\\N{",
            "\n",
            "ansible_group_priority=",
            "...",
            "1j",
        ],
    },
    Target {
        name: "extra",
        run: extra,
        words: &[
            "a=1 ",
            "b='x y' ",
            "c=\"q\\\"\" ",
            "{a: 1}",
            "{\"a\": [1, {}]}",
            "{a: !unsafe '{{ x }}'}",
            "{a: |\n  x",
            "=",
            " ",
            "\\",
            "'",
            "\"",
            "{{ x }}",
            "{a: &b [*b]}",
            "\n",
        ],
    },
    Target {
        name: "literal",
        run: literal,
        words: &[
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            ",",
            ":",
            "1",
            "-",
            "+",
            "1_0",
            "0x1f",
            "0o7",
            "0b1",
            "1e5",
            "1j",
            "'",
            "\"",
            "r'",
            "b'",
            "u'",
            "\\x41",
            "\\u00e9",
            "\\N{DIGIT ONE}",
            "\\777",
            "True",
            "None",
            "...",
            "set()",
            "'a' 'b'",
            "{1: 2}",
            "{1, 2}",
            "(1,)",
            "#",
            "\t",
            "é",
        ],
    },
    Target {
        name: "inventory-toml",
        run: inventory_toml,
        words: &[
            "[g.hosts]\n",
            "[g.vars]\n",
            "children = ",
            "[\"g\"]",
            "h1 = {}\n",
            "a = 1\n",
            "1979-05-27T07:32:00Z",
            "[[",
            "\"\"\"",
            "inf",
            "{a = 1}",
        ],
    },
    Target {
        name: "inventory-listing",
        run: inventory_listing,
        words: &[
            "{\"g\": ",
            "{\"hosts\": [\"h1\"]}",
            "\"vars\": {",
            "\"children\": [",
            "\"_meta\": {\"hostvars\": {",
            "null",
            "[",
            "}",
            "\"__ansible_unsafe\": ",
            "\"__ansible_vault\": ",
            "1e999",
            "\\ud800",
            "-",
            "0.5",
        ],
    },
    Target {
        name: "pattern",
        run: pattern,
        words: &[
            "masters", "all", ":!", ":&", "~", "[0:2]", "[-1]", "*", "?", "10.10.0.", ",", "(a|b){9}", "[1:9:2]",
            "[a:z]",
        ],
    },
    Target { name: "ensemble", run: ensembles, words: &["1:", ":10.10.0.1", ",", "O:", "S:", "255", "10.10.0.104"] },
    Target {
        name: "environment",
        run: environments,
        words: &[
            "EXHIBITOR_BACKEND=",
            "EXHIBITOR_STATICENSEMBLE=",
            "ZK_CONFIG_CONNECT=",
            "\"",
            "'",
            "\\\n",
            "#",
            ";",
            " = ",
            "export ",
        ],
    },
    Target {
        name: "exhibitor",
        run: exhibitors,
        words: &[
            "--configtype",
            "--staticensemble=",
            "--hostname ",
            "\"config\":",
            "zooCfgExtra",
            "com.netflix.exhibitor.",
            "\\u00",
            "\\\n",
            "\\:",
            "!",
        ],
    },
    Target {
        name: "config_yaml",
        run: config_yamls,
        words: &[
            "exhibitor_storage_backend: ",
            "exhibitor_zk_hosts:",
            "- ",
            " #",
            ">-\n",
            "zookeeper",
            "static",
            "\r\n",
        ],
    },
    Target {
        name: "journal",
        run: journals,
        words: &[
            "{\"__CURSOR\":\"",
            "\"MESSAGE\":",
            "\"_PID\":",
            "[myid:5]",
            "My id = ",
            "my id = ",
            ": (5, 4)",
            "[1,2,3]",
            "null",
            "{}",
            "[]",
            "Have smaller server identifier, so dropping the connection",
            "Oct 03 13:49:08 ",
            "[24740]: ",
        ],
    },
    Target {
        name: "four_letter",
        run: four_letters,
        words: &[
            "Mode: ",
            "Zxid: 0x",
            "serverId=",
            "zk_synced_followers\t",
            "Node count: ",
            "Zookeeper version: ",
            "\n",
        ],
    },
    Target { name: "client", run: clients, words: &["\0\0\0\x01", "\x7f\u{ff}", "\0\0\0\x09zookeeper"] },
    Target {
        name: "marks",
        run: marks,
        words: &[
            "nonce begin 7\n",
            "nonce end 7 ",
            "nonce end 7 0\n",
            "nonce end 6 0\n",
            "nonce ",
            "-2147483649\n",
            "99999999999\n",
        ],
    },
    Target {
        name: "answers",
        run: super::answers::run,
        words: &[
            "real /a\n",
            "old absent\n",
            "hash ",
            "before\n",
            ".\n",
            "end\n",
            "link ",
            "kept ",
            "found 81a4/1/0/0/1/1.0/root/root\n",
            "path\n",
            "pid 7\n",
            "stat 7 (x) S 1",
            "cmdline ",
            "clock 1 1\n",
            ">/a\n",
            "-\n",
            "!",
            "ActiveState=active\n",
            "before\n",
            "after\n",
            "Clock=1 1\n",
            "token=",
            "taken\n",
            "mode 644 600\n",
            "nofolder\n",
            "os_release\n",
            " ",
        ],
    },
    Target {
        name: "shown",
        run: shown,
        words: &["\u{1b}]52;c;", "\u{9b}", "\u{202e}", "s3cr3t", "\"s3cr3t\"", "…", "\\u{1b}"],
    },
];

fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// A file of this thread, in memory where the machine has a place for that.
fn file() -> PathBuf {
    thread_local! {
        static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
    }
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| {
            let memory = std::path::Path::new("/dev/shm");
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
        });
        folder.path().join("hosts.yaml")
    })
}

fn inventory(input: &[u8]) {
    read_inventory(input, "hosts.yaml");
}

fn inventory_ini(input: &[u8]) {
    read_inventory(input, "hosts.ini");
}

/// An argument of `-e`: a line of `KEY=VALUE`, or YAML. Files are other targets' affair.
fn extra(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if text.starts_with('@') {
        return;
    }
    let argument = [text.into_owned()];
    match Extra::parse(&argument) {
        Ok(extra) => {
            for (name, _) in extra.iter() {
                assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{name:?}");
            }
            assert!(Extra::recordable(&argument).is_ok(), "what is read can be kept");
        }
        Err(error) => {
            let _ = diagnostic::render(&error, false);
        }
    }
}

/// A value of an INI inventory, which is a literal of Python or a text: it is always one of them, and the same in both places.
fn literal(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let line: String = text.chars().filter(|c| !c.is_control() && *c != '#' && *c != ';').collect();
    let path = file().with_file_name("literal.ini");
    std::fs::write(&path, format!("h\n[all:vars]\nk={line}\n")).unwrap();
    match Inventory::load(&[path], &LoadOptions::default()) {
        Ok(inventory) => {
            let listed = inventory.list_json();
            let value = &listed["_meta"]["hostvars"]["h"]["k"];
            let again: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(again.to_string(), value.to_string(), "a value that JSON can hold");
        }
        Err(error) => {
            let _ = diagnostic::render(&error, false);
        }
    }
}

fn inventory_toml(input: &[u8]) {
    read_inventory(input, "hosts.toml");
}

/// What a program would have printed: without being asked about hosts.
fn inventory_listing(input: &[u8]) {
    let meta = b"{\"_meta\": {\"hostvars\": {}}, \"x\": ".iter().chain(input).chain(b"}").copied().collect::<Vec<u8>>();
    read_inventory(&meta, "hosts.json");
    read_inventory(input, "hosts.json");
}

fn read_inventory(input: &[u8], name: &str) {
    let path = file().with_file_name(name);
    std::fs::write(&path, input).unwrap();
    match Inventory::load(&[path], &LoadOptions::default()) {
        Ok(inventory) => {
            let _ = inventory.list_json();
            for host in inventory.hosts() {
                assert!(
                    !host.name.starts_with('-') && !host.name.contains(|c: char| c.is_control() || c.is_whitespace())
                );
                let Ok(connection) = inventory.connection(host) else { continue };
                assert!(!connection.address.starts_with('-'));
                if let Some(user) = &connection.user {
                    assert!(
                        !user.starts_with('-') && !user.contains(|c: char| " \t\n;$`\"'|&<>()".contains(c)),
                        "{user:?}"
                    );
                }
            }
            // A host whose own name is `all` is meant by it, as in Ansible.
            let named = inventory.hosts().any(|host| host.name == "all");
            if !named && inventory.hosts().next().is_some() {
                let all = inventory.select("all").unwrap().hosts;
                assert_eq!(all.len(), inventory.hosts().count());
            }
        }
        Err(error) => {
            let shown = diagnostic::render(&error, false);
            assert!(!shown.chars().any(|c| acts(c) && c != '\n' && c != '\t'), "{shown:?}");
        }
    }
}

fn pattern(input: &[u8]) {
    thread_local! {
        static KNOWN: Inventory = {
            let path = file();
            let hosts = "masters:\n  hosts:\n    10.10.0.[101:120]:\n    fe80::1:\nother:\n  children:\n    masters:\n  hosts:\n    m[1:3]:\n";
            std::fs::write(&path, hosts).unwrap();
            Inventory::load(&[path], &LoadOptions::default()).unwrap()
        };
    }
    // Nobody types more, and a regular expression of that length is its writer's own affair.
    let text = text(&input[..input.len().min(1000)]).into_owned();
    KNOWN.with(|known| {
        if let Ok(hosts) = known.select(&text) {
            assert!(!hosts.hosts.is_empty());
        }
    });
    if let Ok(names) = range::expand(&text) {
        assert!(!names.is_empty() && names.len() <= range::MOST);
    }
}

fn ensembles(input: &[u8]) {
    let text = text(input);
    let _ = ensemble::specs(&text);
    if let Ok(read) = ensemble::Ensemble::parse(&text) {
        assert_eq!(ensemble::Ensemble::parse(&read.to_string()), Ok(read.clone()));
        // What is taken here is what Exhibitor takes, entry by entry.
        assert_eq!(ensemble::specs(&text).len(), read.servers().count());
    }
    let _ = numbering::canonical(text.split(','));
}

fn environments(input: &[u8]) {
    let text = text(input);
    let mut end = 0;
    for one in environment::parse(&text) {
        assert!(one.span.start >= end && text.get(one.span.clone()).is_some(), "{one:?}");
        end = one.span.end;
    }
    let _ = backend::other_lines(&text);
}

fn exhibitors(input: &[u8]) {
    let text = text(input);
    let words: Vec<String> = text.split(['\0', ' ']).map(str::to_owned).collect();
    let _ = exhibitor::command_line(&words);
    let _ = properties::parse(&text);
    let (state, defaults) = text.split_once('\u{1}').unwrap_or((&text, ""));
    if let Ok(state) = serde_json::from_str(state) {
        let _ = exhibitor::lost_settings(&state, defaults);
    }
}

fn config_yamls(input: &[u8]) {
    if let Ok(changed) = config_yaml::to_static(&text(input)) {
        assert_eq!(config_yaml::to_static(&changed).as_deref(), Ok(changed.as_str()));
    }
}

fn journals(input: &[u8]) {
    for line in input.split(|byte| *byte == b'\n') {
        if let Some(entry) = Entry::parse(line) {
            let _ = (entry.line(), journal::own_id(&entry.message));
        }
        let text = text(line);
        let _ = (journal::short(&text), journal::own_id(&text));
    }
}

fn four_letters(input: &[u8]) {
    let text = text(input);
    if let Some(zxid) = four_letter::srvr(&text).zxid {
        let _ = four_letter::Zxid::parse(&zxid);
    }
    let _ = (four_letter::server_id(&text), four_letter::synced_followers(&text), four_letter::is_refused(&text));
}

fn clients(input: &[u8]) {
    let _ = client::done_answer(input);
    let _ = client::list_root_answer(input);
}

/// The first byte says how the rest is cut: wherever that is, the same output and the same end are found.
fn marks(input: &[u8]) {
    let (cut, bytes) = input.split_first().map_or((1, input), |(cut, rest)| (usize::from(*cut).max(1), rest));
    let read = |size: usize| {
        let mut marks = Marks::new("nonce", 7);
        let (mut output, mut ends) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            marks.feed(piece, |found| match found {
                Found::Output(bytes) => output.extend_from_slice(bytes),
                Found::End { status, .. } => ends.push(status),
            });
        }
        (output, ends, marks.is_over())
    };
    let (whole, pieces) = (read(bytes.len().max(1)), read(cut));
    assert!(whole.1.len() <= 1 && whole.0.len() <= bytes.len());
    assert_eq!((&pieces.1, pieces.2), (&whole.1, whole.2));
    // What may be a mark is held back at the end of the whole as of the pieces.
    assert_eq!(pieces.0, whole.0);
}

fn shown(input: &[u8]) {
    let text = text(input);
    assert!(!printable(&text).chars().any(|c| acts(c) && c != '\t'));
    let json = serde_json::json!({ "line": text }).to_string();
    let line = ndjson::json(&json);
    assert!(!line.chars().any(acts));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&line).unwrap(),
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    );
    let secrets = Secrets::default();
    secrets.add("s3cr3t \"of\" all");
    assert!(!secrets.redact(&text).contains("s3cr3t \"of\" all"));
    let (mine, rest) = text.split_at(text.char_indices().nth(20).map_or(text.len(), |(at, _)| at));
    let secrets = Secrets::default();
    secrets.add(mine);
    let _ = secrets.redact(rest);
}
