//! Test vectors of the kind `tree-operations`: the effect of single proposals on a tree (RFC 9420,
//! sections 12.1.1 to 12.1.3).

use crate::group_tree::{GroupTree, Newcomer};
use crate::hex_bytes::Hex;
use crate::report::{MustSucceed, Outcome, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_tree::{Tree, TreeError};
use pando_wire::{Add, Decode, Encode, LeafIndex, Proposal, Remove, Update};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    tree_before: Hex,
    proposal: Hex,
    proposal_sender: u32,
    tree_hash_before: Hex,
    tree_after: Hex,
    tree_hash_after: Hex,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let mut tree = Tree::import_unsigned(suite, &self.tree_before).in_field("tree_before")?;
        must_equal("tree_before", &tree.export().in_field("tree_before")?, &self.tree_before)?;
        let hash = tree.tree_hash().in_field("tree_before")?;
        must_equal("tree_hash_before", &hash, &self.tree_hash_before)?;

        let proposal = Proposal::decode(&self.proposal).in_field("proposal")?;
        apply(&mut tree, &proposal, LeafIndex(self.proposal_sender)).in_field("proposal")?;
        must_equal("tree_after", &tree.export().in_field("tree_after")?, &self.tree_after)?;
        let hash = tree.tree_hash().in_field("tree_after")?;
        must_equal("tree_hash_after", &hash, &self.tree_hash_after)
    }
}

fn apply(tree: &mut Tree, proposal: &Proposal, sender: LeafIndex) -> Result<(), TreeError> {
    match proposal {
        Proposal::Add(add) => tree.add(&add.key_package.leaf_node).map(|_| ()),
        Proposal::Update(update) => tree.update(sender, &update.leaf_node),
        Proposal::Remove(remove) => tree.remove(remove.removed),
        // All other proposals leave the tree unchanged.
        _ => Ok(()),
    }?;
    tree.truncate()?;
    Ok(())
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut cases = Vec::new();
    let newcomer = Newcomer::new(suite, 100, rng)?;
    let key_package = newcomer.key_package(suite, rng)?;
    let add = Proposal::Add(Box::new(Add { key_package }));
    let mut update = Newcomer::new(suite, 2, rng)?;
    let remove = |leaf| Proposal::Remove(Remove { removed: LeafIndex(leaf) });

    // The cases are an Add to a full tree, an Add that fills a blank leaf, and an Update in the
    // middle of the tree. They also include a Remove in the middle, a Remove that halves the tree,
    // and a Remove that halves it twice.
    let full = GroupTree::grown(suite, 4, rng)?;
    let mut hole = GroupTree::grown(suite, 5, rng)?;
    hole.commit(LeafIndex(0), &[LeafIndex(1)], 0, rng)?;
    let mut sparse = GroupTree::grown(suite, 5, rng)?;
    sparse.commit(LeafIndex(0), &[LeafIndex(2), LeafIndex(3)], 0, rng)?;
    let leaf = &mut update.leaf_node;
    leaf.leaf_node_source = pando_wire::LeafNodeSource::Update;
    let to_be_signed = leaf.to_be_signed((&full.group_id, LeafIndex(2)))?;
    leaf.signature = suite.sign_with_label(&*update.signer, "LeafNodeTBS", &to_be_signed)?;
    let update = Proposal::Update(Box::new(Update { leaf_node: update.leaf_node }));
    for (group_tree, proposal, sender) in [
        (&full, add.clone(), 0),
        (&hole, add, 4),
        (&full, update, 2),
        (&full, remove(1), 0),
        (&hole, remove(4), 0),
        (&sparse, remove(4), 0),
    ] {
        let mut tree = group_tree.tree.clone();
        let (tree_before, hash_before) = (tree.export()?, tree.tree_hash()?);
        apply(&mut tree, &proposal, LeafIndex(sender))?;
        cases.push(Case {
            cipher_suite: suite.cipher_suite().0,
            tree_before: Hex(tree_before),
            proposal: Hex(proposal.encode()?),
            proposal_sender: sender,
            tree_hash_before: Hex(hash_before.into_vec()),
            tree_after: Hex(tree.export()?),
            tree_hash_after: Hex(tree.tree_hash()?.into_vec()),
        });
    }
    Ok(cases)
}
