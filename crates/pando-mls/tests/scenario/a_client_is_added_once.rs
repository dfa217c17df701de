//! A Commit adds a client only once, even if several members propose to add it, and does not add a
//! client that is already a member. A Commit that removes a client can also add it again.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::add;
use pando_mls::{GroupError, LeafIndex, Suite, Violation};

#[test]
fn the_same_key_package_twice() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let key_package = fixture.newcomer().key_package();
        let twice = fixture.build(0, |builder| builder.add(key_package.clone()).add(key_package.clone()));
        assert_eq!(twice.unwrap_err(), GroupError::Violation(Violation::SameClient));
        fixture.commit(0, |builder| builder.add(key_package.clone()));
        let again = fixture.build(0, |builder| builder.add(key_package));
        let in_use = Violation::SignatureKeyInUse(LeafIndex(2));
        assert_eq!(again.unwrap_err(), GroupError::Violation(in_use));
        fixture.commit(1, |builder| builder);
    }
}

/// Shows that a leaf can be in a group only once, even if its KeyPackage is used twice, as a
/// last-resort KeyPackage may be.
#[test]
fn a_leaf_with_a_key_that_is_there() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        // Another client claims the encryption key of the first client.
        let (first, attacker) = (fixture.newcomer(), fixture.newcomer());
        let mut stolen = attacker.key_package();
        stolen.leaf_node.encryption_key = first.key_package().leaf_node.encryption_key;
        let nowhere = (&pando_mls::GroupId::default(), LeafIndex(0));
        let to_be_signed = stolen.leaf_node.to_be_signed(nowhere).unwrap();
        stolen.leaf_node.signature =
            suite.sign_with_label(&*attacker.signer, "LeafNodeTBS", &to_be_signed).unwrap();
        let to_be_signed = stolen.to_be_signed().unwrap();
        stolen.signature = suite.sign_with_label(&*attacker.signer, "KeyPackageTBS", &to_be_signed).unwrap();

        let refused = GroupError::Violation(Violation::EncryptionKeyInUse);
        let both = fixture.build(0, |builder| builder.add(first.key_package()).add(stolen.clone()));
        assert_eq!(both.unwrap_err(), refused);
        fixture.commit(0, |builder| builder.add(first.key_package()));
        let later = fixture.build(1, |builder| builder.add(stolen));
        assert_eq!(later.unwrap_err(), refused);
        fixture.commit(1, |builder| builder);
    }
}

#[test]
fn a_client_that_two_propose_to_add_is_added_once() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (one, other, third) = {
            let mut add = || add(fixture.newcomer().key_package());
            (add(), add(), add())
        };
        for (by, proposal) in [(0, &one), (1, &one), (2, &other), (1, &third)] {
            fixture.propose(by, proposal.clone());
        }
        fixture.commit(0, |builder| builder.proposal(third));
        assert_eq!(fixture.tree().member_count(), 6);
    }
}

/// In a group of three, a second Add of a member is left out until a Commit removes that member.
fn comes_back_when_it_goes(suite: Suite) {
    let mut fixture = GroupFixture::of(suite, 2);
    let key_package = fixture.newcomer().key_package();
    fixture.commit(0, |builder| builder.add(key_package.clone()));
    fixture.propose(1, add(key_package.clone()));
    fixture.commit(0, |builder| builder);
    assert_eq!(fixture.tree().member_count(), 3);
    fixture.propose(1, add(key_package));
    let (_, welcome) = fixture.commit(0, |builder| builder.remove(LeafIndex(2)));
    assert!(welcome.is_some());
    assert_eq!(fixture.tree().member_count(), 3);
}

#[test]
fn a_client_that_is_there_is_not_added_unless_it_goes() {
    suites().for_each(comes_back_when_it_goes);
}
