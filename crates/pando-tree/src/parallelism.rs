//! From which size on work on a tree is divided among cores.

use pando_crypto::parallel;

/// Number of nodes that one core handles at a time. A second thread does not pay off below that.
pub(crate) const RUN: usize = 256;

/// Level of a subtree from which on a second thread pays off.
const PARALLEL_LEVEL: u32 = 9;

/// Does two parts of the work on a subtree whose root is at a level, on two threads if it is large
/// enough.
pub(crate) fn join<A: Send, B: Send>(
    level: u32,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    parallel::join(level >= PARALLEL_LEVEL, one, other)
}
