//! Measures creating and joining groups.

use crate::measure::{Series, Session};
use crate::ops::LARGEST_FRESH;
use pando_benches::heap;
use pando_benches::large_group::{Created, LargeGroup, Member, timed};
use pando_benches::rng;
use pando_benches::test_client::{TestClient, key_packages};
use pando_mls::{CommitBuilder, Decode, Encode, KeyPackage, MlsMessage};
use rand_chacha::ChaCha20Rng;

const JOINS: [&str; 3] = ["join_welcome_oob", "heap_joined_group", "heap_peak_during_join"];

/// Returns a group with a fresh tree. The creation of the group is measured if the user has
/// selected any operation that creates or joins it.
pub(crate) fn fresh(session: &Session, n: u32) -> LargeGroup {
    session.doing(n, "making KeyPackages");
    let others = key_packages(session.crypto, 1..n);
    create(session, n, &others, true);
    let created = create(session, n, &others, false);
    let created = created.unwrap_or_else(|| {
        session.doing(n, "creating the group");
        Created::new(session.crypto, &others, false, &mut rng())
    });
    if session.wants(&JOINS) {
        join_all(session, n, &created);
    }
    LargeGroup::of(session.crypto, n, created)
}

/// Adds all members by a single Commit, repeatedly. Returns the last group created in this way, or
/// `None` if the operation is not selected.
fn create(session: &Session, n: u32, others: &[Vec<u8>], with_tree: bool) -> Option<Created> {
    let [build, merge] = if with_tree {
        ["create_group_add_all_build", "create_group_add_all_merge"]
    } else {
        ["create_group_add_all_oob_build", "create_group_add_all_oob_merge"]
    };
    if !session.wants(&[build, merge]) {
        return None;
    }
    session.doing(n, build);
    let [mut build, mut merge] = [build, merge].map(Series::new);
    let mut last = None;
    while build.goes_on(session) {
        drop(last.take());
        let created = Created::new(session.crypto, others, with_tree, &mut rng());
        build.push(created.build);
        build.bytes(created.commit_bytes);
        merge.push(created.merge);
        merge.bytes(created.welcome.len());
        last = Some(created);
    }
    session.report(n, [&build, &merge]);
    last
}

/// Measures joining as the last added member, by the Welcome for all members.
fn join_all(session: &Session, n: u32, created: &Created) {
    session.doing(n, "join_welcome_oob");
    let tree = created.creator.tree();
    let mut series = Joins::new("join_welcome_oob");
    while series.join.goes_on(session) {
        let client = TestClient::new(session.crypto, n - 1);
        let joined = series.join(client, &created.welcome, Some(&tree));
        assert_eq!(joined.group.epoch_authenticator(), created.creator.group.epoch_authenticator());
    }
    series.report(session, n);
}

/// Measures joining by a Welcome for a single member, which is added after all others. The Commit
/// is then dropped.
pub(crate) fn join_single(session: &Session, n: u32, large_group: &mut LargeGroup) {
    let (single, heap) = ("join_welcome_single", n > LARGEST_FRESH && session.wants(&JOINS[1..]));
    if !heap && !session.wants(&[single]) {
        return;
    }
    session.doing(n, single);
    let client = || TestClient::new(session.crypto, n);
    let mut rng = rng();
    let mut others;
    let committer = if n > LARGEST_FRESH {
        &mut large_group.committer
    } else {
        others = all_but_one(session, n, &mut rng);
        &mut others
    };
    let mut series = Joins::new(single);
    while series.join.goes_on(session) {
        let key_package = client().bundle().key_package;
        let (_, welcome) = committer.commit(|builder| builder.add(key_package).without_path(), &mut rng);
        let welcome = MlsMessage::from(welcome.unwrap()).encode().unwrap();
        series.join(client(), &welcome, None);
        committer.group.clear_pending().assume_persisted();
    }
    if heap {
        series.report(session, n);
    } else {
        session.report(n, [&series.join]);
    }
}

/// Returns the committer of a group with `n - 1` members.
fn all_but_one(session: &Session, n: u32, rng: &mut ChaCha20Rng) -> Member {
    let mut creator = Member::alone(session.crypto, rng);
    let others = key_packages(session.crypto, 1..n - 1);
    if !others.is_empty() {
        let _ = creator.commit(
            |builder| {
                let others = others.iter().map(|bytes| KeyPackage::decode(bytes).unwrap());
                others.fold(builder, CommitBuilder::add).without_path().without_tree()
            },
            rng,
        );
        creator.group.merge_pending().unwrap().assume_persisted();
    }
    creator
}

struct Joins {
    join: Series,
    live: Series,
    peak: Series,
}

impl Joins {
    fn new(op: &'static str) -> Self {
        let [live, peak] = ["heap_joined_group", "heap_peak_during_join"].map(Series::new);
        Self { join: Series::new(op), live, peak }
    }

    fn join(&mut self, client: TestClient, welcome: &[u8], tree: Option<&[u8]>) -> Member {
        let before = heap::live();
        let bundle = client.bundle();
        let ((joined, time), peak) =
            heap::peak_during(|| timed(|| Member::join(client, &bundle, welcome, tree)));
        let (member, delta) = joined;
        drop(delta);
        self.join.push(time);
        self.join.bytes(welcome.len());
        self.live.bytes(heap::live() - before);
        self.peak.bytes(peak);
        member
    }

    fn report(self, session: &Session, n: u32) {
        let note = if n > LARGEST_FRESH { "warm tree" } else { "" };
        session.report(n, [&self.join, &self.live.note(note), &self.peak.note(note)]);
    }
}
