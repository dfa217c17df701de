//! The contents of our next leaf, for Updates and Commits.

use pando_crypto::Signer;
use pando_tree::LeafTemplate;
use pando_wire::LeafNode;

/// The contents and the signature key of our next leaf. From the next epoch on, the client signs
/// with this key.
#[derive(Clone)]
pub struct NewLeaf<'a> {
    /// The contents of the leaf.
    pub template: LeafTemplate,
    /// The signer of the leaf, which is either the current signer or a new one.
    pub signer: &'a dyn Signer,
}

impl std::fmt::Debug for NewLeaf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewLeaf").field("template", &self.template).finish_non_exhaustive()
    }
}

/// Returns the contents of an existing leaf.
pub(crate) fn same_leaf(leaf_node: LeafNode) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = leaf_node;
    LeafTemplate { credential, capabilities, extensions }
}
