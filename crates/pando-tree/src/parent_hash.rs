//! Parent hashes (RFC 9420, section 7.9).

use crate::TreeError;
use crate::hash::tree_hash_without;
use crate::node_hash::NodeHash;
use crate::node_index::first_leaf;
use crate::subtree::Subtree;
use pando_crypto::{Digest, Suite};
use pando_wire::{EncodeError, LeafIndex, NodeIndex, vector_header};

/// Computes the parent hash, `Hash(ParentHashInput)`, that a child stores for a parent with this
/// key and this parent hash. The child's sibling has the given original tree hash.
pub(crate) fn parent_hash(
    suite: Suite,
    encryption_key: &[u8],
    parent_hash: &[u8],
    original_sibling_tree_hash: &[u8],
) -> Result<Digest, EncodeError> {
    let headers = [
        vector_header(encryption_key.len())?,
        vector_header(parent_hash.len())?,
        vector_header(original_sibling_tree_hash.len())?,
    ];
    let [key_header, parent_header, sibling_header] = &headers;
    Ok(suite.hash(&[
        key_header.as_ref(),
        encryption_key,
        parent_header.as_ref(),
        parent_hash,
        sibling_header.as_ref(),
        original_sibling_tree_hash,
    ]))
}

/// Computes the original tree hash of a copath child: its tree hash when the parent was last set.
/// The leaves that are unmerged at the parent do not count. `unmerged` contains all these leaves in
/// increasing order.
pub(crate) fn original_sibling_tree_hash(
    suite: Suite,
    sibling_at: NodeIndex,
    sibling: &Subtree,
    unmerged: &[LeafIndex],
) -> Result<NodeHash, TreeError> {
    tree_hash_without(suite, sibling_at, sibling, leaves_below(sibling_at, unmerged))
}

/// Returns the given leaves that are below a node. `leaves` is in increasing order.
pub(crate) fn leaves_below(node: NodeIndex, leaves: &[LeafIndex]) -> &[LeafIndex] {
    let start = leaves.partition_point(|leaf| *leaf < first_leaf(node));
    let from_start = leaves.get(start..).unwrap_or_default();
    let end = from_start.partition_point(|leaf| node.covers(*leaf));
    from_start.get(..end).unwrap_or_default()
}
