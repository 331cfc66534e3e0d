//! Room for templates that call each other deeply: a stack of its own, whatever thread the caller has.

use crate::error::Result;

/// Bytes; only what is used is taken from the machine.
const ROOM: usize = 256 << 20;

thread_local! {
    static HAS_ROOM: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Gives the room back, whatever happens.
struct Taken;

impl Drop for Taken {
    fn drop(&mut self) {
        HAS_ROOM.set(false);
    }
}

/// Runs something with room for deep calls.
pub fn with_room<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    if HAS_ROOM.replace(true) {
        return run();
    }
    let _taken = Taken;
    stacker::grow(ROOM, run)
}
