//! Where a script's call stands: in which called playbook, and for which host. A thread has one such place at a time.

use std::cell::RefCell;
use std::sync::Arc;

use super::called::Frame;

/// The place of a call.
#[derive(Clone, Default)]
pub struct Here {
    /// The playbook that another one called; none in the playbook that the run was started with.
    pub frame: Option<Arc<Frame>>,
    /// The host that the call is for, by name: inside `each` and `rolling`.
    pub host: Option<Arc<str>>,
    /// Whether others do the same for other hosts meanwhile.
    pub parallel: bool,
    /// Whether it is tried again when it fails: inside a wait or a retry.
    pub attempt: bool,
}

thread_local! {
    static HERE: RefCell<Here> = RefCell::default();
}

/// The place that this thread is at.
pub fn here() -> Here {
    HERE.with_borrow(Clone::clone)
}

/// Does `work` at another place, and comes back.
pub fn at<T>(place: Here, work: impl FnOnce() -> T) -> T {
    struct Back(Option<Here>);
    impl Drop for Back {
        fn drop(&mut self) {
            if let Some(before) = self.0.take() {
                HERE.set(before);
            }
        }
    }
    let _back = Back(Some(HERE.replace(place)));
    work()
}

/// Does `work` for a host.
pub fn on_host<T>(host: &str, work: impl FnOnce() -> T) -> T {
    at(Here { host: Some(host.into()), ..here() }, work)
}

/// Does `work` where a failure only means that it is tried again.
pub fn attempt<T>(work: impl FnOnce() -> T) -> T {
    at(Here { attempt: true, ..here() }, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_left_also_when_the_work_panics() {
        on_host("m1", || {
            let panicked = std::panic::catch_unwind(|| on_host("m2", || panic!("as wanted")));
            assert!(panicked.is_err());
            assert_eq!(here().host.as_deref(), Some("m1"));
        });
        assert!(here().host.is_none());
    }
}
