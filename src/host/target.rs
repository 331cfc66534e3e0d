//! Where a host is and how ssh gets there: as arguments, which count for the host alone, and as a configuration, which counts for
//! the jump hosts on the way too.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host's name in the inventory.
    pub name: String,
    /// What ssh is given: an address, a name, or a `Host` of the ssh configuration.
    pub address: String,
    /// The port; ssh's configuration says otherwise.
    pub port: Option<u16>,
    /// The login user.
    pub user: Option<String>,
    /// The private key; only this one is tried then.
    pub key: Option<PathBuf>,
    /// An ssh client configuration instead of the user's own.
    pub config_file: Option<PathBuf>,
    /// Options of ssh's configuration that win over it.
    pub options: Vec<(String, String)>,
    /// Refuse hosts whose key is not known; otherwise a new key is accepted and remembered.
    pub strict: bool,
    /// How long a connection may take.
    pub connect_timeout: Duration,
}

impl Target {
    /// What an inventory can't mean by an address or a user.
    pub fn check(&self) -> Result<()> {
        // ssh itself takes what follows an `@` for the host.
        if self.address.rsplit('@').any(|part| part.is_empty() || part.starts_with('-')) {
            return Err(Error::input(format!("`{}` can't be a host's address", self.address.escape_debug())));
        }
        if let Some(user) = self.user.as_ref().filter(|user| user.is_empty() || user.starts_with('-')) {
            return Err(Error::input(format!("`{}` can't be a user's name", user.escape_debug())));
        }
        Ok(())
    }

    /// What ssh is told of this host alone: a jump host on the way is reached by an ssh that is given none of it. `patience` is for
    /// each part of the way that this ssh goes itself.
    pub fn arguments(&self, config: &Path, patience: Duration) -> Result<Vec<OsString>> {
        let mut words: Vec<OsString> = vec!["-F".into(), config.into()];
        let mut say = |option: String| words.extend(["-o".into(), option.into()]);
        say("BatchMode yes".to_owned());
        say(format!("StrictHostKeyChecking {}", self.checking()));
        say(format!("ConnectTimeout {}", patience.as_secs()));
        // Why a forwarded port was not reached stands there.
        say("LogLevel INFO".to_owned());
        for (key, value) in &self.options {
            // `Host` and `Match` would end the part in which what follows stands.
            let ends = ["host", "match", "include"].contains(&key.to_ascii_lowercase().as_str());
            let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
            if ends || !plain || value.trim().is_empty() || value.chars().any(char::is_control) {
                return Err(Error::input(format!("`{}` can't be given to ssh as an option", key.escape_debug())));
            }
            say(format!("{key} {value}"));
        }
        if let Some(port) = self.port {
            words.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".into(), user.into()]);
        }
        if let Some(key) = &self.key {
            words.extend(["-o".into(), "IdentitiesOnly yes".into(), "-i".into(), key.into()]);
        }
        Ok(words)
    }

    fn checking(&self) -> &'static str {
        if self.strict { "yes" } else { "accept-new" }
    }

    /// Writes the ssh configuration of one connection into `folder`: what zkmig needs, for the host and for the jump hosts, then
    /// the user's own. ssh takes the first value that it finds, and gives the file to the ssh of each jump host.
    pub fn configuration(&self, folder: &Path) -> Result<PathBuf> {
        let mut text = String::from("Host *\n");
        // What a user's configuration may ask for and a connection without a person can't bear; a silent peer is noticed. A
        // connection that the user has open to a jump host is used, and none is left behind there.
        for line in [
            "BatchMode yes",
            "RemoteCommand none",
            "RequestTTY no",
            "PermitLocalCommand no",
            "ForwardAgent no",
            "ForwardX11 no",
            "ControlMaster no",
            "ServerAliveInterval 5",
            "ServerAliveCountMax 3",
            "ConnectionAttempts 1",
        ] {
            // The text can be written to: it is memory.
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "  StrictHostKeyChecking {}", self.checking());
        let _ = writeln!(text, "  ConnectTimeout {}", self.connect_timeout.as_secs());
        match &self.config_file {
            Some(path) => text.push_str(&include(path)?),
            None => {
                if let Some(home) = std::env::var_os("HOME") {
                    text.push_str(&include(&PathBuf::from(home).join(".ssh/config"))?);
                }
                text.push_str("Include /etc/ssh/ssh_config\n");
            }
        }
        tempfile::Builder::new()
            .prefix("config")
            .tempfile_in(folder)
            .and_then(|mut file| {
                std::io::Write::write_all(&mut file, text.as_bytes())?;
                file.into_temp_path().keep().map_err(|error| error.error)
            })
            .map_err(|error| Error::input("can't write the configuration of ssh").caused_by(error))
    }
}

/// The line that has ssh read this file. ssh reads a path as a pattern with placeholders, in quotes or not.
fn include(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.chars().any(|c| c.is_control() || "\"'\\*?[]$%".contains(c)));
    let text = text.ok_or_else(|| {
        Error::input(format!("the path of ssh's configuration {} can't be given to ssh", path.display())).hint(
            "ssh takes quotes, backslashes and any of * ? [ ] $ % for more than a character: use a path without them",
        )
    })?;
    Ok(format!("Include \"{text}\"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::control::Control;

    fn target(config_file: Option<&str>, options: &[(&str, &str)]) -> Target {
        Target {
            name: "m1".to_owned(),
            address: "m1".to_owned(),
            port: None,
            user: None,
            key: None,
            config_file: config_file.map(PathBuf::from),
            options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            strict: true,
            connect_timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn nothing_can_break_out_of_its_line_in_the_configuration_of_ssh() {
        let control = Control::new().expect("a folder");
        let written = |path: &str| {
            let path = target(Some(path), &[]).configuration(control.path())?;
            std::fs::read_to_string(path).map_err(|error| Error::defect("no file").caused_by(error))
        };
        for path in ["/a\"b", "/a\nHost *", "/a'b", "/a\\b", "/a*", "/a[b]", "/$HOME/x", "/a%h"] {
            assert!(written(path).is_err(), "{path:?}");
        }
        let text = written("/it is/fine").expect("a configuration");
        assert!(text.starts_with("Host *\n") && text.ends_with("Include \"/it is/fine\"\n"), "{text}");
    }

    #[test]
    fn an_option_is_one_line_and_counts_for_the_host_alone() {
        let given = |options: &[(&str, &str)]| target(None, options).arguments(Path::new("/c"), Duration::from_secs(1));
        for option in [
            ("", "ProxyCommand x"),
            ("Host", "none"),
            ("match", "all"),
            ("Include", "/x"),
            ("A B", "x"),
            ("A", "x\nB y"),
            ("A", ""),
        ] {
            assert!(given(&[option]).is_err(), "{option:?}");
        }
        let words = given(&[("ProxyJump", "bastion")]).expect("arguments");
        assert!(words.windows(2).any(|pair| pair[0] == "-o" && pair[1] == "ProxyJump bastion"), "{words:?}");
        let control = Control::new().expect("a folder");
        let path = target(Some("/none"), &[("ProxyJump", "bastion")]).configuration(control.path()).expect("a file");
        assert!(!std::fs::read_to_string(path).expect("a text").contains("bastion"));
    }
}
