//! A real sshd on loopback, with keys of its own.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// An sshd on a free port of loopback.
pub struct Sshd {
    folder: TempDir,
    /// Its port.
    pub port: u16,
    process: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes a key.
pub fn keygen(path: &Path, passphrase: &str) {
    let status =
        Process::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]).arg(path).status().unwrap();
    assert!(status.success());
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(folder: &Path, words: &[&str]) -> Child {
    // sshd started by root wants this folder.
    let _ = fs::create_dir_all("/run/sshd");
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let line = [words, &["/usr/sbin/sshd", "-D", "-e", "-f"]].concat();
    Process::new(line[0])
        .args(&line[1..])
        .arg(folder.join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Sshd {
    /// Starts it with these lines in its configuration.
    pub fn start(extra: &str) -> Self {
        Self::start_below(&[], extra)
    }

    /// The same, as what these words run.
    pub fn start_below(words: &[&str], extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        keygen(&path("host"), "");
        keygen(&path("user"), "");
        fs::copy(path("user.pub"), path("authorized")).unwrap();
        let port = free_port();
        let host_key = fs::read_to_string(path("host.pub")).unwrap();
        fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {authorized}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n{extra}\n",
            host = path("host").display(),
            authorized = path("authorized").display(),
        );
        fs::write(path("sshd_config"), config).unwrap();
        let process = serve(folder.path(), words);
        let sshd = Self { folder, port, process };
        sshd.listens();
        sshd
    }

    /// Sends a signal to the processes of its connections.
    pub fn signal_connections(&self, name: &str) {
        let parent = self.process.id().to_string();
        let is_ours = |stat: &str| stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(&parent);
        let mut found = 0;
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            if fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| is_ours(&stat)) {
                let pid = entry.file_name();
                assert!(Process::new("kill").args(["-s", name]).arg(pid).status().unwrap().success());
                found += 1;
            }
        }
        assert!(found > 0, "sshd has no connection");
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it and all of its connections, as a host does that goes down.
    pub fn stop(&mut self) {
        // There may be none.
        let _ = Process::new("pkill").args(["-KILL", "-P", &self.id().to_string()]).status();
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after that.
    pub fn serve(&mut self) {
        self.process = serve(&self.path(""), &[]);
        self.listens();
    }

    fn listens(&self) {
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(40), "sshd did not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
