//! Which node has a key, without looking through the tree (RFC 9420, section 16.7).
//!
//! The index holds a fingerprint of each key and the node that has it; the key itself is in the node. Two
//! keys with the same fingerprint are both there, and told apart by looking.

use imbl::OrdSet;
use pando_crypto::Suite;
use pando_wire::NodeIndex;
use std::cmp::Ordering;

/// An entry: fingerprint first, so that all nodes with a fingerprint stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    fingerprint: u64,
    node: NodeIndex,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        crate::growth::INDEX_STEPS.count();
        (self.fingerprint, self.node).cmp(&(other.fingerprint, other.node))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A persistent set of keys with their nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyIndex(OrdSet<Entry>);

impl KeyIndex {
    /// An index with these entries, and the nodes whose keys have the fingerprint of another's: the same key, or a
    /// coincidence.
    pub(crate) fn sorted(mut entries: Vec<Entry>) -> (Self, Vec<NodeIndex>) {
        entries.sort_unstable();
        let same = entries.windows(2).filter_map(|pair| match pair {
            [one, other] if one.fingerprint == other.fingerprint => Some(one.node),
            _ => None,
        });
        let same = same.collect();
        (Self(entries.into_iter().collect()), same)
    }

    pub(crate) fn insert(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.0.insert(Entry::new(suite, key, node));
    }

    pub(crate) fn remove(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.0.remove(&Entry::new(suite, key, node));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The nodes that may have a key: those whose keys have its fingerprint.
    pub(crate) fn candidates(&self, suite: Suite, key: &[u8]) -> impl Iterator<Item = NodeIndex> {
        let first = Entry::new(suite, key, NodeIndex(0));
        let last = Entry { node: NodeIndex(u32::MAX), ..first };
        self.0.range(first..=last).map(|entry| entry.node)
    }
}

impl Entry {
    /// A hash, so that nobody can choose keys that all have the same fingerprint.
    pub(crate) fn new(suite: Suite, key: &[u8], node: NodeIndex) -> Self {
        let digest = suite.hash(&[key]);
        let fingerprint = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        Self { fingerprint, node }
    }
}
