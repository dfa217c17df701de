//! Shows that a Commit that is processed but not merged leaves no traces in an opened public group.

use crate::forger::{ByName, Forger, Plan, sent};
use crate::store::{Store, copy};
use crate::{group_fixture, make};
use pando_mls::{AdmitAll, LeafIndex, Limits, MlsMessage, PublicGroup, PublicProcessed, Rows, RustCrypto};

fn take(group: &mut PublicGroup, message: &MlsMessage) {
    let (processed, delta) = group.process(sent(message), &ByName, &AdmitAll, None).unwrap().into_parts();
    assert!(matches!(processed, PublicProcessed::Commit(_)) && delta.is_empty());
}

#[test]
fn a_dropped_commit_leaves_nothing_behind() {
    let mut forger = Forger::new(group_fixture::suite(1), 1);
    let group_info = forger.group(0..9);
    let (resident, delta) =
        PublicGroup::new(forger.suite, &group_info, None, &ByName, Limits::default()).unwrap().into_parts();
    let mut rows = Rows::new();
    delta.apply(&mut rows).unwrap();
    let mut commits = Vec::new();
    for (by, name) in [(1, 20), (8, 21), (3, 22)] {
        let by_value = vec![make::remove(5), make::add(forger.key_package(name, None))];
        let plan = Plan { by_value, has_path: true, has_new_signer: true, ..Plan::default() };
        commits.push(forger.commit(&resident, LeafIndex(by), plan).unwrap());
    }
    commits.push(forger.external(&resident, 23, Some(LeafIndex(2))).unwrap());
    let opened = PublicGroup::open(Store::new(&rows), &RustCrypto, Limits::default()).unwrap();
    for mut group in [resident, opened] {
        let sizes = group.public().tree().index_sizes();
        for commit in commits.iter().cycle().take(12) {
            take(&mut group, commit);
            assert_eq!(group.public().tree().index_sizes(), sizes);
            assert!(group.take_delta().delta().is_empty());
        }
        assert!(group.rows().unwrap() == rows);
        // The next Commit writes the same rows as for a group that has not processed any other
        // Commit.
        let mut fresh = PublicGroup::load(&copy(&rows), &RustCrypto, &ByName, Limits::default()).unwrap();
        let deltas = [&mut group, &mut fresh].map(|group| {
            let processed =
                group.process(sent(&commits[0]), &ByName, &AdmitAll, None).unwrap().assume_persisted();
            let PublicProcessed::Commit(staged) = processed else { panic!("not a Commit") };
            group.merge_unconfirmed(&staged).unwrap().into_parts().1
        });
        assert!(deltas[0] == deltas[1]);
    }
}
