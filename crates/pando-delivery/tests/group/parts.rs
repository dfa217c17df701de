//! Commits that several transactions write. The oracle is the single transaction.

use crate::fixture::{Checked, Device, World, block_on, code, group_id};
use pando_api::{ProblemCode, SubmitCommit};
use pando_delivery::Refusal;
use pando_delivery::group::{
    CheckedCommit, LargeWrite, Moment, Parts, apply_next, expire, is_unfinished, partition,
};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Snapshot, Store, Transaction};
use pando_mls::LeafIndex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All rows of a partition, and its due time.
type Contents = (BTreeMap<Vec<u8>, Vec<u8>>, Option<u64>);

const HOUR: u64 = 60 * 60 * 1_000;

/// A copy of the group's partition.
struct Copy {
    store: MemoryStore,
    moment: Moment,
}

impl Copy {
    fn of(world: &World) -> Self {
        let copy = Self { store: MemoryStore::new(), moment: Moment { now: world.now, incarnation: 1 } };
        let (rows, due) = contents(&world.store);
        copy.write(move |partition| {
            for (key, value) in rows {
                partition.put(&key, &value)?;
            }
            Ok(partition.set_due(due)?)
        })
        .unwrap();
        copy
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        block_on(self.store.write(&partition(&group_id()), 0, work))
    }

    fn contents(&self) -> Contents {
        contents(&self.store)
    }

    /// Writes the first `count` parts.
    fn write_parts(&self, parts: &Arc<Parts>, count: usize) {
        for (number, _) in parts.sizes().take(count) {
            self.write_part(parts, number).unwrap();
        }
    }

    fn write_part(&self, parts: &Arc<Parts>, number: u32) -> Result<(), Refusal> {
        let (parts, now) = (Arc::clone(parts), self.moment.now);
        self.write(move |rows| parts.write(rows, number, now))
    }

    fn apply_all(&self) {
        while self.write(|rows| apply_next(rows)).unwrap() {}
    }

    fn decide(&self, commit: &Arc<CheckedCommit>, parts: Option<&Arc<Parts>>) -> Result<u64, Refusal> {
        let (commit, parts, moment) = (Arc::clone(commit), parts.cloned(), self.moment);
        Ok(self.write(move |rows| commit.write(rows, moment, parts.as_deref()))?.seq())
    }

    fn is_unfinished(&self) -> bool {
        block_on(self.store.read(&partition(&group_id()), |rows: &dyn Snapshot| is_unfinished(rows))).unwrap()
    }

    fn withdraw(&self, parts: &Arc<Parts>, limit: usize) -> bool {
        let parts = Arc::clone(parts);
        self.write(move |rows| parts.withdraw(rows, limit)).unwrap()
    }
}

fn contents(store: &MemoryStore) -> Contents {
    let partition = partition(&group_id());
    let read = store.read(&partition, |rows: &dyn Snapshot| {
        let page = rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?;
        let found = page.rows.into_iter().map(|row| (row.key, row.value)).collect();
        Ok::<_, Refusal>((found, rows.due()?))
    });
    block_on(read).unwrap()
}

/// Returns a world, and a checked Commit that changes rows of all kinds: it removes Bob, removes
/// Carol and adds her again, and adds Dave.
fn world_and_commit() -> (World, Arc<CheckedCommit>) {
    let (mut world, mut alice, bob, mut carol) = World::with_three();
    let mut dave = world.device("dave@example.org/phone", 1);
    // Bob's removal is due, and so is Carol's.
    world.set_removal(&bob.caller.client, 9);
    world.set_removal(&carol.caller.client, 9);
    let key_packages = world.key_packages(&mut [&mut carol, &mut dave]);
    let request = world.build_commit(&mut alice, None, |commit| {
        let commit = commit.remove(LeafIndex(1)).remove(LeafIndex(2));
        key_packages.into_iter().fold(commit, pando_mls::CommitBuilder::add)
    });
    let commit = check(&world, &alice, &request);
    (world, commit)
}

fn check(world: &World, committer: &Device, request: &SubmitCommit) -> Arc<CheckedCommit> {
    match world.check(&committer.caller, request).unwrap() {
        Checked::New(checked) => Arc::new(checked.0),
        Checked::Repeated(_) => panic!("repeated"),
    }
}

fn parts(commit: &CheckedCommit, at_once: usize) -> Arc<Parts> {
    Arc::new(commit.parts(at_once).unwrap().unwrap())
}

#[test]
fn parts_write_the_same_rows_as_one_transaction() {
    let (world, commit) = world_and_commit();
    let direct = Copy::of(&world);
    let seq = direct.decide(&commit, None).unwrap();
    let expected = direct.contents();
    let all = parts(&commit, 1).sizes().count();
    assert!(all > 10, "{all} changes");
    for at_once in 1..all {
        let (copy, parts) = (Copy::of(&world), parts(&commit, at_once));
        let count = parts.sizes().count();
        assert_eq!(count, all.div_ceil(at_once));
        let before = copy.contents().0;
        copy.write_parts(&parts, count);
        // The parts are beside all other rows.
        let written = copy.contents().0;
        assert_eq!(written.len(), before.len() + count + 1);
        assert!(before.iter().all(|(key, value)| written.get(key) == Some(value)));
        assert!(!copy.is_unfinished());
        assert_eq!(copy.decide(&commit, Some(&parts)).unwrap(), seq);
        for left in (0..count).rev() {
            assert!(copy.is_unfinished());
            // Parts that must be applied are not withdrawn.
            assert!(!copy.withdraw(&parts, 100));
            assert_eq!(copy.write(|rows| apply_next(rows)).unwrap(), left > 0);
        }
        assert!(!copy.is_unfinished());
        assert_eq!(copy.contents(), expected, "with {at_once} changes at once");
        // Repeating the request returns the first answer and changes nothing.
        assert_eq!(copy.decide(&commit, Some(&parts)).unwrap(), seq);
        assert!(!copy.write(|rows| apply_next(rows)).unwrap());
        assert_eq!(copy.contents(), expected);
    }
    assert!(commit.parts(all).unwrap().is_none(), "one transaction can write all changes");
}

#[test]
fn parts_of_a_commit_that_has_lost_are_withdrawn() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let [winner, loser] = [&mut alice, &mut bob].map(|committer| {
        let request = world.build_commit(committer, None, |commit| commit);
        check(&world, committer, &request)
    });
    let (copy, parts) = (Copy::of(&world), parts(&loser, 2));
    copy.decide(&winner, None).unwrap();
    let before = copy.contents().0;
    copy.write_parts(&parts, usize::MAX);
    assert_eq!(code(copy.decide(&loser, Some(&parts))), ProblemCode::EpochConflict);
    while copy.withdraw(&parts, 3) {}
    assert_eq!(copy.contents().0, before);
}

/// Two requests with the same Commit write the same parts, and one of them withdraws them.
#[test]
fn parts_that_were_deleted_decide_nothing() {
    let (world, commit) = world_and_commit();
    let parts = parts(&commit, 2);
    let count = parts.sizes().count();
    let last = u32::try_from(count - 1).unwrap();
    for deleted in 1..=count + 1 {
        let copy = Copy::of(&world);
        copy.write_parts(&parts, count);
        let is_left = copy.withdraw(&parts, deleted);
        assert_eq!(is_left, deleted < count, "{deleted} of {count}");
        // Another request, which has not noticed, can neither go on nor decide.
        let before = copy.contents();
        assert_eq!(code(copy.write_part(&parts, last)), ProblemCode::Overloaded);
        assert_eq!(code(copy.decide(&commit, Some(&parts))), ProblemCode::Overloaded);
        // Even if a third one has begun again.
        copy.write_part(&parts, 0).unwrap();
        assert_eq!(code(copy.write_part(&parts, last)), ProblemCode::Overloaded);
        assert_eq!(code(copy.decide(&commit, Some(&parts))), ProblemCode::Overloaded);
        assert_eq!(copy.contents().0.get(&b"a"[..]), before.0.get(&b"a"[..]), "the epoch has not changed");
        // The third one succeeds, although the first one still deletes.
        if is_left {
            copy.withdraw(&parts, 1);
            assert_eq!(code(copy.write_part(&parts, 1)), ProblemCode::Overloaded);
            copy.write_part(&parts, 0).unwrap();
        }
        for number in 1..=last {
            copy.write_part(&parts, number).unwrap();
        }
        copy.decide(&commit, Some(&parts)).unwrap();
        copy.apply_all();
        let direct = Copy::of(&world);
        direct.decide(&commit, None).unwrap();
        assert_eq!(copy.contents(), direct.contents());
    }
}

/// A request that is late writes parts that another request has written, decided, and applied.
#[test]
fn the_same_parts_are_applied_once() {
    let (world, commit) = world_and_commit();
    let parts = parts(&commit, 2);
    let count = parts.sizes().count();
    for late in 0..=count {
        let copy = Copy::of(&world);
        copy.write_parts(&parts, count);
        // The other request writes some parts again before the decision.
        copy.write_parts(&parts, late);
        let seq = copy.decide(&commit, Some(&parts)).unwrap();
        copy.apply_all();
        let applied = copy.contents();
        if let Some(next) = u32::try_from(late).ok().filter(|next| *next > 0) {
            assert_eq!(code(copy.write_part(&parts, next.min(1))), ProblemCode::Overloaded);
        }
        assert_eq!(copy.decide(&commit, Some(&parts)).unwrap(), seq);
        assert!(!copy.withdraw(&parts, 100));
        assert_eq!(copy.contents(), applied);
    }
}

#[test]
fn a_request_without_a_prospect_is_not_admitted() {
    let (world, commit) = world_and_commit();
    let copy = Copy::of(&world);
    let admit = |copy: &Copy| {
        let commit = Arc::clone(&commit);
        copy.write(move |rows| commit.admit(rows))
    };
    admit(&copy).unwrap();
    copy.decide(&commit, None).unwrap();
    assert_eq!(code(admit(&copy)), ProblemCode::EpochConflict);
}

#[test]
fn parts_that_a_crash_leaves_behind_expire() {
    let (world, commit) = world_and_commit();
    let expire_at = |copy: &Copy, now: u64, limit: usize| {
        copy.write(move |rows| expire(rows, now, u64::MAX, limit)).unwrap()
    };
    let parts = parts(&commit, 2);
    for count in 1..=parts.sizes().count() {
        let copy = Copy::of(&world);
        let (before, now) = (copy.contents().0, copy.moment.now);
        copy.write_parts(&parts, count);
        // The group is due at the latest when the parts expire.
        assert!(copy.contents().1.unwrap() <= now + HOUR);
        assert_eq!(expire_at(&copy, now + HOUR - 1, 100), Some(now + HOUR));
        assert_eq!(copy.contents().0.len(), before.len() + count + 1);
        let mut rounds = 0;
        while expire_at(&copy, now + HOUR, 2).is_some_and(|next| next <= now + HOUR) {
            rounds += 1;
        }
        assert_eq!((copy.contents().0, rounds), (before, count.div_ceil(2)));
    }
}

/// The set that expires first is deleted first, whatever the digests of the sets are.
#[test]
fn sets_of_parts_expire_in_the_order_of_their_times() {
    let (world, commit) = world_and_commit();
    let sets = [2, 3, 4, 5, 6].map(|at_once| parts(&commit, at_once));
    let mut copy = Copy::of(&world);
    let (before, began) = (copy.contents().0, copy.moment.now);
    for set in &sets {
        copy.write_parts(set, 2);
        copy.moment.now += 1;
    }
    for late in 0..5 {
        let now = began + HOUR + late;
        let work = move |rows: &mut dyn Transaction| expire(rows, now, u64::MAX, 100);
        assert_eq!(copy.write(work).unwrap(), Some(now));
        let left = usize::try_from(4 - late).unwrap();
        assert_eq!(copy.contents().0.len(), before.len() + 3 * left);
    }
}
