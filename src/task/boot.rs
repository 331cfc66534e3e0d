//! A host that is rebooted, or that was not to be reached for a while: it is back when it can be worked on.

use std::time::{Duration, Instant};

use super::command::span;
use super::printable::last_lines;
use super::{Context, printable};
use crate::error::{Error, Kind, Result};
use crate::host::Stdin;

/// How long one look at a host may take on the host.
const LOOK: Duration = Duration::from_secs(10);

/// From one look to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// The kernel makes another at each boot (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What a reboot is done with where nothing else is said.
const COMMAND: &str = "if [ -d /run/systemd/system ]; then systemctl reboot; else reboot || shutdown -r now; fi";

/// How a host is rebooted.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The command; the host's own way without one.
    pub command: Option<String>,
    /// From the end of the command to the first look.
    pub delay: Duration,
}

/// A host as one look found it.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    boot: String,
    /// What systemd says of the whole system; none where there is no systemd.
    system: Option<String>,
}

impl Look {
    fn read(printed: &str) -> Option<Self> {
        let mut lines = printed.lines().map(str::trim);
        let boot = lines.next().filter(|boot| !boot.is_empty())?.to_owned();
        Some(Self { boot, system: lines.next().filter(|state| !state.is_empty()).map(str::to_owned) })
    }

    /// Whether the system has come up: with `degraded` a unit has failed, and nothing more is to come.
    fn is_up(&self) -> bool {
        self.system.as_deref().is_none_or(|state| matches!(state, "running" | "degraded"))
    }
}

/// The id of the boot that the host is in.
pub async fn id(context: &Context<'_>) -> Result<String> {
    Ok(look(context).await?.boot)
}

async fn look(context: &Context<'_>) -> Result<Look> {
    let script = format!("cat {BOOT_ID} && if [ -d /run/systemd/system ]; then systemctl is-system-running; fi; :");
    let printed = context.within(LOOK.min(context.timeout)).script(script, Stdin::Closed).await?;
    Look::read(&String::from_utf8_lossy(&printed.stdout))
        .ok_or_else(|| context.failed(format!("the host has no {BOOT_ID}")).detail(last_lines(&printed.stderr, 10)))
}

/// Reboots the host, which is in this boot, and waits until it is in another one and up. Gives the id of that one.
pub async fn reboot(context: &Context<'_>, options: &Options, before: &str) -> Result<String> {
    context.refuse_in_check_mode("a reboot")?;
    let began = Instant::now();
    let script = options.command.as_deref().unwrap_or(COMMAND);
    match context.script(script, Stdin::Closed).await {
        Ok(printed) if printed.exit.status == 0 => {}
        Ok(printed) => {
            let status = printed.exit.status;
            let error = context.failed(format!("the host was told to reboot and did not: exit status {status}"));
            return Err(error.detail(last_lines(&printed.stderr, 10)).hint("root may reboot: `become: true`"));
        }
        // That the connection ends is what was asked for.
        Err(error) if error.kind() == Kind::Unreachable => {}
        Err(error) => return Err(error),
    }
    tokio::time::sleep(options.delay.min(context.timeout)).await;
    again(context, before, began).await
}

/// Waits until the host is in another boot than this one, and up.
pub async fn again(context: &Context<'_>, before: &str, began: Instant) -> Result<String> {
    loop {
        let (seen, last) = match look(context).await {
            Ok(look) if look.boot == before => ("it is still in the boot of before".to_owned(), None),
            Ok(look) if look.is_up() => return Ok(look.boot),
            Ok(look) => {
                (format!("it has booted, and systemd says `{}`", printable(&look.system.unwrap_or_default())), None)
            }
            Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::Failed) => (error.to_string(), Some(error)),
            Err(error) => return Err(error),
        };
        context.progress.waiting(&seen);
        if began.elapsed() >= context.timeout {
            let kind = last.as_ref().map_or(Kind::Failed, Error::kind);
            let error =
                Error::new(kind, format!("the host was not back from its reboot within {}", span(context.timeout)));
            return Err(error.on_host(context.host).detail(format!("seen last: {seen}")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the host can be worked on.
pub async fn reachable(context: &Context<'_>) -> Result<()> {
    let began = Instant::now();
    loop {
        let error = match context.within(LOOK.min(context.timeout)).script(":", Stdin::Closed).await {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::Failed) => error,
            Err(error) => return Err(error),
        };
        context.progress.waiting(&error.to_string());
        if began.elapsed() >= context.timeout {
            let mut late =
                Error::unreachable(format!("the host was not to be reached within {}", span(context.timeout)));
            late = late.on_host(context.host).detail(format!("seen last: {error}"));
            return Err(error.parts().hints.iter().cloned().fold(late, Error::hint));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_up_when_systemd_says_so_or_is_not_there() {
        let up = |text: &str| Look::read(text).map(|look| look.is_up());
        assert_eq!(up("b1\nrunning\n"), Some(true));
        assert_eq!(up("b1\ndegraded\n"), Some(true));
        assert_eq!(up("b1\n"), Some(true));
        for state in ["starting", "initializing", "stopping", "offline", "maintenance"] {
            assert_eq!(up(&format!("b1\n{state}\n")), Some(false), "{state}");
        }
        assert_eq!(up("\n"), None);
    }
}
