//! A text that must not be shown.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::Result;

/// A secret: nothing that prints values prints it, and its memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A password that may never be wanted: what is in a vault, or made by a template, is got when it is first used.
#[derive(Clone)]
pub enum Password {
    /// It is there.
    Known(Secret),
    /// What opens it.
    Later(Arc<dyn Fn() -> Result<Secret> + Send + Sync>),
}

impl Password {
    /// The password itself. An error says why it can't be opened.
    pub fn open(&self) -> Result<Secret> {
        match self {
            Self::Known(secret) => Ok(secret.clone()),
            Self::Later(open) => open(),
        }
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(one), Self::Known(other)) => one == other,
            (Self::Later(one), Self::Later(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
