//! The ratchet tree exactly as RFC 9420 describes it. This implementation serves as an oracle for
//! the optimized tree.
//!
//! The oracle consists only of an array of nodes. Each call recomputes its result, following the
//! words of the RFC. Where the RFC is ambiguous, a comment states the interpretation. Invalid
//! arguments, such as a leaf outside the tree or a wrong number of keys, cause panics. A tree from
//! the network may be arbitrarily wrong.

#![allow(dead_code, reason = "each test uses a part")]

mod array;
mod validation;

use pando_crypto::Suite;
use pando_wire::{
    Encode, HpkePublicKey, LeafIndex, LeafNode, Node, NodeIndex, Opaque, ParentNode, RatchetTree, TreeSize,
};

/// A ratchet tree in the array representation (appendix C).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Oracle {
    /// All 2^(d+1) - 1 nodes of the tree, including blank ones.
    pub(crate) nodes: Vec<Option<Node>>,
}

/// Functions that create and read trees.
impl Oracle {
    /// Returns the tree of a group's creator (section 11).
    pub(crate) fn new(first: LeafNode) -> Self {
        Self { nodes: vec![Some(Node::Leaf(Box::new(first)))] }
    }

    /// Returns the decoded tree (section 12.4.3.3). Returns `None` if the array is empty or ends
    /// with a blank node, or if a leaf is in the place of a parent or the reverse.
    ///
    /// The last node may be a parent: only the array after its extension must have an odd length.
    pub(crate) fn from_wire(tree: &RatchetTree) -> Option<Self> {
        let mut nodes = tree.0.clone();
        // Section 12.4.3.3: "The receiver MUST check that the last node in ratchet_tree is
        // non-blank".
        nodes.last()?.as_ref()?;
        for (index, node) in nodes.iter().enumerate() {
            let belongs = match node {
                None => true,
                Some(Node::Leaf(_)) => index % 2 == 0,
                Some(Node::Parent(_)) => index % 2 == 1,
            };
            if !belongs {
                return None;
            }
        }
        // The same section continues: "and then extend the tree to the right until it has a length
        // of the form 2^(d+1) - 1, adding the minimum number of blank values possible".
        while !(nodes.len() + 1).is_power_of_two() {
            nodes.push(None);
        }
        Some(Self { nodes })
    }

    /// Returns the tree in its encoded form, without "blank nodes after the last non-blank node"
    /// (section 12.4.3.3).
    pub(crate) fn to_wire(&self) -> RatchetTree {
        let mut nodes = self.nodes.clone();
        while let Some(None) = nodes.last() {
            nodes.pop();
        }
        RatchetTree(nodes)
    }

    /// Returns the number of leaves, including blank ones.
    fn leaf_count(&self) -> u32 {
        u32::try_from(self.nodes.len().div_ceil(2)).unwrap()
    }

    /// Returns the size of the tree.
    pub(crate) fn size(&self) -> TreeSize {
        TreeSize::with_leaves(self.leaf_count()).unwrap()
    }

    /// Returns the index of the root.
    pub(crate) fn root(&self) -> NodeIndex {
        array::root(self.leaf_count())
    }

    /// Returns a leaf node, or `None` if the leaf is blank or does not exist.
    pub(crate) fn leaf(&self, leaf: LeafIndex) -> Option<&LeafNode> {
        match self.nodes.get(2 * leaf.0 as usize)? {
            Some(Node::Leaf(leaf_node)) => Some(leaf_node),
            _ => None,
        }
    }

    /// Returns a parent node, or `None` if it is blank or does not exist.
    pub(crate) fn parent(&self, node: NodeIndex) -> Option<&ParentNode> {
        match self.nodes.get(node.0 as usize)? {
            Some(Node::Parent(parent_node)) => Some(parent_node),
            _ => None,
        }
    }

    /// Returns a mutable reference to the node that [`Oracle::parent`] returns.
    fn parent_mut(&mut self, node: NodeIndex) -> Option<&mut ParentNode> {
        match self.nodes.get_mut(node.0 as usize)? {
            Some(Node::Parent(parent_node)) => Some(parent_node),
            _ => None,
        }
    }

    /// Returns all parents of the tree, including blank ones, in array order.
    fn parents(&self) -> Vec<NodeIndex> {
        (0..array::node_width(self.leaf_count())).filter(|index| index % 2 == 1).map(NodeIndex).collect()
    }

    /// Returns the non-blank leaves from left to right.
    pub(crate) fn members(&self) -> Vec<LeafIndex> {
        (0..self.leaf_count()).map(LeafIndex).filter(|&leaf| self.leaf(leaf).is_some()).collect()
    }
}

/// Functions that change trees.
impl Oracle {
    /// Applies an Add proposal (section 12.1.1).
    pub(crate) fn add(&mut self, leaf_node: LeafNode) -> LeafIndex {
        // Section 12.1.1: "if there are empty leaves in the tree, L is the leftmost empty leaf".
        let empty = |tree: &Self| {
            (0..tree.leaf_count()).map(LeafIndex).find(|&leaf| tree.nodes[node_of(leaf)].is_none())
        };
        let leaf = empty(self).unwrap_or_else(|| {
            // "Otherwise, the tree is extended to the right [...], and L is assigned the leftmost
            // new blank leaf". Appendix C: "Append N + 1 blank values to the end of the array".
            let width = self.nodes.len();
            self.nodes.extend(vec![None; width + 1]);
            empty(self).unwrap()
        });
        // "For each non-blank intermediate node along the path from the leaf L to the root, add L's
        // leaf index to the unmerged_leaves list for the node". The intermediate nodes include the
        // root (see W[F] in the figure of section 7.9), although "intermediate" nodes have a parent
        // in section 4.1. Section 7.1: "MUST be sorted in increasing order".
        for node in self.direct_path(leaf) {
            if let Some(parent_node) = self.parent_mut(node) {
                parent_node.unmerged_leaves.push(leaf);
                parent_node.unmerged_leaves.sort();
            }
        }
        // Section 12.1.1: "Set the leaf node L to a new node".
        self.set_leaf(leaf, leaf_node);
        leaf
    }

    /// Applies an Update proposal (section 12.1.2).
    pub(crate) fn update(&mut self, leaf: LeafIndex, leaf_node: LeafNode) {
        self.set_leaf(leaf, leaf_node);
        self.blank_direct_path(leaf);
    }

    /// Applies a Remove proposal (section 12.1.3), except for its last step, which is
    /// [`Oracle::truncate`].
    pub(crate) fn remove(&mut self, leaf: LeafIndex) {
        self.nodes[node_of(leaf)] = None;
        self.blank_direct_path(leaf);
    }

    /// Truncates the tree as often as possible: "When the right subtree of the tree no longer has
    /// any non-blank nodes, it can be safely removed" (section 7.7).
    ///
    /// Section 12.1.3 considers only the leaves of the right subtree. The two sections differ if
    /// there is a non-blank parent with only blank leaves below, but such a parent is not
    /// parent-hash valid.
    pub(crate) fn truncate(&mut self) {
        while self.nodes.len() > 1 {
            let root = self.root().0 as usize;
            if self.nodes[root + 1..].iter().any(Option::is_some) {
                break;
            }
            // "The root of the tree and the right subtree are discarded (whether or not the root
            // node is blank)". Appendix C: "Truncate the array to its first (N-1) / 2 entries".
            self.nodes.truncate((self.nodes.len() - 1) / 2);
        }
    }

    /// Replaces a leaf node and changes no other node.
    pub(crate) fn set_leaf(&mut self, leaf: LeafIndex, leaf_node: LeafNode) {
        self.nodes[node_of(leaf)] = Some(Node::Leaf(Box::new(leaf_node)));
    }

    /// Sets new keys, one for each node of the sender's filtered direct path, from the leaf to the
    /// root (steps 1 to 3 of a recipient in section 7.5). Returns the parent hash for the sender's
    /// leaf, but does not change that leaf.
    pub(crate) fn set_path(&mut self, suite: Suite, sender: LeafIndex, keys: &[HpkePublicKey]) -> Vec<u8> {
        // "1. Blank all nodes on the direct path of the sender's leaf."
        self.blank_direct_path(sender);
        // "2. For all nodes on the filtered direct path of the sender's leaf, set the public key to
        // the public key in the UpdatePath. Set the list of unmerged leaves to the empty list."
        let path = self.filtered_direct_path(sender);
        assert_eq!(keys.len(), path.len(), "a key for each node of the filtered direct path");
        for (&(node, _), key) in path.iter().zip(keys) {
            self.nodes[node.0 as usize] = Some(Node::Parent(Box::new(ParentNode {
                encryption_key: key.clone(),
                parent_hash: Opaque::from(Vec::new()),
                unmerged_leaves: Vec::new(),
            })));
        }
        // "3. Compute parent hashes for the nodes in the sender's filtered direct path [...] from
        // root to leaf, so that each hash incorporates all the non-blank nodes above it. The root
        // node always has a zero-length hash for its parent hash." The same applies to the
        // uppermost node of the path if it is not the root: there is no "next node after P".
        let mut parent_hash = Vec::new();
        for &(node, copath_child) in path.iter().rev() {
            self.parent_mut(node).unwrap().parent_hash = parent_hash.into();
            parent_hash = self.parent_hash(suite, node, copath_child);
        }
        parent_hash
    }

    fn blank_direct_path(&mut self, leaf: LeafIndex) {
        for node in self.direct_path(leaf) {
            self.nodes[node.0 as usize] = None;
        }
    }
}

/// Functions that compute paths and resolutions.
impl Oracle {
    fn direct_path(&self, leaf: LeafIndex) -> Vec<NodeIndex> {
        array::direct_path(NodeIndex(2 * leaf.0), self.leaf_count())
    }

    /// Returns the nodes that together cover all non-blank nodes at and below `node` (section
    /// 4.1.1).
    pub(crate) fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        match &self.nodes[node.0 as usize] {
            // "The resolution of a non-blank node comprises the node itself, followed by its list
            // of unmerged leaves, if any." If the list is wrong, so is the resolution. Only leaves
            // outside the tree are omitted, because they have no node.
            Some(Node::Leaf(_)) => vec![node],
            Some(Node::Parent(parent_node)) => {
                let unmerged = parent_node.unmerged_leaves.iter();
                let unmerged = unmerged.filter(|leaf| leaf.0 < self.leaf_count());
                let unmerged = unmerged.map(|leaf| NodeIndex(2 * leaf.0));
                [node].into_iter().chain(unmerged).collect()
            }
            // "The resolution of a blank leaf node is the empty list."
            None if array::level(node) == 0 => Vec::new(),
            // "The resolution of a blank intermediate node is the result of concatenating the
            // resolution of its left child with the resolution of its right child, in that order."
            None => [self.resolution(array::left(node)), self.resolution(array::right(node))].concat(),
        }
    }

    /// Returns the direct path of a leaf, "with any node removed whose child on the copath of L has
    /// an empty resolution" (section 4.1.2). The path leads from the leaf to the root, and contains
    /// each node together with its copath child.
    pub(crate) fn filtered_direct_path(&self, leaf: LeafIndex) -> Vec<(NodeIndex, NodeIndex)> {
        let copath = array::copath(NodeIndex(2 * leaf.0), self.leaf_count());
        let path = self.direct_path(leaf).into_iter().zip(copath);
        path.filter(|&(_, copath_child)| !self.resolution(copath_child).is_empty()).collect()
    }
}

/// Functions that compute hashes.
impl Oracle {
    /// Returns the hash of a node's TreeHashInput (section 7.8).
    pub(crate) fn tree_hash(&self, suite: Suite, node: NodeIndex) -> Vec<u8> {
        let mut input = Vec::new();
        if array::level(node) == 0 {
            let leaf = LeafIndex(node.0 / 2);
            input.push(1); // The NodeType of a leaf.
            input.extend(leaf.0.to_be_bytes());
            input.extend(optional(self.leaf(leaf)));
        } else {
            input.push(2); // The NodeType of a parent.
            input.extend(optional(self.parent(node)));
            input.extend(opaque(self.tree_hash(suite, array::left(node))));
            input.extend(opaque(self.tree_hash(suite, array::right(node))));
        }
        suite.hash(&[&input]).to_vec()
    }

    /// "The tree hash of an entire tree corresponds to the tree hash of the root node" (section
    /// 7.8).
    pub(crate) fn root_hash(&self, suite: Suite) -> Vec<u8> {
        self.tree_hash(suite, self.root())
    }

    /// Returns the "Parent hash of P (with copath child S)", which is the hash of P's
    /// ParentHashInput (section 7.9). P must not be blank.
    ///
    /// P's own `parent_hash` field is part of the input, as in appendix B. At the root, this field
    /// is empty unless the tree is forged.
    pub(crate) fn parent_hash(&self, suite: Suite, parent: NodeIndex, copath_child: NodeIndex) -> Vec<u8> {
        let parent_node = self.parent(parent).unwrap();
        let original = self.without_leaves(&parent_node.unmerged_leaves);
        let input = [
            opaque(parent_node.encryption_key.to_vec()),
            opaque(parent_node.parent_hash.to_vec()),
            opaque(original.tree_hash(suite, copath_child)),
        ];
        suite.hash(&[&input.concat()]).to_vec()
    }

    /// Returns the tree that is used to compute original tree hashes: "For each leaf L in
    /// P.unmerged_leaves, blank L and remove it from the unmerged_leaves sets of all parent nodes"
    /// (section 7.9).
    fn without_leaves(&self, leaves: &[LeafIndex]) -> Self {
        let mut tree = self.clone();
        for leaf in leaves {
            if tree.leaf(*leaf).is_some() {
                tree.nodes[node_of(*leaf)] = None;
            }
        }
        for node in tree.parents() {
            if let Some(parent_node) = tree.parent_mut(node) {
                parent_node.unmerged_leaves.retain(|leaf| !leaves.contains(leaf));
            }
        }
        tree
    }
}

/// Returns the array index of a leaf (appendix C).
fn node_of(leaf: LeafIndex) -> usize {
    2 * leaf.0 as usize
}

/// Encodes an `optional<T>` (section 2.1.1).
fn optional<T: Encode>(value: Option<&T>) -> Vec<u8> {
    match value {
        None => vec![0],
        Some(value) => [vec![1], value.encode().unwrap()].concat(),
    }
}

/// Encodes an `opaque<V>` (section 2.1.2).
fn opaque(bytes: Vec<u8>) -> Vec<u8> {
    Opaque::from(bytes).with_length().unwrap()
}
