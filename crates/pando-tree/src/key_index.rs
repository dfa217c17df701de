//! An index that finds the node with a given key without a scan of the tree (RFC 9420, section
//! 16.7).
//!
//! The index contains a fingerprint of each key, together with the node that has the key. The key
//! itself is in the node. A lookup compares the keys of all nodes with the same fingerprint.

use crate::TreeError;
use crate::loader::Loader;
use crate::tree_key::{KeyKind, RowChange, TreeKey};
use imbl::OrdSet;
use imbl::ordset::DiffItem;
use pando_crypto::Suite;
use pando_wire::NodeIndex;
use std::cmp::Ordering;
use std::ops::RangeInclusive;

/// An index entry. The fingerprint is the first field, so that all entries with the same
/// fingerprint are adjacent.
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

/// A persistent index of keys.
///
/// For a stored tree, memory contains only the changes of the index since the tree was opened.
#[derive(Debug, Clone, Default)]
pub struct KeyIndex {
    entries: OrdSet<Entry>,
    stored: Option<StoredIndex>,
}

/// The stored part of an index, and the entries that have been removed from it.
#[derive(Debug, Clone)]
struct StoredIndex {
    kind: KeyKind,
    loader: Loader,
    /// Tombstones: removed entries that may still be stored.
    gone: OrdSet<Entry>,
    /// The number of tombstones whose entries were still stored when [`KeyIndex::forget_deleted`]
    /// last checked.
    still_stored: usize,
}

/// The number of new tombstones below which a check of the store is not worth its cost.
const FEW: usize = 64;

impl KeyIndex {
    /// Returns an index with these entries. Also returns the nodes whose fingerprints are not
    /// unique, either because keys are equal or by coincidence.
    pub(crate) fn sorted(mut entries: Vec<Entry>) -> (Self, Vec<NodeIndex>) {
        entries.sort_unstable();
        let same = entries.windows(2).filter_map(|pair| match pair {
            [one, other] if one.fingerprint == other.fingerprint => Some(one.node),
            _ => None,
        });
        let same = same.collect();
        (Self { entries: entries.into_iter().collect(), stored: None }, same)
    }

    /// Returns the index of a tree whose entries are in a store.
    pub(crate) fn stored(kind: KeyKind, loader: &Loader) -> Self {
        let stored = StoredIndex { kind, loader: loader.clone(), gone: OrdSet::new(), still_stored: 0 };
        Self { entries: OrdSet::new(), stored: Some(stored) }
    }

    /// Returns the fingerprint of a key, for [`KeyIndex::patch`]. The fingerprint is part of a
    /// cryptographic hash. With a weaker function, an attacker could choose many keys with the same
    /// fingerprint.
    #[must_use]
    pub fn fingerprint(suite: Suite, key: &[u8]) -> u64 {
        suite.hash(&[key]).first_chunk().copied().map_or(0, u64::from_be_bytes)
    }

    /// Adds the key of a node to the index.
    pub fn insert(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.insert_entry(Entry::new(suite, key, node));
    }

    /// Removes the key of a node from the index.
    pub fn remove(&mut self, suite: Suite, key: &[u8], node: NodeIndex) {
        self.remove_entry(Entry::new(suite, key, node));
    }

    /// Returns the nodes whose keys have the same fingerprint as `key`. One of them may have this
    /// key.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] if the index is stored and cannot be read.
    pub fn candidates(&self, suite: Suite, key: &[u8]) -> Result<Vec<NodeIndex>, TreeError> {
        let first = Entry::new(suite, key, NodeIndex(0));
        let last = Entry { node: NodeIndex(u32::MAX), ..first };
        let mut nodes: Vec<_> = self.entries.range(first..=last).map(|entry| entry.node).collect();
        if let Some(stored) = &self.stored {
            nodes.extend(stored.entries(first.fingerprint..=first.fingerprint)?.map(|entry| entry.node));
            nodes.sort_unstable();
            nodes.dedup();
        }
        Ok(nodes)
    }

    /// Returns the row changes from an older index to this one, both of which must be in memory.
    /// Returns all rows if there is no older index.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] if all rows are requested and the stored index cannot be read.
    pub fn rows_since(&self, kind: KeyKind, older: Option<&Self>) -> Result<Vec<RowChange>, TreeError> {
        let mut rows = Vec::new();
        let mut change =
            |entry: &Entry, is_there: bool| rows.push((entry.key(kind), is_there.then(Vec::new)));
        let Some(older) = older else {
            self.entries.iter().for_each(|entry| change(entry, true));
            if let Some(stored) = &self.stored {
                // Some stored entries may also be in memory. Writing their rows twice is harmless.
                stored.entries(0..=u64::MAX)?.for_each(|entry| change(&entry, true));
            }
            return Ok(rows);
        };
        for item in older.entries.diff(&self.entries) {
            match item {
                DiffItem::Add(entry) => change(entry, true),
                DiffItem::Remove(entry) => change(entry, false),
            }
        }
        Ok(rows)
    }

    /// Adds or removes an entry, according to the change of its row.
    pub fn patch(&mut self, fingerprint: u64, node: NodeIndex, is_there: bool) {
        let entry = Entry::restore(fingerprint, node);
        if is_there { self.insert_entry(entry) } else { self.remove_entry(entry) }
    }

    /// Forgets the tombstones of entries that are no longer stored. Does nothing while there are
    /// few tombstones. Without this function, the number of tombstones would grow without bound,
    /// because keys keep changing. The cost grows with the number of keys removed since the last
    /// check.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] if the stored index cannot be read. In this case, no tombstone
    /// is forgotten.
    pub fn forget_deleted(&mut self) -> Result<(), TreeError> {
        if let Some(stored) = &mut self.stored
            && stored.gone.len() > stored.still_stored.saturating_mul(2).saturating_add(FEW)
        {
            let mut gone = OrdSet::new();
            for entry in &stored.gone {
                if stored.has(entry)? {
                    gone.insert(*entry);
                }
            }
            stored.still_stored = gone.len();
            stored.gone = gone;
        }
        Ok(())
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

    /// Returns the number of entries and tombstones in memory.
    pub(crate) fn len(&self) -> usize {
        self.entries.len().saturating_add(self.stored.as_ref().map_or(0, |stored| stored.gone.len()))
    }
}

impl StoredIndex {
    /// Returns whether an entry is in the store, regardless of tombstones.
    fn has(&self, entry: &Entry) -> Result<bool, TreeError> {
        let same = self.loader.keys(self.kind, entry.fingerprint..=entry.fingerprint)?;
        Ok(same.contains(&(entry.fingerprint, entry.node)))
    }

    /// Returns the stored entries with fingerprints in a range, except those with a tombstone.
    fn entries(&self, fingerprints: RangeInclusive<u64>) -> Result<impl Iterator<Item = Entry>, TreeError> {
        let entries = self.loader.keys(self.kind, fingerprints)?.into_iter();
        let entries = entries.map(|(fingerprint, node)| Entry::restore(fingerprint, node));
        Ok(entries.filter(|entry| !self.gone.contains(entry)))
    }
}

impl Entry {
    /// Returns the index entry for a key of a node.
    pub(crate) fn new(suite: Suite, key: &[u8], node: NodeIndex) -> Self {
        Self { fingerprint: KeyIndex::fingerprint(suite, key), node }
    }

    /// Returns the entry for a stored fingerprint and node.
    pub(crate) const fn restore(fingerprint: u64, node: NodeIndex) -> Self {
        Self { fingerprint, node }
    }

    /// Returns the row key under which this entry is stored.
    pub(crate) const fn key(self, kind: KeyKind) -> TreeKey {
        TreeKey::Key(kind, self.fingerprint, self.node)
    }
}
