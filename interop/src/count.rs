//! How often who made what, and who took it.

use crate::operation::Operation;
use std::collections::BTreeMap;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The cipher suite.
    pub suite: u16,
    /// What was made.
    pub operation: Operation,
    /// By whom.
    pub maker: &'static str,
    /// And who took it.
    pub taker: &'static str,
}

/// How often something went well. It is counted once for each member that took it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many epochs there were.
    pub epochs: u64,
    /// How many messages were taken, of all kinds.
    pub messages: u64,
    /// The operations.
    pub operations: BTreeMap<Key, u64>,
}

impl Counts {
    /// Once more.
    pub(crate) fn count(&mut self, key: Key) {
        *self.operations.entry(key).or_default() += 1;
    }

    /// What was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.epochs += other.epochs;
        self.messages += other.messages;
        for (key, count) in &other.operations {
            *self.operations.entry(*key).or_default() += count;
        }
    }
}
