//! An application defines its own proposal types. The group transports such proposals without
//! interpreting them.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::custom;
use pando_mls::wire::{Content, ProposalOrRef};
use pando_mls::{GroupError, MlsMessageBody, ProposalType, Violation};

#[test]
fn a_proposal_of_the_applications_own() {
    for suite in suites() {
        let mut fixture = GroupFixture::public(suite);
        fixture.add(0, 2);
        // The proposal is sent by value.
        for by in [2, 0] {
            let (message, _) = fixture.commit(by, |builder| builder.proposal(custom(0xf001, &[1, 2])));
            let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
            let Content::Commit(commit) = &public.content.content else { panic!("not a Commit") };
            assert_eq!(commit.proposals, [ProposalOrRef::Proposal(custom(0xf001, &[1, 2]))]);
            fixture.chat(by);
        }
        // The proposal is sent by reference, along with other proposals.
        fixture.propose(0, custom(0xf001, &[3]));
        fixture.propose(1, custom(0xf001, &[3]));
        fixture.propose_update(2);
        assert_eq!(fixture.members[2].pending_proposals().len(), 3);
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.members[2].pending_proposals(), []);
        // A proposal is rejected if a member does not support its type.
        let refused = fixture.build(0, |builder| builder.proposal(custom(0xf002, &[]))).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf002));
        assert_eq!(refused, GroupError::Violation(unsupported));
        fixture.chat(1);
    }
}
