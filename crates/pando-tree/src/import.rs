//! Decoding and validation of trees (RFC 9420, sections 7.9.2, 12.4.3.1 and 12.4.3.3).

use crate::TreeError;
use crate::capability_counts::CapabilityCounts;
use crate::content::{LeafBytes, ParentBytes};
use crate::key_index::{Entry, KeyIndex};
use crate::parallelism::{RUN, join};
use crate::parent_hash::{leaves_below, original_sibling_tree_hash, parent_hash};
use crate::subtree::{Kind, Subtree};
use crate::tree::{NextHalf, Tree};
use pando_crypto::{SignedMessage, Suite, parallel};
use pando_wire::{
    Decode, DecodeError, Encode, GroupId, HpkePublicKey, LeafIndex, LeafNode, LeafNodeSource, Node,
    NodeIndex, RatchetTree, TreeSize, read_vector_header,
};
use std::sync::Arc;

/// Number of signatures that are verified in one batch.
const BATCH: usize = 1_024;
/// Maximum total size of the group identifiers in the messages of one batch of signatures.
const BATCH_BYTES: usize = 1 << 20;

/// A decoded node.
pub(crate) struct ReadNode<'a> {
    pub(crate) at: NodeIndex,
    /// The bytes of the LeafNode or ParentNode, without the surrounding `optional<Node>`.
    pub(crate) bytes: &'a [u8],
    pub(crate) node: Node,
}

impl ReadNode<'_> {
    const fn encryption_key(&self) -> &HpkePublicKey {
        match &self.node {
            Node::Leaf(leaf) => &leaf.encryption_key,
            Node::Parent(parent) => &parent.encryption_key,
        }
    }

    /// Checks that the encryption key is valid and that the unmerged leaves are sorted. Later
    /// lookups in the list rely on its order.
    fn check(&self, suite: Suite) -> Result<(), TreeError> {
        match &self.node {
            Node::Parent(parent) if !parent.unmerged_leaves.is_sorted_by(|a, b| a < b) => {
                Err(TreeError::UnmergedOrder(self.at))
            }
            _ => suite
                .check_hpke_public_key(self.encryption_key())
                .map_err(|_| TreeError::InvalidEncryptionKey(self.at)),
        }
    }

    /// Returns the entries of the node for the key indexes: one for its encryption key and, for a
    /// leaf, one for its signature key.
    fn entries(&self, suite: Suite) -> (Entry, Option<Entry>) {
        let signature = match &self.node {
            Node::Leaf(leaf) => Some(Entry::new(suite, &leaf.signature_key, self.at)),
            Node::Parent(_) => None,
        };
        (Entry::new(suite, self.encryption_key(), self.at), signature)
    }
}

/// A decoded tree whose tree hash and signatures have not been verified yet.
///
/// This type splits [`Tree::import`] into two steps. Callers can thus check the size of the tree
/// before the whole tree, including its blank nodes, is hashed.
#[derive(Debug)]
pub struct UnverifiedTree(Tree);

impl UnverifiedTree {
    /// Decodes a tree. Checks its structure and its lists of unmerged leaves. Also checks that all
    /// keys are valid and unique.
    ///
    /// # Errors
    /// Returns a [`TreeError`] that names the violated rule and the node, if there is one.
    pub fn read(suite: Suite, bytes: &[u8]) -> Result<Self, TreeError> {
        Tree::import_unsigned(suite, bytes).map(Self)
    }

    /// Returns the size of the tree.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.0.size()
    }

    /// Verifies that the tree belongs to the group `group_id`, whose GroupContext contains the tree
    /// hash `expected_hash`, and returns the tree. Checks the tree hash, the parent hashes, and the
    /// signatures of all leaves.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::read`].
    pub fn verify(self, group_id: &GroupId, expected_hash: &[u8]) -> Result<Tree, TreeError> {
        let Self(tree) = self;
        if *tree.tree_hash()? != *expected_hash {
            return Err(TreeError::TreeHash);
        }
        // A modified leaf also invalidates the parent hashes above it. Signatures are checked
        // first, because their error names the leaf.
        tree.check_signatures(group_id)?;
        tree.check_parent_hashes()?;
        Ok(tree)
    }
}

impl Tree {
    /// Decodes and validates a tree that comes from a ratchet_tree extension or was obtained out of
    /// band. `group_id` is the identifier of the group, whose GroupContext contains the tree hash
    /// `expected_hash`.
    ///
    /// Checks the structure, the lists of unmerged leaves, the validity and uniqueness of keys, the
    /// tree hash, the parent hashes, and the signatures of all leaves. Does not check the rules
    /// about the contents of leaves (section 7.3).
    ///
    /// # Errors
    /// Returns a [`TreeError`] that names the violated rule and the node, if there is one.
    pub fn import(
        suite: Suite,
        bytes: &[u8],
        group_id: &GroupId,
        expected_hash: &[u8],
    ) -> Result<Self, TreeError> {
        UnverifiedTree::read(suite, bytes)?.verify(group_id, expected_hash)
    }

    /// Validates a tree given as a wire-format structure, in the same way as [`Tree::import`].
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::import`].
    pub fn from_wire(
        suite: Suite,
        tree: &RatchetTree,
        group_id: &GroupId,
        expected_hash: &[u8],
    ) -> Result<Self, TreeError> {
        Self::import(suite, &tree.encode()?, group_id, expected_hash)
    }

    /// Decodes a tree for tools, without verifying its tree hash, parent hashes and signatures.
    /// Such a tree must not be used to join a group.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::import`]. Errors of hashes and signatures do not occur.
    pub fn import_unsigned(suite: Suite, bytes: &[u8]) -> Result<Self, TreeError> {
        let (size, nodes) = read(bytes)?;
        parallel::try_for_each_run(&nodes, RUN, |run| run.iter().try_for_each(|node| node.check(suite)))?;
        let (tree, same_encryption, same_signature) = assemble(suite, size, &nodes);
        tree.check_unmerged()?;
        tree.check_unique(&same_encryption, &same_signature)?;
        Ok(tree)
    }

    /// Returns all non-blank nodes, in no particular order.
    fn occupied(&self) -> Result<Vec<(NodeIndex, &Subtree)>, TreeError> {
        let mut found = Vec::new();
        let mut unvisited = vec![(self.size.root(), &*self.root)];
        while let Some((at, subtree)) = unvisited.pop() {
            if subtree.encryption_key()?.is_some() {
                found.push((at, subtree));
            }
            if let Kind::Parent { left, right, .. } = subtree.kind()? {
                unvisited.extend(at.left().map(|at| (at, &**left)));
                unvisited.extend(at.right().map(|at| (at, &**right)));
            }
        }
        Ok(found)
    }

    /// Checks that all encryption keys and all signature keys are unique (section 16.7).
    /// `encryption` and `signature` list the nodes whose key fingerprints are not unique.
    fn check_unique(&self, encryption: &[NodeIndex], signature: &[NodeIndex]) -> Result<(), TreeError> {
        for at in encryption {
            let key = self.encryption_key_bytes(*at)?.unwrap_or_default();
            if let Some(other) = self.find_other_encryption_key(*at, key)? {
                return Err(TreeError::DuplicateEncryptionKey(*at.min(&other), *at.max(&other)));
            }
        }
        for leaf in signature.iter().filter_map(|node| node.leaf()) {
            let key = self.leaf_bytes(leaf)?.map(LeafBytes::signature_key).unwrap_or_default();
            if let Some(other) = self.find_other_signature_key(leaf, key)? {
                return Err(TreeError::DuplicateSignatureKey(leaf.min(other), leaf.max(other)));
            }
        }
        Ok(())
    }

    /// Checks each leaf in each list of unmerged leaves (section 12.4.3.1). The leaf must be a
    /// member below the node, and must be in the list of every non-blank node between them.
    fn check_unmerged(&self) -> Result<(), TreeError> {
        for (node, subtree) in self.occupied()? {
            let Some(content) = subtree.parent_content()? else { continue };
            for leaf in content.unmerged() {
                if !node.covers(leaf) || !self.is_member(leaf)? {
                    return Err(TreeError::UnmergedLeaf { node, leaf });
                }
                self.check_unmerged_between(node, subtree, leaf)?;
            }
        }
        Ok(())
    }

    fn check_unmerged_between(
        &self,
        node: NodeIndex,
        subtree: &Subtree,
        leaf: LeafIndex,
    ) -> Result<(), TreeError> {
        let (mut at, mut below) = (node, subtree);
        while let Kind::Parent { content, left, right } = below.kind()? {
            if content.as_ref().is_some_and(|content| content.unmerged_position(leaf).is_none()) {
                return Err(TreeError::UnmergedGap { node: at, leaf });
            }
            let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else { break };
            (at, below) = if left_at.covers(leaf) { (left_at, left) } else { (right_at, right) };
        }
        Ok(())
    }

    /// Checks that every non-blank parent is the end of exactly one chain of parent hashes that
    /// starts at a leaf (section 7.9.2).
    ///
    /// The stored parent hash of each node, including the root, is used unchanged. When a tree is
    /// halved, its new root keeps its parent hash, and the parent hashes below still depend on it.
    ///
    /// # Errors
    /// Returns [`TreeError::ParentHash`] with the first invalid parent, and [`TreeError::Source`]
    /// or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn check_parent_hashes(&self) -> Result<(), TreeError> {
        let mut parents = self.occupied()?;
        parents.retain(|(node, _)| !node.is_leaf());
        parents.sort_by_key(|(node, _)| *node);
        parallel::try_for_each_run(&parents, RUN, |parents| {
            parents.iter().try_for_each(|(node, parent)| {
                let valid = self.is_parent_hash_valid(*node, parent)?;
                if valid { Ok(()) } else { Err(TreeError::ParentHash(*node)) }
            })
        })
    }

    /// Returns whether there is exactly one descendant whose parent hash is valid for this parent.
    fn is_parent_hash_valid(&self, node: NodeIndex, parent: &Subtree) -> Result<bool, TreeError> {
        let Kind::Parent { content: Some(content), left, right } = parent.kind()? else { return Ok(false) };
        let (Some(left_at), Some(right_at)) = (node.left(), node.right()) else { return Ok(false) };
        let unmerged: Vec<_> = content.unmerged().collect();
        let mut valid = 0_u8;
        for ((child_at, child), (sibling_at, sibling)) in
            [((left_at, left), (right_at, right)), ((right_at, right), (left_at, left))]
        {
            let below = leaves_below(child_at, &unmerged);
            let Some(found) = self.merged_descendant(child_at, child, below)? else { continue };
            let sibling_hash = original_sibling_tree_hash(self.suite, sibling_at, sibling, &unmerged)?;
            let expected =
                parent_hash(self.suite, content.encryption_key(), content.parent_hash(), &sibling_hash)?;
            if found == *expected {
                valid = valid.saturating_add(1);
            }
        }
        Ok(valid == 1)
    }

    /// Returns the parent hash of the only node in the resolution of `child` that is not in
    /// `unmerged`. The resolution must consist of that node and of exactly the leaves in
    /// `unmerged`.
    fn merged_descendant(
        &self,
        child_at: NodeIndex,
        child: &Arc<Subtree>,
        unmerged: &[LeafIndex],
    ) -> Result<Option<Vec<u8>>, TreeError> {
        let resolution_len = usize::try_from(child.summary.resolution).ok();
        if resolution_len != unmerged.len().checked_add(1) {
            return Ok(None);
        }
        let mut others = self
            .resolution(child_at)?
            .into_iter()
            .filter(|node| node.leaf().is_none_or(|leaf| unmerged.binary_search(&leaf).is_err()));
        let (Some(node), None) = (others.next(), others.next()) else { return Ok(None) };
        let Some(subtree) = Subtree::find(child, child_at, node)? else { return Ok(None) };
        Ok(match subtree.kind()? {
            Kind::Parent { content, .. } => content.as_ref().map(|content| content.parent_hash().to_vec()),
            Kind::Leaf(content) => match content.decode()?.leaf_node_source {
                LeafNodeSource::Commit { parent_hash } => Some(parent_hash.to_vec()),
                LeafNodeSource::KeyPackage { .. } | LeafNodeSource::Update => None,
            },
            Kind::Blank(_) => None,
        })
    }

    /// Verifies the signatures of all leaves (section 7.3), in batches and on all cores.
    ///
    /// # Errors
    /// Returns [`TreeError::LeafSignature`] with the first leaf whose signature is invalid, and
    /// [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn check_signatures(&self, group_id: &GroupId) -> Result<(), TreeError> {
        let members: Vec<_> = self.members().collect::<Result<_, _>>()?;
        // Each signed message contains the group identifier, whose length an attacker may choose.
        let batch = BATCH_BYTES.checked_div(group_id.len()).unwrap_or(BATCH).clamp(1, BATCH);
        parallel::try_for_each_run(&members, batch, |batch| self.check_signature_batch(batch, group_id))
    }

    fn check_signature_batch(&self, leaves: &[LeafIndex], group_id: &GroupId) -> Result<(), TreeError> {
        let signed: Vec<(LeafIndex, LeafNode, Vec<u8>)> = leaves
            .iter()
            .map(|&leaf| {
                let leaf_node = self.leaf(leaf)?.ok_or(TreeError::NotAMember(leaf))?;
                let to_be_signed = leaf_node.to_be_signed((group_id, leaf))?;
                Ok((leaf, leaf_node, to_be_signed))
            })
            .collect::<Result<_, TreeError>>()?;
        let messages: Vec<_> = signed
            .iter()
            .map(|(_, leaf_node, message)| SignedMessage {
                public: &leaf_node.signature_key,
                message,
                signature: &leaf_node.signature,
            })
            .collect();
        self.suite.verify_batch_with_label("LeafNodeTBS", &messages).map_err(|(position, error)| {
            signed.get(position).map_or(error.into(), |(leaf, ..)| TreeError::LeafSignature(*leaf))
        })
    }
}

/// Builds a tree from nodes in index order. Also returns the nodes whose encryption keys have a
/// fingerprint that is not unique, and likewise for signature keys.
pub(crate) fn assemble(
    suite: Suite,
    size: TreeSize,
    nodes: &[ReadNode<'_>],
) -> (Tree, Vec<NodeIndex>, Vec<NodeIndex>) {
    let runs: Vec<_> = nodes.chunks(RUN).collect();
    let entries = parallel::map(&runs, |run| run.iter().map(|node| node.entries(suite)).collect::<Vec<_>>());
    let entries = entries.concat();
    let encryption = entries.iter().map(|(encryption, _)| *encryption).collect();
    let signature = entries.iter().filter_map(|(_, signature)| *signature).collect();
    let (root, (encryption, signature)) = join(
        size.root().level(),
        || build(nodes, size.root()),
        || join(size.root().level(), || KeyIndex::sorted(encryption), || KeyIndex::sorted(signature)),
    );
    let ((encryption_keys, same_encryption), (signature_keys, same_signature)) = (encryption, signature);
    let capability_counts = CapabilityCounts::of(nodes.iter().filter_map(|read| match &read.node {
        Node::Leaf(leaf) => Some(&**leaf),
        Node::Parent(_) => None,
    }));
    let next_half = NextHalf::default();
    let tree = Tree {
        suite,
        size,
        root,
        encryption_keys,
        signature_keys,
        capability_counts,
        loader: None,
        next_half,
    };
    (tree, same_encryption, same_signature)
}

/// Decodes the non-blank nodes. Checks that leaves and parents are at indices of their kind, and
/// that the last node is not blank.
fn read(bytes: &[u8]) -> Result<(TreeSize, Vec<ReadNode<'_>>), TreeError> {
    let (len, mut rest) = read_vector_header(bytes)?;
    if rest.len() != len {
        let error = if rest.len() < len { DecodeError::Truncated } else { DecodeError::TrailingBytes };
        return Err(error.into());
    }
    let mut nodes = Vec::new();
    let mut count = 0_u32;
    let mut last = None;
    while let Some((&present, behind)) = rest.split_first() {
        let at = NodeIndex(count);
        count = count.checked_add(1).ok_or(TreeError::TooLarge)?;
        rest = match present {
            0 => behind,
            1 => {
                let (node, behind_node) = Node::decode_prefix(behind)?;
                if matches!(node, Node::Leaf(_)) != at.is_leaf() {
                    return Err(TreeError::WrongKind(at));
                }
                let len = behind.len().saturating_sub(behind_node.len());
                // The bytes after the node type.
                let bytes = behind.get(1..len).unwrap_or_default();
                nodes.push(ReadNode { at, bytes, node });
                behind_node
            }
            _ => return Err(DecodeError::UnknownValue(present.into()).into()),
        };
        last = Some((at, present != 0));
    }
    let (at, present) = last.ok_or(TreeError::Empty)?;
    if !present {
        return Err(TreeError::TrailingBlank);
    }
    let leaf = at.leaf().ok_or(TreeError::TrailingParent(at))?;
    let leaves = leaf.0.checked_add(1).ok_or(TreeError::TooLarge)?;
    let size = TreeSize::with_leaves(leaves).ok_or(TreeError::TooLarge)?;
    Ok((size, nodes))
}

/// Builds the subtree at `at` from the nodes at and below `at`, which are in index order.
fn build(nodes: &[ReadNode<'_>], at: NodeIndex) -> Arc<Subtree> {
    if nodes.is_empty() {
        return Subtree::blank(at);
    }
    let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
        return nodes.first().map_or_else(
            || Subtree::blank(at),
            |read| Subtree::leaf(at, LeafBytes::from_decoded(read.bytes)),
        );
    };
    let (before, from_here) = nodes.split_at(nodes.partition_point(|read| read.at < at));
    let (content, after) = match from_here.split_first() {
        Some((read, after)) if read.at == at => (Some(ParentBytes::from_decoded(read.bytes)), after),
        _ => (None, from_here),
    };
    let (left, right) = join(at.level(), || build(before, left_at), || build(after, right_at));
    Subtree::parent(content, left, right)
}
