//! The private keys of a member, and the decryption of paths (RFC 9420, sections 4.2, 7.5 and
//! 12.4.3.1).

use crate::TreeError;
use crate::merge::MergedPath;
use crate::path_secret::{LABEL, next_path_secret, node_key_pair};
use crate::tree::Tree;
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_wire::{Encode, GroupContext, LeafIndex, NodeIndex};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The private keys that a member knows: that of its leaf, and those of some nodes above the leaf.
#[derive(Debug, Clone)]
pub struct PrivateKeys {
    leaf: LeafIndex,
    keys: BTreeMap<NodeIndex, Arc<HpkeKeyPair>>,
}

/// The secrets that a member obtains from a path.
#[derive(Debug)]
pub struct DecryptedPath {
    /// The private keys of the new epoch.
    pub keys: PrivateKeys,
    /// The decrypted path secret.
    pub path_secret: SecretBytes,
    /// The commit secret, an input of the key schedule. The commit secret is the path secret one
    /// step above the last node.
    pub commit_secret: SecretBytes,
}

impl PrivateKeys {
    /// Returns the private keys of a member that knows only the key of its leaf.
    ///
    /// # Errors
    /// Returns [`TreeError::NotAMember`] if the leaf is outside the tree.
    pub fn new(tree: &Tree, leaf: LeafIndex, key_pair: HpkeKeyPair) -> Result<Self, TreeError> {
        let node = tree.size().node(leaf).ok_or(TreeError::NotAMember(leaf))?;
        Ok(Self { leaf, keys: BTreeMap::from([(node, Arc::new(key_pair))]) })
    }

    /// Restores private keys that were stored.
    #[must_use]
    pub fn restore(leaf: LeafIndex, keys: impl IntoIterator<Item = (NodeIndex, HpkeKeyPair)>) -> Self {
        let keys = keys.into_iter().map(|(node, key_pair)| (node, Arc::new(key_pair))).collect();
        Self { leaf, keys }
    }

    /// Returns the leaf of the member.
    #[must_use]
    pub const fn leaf(&self) -> LeafIndex {
        self.leaf
    }

    /// Returns the nodes whose private keys are known.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> {
        self.keys.keys().copied()
    }

    /// Returns the key pair of a node, if it is known.
    #[must_use]
    pub fn get(&self, node: NodeIndex) -> Option<&Arc<HpkeKeyPair>> {
        self.keys.get(&node)
    }

    /// Returns the nodes whose key pairs differ from those in `older`. A deleted key pair is
    /// returned as `None`.
    pub fn changes_since<'a>(
        &'a self,
        older: &'a Self,
    ) -> impl Iterator<Item = (NodeIndex, Option<&'a HpkeKeyPair>)> {
        let gone = older.keys.keys().filter(|node| !self.keys.contains_key(node));
        let changed = self.keys.iter().filter(|(node, key_pair)| {
            older
                .keys
                .get(node)
                .is_none_or(|old| !Arc::ptr_eq(old, key_pair) && old.public != key_pair.public)
        });
        let changed = changed.map(|(node, key_pair)| (*node, Some(&**key_pair)));
        gone.map(|node| (*node, None)).chain(changed)
    }

    /// Adds the key pair of a node.
    pub fn insert(&mut self, node: NodeIndex, key_pair: HpkeKeyPair) {
        self.keys.insert(node, Arc::new(key_pair));
    }

    /// Deletes the keys of nodes that are now blank or have other keys, because outdated keys MUST
    /// be deleted (section 7.5). The cost is O(log N).
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded. In this
    /// case, no key is deleted.
    pub fn retain_current(&mut self, tree: &Tree) -> Result<(), TreeError> {
        let mut outdated = Vec::new();
        for (node, key_pair) in &self.keys {
            if tree.encryption_key_bytes(*node)? != Some(&*key_pair.public) {
                outdated.push(*node);
            }
        }
        for node in outdated {
            self.keys.remove(&node);
        }
        Ok(())
    }

    /// Derives the keys of a new member from a path secret, up to the root (section 12.4.3.1).
    /// `signer` created the path. The secret belongs to the lowest common ancestor of the new
    /// member and `signer`.
    ///
    /// # Errors
    /// If an error is returned, the keys do not change.
    /// - [`TreeError::NotAMember`] if `signer` is not in the tree.
    /// - [`TreeError::OwnPath`] if `signer` is this member.
    /// - [`TreeError::PathSecret`] if a derived key does not match the tree.
    /// - [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn join_path(
        &mut self,
        tree: &Tree,
        signer: LeafIndex,
        path_secret: SecretBytes,
    ) -> Result<(), TreeError> {
        let start = self.common_ancestor(tree, signer)?;
        // After a path is applied, the non-blank nodes above its sender are exactly the nodes of
        // the path.
        let mut nodes = Vec::new();
        for node in tree.size().direct_path(signer).skip_while(|node| *node != start) {
            if tree.encryption_key_bytes(node)?.is_some() {
                nodes.push(node);
            }
        }
        if nodes.first() != Some(&start) {
            return Err(TreeError::PathSecret(start));
        }
        let mut keys = self.clone();
        keys.derive(tree, nodes, path_secret)?;
        *self = keys;
        Ok(())
    }

    /// Decrypts the path secret for this member, and derives the keys from its node up to the root
    /// (section 7.5).
    ///
    /// `before` is the tree to which the path was encrypted: the proposals are applied to it, but
    /// the path is not. `context` is the provisional GroupContext. `added` lists the leaves that
    /// the same Commit adds, in increasing order.
    ///
    /// # Errors
    /// - [`TreeError::OwnPath`] if this member is the sender.
    /// - [`TreeError::NotAMember`] if this member is not in the tree.
    /// - [`TreeError::PrivateKeyMissing`] if the member lacks the private key for decryption.
    /// - [`TreeError::Crypto`] if decryption fails.
    /// - [`TreeError::PathSecret`] if a derived key does not match the path.
    /// - [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn decrypt_path(
        &self,
        before: &Tree,
        path: &MergedPath<'_>,
        context: &GroupContext,
        added: &[LeafIndex],
    ) -> Result<DecryptedPath, TreeError> {
        let tree = path.tree();
        // 1. Find the lowest node of the path above this member, and its child on this member's
        //    side.
        let ancestor = self.common_ancestor(tree, path.sender())?;
        before.check_member(self.leaf)?;
        let steps = path.steps();
        let position = steps.iter().position(|step| step.node == ancestor);
        let (position, step) = position
            .and_then(|position| Some((position, steps.get(position)?)))
            .ok_or(TreeError::NotAMember(self.leaf))?;
        // 2. Find the node in the resolution of that child whose private key this member has.
        let (node, place) = before.place_in_resolution(step.copath_child, self.leaf, added)?;
        let key_pair = self.keys.get(&node).ok_or(TreeError::PrivateKeyMissing(node))?;
        // 3. Decrypt the path secret.
        let ciphertext = path
            .update_path()
            .nodes
            .get(position)
            .and_then(|entry| entry.encrypted_path_secret.get(place))
            .ok_or(TreeError::PrivateKeyMissing(node))?;
        let path_secret = tree.suite().decrypt_with_label(key_pair, LABEL, &context.encode()?, ciphertext)?;
        // 4. to 7. Derive the keys up to the root, compare them with the path, and keep them.
        let mut keys = self.clone();
        keys.retain_current(tree)?;
        let nodes = steps.iter().skip(position).map(|step| step.node);
        let first = SecretBytes::from(path_secret.expose());
        let commit_secret = keys.derive(tree, nodes, path_secret)?;
        Ok(DecryptedPath { keys, path_secret: first, commit_secret })
    }

    /// Returns the lowest common ancestor of this member and another member.
    fn common_ancestor(&self, tree: &Tree, other: LeafIndex) -> Result<NodeIndex, TreeError> {
        if other == self.leaf {
            return Err(TreeError::OwnPath);
        }
        tree.check_member(other)?;
        tree.size().common_ancestor(self.leaf, other).ok_or(TreeError::NotAMember(self.leaf))
    }

    /// Derives the key pairs of `nodes` from the path secret of the first node. Returns the path
    /// secret one step above the last node.
    fn derive(
        &mut self,
        tree: &Tree,
        nodes: impl IntoIterator<Item = NodeIndex>,
        mut path_secret: SecretBytes,
    ) -> Result<SecretBytes, TreeError> {
        let suite = tree.suite();
        for node in nodes {
            let key_pair = node_key_pair(suite, &path_secret)?;
            let expected = tree.encryption_key_bytes(node)?;
            if expected != Some(&*key_pair.public) {
                return Err(TreeError::PathSecret(node));
            }
            self.insert(node, key_pair);
            path_secret = next_path_secret(suite, &path_secret)?;
        }
        Ok(path_secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_the_same_is_no_change() {
        let keys = |pairs: &[(u32, u8)]| {
            let pair =
                |key: u8| HpkeKeyPair { private: [key].as_slice().into(), public: [key].as_slice().into() };
            PrivateKeys::restore(LeafIndex(0), pairs.iter().map(|(node, key)| (NodeIndex(*node), pair(*key))))
        };
        let old = keys(&[(0, 1), (1, 2)]);
        let changes = |new: &PrivateKeys| -> Vec<_> {
            new.changes_since(&old).map(|(node, key_pair)| (node.0, key_pair.is_some())).collect()
        };
        assert_eq!(changes(&keys(&[(0, 1), (1, 2)])), []);
        assert_eq!(changes(&old.clone()), []);
        assert_eq!(changes(&keys(&[(0, 1), (3, 4)])), [(1, false), (3, true)]);
        assert_eq!(changes(&keys(&[(0, 5), (1, 2)])), [(0, true)]);
    }
}
