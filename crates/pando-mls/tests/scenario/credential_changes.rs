//! A member changes its identity. The policy decides whether it may, and all members apply the same
//! policy.

use crate::policies::Anybody;
use crate::world::{self, Newcomer, World, leaf_template, suites};
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
            let mut world = World::public(suite);
            world.add(0, 2);
            let new = world.signer();
            let leaf = NewLeaf { template: renamed(), signer: &*new };
            let (member, rng) = (&mut world.members[by], &mut world.rng);
            assert_eq!(member.build_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), refused);
            assert_eq!(member.propose_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), refused);
            // If the member's own policy permits the change, the policies of the others still
            // reject it.
            let commit = member.build_leaf(leaf.clone(), &Anybody, rng).unwrap();
            member.clear_pending();
            let update = member.propose_leaf(leaf, &Anybody, rng).unwrap();
            for other in others {
                assert_eq!(world.members[other].process(&commit).unwrap_err(), refused);
                assert_eq!(world.members[other].process(&update).unwrap_err(), refused);
                assert_eq!(world.members[other].pending_proposals(), []);
            }
            world.agree();
        }
    }
}

#[test]
fn a_change_that_the_policy_allows_is_made() {
    for suite in suites() {
        for by in [0, 2] {
            let mut world = World::of(suite, 3);
            let (first, second) = (world.signer(), world.signer());
            let leaf = world.leaf(by);
            let name = |world: &World| world.members[1].group.public().credential(leaf).unwrap().unwrap();
            // Changes the credential by a Commit.
            let new = NewLeaf { template: renamed(), signer: &*first };
            let message = world.members[by].build_leaf(new, &Anybody, &mut world.rng).unwrap();
            merge_everywhere(&mut world, &message);
            assert_eq!(name(&world), renamed().credential);
            world.members[by].signer = first;
            world.chat(by);
            // Changes it back by an Update.
            let new = NewLeaf { template: leaf_template(), signer: &*second };
            let message = world.members[by].propose_leaf(new, &Anybody, &mut world.rng).unwrap();
            for (index, member) in world.members.iter_mut().enumerate() {
                let expected = |processed: &Processed| match processed {
                    Processed::OwnProposal(_) => index == by,
                    Processed::Proposal(pending) => matches!(pending.proposal, Proposal::Update(_)),
                    _ => false,
                };
                assert!(expected(&member.process_with(&message, &Anybody).unwrap()));
            }
            let message = world.members[1].operate(|group, client| {
                let output = group.commit().build(&client.with_policy(&Anybody), &mut world.rng)?;
                Ok(output.map(|output| output.message))
            });
            merge_everywhere(&mut world, &message.unwrap());
            assert_eq!(name(&world), leaf_template().credential);
            world.members[by].signer = second;
            world.chat(by);
        }
    }
}

/// Merges a Commit at all members, with a policy that permits every succession.
fn merge_everywhere(world: &mut World, message: &pando_mls::MlsMessage) {
    for member in &mut world.members {
        match member.process_with(message, &Anybody).unwrap() {
            Processed::OwnCommit => member.merge_pending(),
            Processed::Commit(staged) => drop(member.merge(*staged)),
            other => panic!("not a Commit: {other:?}"),
        }
    }
    world.agree();
}

/// A leaf with a signature key of another suite is not sent, because no member would accept it.
#[test]
fn a_signature_key_of_another_suite() {
    for suite in suites() {
        let invalid = GroupError::Violation(Violation::InvalidKey);
        let others = suites().filter(|other| {
            let key = world::signer_of(*other);
            suite.check_signature_public_key(key.public_key()).is_err()
        });
        let other = world::signer_of(others.last().unwrap());
        let mut world = World::public(suite);
        world.add(0, 1);
        let leaf = NewLeaf { template: leaf_template(), signer: &*other };
        let (member, rng) = (&mut world.members[1], &mut world.rng);
        assert_eq!(member.build_leaf(leaf.clone(), &BasicIdentities, rng).unwrap_err(), invalid);
        assert_eq!(member.propose_leaf(leaf, &BasicIdentities, rng).unwrap_err(), invalid);
        world.agree();
        world.chat(1);
        let group_info = world.members[0].group_info(true);
        let newcomer = Newcomer { signer: other, ..world.newcomer() };
        let bundle = KeyPackageBundle::new(suite, world::template(), &*newcomer.signer, &mut world.rng);
        assert_eq!(bundle.map(drop).unwrap_err(), invalid);
        let joined = world.external(newcomer, &group_info, None, Some(LeafIndex(1)), vec![]);
        assert_eq!(joined.map(drop).unwrap_err(), invalid);
    }
}
