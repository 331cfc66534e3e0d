//! A shell comes up on a host: it is greeted, through the questions of the program that makes it another user, and where it
//! does not come up the error says why.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::becoming::{Become, Becomes, Method, asks, ended, go, prompt};
use super::shell::{Channel, LOOP};
use crate::error::{Error, Result};

/// The most that is read before the shell is ready.
const MOST: usize = 256 * 1024;

/// How long a question that nobody knows has to stand there until it is taken for one: what is printed may come in pieces.
const QUIET: Duration = Duration::from_secs(2);

/// What was heard of a shell that has not come up yet.
#[derive(Default)]
struct Heard {
    out: Vec<u8>,
    err: Vec<u8>,
    /// The shell itself has spoken.
    is_up: bool,
    /// How often a password was asked for.
    asked: usize,
}

/// Gets the loop to say that it is ready, through the question for a password if there is one.
pub async fn greet(channel: &mut Channel, becomes: &Becomes, nonce: &str) -> Result<()> {
    let up = format!("{nonce} up\n");
    let ready = format!("{nonce} ready\n");
    let mut heard = Heard::default();
    let (mut from_stdout, mut from_stderr) = (vec![0; 4096], vec![0; 4096]);
    loop {
        let question = if heard.is_up { None } else { unknown_question(&heard.err, becomes, nonce) };
        let more = tokio::select! {
            read = channel.stdout.read(&mut from_stdout) => read.ok().filter(|n| *n > 0).map(|n| heard.out.extend_from_slice(&from_stdout[..n])),
            read = channel.stderr.read(&mut from_stderr) => read.ok().filter(|n| *n > 0).map(|n| heard.err.extend_from_slice(&from_stderr[..n])),
            () = tokio::time::sleep(QUIET), if question.is_some() => {
                let name = becomes.name();
                let error = Error::failed(format!("{name} on the host asks what zkmig can't answer: `{}`", question.unwrap_or_default()));
                return Err(told(error, &heard, nonce).hint(format!("{name} there has to ask for a password alone, or for nothing")));
            }
        };
        if more.is_none() {
            // The other pipe may still hold the reason.
            let rest = async {
                let _ = (&mut channel.stderr).take(64 * 1024).read_to_end(&mut heard.err).await;
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
            return Err(refusal(&heard, becomes, nonce));
        }
        if !heard.is_up && find(&heard.out, up.as_bytes()).is_some() {
            heard.is_up = true;
            if becomes.has_terminal() {
                say(channel, format!("{}\n", go(nonce)).as_bytes()).await;
            }
            say(channel, LOOP.as_bytes()).await;
        }
        // On both, since what was printed before it on the other may come later.
        if [&heard.out, &heard.err].into_iter().all(|heard| find(heard, ready.as_bytes()).is_some()) {
            return Ok(());
        }
        if find(&heard.err, ended(nonce).as_bytes()).is_some() {
            return Err(refusal(&heard, becomes, nonce));
        }
        if let Becomes::Other { how, .. } = becomes
            && !heard.is_up
            && take_question(&mut heard.err, how.method, nonce)
        {
            heard.asked += 1;
            match &how.password {
                Some(password) if heard.asked == 1 => {
                    let password = password.open()?;
                    say(channel, Zeroizing::new(format!("{}\n", password.expose())).as_bytes()).await;
                }
                _ => return Err(refusal(&heard, becomes, nonce)),
            }
        }
        if heard.out.len() + heard.err.len() > MOST {
            return Err(Error::unreachable("the host prints without end before its shell is ready")
                .hint("look at the login user's shell start files on the host"));
        }
    }
}

/// Writes to what may have ended before it reads: a program that refuses does. Why is still to be read, so that a failed write
/// tells nothing.
async fn say(channel: &mut Channel, bytes: &[u8]) {
    let _ = send(channel, bytes).await;
}

/// Writes to a channel.
pub async fn send(channel: &mut Channel, bytes: &[u8]) -> Result<()> {
    let sent = async {
        channel.stdin.write_all(bytes).await?;
        channel.stdin.flush().await
    };
    sent.await.map_err(|error| Error::unreachable("the connection to the host ended").caused_by(error))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// What was printed since the program began, and its last line, if that has no end.
fn since_it_began<'a>(err: &'a [u8], nonce: &str) -> Option<(&'a [u8], &'a [u8])> {
    let asks = asks(nonce);
    let whole = &err[find(err, asks.as_bytes())? + asks.len()..];
    Some((whole, whole.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()))
}

/// Takes the question for a password out of what was printed, if it is there. sudo asks with the nonce, unless the host's PAM has a
/// question of its own, as the others have; such a one counts only once the program has begun, at the end of what was printed.
fn take_question(err: &mut Vec<u8>, method: Method, nonce: &str) -> bool {
    if method == Method::Sudo {
        let prompt = prompt(nonce);
        if let Some(at) = find(err, prompt.as_bytes()) {
            err.drain(at..at + prompt.len());
            return true;
        }
    }
    let Some((_, last)) = since_it_began(err, nonce) else { return false };
    let question = String::from_utf8_lossy(last).trim().to_lowercase();
    let is_one = question.contains("password") && question.ends_with(':');
    if is_one {
        let from = err.len() - last.len();
        err.truncate(from);
    }
    is_one
}

/// What the program asks that is no question for a password, if the last thing that it printed looks like a question.
fn unknown_question(err: &[u8], becomes: &Becomes, nonce: &str) -> Option<String> {
    if matches!(becomes, Becomes::Nobody) {
        return None;
    }
    let (_, last) = since_it_began(err, nonce)?;
    let question = String::from_utf8_lossy(last).trim().to_owned();
    (question.ends_with([':', '?']) && !question.contains(nonce)).then_some(question)
}

/// The error with what the host said instead of giving a shell, without what is ours.
fn told(error: Error, heard: &Heard, nonce: &str) -> Error {
    let (err, out) = (String::from_utf8_lossy(&heard.err), String::from_utf8_lossy(&heard.out));
    let lines =
        err.lines().chain(out.lines()).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(nonce));
    let text: String = lines.collect::<Vec<_>>().join("\n").replace(nonce, "zkmig").chars().take(2000).collect();
    if text.is_empty() { error } else { error.detail(format!("the host printed:\n{text}")) }
}

/// Why no shell came up, from what was printed instead.
fn refusal(heard: &Heard, becomes: &Becomes, nonce: &str) -> Error {
    let error = match becomes {
        Becomes::Nobody => Error::unreachable("the host gave no shell").hint(
            "try `ssh HOST /bin/sh -c true`: a login shell, or RemoteCommand, RequestTTY or a forced command, may be in the way",
        ),
        Becomes::Other { user, how } => {
            // What the login user's own start files print comes before.
            let since = since_it_began(&heard.err, nonce).map_or(heard.err.as_slice(), |(whole, _)| whole);
            refused(&String::from_utf8_lossy(since), heard, user, how)
        }
    };
    told(error, heard, nonce)
}

fn refused(err: &str, heard: &Heard, user: &str, how: &Become) -> Error {
    let name = how.exe.as_deref().unwrap_or(how.method.name());
    let has = |texts: &[&str]| texts.iter().any(|text| err.contains(text));
    if heard.is_up {
        // It let the user in; what is wrong comes after that.
        return if has(&["Permission denied", "Operation not permitted"]) {
            Error::failed(format!("the shell of `{user}` that {name} gives may not start any program on the host"))
                .hint("sudoers says `noexec` of it: its line needs `EXEC:`, or `Defaults:USER !noexec`")
        } else {
            Error::failed(format!("the shell of `{user}` that {name} gives on the host does not work"))
                .hint(format!("try it by hand, as the login user: {name} /bin/sh -c true"))
        };
    }
    // Other programs print too: the start files of the user that is become.
    let of_it = |text: &str| {
        let base = name.rsplit('/').next().unwrap_or(name);
        err.lines().any(|line| line.contains(text) && line.contains(base))
    };
    if has(&["unknown user", "does not exist", "unknown id", "No passwd entry"]) {
        return Error::failed(format!("the host has no user `{user}`"))
            .hint("check the name in `become: …` and `ansible_become_user`");
    }
    if has(&["must have a tty", "no tty present", "a terminal is required", "a tty is required"]) && heard.asked == 0 {
        return Error::failed(format!("{name} on the host wants a terminal")).hint(
            "zkmig has none there: take `Defaults requiretty` out of sudoers, or add `Defaults:USER !requiretty`",
        );
    }
    let no_right = ["not in the sudoers file", "is not allowed to", "may not run sudo", "may not be used by non-root"];
    if has(&no_right)
        || ["Operation not permitted", "Permission denied", "must be run as root"].iter().any(|text| of_it(text))
    {
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
    let lower = err.to_lowercase();
    let whose = if how.method == Method::Su { format!("`{user}`") } else { "the login user".to_owned() };
    let late = ["expired", "account validation failure", "is your account locked", "password change required"];
    if late.iter().any(|text| lower.contains(text)) || lower.contains("change your password") {
        return Error::failed(format!("the account or the password of {whose} has expired on the host, says {name}"))
            .hint(
                "somebody has to log in there and set a new password, or root has to renew the account: chage -l USER",
            );
    }
    if has(&["account is currently not available", "account is not available"]) {
        return Error::failed(format!("the user `{user}` has no login shell on the host, and {name} wants one"))
            .hint("root may take another: log in as root, or set `ansible_become_method: sudo`");
    }
    if (heard.asked > 0 && how.password.is_none()) || has(&["Authentication required", "a password is required"]) {
        return Error::failed(format!("{name} on the host wants the password of {whose}"))
            .hint("start again with --ask-become-pass (-K), or set `ansible_become_password`, best in a vault");
    }
    let wrong = ["try again", "incorrect password", "authentication fail", "no password was provided"];
    if heard.asked > 1 || (heard.asked > 0 && wrong.iter().any(|text| lower.contains(text))) {
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
    if of_it("not found") || of_it("No such file") {
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
        let heard = Heard { err: err.as_bytes().to_vec(), asked: usize::from(asked), ..Heard::default() };
        let error = refusal(&heard, &becomes, "zkmig-1");
        let parts = error.parts();
        format!("{} | {} | {}", parts.message, parts.hints.join(" "), parts.details.join(" "))
    }

    /// What a login or sudo prints comes on another pipe than the word that the loop is there, and later where the machine is busy:
    /// a shell that had it before it would seem to print what nobody asked for.
    #[tokio::test]
    async fn a_shell_is_ready_when_both_of_its_pipes_have_said_so() {
        let ((stdin, _kept), (stdout, mut out), (stderr, mut err)) =
            (tokio::io::duplex(1 << 20), tokio::io::duplex(4096), tokio::io::duplex(4096));
        let mut channel =
            Channel { stdin: Box::new(stdin), stdout: Box::new(stdout), stderr: Box::new(stderr), guard: Box::new(()) };
        out.write_all(b"zkmig-1 up\nzkmig-1 ready\n").await.expect("a pipe");
        let mut greeting = Box::pin(greet(&mut channel, &Becomes::Nobody, "zkmig-1"));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut greeting).await;
        assert!(early.is_err(), "the other pipe has said nothing yet");
        err.write_all(b"sudo: a lecture\nzkmig-1 ready\n").await.expect("a pipe");
        greeting.await.expect("a shell");
        let late = tokio::time::timeout(Duration::from_millis(50), channel.stderr.read_u8()).await;
        assert!(late.is_err(), "nothing is left to be taken for something else");
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
            (
                Sudo,
                "sudo: Account or password is expired, reset your password and try again\n",
                Some("x"),
                true,
                "has expired",
                "chage",
            ),
            (
                Sudo,
                "sudo: account validation failure, is your account locked?\n",
                Some("x"),
                true,
                "has expired",
                "root",
            ),
            (Sudo, "sudo: unable to initialize policy plugin\n", Some("x"), true, "gave no shell", "by hand"),
            // What somebody's start file lacks is not sudo.
            (
                Sudo,
                "zkmig-1 asks\n/root/.bashrc: line 1: fortune: command not found\n",
                None,
                false,
                "gave no shell",
                "hand",
            ),
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

    /// sudo that has refused may be gone before the password is written, as it was on a busy machine.
    #[tokio::test]
    async fn who_refuses_and_is_gone_has_still_said_why() {
        use tokio::io::{duplex, empty};
        let nonce = "zkmig-1";
        let (stdin, gone) = duplex(16);
        drop(gone);
        let (stderr, mut sudo) = duplex(1024);
        let said = format!("{}sudo: 1 incorrect password attempt\n", prompt(nonce));
        sudo.write_all(said.as_bytes()).await.expect("room for it");
        // Its output stays open until the question has been answered in vain.
        let (stdout, out) = duplex(16);
        tokio::spawn(async move {
            sudo.flush().await.expect("a pipe");
            drop((sudo, out));
        });
        let mut channel = Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            guard: Box::new(empty()),
        };
        let password = Some(Password::Known(Secret::from("x".to_owned())));
        let how = Become { method: Method::Sudo, password, ..Become::default() };
        let error =
            greet(&mut channel, &Becomes::Other { user: "pg".into(), how }, nonce).await.expect_err("sudo refuses");
        assert!(error.to_string().contains("does not take the password"), "{error}");
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
        // PAM's own question is used in place of what sudo was told to ask.
        assert!(taken(Method::Sudo, "n asks\n(LDAP) Password for me: "));
        assert!(!taken(Method::Sudo, "Password: "));
    }

    #[test]
    fn a_question_that_is_not_for_a_password_is_one_all_the_same() {
        let becomes = Becomes::Other { user: "pg".into(), how: Become::default() };
        let asked = |text: &str| unknown_question(text.as_bytes(), &becomes, "zkmig-1");
        assert_eq!(asked("zkmig-1 asks\nVerification code: "), Some("Verification code:".to_owned()));
        assert_eq!(asked("motd: \nzkmig-1 asks\nlecture\n"), None);
        assert_eq!(asked("Who?"), None);
    }
}
