//! `zkmig runs prune`: removes the records of old runs.

use super::super::print;
use super::long_ago;
use crate::error::Result;
use crate::run::record::store;
use crate::run::record::story::State;
use crate::task::printable;

/// Removes the records of all but the newest `keep` runs that began longer ago than `older_than`.
pub fn prune(keep: usize, older_than: Option<&str>, check: bool) -> Result<()> {
    let limit = older_than.map(|span| long_ago("--older-than", span)).transpose()?;
    let (mut removed, mut text) = (0, String::new());
    for id in store::ids()?.into_iter().skip(keep) {
        let story = match store::read(&id) {
            Ok(story) => story,
            Err(error) => {
                text.push_str(&format!("{id}  stays: {error}\n"));
                continue;
            }
        };
        if limit.is_some_and(|limit| story.manifest.started >= limit) || story.state == State::Running {
            continue;
        }
        if story.can_be_resumed() && story.standing.has_changed() {
            text.push_str(&format!("{id}  stays: it has changed something, and can be gone on with\n"));
            continue;
        }
        if !check {
            store::remove(&story)?;
        }
        removed += 1;
        text.push_str(&format!(
            "{id}  {}  {}\n",
            if check { "would go" } else { "removed" },
            printable(&story.manifest.playbook)
        ));
    }
    let runs = if removed == 1 { "1 run".to_owned() } else { format!("{removed} runs") };
    print(&format!("{text}{runs} {}\n", if check { "would be removed" } else { "removed" }))
}
