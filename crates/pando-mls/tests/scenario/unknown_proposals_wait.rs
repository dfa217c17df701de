//! A proposal of an application-defined type waits while a member does not support the type, until
//! that member is removed.

use crate::proposals::custom;
use crate::world::{World, suites};
use pando_mls::{GroupError, LeafIndex, ProposalType, Violation};

#[test]
fn proposals_of_types_that_somebody_does_not_know_wait_until_they_have_gone() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let plain = |world: &mut World| {
            world.newcomer_with(|template| template.capabilities.proposals = vec![]).key_package()
        };
        let first = plain(&mut world);
        world.commit(0, |builder| builder.add(first));
        let refused = world.build(0, |builder| builder.proposal(custom(0xf001, b""))).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf001));
        assert_eq!(refused, GroupError::Violation(unsupported.clone()));
        // A member that the same Commit removes need not support the type, and neither need a
        // member that it adds.
        let another = plain(&mut world);
        world.commit(0, |builder| builder.proposal(custom(0xf001, b"")).remove(LeafIndex(2)).add(another));
        assert!(world.tree().is_member(LeafIndex(2)).unwrap());
        // The new member counts in the next Commit.
        let refused = world.build(1, |builder| builder.proposal(custom(0xf001, b""))).unwrap_err();
        assert_eq!(refused, GroupError::Violation(unsupported));
        // If another member proposes it, it waits for the removal.
        let own = world.members[0].propose(custom(0xf001, b""), &mut world.rng).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf001));
        assert_eq!(own, GroupError::Violation(unsupported));
        world.propose_unsupported(0, LeafIndex(2), custom(0xf001, b""));
        world.commit(1, |builder| builder);
        world.propose_unsupported(0, LeafIndex(2), custom(0xf001, b""));
        let (message, _) = world.build(1, |builder| builder.remove(LeafIndex(2))).unwrap();
        world.deliver_commit(1, &message);
        world.chat(0);
    }
}
