//! Resolutions (RFC 9420, section 4.1.1) and filtered direct paths (section 4.1.2).

use crate::TreeError;
use crate::node_index::{children_of, first_leaf};
use crate::parent_hash::leaves_below;
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::{LeafIndex, NodeIndex};

/// A node of a filtered direct path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStep {
    /// The node itself.
    pub node: NodeIndex,
    /// The child of the node that is not on the path.
    pub copath_child: NodeIndex,
}

impl Tree {
    /// Returns the resolution of a node: the non-blank nodes that together cover all members below,
    /// in the order of the RFC. The resolution of a node outside the tree is empty.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn resolution(&self, node: NodeIndex) -> Result<Vec<NodeIndex>, TreeError> {
        self.resolution_without(node, &[])
    }

    /// Returns the resolution of a node without the leaves in `excluded`, which a Commit adds.
    /// `excluded` is in increasing order.
    pub(crate) fn resolution_without(
        &self,
        node: NodeIndex,
        excluded: &[LeafIndex],
    ) -> Result<Vec<NodeIndex>, TreeError> {
        let mut nodes = Vec::new();
        let mut unvisited: Vec<_> = self.find(node)?.map(|subtree| (node, subtree)).into_iter().collect();
        let leaf_node =
            |leaf: LeafIndex| self.size.node(leaf).filter(|_| excluded.binary_search(&leaf).is_err());
        while let Some((at, subtree)) = unvisited.pop() {
            if subtree.summary.members == 0 {
                continue;
            }
            if let Some(leaf) = at.leaf() {
                nodes.extend(leaf_node(leaf));
                continue;
            }
            match subtree.kind()? {
                Kind::Blank(_) | Kind::Leaf(_) => {}
                Kind::Parent { content: Some(content), .. } => {
                    nodes.push(at);
                    nodes.extend(content.unmerged().filter_map(leaf_node));
                }
                Kind::Parent { content: None, left, right } => {
                    let (left_at, right_at) = children_of(at);
                    unvisited.push((right_at, &**right));
                    unvisited.push((left_at, &**left));
                }
            }
        }
        Ok(nodes)
    }

    /// Returns the filtered direct path of a leaf, from the leaf to the root. Nodes whose copath
    /// child has an empty resolution are left out. The path of a leaf outside the tree is empty.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::resolution`].
    pub fn filtered_direct_path(&self, leaf: LeafIndex) -> Result<Vec<PathStep>, TreeError> {
        let mut path = Vec::with_capacity(self.size.depth().into());
        let (mut at, mut subtree) = (self.size.root(), &*self.root);
        if !self.size.contains(leaf) {
            return Ok(path);
        }
        // The steps are collected from the root down, and reversed at the end.
        while let (Some(left_at), Some(right_at)) = (at.left(), at.right()) {
            let Kind::Parent { left, right, .. } = subtree.kind()? else { break };
            let (below, beside) = if left_at.covers(leaf) {
                ((left_at, left), (right_at, right))
            } else {
                ((right_at, right), (left_at, left))
            };
            if beside.1.summary.resolution > 0 {
                path.push(PathStep { node: at, copath_child: beside.0 });
            }
            (at, subtree) = (below.0, below.1);
        }
        path.reverse();
        Ok(path)
    }

    /// Returns the number of ciphertexts that a path must contain for a copath child: the length of
    /// its resolution without the leaves that the Commit adds. `added` is in increasing order.
    pub(crate) fn resolution_len(&self, node: NodeIndex, added: &[LeafIndex]) -> Result<usize, TreeError> {
        let all = self.find(node)?.map_or(0, |subtree| subtree.summary.resolution);
        // A newly added leaf is unmerged at every node above, so the resolution contains it.
        let excluded = self.count_members(leaves_below(node, added))?;
        Ok(usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(excluded))
    }

    /// Returns the number of these leaves that are not blank.
    fn count_members(&self, leaves: &[LeafIndex]) -> Result<usize, TreeError> {
        leaves
            .iter()
            .try_fold(0_usize, |count, leaf| Ok(count.saturating_add(usize::from(self.is_member(*leaf)?))))
    }

    /// Finds the node in the resolution of `node` whose private key a member has. Also returns the
    /// position of that node, not counting the leaves in `added`. `added` lists the leaves that the
    /// Commit adds, in increasing order.
    pub(crate) fn place_in_resolution(
        &self,
        node: NodeIndex,
        member: LeafIndex,
        added: &[LeafIndex],
    ) -> Result<(NodeIndex, usize), TreeError> {
        let not_a_member = || TreeError::NotAMember(member);
        let member_node = self.size.node(member).ok_or_else(not_a_member)?;
        let mut at = node;
        let mut subtree: &Subtree = self.find(node)?.ok_or_else(not_a_member)?;
        // The number of resolution nodes that precede the current subtree.
        let mut before = 0_u32;
        let (found, position) = loop {
            if subtree.summary.members == 0 {
                return Err(not_a_member());
            }
            let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else { break (at, before) };
            match subtree.kind()? {
                Kind::Blank(_) | Kind::Leaf(_) => return Err(not_a_member()),
                Kind::Parent { content: Some(content), .. } => {
                    let Some(position) = content.unmerged_position(member) else { break (at, before) };
                    let position = u32::try_from(position).unwrap_or(u32::MAX);
                    break (member_node, before.saturating_add(1).saturating_add(position));
                }
                Kind::Parent { content: None, left, .. } if left_at.covers(member) => {
                    (at, subtree) = (left_at, left);
                }
                Kind::Parent { content: None, left, right } => {
                    before = before.saturating_add(left.summary.resolution);
                    (at, subtree) = (right_at, right);
                }
            }
        };
        // Added leaves that precede this node in the resolution do not count. Such leaves are to
        // the left of the node or, if the node is itself an unmerged leaf, before it in the same
        // list.
        let limit = if found == member_node { member } else { first_leaf(found) };
        let below = leaves_below(node, added);
        let preceding = below.get(..below.partition_point(|leaf| *leaf < limit)).unwrap_or_default();
        let excluded = self.count_members(preceding)?;
        let position = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(excluded);
        Ok((found, position))
    }
}
