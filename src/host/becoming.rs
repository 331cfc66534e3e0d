//! How a shell on a host becomes the user that it runs as: the methods, and the command line of each.

use std::sync::Arc;

use super::secret::Password;
use super::shell::{LOOP, SILENCE};

/// The program that makes another user of the one who logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `sudo`; the password is the login user's own.
    #[default]
    Sudo,
    /// `su`; the password is the other user's. Root is asked for none.
    Su,
    /// `doas`; the password is the login user's own.
    Doas,
    /// `runuser`: root alone may, and is asked for nothing.
    Runuser,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sudo, Self::Su, Self::Doas, Self::Runuser];

    /// Its name, which is that of its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
            Self::Runuser => "runuser",
        }
    }
}

/// How other users are become on a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Become {
    /// The program.
    pub method: Method,
    /// Where the program is, unless PATH knows.
    pub exe: Option<String>,
    /// Options that it is given in place of its own, which is `-H` for sudo, as in Ansible.
    pub flags: Option<Vec<String>>,
    /// What it is given when it asks for a password.
    pub password: Option<Password>,
}

/// Who a shell runs as.
#[derive(Clone, Debug)]
pub enum Becomes {
    /// Who logged in.
    Nobody,
    /// Another user.
    Other {
        /// The user.
        user: Arc<str>,
        /// How.
        how: Become,
    },
}

/// Where the programs are that a login shell may not look for.
const PATHS: &str = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin";

/// What stands on standard error once the program is about to ask: a line before it is of the login user's own start files.
pub fn asks(nonce: &str) -> String {
    format!("{nonce} asks")
}

/// What stands on standard error once the program is over, where it is not the shell's own process that ends.
pub fn ended(nonce: &str) -> String {
    format!("{nonce} ended")
}

/// What sudo asks with.
pub fn prompt(nonce: &str) -> String {
    format!("{nonce}-password:")
}

/// The line that a shell waits for on its terminal, where it has one.
pub fn go(nonce: &str) -> String {
    format!("{nonce}-go")
}

impl Becomes {
    /// The program that makes the user another, or nothing.
    pub fn name(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::Other { how, .. } => how.exe.as_deref().unwrap_or(how.method.name()),
        }
    }

    /// Whether the shell has a terminal of its own, and waits for [`go`] on it.
    pub fn has_terminal(&self) -> bool {
        matches!(self, Self::Other { how, .. } if how.method == Method::Doas && how.password.is_some())
    }
}

/// The command line that starts the loop, for a login shell of any kind: it is one line of words in which nothing has a
/// meaning to any of them, and what the loop is comes over standard input.
pub fn command_line(becomes: &Becomes, nonce: &str) -> String {
    // The text of the loop is the first thing on standard input; its length is in the line.
    let size = LOOP.len();
    // Nothing follows that text until the loop has answered: here a `head` that takes more than it is told finds no more.
    let silence = SILENCE.as_secs();
    let eval = format!("eval \"$(PATH=${{PATH:+$PATH:}}/usr/bin:/bin; head -c {size})\"");
    let set = format!("set -- {nonce} {silence} \"${{1-}}\"");
    let start = format!("{set}; echo {nonce} up; {eval}");
    // The program is to speak English; what the login has there goes along beside it.
    let locale = "sh \"l${LC_ALL-}\"";
    let Becomes::Other { user, how } = becomes else {
        return format!("exec /bin/sh -c {}", quoted(&start));
    };
    let exe = quoted(how.exe.as_deref().unwrap_or(how.method.name()));
    // What would keep the program from asking is left out: whether it asks is for the host to say.
    let silent = |flag: &&String| matches!(flag.as_str(), "-n" | "--non-interactive");
    let own: &[String] = if how.method == Method::Sudo { &["-H".to_owned()] } else { &[] };
    let flags: String = how
        .flags
        .as_deref()
        .unwrap_or(own)
        .iter()
        .filter(|flag| !silent(flag))
        .map(|flag| format!(" {}", quoted(flag)))
        .collect();
    let user = quoted(user);
    let asks = asks(nonce);
    match how.method {
        Method::Sudo => {
            let prompt = prompt(nonce);
            let become_it = format!(
                "exec env LC_ALL=C {exe}{flags} -S -p {prompt} -u {user} -- /bin/sh -c {} {locale}",
                quoted(&start)
            );
            format!("exec /bin/sh -c {}", quoted(&format!("echo {asks} >&2; {become_it}")))
        }
        Method::Su | Method::Runuser => {
            let become_it = format!("exec env LC_ALL=C {exe}{flags} -s /bin/sh {user} -c {} {locale}", quoted(&start));
            format!("exec /bin/sh -c {}", quoted(&format!("{PATHS}; echo {asks} >&2; {become_it}")))
        }
        Method::Doas if how.password.is_none() => {
            format!("exec {exe}{flags} -n -u {user} -- /bin/sh -c {}", quoted(&start))
        }
        Method::Doas => {
            // doas asks at a terminal alone. `script` makes one, on which nothing but the question and the answer go: the
            // three pipes are handed through. The answers are taken line by line, so that what follows them on standard
            // input stays there; the shell waits on the terminal for the last of them, and so knows that it may read.
            let (go, ended) = (go(nonce), ended(nonce));
            let start = format!(
                "{set}; stty -echo </dev/tty; echo {nonce} up; \
                 until IFS= read -r z_line </dev/tty && [ \"$z_line\" = {go} ]; do :; done; {eval}"
            );
            let doas = format!("exec {exe}{flags} -u {user} -- /bin/sh -c {} <&3 >&4 2>&5", quoted(&start));
            let answers = format!(
                "while IFS= read -r line <&3; do printf \"%s\\n\" \"$line\"; [ \"$line\" = {go} ] && break; done"
            );
            let whole = format!(
                "{PATHS}; exec 3<&0 4>&1 5>&2; echo {asks} >&2; {{ {answers}; }} | {{ SHELL=/bin/sh script -qc {} /dev/null >&2; \
                 echo {ended} >&2; }}",
                quoted(&doas)
            );
            format!("exec /bin/sh -c {}", quoted(&whole))
        }
    }
}

/// A text as one word of any shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::secret::Secret;

    fn line(method: Method, flags: &[&str], password: Option<&str>) -> String {
        let how = Become {
            method,
            exe: None,
            flags: (!flags.is_empty()).then(|| flags.iter().map(|flag| (*flag).to_owned()).collect()),
            password: password.map(|password| Password::Known(Secret::from(password.to_owned()))),
        };
        command_line(&Becomes::Other { user: "postgres".into(), how }, "zkmig-1")
    }

    #[test]
    fn no_password_is_in_a_command_line_and_nothing_keeps_sudo_from_asking() {
        for method in Method::ALL {
            let line = line(method, &["-n", "-x"], Some("hunter2"));
            assert!(!line.contains("hunter2") && line.contains(method.name()) && line.contains("-x"), "{line}");
            assert!(!line.contains("-n"), "{line}");
        }
    }

    /// As ansible-core's plugin sudo, whose own `-H -S -n` are left out where others are given.
    #[test]
    fn flags_stand_in_place_of_sudos_own() {
        assert!(line(Method::Sudo, &[], None).contains("-H"));
        let given = line(Method::Sudo, &["-E"], None);
        assert!(given.contains("-E") && !given.contains("-H"), "{given}");
    }

    #[test]
    fn the_line_is_one_line_in_which_quotes_are_balanced() {
        for (method, password) in Method::ALL.into_iter().flat_map(|method| [(method, None), (method, Some("x"))]) {
            let line = line(method, &["-l"], password);
            assert!(!line.contains('\n') && !line.contains('!'), "{line}");
            let parsed = std::process::Command::new("sh").args(["-n", "-c", &line]).output().expect("a shell");
            assert!(parsed.status.success(), "{line}: {}", String::from_utf8_lossy(&parsed.stderr));
        }
    }
}
