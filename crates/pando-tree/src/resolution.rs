//! Resolutions (RFC 9420, section 4.1.1) and filtered direct paths (section 4.1.2).

use crate::TreeError;
use crate::node_index::first_leaf;
use crate::parent_hash::leaves_below;
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::{LeafIndex, NodeIndex};

/// A node of a filtered direct path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStep {
    /// The node itself.
    pub node: NodeIndex,
    /// Its child that is not on the path.
    pub copath_child: NodeIndex,
}

impl Tree {
    /// The resolution of a node: the nodes that are not blank and together cover all members below, in the
    /// order of the RFC. Empty outside of the tree.
    #[must_use]
    pub fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        self.resolution_without(node, &[])
    }

    /// The resolution of a node without some leaves, in increasing order: those that a Commit adds.
    pub(crate) fn resolution_without(&self, node: NodeIndex, excluded: &[LeafIndex]) -> Vec<NodeIndex> {
        let mut nodes = Vec::new();
        let mut unvisited: Vec<_> = self.find(node).map(|subtree| (node, subtree)).into_iter().collect();
        let leaf_node =
            |leaf: LeafIndex| self.size.node(leaf).filter(|_| excluded.binary_search(&leaf).is_err());
        while let Some((at, subtree)) = unvisited.pop() {
            match subtree.kind() {
                Kind::Blank(_) => {}
                Kind::Leaf(_) => nodes.extend(leaf_node(first_leaf(at))),
                Kind::Parent { content: Some(content), .. } => {
                    nodes.push(at);
                    nodes.extend(content.unmerged().filter_map(leaf_node));
                }
                Kind::Parent { content: None, left, right } => {
                    unvisited.extend(at.right().map(|at| (at, &**right)));
                    unvisited.extend(at.left().map(|at| (at, &**left)));
                }
            }
        }
        nodes
    }

    /// The filtered direct path of a leaf, from the leaf to the root: without the nodes whose child on the
    /// copath has an empty resolution. Empty outside of the tree.
    #[must_use]
    pub fn filtered_direct_path(&self, leaf: LeafIndex) -> Vec<PathStep> {
        let mut path = Vec::with_capacity(self.size.depth().into());
        let (mut at, mut subtree) = (self.size.root(), &*self.root);
        if !self.size.contains(leaf) {
            return path;
        }
        // From the root down; turned around at the end.
        while let Kind::Parent { left, right, .. } = subtree.kind() {
            let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else { break };
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
        path
    }

    /// How many ciphertexts a path must have for a copath child: the length of its resolution without the
    /// leaves that the Commit adds, in increasing order.
    pub(crate) fn resolution_len(&self, node: NodeIndex, added: &[LeafIndex]) -> usize {
        let all = self.find(node).map_or(0, |subtree| subtree.summary.resolution);
        // A leaf that was just added is unmerged at every node above, so the resolution names it.
        let excluded = leaves_below(node, added).iter().filter(|leaf| self.is_member(**leaf)).count();
        usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(excluded)
    }

    /// Where a member finds itself in the resolution of a node above it: the node that it has the private
    /// key of, and that node's position, not counting the leaves that the Commit adds (in increasing order).
    pub(crate) fn place_in_resolution(
        &self,
        node: NodeIndex,
        member: LeafIndex,
        added: &[LeafIndex],
    ) -> Result<(NodeIndex, usize), TreeError> {
        let not_a_member = || TreeError::NotAMember(member);
        let member_node = self.size.node(member).ok_or_else(not_a_member)?;
        let mut at = node;
        let mut subtree: &Subtree = self.find(node).ok_or_else(not_a_member)?;
        // How many nodes of the resolution come before this subtree.
        let mut before = 0_u32;
        let (found, position) = loop {
            match subtree.kind() {
                Kind::Blank(_) => return Err(not_a_member()),
                Kind::Leaf(_) => break (at, before),
                Kind::Parent { content: Some(content), .. } => {
                    let Some(position) = content.unmerged_position(member) else { break (at, before) };
                    let position = u32::try_from(position).unwrap_or(u32::MAX);
                    break (member_node, before.saturating_add(1).saturating_add(position));
                }
                Kind::Parent { content: None, left, right } => {
                    let (left_at, right_at) =
                        (at.left().ok_or_else(not_a_member)?, at.right().ok_or_else(not_a_member)?);
                    if left_at.covers(member) {
                        (at, subtree) = (left_at, left);
                    } else {
                        before = before.saturating_add(left.summary.resolution);
                        (at, subtree) = (right_at, right);
                    }
                }
            }
        };
        // Those added leaves do not count that the resolution names before this node: the ones to the left
        // of it, or, if this is an unmerged leaf, of those in the same list the ones before it.
        let limit = if found == member_node { member } else { first_leaf(found) };
        let excluded = leaves_below(node, added);
        let excluded = excluded.iter().filter(|leaf| **leaf < limit && self.is_member(**leaf)).count();
        let position = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(excluded);
        Ok((found, position))
    }
}
