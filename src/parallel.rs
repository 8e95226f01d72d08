//! Independent work on every processor.

use std::iter;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::task::JoinError;

use crate::error::{Error, Result};

/// Applies `work` to every item, the caller's thread taking part. Results are in the order of the
/// items, whoever was first.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        Some((index, items.get(index)?))
    };
    let take_turns = &|| iter::from_fn(take).map(|(index, item)| (index, work(item))).collect::<Vec<_>>();
    let helpers = thread::available_parallelism().map_or(1, NonZero::get).min(items.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        let here = processor::current();
        let helper = move || {
            processor::leave(here);
            take_turns()
        };
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(helper)).collect();
        thread::yield_now();
        let mut done = take_turns();
        done.extend(helpers.into_iter().flat_map(|helper| helper.join().unwrap_or_else(|panic| resume_unwind(panic))));
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What a task came to that was begun beside others.
///
/// # Errors
/// Its own.
pub fn outcome<T>(ended: Result<Result<T>, JoinError>) -> Result<T> {
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        // It is told without its words, which can quote anything, where every panic is.
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(Error::bug("what was begun was not done to its end")),
    })
}

/// Linux often lets a new thread wait for the processor of the one that made it, although another
/// is idle, until a balancing tick comes: for longer than a render takes. So a helper gets to run
/// at once, and goes elsewhere as its first act.
#[cfg(target_os = "linux")]
mod processor {
    use rustix::thread::{sched_getaffinity, sched_getcpu, sched_setaffinity};

    pub(super) fn current() -> usize {
        sched_getcpu()
    }

    pub(super) fn leave(busy: usize) {
        if let Ok(mut others) = sched_getaffinity(None) {
            others.unset(busy);
            // Where there is no other, this is refused, and all is as it was.
            let _ = sched_setaffinity(None, &others);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod processor {
    pub(super) fn current() {}

    pub(super) fn leave((): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        let squares = map(&items, |item| {
            thread::sleep(std::time::Duration::from_micros(100 - item));
            item * item
        });
        assert!(squares.iter().zip(&items).all(|(square, item)| *square == item * item));
        assert!(map(&[], |item: &u64| *item).is_empty());
    }
}
