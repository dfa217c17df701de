//! A member changes its identity. The policy decides whether such a change is allowed, and all
//! members apply the same policy.

use crate::group_fixture::{self, GroupFixture, Newcomer, leaf_template, suites};
use crate::policies::AnyIdentity;
use pando_mls::{
    BasicIdentities, Credential, GroupError, KeyPackageBundle, LeafIndex, LeafTemplate, NewLeaf, Processed,
    Proposal, Violation,
};

fn renamed() -> LeafTemplate {
    let credential = Credential::Basic { identity: b"somebody else".as_slice().into() };
    LeafTemplate { credential, ..leaf_template() }
}

#[test]
fn a_change_that_the_policy_forbids_is_refused() {
    for suite in suites() {
        let refused = GroupError::Violation(Violation::CredentialSuccession);
        for (by, others) in [(0, [1, 2]), (2, [0, 1])] {
            let mut fixture = GroupFixture::public(suite);
            fixture.add(0, 2);
            let new = fixture.signer();
            let leaf = NewLeaf { template: renamed(), signer: &*new };
            let (member, rng) = (&mut fixture.members[by], &mut fixture.rng);
            assert_eq!(member.build_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), refused);
            assert_eq!(member.propose_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), refused);
            // Even if the member's own policy permits the change, the policies of the other members
            // reject it.
            let commit = member.build_leaf(leaf.clone(), &AnyIdentity, rng).unwrap();
            member.clear_pending();
            let update = member.propose_leaf(leaf, &AnyIdentity, rng).unwrap();
            for other in others {
                assert_eq!(fixture.members[other].process(&commit).unwrap_err(), refused);
                assert_eq!(fixture.members[other].process(&update).unwrap_err(), refused);
                assert_eq!(fixture.members[other].pending_proposals(), []);
            }
            fixture.agree();
        }
    }
}

#[test]
fn a_change_that_the_policy_allows_is_made() {
    for suite in suites() {
        for by in [0, 2] {
            let mut fixture = GroupFixture::of(suite, 3);
            let (first, second) = (fixture.signer(), fixture.signer());
            let leaf = fixture.leaf(by);
            let name =
                |fixture: &GroupFixture| fixture.members[1].group.public().credential(leaf).unwrap().unwrap();
            // Change the credential by a Commit.
            let new = NewLeaf { template: renamed(), signer: &*first };
            let message = fixture.members[by].build_leaf(new, &AnyIdentity, &mut fixture.rng).unwrap();
            merge_everywhere(&mut fixture, &message);
            assert_eq!(name(&fixture), renamed().credential);
            fixture.members[by].signer = first;
            fixture.chat(by);
            // Change the credential back by an Update.
            let new = NewLeaf { template: leaf_template(), signer: &*second };
            let message = fixture.members[by].propose_leaf(new, &AnyIdentity, &mut fixture.rng).unwrap();
            for (index, member) in fixture.members.iter_mut().enumerate() {
                let expected = |processed: &Processed| match processed {
                    Processed::OwnProposal(_) => index == by,
                    Processed::Proposal(pending) => matches!(pending.proposal, Proposal::Update(_)),
                    _ => false,
                };
                assert!(expected(&member.process_with(&message, &AnyIdentity).unwrap()));
            }
            let message = fixture.members[1].operate(|group, cx| {
                let output = group.commit().build(&cx.with_policy(&AnyIdentity), &mut fixture.rng)?;
                Ok(output.map(|output| output.message))
            });
            merge_everywhere(&mut fixture, &message.unwrap());
            assert_eq!(name(&fixture), leaf_template().credential);
            fixture.members[by].signer = second;
            fixture.chat(by);
        }
    }
}

/// Merges a Commit for all members, with a policy that permits every succession.
fn merge_everywhere(fixture: &mut GroupFixture, message: &pando_mls::MlsMessage) {
    for member in &mut fixture.members {
        match member.process_with(message, &AnyIdentity).unwrap() {
            Processed::OwnCommit => member.merge_pending(),
            Processed::Commit(staged) => drop(member.merge(*staged)),
            other => panic!("not a Commit: {other:?}"),
        }
    }
    fixture.agree();
}

/// Shows that a leaf with a signature key for another suite is not sent, because no member would
/// accept it.
#[test]
fn a_signature_key_of_another_suite() {
    for suite in suites() {
        let invalid = GroupError::Violation(Violation::InvalidKey);
        let others = suites().filter(|other| {
            let key = group_fixture::signer_of(*other);
            suite.check_signature_public_key(key.public_key()).is_err()
        });
        let other = group_fixture::signer_of(others.last().unwrap());
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 1);
        let leaf = NewLeaf { template: leaf_template(), signer: &*other };
        let (member, rng) = (&mut fixture.members[1], &mut fixture.rng);
        assert_eq!(member.build_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), invalid);
        assert_eq!(member.propose_leaf(leaf, &BasicIdentities, rng).unwrap_err(), invalid);
        fixture.agree();
        fixture.chat(1);
        let group_info = fixture.members[0].group_info(true);
        let newcomer = Newcomer { signer: other, ..fixture.newcomer() };
        let bundle =
            KeyPackageBundle::new(suite, group_fixture::template(), &*newcomer.signer, &mut fixture.rng);
        assert_eq!(bundle.map(drop).unwrap_err(), invalid);
        let joined = fixture.external(newcomer, &group_info, None, Some(LeafIndex(1)), vec![]);
        assert_eq!(joined.map(drop).unwrap_err(), invalid);
    }
}
