//! What an ensemble looks like between two restarts.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::lists::{Server, Set};

/// An ensemble between two restarts. Everybody is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    /// Who has the new list.
    pub moved: Set,
    /// Who leads or follows; when nobody leads, who has the newest data.
    pub serving: Set,
    /// Who leads.
    pub leader: Option<u8>,
    /// Who was seen not to take part in elections, as long as nobody else leads.
    pub absent: Set,
    /// Who has not joined though it could have: until it is started anew, only an election lets it in.
    pub deaf: Set,
}

impl State {
    /// Who has the new list, who serves, and who leads, where nobody has shown to be absent or deaf.
    pub fn new(moved: Set, serving: Set, leader: Option<u8>) -> Self {
        Self { moved, serving, leader, absent: 0, deaf: 0 }
    }

    /// Nobody has the new list yet, all serve, and this one leads.
    pub fn led_by(leader: Server, all: Set) -> Self {
        Self::new(0, all, u8::try_from(leader).ok())
    }
}

/// Something of each state.
pub type States<T> = HashMap<State, T, BuildHasherDefault<Mixed>>;

/// A quick hash: states are small numbers, and nobody chooses them to do harm.
#[derive(Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
