//! The relations between nodes, transcribed from the program in RFC 9420, appendix C.
//!
//! `TreeSize` computes the same relations, but the oracle does not use it, because the code under
//! test is built on it. `n` is the number of leaves, and every index must be inside the tree.

use pando_wire::NodeIndex;

/// Returns the exponent of the largest power of 2 that is not larger than x.
fn log2(x: u32) -> u32 {
    let mut k = 0;
    while (x >> k) > 0 {
        k += 1;
    }
    k - 1
}

/// Returns the number of nodes of a tree with n leaves.
pub(crate) fn node_width(n: u32) -> u32 {
    2 * (n - 1) + 1
}

/// Returns the root of a tree with n leaves.
pub(crate) fn root(n: u32) -> NodeIndex {
    NodeIndex((1 << log2(node_width(n))) - 1)
}

/// Returns the level of a node. Leaves have level 0.
pub(crate) fn level(x: NodeIndex) -> u32 {
    let mut k = 0;
    while (x.0 >> k) & 1 == 1 {
        k += 1;
    }
    k
}

/// Returns the left child of a parent.
pub(crate) fn left(x: NodeIndex) -> NodeIndex {
    NodeIndex(x.0 ^ (1 << (level(x) - 1)))
}

/// Returns the right child of a parent.
pub(crate) fn right(x: NodeIndex) -> NodeIndex {
    NodeIndex(x.0 ^ (3 << (level(x) - 1)))
}

/// Returns the parent of a node that is not the root.
pub(crate) fn parent(x: NodeIndex, n: u32) -> NodeIndex {
    assert_ne!(x, root(n), "the root has no parent");
    let k = level(x);
    let b = (x.0 >> (k + 1)) & 1;
    NodeIndex((x.0 | (1 << k)) ^ (b << (k + 1)))
}

/// Returns the other child of a node's parent.
pub(crate) fn sibling(x: NodeIndex, n: u32) -> NodeIndex {
    let p = parent(x, n);
    if x < p { right(p) } else { left(p) }
}

/// Returns the parent of a node, the parent of that parent, and so on up to the root.
pub(crate) fn direct_path(x: NodeIndex, n: u32) -> Vec<NodeIndex> {
    let mut path = Vec::new();
    let mut x = x;
    while x != root(n) {
        x = parent(x, n);
        path.push(x);
    }
    path
}

/// Returns the siblings of a node and of all nodes of its direct path except the root.
pub(crate) fn copath(x: NodeIndex, n: u32) -> Vec<NodeIndex> {
    let mut path = direct_path(x, n);
    path.insert(0, x);
    path.pop();
    path.into_iter().map(|y| sibling(y, n)).collect()
}

/// Returns the children of a node and all their descendants.
pub(crate) fn descendants(x: NodeIndex) -> Vec<NodeIndex> {
    if level(x) == 0 {
        return Vec::new();
    }
    let (l, r) = (left(x), right(x));
    [vec![l, r], descendants(l), descendants(r)].concat()
}
