//! A shell comes up on a host: it is greeted, through the questions of the program that makes it another user, and where it
//! does not come up the error says why.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::becoming::{Become, Becomes, Method, asks, ended, go, prompt};
use super::shell::{Channel, LOOP, gone};
use crate::error::{Error, Result};

/// The most that is read before the shell is ready.
const MOST: usize = 256 * 1024;

/// Gets the loop to say that it is ready, through the question for a password if there is one.
pub async fn greet(channel: &mut Channel, becomes: &Becomes, nonce: &str) -> Result<()> {
    let up = format!("{nonce} up\n");
    let ready = format!("{nonce} ready\n");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (mut is_up, mut asked) = (false, false);
    let (mut from_stdout, mut from_stderr) = (vec![0; 4096], vec![0; 4096]);
    loop {
        let more = tokio::select! {
            read = channel.stdout.read(&mut from_stdout) => read.ok().filter(|n| *n > 0).map(|n| out.extend_from_slice(&from_stdout[..n])),
            read = channel.stderr.read(&mut from_stderr) => read.ok().filter(|n| *n > 0).map(|n| err.extend_from_slice(&from_stderr[..n])),
        };
        if more.is_none() {
            // The other pipe may still hold the reason.
            let rest = async {
                let _ = (&mut channel.stderr).take(64 * 1024).read_to_end(&mut err).await;
            };
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), rest).await;
            return Err(refusal(&err, &out, becomes, nonce, asked));
        }
        if !is_up && find(&out, up.as_bytes()).is_some() {
            is_up = true;
            if becomes.has_terminal() {
                send(channel, format!("{}\n", go(nonce)).as_bytes()).await?;
            }
            send(channel, LOOP.as_bytes()).await?;
        }
        if find(&out, ready.as_bytes()).is_some() {
            return Ok(());
        }
        if find(&err, ended(nonce).as_bytes()).is_some() {
            return Err(refusal(&err, &out, becomes, nonce, asked));
        }
        if let Becomes::Other { how, .. } = becomes
            && !is_up
            && take_question(&mut err, how.method, nonce)
        {
            match &how.password {
                Some(password) if !asked => {
                    asked = true;
                    let password = password.open()?;
                    send(channel, Zeroizing::new(format!("{}\n", password.expose())).as_bytes()).await?;
                }
                _ => return Err(refusal(&err, &out, becomes, nonce, true)),
            }
        }
        if out.len() + err.len() > MOST {
            return Err(Error::unreachable("the host prints without end before its shell is ready")
                .hint("look at the login user's shell start files on the host"));
        }
    }
}

/// Writes to a channel.
pub async fn send(channel: &mut Channel, bytes: &[u8]) -> Result<()> {
    let sent = async {
        channel.stdin.write_all(bytes).await?;
        channel.stdin.flush().await
    };
    sent.await.map_err(|error| gone().caused_by(error))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Takes the question for a password out of what was printed, if it is there. sudo asks with the nonce; the others have a
/// question of their own, which counts only behind the nonce, at the end of what was printed.
fn take_question(err: &mut Vec<u8>, method: Method, nonce: &str) -> bool {
    if method == Method::Sudo {
        let prompt = prompt(nonce);
        let Some(at) = find(err, prompt.as_bytes()) else { return false };
        err.drain(at..at + prompt.len());
        return true;
    }
    let asks = asks(nonce);
    let Some(at) = find(err, asks.as_bytes()).map(|at| at + asks.len()) else { return false };
    let last = err[at..].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let question = String::from_utf8_lossy(last).trim().to_lowercase();
    let is_one = question.contains("password") && question.ends_with(':');
    if is_one {
        let from = err.len() - last.len();
        err.truncate(from);
    }
    is_one
}

/// What the host said instead of giving a shell, without what is ours.
fn said(err: &str, out: &str, nonce: &str) -> Option<String> {
    let lines =
        err.lines().chain(out.lines()).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(nonce));
    let text: String = lines.collect::<Vec<_>>().join("\n").replace(nonce, "zkmig").chars().take(2000).collect();
    (!text.is_empty()).then(|| format!("the host printed:\n{text}"))
}

/// Why no shell came up, from what was printed instead.
fn refusal(err: &[u8], out: &[u8], becomes: &Becomes, nonce: &str, asked: bool) -> Error {
    let err = String::from_utf8_lossy(err);
    let out = String::from_utf8_lossy(out);
    let error = match becomes {
        Becomes::Nobody => Error::unreachable("the host gave no shell").hint(
            "try `ssh HOST /bin/sh -c true`: a login shell, or RemoteCommand, RequestTTY or a forced command, may be in the way",
        ),
        Becomes::Other { user, how } => refused(&err, user, how, asked),
    };
    match said(&err, &out, nonce) {
        Some(text) => error.detail(text),
        None => error,
    }
}

fn refused(err: &str, user: &str, how: &Become, asked: bool) -> Error {
    let name = how.exe.as_deref().unwrap_or(how.method.name());
    let has = |texts: &[&str]| texts.iter().any(|text| err.contains(text));
    if has(&["unknown user", "does not exist", "unknown id", "No passwd entry"]) {
        return Error::failed(format!("the host has no user `{user}`"))
            .hint("check the name in `become: …` and `ansible_become_user`");
    }
    if has(&["must have a tty", "no tty present", "a terminal is required", "a tty is required"]) && !asked {
        return Error::failed(format!("{name} on the host wants a terminal")).hint(
            "zkmig has none there: take `Defaults requiretty` out of sudoers, or add `Defaults:USER !requiretty`",
        );
    }
    if has(&[
        "not in the sudoers file",
        "is not allowed to",
        "may not run sudo",
        "Operation not permitted",
        "may not be used by non-root",
        "Permission denied",
        "must be run as root",
    ]) {
        let error = Error::failed(format!("the login user may not become `{user}` through {name} on the host"));
        return match how.method {
            Method::Sudo => error.hint("add the user to sudoers on the host, or log in as another with `ansible_user`"),
            Method::Doas => {
                error.hint("add a `permit` line to doas.conf on the host, or log in as another with `ansible_user`")
            }
            Method::Runuser => error.hint(
                "runuser is for root alone: log in with `ansible_user: root`, or set `ansible_become_method: sudo`",
            ),
            Method::Su => error.hint("the host lets only some users use su, often those of the group wheel"),
        };
    }
    if has(&["account is currently not available", "account is not available"]) {
        return Error::failed(format!("the user `{user}` has no login shell on the host, and {name} wants one"))
            .hint("root may take another: log in as root, or set `ansible_become_method: sudo`");
    }
    let whose = if how.method == Method::Su { format!("`{user}`") } else { "the login user".to_owned() };
    if (asked && how.password.is_none()) || has(&["Authentication required", "a password is required"]) {
        return Error::failed(format!("{name} on the host wants the password of {whose}"))
            .hint("start again with --ask-become-pass (-K), or set `ansible_become_password`, best in a vault");
    }
    if asked {
        return Error::failed(format!("{name} on the host does not take the password")).hint(format!(
            "check the password that was typed or that `ansible_become_password` gives: it is that of {whose}"
        ));
    }
    if has(&["script: not found", "script: command not found"]) {
        return Error::failed("there is no `script` on the host, at whose terminal doas could ask for a password")
            .hint("install util-linux's script, or let doas.conf say `permit nopass`");
    }
    if has(&["doas is not enabled"]) {
        return Error::failed("doas is not enabled on the host")
            .hint("write a `permit` line into /etc/doas.conf on the host, or set another `ansible_become_method`");
    }
    if has(&["not found", "No such file"]) {
        return Error::failed(format!("there is no {name} on the host"))
            .hint(format!("install {name}, set `ansible_become_method` or `ansible_become_exe`, or log in as `{user}` with `ansible_user`"));
    }
    Error::failed(format!("{name} gave no shell of `{user}` on the host"))
        .hint(format!("try {name} on the host by hand, as the login user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::secret::{Password, Secret};

    fn told(method: Method, err: &str, password: Option<&str>, asked: bool) -> String {
        let password = password.map(|password| Password::Known(Secret::from(password.to_owned())));
        let becomes = Becomes::Other { user: "pg".into(), how: Become { method, password, ..Become::default() } };
        let error = refusal(err.as_bytes(), b"", &becomes, "zkmig-1", asked);
        let parts = error.parts();
        format!("{} | {} | {}", parts.message, parts.hints.join(" "), parts.details.join(" "))
    }

    #[test]
    fn each_refusal_is_an_error_of_its_own_with_a_hint_and_what_the_host_said() {
        use Method::{Doas, Runuser, Su, Sudo};
        for (method, err, password, asked, message, hint) in [
            (Sudo, "sudo: sorry, you must have a tty to run sudo\n", None, false, "wants a terminal", "sudoers"),
            (
                Sudo,
                "sudo: no tty present and no askpass program specified\n",
                None,
                false,
                "wants a terminal",
                "sudoers",
            ),
            (
                Sudo,
                "centos is not in the sudoers file.  This incident will be reported.\n",
                Some("x"),
                true,
                "may not become `pg`",
                "sudoers",
            ),
            (
                Sudo,
                "Sorry, user centos is not allowed to execute '/bin/sh' as pg on m1.\n",
                None,
                false,
                "may not become `pg`",
                "ansible_user",
            ),
            (Sudo, "", None, true, "wants the password of the login user", "--ask-become-pass"),
            (Sudo, "Sorry, try again.\n", Some("x"), true, "does not take the password", "of the login user"),
            (Sudo, "env: 'sudo': No such file or directory\n", None, false, "no sudo", "ansible_become_method"),
            (Sudo, "sudo: unknown user: pg\n", Some("x"), true, "no user `pg`", "ansible_become_user"),
            (
                Su,
                "zkmig-1 asks\nsu: user pg does not exist or the user entry does not contain all the required fields\n",
                None,
                false,
                "no user `pg`",
                "become",
            ),
            (
                Su,
                "zkmig-1 asks\nsu: Authentication failure\n",
                Some("x"),
                true,
                "does not take the password",
                "that of `pg`",
            ),
            (Su, "zkmig-1 asks\n", None, true, "wants the password of `pg`", "-K"),
            (Su, "zkmig-1 asks\nsu: Permission denied\n", Some("x"), true, "may not become `pg`", "wheel"),
            (Su, "This account is currently not available.\n", Some("x"), true, "no login shell", "root"),
            (
                Runuser,
                "runuser: may not be used by non-root users\n",
                None,
                false,
                "may not become `pg`",
                "ansible_user: root",
            ),
            (Runuser, "sh: 1: exec: runuser: not found\n", None, false, "no runuser", "ansible_become_exe"),
            (Doas, "doas: Operation not permitted\n", Some("x"), true, "may not become `pg`", "doas.conf"),
            (Doas, "doas: Authentication required\n", None, false, "wants the password of the login user", "-K"),
            (Doas, "doas: Authentication failed\nzkmig-1 ended\n", Some("x"), true, "does not take", "login user"),
            (Doas, "sh: 1: script: not found\n", Some("x"), false, "no `script`", "nopass"),
        ] {
            let text = told(method, err, password, asked);
            assert!(text.contains(message) && text.contains(hint), "{err:?} gave {text}");
            let first = err.lines().find(|line| !line.contains("zkmig-1")).unwrap_or_default();
            assert!(text.contains(first) && !text.contains("zkmig-1"), "{err:?} gave {text}");
        }
    }

    #[test]
    fn a_question_counts_only_behind_the_nonce_and_at_the_end() {
        let taken = |method, text: &str| take_question(&mut text.as_bytes().to_vec(), method, "n");
        assert!(taken(Method::Su, "n asks\nPassword: "));
        assert!(taken(Method::Su, "motd\nn asks\nPassword for pg@REALM:"));
        assert!(taken(Method::Doas, "n asks\n\rdoas (a@b) password: "));
        assert!(!taken(Method::Su, "Password: "));
        assert!(!taken(Method::Su, "n asks\nPassword: \nsu: Authentication failure\n"));
        assert!(taken(Method::Sudo, "lecture\nn-password:"));
        assert!(!taken(Method::Sudo, "n asks\nPassword: "));
    }
}
