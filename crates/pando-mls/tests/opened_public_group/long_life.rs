//! Shows that an opened public group can process a thousand Commits without an increase of its
//! memory and of its reads.

use crate::forger::{ByName, Forger, Plan, sent};
use crate::store::Store;
use crate::{group_fixture, make};
use pando_mls::{AdmitAll, LeafIndex, Limits, PublicGroup, PublicProcessed, Rows, RustCrypto};

const MEMBERS: u32 = 300;

/// Creates and processes Commits of some members. Every fifth Commit replaces the last member, and
/// every tenth Commit is rolled back and merged again. Returns the largest number of reads for a
/// single Commit.
fn go_on(
    forger: &mut Forger,
    group: &mut PublicGroup,
    store: &Store,
    commits: std::ops::Range<u32>,
) -> usize {
    let mut most_reads = 0;
    for number in commits {
        let by = LeafIndex(number % 8 * 30);
        let key = |group: &PublicGroup, leaf| group.public().tree().signature_key(leaf).unwrap().unwrap();
        let old_keys = [by, LeafIndex(MEMBERS - 1)].map(|leaf| (leaf, key(group, leaf)));
        let by_value = if number % 5 == 0 {
            let key_package = forger.key_package(MEMBERS + number, None);
            vec![make::remove(MEMBERS - 1), make::add(key_package)]
        } else {
            Vec::new()
        };
        let plan = Plan { by_value, has_path: true, has_new_signer: number % 3 == 0, ..Plan::default() };
        let message = forger.commit(group, by, plan).unwrap();
        let before = store.reads();
        let (processed, delta) =
            group.process(sent(&message), &ByName, &AdmitAll, None).unwrap().into_parts();
        store.apply(&delta);
        let PublicProcessed::Commit(staged) = processed else { panic!("not a Commit") };
        store.apply(&group.merge_unconfirmed(&staged).unwrap().into_parts().1);
        most_reads = most_reads.max(store.reads() - before);
        if number % 10 == 0 {
            store.apply(&group.roll_back().unwrap().into_parts().1);
            store.apply(&group.merge_unconfirmed(&staged).unwrap().into_parts().1);
        }
        for (leaf, old_key) in old_keys {
            if key(group, leaf) != old_key {
                forger.forget(&old_key);
            }
        }
        let (encryption, signature) = group.public().tree().index_sizes();
        // The bound covers the entries of eight paths and of the last leaf, and as many tombstones.
        // The bound also covers 64 more tombstones, which may accumulate before the group checks
        // them against the store.
        assert!(encryption < 2 * 9 * 10 + 64 + 40 && signature < 2 * 9 + 64 + 4, "{encryption} {signature}");
    }
    most_reads
}

#[test]
fn a_thousand_commits_take_bounded_memory() {
    let mut forger = Forger::new(group_fixture::suite(1), 1);
    let group_info = forger.group(0..MEMBERS);
    let (group, delta) =
        PublicGroup::new(forger.suite, &group_info, None, &ByName, Limits::default()).unwrap().into_parts();
    let mut rows = Rows::new();
    delta.apply(&mut rows).unwrap();
    drop(group);
    let store = Store::new(&rows);
    let mut group = PublicGroup::open(store.clone(), &RustCrypto, Limits::default()).unwrap();
    go_on(&mut forger, &mut group, &store, 0..200);
    let mut reads = 0;
    let memory = allocation_counter::measure(|| reads = go_on(&mut forger, &mut group, &store, 200..1_000));
    println!("{memory:?}, {reads} reads");
    assert!(memory.bytes_current < 50_000, "{memory:?}");
    // Tombstones are occasionally checked against the store, at most 200 at a time.
    assert!(reads < 300, "{reads}");
    assert!(group.rows().unwrap() == store.rows());
}
