//! Counts of operations, distinguished by maker and receiver.

use crate::operation::Operation;
use std::collections::BTreeMap;

/// The key under which an operation is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The number of the cipher suite.
    pub suite: u16,
    /// The operation that was counted.
    pub operation: Operation,
    /// The name of the maker's implementation.
    pub maker: &'static str,
    /// The name of the receiver's implementation.
    pub receiver: &'static str,
}

/// The counts of successful operations. An operation is counted once for each member that receives
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of epochs that the groups reached.
    pub epochs: u64,
    /// Number of processed messages of all kinds.
    pub messages: u64,
    /// Number of successes of each operation.
    pub operations: BTreeMap<Key, u64>,
}

impl Counts {
    /// Counts one success of an operation.
    pub(crate) fn count(&mut self, key: Key) {
        *self.operations.entry(key).or_default() += 1;
    }

    /// Adds the counts of `other` to these counts.
    pub fn add(&mut self, other: &Self) {
        self.epochs += other.epochs;
        self.messages += other.messages;
        for (key, count) in &other.operations {
            *self.operations.entry(*key).or_default() += count;
        }
    }
}
