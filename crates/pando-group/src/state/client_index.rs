//! The index of clients: finds the leaf of a client without a search of the tree, if the identity policy tells
//! clients apart by more than their signature keys (RFC 9420, section 12.2).

use crate::identity::IdentityPolicy;
use crate::{GroupError, Violation};
use pando_tree::{KeyIndex, KeyKind, RowChange, Tree, TreeError, TreeKey};
use pando_wire::{Credential, LeafIndex, NodeIndex};
use std::collections::BTreeMap;

/// The leaves of clients, by the identifiers of the policy. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientIndex {
    index: KeyIndex,
    /// Differences from the index of the epoch before.
    changes: ClientChanges,
}

/// Entries that differ between two indexes, and whether the newer one has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientChanges(BTreeMap<(u64, NodeIndex), bool>);

impl ClientChanges {
    /// Returns the rows that differ.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowChange> {
        self.0.iter().map(|((fingerprint, node), is_there)| {
            (TreeKey::Key(KeyKind::Client, *fingerprint, *node), is_there.then(Vec::new))
        })
    }

    /// Returns the changes in the other direction.
    pub(crate) fn reversed(&self) -> Self {
        Self(self.0.iter().map(|(entry, is_there)| (*entry, !is_there)).collect())
    }
}

impl ClientIndex {
    /// Returns the index of a tree. A client that is in the tree twice does not concern a joiner.
    pub(crate) fn of(tree: &Tree, policy: &dyn IdentityPolicy) -> Result<Self, TreeError> {
        let mut index = KeyIndex::default();
        for leaf in tree.members() {
            let leaf = leaf?;
            if let Some(id) = tree.credential(leaf)?.and_then(|credential| policy.client_id(&credential)) {
                index.insert(tree.suite(), &id, node(leaf));
            }
        }
        Ok(Self { index, ..Self::default() })
    }

    /// Returns the index that was stored beside a tree.
    pub(crate) fn stored(tree: &Tree) -> Self {
        Self { index: tree.stored_index(KeyKind::Client), ..Self::default() }
    }

    /// Returns the same index, as that of the next epoch.
    pub(crate) fn in_next_epoch(&self) -> Self {
        Self { index: self.index.clone(), ..Self::default() }
    }

    /// Returns this index with some rows changed.
    pub(crate) fn patched(&self, changes: impl Iterator<Item = (u64, NodeIndex, bool)>) -> Self {
        let mut patched = self.in_next_epoch();
        changes.for_each(|(fingerprint, node, is_there)| patched.index.patch(fingerprint, node, is_there));
        patched
    }

    /// Returns the index that this one becomes with `changes`, which lead to the epoch of `target`. As
    /// [`Tree::moved_to`].
    pub(crate) fn moved_to(&self, target: &Self, changes: &ClientChanges) -> Self {
        let entries = changes.0.iter();
        let moved =
            self.patched(entries.map(|((fingerprint, node), is_there)| (*fingerprint, *node, *is_there)));
        Self { changes: target.changes.clone(), ..moved }
    }

    /// Returns the differences from the index of the epoch before.
    pub(crate) const fn changes(&self) -> &ClientChanges {
        &self.changes
    }

    /// Returns the rows that differ from those of an older index, or all rows if there is none. As
    /// [`KeyIndex::rows_since`].
    pub(crate) fn rows_since(&self, older: Option<&Self>) -> Result<Vec<RowChange>, TreeError> {
        self.index.rows_since(KeyKind::Client, older.map(|older| &older.index))
    }

    /// As [`Tree::forget_deleted`].
    pub(crate) fn forget_deleted(&mut self) -> Result<(), TreeError> {
        self.index.forget_deleted()
    }

    /// Removes a credential that a leaf of a tree had.
    pub(crate) fn leave(
        &mut self,
        leaf: LeafIndex,
        credential: &Credential,
        tree: &Tree,
        policy: &dyn IdentityPolicy,
    ) {
        if let Some(id) = policy.client_id(credential) {
            self.change(KeyIndex::fingerprint(tree.suite(), &id), node(leaf), false);
        }
    }

    /// 12.2: enters the credential that a leaf of a tree has now. No other leaf may be the same client's.
    pub(crate) fn enter(
        &mut self,
        leaf: LeafIndex,
        credential: &Credential,
        tree: &Tree,
        policy: &dyn IdentityPolicy,
    ) -> Result<(), GroupError> {
        let Some(id) = policy.client_id(credential) else { return Ok(()) };
        let others = self.index.candidates(tree.suite(), &id)?.into_iter().filter_map(NodeIndex::leaf);
        for other in others.filter(|other| *other != leaf) {
            let credential = tree.credential(other)?;
            if credential.and_then(|credential| policy.client_id(&credential)).as_ref() == Some(&id) {
                return Err(Violation::SameClient.into());
            }
        }
        self.change(KeyIndex::fingerprint(tree.suite(), &id), node(leaf), true);
        Ok(())
    }

    fn change(&mut self, fingerprint: u64, node: NodeIndex, is_there: bool) {
        self.index.patch(fingerprint, node, is_there);
        let (changes, entry) = (&mut self.changes.0, (fingerprint, node));
        // An entry that has left and comes back has not changed.
        if changes.get(&entry) == Some(&!is_there) {
            changes.remove(&entry);
        } else {
            changes.insert(entry, is_there);
        }
    }
}

/// Returns the node of a leaf, which is the same in every tree that has the leaf.
const fn node(leaf: LeafIndex) -> NodeIndex {
    NodeIndex(leaf.0.saturating_mul(2))
}
