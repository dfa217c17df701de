//! Which clients are in a group, if the identity policy tells clients apart by more than their signature keys
//! (RFC 9420, section 12.2): found by an index and not by looking at everybody.

use crate::identity::IdentityPolicy;
use crate::{GroupError, Violation};
use pando_tree::{KeyIndex, KeyKind, RowChange, Tree, TreeError};
use pando_wire::{Credential, LeafIndex, NodeIndex};

/// The leaves of clients, by what the policy tells them apart by. Cloning it costs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientIndex(KeyIndex);

impl ClientIndex {
    /// The members of a tree. One that has a client twice is no concern of who joins it.
    pub(crate) fn of(tree: &Tree, policy: &dyn IdentityPolicy) -> Result<Self, TreeError> {
        let mut clients = KeyIndex::default();
        for leaf in tree.members() {
            let leaf = leaf?;
            if let Some(id) = tree.credential(leaf)?.and_then(|credential| policy.client_id(&credential)) {
                clients.insert(tree.suite(), &id, node(leaf));
            }
        }
        Ok(Self(clients))
    }

    /// The index that was stored beside a tree.
    pub(crate) fn stored(tree: &Tree) -> Self {
        Self(tree.stored_index(KeyKind::Client))
    }

    /// The same with rows changed, as [`ClientIndex::rows_since`] tells.
    pub(crate) fn patched(&self, changes: impl Iterator<Item = (u64, NodeIndex, bool)>) -> Self {
        let mut clients = self.0.clone();
        changes.for_each(|(fingerprint, node, is_there)| clients.patch(fingerprint, node, is_there));
        Self(clients)
    }

    /// The rows that are not those of an older index: all of them if there is none.
    pub(crate) fn rows_since(&self, older: Option<&Self>) -> Result<Vec<RowChange>, TreeError> {
        self.0.rows_since(KeyKind::Client, older.map(|older| &older.0))
    }

    /// As [`Tree::forget_deleted`].
    pub(crate) fn forget_deleted(&mut self) -> Result<(), TreeError> {
        self.0.forget_deleted()
    }

    /// A leaf of a tree no longer has this credential.
    pub(crate) fn leave(
        &mut self,
        leaf: LeafIndex,
        credential: &Credential,
        tree: &Tree,
        policy: &dyn IdentityPolicy,
    ) {
        if let Some(id) = policy.client_id(credential) {
            self.0.remove(tree.suite(), &id, node(leaf));
        }
    }

    /// 12.2: a leaf of a tree has this credential now, and no other has that of the same client.
    pub(crate) fn enter(
        &mut self,
        leaf: LeafIndex,
        credential: &Credential,
        tree: &Tree,
        policy: &dyn IdentityPolicy,
    ) -> Result<(), GroupError> {
        let Some(id) = policy.client_id(credential) else { return Ok(()) };
        let others = self.0.candidates(tree.suite(), &id)?.into_iter().filter_map(NodeIndex::leaf);
        for other in others.filter(|other| *other != leaf) {
            let credential = tree.credential(other)?;
            if credential.and_then(|credential| policy.client_id(&credential)).as_ref() == Some(&id) {
                return Err(Violation::SameClient.into());
            }
        }
        self.0.insert(tree.suite(), &id, node(leaf));
        Ok(())
    }
}

/// Where a leaf is in every tree that has it.
const fn node(leaf: LeafIndex) -> NodeIndex {
    NodeIndex(leaf.0.saturating_mul(2))
}
