//! Counts of operations, by maker and receiver.

use crate::operation::Operation;
use std::collections::BTreeMap;

/// The key of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The cipher suite.
    pub suite: u16,
    /// The operation.
    pub operation: Operation,
    /// The implementation of the maker.
    pub maker: &'static str,
    /// The implementation of the receiver.
    pub receiver: &'static str,
}

/// The counts of successful operations. An operation counts once for each member that receives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of epochs.
    pub epochs: u64,
    /// Number of processed messages of all kinds.
    pub messages: u64,
    /// Number of each operation.
    pub operations: BTreeMap<Key, u64>,
}

impl Counts {
    /// Counts an operation once.
    pub(crate) fn count(&mut self, key: Key) {
        *self.operations.entry(key).or_default() += 1;
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        self.epochs += other.epochs;
        self.messages += other.messages;
        for (key, count) in &other.operations {
            *self.operations.entry(*key).or_default() += count;
        }
    }
}
