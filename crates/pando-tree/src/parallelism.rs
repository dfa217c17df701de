//! Thresholds above which work on a tree is divided among cores.

use pando_crypto::parallel;

/// Number of nodes that one core handles at a time. Below that, a second thread does not pay off.
pub(crate) const RUN: usize = 256;

/// Level of a subtree from which a second thread pays off.
const PARALLEL_LEVEL: u32 = 9;

/// Runs two parts of the work on a subtree whose root is at `level`, on two threads if the subtree
/// is large enough.
pub(crate) fn join<A: Send, B: Send>(
    level: u32,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    parallel::join(level >= PARALLEL_LEVEL, one, other)
}
