//! `include`, `import`, `extends`: other templates, and what they see of the one that names them.

use minijinja::machinery::ast::{Expr, Include};

use super::Lower;
use crate::template::fault::R;

/// What a template sees besides its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The host's variables and the names of the template that includes it.
    All,
    /// Nothing but the functions that are always there: imported, or included `without context`.
    Own,
    /// The names of the template that includes it, which sees nothing else itself.
    Around,
}

/// Before a template's name: what it sees. Unicode has no characters there.
const OWN: char = '\u{fdd3}';
const AROUND: char = '\u{fdd4}';

impl Sight {
    /// A template's name, and what it sees.
    pub fn of(name: &str) -> (Self, &str) {
        match name.chars().next() {
            Some(OWN) => (Self::Own, &name[OWN.len_utf8()..]),
            Some(AROUND) => (Self::Around, &name[AROUND.len_utf8()..]),
            _ => (Self::All, name),
        }
    }

    fn mark(self) -> Option<char> {
        match self {
            Self::All => None,
            Self::Own => Some(OWN),
            Self::Around => Some(AROUND),
        }
    }
}

impl Lower<'_> {
    /// `__names(expression, sight)`.
    fn names_of(&mut self, name: &Expr<'_>, sight: Sight) -> R<()> {
        self.put("__names(");
        self.expr(name)?;
        self.put(", ");
        self.text(&sight.mark().map(String::from).unwrap_or_default());
        self.put(")");
        Ok(())
    }

    /// What a template sees that is given the context of this one.
    fn with_context(&self) -> Sight {
        if self.sight == Sight::All { Sight::All } else { Sight::Around }
    }

    /// Whether the statement says so behind this expression.
    fn says(&self, behind: &Expr<'_>, word: &str) -> bool {
        self.words_after(behind.span().end_offset)
            .windows(2)
            .any(|pair| pair[0] == word && pair[1].trim_end_matches(['-', '+']) == "context")
    }

    pub(super) fn include(&mut self, include: &Include<'_>) -> R<()> {
        self.mark(include.name.span());
        let sight = if self.says(&include.name, "without") { Sight::Own } else { self.with_context() };
        // What it gives values to stays its own.
        self.put("{% with %}{% include ");
        self.names_of(&include.name, sight)?;
        self.put(if include.ignore_missing { " ignore missing %}" } else { " %}" });
        self.put("{% endwith %}");
        Ok(())
    }

    /// `{% import X` or `{% from X`.
    pub(super) fn imported(&mut self, statement: &str, from: &Expr<'_>) -> R<()> {
        self.mark(from.span());
        let sight = if self.says(from, "with") { self.with_context() } else { Sight::Own };
        self.put(statement);
        self.names_of(from, sight)
    }

    pub(super) fn extends(&mut self, name: &Expr<'_>) -> R<()> {
        self.mark(name.span());
        self.put("{% extends ");
        self.names_of(name, self.with_context())?;
        self.put(" %}");
        Ok(())
    }
}
