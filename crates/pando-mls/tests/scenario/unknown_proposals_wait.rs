//! A proposal of the application's own type has to wait while somebody does not know the type, until they go.

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
        // Whoever is removed by the same Commit need not know it; nor whoever is added.
        let another = plain(&mut world);
        world.commit(0, |builder| builder.proposal(custom(0xf001, b"")).remove(LeafIndex(2)).add(another));
        assert!(world.tree().is_member(LeafIndex(2)).unwrap());
        // Who has been added by that counts the next time.
        let refused = world.build(1, |builder| builder.proposal(custom(0xf001, b""))).unwrap_err();
        assert_eq!(refused, GroupError::Violation(unsupported));
        // As a proposal of another, it waits for the removal.
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
