//! The same work on many items, on all cores, with the result that one core would give.
//!
//! Where there are no threads, `rayon` does it on the calling one, and so does a pool of one thread: handing all work
//! over to it would only take time. Whoever needs randomness draws it beforehand, an item at a time, so that it does not
//! matter which core comes first.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// How many threads there are to work.
#[must_use]
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// `work` done on each item, which should take some ten microseconds at least: waking a thread takes as long.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    match items {
        [] | [_] => items.iter().map(work).collect(),
        _ if threads() == 1 => items.iter().map(work).collect(),
        _ => items.par_iter().map(work).collect(),
    }
}

/// Checks runs of at most `run` items, each run on one core.
///
/// # Errors
/// That of the first run that has one.
pub fn try_for_each_run<T: Sync, E: Send>(
    items: &[T],
    run: usize,
    check: impl Fn(&[T]) -> Result<(), E> + Send + Sync,
) -> Result<(), E> {
    let runs: Vec<_> = items.chunks(run.max(1)).collect();
    match &*runs {
        [] => Ok(()),
        [only] => check(only),
        _ if threads() == 1 => runs.into_iter().try_for_each(check),
        _ => runs.par_iter().find_map_first(|run| check(run).err()).map_or(Ok(()), Err),
    }
}

/// Two parts of some work, on two cores if that is worth it.
pub fn join<A: Send, B: Send>(
    is_worth_it: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if is_worth_it && threads() > 1 { rayon::join(one, other) } else { (one(), other()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for len in [0, 1, 2, 1_000] {
            let items: Vec<u32> = (0..len).collect();
            assert_eq!(map(&items, |item| item + 1), (1..=len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_error_is_told() {
        let items: Vec<u32> = (0..1_000).collect();
        let check = |bad: u32| {
            let items = &items;
            move |run: usize| {
                try_for_each_run(items, run, |run| match run.iter().find(|item| **item >= bad) {
                    Some(item) => Err(*item),
                    None => Ok(()),
                })
            }
        };
        for run in [0, 1, 7, 999, 1_000, 5_000] {
            for bad in [0, 1, 500, 999] {
                assert_eq!(check(bad)(run), Err(bad));
            }
            assert_eq!(check(1_000)(run), Ok(()));
        }
        assert_eq!(try_for_each_run(&[0_u8; 0], 3, |_| Err(())), Ok(()));
    }
}
