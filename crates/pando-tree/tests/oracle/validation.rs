//! The checks with which a new member validates a tree (RFC 9420, sections 7.9.2 and 12.4.3.1).

use super::{Oracle, array};
use pando_crypto::Suite;
use pando_wire::{LeafIndex, LeafNodeSource, Node, NodeIndex};
use std::collections::BTreeSet;

impl Oracle {
    /// Verifies "that there is exactly one descendant of each non-blank parent node for which the
    /// parent node is parent-hash valid" (section 7.9.2, "top down").
    ///
    /// # Errors
    /// Returns the first parent in array order that has no such descendant, or more than one.
    pub(crate) fn parent_hash_valid(&self, suite: Suite) -> Result<(), NodeIndex> {
        for p in self.parents() {
            if self.parent(p).is_some() {
                let descendants = array::descendants(p);
                if descendants.iter().filter(|&&d| self.parent_hash_valid_for(suite, d, p)).count() != 1 {
                    return Err(p);
                }
            }
        }
        Ok(())
    }

    /// Returns whether "the parent hash in a node D is valid with respect to a parent node P"
    /// (section 7.9.2).
    fn parent_hash_valid_for(&self, suite: Suite, d: NodeIndex, p: NodeIndex) -> bool {
        // Section 7.9.2: "C and S are the children of P [...], with C being the child that is on
        // the direct path of D (possibly D itself) and S being the other child".
        let is_c = |child: NodeIndex| child == d || array::descendants(child).contains(&d);
        let (c, s) = match (array::left(p), array::right(p)) {
            (left, right) if is_c(left) => (left, right),
            (left, right) if is_c(right) => (right, left),
            // "D is a descendant of P in the tree."
            _ => return false,
        };

        // "The parent_hash field of D is equal to the parent hash of P with copath child S."
        let field = match &self.nodes[d.0 as usize] {
            Some(Node::Parent(parent_node)) => &parent_node.parent_hash,
            Some(Node::Leaf(leaf_node)) => match &leaf_node.leaf_node_source {
                LeafNodeSource::Commit { parent_hash } => parent_hash,
                LeafNodeSource::KeyPackage { .. } | LeafNodeSource::Update => return false,
            },
            None => return false,
        };
        if field.as_slice() != self.parent_hash(suite, p, s) {
            return false;
        }

        // "D is in the resolution of C, and the intersection of P's unmerged_leaves with the
        // subtree under C is equal to the resolution of C with D removed." The two are compared as
        // sets, because unmerged_valid checks the order.
        let mut resolution: BTreeSet<NodeIndex> = self.resolution(c).into_iter().collect();
        if !resolution.remove(&d) {
            return false;
        }
        let unmerged = self.parent(p).unwrap().unmerged_leaves.iter();
        let below: BTreeSet<NodeIndex> = unmerged
            .filter(|leaf| self.leaf_is_at_or_below(**leaf, c))
            .map(|leaf| NodeIndex(2 * leaf.0))
            .collect();
        below == resolution
    }

    /// Verifies the `unmerged_leaves` of all parents. These lists must be sorted (section 7.1)
    /// without repetition. For each entry, "the entry represents a non-blank leaf node that is a
    /// descendant of the parent node" (section 12.4.3.1). In addition, "every non-blank
    /// intermediate node between the leaf node and the parent node also has an entry for the leaf
    /// node".
    ///
    /// # Errors
    /// Returns the first parent in array order whose list has an invalid entry.
    pub(crate) fn unmerged_valid(&self) -> Result<(), NodeIndex> {
        for node in self.parents() {
            let Some(parent_node) = self.parent(node) else { continue };
            let entries = &parent_node.unmerged_leaves;
            let sorted = entries.windows(2).all(|pair| pair[0] < pair[1]);
            if !sorted || !entries.iter().all(|&leaf| self.unmerged_entry_valid(node, leaf)) {
                return Err(node);
            }
        }
        Ok(())
    }

    fn unmerged_entry_valid(&self, node: NodeIndex, leaf: LeafIndex) -> bool {
        if self.leaf(leaf).is_none() || !self.leaf_is_at_or_below(leaf, node) {
            return false;
        }
        let path = self.direct_path(leaf);
        let between = path.into_iter().take_while(|&other| other != node);
        between
            .filter_map(|other| self.parent(other))
            .all(|parent_node| parent_node.unmerged_leaves.contains(&leaf))
    }

    /// Returns whether a leaf is the given node or one of its descendants. Returns false for leaves
    /// outside the tree.
    fn leaf_is_at_or_below(&self, leaf: LeafIndex, node: NodeIndex) -> bool {
        leaf.0 < self.leaf_count()
            && (NodeIndex(2 * leaf.0) == node || array::descendants(node).contains(&NodeIndex(2 * leaf.0)))
    }
}
