//! Node indices of subtrees (RFC 9420, appendix C).

use pando_wire::{LeafIndex, NodeIndex};

/// Returns the leftmost leaf at or below a node.
pub(crate) const fn first_leaf(node: NodeIndex) -> LeafIndex {
    let level = node.level();
    LeafIndex((node.0 >> 1) & !(if level == 0 { 0 } else { u32::MAX >> (32_u32.saturating_sub(level)) }))
}

/// Returns the indices of both children of a parent. This function must not be called for a leaf.
pub(crate) fn children_of(at: NodeIndex) -> (NodeIndex, NodeIndex) {
    (at.left().unwrap_or(at), at.right().unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_leaves() {
        for (node, leaf) in [(0, 0), (2, 1), (1, 0), (5, 2), (3, 0), (11, 4), (7, 0), (23, 8)] {
            assert_eq!(first_leaf(NodeIndex(node)), LeafIndex(leaf), "node {node}");
        }
        assert_eq!(first_leaf(NodeIndex(0x3fff_ffff)), LeafIndex(0));
    }
}
