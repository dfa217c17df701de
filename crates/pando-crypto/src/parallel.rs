//! Parallel work on many items, with the same result as on a single core.
//!
//! If no thread can be started, or if the pool has only one thread, the calling thread does the
//! work itself. Callers draw the random bytes of each item in advance, so the order in which the
//! threads run does not matter.
//!
//! While a thread of a `rayon` pool waits for other threads, it executes other tasks of that pool,
//! including tasks of the application. An application that calls this library from such a thread
//! must not hold a lock that another of its tasks in the pool acquires.

use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::error::Error;
use std::sync::OnceLock;
use std::{io, thread};

/// Returns the number of threads among which the work is divided.
#[must_use]
pub fn threads() -> usize {
    let pooled = rayon::current_thread_index().is_some() || has_pool();
    if pooled { rayon::current_num_threads() } else { 1 }
}

/// Returns whether the process has `rayon`'s global pool. The first call builds the pool, unless
/// the application has already built it.
///
/// If `rayon` has to build the pool implicitly but cannot start threads, it panics, both then and
/// at every later use. This function cannot prevent the panic if the application has itself tried
/// and failed to build the pool.
fn has_pool() -> bool {
    static POOL: OnceLock<bool> = OnceLock::new();
    *POOL.get_or_init(|| match thread::Builder::new().spawn(|| ()) {
        // The platform, for example WebAssembly, does not support threads. On such a platform,
        // `rayon` builds a pool without threads.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => true,
        _ => match ThreadPoolBuilder::new().build_global() {
            Ok(()) => true,
            // If the system failed to start threads, the system's error is the source of this
            // error. If the pool already exists, this error has no source.
            Err(error) => error.source().is_none(),
        },
    })
}

/// Applies `work` to each item, in parallel if possible. One call of `work` should take at least
/// ten microseconds, because waking a thread takes that long.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    match items {
        [] | [_] => items.iter().map(work).collect(),
        _ if threads() == 1 => items.iter().map(work).collect(),
        _ => items.par_iter().map(work).collect(),
    }
}

/// Splits the items into runs of at most `run` items and checks each run on one core.
///
/// # Errors
/// Returns the error of the first run that fails.
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

/// Runs two closures, in parallel on two cores if `is_worth_it` is true.
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

    /// The test runs its checks in a child process, where no thread can be started because the
    /// required stack is too large.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn without_threads_the_calling_one_does_it() {
        if std::env::var_os(ALONE).is_some() {
            assert!(thread::Builder::new().spawn(|| ()).is_err());
            for _ in 0..2 {
                assert_eq!((threads(), map(&[1, 2, 3], |item| item + 1)), (1, vec![2, 3, 4]));
                assert_eq!(try_for_each_run(&[1, 2, 3], 1, |run| Err::<(), _>(run[0])), Err(1));
                assert_eq!(join(true, || 1, || 2), (1, 2));
            }
            return;
        }
        let name = "parallel::tests::without_threads_the_calling_one_does_it";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads=1"])
            .envs([(ALONE, "1"), ("RUST_MIN_STACK", "1000000000000000000")])
            .output()
            .unwrap();
        let told = [child.stdout, child.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(child.status.success() && told.contains("1 passed"), "{told}");
    }

    /// The environment variable that is set in the child process without threads.
    #[cfg(target_pointer_width = "64")]
    const ALONE: &str = "PANDO_WITHOUT_THREADS";

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
