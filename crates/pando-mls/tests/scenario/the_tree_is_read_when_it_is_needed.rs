//! A lazily loaded group reads only those nodes of its tree that an operation needs. If any read
//! fails, the operation fails with the error of the store, no matter which result the incomplete
//! tree would have led to. After the group is opened again, its state is the same as if the
//! operation had not started.

use crate::group_fixture::{GroupFixture, Member, client, over_the_wire, read, suite};
use pando_mls::wire::Remove;
use pando_mls::{
    Context, Group, GroupError, LeafIndex, MlsMessage, Processed, Proposal, RowKey, RowSource, Rows,
    SecretBytes, SourceError, Suite, TreeError, TreeKey,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A store that counts its reads and makes one of them fail.
#[derive(Default)]
struct Flaky {
    rows: Rows,
    asked: AtomicUsize,
    nodes: Mutex<BTreeSet<RowKey>>,
    fails_at: Option<usize>,
}

impl Flaky {
    fn ask(&self) -> Result<(), SourceError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.fails_at == Some(asked) { Err(SourceError::new("the disk is gone")) } else { Ok(()) }
    }

    fn nodes(&self) -> usize {
        self.nodes.lock().unwrap().len()
    }
}

impl RowSource for Flaky {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.ask()?;
        if matches!(key, RowKey::Tree(TreeKey::Node(_))) {
            assert!(self.nodes.lock().unwrap().insert(key), "{key:?} is read twice");
        }
        self.rows.row(key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        self.ask()?;
        RowSource::range(&self.rows, first, last)
    }
}

impl Member {
    fn source(&self, fails_at: Option<usize>) -> Arc<Flaky> {
        Arc::new(Flaky { rows: self.copy(), fails_at, ..Flaky::default() })
    }

    fn copy(&self) -> Rows {
        self.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
    }

    fn open(&self, source: Arc<Flaky>) -> Result<Group, GroupError> {
        Group::open(source, &client(&*self.signer).with_config(*self.group.config()))
    }
}

/// Returns a group of `2^level` members, all of which have created a Commit, so that no parent is
/// blank. Only the first and the last member are kept.
fn warm(suite: Suite, level: u32) -> GroupFixture {
    let mut fixture = GroupFixture::of(suite, 1 << level);
    for by in 0..fixture.members.len() {
        fixture.commit(by, |builder| builder);
    }
    let last = fixture.members.len() - 1;
    fixture.members.swap(1, last);
    fixture.members.truncate(2);
    fixture
}

/// An operation of the last member.
type Operation = Box<dyn Fn(&mut Group, &Context<'_>) -> Result<(), GroupError>>;

fn takes_commit(message: MlsMessage) -> Operation {
    Box::new(move |group, cx| match group.process(over_the_wire(&message), cx)?.assume_persisted() {
        Processed::Commit(staged) => group.merge(*staged).map(drop),
        other => panic!("not a Commit: {other:?}"),
    })
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// Returns operations that read O(log N) nodes.
fn operations(fixture: &mut GroupFixture) -> Vec<(&'static str, Operation)> {
    let mut operations: Vec<(_, Operation)> = Vec::new();
    let message = fixture.send(0, b"hello");
    operations.push((
        "message",
        Box::new(move |group, cx| {
            let processed = group.process(over_the_wire(&message), cx)?.assume_persisted();
            assert_eq!(read(Ok(processed)).1, b"hello");
            Ok(())
        }),
    ));
    let newcomer = fixture.newcomer();
    for what in ["update", "remove", "add", "add without a path"] {
        let (commit, _) = fixture
            .build(0, |builder| match what {
                "update" => builder,
                "remove" => builder.remove(LeafIndex(1)),
                "add" => builder.add(newcomer.key_package()),
                _ => builder.add(newcomer.key_package()).without_path(),
            })
            .unwrap();
        operations.push((what, takes_commit(commit)));
        fixture.members[0].clear_pending();
    }
    let removal = fixture.members[0]
        .propose(Proposal::Remove(Remove { removed: LeafIndex(2) }), &mut fixture.rng)
        .unwrap();
    operations.push((
        "proposal",
        Box::new(move |group, cx| match group.process(over_the_wire(&removal), cx)?.assume_persisted() {
            Processed::Proposal(_) => Ok(()),
            other => panic!("not a proposal: {other:?}"),
        }),
    ));
    operations.push(("send", Box::new(|group, cx| group.encrypt(b"hello", cx, &mut rng()).map(drop))));
    operations
        .push(("propose", Box::new(|group, cx| group.propose_update(None, b"", cx, &mut rng()).map(drop))));
    operations.push(("commit", Box::new(|group, cx| group.commit().build(cx, &mut rng()).map(drop))));
    operations.push((
        "commit removal",
        Box::new(|group, cx| group.commit().remove(LeafIndex(1)).build(cx, &mut rng()).map(drop)),
    ));
    operations
        .push(("describe", Box::new(|group, cx| group.group_info().without_tree().build(cx).map(drop))));
    operations
}

#[test]
fn what_is_read_grows_with_the_logarithm() {
    for level in 2..=5 {
        let mut fixture = warm(suite(1), level);
        for (what, operation) in operations(&mut fixture) {
            let member = &fixture.members[1];
            let source = member.source(None);
            let mut group = member.open(source.clone()).unwrap();
            operation(&mut group, &client(&*member.signer)).unwrap();
            // An operation reads the direct paths of this member and of the other member, and their
            // copaths. A removal blanks a path, and the Commit is encrypted to the resolutions of
            // the blank nodes.
            let (nodes, limit) = (source.nodes(), 4 * level as usize + 6);
            assert!(nodes <= limit, "{what} at {level}: {nodes} nodes");
        }
    }
}

/// Shows that each read of an operation may fail. The test program `read_failures` does this for
/// all operations, with suite 1.
#[test]
fn a_store_may_fail_at_any_time() {
    let mut fixture = warm(suite(3), 4);
    let mut all = operations(&mut fixture);
    // The following operations read the whole tree.
    all.push(("describe all", Box::new(|group, cx| group.group_info().build(cx).map(drop))));
    all.push(("all rows", Box::new(|group, _| group.rows().map(drop))));
    for (what, operation) in all {
        let member = &fixture.members[1];
        let cx = client(&*member.signer);
        let sound = member.source(None);
        operation(&mut member.open(sound.clone()).unwrap(), &cx).unwrap();
        let questions = sound.asked.load(Ordering::Relaxed);
        assert!(questions > 5, "{what}");
        for question in 0..questions {
            let opened = member.open(member.source(Some(question)));
            let failed = match opened {
                Err(error) => error,
                Ok(mut group) => {
                    let error = operation(&mut group, &cx).unwrap_err();
                    // The same operation succeeds once the store can be read again.
                    operation(&mut group, &cx).unwrap();
                    error
                }
            };
            assert!(matches!(failed, GroupError::Source(_)), "{what} at question {question}: {failed:?}");
        }
    }
}

/// Shows that the error names a malformed row. Each row that an operation reads is damaged, one at
/// a time.
#[test]
fn what_is_malformed_is_named() {
    let mut fixture = warm(suite(1), 4);
    let mut damaged = 0;
    for (what, operation) in operations(&mut fixture) {
        let member = &fixture.members[1];
        let cx = client(&*member.signer);
        let sound = member.source(None);
        operation(&mut member.open(sound.clone()).unwrap(), &cx).unwrap();
        for key in sound.nodes.lock().unwrap().iter() {
            for damage in [None, Some(0), Some(1)] {
                let mut source = Flaky { rows: member.copy(), ..Flaky::default() };
                match damage {
                    None => drop(source.rows.remove(key)),
                    Some(length) => drop(source.rows.insert(*key, vec![0; length].into())),
                }
                let opened = member.open(Arc::new(source));
                let failed = opened.and_then(|mut group| operation(&mut group, &cx)).unwrap_err();
                let RowKey::Tree(tree_key) = key else { panic!("{key:?}") };
                assert_eq!(failed, GroupError::Tree(TreeError::Stored(*tree_key)), "{what}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 100);
}
