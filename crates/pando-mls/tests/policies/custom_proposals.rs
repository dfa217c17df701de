//! Tests of custom proposals whose type a member does not support (RFC 9420, section 12.2). Only a
//! Commit that removes this member may cover proposals of this type.

use crate::fixture::{ALWAYS, CUSTOM, Fixture, NEVER, custom, leaf_template, newcomer_of, remove};
use pando_mls::{
    DefaultRules, GroupError, LeafIndex, LeftOutReason, Misuse, PendingProposal, ProposalType, Violation,
};

/// Returns a group in which only member 3 does not support the type.
fn of_whom_one_is_plain() -> Fixture {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let mut template = leaf_template("plain", NEVER);
    template.capabilities.proposals.clear();
    let plain = newcomer_of(template, ALWAYS, &mut fixture.rng);
    fixture.add(0, vec![plain]);
    fixture
}

fn unsupported() -> Violation {
    Violation::ProposalTypeUnsupported(ProposalType(CUSTOM))
}

#[test]
fn our_own_is_refused() {
    let mut fixture = of_whom_one_is_plain();
    for by in [1, 3] {
        let refused = fixture.members[by].propose(custom(CUSTOM, b"own"), &mut fixture.rng);
        assert_eq!(refused.unwrap_err(), GroupError::Violation(unsupported()));
        fixture.members[by].check_store();
        let _ = fixture.members[by].encrypt(&mut fixture.rng).unwrap();
    }
    let by_value = fixture.build(1, |builder| builder.proposal(custom(CUSTOM, b"own")));
    assert_eq!(by_value.map(drop).unwrap_err(), GroupError::Violation(unsupported()));
    // A proposal of a GREASE type is still rejected, because no member supports such a type.
    fixture.propose(1, remove(3));
    let refused = fixture.members[1].propose(custom(0x2a2a, b"own"), &mut fixture.rng);
    let grease = Violation::ProposalTypeUnsupported(ProposalType(0x2a2a));
    assert_eq!(refused.unwrap_err(), GroupError::Violation(grease));
}

/// Shows that a member can commit its own custom proposal if the unaware member is removed. The
/// Remove may be pending, or may be in the same Commit by value.
#[test]
fn our_own_goes_with_a_removal() {
    let mut fixture = of_whom_one_is_plain();
    fixture.propose(2, remove(3));
    fixture.propose(1, custom(CUSTOM, b"own"));
    let output = fixture.commit(0, |builder| builder);
    assert_eq!(output.left_out, []);
    assert_eq!(fixture.members.len(), 3);
    let mut fixture = of_whom_one_is_plain();
    let output = fixture.commit(0, |builder| builder.proposal(custom(CUSTOM, b"own")).proposal(remove(3)));
    assert_eq!(output.left_out, []);
    assert_eq!(fixture.members.len(), 3);
}

/// Shows that a received proposal is pending but does not prevent members from sending. A Commit
/// that also removes the unaware member covers the proposal.
#[test]
fn one_that_is_received() {
    for by_value in [false, true] {
        let mut fixture = of_whom_one_is_plain();
        fixture.propose_unsupported(1, 3, custom(CUSTOM, b"theirs"));
        for index in 0..4 {
            let is_it = |pending: &PendingProposal| pending.proposal == custom(CUSTOM, b"theirs");
            for restart in [None, Some(false), Some(true)] {
                let member = &mut fixture.members[index];
                if let Some(lazily) = restart {
                    member.restart(lazily);
                }
                assert!(matches!(&member.pending()[..], [pending] if is_it(pending)));
                let _ = member.encrypt(&mut fixture.rng).unwrap();
            }
        }
        assert_eq!(fixture.server.group.pending_proposals().count(), 1);
        // Without the Remove, the proposal is left out, and all receivers notice this.
        let output = fixture.build(0, |builder| builder).unwrap();
        assert_eq!(output.left_out.len(), 1);
        assert_eq!(output.left_out[0].reason, LeftOutReason::Invalid(unsupported()));
        let left_out = [&*output.left_out[0].proposal];
        assert!(fixture.members[2].stage(&output.message).left_out().eq(left_out));
        assert!(fixture.members[3].stage(&output.message).left_out().eq(left_out));
        assert!(fixture.server.stage(&output.message).left_out().eq(left_out));
        fixture.members[0].clear_pending();
        let output = if by_value {
            fixture.build(0, |builder| builder.proposal(remove(3))).unwrap()
        } else {
            fixture.propose(2, remove(3));
            // Now the proposal can be committed, and must be committed before members can send.
            let muted = fixture.members[0].encrypt(&mut fixture.rng).unwrap_err();
            assert_eq!(muted, Misuse::ProposalsPending.into());
            fixture.build(0, |builder| builder).unwrap()
        };
        assert_eq!(output.left_out, []);
        assert_eq!(fixture.members[2].stage(&output.message).left_out().count(), 0);
        let covered = fixture.members[0].group.pending_epoch().unwrap().proposals().count();
        assert_eq!(covered, 2);
        fixture.deliver(&output.message);
        assert!(!fixture.members[0].group.public().tree().is_member(LeafIndex(3)).unwrap());
    }
}

/// Shows that a proposal prevents all members from sending until it is committed, if all of them
/// support its type.
#[test]
fn one_that_all_support() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    fixture.propose(1, custom(CUSTOM, b"theirs"));
    for member in &mut fixture.members {
        let muted = member.encrypt(&mut fixture.rng).unwrap_err();
        assert_eq!(muted, Misuse::ProposalsPending.into());
    }
    assert_eq!(fixture.commit(2, |builder| builder).left_out, []);
}

/// Shows that a Commit reports the proposals that it leaves out. The committer also learns the
/// reasons.
#[test]
fn what_is_left_out_is_reported() {
    let mut fixture = Fixture::of(&DefaultRules, 4);
    fixture.propose(1, remove(0));
    let first = fixture.members[1].propose_update(None, &mut fixture.rng).unwrap();
    fixture.hear(1, &first);
    let second = fixture.members[1].propose_update(None, &mut fixture.rng).unwrap();
    fixture.hear(1, &second);
    fixture.propose(2, remove(3));
    fixture.propose(1, remove(3));
    let output = fixture.build(0, |builder| builder).unwrap();
    let reasons: Vec<_> = output.left_out.iter().map(|left| left.reason.clone()).collect();
    let superseded = LeftOutReason::Superseded;
    assert_eq!(reasons, [LeftOutReason::OwnLeaf, superseded.clone(), superseded]);
    let left_out: Vec<_> = output.left_out.iter().map(|left| &*left.proposal).collect();
    let of_the_maker = fixture.members[0].group.pending_epoch().unwrap().left_out();
    assert!(of_the_maker.eq(left_out.iter().copied()));
    for index in [1, 2, 3] {
        let staged = fixture.members[index].stage(&output.message);
        assert!(staged.left_out().eq(left_out.iter().copied()));
    }
    assert!(fixture.server.stage(&output.message).left_out().eq(left_out.iter().copied()));
}
