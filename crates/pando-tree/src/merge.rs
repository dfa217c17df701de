//! Merging of a path into a receiver's tree (RFC 9420, sections 7.5, 7.9.2 and 12.4.2).

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::hash::tree_hash;
use crate::parent_hash::parent_hash;
use crate::resolution::PathStep;
use crate::subtree::Subtree;
use crate::tree::Tree;
use pando_wire::{HpkePublicKey, LeafIndex, LeafNode, LeafNodeSource, NodeIndex, UpdatePath};
use std::collections::{BTreeMap, BTreeSet};

/// A path, and the tree with its keys. Only [`Tree::merge_path`] and [`Tree::merge_external_path`]
/// create this type, after all checks that need no private key.
#[derive(Debug)]
pub struct MergedPath<'a> {
    tree: Tree,
    sender: LeafIndex,
    update_path: &'a UpdatePath,
    steps: Vec<PathStep>,
}

impl MergedPath<'_> {
    /// Returns the tree with the keys of the path.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Converts this path into the tree with its keys.
    #[must_use]
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Returns the leaf of the path's sender.
    #[must_use]
    pub const fn sender(&self) -> LeafIndex {
        self.sender
    }

    /// Returns the path as received.
    #[must_use]
    pub const fn update_path(&self) -> &UpdatePath {
        self.update_path
    }

    /// Returns the nodes that the entries of the path belong to.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.steps
    }
}

impl Tree {
    /// Merges the keys of a path into a copy of this tree. `added` lists the leaves that the same
    /// Commit adds, in increasing order.
    ///
    /// Does not verify the signature of the path's leaf, because the group's rules validate the
    /// whole leaf.
    ///
    /// # Errors
    /// - [`TreeError::NotAMember`] if the sender is not in the tree.
    /// - [`TreeError::PathLength`] or [`TreeError::CiphertextCount`] if the path does not match the
    ///   tree.
    /// - [`TreeError::InvalidEncryptionKey`] if a key is invalid for the cipher suite.
    /// - [`TreeError::PathKeyReused`] if a key of the path occurs in the tree or twice in the path.
    /// - [`TreeError::PathParentHash`] if the leaf has the wrong source or the wrong parent hash.
    /// - [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn merge_path<'a>(
        &self,
        sender: LeafIndex,
        update_path: &'a UpdatePath,
        added: &[LeafIndex],
    ) -> Result<MergedPath<'a>, TreeError> {
        self.check_member(sender)?;
        self.merge(sender, update_path, added, false)
    }

    /// Merges the path of an external Commit into a copy of this tree. The joiner gets the leftmost
    /// blank leaf (section 12.4.3.2).
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::merge_path`]. In addition, this function returns
    /// [`TreeError::TooLarge`] if the tree cannot be extended.
    pub fn merge_external_path<'a>(&self, update_path: &'a UpdatePath) -> Result<MergedPath<'a>, TreeError> {
        let mut tree = self.clone();
        let sender = tree.add(&update_path.leaf_node)?;
        tree.merge(sender, update_path, &[], true)
    }

    fn merge<'a>(
        &self,
        sender: LeafIndex,
        update_path: &'a UpdatePath,
        added: &[LeafIndex],
        joins: bool,
    ) -> Result<MergedPath<'a>, TreeError> {
        let steps = self.filtered_direct_path(sender)?;
        self.check_shape(&steps, update_path, added)?;
        self.check_keys(sender, &steps, update_path, joins)?;

        let keys: Vec<_> = update_path.nodes.iter().map(|entry| &entry.encryption_key).collect();
        let (contents, parent_hash) = self.path_contents(&steps, &keys)?;
        match &update_path.leaf_node.leaf_node_source {
            LeafNodeSource::Commit { parent_hash: found } if **found == *parent_hash => {}
            _ => return Err(TreeError::PathParentHash),
        }
        let tree = self.with_path(sender, &update_path.leaf_node, contents)?;
        Ok(MergedPath { tree, sender, update_path, steps })
    }

    fn check_shape(
        &self,
        steps: &[PathStep],
        update_path: &UpdatePath,
        added: &[LeafIndex],
    ) -> Result<(), TreeError> {
        let (expected, found) = (steps.len(), update_path.nodes.len());
        if expected != found {
            return Err(TreeError::PathLength { expected, found });
        }
        for (step, entry) in steps.iter().zip(&update_path.nodes) {
            let expected = self.resolution_len(step.copath_child, added)?;
            let found = entry.encrypted_path_secret.len();
            if expected != found {
                return Err(TreeError::CiphertextCount { node: step.node, expected, found });
            }
        }
        Ok(())
    }

    /// Checks that every key of the path is valid, is not in the tree, and occurs only once in the
    /// path. The tree contains the sender's old keys, so they cannot be reused either. If the
    /// sender is a joiner, the tree already contains its new leaf and that leaf's key.
    fn check_keys(
        &self,
        sender: LeafIndex,
        steps: &[PathStep],
        update_path: &UpdatePath,
        joins: bool,
    ) -> Result<(), TreeError> {
        let leaf = self.size.node(sender).map(|node| (node, &update_path.leaf_node.encryption_key));
        let parents = steps.iter().zip(&update_path.nodes);
        let keys = leaf.into_iter().chain(parents.map(|(step, entry)| (step.node, &entry.encryption_key)));
        let mut seen = BTreeSet::new();
        for (node, key) in keys {
            self.suite.check_hpke_public_key(key).map_err(|_| TreeError::InvalidEncryptionKey(node))?;
            let own_leaf = joins && node.is_leaf();
            let elsewhere = self.encryption_key_elsewhere(key, own_leaf.then_some(node))?;
            if !seen.insert(key) || elsewhere {
                return Err(TreeError::PathKeyReused(node));
            }
        }
        Ok(())
    }

    /// Returns whether any node other than `except` has this encryption key.
    fn encryption_key_elsewhere(&self, key: &[u8], except: Option<NodeIndex>) -> Result<bool, TreeError> {
        let found = match except {
            None => self.find_encryption_key(key)?,
            Some(node) => self.find_other_encryption_key(node, key)?,
        };
        Ok(found.is_some())
    }

    /// Returns the parent nodes of a path with these keys, which are in order from the leaf to the
    /// root. Also returns the parent hash that the sender's leaf must contain (section 7.9). The
    /// hashes are computed from the root down.
    pub(crate) fn path_contents(
        &self,
        steps: &[PathStep],
        keys: &[&HpkePublicKey],
    ) -> Result<(BTreeMap<NodeIndex, ParentBytes>, Vec<u8>), TreeError> {
        let mut contents = BTreeMap::new();
        let mut above = Vec::new();
        for (step, key) in steps.iter().zip(keys).rev() {
            contents.insert(step.node, ParentBytes::new(key, &above)?);
            // The new node has no unmerged leaves, so the original tree hash of the sibling equals
            // its current tree hash.
            let blank;
            let sibling = match self.find(step.copath_child)? {
                Some(sibling) => sibling,
                None => {
                    blank = Subtree::blank(step.copath_child);
                    &blank
                }
            };
            let sibling_hash = tree_hash(self.suite, step.copath_child, sibling)?;
            above = parent_hash(self.suite, key, &above, &sibling_hash)?.to_vec();
        }
        Ok((contents, above))
    }

    /// Returns a copy of this tree with a new leaf for the sender and with the given nodes above
    /// it. All other nodes above the leaf become blank.
    pub(crate) fn with_path(
        &self,
        sender: LeafIndex,
        leaf_node: &LeafNode,
        mut contents: BTreeMap<NodeIndex, ParentBytes>,
    ) -> Result<Self, TreeError> {
        let mut tree = self.clone();
        let leaf_content = LeafBytes::new(leaf_node)?;
        tree.set(sender, Some((leaf_content, leaf_node)), |node, _| contents.remove(&node))?;
        Ok(tree)
    }
}
