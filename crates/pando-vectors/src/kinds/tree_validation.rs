//! Test vectors of the kind `tree-validation`: resolutions, hashes and signatures of whole trees
//! (RFC 9420, sections 4.1.1, 7.8, 7.9.2 and 12.4.3.1).

use crate::group_tree::GroupTree;
use crate::hex_bytes::Hex;
use crate::report::{MustSucceed, Outcome, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_tree::Tree;
use pando_wire::{Decode, GroupId, LeafIndex, NodeIndex, RatchetTree};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    tree: Hex,
    group_id: Hex,
    resolutions: Vec<Vec<u32>>,
    tree_hashes: Vec<Hex>,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let tree = Tree::import_unsigned(suite, &self.tree).in_field("tree")?;
        let node_count = usize::try_from(tree.size().node_count()).in_field("tree")?;
        must(
            "resolutions",
            self.resolutions.len() == node_count,
            "the number of entries is not the number of nodes",
        )?;
        must(
            "tree_hashes",
            self.tree_hashes.len() == node_count,
            "the number of entries is not the number of nodes",
        )?;
        for ((node, resolution), hash) in (0..).map(NodeIndex).zip(&self.resolutions).zip(&self.tree_hashes) {
            let nodes = tree.resolution(node).in_field("tree")?;
            let computed: Vec<_> = nodes.into_iter().map(|node| node.0).collect();
            must(
                format!("resolutions[{}]", node.0),
                computed == *resolution,
                &format!("computed {computed:?}, the file says {resolution:?}"),
            )?;
            let computed = tree.node_hash(node).in_field("tree")?.unwrap_or_default();
            must_equal(format!("tree_hashes[{}]", node.0), &computed, hash)?;
        }
        tree.check_parent_hashes().in_field("tree")?;
        let group_id = GroupId::from(&*self.group_id);
        tree.check_signatures(&group_id).in_field("tree")?;

        // Import the tree with all checks, then export it again, as bytes and as a `RatchetTree`.
        let root_hash = tree.tree_hash().in_field("tree")?;
        let wire = RatchetTree::decode(&self.tree).in_field("tree")?;
        let imported = Tree::from_wire(suite, &wire, &group_id, &root_hash).in_field("tree")?;
        must_equal("tree", &imported.export().in_field("tree")?, &self.tree)?;
        must("tree", imported.to_wire().in_field("tree")? == wire, "import and export gave other nodes")
    }
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut group_trees = Vec::new();
    for members in [2, 3, 4, 7, 8] {
        group_trees.push(GroupTree::grown(suite, members, rng)?);
    }
    // Add trees with blank leaves in the middle, with and without an Add that fills one of them.
    // Also add a tree with a blank left half and a tree with unmerged leaves.
    let mut blanks = GroupTree::grown(suite, 8, rng)?;
    blanks.commit(LeafIndex(0), &[LeafIndex(2), LeafIndex(3)], 1, rng)?;
    group_trees.push(blanks);
    let mut skipping = GroupTree::grown(suite, 8, rng)?;
    skipping.commit(LeafIndex(0), &[LeafIndex(1), LeafIndex(2), LeafIndex(3)], 0, rng)?;
    group_trees.push(skipping);
    let mut right = GroupTree::grown(suite, 6, rng)?;
    right.commit(LeafIndex(5), &[0, 1, 2, 3].map(LeafIndex), 0, rng)?;
    group_trees.push(right);
    let mut unmerged = GroupTree::grown(suite, 7, rng)?;
    unmerged.add(rng)?;
    unmerged.commit(LeafIndex(0), &[], 2, rng)?;
    group_trees.push(unmerged);

    group_trees
        .into_iter()
        .map(|group_tree| {
            let nodes = || (0..group_tree.tree.size().node_count()).map(NodeIndex);
            let resolution = |node| {
                let nodes = group_tree.tree.resolution(node)?.into_iter();
                Ok(nodes.map(|node| node.0).collect())
            };
            let hash = |node| Ok(Hex(group_tree.tree.node_hash(node)?.unwrap_or_default().into_vec()));
            Ok(Case {
                cipher_suite: suite.cipher_suite().0,
                tree: Hex(group_tree.tree.export()?),
                group_id: Hex(group_tree.group_id.to_vec()),
                resolutions: nodes().map(resolution).collect::<Result<_, pando_tree::TreeError>>()?,
                tree_hashes: nodes().map(hash).collect::<Result<_, pando_tree::TreeError>>()?,
            })
        })
        .collect()
}
