//! Random histories of a group. After every step, the tree and the oracle must be observably equal.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod oracle;

use oracle::Oracle;
use pando_crypto::{CryptoProvider, RustCrypto, Signer, Suite};
use pando_tree::{
    KeyKind, LeafTemplate, NodeContent, PrivateKeys, RowChange, SourceError, Tree, TreeKey, TreeSource,
};
use pando_wire::{
    Capabilities, CipherSuite, Credential, CredentialType, Extensions, GroupContext, GroupId, LeafIndex,
    LeafNode, LeafNodeSource, Lifetime, NodeIndex, Opaque, ProposalType, ProtocolVersion, RatchetTree,
    Signature,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

/// A step of a history. Members are selected by a number modulo the number of members.
#[derive(Debug, Clone)]
enum Step {
    Add,
    Update(u32),
    Remove(u32),
    /// A Commit with a path, preceded by some removals and additions.
    Commit {
        committer: u32,
        removals: Vec<u32>,
        additions: u32,
    },
    /// The removal of all members to the right of a leaf, so that the tree is halved, possibly more
    /// than once.
    Shrink(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Add),
        2 => any::<u32>().prop_map(Step::Update),
        2 => any::<u32>().prop_map(Step::Remove),
        4 => (any::<u32>(), prop::collection::vec(any::<u32>(), 0..4), 0..4_u32).prop_map(
            |(committer, removals, additions)| Step::Commit { committer, removals, additions }
        ),
        1 => any::<u32>().prop_map(Step::Shrink),
    ]
}

struct Member {
    signer: Box<dyn Signer>,
    keys: PrivateKeys,
}

/// The stored rows of a tree.
#[derive(Default)]
struct Rows(Mutex<BTreeMap<TreeKey, Vec<u8>>>);

impl Rows {
    /// Returns all rows of a tree.
    fn filled(self, tree: &Tree) -> BTreeMap<TreeKey, Vec<u8>> {
        self.apply(tree.rows_since(None).unwrap());
        self.0.into_inner().unwrap()
    }

    fn apply(&self, changes: Vec<RowChange>) {
        let mut rows = self.0.lock().unwrap();
        for (key, row) in changes {
            match row {
                Some(row) => drop(rows.insert(key, row)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}

impl TreeSource for Rows {
    fn row(&self, key: TreeKey) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.lock().unwrap().get(&key).cloned())
    }

    fn keys(
        &self,
        kind: KeyKind,
        fingerprints: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, NodeIndex)>, SourceError> {
        let key = |fingerprint, node| TreeKey::Key(kind, fingerprint, NodeIndex(node));
        let rows = self.0.lock().unwrap();
        let range = key(*fingerprints.start(), 0)..=key(*fingerprints.end(), u32::MAX);
        let keys = rows.range(range).filter_map(|(key, _)| match key {
            TreeKey::Key(_, fingerprint, node) => Some((*fingerprint, *node)),
            _ => None,
        });
        Ok(keys.collect())
    }
}

struct World {
    suite: Suite,
    rng: ChaCha20Rng,
    group_id: GroupId,
    tree: Tree,
    oracle: Oracle,
    members: BTreeMap<LeafIndex, Member>,
    rows: Arc<Rows>,
    /// Whether the tree was opened from its rows. Otherwise it is entirely in memory.
    opened: bool,
}

impl World {
    fn new(suite: Suite, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (leaf_node, signer, key_pair) = newcomer(suite, &mut rng);
        let tree = Tree::new(suite, &leaf_node).unwrap();
        let keys = PrivateKeys::new(&tree, LeafIndex(0), key_pair).unwrap();
        let members = BTreeMap::from([(LeafIndex(0), Member { signer, keys })]);
        let group_id = GroupId::from(vec![7; 4]);
        let rows = Arc::new(Rows::default());
        rows.apply(tree.rows_since(None).unwrap());
        Self { suite, rng, group_id, oracle: Oracle::new(leaf_node), tree, members, rows, opened: false }
    }

    /// Drops the tree and opens it again from its rows.
    fn reopen(&mut self) {
        self.tree = Tree::open(self.suite, self.rows.clone()).unwrap();
        self.opened = true;
    }

    fn choose(&self, number: u32) -> LeafIndex {
        *self.members.keys().nth(number as usize % self.members.len()).unwrap()
    }

    fn add(&mut self) -> LeafIndex {
        let (leaf_node, signer, key_pair) = newcomer(self.suite, &mut self.rng);
        let leaf = self.tree.add(&leaf_node).unwrap();
        assert_eq!(self.oracle.add(leaf_node), leaf);
        let keys = PrivateKeys::new(&self.tree, leaf, key_pair).unwrap();
        self.members.insert(leaf, Member { signer, keys });
        leaf
    }

    /// Adds several members in one call. The oracle adds them one after another.
    fn add_all(&mut self, count: u32) -> Vec<LeafIndex> {
        let newcomers: Vec<_> = (0..count).map(|_| newcomer(self.suite, &mut self.rng)).collect();
        let leaves = self.tree.add_all(newcomers.iter().map(|(leaf_node, ..)| leaf_node)).unwrap();
        for (leaf, (leaf_node, signer, key_pair)) in leaves.iter().zip(newcomers) {
            assert_eq!(self.oracle.add(leaf_node), *leaf);
            let keys = PrivateKeys::new(&self.tree, *leaf, key_pair).unwrap();
            self.members.insert(*leaf, Member { signer, keys });
        }
        leaves
    }

    fn remove(&mut self, leaf: LeafIndex) {
        self.tree.remove(leaf).unwrap();
        self.oracle.remove(leaf);
        self.members.remove(&leaf);
    }

    fn truncate(&mut self) {
        self.tree.truncate().unwrap();
        self.oracle.truncate();
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Add => drop(self.add()),
            Step::Update(number) => self.update(self.choose(*number)),
            Step::Remove(number) => {
                if self.members.len() > 1 {
                    self.remove(self.choose(*number));
                    self.truncate();
                }
            }
            Step::Commit { committer, removals, additions } => {
                let committer = self.choose(*committer);
                for number in removals {
                    let leaf = self.choose(*number);
                    if leaf != committer {
                        self.remove(leaf);
                    }
                }
                let added = self.add_all(*additions);
                assert!(added.is_sorted());
                self.truncate();
                self.commit(committer, &added);
            }
            Step::Shrink(number) => {
                let last = self.choose(*number);
                for leaf in self.members.keys().copied().filter(|leaf| *leaf > last).collect::<Vec<_>>() {
                    self.remove(leaf);
                }
                self.truncate();
            }
        }
    }

    fn update(&mut self, leaf: LeafIndex) {
        let mut leaf_node = self.tree.leaf(leaf).unwrap().unwrap();
        let key_pair = self.suite.hpke_generate_key_pair(&mut self.rng).unwrap();
        leaf_node.encryption_key = key_pair.public.clone();
        leaf_node.leaf_node_source = LeafNodeSource::Update;
        let member = self.members.get_mut(&leaf).unwrap();
        sign(self.suite, &mut leaf_node, &*member.signer, &self.group_id, leaf);
        self.tree.update(leaf, &leaf_node).unwrap();
        self.oracle.update(leaf, leaf_node);
        member.keys = PrivateKeys::new(&self.tree, leaf, key_pair).unwrap();
    }

    /// Creates a path with the tree, merges it into both the tree and the oracle, and decrypts it
    /// for some members.
    fn commit(&mut self, committer: LeafIndex, added: &[LeafIndex]) {
        let LeafNode { credential, capabilities, extensions, .. } =
            self.tree.leaf(committer).unwrap().unwrap();
        let template = LeafTemplate { credential, capabilities, extensions };
        let signer = &*self.members[&committer].signer;
        let new = self.tree.create_path(committer, template, &self.group_id, signer, &mut self.rng).unwrap();
        let context = context(self.suite, &self.group_id, new.tree().tree_hash().unwrap());
        let update_path = new.encrypt(&context, added, &mut self.rng).unwrap();
        let merged = self.tree.merge_path(committer, &update_path, added).unwrap();
        assert_eq!(merged.tree().export().unwrap(), new.tree().export().unwrap());

        // Sets the same path in the oracle.
        let keys: Vec<_> = update_path.nodes.iter().map(|node| node.encryption_key.clone()).collect();
        let parent_hash = self.oracle.set_path(self.suite, committer, &keys);
        let source = LeafNodeSource::Commit { parent_hash: parent_hash.into() };
        assert_eq!(update_path.leaf_node.leaf_node_source, source);
        self.oracle.set_leaf(committer, update_path.leaf_node.clone());

        // In a small group, every member decrypts the path. In a large group, only some members do
        // so.
        let everybody = self.members.len() <= 24;
        let (before, random) = (self.tree.clone(), self.rng.next_u32() as usize);
        for (position, (leaf, member)) in self.members.iter_mut().enumerate() {
            if *leaf == committer {
                member.keys = new.keys().clone();
            } else if added.contains(leaf) {
                let secret = new.path_secret_for(*leaf).unwrap().unwrap().expose().into();
                member.keys.join_path(merged.tree(), committer, secret).unwrap();
            } else {
                if everybody || (position + random).is_multiple_of(16) {
                    let decrypted = member.keys.decrypt_path(&before, &merged, &context, added).unwrap();
                    assert_eq!(decrypted.commit_secret, *new.commit_secret());
                }
                // Insert the keys that the member would have derived.
                member.keys.retain_current(merged.tree()).unwrap();
                let from = merged.tree().size().common_ancestor(*leaf, committer).unwrap();
                for step in new.steps().iter().skip_while(|step| step.node != from) {
                    let pair = new.keys().get(step.node).unwrap();
                    let copy = pando_crypto::HpkeKeyPair {
                        private: pair.private.expose().into(),
                        public: pair.public.clone(),
                    };
                    member.keys.insert(step.node, copy);
                }
            }
        }
        self.tree = merged.into_tree();
    }

    fn compare(&self) {
        let (tree, oracle) = (&self.tree, &self.oracle);
        assert_eq!(tree.size(), oracle.size());
        assert_eq!(tree.to_wire().unwrap(), oracle.to_wire());
        assert_eq!(*tree.tree_hash().unwrap(), *oracle.root_hash(self.suite));
        let members: Vec<_> = tree.members().collect::<Result<_, _>>().unwrap();
        assert_eq!(members, oracle.members());
        assert_eq!(tree.member_count() as usize, members.len());

        let nodes = || (0..tree.size().node_count()).map(NodeIndex);
        let (mut encryption_keys, mut signature_keys) = (0, 0);
        for node in nodes() {
            assert_eq!(tree.resolution(node).unwrap(), oracle.resolution(node), "{node}");
            assert_eq!(tree.parent(node).unwrap().as_ref(), oracle.parent(node));
            if let Some(parent) = oracle.parent(node) {
                assert_eq!(tree.find_encryption_key(&parent.encryption_key).unwrap(), Some(node));
                encryption_keys += 1;
            }
        }
        let mut counts: BTreeMap<ProposalType, usize> = BTreeMap::new();
        for leaf in members.iter().copied() {
            let leaf_node = oracle.leaf(leaf).unwrap();
            assert_eq!(tree.leaf(leaf).unwrap().as_ref(), Some(leaf_node));
            assert_eq!(tree.find_encryption_key(&leaf_node.encryption_key).unwrap(), tree.size().node(leaf));
            assert_eq!(tree.find_signature_key(&leaf_node.signature_key).unwrap(), Some(leaf));
            let filtered = tree.filtered_direct_path(leaf).unwrap();
            let filtered: Vec<_> = filtered.into_iter().map(|step| (step.node, step.copath_child)).collect();
            assert_eq!(filtered, oracle.filtered_direct_path(leaf));
            (encryption_keys, signature_keys) = (encryption_keys + 1, signature_keys + 1);
            // Some leaves list the same type twice, but count only once.
            for proposal in leaf_node.capabilities.proposals.iter().collect::<BTreeSet<_>>() {
                *counts.entry(*proposal).or_default() += 1;
            }
        }
        // The indexes contain only keys that are in the tree.
        if !self.opened {
            assert_eq!(tree.index_sizes(), (encryption_keys, signature_keys));
        }
        for proposal in [ProposalType(0xf001), ProposalType(0xf002)] {
            let all = counts.get(&proposal) == Some(&members.len());
            assert_eq!(tree.capability_counts().all_support_proposal(proposal), all);
        }
        assert!(tree.capability_counts().all_support_credential(CredentialType::BASIC));
        assert_eq!(
            tree.capability_counts().credential_types_in_use().collect::<Vec<_>>(),
            [CredentialType::BASIC]
        );
        // Each member has the private keys of its leaf and of the nodes above it that it knows, and
        // no other keys.
        for (leaf, member) in &self.members {
            assert!(member.keys.nodes().all(|node| node.covers(*leaf)));
            let above = tree.size().direct_path(*leaf).filter(|node| member.keys.get(*node).is_some());
            let with_keys = tree.size().node(*leaf).into_iter().chain(above);
            // Keys of nodes outside the tree may remain until the next Commit, and are ignored
            // here.
            let are = member.keys.nodes().filter(|node| node.0 < tree.size().node_count());
            assert_eq!(are.collect::<BTreeSet<_>>(), with_keys.collect());
        }
    }

    /// Runs the oracle's slow checks and imports the exported tree.
    fn compare_validity(&self) {
        assert_eq!(self.oracle.unmerged_valid(), Ok(()));
        assert_eq!(self.oracle.parent_hash_valid(self.suite), Ok(()));
        let (bytes, hash) = (self.tree.export().unwrap(), self.tree.tree_hash().unwrap());
        let imported = Tree::import(self.suite, &bytes, &self.group_id, &hash).unwrap();
        assert_eq!(imported.export().unwrap(), bytes);
        assert_eq!(imported.capability_counts(), self.tree.capability_counts());
        let mut written = Vec::new();
        self.tree.export_to(&mut written).unwrap();
        assert_eq!(written, bytes);
    }

    /// Checks that applying the changes since an older tree to that tree yields this tree.
    fn compare_changes(&self, older: &Tree, older_wire: &RatchetTree) {
        let mut nodes: BTreeMap<u32, Vec<u8>> = stored(older_wire);
        for change in self.tree.changes_since(older).unwrap() {
            match change.content {
                None => assert!(nodes.remove(&change.node.0).is_some(), "{} was not there", change.node),
                Some(NodeContent::Leaf(bytes) | NodeContent::Parent(bytes)) => {
                    let old = nodes.insert(change.node.0, bytes.to_vec());
                    assert_ne!(old.as_deref(), Some(bytes), "{} did not change", change.node);
                }
            }
        }
        assert_eq!(nodes, stored(&self.tree.to_wire().unwrap()));
        let all = self.tree.nodes().unwrap();
        assert!(all.iter().map(|change| change.node.0).eq(nodes.keys().copied()));
        // Applying the row changes to the old rows yields the new rows.
        let changes = self.tree.rows_since(Some(older)).unwrap();
        self.rows.apply(changes.clone());
        let rows = self.rows.0.lock().unwrap().clone();
        let fresh = Tree::import(
            self.suite,
            &self.tree.export().unwrap(),
            &self.group_id,
            &self.tree.tree_hash().unwrap(),
        );
        let fresh = Rows::default().filled(&fresh.unwrap());
        assert_eq!(rows, fresh);
        assert_eq!(Rows::default().filled(&self.tree), fresh);
        // The stored rows restore the tree in three ways: from all rows, by applying only the
        // changes, and on demand.
        let stored = rows.iter().map(|(key, row)| (*key, &**row));
        let restored = Tree::restore(self.suite, stored).unwrap();
        let changes: Vec<_> = changes.iter().map(|(key, row)| (*key, row.as_deref())).collect();
        let patched = older.patched(&changes).unwrap();
        let opened = Tree::open(self.suite, self.rows.clone()).unwrap();
        for tree in [&restored, &patched, &opened] {
            assert_eq!(tree.tree_hash().unwrap(), self.tree.tree_hash().unwrap());
            assert_eq!(tree.size(), self.tree.size());
            assert_eq!(tree.capability_counts(), self.tree.capability_counts());
            assert_eq!(tree.member_count(), self.tree.member_count());
            assert_eq!(tree.to_wire().unwrap(), self.tree.to_wire().unwrap());
            assert!(tree.members().all(|leaf| {
                let leaf = leaf.unwrap();
                let leaf_node = self.tree.leaf(leaf).unwrap().unwrap();
                tree.find_signature_key(&leaf_node.signature_key).unwrap() == Some(leaf)
                    && tree.find_encryption_key(&leaf_node.encryption_key).unwrap()
                        == self.tree.size().node(leaf)
            }));
        }
        let (encryption, signature) = restored.index_sizes();
        let kinds =
            |kind| rows.keys().filter(|key| matches!(key, TreeKey::Key(of, ..) if *of == kind)).count();
        assert_eq!((encryption, signature), (kinds(KeyKind::Encryption), kinds(KeyKind::Signature)));
        assert_eq!(
            patched.changes_since(older).unwrap().len(),
            self.tree.changes_since(older).unwrap().len()
        );
        // The older tree has not changed.
        assert_eq!(older.to_wire().unwrap(), *older_wire);
    }
}

fn stored(tree: &RatchetTree) -> BTreeMap<u32, Vec<u8>> {
    use pando_wire::{Encode, Node};
    let nodes = (0..).zip(&tree.0).filter_map(|(index, node)| Some((index, node.as_ref()?)));
    nodes
        .map(|(index, node)| match node {
            Node::Leaf(leaf) => (index, leaf.encode().unwrap()),
            Node::Parent(parent) => (index, parent.encode().unwrap()),
        })
        .collect()
}

fn newcomer(suite: Suite, rng: &mut ChaCha20Rng) -> (LeafNode, Box<dyn Signer>, pando_crypto::HpkeKeyPair) {
    let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
    let key_pair = suite.hpke_generate_key_pair(rng).unwrap();
    let proposals = match rng.next_u32() % 4 {
        0 => vec![ProposalType(0xf001)],
        _ => vec![ProposalType(0xf001), ProposalType(0xf002), ProposalType(0xf001)],
    };
    let mut leaf_node = LeafNode {
        encryption_key: key_pair.public.clone(),
        signature_key: signer.public_key().clone(),
        credential: Credential::Basic { identity: rng.next_u64().to_be_bytes().to_vec().into() },
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![suite.cipher_suite()],
            proposals,
            credentials: vec![CredentialType::BASIC],
            ..Capabilities::default()
        },
        leaf_node_source: LeafNodeSource::KeyPackage { lifetime: Lifetime { not_before: 0, not_after: 1 } },
        extensions: Extensions::default(),
        signature: Signature::default(),
    };
    sign(suite, &mut leaf_node, &*signer, &GroupId::default(), LeafIndex(0));
    (leaf_node, signer, key_pair)
}

fn sign(suite: Suite, leaf_node: &mut LeafNode, signer: &dyn Signer, group_id: &GroupId, leaf: LeafIndex) {
    let to_be_signed = leaf_node.to_be_signed((group_id, leaf)).unwrap();
    leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed).unwrap();
}

fn context(suite: Suite, group_id: &GroupId, tree_hash: Opaque) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite.cipher_suite(),
        group_id: group_id.clone(),
        epoch: 1,
        tree_hash,
        confirmed_transcript_hash: Opaque::default(),
        extensions: Extensions::default(),
    }
}

/// Runs a history. If `forgetful` is set, the tree is occasionally opened again from its rows.
fn history(suite: CipherSuite, seed: u64, members: u32, steps: &[Step], forgetful: bool) {
    let mut world = World::new(RustCrypto.suite(suite).unwrap(), seed);
    for _ in 1..members {
        world.add();
    }
    world.compare();
    world
        .rows
        .apply(world.tree.rows_since(Some(&Tree::open(world.suite, world.rows.clone()).unwrap())).unwrap());
    for step in steps {
        if forgetful && world.rng.next_u32().is_multiple_of(2) {
            world.reopen();
        }
        // The older wire format is taken from the oracle, so that no node of the opened tree is
        // loaded.
        let (older, older_wire) = (world.tree.clone(), world.oracle.to_wire());
        world.take(step);
        world.compare();
        world.compare_changes(&older, &older_wire);
        world.compare_validity();
    }
}

fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        // The seeds of failed histories are kept in a file next to this one, and are run first.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/histories.regressions"))),
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn small_groups(seed: u64, members in 1_u32..34, steps in prop::collection::vec(step(), 1..24)) {
        history(CipherSuite::ALL[0], seed, members, &steps, false);
    }

    #[test]
    fn small_groups_that_are_stored(
        seed: u64, members in 1_u32..34, steps in prop::collection::vec(step(), 1..24)
    ) {
        history(CipherSuite::ALL[0], seed, members, &steps, true);
    }
}

proptest! {
    #![proptest_config(config(6))]

    #[test]
    fn large_groups(seed: u64, members in 60_u32..300, steps in prop::collection::vec(step(), 1..12)) {
        history(CipherSuite::ALL[0], seed, members, &steps, seed.is_multiple_of(2));
    }

    #[test]
    fn other_suites(
        seed: u64, suite in 1_usize..7, members in 1_u32..10, steps in prop::collection::vec(step(), 1..6)
    ) {
        history(CipherSuite::ALL[suite], seed, members, &steps, seed.is_multiple_of(2));
    }
}
