//! What the tests of the command share: a folder of files, and the command run in it.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

pub mod answering;
pub mod sshd;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An inventory whose one host nobody can reach: a command that touches it ends with exit code 4.
pub const NOBODY: &str = "masters:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: 1\n";

/// An inventory of two hosts that are this machine, each with a lock of its own in the project's folder.
pub const LOCAL: &str = "masters:\n  hosts:\n    m1: { zkmig_lock_file: FOLDER/lock-m1 }\n    m2: { zkmig_lock_file: FOLDER/lock-m2 }\n  vars:\n    ansible_connection: local\n";

/// A folder with a playbook and an inventory.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A project whose hosts can't be reached.
    pub fn unreachable() -> Self {
        Self::new(NOBODY)
    }

    /// A project whose hosts are this machine.
    pub fn local() -> Self {
        Self::new(LOCAL)
    }

    /// A project with this inventory.
    pub fn new(inventory: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let folder = project.path().display().to_string();
        project.file("hosts.yaml", &inventory.replace("FOLDER", &folder));
        project
    }

    /// Writes a file of the project.
    pub fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The project's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the project's folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Runs `zkmig` with these arguments in the project's folder.
    pub fn zkmig(&self, arguments: &[&str]) -> Ran {
        self.zkmig_with(&[], arguments)
    }

    /// The same, with these variables in its environment.
    pub fn zkmig_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        self.ran(Command::new(env!("CARGO_BIN_EXE_zkmig")), environment, arguments)
    }

    fn ran(&self, mut command: Command, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        command.args(arguments).current_dir(self.path()).stdin(std::process::Stdio::null());
        command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE").env("XDG_STATE_HOME", self.path().join("state"));
        command.envs(environment.iter().copied());
        Ran::new(command.output().unwrap())
    }

    /// Runs a playbook with this text on the project's hosts; it is ended when it has worked for so many seconds. What others do on the machine
    /// does not count.
    pub fn run_within(&self, seconds: u32, playbook: &str) -> Ran {
        self.file("play.rhai", playbook);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -t {seconds} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_zkmig")]);
        self.ran(command, &[], &["run", "play.rhai", "-i", "hosts.yaml"])
    }

    /// Starts `zkmig` with these arguments, to be looked at and ended while it runs.
    pub fn start(&self, arguments: &[&str]) -> std::process::Child {
        self.start_with(&[], arguments)
    }

    /// The same, with these variables in its environment.
    pub fn start_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> std::process::Child {
        // Whoever runs the tests may have told them to outlive a terminal.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_zkmig")]);
        command.args(arguments).current_dir(self.path()).stdin(std::process::Stdio::null());
        command.env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE").env("XDG_STATE_HOME", self.path().join("state"));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.envs(environment.iter().copied());
        command.spawn().unwrap()
    }

    /// The records of the runs that were made here, the oldest first.
    pub fn records(&self) -> Vec<PathBuf> {
        let folder = self.path().join("state/zkmig/runs");
        let mut records: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        records.sort();
        records
    }

    /// Runs a playbook with this text on the project's hosts.
    pub fn run(&self, playbook: &str, arguments: &[&str]) -> Ran {
        self.file("play.rhai", playbook);
        self.zkmig(&[&["run", "play.rhai", "-i", "hosts.yaml"], arguments].concat())
    }
}

/// The exit code of a process that has to end by itself; one that does not is ended, and fails the test.
#[track_caller]
pub fn ended(child: &mut std::process::Child) -> Option<i32> {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(40) {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("the process does not end");
}

/// Waits for a condition; a test that waits in vain fails.
#[track_caller]
pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !condition() {
        assert!(began.elapsed() < std::time::Duration::from_secs(40), "{what} did not happen");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Sends a signal to a process.
pub fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// What a command did.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It ended with this exit code, and its standard error has each of these texts.
    #[track_caller]
    pub fn fails(&self, code: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "exit code\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in:\n{}", self.stderr);
        }
        self
    }

    /// It succeeded, and its standard output has each of these texts.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        assert_eq!(self.code, 0, "exit code\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(self.stdout.contains(text), "no {text:?} in:\n{}", self.stdout);
        }
        self
    }
}
