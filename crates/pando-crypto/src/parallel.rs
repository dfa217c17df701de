//! Work on many items, on all cores if the feature `rayon` is on.

/// From this many items on, threads are worth waking. The least that is done with one item takes some 40
/// microseconds, the waking ten.
#[cfg(feature = "rayon")]
const THREADS_PAY: usize = 2;

/// How many threads there are to work.
pub(crate) fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// `work` done on each item.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    #[cfg(feature = "rayon")]
    if items.len() >= THREADS_PAY {
        use rayon::prelude::*;
        return items.par_iter().map(work).collect();
    }
    items.iter().map(work).collect()
}
