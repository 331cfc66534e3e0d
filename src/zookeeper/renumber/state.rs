//! What an ensemble looks like between two restarts.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::lists::{Server, Set};

/// An ensemble between two restarts. Everybody is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// All of it in one number: the sets have nine bits each, and who leads four.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let sets = [self.moved, self.serving, self.absent, self.deaf];
        let packed =
            sets.into_iter().fold(u64::from(self.leader.unwrap_or(15)), |packed, set| packed << 9 ^ u64::from(set));
        state.write_u64(packed);
    }
}

/// Something of each state.
pub type States<T> = Quick<State, T>;

/// What is found by small numbers that nobody chooses to do harm.
pub type Quick<K, T> = HashMap<K, T, BuildHasherDefault<Mixed>>;

/// A quick hash.
#[derive(Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        // A product's low bits know only of the factors' low bits, and a table looks at them first.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
