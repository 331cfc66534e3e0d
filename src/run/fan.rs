//! Work on many hosts at once, and on no more than is wanted: every fan-out of a run goes through here.
//!
//! What may take only so long is timed from its own turn: a thousand hosts must not run out of time while they wait in our queue.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;

/// How many hosts are asked short questions at once, at the most: about their locks, and to end their connections. None of that
/// starts a process here.
pub const SHORT: usize = 256;

/// Carries these out, at most `bound` at once, begun in their order; gives what came of each, in that order.
pub async fn at_most<T, F: Future<Output = T>>(bound: usize, works: Vec<F>) -> Vec<T> {
    let numbered = works.into_iter().enumerate().map(|(number, work)| async move { (number, work.await) });
    let numbered: Vec<_> = numbered.collect();
    let mut done: Vec<(usize, T)> = futures_util::stream::iter(numbered).buffer_unordered(bound.max(1)).collect().await;
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The same for work that blocks, on at most `bound` threads with stacks of so many bytes. Nothing came of work that ended in a
/// panic. Fails where not a single thread can be started; with fewer than were wanted it only takes longer.
pub fn on_threads<I: Sync, T: Send>(
    bound: usize,
    stack: usize,
    items: &[I],
    work: impl Fn(&I) -> T + Sync,
) -> io::Result<Vec<Option<T>>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<T>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        let (next, results, work) = (&next, &results, &work);
        for started in 0..bound.clamp(1, items.len().max(1)) {
            let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, move || {
                while let Some((item, slot)) = {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    items.get(number).zip(results.get(number))
                } {
                    // One that panics takes its thread with it, and not the others' turns.
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(item))).ok();
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = result;
                }
            });
            match thread {
                Err(error) if started == 0 => return Err(error),
                Err(_) => break,
                Ok(_) => {}
            }
        }
        Ok(())
    })?;
    Ok(results.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that were under way at once.
    #[derive(Default)]
    struct Most(AtomicUsize, AtomicUsize);

    impl Most {
        fn enter(&self) {
            let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.1.fetch_max(now, Ordering::SeqCst);
        }

        fn leave(&self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }

        fn most(&self) -> usize {
            self.1.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn no_more_than_is_wanted_is_under_way_and_the_order_stays() {
        let most = Most::default();
        let works = (0..40_usize).map(|number| {
            let most = &most;
            async move {
                most.enter();
                for _ in 0..(40 - number) {
                    tokio::task::yield_now().await;
                }
                most.leave();
                number
            }
        });
        assert_eq!(at_most(7, works.collect()).await, (0..40).collect::<Vec<_>>());
        assert_eq!(most.most(), 7);
        assert_eq!(at_most(0, vec![async { 1 }]).await, [1]);
    }

    #[test]
    fn threads_are_bounded_and_one_that_panics_takes_no_other_with_it() {
        let most = Most::default();
        let items: Vec<usize> = (0..40).collect();
        let results = on_threads(1, 1024 * 1024, &items, |item| {
            most.enter();
            assert_ne!(*item, 3, "as wanted");
            most.leave();
            *item
        });
        let results = results.expect("a thread");
        assert_eq!(results[3], None);
        assert_eq!(
            results.iter().flatten().copied().collect::<Vec<_>>(),
            (0..40).filter(|n| *n != 3).collect::<Vec<_>>()
        );
        assert!(most.most() <= 2, "{}", most.most());
    }
}
