//! Processes of a host, as `/proc` tells of them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::printable::last_lines;
use super::read::decode;
use super::{Context, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// A process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// Its name, at most 15 characters.
    pub name: String,
    /// The letter of its state: `R`, `S`, `D`, `Z`, `T`.
    pub state: String,
    /// Its command line, word by word. Kernel threads and zombies have none.
    pub command: Vec<String>,
    /// Its program's file, where the user may see it.
    pub exe: Option<String>,
    /// Its user's name, or number.
    pub user: String,
    /// Its control group: systemd's own hierarchy where there are several.
    pub control_group: Option<String>,
    /// When it was started, in seconds since 1970 with fraction, by the host's clock of now. Exact to some 20 ms.
    pub started_at: f64,
    /// Its environment as it was started with, where it was asked for and the user may see it.
    pub environment: Option<BTreeMap<String, String>>,
}

/// The process with this id, `None` when there is none.
pub async fn process(context: &Context<'_>, pid: u32, environment: bool) -> Result<Option<Process>> {
    let pid = pid.to_string();
    Ok(ask(context, &[&pid], "", environment).await?.pop())
}

/// The processes whose command line holds `text`, in the order of their ids. The script that looks is not among them.
pub async fn find(context: &Context<'_>, text: &str, environment: bool) -> Result<Vec<Process>> {
    if text.is_empty() || text.contains(['\n', '\0']) {
        return Err(
            Error::input(format!("processes can't be found by {text:?}")).hint("give a word of their command line")
        );
    }
    let mut found = ask(context, &[], text, environment).await?;
    // grep takes a command line as one text; what spans two words was not asked for.
    found.retain(|process| process.command.iter().any(|word| word.contains(text)));
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

async fn ask(context: &Context<'_>, pids: &[&str], text: &str, environment: bool) -> Result<Vec<Process>> {
    let mut arguments = vec![if environment { "yes" } else { "no" }];
    arguments.extend(pids);
    let script = shell::script(include_str!("sh/process.sh"), &arguments);
    let printed = context.script(script, Stdin::Bytes(Bytes::from(format!("{text}\n")))).await?;
    let output = String::from_utf8_lossy(&printed.stdout);
    if !output.lines().any(|line| line == "end") {
        let why = last_lines(&printed.stderr, 3).replace('\n', "; ");
        return Err(context.failed("can't look at the host's processes").caused_by(why));
    }
    parse(&output)
}

fn parse(output: &str) -> Result<Vec<Process>> {
    let (mut booted, mut tick) = (0.0, 100.0);
    let mut found: Vec<Process> = Vec::new();
    for line in output.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "clock" => {
                let mut parts = value.split(' ').map(|part| part.parse::<f64>().unwrap_or_default());
                booted = parts.next().unwrap_or_default() - parts.next().unwrap_or_default();
            }
            "tick" => tick = value.parse().ok().filter(|tick| *tick > 0.0).unwrap_or(100.0),
            "pid" => found.push(Process { pid: value.parse().unwrap_or_default(), ..Process::default() }),
            _ => {
                let Some(process) = found.last_mut() else { continue };
                match key {
                    "stat" => process.take_stat(value, booted, tick),
                    "user" => {
                        let (name, number) = value.split_once('/').unwrap_or((value, ""));
                        process.user = if name == "UNKNOWN" { number } else { name }.to_owned();
                    }
                    "exe" => process.exe = Some(value.to_owned()).filter(|exe| !exe.is_empty()),
                    "cmdline" => process.command = words(value)?,
                    "cgroup" => process.take_cgroup(value),
                    "environ" => {
                        let pair = |word: String| {
                            word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
                        };
                        process.environment = Some(words(value)?.into_iter().filter_map(pair).collect());
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(found)
}

/// The words of a NUL separated text.
fn words(encoded: &str) -> Result<Vec<String>> {
    let bytes = decode(encoded.as_bytes())?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_suffix('\0').unwrap_or(&text).split('\0').map(str::to_owned).filter(|_| !text.is_empty()).collect())
}

impl Process {
    fn take_stat(&mut self, stat: &str, booted: f64, tick: f64) {
        // The name is the process's own choice and may hold spaces and brackets: the last bracket ends it.
        let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { return };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        self.name = name.to_owned();
        self.state = fields.first().copied().unwrap_or_default().to_owned();
        self.parent = fields.get(1).and_then(|parent| parent.parse().ok()).unwrap_or_default();
        self.started_at = booted + number(22) / tick;
    }

    fn take_cgroup(&mut self, line: &str) {
        // `hierarchy:controllers:path`; systemd's own is `name=systemd`, or the only one where there is only one.
        let mut parts = line.splitn(3, ':');
        if let (Some(hierarchy), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
            && (controllers == "name=systemd" || (hierarchy == "0" && self.control_group.is_none()))
        {
            self.control_group = Some(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::time::UNIX_EPOCH;

    use super::super::bench::Bench;
    use super::*;

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    fn running(word: &str) -> Running {
        let mut child = Command::new("sh");
        child.args(["-c", "read x", "a b", word]).env("MARK", "é\n").stdin(std::process::Stdio::piped());
        Running(child.spawn().expect("a process"))
    }

    #[tokio::test]
    async fn a_process_is_found_by_its_command_line_and_the_search_is_not() {
        let bench = Bench::new();
        let word = format!("org.apache.zookeeper.{}", std::process::id());
        let child = running(&word);
        let found = find(&bench.context(), &word, true).await.expect("success");
        let [process] = &found[..] else { panic!("{found:?}") };
        assert_eq!((process.pid, process.parent), (child.0.id(), std::process::id()));
        assert_eq!(process.command, ["sh", "-c", "read x", "a b", &word]);
        assert_eq!(process.environment.as_ref().and_then(|all| all.get("MARK")).map(String::as_str), Some("é\n"));
        assert!(process.exe.is_some() && process.control_group.is_some());
        let now = UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        assert!((now - process.started_at).abs() < 2.0, "{} {now}", process.started_at);
    }

    #[tokio::test]
    async fn a_process_that_is_not_there_is_none() {
        let bench = Bench::new();
        assert_eq!(process(&bench.context(), 4_000_000, false).await.expect("success"), None);
        let own = process(&bench.context(), std::process::id(), false).await.expect("success").expect("a process");
        assert_eq!(own.environment, None);
        assert!(find(&bench.context(), "", false).await.is_err());
    }

    #[test]
    fn names_with_brackets_and_several_hierarchies_are_understood() {
        let stat = format!("7 (a) (b) S 1 7 7{} 250 0", " 0".repeat(15));
        let output = format!(
            "clock 1000.5 100.5\ntick 100\npid 7\nstat {stat}\nuser UNKNOWN/42\nexe \ncmdline \n\
                              cgroup 0::/wrong\ncgroup 4:cpu,cpuacct:/cpu\ncgroup 1:name=systemd:/system.slice/x.service\nend\n"
        );
        let found = parse(&output).expect("success");
        assert_eq!((found[0].name.as_str(), found[0].state.as_str(), found[0].parent), ("a) (b", "S", 1));
        assert_eq!((found[0].started_at, found[0].user.as_str()), (902.5, "42"));
        assert_eq!(found[0].control_group.as_deref(), Some("/system.slice/x.service"));
        assert!(found[0].command.is_empty() && found[0].exe.is_none());
    }
}
