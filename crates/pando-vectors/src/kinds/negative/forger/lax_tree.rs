//! The hash of a ratchet tree (RFC 9420, section 7.8), even if the tree is invalid.

use super::Forging;
use pando_crypto::Suite;
use pando_wire::{Encode, Node, NodeIndex, Opaque, RatchetTree, TreeSize};

/// Returns the tree hash without checking the tree. A node of the wrong type counts as blank.
pub(crate) fn tree_hash(suite: Suite, tree: &RatchetTree) -> Forging<Opaque> {
    let leaves = u32::try_from(tree.0.len().div_ceil(2))?.max(1);
    let size = TreeSize::with_leaves(leaves).ok_or("too many leaves")?;
    node_hash(suite, tree, size.root())
}

fn node_hash(suite: Suite, tree: &RatchetTree, at: NodeIndex) -> Forging<Opaque> {
    let node = tree.0.get(usize::try_from(at.0)?).and_then(Option::as_ref);
    let mut input = Vec::new();
    match (at.left(), at.right()) {
        (Some(left), Some(right)) => {
            input.push(2);
            match node {
                Some(Node::Parent(parent)) => optional(&mut input, Some(parent.encode()?)),
                _ => optional(&mut input, None),
            }
            input.extend(node_hash(suite, tree, left)?.with_length()?);
            input.extend(node_hash(suite, tree, right)?.with_length()?);
        }
        _ => {
            input.push(1);
            input.extend(at.leaf().ok_or("not a leaf")?.encode()?);
            match node {
                Some(Node::Leaf(leaf)) => optional(&mut input, Some(leaf.encode()?)),
                _ => optional(&mut input, None),
            }
        }
    }
    Ok((&*suite.hash(&[&input])).into())
}

fn optional(input: &mut Vec<u8>, value: Option<Vec<u8>>) {
    input.push(value.is_some().into());
    input.extend(value.into_iter().flatten());
}
