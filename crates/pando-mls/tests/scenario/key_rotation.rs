//! A member rotates its signature key, either by its own Commit or by an Update that another member
//! commits. From then on, it signs with the new key, and its old key is rejected.

use crate::group_fixture::{GroupFixture, leaf_template, read, suites};
use crate::proposals::custom;
use pando_mls::{
    BasicIdentities, GroupError, LeafIndex, Misuse, NewLeaf, Processed, Signer, Suite, Violation,
};

/// Checks that the old key can no longer be used, and that the new key can be used for all
/// operations.
fn has_rotated(fixture: &mut GroupFixture, by: usize, new: Box<dyn Signer>) {
    let (member, rng) = (&mut fixture.members[by], &mut fixture.rng);
    assert_eq!(
        member.group.public().tree().signature_key(member.leaf()).unwrap().as_ref(),
        Some(new.public_key())
    );
    let wrong = GroupError::Misuse(Misuse::WrongSigner);
    assert_eq!(member.send(b"x", rng).unwrap_err(), wrong);
    assert_eq!(member.propose(custom(0xf001, b""), rng).unwrap_err(), wrong);
    assert_eq!(member.propose_update(rng).unwrap_err(), wrong);
    assert_eq!(member.build(|builder| builder, rng).map(|_| ()).unwrap_err(), wrong);
    let info = member.group.group_info().without_tree().build(&crate::group_fixture::client(&*member.signer));
    assert_eq!(info.unwrap_err(), wrong);
    assert_eq!(member.pending_proposals(), []);
    member.signer = new;
    fixture.chat(by);
    fixture.propose(by, custom(0xf001, b""));
    fixture.propose_update(by);
    fixture.commit(by, |builder| builder);
    fixture.join_external(None, vec![]);
    fixture.chat(by);
}

fn by_a_commit(suite: Suite, by: usize) {
    let mut fixture = GroupFixture::of(suite, 3);
    let (new, late) = (fixture.signer(), fixture.send(by, b"with the old key"));
    let leaf = NewLeaf { template: leaf_template(), signer: &*new };
    let message = fixture.members[by].build_leaf(leaf, &BasicIdentities, &mut fixture.rng).unwrap();
    // While the Commit is pending, the old key is still the correct one.
    fixture.chat(by);
    fixture.deliver_commit(by, &message);
    let reader = (by + 1) % 3;
    assert_eq!(read(fixture.members[reader].process(&late)).1, b"with the old key");
    has_rotated(&mut fixture, by, new);
}

fn by_an_update(suite: Suite, by: usize) {
    let mut fixture = GroupFixture::of(suite, 3);
    let (new, late) = (fixture.signer(), fixture.send(by, b"with the old key"));
    let leaf = NewLeaf { template: leaf_template(), signer: &*new };
    let message = fixture.members[by].propose_leaf(leaf, &BasicIdentities, &mut fixture.rng).unwrap();
    fixture.deliver_proposal(by, &message);
    let other = (by + 1) % 3;
    fixture.commit(other, |builder| builder);
    assert_eq!(read(fixture.members[other].process(&late)).1, b"with the old key");
    has_rotated(&mut fixture, by, new);
}

#[test]
fn a_signature_key_is_rotated_by_a_commit() {
    for suite in suites() {
        by_a_commit(suite, 0);
        by_a_commit(suite, 2);
    }
}

#[test]
fn a_signature_key_is_rotated_by_an_update() {
    for suite in suites() {
        by_an_update(suite, 0);
        by_an_update(suite, 2);
    }
}

/// Shows that the GroupInfo in the Welcome of a Commit that rotates the committer's key is signed
/// with the new key, which is the key in the new tree.
#[test]
fn a_newcomer_is_welcomed_by_a_commit_that_rotates() {
    for suite in suites() {
        for by in [0, 1] {
            let mut fixture = GroupFixture::of(suite, 2);
            let (new, newcomer, rng) = (fixture.signer(), fixture.newcomer(), &mut fixture.rng);
            let leaf = NewLeaf { template: leaf_template(), signer: &*new };
            let (message, welcome) = fixture.members[by]
                .operate(|group, cx| {
                    let builder = group.commit().new_leaf(leaf).add(newcomer.key_package());
                    let output = builder.build(&cx, rng)?;
                    Ok(output.map(|output| (output.message, output.welcome)))
                })
                .unwrap();
            fixture.deliver_commit(by, &message);
            fixture.enter(newcomer, &welcome.unwrap());
            fixture.members[by].signer = new;
            fixture.chat(by);
        }
    }
}

#[test]
fn a_rotation_that_has_lost_changes_nothing() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let new = fixture.signer();
        let leaf = NewLeaf { template: leaf_template(), signer: &*new };
        let lost = fixture.members[0].build_leaf(leaf, &BasicIdentities, &mut fixture.rng).unwrap();
        let (won, _) = fixture.build(1, |builder| builder).unwrap();
        fixture.deliver_commit(1, &won);
        for member in &mut fixture.members {
            assert!(member.process(&lost).is_err());
        }
        assert_eq!(fixture.tree().find_signature_key(new.public_key()).unwrap(), None);
        fixture.chat(0);
        fixture.commit(0, |builder| builder);
    }
}

#[test]
fn nobody_takes_the_key_of_another_member() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let another = fixture.signer();
        let stolen = std::mem::replace(&mut fixture.members[1].signer, another);
        let leaf = NewLeaf { template: leaf_template(), signer: &*stolen };
        let refused =
            fixture.members[0].build_leaf(leaf.clone(), &BasicIdentities, &mut fixture.rng).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::SignatureKeyInUse(LeafIndex(1))));
        // If the leaf is proposed as an Update, every committer leaves the Update out.
        let message = fixture.members[0].propose_leaf(leaf, &BasicIdentities, &mut fixture.rng).unwrap();
        for index in [1, 2] {
            assert!(matches!(fixture.members[index].process(&message).unwrap(), Processed::Proposal(_)));
        }
        let before = fixture.tree().leaf(LeafIndex(0));
        fixture.commit(2, |builder| builder);
        assert_eq!(fixture.tree().leaf(LeafIndex(0)), before);
    }
}
