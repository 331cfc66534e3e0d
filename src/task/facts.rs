//! Facts about a host: only those that are asked for, in one round trip.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::path::absolute;
use super::printable::last_lines;
use super::{Context, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// The facts there are, and what each is.
pub const FACTS: &[(&str, &str)] = &[
    ("architecture", "the machine's type, as `uname -m` says"),
    ("boot_id", "a text that is another one after each boot"),
    ("cpus", "how many processors are in use"),
    (
        "disk",
        "a map by the asked folders: `device`, `mount`, `size_bytes`, `used_bytes`, `free_bytes`; () where there is no such folder",
    ),
    ("fqdn", "the host's full name, as it knows it"),
    ("groups", "the groups of the user that the effects run as"),
    ("hostname", "the host's name"),
    ("kernel", "the kernel's release"),
    ("machine_id", "systemd's id of the machine"),
    ("memory_bytes", "the whole memory, in bytes"),
    ("mounts", "a list of `device`, `path`, `type`, `options`"),
    ("os_release", "a map of /etc/os-release: `ID`, `VERSION_ID`, …"),
    ("selinux", "`enforcing`, `permissive` or `disabled`"),
    ("systemd_version", "a number, such as 219; () without systemd"),
    ("time", "the host's clock, in seconds since 1970 with fraction"),
    ("uptime_seconds", "how long ago the host was booted, in seconds"),
    ("user", "the user that the effects run as"),
];

/// The facts of these names. `disk` looks at `folders`.
pub async fn facts(context: &Context<'_>, names: &[&str], folders: &[&str]) -> Result<Map<String, Value>> {
    for name in names {
        if !FACTS.iter().any(|(known, _)| known == name) {
            let known = FACTS.iter().map(|(known, _)| *known);
            let all = known.clone().collect::<Vec<_>>().join(", ");
            return Err(Error::input(format!("there is no fact `{name}`"))
                .did_you_mean(name, known)
                .hint(format!("there are {all}")));
        }
    }
    if names.contains(&"disk") && folders.is_empty() {
        return Err(Error::input("the fact `disk` needs to know of which folders"));
    }
    let mut stdin = String::new();
    for folder in folders {
        stdin.push_str(&absolute(folder)?);
        stdin.push('\n');
    }
    let script = shell::script(include_str!("sh/facts.sh"), names);
    let printed = context.script(script, Stdin::Bytes(Bytes::from(stdin))).await?;
    let text = String::from_utf8_lossy(&printed.stdout);
    if !text.lines().any(|line| line == "end") {
        let why = last_lines(&printed.stderr, 3).replace('\n', "; ");
        return Err(context.failed("can't gather facts").caused_by(why));
    }
    let mut facts = Map::new();
    for name in names {
        let lines: Vec<&str> =
            text.lines().skip_while(|line| line != name).skip(1).map_while(|line| line.strip_prefix(' ')).collect();
        facts.insert((*name).to_owned(), value(name, &lines, folders));
    }
    Ok(facts)
}

/// A fact from the lines that the host printed for it; null where it printed none.
fn value(name: &str, lines: &[&str], folders: &[&str]) -> Value {
    let first = lines.first().copied().unwrap_or_default().trim();
    let first_word = first.split_whitespace().next().unwrap_or_default();
    match name {
        "os_release" => lines
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), json!(unquoted(value))))
            .collect::<Map<_, _>>()
            .into(),
        "cpus" => number(first),
        "memory_bytes" => lines
            .iter()
            .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok())
            .map_or(Value::Null, |kilobytes| json!(kilobytes.saturating_mul(1024))),
        "uptime_seconds" | "time" => first_word.parse::<f64>().map_or(Value::Null, |seconds| json!(seconds)),
        "systemd_version" => number(first.split_whitespace().nth(1).unwrap_or_default()),
        "groups" => lines.iter().map(|line| json!(line)).collect::<Vec<_>>().into(),
        "mounts" => lines.iter().filter_map(|line| mount(line)).collect::<Vec<_>>().into(),
        "disk" => disk(lines, folders),
        _ if first.is_empty() => Value::Null,
        _ => json!(first),
    }
}

fn number(text: &str) -> Value {
    // Some versions of systemd say `systemd 252 (252.39)`, others `systemd 219`.
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u64>().map_or(Value::Null, |number| json!(number))
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut text = String::new();
    let mut escaped = false;
    for character in quoted.unwrap_or(value).chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(character);
            escaped = false;
        }
    }
    text
}

fn mount(line: &str) -> Option<Value> {
    let mut parts = line.split(' ');
    let (device, path) = (parts.next()?, parts.next()?);
    let (kind, options) = (parts.next()?, parts.next()?);
    // The kernel writes what would part the fields in octal.
    let plain = |text: &str| text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    Some(json!({"device": plain(device), "path": plain(path), "type": kind, "options": options}))
}

fn disk(lines: &[&str], folders: &[&str]) -> Value {
    let mut disks = Map::new();
    for folder in folders {
        let path = absolute(folder).unwrap_or_default();
        let after = lines.iter().position(|line| **line == path).and_then(|at| lines.get(at + 1));
        let found = after.and_then(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // A device's name may hold spaces: the numbers are found by the percentage after them.
            let percent = words.iter().rposition(|word| word.ends_with('%'))?;
            let bytes = |at: usize| words.get(at)?.parse::<u64>().ok().map(|kilobytes| kilobytes.saturating_mul(1024));
            let size = percent.checked_sub(3)?;
            Some(json!({
                "device": words[..size].join(" "),
                "size_bytes": bytes(size)?,
                "used_bytes": bytes(size + 1)?,
                "free_bytes": bytes(size + 2)?,
                "mount": words[percent + 1..].join(" "),
            }))
        });
        disks.insert((*folder).to_owned(), found.unwrap_or(Value::Null));
    }
    disks.into()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::bench::Bench;
    use super::*;

    #[tokio::test]
    async fn every_fact_can_be_asked_for() {
        let bench = Bench::new();
        let names: Vec<&str> = FACTS.iter().map(|(name, _)| *name).collect();
        let found = facts(&bench.context(), &names, &["/", "/no/such"]).await.expect("success");
        assert!(found["cpus"].as_u64().is_some_and(|cpus| cpus > 0));
        assert!(found["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
        assert!(found["disk"]["/"]["size_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{:?}", found["disk"]);
        assert_eq!(found["disk"]["/no/such"], Value::Null);
        assert!(found["mounts"].as_array().is_some_and(|mounts| mounts.iter().any(|mount| mount["path"] == "/proc")));
        assert!(found["os_release"]["ID"].is_string());
        assert!(found["user"].is_string() && found["hostname"].is_string() && found["groups"][0].is_string());
        let now = UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        assert!(found["time"].as_f64().is_some_and(|time| (time - now).abs() < 2.0));
        assert!(found["uptime_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    }

    #[tokio::test]
    async fn a_fact_that_is_not_there_is_a_mistake() {
        let bench = Bench::new();
        let error = facts(&bench.context(), &["hostnam"], &[]).await.expect_err("a mistake");
        assert_eq!(error.parts().hints[0], "did you mean `hostname`?");
        assert!(facts(&bench.context(), &["disk"], &[]).await.is_err());
        assert!(facts(&bench.context(), &["disk"], &["x"]).await.is_err());
    }

    #[test]
    fn values_are_what_a_program_reads_in_the_file() {
        assert_eq!(
            value("os_release", &["NAME=\"CentOS Linux\"", "ID='x'", "A=\"\\$b\""], &[]),
            json!({"NAME": "CentOS Linux", "ID": "x", "A": "$b"})
        );
        assert_eq!(value("systemd_version", &["systemd 219"], &[]), json!(219));
        assert_eq!(value("systemd_version", &[], &[]), Value::Null);
        assert_eq!(
            mount("none /a\\040b tmpfs rw 0 0"),
            Some(json!({"device": "none", "path": "/a b", "type": "tmpfs", "options": "rw"}))
        );
        assert_eq!(
            disk(&["/x", "a b 10 4 6 40% /mnt/c d"], &["/x"])["/x"],
            json!({"device": "a b", "size_bytes": 10240, "used_bytes": 4096, "free_bytes": 6144, "mount": "/mnt/c d"})
        );
    }
}
