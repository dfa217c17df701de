//! The arithmetic of array-based trees (RFC 9420, appendix C).
//!
//! A tree always has 2^d leaves, so the number d describes its size. Every function that takes an
//! index as an argument is total: for an index outside of the tree, it returns `None` or an empty
//! iterator.

use crate::{LeafIndex, NodeIndex};

/// The size of a tree with 2^d leaves and 2^(d+1) - 1 nodes, where d is at most
/// [`TreeSize::MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeSize {
    depth: u8,
}

impl TreeSize {
    /// The size of the tree with a single leaf.
    pub const ONE: Self = Self { depth: 0 };
    /// The maximum depth of a tree. A larger tree could not be sent, because a vector holds less
    /// than 2^30 bytes (section 2.1.2).
    pub const MAX_DEPTH: u8 = 30;

    /// Returns the size of the smallest tree with at least `leaves` leaves. Returns `None` if
    /// `leaves` is 0 or greater than 2^30.
    #[must_use]
    pub const fn with_leaves(leaves: u32) -> Option<Self> {
        match leaves.checked_next_power_of_two() {
            Some(width) if leaves > 0 && width.trailing_zeros() <= Self::MAX_DEPTH as u32 => {
                // The depth is at most 30, so it fits into one byte.
                Some(Self { depth: width.trailing_zeros().to_le_bytes()[0] })
            }
            _ => None,
        }
    }

    /// Returns d, the number of edges between the root and a leaf.
    #[must_use]
    pub const fn depth(self) -> u8 {
        self.depth
    }

    /// Returns the number of leaves, which is 2^d, including the blank leaves.
    #[must_use]
    pub const fn leaf_count(self) -> u32 {
        1 << self.depth
    }

    /// Returns the number of nodes, which is 2^(d+1) - 1.
    #[must_use]
    pub const fn node_count(self) -> u32 {
        ones(self.depth.saturating_add(1))
    }

    /// Returns the index of the root.
    #[must_use]
    pub const fn root(self) -> NodeIndex {
        NodeIndex(ones(self.depth))
    }

    /// Returns the size of the tree with twice as many leaves, or `None` if the depth is already
    /// [`TreeSize::MAX_DEPTH`].
    #[must_use]
    pub const fn doubled(self) -> Option<Self> {
        if self.depth < Self::MAX_DEPTH { Some(Self { depth: self.depth.saturating_add(1) }) } else { None }
    }

    /// Returns the size of the tree with half as many leaves, or `None` if the tree has a single
    /// leaf.
    #[must_use]
    pub const fn halved(self) -> Option<Self> {
        match self.depth.checked_sub(1) {
            Some(depth) => Some(Self { depth }),
            None => None,
        }
    }

    /// Returns whether the leaf is inside the tree, even if it is blank.
    #[must_use]
    pub const fn contains(self, leaf: LeafIndex) -> bool {
        leaf.0 < self.leaf_count()
    }

    /// Returns the node index of a leaf, or `None` if the leaf is outside of the tree.
    #[must_use]
    pub const fn node(self, leaf: LeafIndex) -> Option<NodeIndex> {
        if self.contains(leaf) { Some(NodeIndex(leaf.0 << 1)) } else { None }
    }

    /// Returns the parent of a node, or `None` if the node is the root or outside of the tree.
    #[must_use]
    pub const fn parent(self, node: NodeIndex) -> Option<NodeIndex> {
        if node.0 >= self.node_count() || node.0 == self.root().0 {
            return None;
        }
        // To turn ...b01^k into ...01^(k+1), set bit k and clear bit k+1.
        let level = node.level();
        Some(NodeIndex((node.0 | 1 << level) & !(1 << level.saturating_add(1))))
    }

    /// Returns the other child of a node's parent, or `None` if the node is the root or outside of
    /// the tree.
    #[must_use]
    pub const fn sibling(self, node: NodeIndex) -> Option<NodeIndex> {
        match self.parent(node) {
            // The indices of two siblings at level k differ only in bit k+1.
            Some(_) => Some(NodeIndex(node.0 ^ 1 << node.level().saturating_add(1))),
            None => None,
        }
    }

    /// Returns the ancestors of a leaf, from its parent to the root (section 4.1.2). The iterator
    /// is empty if the leaf is outside of the tree.
    pub fn direct_path(self, leaf: LeafIndex) -> impl Iterator<Item = NodeIndex> {
        let parent = self.node(leaf).and_then(|node| self.parent(node));
        std::iter::successors(parent, move |&node| self.parent(node))
    }

    /// Returns the siblings of a leaf and of its ancestors, from the leaf's sibling to the node
    /// below the root (section 4.1.2). The iterator is empty if the leaf is outside of the tree.
    pub fn copath(self, leaf: LeafIndex) -> impl Iterator<Item = NodeIndex> {
        let sibling = self.node(leaf).and_then(|node| self.sibling(node));
        std::iter::successors(sibling, move |&node| self.parent(node).and_then(|parent| self.sibling(parent)))
    }

    /// Returns the lowest common ancestor of two leaves, or `None` if one of them is outside of the
    /// tree. If the two leaves are equal, the result is the node of that leaf.
    #[must_use]
    pub fn common_ancestor(self, a: LeafIndex, b: LeafIndex) -> Option<NodeIndex> {
        let (a, b) = (self.node(a)?, self.node(b)?);
        // The highest bit in which the node indices differ gives the level at which the paths from
        // the root diverge.
        let level = u32::BITS.saturating_sub((a.0 ^ b.0).leading_zeros());
        Some(match level.checked_sub(1) {
            None => a,
            Some(level) => NodeIndex(a.0 & !(1 << level) | ones_below(level)),
        })
    }
}

impl NodeIndex {
    /// Returns the height of the node above the leaves (appendix C). The level of a leaf is 0.
    #[must_use]
    pub const fn level(self) -> u32 {
        self.0.trailing_ones()
    }

    /// Returns whether this is the index of a leaf.
    #[must_use]
    pub const fn is_leaf(self) -> bool {
        self.0 & 1 == 0
    }

    /// Returns the index of the leaf at this node, or `None` if this is a parent node.
    #[must_use]
    pub const fn leaf(self) -> Option<LeafIndex> {
        if self.is_leaf() { Some(LeafIndex(self.0 >> 1)) } else { None }
    }

    /// Returns the left child of this node, or `None` if it is a leaf.
    #[must_use]
    pub const fn left(self) -> Option<Self> {
        match self.level().checked_sub(1) {
            Some(level) => Some(Self(self.0 ^ 1 << level)),
            None => None,
        }
    }

    /// Returns the right child of this node. Returns `None` for a leaf, and for `u32::MAX`, whose
    /// right child would exceed `u32`.
    #[must_use]
    pub const fn right(self) -> Option<Self> {
        match self.level().checked_sub(1) {
            Some(level) if level < 31 => Some(Self(self.0 ^ 3 << level)),
            _ => None,
        }
    }

    /// Returns whether `leaf` is at this node or below it.
    #[must_use]
    pub const fn covers(self, leaf: LeafIndex) -> bool {
        // A node at level k is above the 2^k leaves whose node indices differ from its own only in
        // the lowest k+1 bits.
        let level = self.level();
        level < u32::BITS && leaf.0 >> level == self.0 >> 1 >> level
    }
}

/// Returns 2^k - 1. The exponent k must be at most 31.
const fn ones(k: u8) -> u32 {
    ones_below(k as u32)
}

/// Returns the number whose k lowest bits are set. The argument k must be at most 31.
const fn ones_below(k: u32) -> u32 {
    !(u32::MAX << k)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the parent of a node, found by a simple reference algorithm that repeatedly splits
    /// the array in the middle.
    fn parent_of(node: u32, low: u32, high: u32) -> Option<u32> {
        let middle = low + (high - low) / 2;
        if node == middle || low == high {
            return None;
        }
        let (low, high) = if node < middle { (low, middle - 1) } else { (middle + 1, high) };
        parent_of(node, low, high).or(Some(middle))
    }

    #[test]
    fn agrees_with_cutting_the_array_in_halves() {
        for depth in 0..8 {
            let size = TreeSize::with_leaves(1 << depth).unwrap();
            assert_eq!(size.leaf_count(), 1 << depth);
            let last = size.node_count() - 1;
            assert_eq!(size.root().0, last / 2);
            for node in (0..=last).map(NodeIndex) {
                let parent = parent_of(node.0, 0, last).map(NodeIndex);
                assert_eq!(size.parent(node), parent);
                if let Some(parent) = parent {
                    let (left, right) = (parent.left().unwrap(), parent.right().unwrap());
                    assert!(left < parent && parent < right);
                    let (own, other) = if node < parent { (left, right) } else { (right, left) };
                    assert_eq!(own, node);
                    assert_eq!(size.sibling(node), Some(other));
                }
                for leaf in (0..size.leaf_count()).map(LeafIndex) {
                    let above =
                        size.node(leaf) == Some(node) || size.direct_path(leaf).any(|other| other == node);
                    assert_eq!(node.covers(leaf), above);
                }
            }
        }
    }

    #[test]
    fn common_ancestors_are_the_lowest_common_ones() {
        let size = TreeSize::with_leaves(32).unwrap();
        for a in (0..32).map(LeafIndex) {
            assert_eq!(size.common_ancestor(a, a), size.node(a));
            for b in (0..32).map(LeafIndex).filter(|&b| b != a) {
                let lowest = size.direct_path(a).find(|node| size.direct_path(b).any(|other| other == *node));
                assert_eq!(size.common_ancestor(a, b), lowest);
            }
        }
    }

    #[test]
    fn paths_and_copaths_go_together() {
        let size = TreeSize::with_leaves(16).unwrap();
        for leaf in (0..16).map(LeafIndex) {
            let path: Vec<_> = size.direct_path(leaf).collect();
            let copath: Vec<_> = size.copath(leaf).collect();
            assert_eq!((path.len(), copath.len()), (4, 4));
            for (above, beside) in path.iter().zip(copath) {
                assert_eq!(size.parent(beside), Some(*above));
                assert!(!beside.covers(leaf));
            }
        }
    }

    #[test]
    fn indices_outside_of_the_tree_have_nothing() {
        for leaves in [1, 2, 5, 1 << 30] {
            let size = TreeSize::with_leaves(leaves).unwrap();
            for index in [size.leaf_count(), size.leaf_count() + 1, 1 << 31, u32::MAX] {
                let leaf = LeafIndex(index);
                assert!(!size.contains(leaf));
                assert_eq!(size.node(leaf), None);
                assert_eq!(size.direct_path(leaf).count(), 0);
                assert_eq!(size.copath(leaf).count(), 0);
                assert_eq!(size.common_ancestor(leaf, LeafIndex(0)), None);
            }
            for index in [size.node_count(), size.node_count() + 1, u32::MAX - 1, u32::MAX] {
                assert_eq!(size.parent(NodeIndex(index)), None);
                assert_eq!(size.sibling(NodeIndex(index)), None);
            }
        }
        assert_eq!(NodeIndex(u32::MAX).right(), None);
        assert!(!NodeIndex(u32::MAX).covers(LeafIndex(0)));
    }

    #[test]
    fn sizes() {
        assert_eq!(TreeSize::with_leaves(0), None);
        assert_eq!(TreeSize::with_leaves(1), Some(TreeSize::ONE));
        assert_eq!(TreeSize::with_leaves(33).map(TreeSize::leaf_count), Some(64));
        let largest = TreeSize::with_leaves(1 << 30).unwrap();
        assert_eq!(largest.node_count(), 0x7fff_ffff);
        assert_eq!(largest.doubled(), None);
        assert_eq!(TreeSize::with_leaves((1 << 30) + 1), None);
        assert_eq!(TreeSize::with_leaves(u32::MAX), None);
        assert_eq!(TreeSize::ONE.halved(), None);
        assert_eq!(TreeSize::ONE.doubled().and_then(TreeSize::halved), Some(TreeSize::ONE));
    }
}
