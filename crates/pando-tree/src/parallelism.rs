//! Thresholds above which work on a tree is divided among cores.

use pando_crypto::parallel;

/// The number of nodes that one core handles at a time. For fewer nodes, a second thread is not
/// worthwhile.
pub(crate) const RUN: usize = 256;

/// The level of the smallest subtree for which a second thread is worthwhile.
const PARALLEL_LEVEL: u32 = 9;

/// Runs two parts of the work on a subtree whose root is at `level`. Uses two threads if the
/// subtree is large enough.
pub(crate) fn join<A: Send, B: Send>(
    level: u32,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    parallel::join(level >= PARALLEL_LEVEL, one, other)
}
