//! The relations between nodes, copied from the program of RFC 9420, appendix C.
//!
//! `TreeSize` knows the same; it is not used, because what is under test builds on it. Here `n` is the number
//! of leaves, and every index must be inside of the tree.

use pando_wire::NodeIndex;

/// The exponent of the largest power of 2 that is not larger than x.
fn log2(x: u32) -> u32 {
    let mut k = 0;
    while (x >> k) > 0 {
        k += 1;
    }
    k - 1
}

/// The number of nodes of a tree with n leaves.
pub(crate) fn node_width(n: u32) -> u32 {
    2 * (n - 1) + 1
}

/// The root of a tree with n leaves.
pub(crate) fn root(n: u32) -> NodeIndex {
    NodeIndex((1 << log2(node_width(n))) - 1)
}

/// The height above the leaves.
pub(crate) fn level(x: NodeIndex) -> u32 {
    let mut k = 0;
    while (x.0 >> k) & 1 == 1 {
        k += 1;
    }
    k
}

/// The left child of a parent.
pub(crate) fn left(x: NodeIndex) -> NodeIndex {
    NodeIndex(x.0 ^ (1 << (level(x) - 1)))
}

/// The right child of a parent.
pub(crate) fn right(x: NodeIndex) -> NodeIndex {
    NodeIndex(x.0 ^ (3 << (level(x) - 1)))
}

/// The parent of a node that is not the root.
pub(crate) fn parent(x: NodeIndex, n: u32) -> NodeIndex {
    assert_ne!(x, root(n), "the root has no parent");
    let k = level(x);
    let b = (x.0 >> (k + 1)) & 1;
    NodeIndex((x.0 | (1 << k)) ^ (b << (k + 1)))
}

/// The other child of a node's parent.
pub(crate) fn sibling(x: NodeIndex, n: u32) -> NodeIndex {
    let p = parent(x, n);
    if x < p { right(p) } else { left(p) }
}

/// A node's parent, the parent's parent and so on to the root.
pub(crate) fn direct_path(x: NodeIndex, n: u32) -> Vec<NodeIndex> {
    let mut path = Vec::new();
    let mut x = x;
    while x != root(n) {
        x = parent(x, n);
        path.push(x);
    }
    path
}

/// The siblings of a node and of the nodes of its direct path, the root excluded.
pub(crate) fn copath(x: NodeIndex, n: u32) -> Vec<NodeIndex> {
    let mut path = direct_path(x, n);
    path.insert(0, x);
    path.pop();
    path.into_iter().map(|y| sibling(y, n)).collect()
}

/// The children of a node and the descendants of its children (section 4.1).
pub(crate) fn descendants(x: NodeIndex) -> Vec<NodeIndex> {
    if level(x) == 0 {
        return Vec::new();
    }
    let (l, r) = (left(x), right(x));
    [vec![l, r], descendants(l), descendants(r)].concat()
}
