//! The failures of several hosts as one error.

use crate::error::{Error, Kind};

/// Joins them: of some of `hosts` hosts, each with its error. A lone one stays as it is. Of several, the graver kind counts, each
/// host is named with what it said, and a hint is told once.
pub fn joined(hosts: usize, mut errors: Vec<(String, Error)>) -> Error {
    if errors.len() == 1 {
        return errors.remove(0).1;
    }
    let kind = [Kind::Locked, Kind::Unreachable, Kind::Failed, Kind::Forbidden, Kind::Stopped, Kind::Input]
        .into_iter()
        .find(|kind| errors.iter().any(|(_, error)| error.kind() == *kind))
        .unwrap_or(Kind::Failed);
    let mut error = Error::new(kind, format!("failed on {} of {hosts} hosts", errors.len()));
    let mut hints: Vec<String> = Vec::new();
    let mut place = None;
    for (host, one) in errors {
        let parts = one.parts();
        let mut text = format!("{host}: {}", parts.message);
        for cause in &parts.causes {
            text.push_str(&format!(": {cause}"));
        }
        for detail in &parts.details {
            text.push_str(&format!("\n    {}", detail.replace('\n', "\n    ")));
        }
        error = error.detail(text);
        for hint in &parts.hints {
            if !hints.contains(hint) {
                hints.push(hint.clone());
            }
        }
        place = place.or_else(|| parts.excerpts.first().cloned());
    }
    if let Some(place) = place {
        error = error.at(place);
    }
    hints.into_iter().fold(error, Error::hint)
}
