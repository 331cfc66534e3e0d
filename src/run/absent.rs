//! The hosts that can't be reached and that the run may leave out: which may be, which are, and what was selected with them.

use std::collections::HashSet;

use crate::error::{Error, Result};

/// What is known of them.
#[derive(Debug, Default)]
pub struct Absent {
    /// Those that may be left out.
    may: HashSet<String>,
    /// Those that are, in the order in which it was found.
    out: Vec<String>,
    /// The selections of which some were.
    selections: Vec<HashSet<String>>,
}

impl Absent {
    /// These hosts were selected, and any of them may be left out.
    pub fn may_be(&mut self, names: &[String]) {
        self.may.extend(names.iter().cloned());
        self.selections.push(names.iter().cloned().collect());
    }

    /// Leaves a host out that can't be reached, if it may be. Gives whether it may.
    pub fn leave_out(&mut self, name: &str) -> bool {
        if !self.may.contains(name) {
            return false;
        }
        if !self.is_out(name) {
            self.out.push(name.to_owned());
        }
        true
    }

    /// Whether a host is left out.
    pub fn is_out(&self, name: &str) -> bool {
        self.out.iter().any(|out| out == name)
    }

    /// Those that are missing among what these hosts were selected with.
    pub fn missing_beside(&self, names: &[String]) -> Vec<String> {
        let with = |out: &&String| {
            self.selections.iter().any(|all| all.contains(*out) && names.iter().any(|name| all.contains(name)))
        };
        self.out.iter().filter(with).cloned().collect()
    }

    /// What a run that came to its end has to say of them.
    pub fn told(&self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        Err(Error::unreachable(format!("the run is through, but without {}", self.out.join(", ")))
            .caused_by("they could not be reached")
            .hint("run it again for them once they are up: --limit takes their names"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missing_is_known_for_each_selection() {
        let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut absent = Absent::default();
        absent.may_be(&names("m1 m2 m3"));
        absent.may_be(&names("a1 a2"));
        assert!(!absent.leave_out("x") && absent.leave_out("m2") && absent.leave_out("m2"));
        assert_eq!(absent.missing_beside(&names("m1 m3")), ["m2"]);
        assert!(absent.missing_beside(&names("a1 a2")).is_empty());
        assert!(absent.told().is_err_and(|error| error.to_string().contains("without m2: they")));
    }
}
