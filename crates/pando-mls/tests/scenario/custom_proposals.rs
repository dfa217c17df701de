//! An application defines proposal types of its own. The group carries them without interpreting
//! them.

use crate::proposals::custom;
use crate::world::{World, suites};
use pando_mls::wire::{Content, ProposalOrRef};
use pando_mls::{GroupError, MlsMessageBody, ProposalType, Violation};

#[test]
fn a_proposal_of_the_applications_own() {
    for suite in suites() {
        let mut world = World::public(suite);
        world.add(0, 2);
        // The proposal is sent by value.
        for by in [2, 0] {
            let (message, _) = world.commit(by, |builder| builder.proposal(custom(0xf001, &[1, 2])));
            let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
            let Content::Commit(commit) = &public.content.content else { panic!("not a Commit") };
            assert_eq!(commit.proposals, [ProposalOrRef::Proposal(custom(0xf001, &[1, 2]))]);
            world.chat(by);
        }
        // It is sent by reference, along with other proposals.
        world.propose(0, custom(0xf001, &[3]));
        world.propose(1, custom(0xf001, &[3]));
        world.propose_update(2);
        assert_eq!(world.members[2].pending_proposals().len(), 3);
        world.commit(0, |builder| builder);
        assert_eq!(world.members[2].pending_proposals(), []);
        // A proposal of a type that a member does not support is rejected.
        let refused = world.build(0, |builder| builder.proposal(custom(0xf002, &[]))).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf002));
        assert_eq!(refused, GroupError::Violation(unsupported));
        world.chat(1);
    }
}
