//! The client index, which finds the leaf of a client without searching the tree. The index serves
//! identity policies that identify clients by more than their signature keys (RFC 9420, section
//! 12.2).

use crate::identity::IdentityPolicy;
use crate::{GroupError, Violation};
use pando_tree::{KeyIndex, KeyKind, RowChange, Tree, TreeError, TreeKey};
use pando_wire::{Credential, LeafIndex, NodeIndex};
use std::collections::BTreeMap;

/// An index of leaves by the identifiers that the policy assigns to clients. Cloning the index is
/// cheap.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientIndex {
    index: KeyIndex,
    /// The differences from the index of the previous epoch.
    changes: ClientChanges,
}

/// The entries that differ between two indexes. The value is `true` if the newer index contains the
/// entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientChanges(BTreeMap<(u64, NodeIndex), bool>);

impl ClientChanges {
    /// Returns the changed rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowChange> {
        self.0.iter().map(|((fingerprint, node), is_there)| {
            (TreeKey::Key(KeyKind::Client, *fingerprint, *node), is_there.then(Vec::new))
        })
    }

    /// Returns the changes that lead in the opposite direction.
    pub(crate) fn reversed(&self) -> Self {
        Self(self.0.iter().map(|(entry, is_there)| (*entry, !is_there)).collect())
    }
}

impl ClientIndex {
    /// Returns the client index of a tree. Duplicate clients in the tree of a joiner are not an
    /// error.
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

    /// Returns the index that was stored together with a tree.
    pub(crate) fn stored(tree: &Tree) -> Self {
        Self { index: tree.stored_index(KeyKind::Client), ..Self::default() }
    }

    /// Returns a copy for the next epoch, without changes.
    pub(crate) fn in_next_epoch(&self) -> Self {
        Self { index: self.index.clone(), ..Self::default() }
    }

    /// Returns a copy of this index with the given rows changed.
    pub(crate) fn patched(&self, changes: impl Iterator<Item = (u64, NodeIndex, bool)>) -> Self {
        let mut patched = self.in_next_epoch();
        changes.for_each(|(fingerprint, node, is_there)| patched.index.patch(fingerprint, node, is_there));
        patched
    }

    /// Returns this index after applying `changes`, which lead to the epoch of `target`. See also
    /// [`Tree::moved_to`].
    pub(crate) fn moved_to(&self, target: &Self, changes: &ClientChanges) -> Self {
        let entries = changes.0.iter();
        let moved =
            self.patched(entries.map(|((fingerprint, node), is_there)| (*fingerprint, *node, *is_there)));
        Self { changes: target.changes.clone(), ..moved }
    }

    /// Returns the differences from the index of the previous epoch.
    pub(crate) const fn changes(&self) -> &ClientChanges {
        &self.changes
    }

    /// Returns the rows that differ from an older index, or all rows if no older index is given.
    /// See also [`KeyIndex::rows_since`].
    pub(crate) fn rows_since(&self, older: Option<&Self>) -> Result<Vec<RowChange>, TreeError> {
        self.index.rows_since(KeyKind::Client, older.map(|older| &older.index))
    }

    /// Forgets tombstones, like [`Tree::forget_deleted`].
    pub(crate) fn forget_deleted(&mut self) -> Result<(), TreeError> {
        self.index.forget_deleted()
    }

    /// Removes the entry of the client with the old credential of a leaf.
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

    /// 12.2: adds an entry for the client with the new credential of a leaf. No other leaf may
    /// belong to the same client.
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
        // An entry that is removed and added again has not changed.
        if changes.get(&entry) == Some(&!is_there) {
            changes.remove(&entry);
        } else {
            changes.insert(entry, is_there);
        }
    }
}

/// Returns the node index of a leaf, which is the same in every tree that contains the leaf.
const fn node(leaf: LeafIndex) -> NodeIndex {
    NodeIndex(leaf.0.saturating_mul(2))
}
