//! Room for templates that call each other deeply: a thread of its own, whatever thread the caller has.

use crate::error::{Error, Result};

/// Bytes; only what is used is taken from the machine.
const ROOM: usize = 256 << 20;

thread_local! {
    static HAS_ROOM: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs something with room for deep calls.
pub fn with_room<T: Send>(run: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if HAS_ROOM.get() {
        return run();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("template".into()).stack_size(ROOM).spawn_scoped(scope, || {
            HAS_ROOM.set(true);
            run()
        });
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Error::failed("can't start a thread for a template").caused_by(error)),
        }
    })
}
