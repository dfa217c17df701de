//! Which node has a key, without looking through the tree (RFC 9420, section 16.7).
//!
//! The index holds a fingerprint of each key and the node that has it; the key itself is in the node. Two
//! keys with the same fingerprint are both there, and told apart by looking.

use crate::loader::Loader;
use crate::tree_key::{KeyKind, RowChange, TreeKey};
use imbl::OrdSet;
use imbl::ordset::DiffItem;
use pando_crypto::Suite;
use pando_wire::NodeIndex;
use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An entry: fingerprint first, so that all nodes with a fingerprint stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    fingerprint: u64,
    node: NodeIndex,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        crate::counters::INDEX_STEPS.count();
        (self.fingerprint, self.node).cmp(&(other.fingerprint, other.node))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A persistent index of keys: which nodes may have a key.
///
/// Of a tree that is stored, only what has changed is in memory.
#[derive(Debug, Clone, Default)]
pub struct KeyIndex {
    entries: OrdSet<Entry>,
    stored: Option<StoredIndex>,
}

/// The part of an index that is stored.
#[derive(Debug, Clone)]
struct StoredIndex {
    kind: KeyKind,
    loader: Arc<Loader>,
    /// What is no longer there, and may be stored yet.
    gone: OrdSet<Entry>,
    /// How much of that was stored when it was last looked at.
    still_stored: usize,
}

/// So many entries at least are looked at together, whether they are stored yet.
const FEW: usize = 64;

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
        (Self { entries: entries.into_iter().collect(), stored: None }, same)
    }

    /// The index of a tree that is stored.
    pub(crate) fn stored(kind: KeyKind, loader: &Arc<Loader>) -> Self {
        let stored = StoredIndex { kind, loader: loader.clone(), gone: OrdSet::new(), still_stored: 0 };
        Self { entries: OrdSet::new(), stored: Some(stored) }
    }

    /// A node has a key.
    pub fn insert(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.insert_entry(Entry::new(suite, key, node));
    }

    /// A node has a key no longer.
    pub fn remove(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.remove_entry(Entry::new(suite, key, node));
    }

    /// The nodes that may have a key: those whose keys have its fingerprint.
    #[must_use]
    pub fn candidates(&self, suite: Suite, key: &[u8]) -> Vec<NodeIndex> {
        let first = Entry::new(suite, key, NodeIndex(0));
        let last = Entry { node: NodeIndex(u32::MAX), ..first };
        let mut nodes: Vec<_> = self.entries.range(first..=last).map(|entry| entry.node).collect();
        if let Some(stored) = &self.stored {
            nodes.extend(stored.entries(first.fingerprint..=first.fingerprint).map(|entry| entry.node));
            nodes.sort_unstable();
            nodes.dedup();
        }
        nodes
    }

    /// The rows of this index that are not those of an older one: all of them if there is none.
    pub fn rows_since(&self, kind: KeyKind, older: Option<&Self>) -> Vec<RowChange> {
        let mut rows = Vec::new();
        let mut change = |entry: &Entry, is_there: bool| {
            rows.push((TreeKey::Key(kind, entry.fingerprint, entry.node), is_there.then(Vec::new)));
        };
        let Some(older) = older else {
            self.entries.iter().for_each(|entry| change(entry, true));
            // What is there already is no harm.
            let stored = self.stored.iter().flat_map(|stored| stored.entries(0..=u64::MAX));
            stored.for_each(|entry| change(&entry, true));
            return rows;
        };
        for item in older.gone().diff(&self.gone()) {
            // What is there again is among the entries, and tells of itself.
            if let DiffItem::Add(entry) = item {
                change(entry, false);
            }
        }
        for item in older.entries.diff(&self.entries) {
            match item {
                DiffItem::Add(entry) => change(entry, true),
                DiffItem::Remove(entry) => change(entry, false),
            }
        }
        rows
    }

    /// Changes this index as a row says that [`KeyIndex::rows_since`] told of.
    pub fn patch(&mut self, fingerprint: u64, node: NodeIndex, is_there: bool) {
        let entry = Entry::restore(fingerprint, node);
        if is_there { self.insert_entry(entry) } else { self.remove_entry(entry) }
    }

    /// Forgets what is gone and is stored no longer, if that may be much: there is no end to keys that come and go. Costs as
    /// much as has gone since.
    pub fn forget_deleted(&mut self) {
        if let Some(stored) = &mut self.stored
            && stored.gone.len() > stored.still_stored.saturating_mul(2).saturating_add(FEW)
        {
            stored.gone = stored.gone.iter().filter(|entry| stored.has(entry)).copied().collect();
            stored.still_stored = stored.gone.len();
        }
    }

    /// What is stored and no longer there.
    fn gone(&self) -> OrdSet<Entry> {
        self.stored.as_ref().map_or_else(OrdSet::new, |stored| stored.gone.clone())
    }

    fn insert_entry(&mut self, entry: Entry) {
        if let Some(stored) = &mut self.stored {
            stored.gone.remove(&entry);
        }
        self.entries.insert(entry);
    }

    fn remove_entry(&mut self, entry: Entry) {
        self.entries.remove(&entry);
        if let Some(stored) = &mut self.stored {
            stored.gone.insert(entry);
        }
    }

    /// How many entries are in memory, whether they are there or gone.
    pub(crate) fn len(&self) -> usize {
        self.entries.len().saturating_add(self.stored.as_ref().map_or(0, |stored| stored.gone.len()))
    }
}

impl StoredIndex {
    /// Whether an entry is stored, be it gone or not.
    fn has(&self, entry: &Entry) -> bool {
        let same = self.loader.keys(self.kind, entry.fingerprint..=entry.fingerprint);
        same.contains(&(entry.fingerprint, entry.node))
    }

    /// The entries with fingerprints in a range.
    fn entries(&self, fingerprints: RangeInclusive<u64>) -> impl Iterator<Item = Entry> {
        let entries = self.loader.keys(self.kind, fingerprints).into_iter();
        let entries = entries.map(|(fingerprint, node)| Entry::restore(fingerprint, node));
        entries.filter(|entry| !self.gone.contains(entry))
    }
}

impl Entry {
    /// A hash, so that nobody can choose keys that all have the same fingerprint.
    pub(crate) fn new(suite: Suite, key: &[u8], node: NodeIndex) -> Self {
        let digest = suite.hash(&[key]);
        let fingerprint = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        Self { fingerprint, node }
    }

    /// An entry as it was stored.
    pub(crate) const fn restore(fingerprint: u64, node: NodeIndex) -> Self {
        Self { fingerprint, node }
    }
}
