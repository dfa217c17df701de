//! A tree for tampering tests, and facts about the tree that are known without parent hashes.

use crate::fixtures::GroupFixture;
use pando_tree::{Tree, TreeError};
use pando_wire::{
    CipherSuite, Encode, HpkePublicKey, LeafIndex, LeafNode, Node, NodeIndex, Opaque, ParentNode, RatchetTree,
};
use std::collections::{BTreeMap, BTreeSet};

/// The expected result of an import.
pub(crate) enum Expected {
    Error(TreeError),
    /// An import must fail with one of these errors.
    OneOf(Vec<TreeError>),
    /// The import must succeed, because only the tree hash shows that this is not the original
    /// tree.
    Accepted,
}

/// The encoded tree of a group, for tampering tests.
pub(crate) struct EncodedTree {
    pub(crate) fixture: GroupFixture,
    pub(crate) wire: RatchetTree,
    pub(crate) hash: Opaque,
    /// The number of imports for each kind of change and each violated rule.
    pub(crate) counts: BTreeMap<(&'static str, &'static str), u32>,
}

/// Returns a tree of at least 32 leaves. The tree contains blank leaves, blank parents, and leaves
/// that are unmerged at one, some or all levels above them.
pub(crate) fn encoded_tree(cipher_suite: CipherSuite, seed: u64, members: usize) -> EncodedTree {
    let mut fixture = GroupFixture::new(cipher_suite, seed);
    while fixture.members.len() < members {
        let committer = fixture.any_member();
        let additions = (members - fixture.members.len()).min(5);
        fixture.commit(committer, &[], u32::try_from(additions).unwrap());
    }
    let commit = |fixture: &mut GroupFixture, times: usize| {
        for _ in 0..times {
            let committer = fixture.any_member();
            fixture.commit(committer, &[], 0);
        }
    };
    commit(&mut fixture, members / 3);
    // Creates blank leaves whose parents are set again.
    for _ in 0..6 {
        let removed = [fixture.any_member(), fixture.any_member()];
        let committer = *fixture.members.keys().find(|leaf| !removed.contains(leaf)).unwrap();
        let removed: BTreeSet<_> = removed.into_iter().collect();
        fixture.commit(committer, &removed.into_iter().collect::<Vec<_>>(), 0);
    }
    commit(&mut fixture, members / 2);
    // Adds members. A later Commit merges some of them by its path; the others stay unmerged up to
    // the root.
    for _ in 0..2 {
        fixture.add();
        fixture.add();
        commit(&mut fixture, 1);
    }
    fixture.add();
    fixture.add();
    let removed = fixture.any_member();
    let committer = *fixture.members.keys().rfind(|leaf| **leaf != removed).unwrap();
    fixture.commit(committer, &[removed], 1);
    fixture.add();

    let (wire, hash) = (fixture.tree.to_wire().unwrap(), fixture.tree.tree_hash().unwrap());
    let encoded_tree = EncodedTree { fixture, wire, hash, counts: BTreeMap::new() };
    encoded_tree.check_shape();
    encoded_tree
}

impl EncodedTree {
    /// Checks that the tree contains nodes of every kind.
    pub(crate) fn check_shape(&self) {
        let tree = &self.fixture.tree;
        assert!(tree.size().leaf_count() >= 32 && tree.member_count() >= 26);
        let last = u32::try_from(self.wire.0.len()).unwrap() / 2;
        let blank_leaves = (0..last).filter(|leaf| !tree.is_member(LeafIndex(*leaf)).unwrap()).count();
        let parents = (0..self.wire.0.len()).filter(|index| index % 2 == 1);
        let blank_parents = parents.clone().filter(|index| self.wire.0[*index].is_none()).count();
        let with_unmerged: Vec<_> =
            self.parents().filter(|(_, node)| !node.unmerged_leaves.is_empty()).collect();
        let levels: BTreeSet<_> = with_unmerged.iter().map(|(at, _)| at.level()).collect();
        let longest = with_unmerged.iter().map(|(_, node)| node.unmerged_leaves.len()).max();
        let merged_above = self.leaves().filter(|(leaf, _)| {
            let above: Vec<_> =
                tree.size().direct_path(*leaf).filter_map(|at| tree.parent(at).unwrap()).collect();
            let unmerged = above.iter().filter(|node| node.unmerged_leaves.contains(leaf)).count();
            unmerged > 0 && unmerged < above.len()
        });
        let shape = (blank_leaves, blank_parents, levels.len(), longest, merged_above.count());
        println!("{:?}, {tree:?}: {shape:?}", self.fixture.suite);
        assert!(shape.0 > 0 && shape.1 > 1 && shape.2 >= 3 && shape.3 >= Some(2) && shape.4 > 0);
        assert_eq!(self.import(&self.wire, &self.hash).unwrap().tree_hash().unwrap(), self.hash);
    }

    pub(crate) fn import(&self, wire: &RatchetTree, hash: &[u8]) -> Result<Tree, TreeError> {
        Tree::import(self.fixture.suite, &wire.encode().unwrap(), &self.fixture.group_id, hash)
    }

    pub(crate) fn parents(&self) -> impl Iterator<Item = (NodeIndex, &ParentNode)> {
        self.nodes().filter_map(|(at, node)| match node {
            Node::Parent(parent) => Some((at, &**parent)),
            Node::Leaf(_) => None,
        })
    }

    pub(crate) fn leaves(&self) -> impl Iterator<Item = (LeafIndex, &LeafNode)> {
        self.nodes().filter_map(|(at, node)| match node {
            Node::Leaf(leaf_node) => Some((at.leaf().unwrap(), &**leaf_node)),
            Node::Parent(_) => None,
        })
    }

    /// Returns the non-blank nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Node)> {
        (0..).map(NodeIndex).zip(&self.wire.0).filter_map(|(at, node)| Some((at, node.as_ref()?)))
    }

    pub(crate) fn parent(&self, at: NodeIndex) -> Option<&ParentNode> {
        match self.wire.0[at.0 as usize].as_ref()? {
            Node::Parent(parent) => Some(parent),
            Node::Leaf(_) => None,
        }
    }

    /// Returns whether a node is a leaf that is unmerged at `parent`. No hash of that parent covers
    /// such a leaf.
    pub(crate) fn is_unmerged(&self, node: NodeIndex, parent: NodeIndex) -> bool {
        let unmerged = &self.parent(parent).unwrap().unmerged_leaves;
        node.leaf().is_some_and(|leaf| unmerged.contains(&leaf))
    }

    /// Returns the parents whose parent hash covers a node as part of their copath child's original
    /// tree hash.
    pub(crate) fn hashed_by(&self, node: NodeIndex) -> BTreeSet<NodeIndex> {
        let origins = self.fixture.origins.iter();
        origins
            .filter(|(parent, origin)| {
                is_at_or_below(node, origin.copath_child) && !self.is_unmerged(node, **parent)
            })
            .map(|(parent, _)| *parent)
            .collect()
    }

    /// Returns the parent that follows a node in the path that set both of them.
    pub(crate) fn set_above(&self, node: NodeIndex) -> Option<NodeIndex> {
        self.fixture.origins.iter().find(|(_, origin)| origin.below == node).map(|(parent, _)| *parent)
    }

    /// Returns the parents that stop being parent-hash valid if a node gets another key.
    pub(crate) fn broken_by_key(&self, node: NodeIndex) -> BTreeSet<NodeIndex> {
        let mut broken = self.hashed_by(node);
        broken.extend(Some(node).filter(|node| !node.is_leaf()));
        broken
    }

    /// Returns the parents that stop being parent-hash valid if a node gets another parent hash.
    pub(crate) fn broken_by_parent_hash(&self, node: NodeIndex) -> BTreeSet<NodeIndex> {
        let mut broken = self.broken_by_key(node);
        broken.extend(self.set_above(node));
        broken
    }

    /// Returns the parents that stop being parent-hash valid if a leaf that is not unmerged
    /// anywhere moves to a blank leaf. Either a hash covers one of the two positions, or one of
    /// them is in the resolution that the lowest parent above uses. That parent does not detect a
    /// move, below the same child, of the leaf from which it was set.
    pub(crate) fn broken_by_move(&self, from: NodeIndex, to: NodeIndex) -> BTreeSet<NodeIndex> {
        let hashed: BTreeSet<_> = [from, to].into_iter().flat_map(|node| self.hashed_by(node)).collect();
        let [above_from, above_to] = [from, to].map(|node| self.parents_above(node.leaf().unwrap()).next());
        let mut broken: BTreeSet<_> = above_from.into_iter().chain(above_to).collect();
        if above_from == above_to {
            broken.retain(|parent| self.fixture.origins[parent].below != from);
        }
        broken.extend(hashed);
        broken
    }

    /// Returns the non-blank parents above a leaf, from the lowest parent up to the root.
    pub(crate) fn parents_above(&self, leaf: LeafIndex) -> impl Iterator<Item = NodeIndex> {
        let origins = &self.fixture.origins;
        self.fixture.tree.size().direct_path(leaf).filter(|at| origins.contains_key(at))
    }

    /// Returns the parents whose lists of unmerged leaves contain a leaf.
    pub(crate) fn listing(&self, leaf: LeafIndex) -> Vec<NodeIndex> {
        self.parents_above(leaf)
            .filter(|at| self.parent(*at).unwrap().unmerged_leaves.contains(&leaf))
            .collect()
    }

    /// Imports a modified tree from bytes with the hash of the modified tree, and from a
    /// wire-format structure with the hash of the original tree.
    pub(crate) fn try_one(
        &mut self,
        what: &'static str,
        at: impl std::fmt::Debug,
        wire: &RatchetTree,
        expected: Expected,
    ) {
        let bytes = wire.encode().unwrap();
        let (suite, group_id) = (self.fixture.suite, &self.fixture.group_id);
        let (found, original) = match Tree::import_unsigned(suite, &bytes) {
            Err(error) => (Err(error.clone()), error),
            Ok(tree) => {
                let hash = tree.tree_hash().unwrap();
                assert!(hash != self.hash, "{what} at {at:?}: the tree hash is the same");
                (Tree::import(suite, &bytes, group_id, &hash).map(|_| ()), TreeError::TreeHash)
            }
        };
        let with_original_hash = Tree::from_wire(suite, wire, group_id, &self.hash);
        assert_eq!(with_original_hash.map(|_| ()), Err(original), "{what} at {at:?}");
        match expected {
            Expected::Error(error) => assert_eq!(found, Err(error), "{what} at {at:?}"),
            Expected::Accepted => assert_eq!(found, Ok(()), "{what} at {at:?}"),
            Expected::OneOf(errors) => match &found {
                Err(error) if errors.contains(error) => {}
                _ => panic!("{what} at {at:?}: {found:?} and none of {errors:?}"),
            },
        }
        *self.counts.entry((what, rule(found.err().as_ref()))).or_default() += 1;
    }

    /// Returns the wire-format tree with one node replaced.
    pub(crate) fn with(&self, at: NodeIndex, node: Option<Node>) -> RatchetTree {
        let mut wire = self.wire.clone();
        wire.0[at.0 as usize] = node;
        wire
    }

    pub(crate) fn with_parent(&self, at: NodeIndex, change: impl FnOnce(&mut ParentNode)) -> RatchetTree {
        let mut parent = self.parent(at).unwrap().clone();
        change(&mut parent);
        self.with(at, Some(Node::Parent(Box::new(parent))))
    }

    pub(crate) fn with_leaf(&self, leaf: LeafIndex, leaf_node: LeafNode) -> RatchetTree {
        self.with(NodeIndex(leaf.0 * 2), Some(Node::Leaf(Box::new(leaf_node))))
    }

    pub(crate) fn fresh_key(&mut self) -> HpkePublicKey {
        self.fixture.suite.hpke_generate_key_pair(&mut self.fixture.rng).unwrap().public
    }

    /// Returns every `step`-th parent. A large `step` keeps tests of slow cipher suites short.
    pub(crate) fn chosen_parents(&self, step: usize) -> Vec<(NodeIndex, ParentNode)> {
        self.parents().step_by(step).map(|(at, parent)| (at, parent.clone())).collect()
    }

    pub(crate) fn chosen_leaves(&self, step: usize) -> Vec<(LeafIndex, LeafNode)> {
        self.leaves().step_by(step).map(|(leaf, leaf_node)| (leaf, leaf_node.clone())).collect()
    }
}

/// Returns whether a node is at or below `above`.
pub(crate) fn is_at_or_below(node: NodeIndex, above: NodeIndex) -> bool {
    let reach = (1 << above.level()) - 1;
    (above.0 - reach..=above.0 + reach).contains(&node.0)
}

/// Returns the parent that the error names: the first one in array order.
pub(crate) fn first(broken: BTreeSet<NodeIndex>) -> Option<NodeIndex> {
    broken.into_iter().next()
}

/// Returns the expected result if the parents in `broken` are invalid. If `signature` is an error,
/// that error is the result, because signatures are verified first. Otherwise the result is the
/// error for the first parent.
pub(crate) fn parent_hash_or(broken: BTreeSet<NodeIndex>, signature: Expected) -> Expected {
    match signature {
        Expected::Accepted => {
            first(broken).map_or(signature, |node| Expected::Error(TreeError::ParentHash(node)))
        }
        _ => signature,
    }
}

pub(crate) fn altered_hashes(hash: &Opaque) -> Vec<Opaque> {
    let mut altered = vec![[&**hash, &[0]].concat().into()];
    if let Some((last, shorter)) = hash.split_last() {
        altered.extend([vec![], shorter.to_vec(), [shorter, &[last ^ 0x80]].concat()].map(Opaque::from));
    }
    altered
}

/// Returns invalid keys: of the wrong length, not on the curve, not canonically encoded, or of low
/// order.
pub(crate) fn malformed_keys(cipher_suite: CipherSuite, valid: &HpkePublicKey) -> Vec<HpkePublicKey> {
    let mut keys = vec![Vec::new(), valid[1..].to_vec(), [&**valid, &[0]].concat()];
    match valid.len() {
        // For X25519 and X448, the values 0 and 1 are of low order, and the prime is another
        // encoding of 0.
        length @ (32 | 56) => {
            let mut one = vec![0; length];
            one[0] = 1;
            let prime = match length {
                32 => [&[0xed][..], &[0xff; 30], &[0x7f]].concat(),
                _ => [&[0xff; 28][..], &[0xfe], &[0xff; 27]].concat(),
            };
            keys.extend([vec![0; length], one, prime]);
        }
        // For the NIST curves, the list contains a value that is not a point, the compressed form,
        // and the point at infinity.
        length => {
            let mut beside = valid.to_vec();
            beside[length - 1] ^= 1;
            keys.extend([beside, [&[2], &valid[1..=length / 2]].concat(), vec![0]]);
        }
    }
    assert!(keys.iter().all(|key| **key != **valid), "{cipher_suite}");
    keys.into_iter().map(HpkePublicKey::from).collect()
}

pub(crate) fn rule(error: Option<&TreeError>) -> &'static str {
    match error {
        None => "accepted",
        Some(TreeError::WrongKind(_)) => "WrongKind",
        Some(TreeError::TrailingBlank) => "TrailingBlank",
        Some(TreeError::TrailingParent(_)) => "TrailingParent",
        Some(TreeError::UnmergedOrder(_)) => "UnmergedOrder",
        Some(TreeError::UnmergedLeaf { .. }) => "UnmergedLeaf",
        Some(TreeError::UnmergedGap { .. }) => "UnmergedGap",
        Some(TreeError::ParentHash(_)) => "ParentHash",
        Some(TreeError::DuplicateEncryptionKey(..)) => "DuplicateEncryptionKey",
        Some(TreeError::DuplicateSignatureKey(..)) => "DuplicateSignatureKey",
        Some(TreeError::InvalidEncryptionKey(_)) => "InvalidEncryptionKey",
        Some(TreeError::LeafSignature(_)) => "LeafSignature",
        Some(other) => panic!("{other}"),
    }
}
