//! Contents of a member's next leaf, for Updates and Commits.

use pando_crypto::Signer;
use pando_tree::LeafTemplate;
use pando_wire::LeafNode;

/// What a member's leaf is to say, and whose signature key it is to have. The member signs with that key from
/// the next epoch on.
#[derive(Clone)]
pub struct NewLeaf<'a> {
    /// What the leaf says of the client.
    pub template: LeafTemplate,
    /// The signature key: the one that the member has, or another.
    pub signer: &'a dyn Signer,
}

impl std::fmt::Debug for NewLeaf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewLeaf").field("template", &self.template).finish_non_exhaustive()
    }
}

/// What a leaf says already.
pub(crate) fn same_leaf(leaf_node: LeafNode) -> LeafTemplate {
    let LeafNode { credential, capabilities, extensions, .. } = leaf_node;
    LeafTemplate { credential, capabilities, extensions }
}
