//! If a member does not support an application-defined proposal type, proposals of this type wait
//! until that member is removed.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::custom;
use pando_mls::{GroupError, LeafIndex, ProposalType, Violation};

#[test]
fn proposals_of_types_that_somebody_does_not_know_wait_until_they_have_gone() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let plain = |fixture: &mut GroupFixture| {
            fixture.newcomer_with(|template| template.capabilities.proposals = vec![]).key_package()
        };
        let first = plain(&mut fixture);
        fixture.commit(0, |builder| builder.add(first));
        let refused = fixture.build(0, |builder| builder.proposal(custom(0xf001, b""))).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf001));
        assert_eq!(refused, GroupError::Violation(unsupported.clone()));
        // The type need not be supported by a member that the same Commit removes, nor by a member
        // that it adds.
        let another = plain(&mut fixture);
        fixture.commit(0, |builder| builder.proposal(custom(0xf001, b"")).remove(LeafIndex(2)).add(another));
        assert!(fixture.tree().is_member(LeafIndex(2)).unwrap());
        // For the next Commit, the support of the new member counts.
        let refused = fixture.build(1, |builder| builder.proposal(custom(0xf001, b""))).unwrap_err();
        assert_eq!(refused, GroupError::Violation(unsupported));
        // If another member proposes the type, its proposal waits for the removal.
        let own = fixture.members[0].propose(custom(0xf001, b""), &mut fixture.rng).unwrap_err();
        let unsupported = Violation::ProposalTypeUnsupported(ProposalType(0xf001));
        assert_eq!(own, GroupError::Violation(unsupported));
        fixture.propose_unsupported(0, LeafIndex(2), custom(0xf001, b""));
        fixture.commit(1, |builder| builder);
        fixture.propose_unsupported(0, LeafIndex(2), custom(0xf001, b""));
        let (message, _) = fixture.build(1, |builder| builder.remove(LeafIndex(2))).unwrap();
        fixture.deliver_commit(1, &message);
        fixture.chat(0);
    }
}
