//! The lock of a host: one file, taken whole or not at all, that says whose run works there.
//!
//! The run that holds it renews it; by the host's own clock everybody sees since when it was not. When the connection of the
//! run ends without a release, the host itself notes that: such a lock is dead at once, and stays until somebody decides.

use std::sync::LazyLock;
use std::time::Duration;

use super::printable::last_lines;
use super::{Context, Printed, Script, printable, quoted};
use crate::error::{Error, Result};
use crate::host::{Stdin, bare};

/// How often a run renews its locks.
pub const RENEWED_EVERY: Duration = Duration::from_secs(10);

/// A lock that was not renewed for so long is dead: its run is, or it can't reach the host.
pub const DEAD_AFTER: Duration = Duration::from_secs(60);

/// Who holds a lock, as the holder wrote it. Another's text is a host's word: it is shown escaped, and nothing is done by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The run's id.
    pub run: String,
    /// Tells one attempt of a run from another.
    pub token: String,
    /// The operator.
    pub who: String,
    /// The operator's machine.
    pub from: String,
    /// When it was taken, by the operator's clock.
    pub since: String,
    /// The playbook.
    pub playbook: String,
}

/// A lock that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Whose it is.
    pub holder: Holder,
    /// Where it is.
    pub path: String,
    /// How long it was not renewed, by the host's clock.
    pub idle: Duration,
    /// How long ago the connection of its run ended without a release, if it did.
    pub ended: Option<Duration>,
}

impl Held {
    /// Whether its run is dead, or cut off from the host.
    pub fn is_dead(&self) -> bool {
        self.ended.is_some() || self.idle >= DEAD_AFTER
    }

    /// What is known of it, for a person.
    pub fn facts(&self) -> String {
        let holder = &self.holder;
        let state = match self.ended {
            Some(ago) => format!("dead: the connection of its run ended {} s ago without a release", ago.as_secs()),
            None if self.is_dead() => format!(
                "dead: not renewed for {} s, and a run that lives renews it every {} s",
                self.idle.as_secs(),
                RENEWED_EVERY.as_secs()
            ),
            None => format!("alive: renewed {} s ago", self.idle.as_secs()),
        };
        [
            ("who", format!("{} from {}", holder.who, holder.from)),
            ("since", holder.since.clone()),
            ("run", holder.run.clone()),
            ("playbook", holder.playbook.clone()),
            ("state", state),
        ]
        .iter()
        .map(|(name, value)| format!("{name:<9}{}", printable(value)))
        .collect::<Vec<_>>()
        .join("\n")
    }
}

impl Holder {
    /// The lock's text. Values are one line each.
    fn text(&self) -> String {
        [
            ("run", &self.run),
            ("token", &self.token),
            ("who", &self.who),
            ("from", &self.from),
            ("since", &self.since),
            ("playbook", &self.playbook),
        ]
        .iter()
        .map(|(name, value)| {
            let value: String = value.chars().filter(|c| !c.is_control()).take(300).collect();
            format!("{name}={value}\n")
        })
        .collect()
    }

    fn set(&mut self, line: &str) {
        let Some((name, value)) = line.split_once('=') else { return };
        let field = match name {
            "run" => &mut self.run,
            "token" => &mut self.token,
            "who" => &mut self.who,
            "from" => &mut self.from,
            "since" => &mut self.since,
            "playbook" => &mut self.playbook,
            _ => return,
        };
        if field.is_empty() {
            *field = value.chars().take(300).collect();
        }
    }
}

/// The lock of one host. `path` is empty for the place of the user: `/var/lib/zkmig/lock` for root, else below `/var/tmp`.
pub struct Lock<'a> {
    /// The host.
    pub context: &'a Context<'a>,
    /// Where it is, if the inventory says so.
    pub path: &'a str,
}

/// What a shell is told once; each word about a lock is one line then.
static COMMON: LazyLock<String> = LazyLock::new(|| {
    let texts = [
        include_str!("sh/lock/place.sh"),
        include_str!("sh/lock/take.sh"),
        include_str!("sh/lock/renew.sh"),
        include_str!("sh/lock/release.sh"),
    ];
    bare(&texts.concat())
});
/// What is needed only where a lock stands in the way.
static LOOK: LazyLock<String> = LazyLock::new(|| bare(include_str!("sh/lock/look.sh")));

/// How often a lock is tried for that was there, and is gone when it is looked at.
const TRIES: usize = 5;

impl Lock<'_> {
    /// Takes it. Gives the lock that stands in the way, if one does; one of the same run does not.
    pub async fn take(&self, holder: &Holder) -> Result<Option<Held>> {
        let (text, unique) = (holder.text(), unique());
        for _ in 0..TRIES {
            let more = [holder.run.as_str(), text.as_str(), unique.as_str()];
            let will = self.will(holder);
            if has(&self.word("take", holder, &more, &will).await?, "taken") {
                return Ok(None);
            }
            if let Some(held) = self.seen(&will).await? {
                return Ok(Some(held));
            }
        }
        Err(self.context.failed("the host's lock can't be taken, and nobody holds it"))
    }

    /// Says that its run lives. Gives whose lock is there instead, if it is no longer the run's own; an empty one for none.
    pub async fn renew(&self, holder: &Holder) -> Result<Option<Held>> {
        let will = self.will(holder);
        if has(&self.word("renew", holder, &[], &will).await?, "renewed") {
            return Ok(None);
        }
        Ok(Some(self.seen(&will).await?.unwrap_or_default()))
    }

    /// Gives it back. Gives whose lock is there instead, if it is no longer the run's own; an empty one for none. Then there is nothing
    /// left that the host would have to note when the connection ends, and it is told so before: what comes after the last answer may not
    /// arrive. A connection that ends in between leaves a lock that is dead a minute later.
    pub async fn release(&self, holder: &Holder) -> Result<Option<Held>> {
        let released = self.word("release", holder, &[], "").await;
        if released.is_err() {
            self.context.transport.leave_will(&self.will(holder)).await;
        }
        if has(&released?, "released") {
            return Ok(None);
        }
        Ok(Some(self.seen("").await?.unwrap_or_default()))
    }

    /// The lock that is there.
    pub async fn look(&self) -> Result<Option<Held>> {
        self.seen("").await
    }

    /// Removes the lock of another run, if it is still that one. Gives whether it was.
    pub async fn remove(&self, holder: &Holder) -> Result<bool> {
        Ok(has(&self.word("release", holder, &[], "").await?, "released"))
    }

    async fn seen(&self, will: &str) -> Result<Option<Held>> {
        Ok(parse(&self.script("look", format!("{}look {}; echo end", *LOOK, quoted(self.path)), will).await?))
    }

    /// Has a word with the host about the lock of this holder. `will` is what the host does from now on when the connection ends.
    async fn word(&self, task: &str, holder: &Holder, more: &[&str], will: &str) -> Result<Printed> {
        let words = [&[self.path, holder.token.as_str()], more].concat();
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        self.script(task, format!("{task} {}", words.join(" ")), will).await
    }

    async fn script(&self, task: &str, text: String, will: &str) -> Result<Printed> {
        let script = Script { common: &COMMON, text };
        let printed = self.context.script_aside(script, will, Stdin::Closed).await?;
        if printed.exit.status != 0 || !has(&printed, "end") {
            let why = last_lines(&printed.stderr, 3).replace('\n', "; ");
            return Err(self.context.failed(format!("can't {task} the host's lock")).caused_by(why).hint(
                "the lock is in /var/lib/zkmig, or where the host's `zkmig_lock_file` says: the user has to be able to write there",
            ));
        }
        Ok(printed)
    }

    /// What the host does when the connection ends: it notes that beside the lock, if the lock is still of that token.
    fn will(&self, holder: &Holder) -> String {
        let own = "/var/lib/zkmig/lock; [ \"$(id -u)\" = 0 ] || l=/var/tmp/zkmig-$(id -u)/lock";
        let place = if self.path.is_empty() { own.to_owned() } else { quoted(self.path) };
        let token = quoted(&holder.token);
        format!("umask 077; l={place}\ngrep -qxF -e token={token} \"$l\" && printf '%s\\n' {token} >\"$l.ended\"")
    }
}

/// Six characters that nobody guesses.
fn unique() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0_u8; 6];
    // Without the system's chance the name is still new: its process id is in it, and nothing that is there is written to.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// The error of a run that a lock stands in the way of.
pub fn refusal(host: &str, held: &Held) -> Error {
    let error = Error::new(crate::error::Kind::Locked, "another run holds the lock").on_host(host).detail(held.facts());
    if held.is_dead() {
        error
            .hint(format!(
                "go on with that run: zkmig resume {} (on {})",
                printable(&held.holder.run),
                printable(&held.holder.from)
            ))
            .hint("or, when you know that it is over: zkmig unlock -i INVENTORY, then start again")
    } else {
        error.hint("wait for its end, or talk to who started it: two runs at once would take the cluster down")
    }
}

fn has(printed: &Printed, word: &str) -> bool {
    printed.stdout.split(|byte| *byte == b'\n').any(|line| line == word.as_bytes())
}

fn parse(printed: &Printed) -> Option<Held> {
    let text = String::from_utf8_lossy(&printed.stdout);
    let mut held = Held::default();
    let mut found = false;
    for line in text.lines() {
        if let Some(field) = line.strip_prefix(' ') {
            held.holder.set(field);
            continue;
        }
        let seconds = |text: &str| text.parse().map(Duration::from_secs).unwrap_or_default();
        match line.split_once(' ') {
            Some(("lock", path)) => {
                path.clone_into(&mut held.path);
                found = true;
            }
            Some(("idle", value)) => held.idle = seconds(value),
            Some(("ended", value)) => held.ended = Some(seconds(value)),
            _ => {}
        }
    }
    found.then_some(held)
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    fn holder(run: &str, token: &str) -> Holder {
        Holder {
            run: run.to_owned(),
            token: token.to_owned(),
            who: "alice".to_owned(),
            from: "laptop".to_owned(),
            since: "2026-11-24T19:08:00Z".to_owned(),
            playbook: "playbooks/x.rhai".to_owned(),
        }
    }

    #[tokio::test]
    async fn one_run_has_the_lock_and_the_other_is_told_whose_it_is() {
        let bench = Bench::new();
        let (context, path) = (bench.context(), bench.path("lock"));
        let lock = Lock { context: &context, path: &path };
        let (first, second) = (holder("run-1", "a"), holder("run-2", "b"));
        assert_eq!(lock.take(&first).await.expect("success"), None);
        let held = lock.take(&second).await.expect("success").expect("a lock in the way");
        assert_eq!((&held.holder, held.ended), (&first, None));
        assert!(!held.is_dead());
        let facts = refusal("m1", &held);
        assert_eq!(facts.kind().exit_code(), 6);
        for fact in ["alice from laptop", "2026-11-24T19:08:00Z", "run-1", "playbooks/x.rhai", "alive"] {
            assert!(facts.parts().details[0].contains(fact), "{fact}");
        }
        assert_eq!(lock.release(&second).await.expect("success").map(|held| held.holder), Some(first.clone()));
        assert_eq!(lock.renew(&first).await.expect("success"), None);
        assert_eq!(lock.release(&first).await.expect("success"), None);
        assert_eq!(lock.release(&first).await.expect("success"), Some(Held::default()), "there is none any more");
        assert_eq!(lock.take(&second).await.expect("success"), None);
        assert_eq!(bench.names(), ["lock"]);
    }

    #[tokio::test]
    async fn a_run_takes_its_own_lock_again_and_the_old_attempt_notices() {
        let bench = Bench::new();
        let (context, path) = (bench.context(), bench.path("lock"));
        let lock = Lock { context: &context, path: &path };
        let (old, new) = (holder("run-1", "a"), holder("run-1", "b"));
        assert_eq!(lock.take(&old).await.expect("success"), None);
        assert_eq!(lock.take(&new).await.expect("success"), None);
        assert_eq!(lock.renew(&old).await.expect("success").map(|held| held.holder), Some(new));
    }

    #[tokio::test]
    async fn a_lock_whose_connection_ended_is_dead_until_its_run_renews_it() {
        let bench = Bench::new();
        let (context, path) = (bench.context(), bench.path("lock"));
        let lock = Lock { context: &context, path: &path };
        let run = holder("run-1", "it's a token");
        lock.take(&run).await.expect("success");
        let will = std::process::Command::new("sh").arg("-c").arg(lock.will(&run)).status();
        assert!(will.is_ok_and(|status| status.success()));
        let held = lock.look().await.expect("success").expect("a lock");
        assert!(held.is_dead() && held.ended.is_some());
        let refused = lock.take(&holder("run-2", "b")).await.expect("success").expect("it is never taken silently");
        assert!(refusal("m1", &refused).parts().hints.iter().any(|hint| hint.contains("zkmig unlock")));
        assert_eq!(lock.renew(&run).await.expect("success"), None);
        assert!(!lock.look().await.expect("success").expect("a lock").is_dead());
        // A will of an attempt that is over says nothing of the next one.
        let next = holder("run-1", "c");
        lock.take(&next).await.expect("success");
        let _ = std::process::Command::new("sh").arg("-c").arg(lock.will(&run)).status();
        assert!(!lock.look().await.expect("success").expect("a lock").is_dead());
        assert!(!lock.remove(&run).await.expect("success"));
        assert!(lock.remove(&next).await.expect("success"));
        assert_eq!(lock.look().await.expect("success"), None);
    }

    #[tokio::test]
    async fn a_lock_that_was_not_renewed_for_long_is_dead() {
        let bench = Bench::new();
        let (context, path) = (bench.context(), bench.path("lock"));
        let lock = Lock { context: &context, path: &path };
        lock.take(&holder("run-1", "a")).await.expect("success");
        let _ = std::process::Command::new("touch").args(["-d", "2 minutes ago", &path]).status();
        assert!(lock.look().await.expect("success").expect("a lock").is_dead());
    }

    #[tokio::test]
    async fn of_many_at_once_exactly_one_gets_it() {
        let bench = Bench::new();
        let path = bench.path("deep/lock");
        let contexts: Vec<_> = (0..8).map(|_| bench.context()).collect();
        let runs: Vec<_> = (0..8).map(|n| holder(&format!("run-{n}"), &format!("t{n}"))).collect();
        let tries = contexts.iter().zip(&runs).map(|(context, run)| {
            let lock = Lock { context, path: &path };
            async move { lock.take(run).await.expect("success").is_none() }
        });
        let got = futures_util::future::join_all(tries).await;
        assert_eq!(got.iter().filter(|got| **got).count(), 1);
    }

    #[tokio::test]
    async fn what_is_no_lock_is_an_error_and_stays() {
        let bench = Bench::new();
        std::fs::create_dir(bench.path("lock")).expect("a folder");
        let (context, path) = (bench.context(), bench.path("lock"));
        let lock = Lock { context: &context, path: &path };
        // `ln` puts a link into a folder of the name: that must not pass for the lock.
        let error = lock.take(&holder("run-1", "a")).await.expect_err("a failure");
        assert!(error.to_string().contains("is not a lock"), "{error}");
    }
}
