//! How reports word moments, spans, hosts and what hosts have said.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::account::{Account, Effect};
use crate::run::record::story::State;
use crate::script::options::shown_duration;
use crate::task::printable;

/// How far a run is, in a word or two.
pub fn word(state: State) -> String {
    match state {
        State::Running => "running".to_owned(),
        State::Killed => "killed".to_owned(),
        State::Ended(0) => "done".to_owned(),
        State::Ended(2) => "wrong input".to_owned(),
        State::Ended(3) => "failed".to_owned(),
        State::Ended(4) => "unreachable".to_owned(),
        State::Ended(5) => "stopped".to_owned(),
        State::Ended(6) => "locked out".to_owned(),
        State::Ended(INTERRUPTED) => "interrupted".to_owned(),
        State::Ended(code) => format!("exit code {code}"),
    }
}

/// The exit code of what the operator interrupted.
pub const INTERRUPTED: u8 = 130;

/// How exact a span in seconds is, for a person. It is rounded up: it must not promise more than was measured.
pub fn exact(seconds_up: f64) -> String {
    seconds((seconds_up * 10.0).ceil() / 10.0)
}

/// The text with control characters escaped, line by line.
pub fn clean(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// The names of hosts in a line.
pub fn names(hosts: &[String]) -> String {
    hosts.iter().map(|host| printable(host)).collect::<Vec<_>>().join(", ")
}

/// The inventories, as they were typed.
pub fn inventories(account: &Account) -> String {
    account.asked.inventories.iter().map(|path| printable(&path.display().to_string())).collect::<Vec<_>>().join(", ")
}

/// The host of an effect; what the operator's side does is for all of them.
pub fn host_of(effect: &Effect) -> String {
    effect.host.as_deref().map_or_else(|| "all hosts".to_owned(), printable)
}

/// A span in milliseconds, for a person.
pub fn span(ms: u64) -> String {
    shown_duration(Duration::from_millis(ms))
}

/// A span in seconds, for a person.
pub fn seconds(seconds: f64) -> String {
    shown_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A moment of the time line as the time of day on the operator's clock.
pub fn clock(account: &Account, at_ms: u64) -> String {
    account.clock(at_ms).to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// A moment on the operator's clock.
pub fn day_and_time(time: jiff::Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
