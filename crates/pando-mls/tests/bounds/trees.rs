//! Tests with trees that are built to be as expensive as possible.

use crate::counting::{Work, alone, suite, work};
use crate::grows_with_the_input;
use pando_mls::{Capabilities, Credential, Encode, Extensions, LeafIndex, Tree};
use pando_wire::{
    HpkePublicKey, LeafNode, LeafNodeSource, Lifetime, Node, NodeIndex, ParentNode, RatchetTree,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Returns a key that belongs to no client. The key is a small number, which is a valid key on the
/// curve or on its twist.
fn key(number: u32) -> HpkePublicKey {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&(number + 2).to_le_bytes());
    bytes[8] = 1;
    bytes.as_slice().into()
}

fn leaf_node(at: u32, parent_hash: Option<Vec<u8>>) -> LeafNode {
    LeafNode {
        encryption_key: key(at),
        signature_key: at.to_be_bytes().as_slice().into(),
        credential: Credential::Basic { identity: vec![].into() },
        capabilities: Capabilities::default(),
        leaf_node_source: parent_hash.map_or(
            LeafNodeSource::KeyPackage { lifetime: Lifetime { not_before: 0, not_after: 1 } },
            |parent_hash| LeafNodeSource::Commit { parent_hash: parent_hash.into() },
        ),
        extensions: Extensions::default(),
        signature: vec![].into(),
    }
}

/// A tree in which all parents are present. Every second leaf below a parent is in its list of
/// unmerged leaves. A chain of parent hashes leads down to the left from each parent. For each
/// parent, the hash of its right side without the unmerged leaves must be computed.
struct Full {
    nodes: Vec<Option<Node>>,
}

impl Full {
    fn new(leaves: u32) -> Self {
        let mut full = Self { nodes: vec![None; 2 * leaves as usize - 1] };
        full.build(NodeIndex(leaves - 1), vec![]);
        full
    }

    fn unmerged(at: NodeIndex) -> impl Iterator<Item = LeafIndex> {
        let reach = (1_u32 << at.level()) - 1;
        ((at.0 - reach) / 2..=(at.0 + reach) / 2).filter(|leaf| leaf % 2 == 1).map(LeafIndex)
    }

    fn build(&mut self, at: NodeIndex, parent_hash: Vec<u8>) {
        let (Some(left), Some(right)) = (at.left(), at.right()) else {
            let merged = at.0.is_multiple_of(4);
            self.nodes[at.0 as usize] =
                Some(Node::Leaf(leaf_node(at.0, merged.then_some(parent_hash)).into()));
            return;
        };
        self.build(right, vec![]);
        let sibling = self.original_hash(right);
        let mut input = Vec::new();
        for part in [&*key(at.0), &parent_hash, &sibling] {
            input.push(part.len() as u8);
            input.extend(part);
        }
        self.build(left, suite().hash(&[&input]).to_vec());
        let node = ParentNode {
            encryption_key: key(at.0),
            parent_hash: parent_hash.into(),
            unmerged_leaves: Self::unmerged(at).collect(),
        };
        self.nodes[at.0 as usize] = Some(Node::Parent(node.into()));
    }

    /// Returns the tree hash of a node without the unmerged leaves, which are every second leaf.
    fn original_hash(&self, at: NodeIndex) -> Vec<u8> {
        let Some(node) = &self.nodes[at.0 as usize] else { panic!("all nodes are present") };
        let mut input = vec![if at.is_leaf() { 1 } else { 2 }];
        match node {
            Node::Leaf(leaf) => {
                input.extend((at.0 / 2).to_be_bytes());
                if at.0.is_multiple_of(4) {
                    input.push(1);
                    input.extend(leaf.encode().unwrap());
                } else {
                    input.push(0);
                }
            }
            Node::Parent(parent) => {
                input.push(1);
                let without = ParentNode { unmerged_leaves: vec![], ..(**parent).clone() };
                input.extend(without.encode().unwrap());
                for child in [at.left().unwrap(), at.right().unwrap()] {
                    let hash = self.original_hash(child);
                    input.push(hash.len() as u8);
                    input.extend(hash);
                }
            }
        }
        suite().hash(&[&input]).to_vec()
    }
}

fn imported(nodes: Vec<Option<Node>>) -> (usize, Work) {
    let bytes = RatchetTree(nodes).encode().unwrap();
    let (work, ()) = work(|| {
        let tree = Tree::import_unsigned(suite(), &bytes).unwrap();
        tree.tree_hash().unwrap();
        tree.check_parent_hashes().unwrap();
    });
    (bytes.len(), work)
}

/// Shows that the cost of the longest lists of unmerged leaves stays within the bound. The original
/// hash of a sibling differs for each parent, and all lists are full at every level.
#[test]
fn long_lists_of_unmerged_leaves_at_every_level() {
    let _alone = alone();
    let costs: Vec<_> = [7, 9, 11].map(|depth| imported(Full::new(1 << depth).nodes)).into();
    grows_with_the_input("unmerged leaves", &costs);
}

/// Shows that the cost of blank nodes stays within the bound. The tree has a leaf at each end, and
/// all other nodes are blank.
#[test]
fn deep_trees_of_blank_nodes() {
    let _alone = alone();
    let costs: Vec<_> = [9, 12, 15]
        .map(|depth| {
            let mut nodes = vec![None; (2 << depth) - 1];
            for at in [0, nodes.len() - 1] {
                nodes[at] = Some(Node::Leaf(leaf_node(at as u32, None).into()));
            }
            imported(nodes)
        })
        .into();
    grows_with_the_input("blank nodes", &costs);
}

/// Shows that the cost of a long resolution stays within the bound. No leaf has a non-blank parent,
/// so the resolution of the root consists of all leaves.
#[test]
fn wide_resolutions() {
    let _alone = alone();
    let costs: Vec<_> = [7, 9, 11]
        .map(|depth| {
            let node = |at: u32| at.is_multiple_of(2).then(|| Node::Leaf(leaf_node(at, None).into()));
            imported((0..(2 << depth) - 1).map(node).collect())
        })
        .into();
    grows_with_the_input("leaves without parents", &costs);
}

/// Shows that the cost of random trees stays within the bound. Few of these trees are valid, and
/// invalid trees are rejected before they cause more work.
#[test]
fn trees_at_random() {
    let _alone = alone();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    for round in 0..200 {
        let depth = 3 + round % 7;
        let leaves = 1_u32 << depth;
        let mut nodes = Full::new(leaves).nodes;
        for _ in 0..=rng.next_u32() % leaves {
            let at = (rng.next_u32() % (2 * leaves - 2)) as usize;
            nodes[at] = None;
            if let Some(Node::Parent(parent)) = &mut nodes[(at | 1).min(2 * leaves as usize - 3)] {
                parent.unmerged_leaves.clear();
            }
        }
        let bytes = RatchetTree(nodes).encode().unwrap();
        let (work, _) = work(|| {
            let tree = Tree::import_unsigned(suite(), &bytes)?;
            tree.tree_hash()?;
            tree.check_parent_hashes()
        });
        let size = bytes.len() as f64 * (bytes.len() as f64).log2();
        // Both bounds are above the results of the other tests, but quadratic work would exceed
        // them by far.
        assert!(work.hashed as f64 <= 2.0 * size && work.allocated as f64 <= 8.0 * size, "{work:?} {size}");
    }
}

/// Members are added together below parents that have keys, as in a Commit with many Adds. The
/// lists of unmerged leaves grow with the number of members, but are not rewritten for each of
/// them.
#[test]
fn many_adds_below_parents_with_keys() {
    let _alone = alone();
    let mut costs = Vec::new();
    for depth in [8, 10, 12] {
        let leaves = 1_u32 << depth;
        let mut nodes = Full::new(leaves).nodes;
        // Remove every second leaf, and clear the lists of unmerged leaves.
        for node in &mut nodes {
            if let Some(Node::Parent(parent)) = node {
                parent.unmerged_leaves.clear();
            }
        }
        for leaf in (1..leaves - 1).step_by(2) {
            nodes[2 * leaf as usize] = None;
        }
        let bytes = RatchetTree(nodes).encode().unwrap();
        let mut tree = Tree::import_unsigned(suite(), &bytes).unwrap();
        let mut one_by_one = Tree::import_unsigned(suite(), &bytes).unwrap();
        let added: Vec<_> = (0..leaves / 2 - 1).map(|number| leaf_node(10 * leaves + number, None)).collect();
        let sent = added.iter().map(|leaf_node| leaf_node.encode().unwrap().len()).sum();
        let (work, together) = work(|| tree.add_all(&added).unwrap());
        costs.push((sent, work));
        let leaves: Vec<_> = added.iter().map(|leaf_node| one_by_one.add(leaf_node).unwrap()).collect();
        assert_eq!(together, leaves);
        assert_eq!(tree.export().unwrap(), one_by_one.export().unwrap());
        assert_eq!(tree.tree_hash().unwrap(), one_by_one.tree_hash().unwrap());
    }
    grows_with_the_input("members added together", &costs);
}
