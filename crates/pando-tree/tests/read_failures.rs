//! Calls every public function that may load a node of an opened tree, while each of its reads
//! fails once or permanently. The function must return either the same result as for a tree in
//! memory or an error, but never a result computed from an incomplete tree. A failed operation must
//! have changed nothing, and must succeed when repeated.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod fixtures;

use fixtures::{GroupFixture, Newcomer, template};
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_tree::{
    CapabilityCounts, KeyIndex, KeyKind, MergedPath, NewPath, PrivateKeys, RowChange, SourceError, Tree,
    TreeError, TreeKey, TreeSource,
};
use pando_wire::{
    CipherSuite, GroupContext, HpkePublicKey, LeafIndex, LeafNode, NodeIndex, SignaturePublicKey, TreeSize,
    UpdatePath,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// The member whose private keys the operations use.
const OWN: LeafIndex = LeafIndex(4);
/// A member whose leaf is far away from [`OWN`].
const OTHER: LeafIndex = LeafIndex(10);
/// A blank leaf between members.
const BLANK: LeafIndex = LeafIndex(9);

type Rows = BTreeMap<TreeKey, Vec<u8>>;

/// The kind of a read failure.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failure {
    /// The store reports an error.
    Error,
    /// A row is missing. Reads of a range of keys report an error instead.
    Missing,
}

#[derive(Default)]
struct State {
    rows: Rows,
    reads: usize,
    /// The numbers of the reads that fail, and the kind of their failure.
    failing: Option<(RangeInclusive<usize>, Failure)>,
    /// Whether the first read of each row and each range fails.
    first_fails: bool,
    asked: BTreeSet<String>,
}

/// A store that counts its reads and fails on demand.
#[derive(Default)]
struct Store(Mutex<State>);

impl Store {
    fn of(tree: &Tree) -> Arc<Self> {
        let rows = rows(tree.rows_since(None).unwrap());
        Arc::new(Self(Mutex::new(State { rows, ..State::default() })))
    }

    fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }

    /// Makes some of the next reads fail. The next read has the number 0.
    fn fail(&self, reads: RangeInclusive<usize>, failure: Failure) {
        let mut state = self.0.lock().unwrap();
        let (first, last) = reads.into_inner();
        let reads = state.reads.saturating_add(first)..=state.reads.saturating_add(last);
        state.failing = Some((reads, failure));
    }

    fn repair(&self) {
        let mut state = self.0.lock().unwrap();
        (state.failing, state.first_fails) = (None, false);
    }

    /// Counts a read. Returns the kind of its failure if it is to fail.
    fn ask(&self, what: String) -> Option<Failure> {
        let mut state = self.0.lock().unwrap();
        let read = state.reads;
        state.reads += 1;
        let is_first = state.asked.insert(what);
        if state.first_fails && is_first {
            return Some(Failure::Error);
        }
        state.failing.as_ref().and_then(|(reads, failure)| reads.contains(&read).then_some(*failure))
    }
}

impl TreeSource for Store {
    fn row(&self, key: TreeKey) -> Result<Option<Vec<u8>>, SourceError> {
        match self.ask(format!("{key:?}")) {
            Some(Failure::Error) => Err(SourceError::new("the disk is gone")),
            Some(Failure::Missing) => Ok(None),
            None => Ok(self.0.lock().unwrap().rows.get(&key).cloned()),
        }
    }

    fn keys(
        &self,
        kind: KeyKind,
        fingerprints: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, NodeIndex)>, SourceError> {
        if self.ask(format!("{kind:?} {fingerprints:?}")).is_some() {
            return Err(SourceError::new("the disk is gone"));
        }
        let key = |fingerprint, node| TreeKey::Key(kind, fingerprint, NodeIndex(node));
        let state = self.0.lock().unwrap();
        let range = key(*fingerprints.start(), 0)..=key(*fingerprints.end(), u32::MAX);
        let keys = state.rows.range(range).filter_map(|(key, _)| match key {
            TreeKey::Key(_, fingerprint, node) => Some((*fingerprint, *node)),
            _ => None,
        });
        Ok(keys.collect())
    }
}

fn rows(changes: Vec<RowChange>) -> Rows {
    changes.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
}

/// The inputs of the operations.
struct Setting {
    group: GroupFixture,
    /// Clients that can join.
    newcomers: Vec<Newcomer>,
    /// A path of [`OTHER`], created after a newcomer was added.
    path: UpdatePath,
    added: LeafIndex,
    context: GroupContext,
    /// The path of a newcomer in an external Commit.
    external_path: UpdatePath,
    /// The tree after the path is applied. The next fields are the path secret in the Welcome and
    /// the keys of the new member.
    joined: Tree,
    welcome_secret: Vec<u8>,
    joiner: PrivateKeys,
}

impl Setting {
    /// Creates the inputs. The tree has 16 leaves, with blank leaves in several places, blank
    /// parents and unmerged leaves.
    fn new() -> Self {
        let mut group = GroupFixture::grown(SUITE, 1, 13);
        for committer in [0, 2, 5, 7, 8, 10, 12] {
            group.commit(LeafIndex(committer), &[], 0);
        }
        group.commit(LeafIndex(8), &[LeafIndex(3), LeafIndex(6), BLANK], 0);
        for committer in [12, 7, 5, 0] {
            group.commit(LeafIndex(committer), &[], 0);
        }
        assert_eq!(group.add(), LeafIndex(3));
        group.remove(LeafIndex(11));
        let tree = group.tree.clone();
        assert_eq!(tree.size(), TreeSize::with_leaves(16).unwrap());
        let parents = |is_blank: bool| {
            let parents = (1..31).step_by(2).map(NodeIndex);
            parents.filter(|node| tree.parent(*node).unwrap().is_none() == is_blank).count()
        };
        assert!(parents(true) >= 3 && parents(false) >= 5, "{} and {}", parents(true), parents(false));
        assert!(tree.parent(NodeIndex(3)).unwrap().unwrap().unmerged_leaves.contains(&LeafIndex(3)));

        let newcomers: Vec<_> = (0..7).map(|_| Newcomer::new(group.suite, &mut group.rng)).collect();
        let mut with_added = tree.clone();
        let added = with_added.add(&newcomers[0].leaf_node).unwrap();
        let joiner = PrivateKeys::new(&with_added, added, copy(&newcomers[0])).unwrap();
        let new = create_path(&group, &with_added, OTHER).unwrap();
        let context = group.context(new.tree().tree_hash().unwrap());
        let path = new.encrypt(&context, &[added], &mut rng()).unwrap();
        let welcome_secret = new.path_secret_for(added).unwrap().unwrap().expose().to_vec();
        let joined = new.tree().clone();
        let external = create_external_path(&group, &tree, &newcomers[0]).unwrap();
        let external_path = external.encrypt(&context, &[], &mut rng()).unwrap();
        Self { group, newcomers, path, added, context, external_path, joined, welcome_secret, joiner }
    }

    fn tree(&self) -> &Tree {
        &self.group.tree
    }

    fn keys(&self) -> &PrivateKeys {
        &self.group.members[&OWN].keys
    }

    fn leaf_node(&self, leaf: LeafIndex) -> LeafNode {
        self.tree().leaf(leaf).unwrap().unwrap()
    }

    /// Returns a member's leaf node with a new encryption key and a new signature key.
    fn updated(&self, leaf: LeafIndex, key: u64) -> LeafNode {
        let key = key.to_be_bytes().to_vec();
        LeafNode { encryption_key: key.clone().into(), signature_key: key.into(), ..self.leaf_node(leaf) }
    }

    fn parent_key(&self) -> HpkePublicKey {
        self.tree().encryption_key(NodeIndex(3)).unwrap().unwrap()
    }

    fn signature_key(&self) -> SignaturePublicKey {
        self.leaf_node(OTHER).signature_key
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

fn copy(newcomer: &Newcomer) -> HpkeKeyPair {
    let pair = &newcomer.key_pair;
    HpkeKeyPair { private: pair.private.expose().into(), public: pair.public.clone() }
}

fn create_path(group: &GroupFixture, tree: &Tree, sender: LeafIndex) -> Result<NewPath, TreeError> {
    let template = template(&group.tree, sender);
    tree.create_path(sender, template, &group.group_id, &*group.members[&sender].signer, &mut rng())
}

fn create_external_path(
    group: &GroupFixture,
    tree: &Tree,
    newcomer: &Newcomer,
) -> Result<NewPath, TreeError> {
    let template = template(&group.tree, OWN);
    tree.create_external_path(template, &group.group_id, &*newcomer.signer, &mut rng())
}

/// The values that the operations act on.
#[derive(Clone)]
struct Subject {
    tree: Tree,
    index: KeyIndex,
    keys: PrivateKeys,
    /// The store of the tree, unless the tree is in memory.
    store: Option<Arc<Store>>,
}

/// The observable state of a subject.
#[derive(Debug, Clone, PartialEq)]
struct Snapshot {
    rows: Rows,
    size: TreeSize,
    members: u32,
    capability_counts: CapabilityCounts,
    hash: Vec<u8>,
    index: Rows,
    keys: Vec<(NodeIndex, HpkePublicKey)>,
}

impl Subject {
    /// Returns a subject whose tree is in memory.
    fn resident(tree: &Tree, keys: &PrivateKeys) -> Self {
        let mut index = KeyIndex::default();
        for leaf in tree.members().map(Result::unwrap) {
            let key = tree.signature_key(leaf).unwrap().unwrap();
            index.insert(tree.suite(), &key, tree.size().node(leaf).unwrap());
        }
        Self { tree: tree.clone(), index, keys: keys.clone(), store: None }
    }

    /// Returns a subject whose tree is opened from its stored rows.
    fn opened(tree: &Tree, keys: &PrivateKeys) -> Self {
        let store = Store::of(tree);
        let tree = Tree::open(tree.suite(), store.clone()).unwrap();
        let index = tree.stored_index(KeyKind::Signature);
        Self { tree, index, keys: keys.clone(), store: Some(store) }
    }

    /// Replaces the tree by another one. The new tree is in memory or opened, like the current one.
    fn replace(&mut self, tree: &Tree, keys: &PrivateKeys) {
        let make = if self.store.is_some() { Self::opened } else { Self::resident };
        *self = make(tree, keys);
    }

    /// Loads all nodes and returns the observable state.
    fn snapshot(&self) -> Snapshot {
        let keys = self.keys.nodes().map(|node| (node, self.keys.get(node).unwrap().public.clone()));
        Snapshot {
            rows: rows(self.tree.rows_since(None).unwrap()),
            size: self.tree.size(),
            members: self.tree.member_count(),
            capability_counts: self.tree.capability_counts().clone(),
            hash: self.tree.tree_hash().unwrap().to_vec(),
            index: rows(self.index.rows_since(KeyKind::Signature, None).unwrap()),
            keys: keys.collect(),
        }
    }
}

/// A call of a public function. The result is compared in text form.
struct Operation {
    function: &'static str,
    prepare: fn(&Setting, &mut Subject),
    run: fn(&Setting, &mut Subject) -> Result<String, TreeError>,
}

fn operation(
    function: &'static str,
    run: fn(&Setting, &mut Subject) -> Result<String, TreeError>,
) -> Operation {
    Operation { function, prepare: |_, _| {}, run }
}

fn prepared(
    function: &'static str,
    prepare: fn(&Setting, &mut Subject),
    run: fn(&Setting, &mut Subject) -> Result<String, TreeError>,
) -> Operation {
    Operation { function, prepare, run }
}

fn text(answer: impl Debug) -> Result<String, TreeError> {
    Ok(format!("{answer:?}"))
}

fn text_of_path(path: &NewPath) -> Result<String, TreeError> {
    let keys: Vec<_> =
        path.keys().nodes().map(|node| path.keys().get(node).unwrap().public.clone()).collect();
    let secrets = (path.commit_secret().expose(), path.first_path_secret().map(SecretBytes::expose));
    text((path.tree().export()?, path.leaf_node(), path.steps(), keys, secrets))
}

fn text_of_merged(path: &MergedPath<'_>) -> Result<String, TreeError> {
    text((path.tree().export()?, path.sender(), path.steps()))
}

fn text_of_rows(changes: Vec<RowChange>) -> Result<String, TreeError> {
    text(changes.into_iter().collect::<BTreeMap<_, _>>())
}

/// Removes so many keys that the tombstones are compared with the store.
fn remove_many_keys(setting: &Setting, subject: &mut Subject) {
    for number in 0..80_u64 {
        subject.tree.update(OTHER, &setting.updated(OTHER, number)).unwrap();
        let key = format!("key {number}");
        subject.index.insert(setting.tree().suite(), key.as_bytes(), NodeIndex(0));
        subject.index.remove(setting.tree().suite(), key.as_bytes(), NodeIndex(0));
    }
    let first = setting.leaf_node(LeafIndex(0)).signature_key;
    subject.index.remove(setting.tree().suite(), &first, NodeIndex(0));
}

/// Returns a list of operations that calls every function that may load a row at least once.
fn operations() -> Vec<Operation> {
    vec![
        operation("Tree::open", |setting, subject| {
            let Some(store) = &subject.store else { return text_of_rows(setting.tree().rows_since(None)?) };
            text_of_rows(Tree::open(setting.tree().suite(), store.clone())?.rows_since(None)?)
        }),
        operation("Tree::leaf", |_, subject| text((subject.tree.leaf(OTHER)?, subject.tree.leaf(BLANK)?))),
        operation("Tree::credential", |_, subject| text(subject.tree.credential(OTHER)?)),
        operation("Tree::is_member", |_, subject| {
            text((subject.tree.is_member(OTHER)?, subject.tree.is_member(BLANK)?))
        }),
        operation("Tree::signature_key", |_, subject| text(subject.tree.signature_key(OTHER)?)),
        operation("Tree::parent", |_, subject| {
            let parent = |node| subject.tree.parent(NodeIndex(node));
            text((parent(3)?, parent(5)?, parent(20)?, parent(23)?))
        }),
        operation("Tree::members", |_, subject| text(subject.tree.members().collect::<Result<Vec<_>, _>>()?)),
        operation("Tree::try_for_each_member", |_, subject| {
            let seen = Mutex::new(BTreeMap::new());
            subject.tree.try_for_each_member(|leaf, leaf_node| {
                seen.lock().unwrap().insert(leaf, leaf_node.clone());
                Ok::<_, TreeError>(())
            })?;
            text(seen.into_inner().unwrap())
        }),
        operation("Tree::encryption_key", |_, subject| {
            text((subject.tree.encryption_key(NodeIndex(3))?, subject.tree.encryption_key(NodeIndex(18))?))
        }),
        operation("Tree::find_encryption_key", |setting, subject| {
            text((
                subject.tree.find_encryption_key(&setting.parent_key())?,
                subject.tree.find_encryption_key(b"unknown")?,
            ))
        }),
        operation("Tree::find_other_encryption_key", |setting, subject| {
            text((
                subject.tree.find_other_encryption_key(NodeIndex(0), &setting.parent_key())?,
                subject.tree.find_other_encryption_key(NodeIndex(3), &setting.parent_key())?,
            ))
        }),
        operation("Tree::find_signature_key", |setting, subject| {
            text((
                subject.tree.find_signature_key(&setting.signature_key())?,
                subject.tree.find_signature_key(b"unknown")?,
            ))
        }),
        operation("Tree::find_other_signature_key", |setting, subject| {
            text((
                subject.tree.find_other_signature_key(OWN, &setting.signature_key())?,
                subject.tree.find_other_signature_key(OTHER, &setting.signature_key())?,
            ))
        }),
        operation("Tree::tree_hash", |_, subject| {
            // An opened tree has stored hashes, so this operation computes a hash that is not
            // stored.
            let mut tree = subject.tree.clone();
            tree.remove(OTHER)?;
            text(tree.tree_hash()?)
        }),
        operation("Tree::node_hash", |_, subject| {
            text((subject.tree.node_hash(NodeIndex(20))?, subject.tree.node_hash(NodeIndex(21))?))
        }),
        operation("Tree::resolution", |_, subject| {
            text((subject.tree.resolution(NodeIndex(15))?, subject.tree.resolution(NodeIndex(23))?))
        }),
        operation("Tree::filtered_direct_path", |_, subject| text(subject.tree.filtered_direct_path(OTHER)?)),
        operation("Tree::nodes", |_, subject| text(subject.tree.nodes()?)),
        operation("Tree::changes_since", |setting, subject| {
            let mut newer = subject.tree.clone();
            newer.update(OTHER, &setting.updated(OTHER, 1))?;
            text((newer.changes_since(&subject.tree)?, subject.tree.changes_since(&newer)?))
        }),
        operation("Tree::rows_since", |_, subject| text_of_rows(subject.tree.rows_since(None)?)),
        operation("Tree::rows_since", |setting, subject| {
            let mut newer = subject.tree.clone();
            newer.add_all(setting.newcomers.iter().map(|newcomer| &newcomer.leaf_node))?;
            text_of_rows(newer.rows_since(Some(&subject.tree))?)
        }),
        operation("Tree::moved_to", |setting, subject| {
            let mut newer = subject.tree.clone();
            newer.update(OTHER, &setting.updated(OTHER, 1))?;
            newer.add(&setting.newcomers[0].leaf_node)?;
            let (there, changes) = subject.tree.moved_to(&newer)?;
            let (back, other_changes) = there.moved_to(&subject.tree)?;
            let key = setting.signature_key();
            let found = (there.find_signature_key(&key)?, back.find_signature_key(&key)?);
            text((changes, other_changes, found, back.tree_hash()?))
        }),
        operation("Tree::patched", |setting, subject| {
            let mut newer = setting.tree().clone();
            newer.update(OTHER, &setting.updated(OTHER, 1))?;
            newer.add(&setting.newcomers[0].leaf_node)?;
            let changes = newer.rows_since(Some(setting.tree()))?;
            let changes: Vec<_> = changes.iter().map(|(key, row)| (*key, row.as_deref())).collect();
            text_of_rows(subject.tree.patched(&changes)?.rows_since(None)?)
        }),
        operation("Tree::export", |_, subject| text(subject.tree.export()?)),
        operation("Tree::export_to", |_, subject| {
            let mut written = Vec::new();
            match subject.tree.export_to(&mut written) {
                Ok(()) => text(written),
                Err(error) => {
                    assert!(written.is_empty());
                    Err(error.into_inner().unwrap().downcast_ref::<TreeError>().unwrap().clone())
                }
            }
        }),
        operation("Tree::to_wire", |_, subject| text(subject.tree.to_wire()?)),
        operation("Tree::node", |_, subject| {
            text((subject.tree.node(NodeIndex(20))?, subject.tree.node(NodeIndex(3))?))
        }),
        operation("Tree::check_parent_hashes", |_, subject| text(subject.tree.check_parent_hashes()?)),
        operation("Tree::check_signatures", |setting, subject| {
            text(subject.tree.check_signatures(&setting.group.group_id)?)
        }),
        operation("Tree::create_path", |setting, subject| {
            text_of_path(&create_path(&setting.group, &subject.tree, OWN)?)
        }),
        operation("Tree::create_external_path", |setting, subject| {
            text_of_path(&create_external_path(&setting.group, &subject.tree, &setting.newcomers[0])?)
        }),
        prepared("Tree::merge_path", add_newcomer, |setting, subject| {
            text_of_merged(&subject.tree.merge_path(OTHER, &setting.path, &[setting.added])?)
        }),
        operation("Tree::merge_external_path", |setting, subject| {
            text_of_merged(&subject.tree.merge_external_path(&setting.external_path)?)
        }),
        operation("NewPath::encrypt", |setting, subject| {
            let path = create_path(&setting.group, &subject.tree, OWN)?;
            text(path.encrypt(&setting.context, &[LeafIndex(3)], &mut rng())?)
        }),
        operation("NewPath::path_secret_for", |setting, subject| {
            let path = create_path(&setting.group, &subject.tree, OWN)?;
            let secret = |leaf| Ok::<_, TreeError>(path.path_secret_for(leaf)?.map(SecretBytes::expose));
            text((secret(LeafIndex(3))?, secret(OTHER)?, secret(BLANK)?, secret(OWN)?))
        }),
        prepared("PrivateKeys::retain_current", remove_own_parents, |_, subject| {
            text(subject.keys.retain_current(&subject.tree)?)
        }),
        prepared("PrivateKeys::join_path", join, |setting, subject| {
            text(subject.keys.join_path(&subject.tree, OTHER, setting.welcome_secret[..].into())?)
        }),
        prepared("PrivateKeys::decrypt_path", add_newcomer, |setting, subject| {
            let added = [setting.added];
            let merged = subject.tree.merge_path(OTHER, &setting.path, &added)?;
            let decrypted = subject.keys.decrypt_path(&subject.tree, &merged, &setting.context, &added)?;
            text((decrypted.commit_secret.expose(), decrypted.path_secret.expose(), decrypted.keys))
        }),
        operation("Tree::add", |setting, subject| text(subject.tree.add(&setting.newcomers[0].leaf_node)?)),
        prepared("Tree::add", fill, |setting, subject| {
            text(subject.tree.add(&setting.newcomers[6].leaf_node)?)
        }),
        operation("Tree::place", |setting, subject| {
            text(subject.tree.place(&setting.newcomers[0].leaf_node)?)
        }),
        operation("Tree::add_all", |setting, subject| {
            text(subject.tree.add_all(setting.newcomers[..3].iter().map(|newcomer| &newcomer.leaf_node))?)
        }),
        operation("Tree::add_all", |setting, subject| {
            text(subject.tree.add_all(setting.newcomers.iter().map(|newcomer| &newcomer.leaf_node))?)
        }),
        operation("Tree::update", |setting, subject| {
            text(subject.tree.update(OTHER, &setting.updated(OTHER, 1))?)
        }),
        operation("Tree::remove", |_, subject| text(subject.tree.remove(OTHER)?)),
        prepared("Tree::truncate", remove_right_half, |_, subject| text(subject.tree.truncate()?)),
        prepared("Tree::forget_deleted", remove_many_keys, |_, subject| {
            subject.tree.forget_deleted()?;
            assert!(subject.tree.index_sizes().0 < 80);
            Ok(String::new())
        }),
        operation("KeyIndex::candidates", |setting, subject| {
            text((
                subject.index.candidates(setting.tree().suite(), &setting.signature_key())?,
                subject.index.candidates(setting.tree().suite(), b"unknown")?,
            ))
        }),
        operation("KeyIndex::rows_since", |_, subject| {
            text_of_rows(subject.index.rows_since(KeyKind::Signature, None)?)
        }),
        prepared("KeyIndex::forget_deleted", remove_many_keys, |_, subject| {
            text(subject.index.forget_deleted()?)
        }),
    ]
}

fn add_newcomer(setting: &Setting, subject: &mut Subject) {
    subject.tree.add(&setting.newcomers[0].leaf_node).unwrap();
}

fn fill(setting: &Setting, subject: &mut Subject) {
    let newcomers = setting.newcomers[..6].iter().map(|newcomer| &newcomer.leaf_node);
    subject.tree.add_all(newcomers).unwrap();
}

fn remove_own_parents(setting: &Setting, subject: &mut Subject) {
    let mut tree = setting.tree().clone();
    tree.update(LeafIndex(5), &setting.updated(LeafIndex(5), 1)).unwrap();
    subject.replace(&tree, setting.keys());
}

fn remove_right_half(setting: &Setting, subject: &mut Subject) {
    for leaf in setting.group.members.keys().filter(|leaf| leaf.0 >= 4) {
        subject.tree.remove(*leaf).unwrap();
    }
}

fn join(setting: &Setting, subject: &mut Subject) {
    subject.replace(&setting.joined, &setting.joiner);
}

/// The expected result of an operation, and the expected states before and after it.
struct Expected {
    before: Snapshot,
    answer: String,
    after: Snapshot,
}

impl Operation {
    fn prepared(&self, setting: &Setting, mut subject: Subject) -> Subject {
        (self.prepare)(setting, &mut subject);
        subject
    }

    /// Runs the operation on a tree in memory.
    fn expected(&self, setting: &Setting) -> Expected {
        let mut subject = self.prepared(setting, Subject::resident(setting.tree(), setting.keys()));
        let before = subject.snapshot();
        let answer = (self.run)(setting, &mut subject).unwrap();
        Expected { before, answer, after: subject.snapshot() }
    }

    /// Runs the operation on an opened tree without failures. Returns the number of reads.
    fn reads(&self, setting: &Setting, expected: &Expected) -> usize {
        let what = self.function;
        let mut subject = self.prepared(setting, Subject::opened(setting.tree(), setting.keys()));
        let store = subject.store.clone().unwrap();
        let before = store.reads();
        assert_eq!((self.run)(setting, &mut subject).as_ref(), Ok(&expected.answer), "{what}");
        let reads = store.reads() - before;
        assert_eq!(subject.snapshot(), expected.after, "{what}");
        reads
    }
}

fn is_read_failure(error: &TreeError) -> bool {
    matches!(error, TreeError::Source(_) | TreeError::Stored(_))
}

#[test]
fn a_read_that_fails_once_or_for_good_is_an_error_and_changes_nothing() {
    let setting = Setting::new();
    for operation in operations() {
        let expected = operation.expected(&setting);
        let reads = operation.reads(&setting, &expected);
        for read in 0..reads {
            for failure in [Failure::Error, Failure::Missing] {
                for is_shared in [false, true] {
                    for fails_once in [false, true] {
                        let what = format!(
                            "{}: read {read} of {reads}, {failure:?}, shared: {is_shared}, once: {fails_once}",
                            operation.function
                        );
                        let mut subject =
                            operation.prepared(&setting, Subject::opened(setting.tree(), setting.keys()));
                        let held = is_shared.then(|| subject.clone());
                        let index_sizes = subject.tree.index_sizes();
                        let store = subject.store.clone().unwrap();
                        let last = if fails_once { read } else { usize::MAX };
                        store.fail(read..=last, failure);
                        let failed = (operation.run)(&setting, &mut subject);
                        assert!(failed.as_ref().is_err_and(is_read_failure), "{what}: {failed:?}");
                        assert_eq!(subject.tree.index_sizes(), index_sizes, "{what}");
                        if !fails_once {
                            let failed = (operation.run)(&setting, &mut subject);
                            assert!(failed.as_ref().is_err_and(is_read_failure), "{what}: {failed:?}");
                            store.repair();
                            assert_eq!(subject.snapshot(), expected.before, "{what}");
                        }
                        let repeated = (operation.run)(&setting, &mut subject);
                        assert_eq!(repeated.as_ref(), Ok(&expected.answer), "{what}");
                        assert_eq!(subject.snapshot(), expected.after, "{what}");
                        if let Some(held) = held {
                            assert_eq!(held.snapshot(), expected.before, "{what}");
                        }
                    }
                }
            }
        }
    }
}

/// Shows that an operation can be repeated until it succeeds if the first read of each row fails.
/// Each attempt gets one row further.
#[test]
fn an_operation_can_be_repeated_until_it_succeeds() {
    let setting = Setting::new();
    for operation in operations() {
        let expected = operation.expected(&setting);
        let reads = operation.reads(&setting, &expected);
        let mut subject = operation.prepared(&setting, Subject::opened(setting.tree(), setting.keys()));
        let store = subject.store.clone().unwrap();
        {
            let mut state = store.0.lock().unwrap();
            (state.first_fails, state.asked) = (true, BTreeSet::new());
        }
        let failures = (0..=reads)
            .map_while(|_| (operation.run)(&setting, &mut subject).err())
            .inspect(|error| assert!(is_read_failure(error), "{}: {error:?}", operation.function))
            .count();
        assert!(failures <= reads, "{}: {failures} failures for {reads} reads", operation.function);
        store.repair();
        assert_eq!(subject.snapshot(), expected.after, "{}", operation.function);
    }
}

/// Shows that iterating over the members ends with a failure. The failure is visible both to
/// callers that stop at an error and to callers that continue.
#[test]
fn the_members_end_with_a_failure() {
    let setting = Setting::new();
    let subject = Subject::opened(setting.tree(), setting.keys());
    let store = subject.store.clone().unwrap();
    let all = setting.tree().members().count();
    // The node above the fourth member is the fourth node that is loaded.
    store.fail(3..=3, Failure::Error);
    let members: Vec<_> = subject.tree.members().collect();
    assert!(members.len() < all && members.iter().rev().skip(1).all(Result::is_ok), "{members:?}");
    assert!(members.last().unwrap().as_ref().is_err_and(is_read_failure));
    assert!(subject.tree.members().eq(setting.tree().members()));
}

/// The public functions that never load a node.
const LOAD_NOTHING: &[&str] = &[
    "CapabilityCounts::all_support_cipher_suite",
    "CapabilityCounts::all_support_credential",
    "CapabilityCounts::all_support_extension",
    "CapabilityCounts::all_support_proposal",
    "CapabilityCounts::all_support_version",
    "CapabilityCounts::credential_types_in_use",
    "KeyIndex::fingerprint",
    "KeyIndex::insert",
    "KeyIndex::patch",
    "KeyIndex::remove",
    "MergedPath::into_tree",
    "MergedPath::sender",
    "MergedPath::steps",
    "MergedPath::tree",
    "MergedPath::update_path",
    "NewPath::commit_secret",
    "NewPath::first_path_secret",
    "NewPath::keys",
    "NewPath::leaf_node",
    "NewPath::sender",
    "NewPath::steps",
    "NewPath::tree",
    "NodeContent::bytes",
    "PrivateKeys::changes_since",
    "PrivateKeys::get",
    "PrivateKeys::insert",
    "PrivateKeys::leaf",
    "PrivateKeys::new",
    "PrivateKeys::nodes",
    "PrivateKeys::restore",
    "SourceError::get_ref",
    "SourceError::new",
    "Tree::capability_counts",
    "Tree::index_sizes",
    "Tree::member_count",
    "Tree::size",
    "Tree::stored_index",
    "Tree::suite",
    // These functions return a tree that is in memory.
    "Tree::from_wire",
    "Tree::import",
    "Tree::import_unsigned",
    "Tree::new",
    "Tree::restore",
    "UnverifiedTree::read",
    "UnverifiedTree::size",
    "UnverifiedTree::verify",
];

/// Returns the public functions in the sources, as `Type::function`.
fn public_functions() -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut of_type = None;
        for line in source.lines() {
            if let Some(rest) = line.strip_prefix("impl") {
                let name =
                    |text: &str| text.chars().take_while(|char| char.is_alphanumeric()).collect::<String>();
                let rest = if rest.starts_with('<') { rest.split_once("> ").unwrap().1 } else { rest.trim() };
                of_type = (!rest.contains(" for ")).then(|| name(rest));
            }
            let function = line.strip_prefix("    pub ").map(|rest| rest.trim_start_matches("const "));
            if let Some(name) = function.and_then(|rest| rest.strip_prefix("fn ")) {
                let name: String =
                    name.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
                functions.insert(format!("{}::{name}", of_type.clone().unwrap()));
            }
        }
    }
    functions
}

/// Shows that every public function either is among the operations or is known to load nothing.
#[test]
fn every_public_function_is_an_operation_or_loads_nothing() {
    let setting = Setting::new();
    let mut reads: BTreeMap<_, usize> = BTreeMap::new();
    for operation in operations() {
        let expected = operation.expected(&setting);
        *reads.entry(operation.function).or_default() += operation.reads(&setting, &expected);
    }
    for (function, reads) in &reads {
        assert!(*reads > 0, "{function} loads nothing");
        assert!(!LOAD_NOTHING.contains(function), "{function} loads something");
    }
    let known = reads.keys().chain(LOAD_NOTHING).map(|function| (*function).to_owned());
    assert_eq!(known.collect::<BTreeSet<_>>(), public_functions());
}
