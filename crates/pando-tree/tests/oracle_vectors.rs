//! Tests of the oracle itself, with the official test vectors and with the figures and examples of
//! RFC 9420.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic fails the test"
)]

mod oracle;

use oracle::Oracle;
use pando_crypto::{CryptoProvider, RustCrypto, Suite};
use pando_wire::{
    Capabilities, CipherSuite, Credential, Decode, Encode, Extensions, GroupId, HpkePublicKey, LeafIndex,
    LeafNode, LeafNodeSource, Lifetime, Node, NodeIndex, Opaque, Proposal, RatchetTree, Signature,
    SignaturePublicKey, TreeSize, UpdatePath,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::{env, fs};

// Tests with test vectors.

/// Returns the test cases of a kind. Prefers the official cases, if they are available, to the
/// committed ones, of which there may be none.
fn cases(kind: &str) -> Vec<Value> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let official = match env::var_os("PANDO_TEST_VECTORS").map(PathBuf::from) {
        Some(folder) => {
            assert!(folder.is_dir(), "PANDO_TEST_VECTORS is {}, which is not a folder", folder.display());
            folder
        }
        None => manifest.join("../../../shared/test-vectors/official"),
    };
    let path = if official.is_dir() {
        official.join(format!("{kind}.json"))
    } else {
        let committed = manifest.join("../../test-vectors").join(format!("{kind}.json"));
        if !committed.is_file() {
            println!("There are no vectors of the kind {kind} here, neither official nor committed ones.");
            return Vec::new();
        }
        println!("There are no official vectors here; the committed ones of the kind {kind} are used.");
        committed
    };
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty(), "{} has no cases", path.display());
    cases
}

fn suite_of(case: &Value) -> Suite {
    let number = u16::try_from(case["cipher_suite"].as_u64().unwrap()).unwrap();
    RustCrypto.suite(CipherSuite(number)).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn leaf_index(value: &Value) -> LeafIndex {
    LeafIndex(u32::try_from(value.as_u64().unwrap()).unwrap())
}

/// Decodes a tree that is known to be well-formed, and checks that encoding it yields the same
/// bytes.
fn tree_of(value: &Value) -> Oracle {
    let encoded = bytes(value);
    let tree = Oracle::from_wire(&RatchetTree::decode(&encoded).unwrap()).unwrap();
    assert_eq!(tree.to_wire().encode().unwrap(), encoded);
    tree
}

fn node_indices(tree: &Oracle) -> impl Iterator<Item = NodeIndex> + use<> {
    (0..tree.size().node_count()).map(NodeIndex)
}

#[test]
fn tree_operations() {
    for case in cases("tree-operations") {
        let suite = suite_of(&case);
        let mut tree = tree_of(&case["tree_before"]);
        assert_eq!(tree.root_hash(suite), bytes(&case["tree_hash_before"]));
        match Proposal::decode(&bytes(&case["proposal"])).unwrap() {
            Proposal::Add(add) => {
                tree.add(add.key_package.leaf_node);
            }
            Proposal::Update(update) => tree.update(leaf_index(&case["proposal_sender"]), update.leaf_node),
            Proposal::Remove(remove) => {
                tree.remove(remove.removed);
                tree.truncate();
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(tree.to_wire().encode().unwrap(), bytes(&case["tree_after"]));
        assert_eq!(tree, tree_of(&case["tree_after"]));
        assert_eq!(tree.root_hash(suite), bytes(&case["tree_hash_after"]));
    }
}

#[test]
fn tree_validation() {
    for case in cases("tree-validation") {
        let suite = suite_of(&case);
        let tree = tree_of(&case["tree"]);

        let resolutions = node_indices(&tree).map(|node| tree.resolution(node));
        let resolutions: Vec<Vec<u32>> =
            resolutions.map(|nodes| nodes.iter().map(|n| n.0).collect()).collect();
        assert_eq!(serde_json::json!(resolutions), case["resolutions"]);

        let hashes: Vec<String> =
            node_indices(&tree).map(|node| hex::encode(tree.tree_hash(suite, node))).collect();
        assert_eq!(serde_json::json!(hashes), case["tree_hashes"]);
        assert_eq!(hex::encode(tree.root_hash(suite)), hashes[tree.root().0 as usize]);

        assert_eq!(tree.parent_hash_valid(suite), Ok(()));
        assert_eq!(tree.unmerged_valid(), Ok(()));
    }
}

#[test]
fn tree_validation_leaf_signatures() {
    for case in cases("tree-validation") {
        let suite = suite_of(&case);
        let tree = tree_of(&case["tree"]);
        let group_id = GroupId::from(bytes(&case["group_id"]));
        for index in tree.members() {
            let leaf = tree.leaf(index).unwrap();
            let content = leaf.to_be_signed((&group_id, index)).unwrap();
            suite.verify_with_label(&leaf.signature_key, "LeafNodeTBS", &content, &leaf.signature).unwrap();
        }
    }
}

/// Covers only the public tree: the parent hash in the sender's leaf, and the tree hash after the
/// path has been applied.
#[test]
fn treekem_update_paths() {
    for case in cases("treekem") {
        let suite = suite_of(&case);
        let before = tree_of(&case["ratchet_tree"]);
        assert_eq!(before.parent_hash_valid(suite), Ok(()));
        for path in case["update_paths"].as_array().unwrap() {
            let sender = leaf_index(&path["sender"]);
            let update_path = UpdatePath::decode(&bytes(&path["update_path"])).unwrap();
            let keys: Vec<_> = update_path.nodes.iter().map(|node| node.encryption_key.clone()).collect();

            let copath = before.filtered_direct_path(sender).into_iter().map(|(_, child)| child);
            let resolutions: Vec<usize> = copath.map(|child| before.resolution(child).len()).collect();
            let ciphertexts = update_path.nodes.iter().map(|node| node.encrypted_path_secret.len());
            assert_eq!(resolutions, ciphertexts.collect::<Vec<_>>());

            let mut after = before.clone();
            let parent_hash = Opaque::from(after.set_path(suite, sender, &keys));
            assert_eq!(update_path.leaf_node.leaf_node_source, LeafNodeSource::Commit { parent_hash });
            after.set_leaf(sender, update_path.leaf_node);
            assert_eq!(after.root_hash(suite), bytes(&path["tree_hash_after"]));
            assert_eq!(after.parent_hash_valid(suite), Ok(()));
            assert_eq!(after.unmerged_valid(), Ok(()));
        }
    }
}

// Tests with the RFC's figures and examples.

fn suite() -> Suite {
    RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap()
}

/// A group without secrets and signatures. The group's keys are numbers, each of which is used only
/// once.
struct Group {
    tree: Oracle,
    keys: u32,
}

impl Group {
    fn new() -> Self {
        Self { tree: Oracle::new(leaf_node(0, by_key_package())), keys: 1 }
    }

    fn fresh(&mut self) -> u32 {
        self.keys += 1;
        self.keys
    }

    /// Removes members, adds new ones and, if `full` is set, sets the sender's path. The tree must
    /// be valid afterwards.
    fn commit(&mut self, sender: u32, removed: &[u32], added: usize, full: bool) {
        for &leaf in removed {
            self.tree.remove(LeafIndex(leaf));
            self.tree.truncate();
        }
        for _ in 0..added {
            let leaf = leaf_node(self.fresh(), by_key_package());
            self.tree.add(leaf);
        }
        if full {
            let sender = LeafIndex(sender);
            let path = self.tree.filtered_direct_path(sender);
            let keys: Vec<_> = path.iter().map(|_| key(self.fresh())).collect();
            let parent_hash = self.tree.set_path(suite(), sender, &keys).into();
            let leaf = leaf_node(self.fresh(), LeafNodeSource::Commit { parent_hash });
            self.tree.set_leaf(sender, leaf);
        }
        assert_eq!(self.tree.parent_hash_valid(suite()), Ok(()));
        assert_eq!(self.tree.unmerged_valid(), Ok(()));
        assert_eq!(Oracle::from_wire(&self.tree.to_wire()).as_ref(), Some(&self.tree));
    }

    /// Returns the non-blank parents, each with its list of unmerged leaves.
    fn parents(&self) -> Vec<(u32, Vec<u32>)> {
        parents(&self.tree)
            .map(|(node, leaves)| (node.0, leaves.iter().map(|leaf| leaf.0).collect()))
            .collect()
    }
}

fn parents(tree: &Oracle) -> impl Iterator<Item = (NodeIndex, Vec<LeafIndex>)> {
    node_indices(tree).filter_map(|node| Some((node, tree.parent(node)?.unmerged_leaves.clone())))
}

fn key(number: u32) -> HpkePublicKey {
    number.to_be_bytes().as_slice().into()
}

fn by_key_package() -> LeafNodeSource {
    LeafNodeSource::KeyPackage { lifetime: Lifetime { not_before: 0, not_after: u64::MAX } }
}

fn leaf_node(number: u32, leaf_node_source: LeafNodeSource) -> LeafNode {
    LeafNode {
        encryption_key: key(number),
        signature_key: SignaturePublicKey::default(),
        credential: Credential::Basic { identity: number.to_be_bytes().as_slice().into() },
        capabilities: Capabilities::default(),
        leaf_node_source,
        extensions: Extensions(Vec::new()),
        signature: Signature::default(),
    }
}

fn numbers(nodes: &[NodeIndex]) -> Vec<u32> {
    nodes.iter().map(|node| node.0).collect()
}

/// Checks the figure "A Tree with Blanks and Unmerged Leaves" of section 4.1.1. The tree is
/// constructed as in appendix A.
#[test]
fn resolutions_of_blanks_and_unmerged_leaves() {
    let (x, y, top) = (3, 9, 7);
    let mut group = Group::new();
    group.commit(0, &[], 11, true);
    group.commit(5, &[], 0, true);
    group.commit(3, &[1, 2], 0, true);
    group.commit(9, &[6], 0, true);
    group.commit(0, &[], 1, false);
    // Above the four rightmost members, only leaf 9 has set any nodes. The root is node 15.
    assert_eq!(group.parents(), [(x, vec![1]), (y, vec![]), (15, vec![1]), (17, vec![]), (19, vec![])]);

    let resolution = |node| numbers(&group.tree.resolution(NodeIndex(node)));
    let (b, h) = (2, 14);
    assert_eq!(resolution(x), [x, b]);
    assert_eq!(resolution(4), [0; 0], "leaf 2");
    assert_eq!(resolution(12), [0; 0], "leaf 6");
    assert_eq!(resolution(top), [x, b, y, h]);
}

/// Checks the figure "A Complete Tree with Five Members" of section 4.1.2. The tree is constructed
/// as in appendix A.
#[test]
fn filtered_direct_paths() {
    let (t, u, v, w, x, y, z) = (1, 3, 5, 7, 9, 11, 13);
    let mut group = Group::new();
    group.commit(0, &[], 6, true);
    group.commit(5, &[], 0, true);
    group.commit(6, &[2, 3], 0, true);
    group.commit(1, &[], 0, true);
    assert_eq!(numbers(&parents(&group.tree).map(|(node, _)| node).collect::<Vec<_>>()), [t, w, x, y]);
    assert_eq!(group.tree.members(), [0, 1, 4, 5, 6].map(LeafIndex));

    let (a, b, e, f) = (0, 2, 8, 10);
    for (leaf, expected) in [
        (0, vec![(t, b), (w, y)]),
        (1, vec![(t, a), (w, y)]),
        (4, vec![(x, f), (y, z), (w, u)]),
        (5, vec![(x, e), (y, z), (w, u)]),
        (6, vec![(y, x), (w, u)]),
    ] {
        let path = group.tree.filtered_direct_path(LeafIndex(leaf));
        let path: Vec<_> = path.into_iter().map(|(node, copath_child)| (node.0, copath_child.0)).collect();
        assert_eq!(path, expected, "leaf {leaf}");
    }
    assert_eq!(group.tree.resolution(NodeIndex(v)), []);
    assert_eq!(numbers(&group.tree.resolution(NodeIndex(z))), [12]);
}

/// Checks the figure "A Full Tree with One Unmerged Leaf" of section 7.4.
#[test]
fn a_path_merges_the_leaves_of_the_nodes_that_it_sets() {
    let (x, y, z) = (1, 3, 5);
    let mut group = Group::new();
    group.commit(0, &[], 3, true);
    group.commit(1, &[], 0, true);
    group.commit(3, &[2], 0, true);
    // In appendix A, D sets Z here. However, the filtered direct path of D excludes Z, because
    // there is no other member below Z.
    assert_eq!(group.parents(), [(x, vec![]), (y, vec![])]);

    // A parent directly above two leaves never has unmerged leaves, so the tree of the figure is
    // constructed by hand.
    let mut group = Group::new();
    group.commit(0, &[], 3, true);
    group.commit(3, &[], 0, true);
    let mut tree = group.tree;
    tree.nodes[4] = None;
    tree.add(leaf_node(1000, by_key_package()));
    let unmerged = |tree: &Oracle| parents(tree).map(|(node, leaves)| (node.0, leaves)).collect::<Vec<_>>();
    let c = LeafIndex(2);
    assert_eq!(unmerged(&tree), [(x, vec![]), (y, vec![c]), (z, vec![c])]);
    assert_eq!(numbers(&tree.resolution(NodeIndex(z))), [z, 4]);

    let before = tree.clone();
    tree.set_path(suite(), LeafIndex(1), &[key(1001), key(1002)]);
    assert_eq!(unmerged(&tree), [(x, vec![]), (y, vec![]), (z, vec![c])]);
    assert_eq!(tree.parent(NodeIndex(x)).unwrap().encryption_key, key(1001));
    assert_eq!(tree.parent(NodeIndex(y)).unwrap().encryption_key, key(1002));
    assert_eq!(tree.parent(NodeIndex(z)), before.parent(NodeIndex(z)));
    assert_eq!(tree.members(), before.members());
}

/// Checks the figure "A Tree Illustrating Parent Hash Computations" of section 7.9. The tree is
/// constructed as in appendix A.
#[test]
fn original_sibling_tree_hash() {
    let (u, w, y) = (NodeIndex(3), NodeIndex(7), NodeIndex(11));
    let mut group = Group::new();
    group.commit(0, &[], 6, true);
    group.commit(0, &[5], 0, true);
    group.commit(4, &[], 0, true);
    let before = group.tree.clone();
    group.commit(0, &[], 1, false);
    assert_eq!(group.parents(), [(1, vec![]), (3, vec![]), (7, vec![5]), (11, vec![5])]);

    // The right half, after F is blanked and removed from the unmerged leaves of Y, equals the
    // earlier right half.
    let tree = &group.tree;
    assert_ne!(tree.tree_hash(suite(), y), before.tree_hash(suite(), y));
    let root = tree.parent(w).unwrap();
    let input = [
        root.encryption_key.encode().unwrap(),
        root.parent_hash.with_length().unwrap(),
        Opaque::from(before.tree_hash(suite(), y)).with_length().unwrap(),
    ];
    assert_eq!(tree.parent_hash(suite(), w, y), suite().hash(&[&input.concat()]).to_vec());
    assert_eq!(tree.parent_hash(suite(), w, u), before.parent_hash(suite(), w, u));
    assert_eq!(tree.parent(y).unwrap().parent_hash.as_slice(), tree.parent_hash(suite(), w, u));
}

/// Checks the example of appendix B.
#[test]
fn evolution_of_parent_hashes() {
    fn at(tree: &Oracle, node: NodeIndex) -> Vec<u8> {
        match tree.nodes[node.0 as usize].as_ref().unwrap() {
            Node::Parent(parent_node) => parent_node.parent_hash.to_vec(),
            Node::Leaf(leaf_node) => match &leaf_node.leaf_node_source {
                LeafNodeSource::Commit { parent_hash } => parent_hash.to_vec(),
                _ => panic!("{node} has no parent hash"),
            },
        }
    }
    let ph = |tree: &Oracle, parent, copath_child| tree.parent_hash(suite(), parent, copath_child);
    let [a, x, b, y, c, z, d] = [0, 1, 2, 3, 4, 5, 6].map(NodeIndex);

    let mut group = Group::new();
    group.commit(0, &[], 1, true);
    assert_eq!(group.parents(), [(x.0, vec![])]);
    assert_eq!(at(&group.tree, x), [0_u8; 0]);
    assert_eq!(at(&group.tree, a), ph(&group.tree, x, b));

    group.commit(1, &[], 2, true);
    assert_eq!(group.parents(), [(x.0, vec![]), (y.0, vec![])]);
    assert_eq!(at(&group.tree, y), [0_u8; 0]);
    assert_eq!(at(&group.tree, x), ph(&group.tree, y, z));
    assert_eq!(at(&group.tree, b), ph(&group.tree, x, a));

    group.commit(2, &[], 0, true);
    let tree = &group.tree;
    assert_eq!(group.parents(), [(x.0, vec![]), (y.0, vec![]), (z.0, vec![])]);
    assert_ne!(at(tree, a), ph(tree, x, b), "No, B changed");
    assert_eq!(at(tree, b), ph(tree, x, a));
    assert_eq!(at(tree, c), ph(tree, z, d));
    assert_eq!(tree.leaf(LeafIndex(3)).unwrap().leaf_node_source, by_key_package());
    assert_ne!(at(tree, x), ph(tree, y, z), "No, Y and Z changed");
    assert_eq!(at(tree, z), ph(tree, y, x));
}

/// Checks both figures of section 7.7.
#[test]
fn extending_and_truncating() {
    let mut group = Group::new();
    group.commit(0, &[], 1, true);
    let two = group.tree.clone();
    assert_eq!((two.size(), two.root()), (TreeSize::with_leaves(2).unwrap(), NodeIndex(1)));

    group.commit(0, &[], 1, false);
    assert_eq!(group.tree.nodes.len(), 7);
    assert_eq!(group.tree.nodes[..3], two.nodes);
    assert_eq!(group.parents(), [(1, vec![])], "a new blank root");
    assert_eq!(group.tree.members(), [0, 1, 2].map(LeafIndex));

    // The root is discarded whether or not it is blank.
    for full in [false, true] {
        let mut group = Group { tree: group.tree.clone(), keys: group.keys };
        if full {
            group.commit(2, &[], 0, true);
            assert!(group.tree.parent(NodeIndex(3)).is_some());
        }
        group.tree.nodes[4] = None;
        group.tree.truncate();
        assert_eq!(group.tree, two);
    }
    let mut removed = group.tree.clone();
    removed.remove(LeafIndex(2));
    assert_eq!(removed.nodes.len(), 7, "not yet truncated");
    removed.remove(LeafIndex(1));
    removed.truncate();
    assert_eq!(removed.nodes, two.nodes[..1]);

    // Truncation reduces a tree of eight leaves to one leaf in a single step.
    let mut group = Group::new();
    group.commit(0, &[], 7, true);
    (1..8).for_each(|leaf| group.tree.remove(LeafIndex(leaf)));
    group.tree.truncate();
    assert_eq!(group.tree.size(), TreeSize::ONE);
}

/// Checks the figure of section 12.4.3.3.
#[test]
fn the_tree_on_the_wire() {
    let mut group = Group::new();
    group.commit(0, &[], 5, true);
    group.commit(4, &[], 0, true);
    group.commit(0, &[], 0, true);
    let wire = group.tree.to_wire();
    let blanks: Vec<_> = (0..wire.0.len()).filter(|&index| wire.0[index].is_none()).collect();
    assert_eq!((wire.0.len(), blanks), (11, vec![5]));
    assert_eq!(group.tree.nodes.len(), 15);

    let nodes = |pick: &[Option<usize>]| {
        RatchetTree(pick.iter().map(|from| from.and_then(|index| wire.0[index].clone())).collect())
    };
    let size = |pick: &[Option<usize>]| Oracle::from_wire(&nodes(pick)).map(|tree| tree.nodes.len());
    assert_eq!(size(&[]), None, "empty");
    assert_eq!(size(&[None]), None, "nothing but a blank");
    assert_eq!(size(&[Some(0), None]), None, "a blank at the end");
    assert_eq!(size(&[Some(1)]), None, "a parent where a leaf belongs");
    assert_eq!(size(&[Some(0), Some(2)]), None, "a leaf where a parent belongs");
    assert_eq!(size(&[Some(0)]), Some(1));
    assert_eq!(size(&[Some(0), Some(1)]), Some(3), "a parent at the end");
    assert_eq!(size(&[Some(0), None, Some(2)]), Some(3));
    assert_eq!(size(&[None, None, None, None, Some(0)]), Some(7));
}

/// Shows that the uppermost node of a filtered direct path is not always the root.
#[test]
fn nothing_above_a_path_that_ends_below_the_root() {
    let mut group = Group::new();
    group.commit(0, &[], 3, true);
    group.commit(2, &[0, 1], 0, true);
    assert_eq!(group.tree.nodes.len(), 7, "only the right half can be cut off");
    assert_eq!(group.parents(), [(5, vec![])]);
    assert!(group.tree.parent(NodeIndex(5)).unwrap().parent_hash.is_empty());

    // The path of a single member is empty.
    group.commit(3, &[2], 0, true);
    assert_eq!(group.parents(), []);
    assert_eq!(group.tree.members(), [LeafIndex(3)]);
    let parent_hash = Opaque::from(Vec::new());
    let source = &group.tree.leaf(LeafIndex(3)).unwrap().leaf_node_source;
    assert_eq!(source, &LeafNodeSource::Commit { parent_hash });
}

#[test]
fn an_update_blanks_and_an_add_does_not() {
    let mut group = Group::new();
    group.commit(0, &[], 7, true);
    group.commit(7, &[], 0, true);
    assert_eq!(numbers(&parents(&group.tree).map(|(node, _)| node).collect::<Vec<_>>()), [1, 3, 7, 11, 13]);
    group.tree.update(LeafIndex(6), leaf_node(1000, LeafNodeSource::Update));
    assert_eq!(group.parents(), [(1, vec![]), (3, vec![])]);
    assert_eq!(group.tree.leaf(LeafIndex(6)), Some(&leaf_node(1000, LeafNodeSource::Update)));
    assert_eq!(group.tree.parent_hash_valid(suite()), Ok(()));
    group.tree.remove(LeafIndex(0));
    assert_eq!(group.parents(), []);
}

/// Unmerged leaves must be in increasing order (section 7.1). Adds alone fill a tree from the left,
/// but a joiner may receive a valid tree that was filled in another order.
#[test]
fn an_add_keeps_unmerged_leaves_in_order() {
    let mut group = Group::new();
    group.commit(0, &[], 2, true);
    group.commit(0, &[1], 0, true);
    assert_eq!(group.parents(), [(3, vec![])]);
    group.tree.set_leaf(LeafIndex(3), leaf_node(1000, by_key_package()));
    parent_mut(&mut group.tree, NodeIndex(3)).unmerged_leaves.push(LeafIndex(3));
    group.commit(0, &[], 0, false);
    group.commit(0, &[], 1, false);
    assert_eq!(group.parents(), [(3, vec![1, 3])]);
}

// Tests that invalid trees are detected.

/// Returns groups with various trees. Each of their Commits has checked that the tree is valid.
fn random_groups() -> Vec<Group> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut groups = Vec::new();
    for _ in 0..20 {
        let mut group = Group::new();
        for _ in 0..12 {
            let members = group.tree.members();
            let mut pick = || members[rng.next_u32() as usize % members.len()].0;
            let (sender, removed) = (pick(), pick());
            match rng.next_u32() % 8 {
                0..3 => group.commit(sender, &[], 1 + rng.next_u32() as usize % 3, false),
                3 => group.commit(sender, &[], 1, true),
                4..6 if removed != sender => group.commit(sender, &[removed], 0, true),
                _ => group.commit(sender, &[], 0, true),
            }
        }
        groups.push(group);
    }
    groups
}

fn parent_mut(tree: &mut Oracle, node: NodeIndex) -> &mut pando_wire::ParentNode {
    match &mut tree.nodes[node.0 as usize] {
        Some(Node::Parent(parent_node)) => parent_node,
        _ => panic!("{node} is not a parent"),
    }
}

#[test]
fn changed_parents_are_noticed() {
    let (mut changed, mut unmerged) = (0, 0);
    for group in random_groups() {
        for (node, leaves) in parents(&group.tree) {
            let mut tree = group.tree.clone();
            parent_mut(&mut tree, node).parent_hash = vec![1; 32].into();
            assert!(tree.parent_hash_valid(suite()).is_err());

            let mut tree = group.tree.clone();
            parent_mut(&mut tree, node).encryption_key = key(0);
            assert!(tree.parent_hash_valid(suite()).is_err());

            // Drop an unmerged leaf from a list.
            if !leaves.is_empty() {
                let mut tree = group.tree.clone();
                parent_mut(&mut tree, node).unmerged_leaves.pop();
                assert!(tree.parent_hash_valid(suite()).is_err() || tree.unmerged_valid().is_err());
                unmerged += 1;
            }
            changed += 1;
        }
    }
    assert!(changed > 50 && unmerged > 10, "{changed} parents, {unmerged} of them with unmerged leaves");
}

#[test]
fn changed_leaves_are_noticed() {
    let mut group = Group::new();
    group.commit(0, &[], 1, true);
    group.commit(1, &[], 2, true);
    group.commit(2, &[], 0, true);
    // As in appendix B, the chains begin at B and C, and A's parent hash is outdated.
    for (leaf, expected) in [(0, Err(NodeIndex(1))), (1, Err(NodeIndex(1))), (2, Err(NodeIndex(5)))] {
        let mut tree = group.tree.clone();
        let mut changed = tree.leaf(LeafIndex(leaf)).unwrap().clone();
        changed.leaf_node_source = LeafNodeSource::Commit { parent_hash: vec![1; 32].into() };
        tree.set_leaf(LeafIndex(leaf), changed);
        assert_eq!(tree.parent_hash_valid(suite()), expected, "leaf {leaf}");

        // A leaf without a parent hash cannot be the end of a chain.
        let mut tree = group.tree.clone();
        tree.set_leaf(LeafIndex(leaf), leaf_node(1000, LeafNodeSource::Update));
        assert_eq!(tree.parent_hash_valid(suite()), expected, "leaf {leaf}");
    }
}

#[test]
fn wrong_unmerged_leaves_are_noticed() {
    // The tree of the figure in section 7.9. The tree has seven members, and leaf 5 is unmerged at
    // node 11 and at the root, node 7.
    let mut group = Group::new();
    group.commit(0, &[], 6, true);
    group.commit(0, &[5], 0, true);
    group.commit(4, &[], 0, true);
    group.commit(0, &[], 1, false);
    let (w, y) = (NodeIndex(7), NodeIndex(11));

    for (at_w, at_y, expected) in [
        (vec![5], vec![5], Ok(())),
        (vec![4, 5], vec![4, 5], Ok(())),
        (vec![], vec![5], Ok(())),
        // The leaves are not in increasing order.
        (vec![5, 4], vec![4, 5], Err(w)),
        (vec![4, 5], vec![5, 4], Err(y)),
        (vec![5, 5], vec![5], Err(w)),
        // A leaf is blank, not below the node, or outside the tree.
        (vec![5, 7], vec![5, 7], Err(w)),
        (vec![5], vec![0, 5], Err(y)),
        (vec![5, 8], vec![5, 8], Err(w)),
        (vec![5], vec![5, u32::MAX], Err(y)),
        // The list of a node in between lacks the leaf.
        (vec![5], vec![], Err(w)),
        (vec![4, 5], vec![4], Err(w)),
    ] {
        let mut tree = group.tree.clone();
        parent_mut(&mut tree, w).unmerged_leaves = at_w.iter().copied().map(LeafIndex).collect();
        parent_mut(&mut tree, y).unmerged_leaves = at_y.iter().copied().map(LeafIndex).collect();
        assert_eq!(tree.unmerged_valid(), expected, "{at_w:?} at the root, {at_y:?} below");
        // No change passes both checks. Parent hashes alone do not detect repeated entries and
        // entries for blank leaves.
        let both = tree.unmerged_valid().is_ok() && tree.parent_hash_valid(suite()).is_ok();
        assert_eq!(both, tree == group.tree, "{at_w:?} at the root, {at_y:?} below");
    }
}
