//! Shows that proposals that the group's rules do not admit are known but not pending, and that a
//! member can withdraw its own proposals. Neither kind of proposal prevents a member from sending.
//! The members' own Commits leave both kinds out, but another member's Commit may refer to them.

use crate::fixture::{
    ALWAYS, Fixture, NEVER, NOW, OneRemoves, add, client, leaf_template, new_signer, newcomer_of,
    public_handshakes, refused, remove,
};
use crate::make::external_senders;
use pando_mls::wire::Sender;
use pando_mls::{
    DefaultRules, Delta, Exceeded, Extensions, GroupError, LeafIndex, LeftOutReason, Limits, Misuse,
    MlsMessage, Processed, ProposalRef, Signer, propose_as_external_sender, propose_own_add,
};

/// Makes a client outside the group ask to be added.
fn stranger_asks(fixture: &mut Fixture, name: &str) -> (crate::fixture::Newcomer, MlsMessage) {
    let stranger = newcomer_of(leaf_template(name, NEVER), ALWAYS, &mut fixture.rng);
    let context = fixture.members[0].group.public().context();
    let as_stranger = client(&*stranger.signer, &DefaultRules, Some(NOW), fixture.config);
    let message = propose_own_add(context, stranger.key_package(), &as_stranger).unwrap();
    (stranger, message)
}

/// Creates a member's next Commit, which must cover no proposals. Returns the reasons why this
/// Commit leaves proposals out.
fn left_out_of_the_next(fixture: &mut Fixture, by: usize) -> Vec<(ProposalRef, LeftOutReason)> {
    let output = fixture.build(by, |builder| builder).unwrap();
    assert_eq!(fixture.members[by].group.pending_epoch().unwrap().proposals().count(), 0);
    fixture.members[by].clear_pending();
    output.left_out.into_iter().map(|left| (left.proposal.reference.clone(), left.reason)).collect()
}

/// Checks that all members can send and that none has pending proposals. Also checks that their
/// Commits leave one proposal out for the given reason.
fn is_known_and_not_pending(fixture: &mut Fixture, reference: &ProposalRef, reason: &LeftOutReason) {
    for index in 0..fixture.members.len() {
        assert_eq!(fixture.members[index].pending(), []);
        let _ = fixture.members[index].encrypt(&mut fixture.rng).unwrap();
        let left_out = left_out_of_the_next(fixture, index);
        assert_eq!(left_out, [(reference.clone(), reason.clone())]);
    }
    assert_eq!(fixture.server.group.pending_proposals().count(), 0);
}

#[test]
fn a_stranger_is_not_admitted() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let (_, message) = stranger_asks(&mut fixture, "stranger");
    let asked = fixture.hear_not_admitted(None, &message);
    assert_eq!(asked.sender, Sender::NewMemberProposal);
    is_known_and_not_pending(&mut fixture, &asked.reference, &LeftOutReason::NotAdmitted);
    // The proposal's state does not change when it arrives again, or after a restart.
    assert_eq!(fixture.hear_not_admitted(None, &message), asked);
    for lazily in [false, true] {
        fixture.members.iter_mut().for_each(|member| member.restart(lazily));
        fixture.server.restart();
        is_known_and_not_pending(&mut fixture, &asked.reference, &LeftOutReason::NotAdmitted);
    }
    // A member cannot select the proposal for a Commit either.
    let output = fixture.build(1, |builder| builder.only_pending([asked.reference.clone()])).unwrap();
    assert_eq!(output.left_out[0].reason, LeftOutReason::NotAdmitted);
    fixture.deliver(&output.message);
    assert_eq!(fixture.members.len(), 3);
    // The proposal expires at the end of the epoch.
    assert_eq!(fixture.build(0, |builder| builder).unwrap().left_out, []);
}

/// Shows that a proposal that was not admitted is not reported as left out of a received Commit.
#[test]
fn a_proposal_that_is_not_admitted_is_not_reported_to_receivers() {
    let mut fixture = Fixture::of(&DefaultRules, 2);
    let (_, message) = stranger_asks(&mut fixture, "stranger");
    fixture.hear_not_admitted(None, &message);
    let commit = fixture.build(0, |builder| builder).unwrap().message;
    assert_eq!(fixture.members[1].stage(&commit).left_out().count(), 0);
    assert_eq!(fixture.server.stage(&commit).left_out().count(), 0);
}

/// Shows that one member may admit a stranger and commit its Add. The Commit is valid, and all
/// members follow it.
#[test]
fn a_commit_that_refers_to_a_stranger_is_followed() {
    for restarted in [false, true] {
        let mut fixture = Fixture::of(&DefaultRules, 3);
        fixture.lax(1);
        let (stranger, message) = stranger_asks(&mut fixture, "stranger");
        for (index, member) in fixture.members.iter_mut().enumerate() {
            match member.process(&message).unwrap() {
                Processed::Proposal(_) => assert_eq!(index, 1),
                Processed::NotAdmitted(..) => assert_ne!(index, 1),
                other => panic!("not a proposal: {other:?}"),
            }
        }
        let _ = fixture.server.process(&message).unwrap();
        if restarted {
            fixture.members.iter_mut().for_each(|member| member.restart(true));
            fixture.server.restart();
        }
        // The proposal prevents only the member that admits it from sending.
        let muted = fixture.members[1].encrypt(&mut fixture.rng).unwrap_err();
        assert_eq!(muted, Misuse::ProposalsPending.into());
        let _ = fixture.members[2].encrypt(&mut fixture.rng).unwrap();
        let output = fixture.commit(1, |builder| builder);
        assert_eq!(output.left_out, []);
        fixture.join(stranger, &output.welcome.unwrap());
        assert_eq!(fixture.members.len(), 4);
    }
}

#[test]
fn so_many_are_kept_and_no_more() {
    let limits = Limits::default().with_proposals_not_admitted(2).with_new_member_proposals(0);
    let config = public_handshakes().with_limits(limits);
    let mut fixture = Fixture::with(&DefaultRules, 2, config, Extensions::default());
    let asked: Vec<_> = ["a", "b", "c"].map(|name| stranger_asks(&mut fixture, name).1).into();
    for message in &asked[..2] {
        fixture.hear_not_admitted(None, message);
    }
    let full = GroupError::Exceeded(Exceeded::ProposalsNotAdmitted(2));
    assert_eq!(fixture.refusal(None, &asked[2]), full);
    // A known proposal may arrive again, and there is still space for the members' proposals.
    for message in &asked[..2] {
        fixture.hear_not_admitted(None, message);
    }
    fixture.propose(0, remove(1));
    for lazily in [false, true] {
        fixture.members.iter_mut().for_each(|member| member.restart(lazily));
        assert_eq!(fixture.refusal(None, &asked[2]), full);
    }
    fixture.commit(1, |builder| builder.without_pending());
    let (_, message) = stranger_asks(&mut fixture, "d");
    fixture.hear_not_admitted(None, &message);
}

/// Shows that strangers cannot prevent members from proposing. Any client can ask to be added, with
/// a large KeyPackage, but proposals that are not admitted have a limit of their own.
#[test]
fn strangers_take_no_room_from_members() {
    let bytes = 2_000;
    let limits = Limits::default().with_pending_proposals(1).with_pending_proposal_bytes(bytes);
    let config = public_handshakes().with_limits(limits);
    let mut fixture = Fixture::with(&DefaultRules, 2, config, Extensions::default());
    let name = |number: usize| format!("{}{number}", "x".repeat(600));
    let asked: Vec<_> = (0..4).map(|number| stranger_asks(&mut fixture, &name(number)).1).collect();
    for message in &asked[..2] {
        fixture.hear_not_admitted(None, message);
    }
    let full = GroupError::Exceeded(Exceeded::PendingProposalBytes(bytes));
    assert_eq!(fixture.refusal(None, &asked[2]), full);
    fixture.members.iter_mut().for_each(|member| member.restart(true));
    fixture.server.restart_with(limits);
    assert_eq!(fixture.refusal(None, &asked[2]), full);
    fixture.propose(0, remove(1));
    let more = fixture.members[1].propose(remove(0), &mut fixture.rng);
    assert_eq!(more.unwrap_err(), GroupError::Exceeded(Exceeded::PendingProposals(1)));
    fixture.commit(0, |builder| builder);
}

/// Shows that the group's own external senders are admitted, even if they propose Adds.
#[test]
fn external_senders_are_admitted() {
    let sender: Box<dyn Signer> = new_signer(&mut rand_chacha::ChaCha20Rng::from_seed([7; 32]));
    use rand_core::SeedableRng as _;
    let extensions = external_senders(&[&*sender]);
    let extensions = with_ending_credentials(&extensions);
    let mut fixture = Fixture::with(&DefaultRules, 3, public_handshakes(), extensions);
    let newcomer = fixture.newcomer("new");
    let context = fixture.members[0].group.public().context().clone();
    let as_sender = client(&*sender, &DefaultRules, Some(NOW), fixture.config);
    for proposal in [add(newcomer.key_package()), remove(2)] {
        let message = propose_as_external_sender(&context, proposal, &as_sender).unwrap();
        fixture.hear(usize::MAX, &message);
    }
    let output = fixture.commit(1, |builder| builder);
    assert_eq!(output.left_out, []);
    fixture.join(newcomer, &output.welcome.unwrap());
    let names: Vec<_> = fixture.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["m0", "m1", "new"]);
}

/// Replaces the server's credential by one that the policy accepts.
fn with_ending_credentials(extensions: &Extensions) -> Extensions {
    use pando_mls::wire::ExternalSenders;
    let ExternalSenders(mut senders) = extensions.find().unwrap().unwrap();
    senders.iter_mut().for_each(|sender| sender.credential = crate::fixture::credential("server", NEVER));
    Extensions(vec![pando_mls::Extension::new(&ExternalSenders(senders)).unwrap()])
}

/// Shows that a member cannot send a proposal that the rules do not admit. If another member sends
/// such a proposal, it is not pending.
#[test]
fn a_member_whose_proposal_is_not_admitted() {
    let mut fixture = Fixture::of(&OneRemoves, 3);
    let own = fixture.members[1].propose(remove(2), &mut fixture.rng);
    assert_eq!(own.unwrap_err(), refused("may not remove"));
    fixture.members[1].check_store();
    fixture.lax(1);
    let message = fixture.members[1].propose(remove(2), &mut fixture.rng).unwrap();
    let pending = fixture.hear_not_admitted(Some(1), &message);
    let left_out = left_out_of_the_next(&mut fixture, 0);
    assert_eq!(left_out, [(pending.reference, LeftOutReason::NotAdmitted)]);
    let _ = fixture.members[2].encrypt(&mut fixture.rng).unwrap();
    // The rules allow member 0 to remove other members.
    fixture.propose(0, remove(2));
    let output = fixture.commit(0, |builder| builder);
    assert_eq!(output.left_out.len(), 1);
    assert_eq!(fixture.members.len(), 2);
}

fn withdraw(fixture: &mut Fixture, by: usize, reference: &ProposalRef) -> Result<(), GroupError> {
    fixture.members[by].operate(|group, _| group.withdraw_proposal(reference))
}

/// Shows that a member can withdraw its own proposal if it was never delivered.
#[test]
fn our_own_proposal_is_withdrawn() {
    for encrypted in [false, true] {
        let config = public_handshakes().with_encrypt_handshakes(encrypted);
        let mut fixture = Fixture::with(&DefaultRules, 3, public_handshakes(), Extensions::default());
        fixture.config = config;
        let message = fixture.members[1].propose(remove(2), &mut fixture.rng).unwrap();
        let reference = fixture.members[1].pending()[0].reference.clone();
        let muted = fixture.members[1].encrypt(&mut fixture.rng).unwrap_err();
        assert_eq!(muted, Misuse::ProposalsPending.into());
        withdraw(&mut fixture, 1, &reference).unwrap();
        for restart in [None, Some(false), Some(true)] {
            if let Some(lazily) = restart {
                fixture.members[1].restart(lazily);
            }
            assert_eq!(fixture.members[1].pending(), []);
            let _ = fixture.members[1].encrypt(&mut fixture.rng).unwrap();
            let left_out = left_out_of_the_next(&mut fixture, 1);
            assert_eq!(left_out, [(reference.clone(), LeftOutReason::Withdrawn)]);
            // Withdrawing the proposal again changes nothing, and its echo is still recognised.
            withdraw(&mut fixture, 1, &reference).unwrap();
            match fixture.members[1].process(&message).unwrap() {
                Processed::OwnProposal(own) => assert_eq!(own, reference),
                other => panic!("not recognized: {other:?}"),
            }
        }
        let output = fixture.commit(1, |builder| builder);
        assert_eq!(output.left_out.len(), 1);
        assert_eq!(fixture.members.len(), 3);
        let gone = withdraw(&mut fixture, 1, &reference).unwrap_err();
        assert_eq!(gone, Misuse::UnknownProposal(reference).into());
    }
}

/// Shows that a member follows a Commit that refers to a proposal that the member has withdrawn.
/// Such a proposal may be delivered after all, and another member may commit it. For an Update, the
/// private key is therefore kept.
#[test]
fn a_commit_that_refers_to_a_withdrawn_proposal_is_followed() {
    for update in [false, true] {
        let mut fixture = Fixture::of(&DefaultRules, 3);
        let member = &mut fixture.members[1];
        let proposed = if update {
            member.propose_update(None, &mut fixture.rng)
        } else {
            member.propose(remove(2), &mut fixture.rng)
        };
        let (message, reference) = (proposed.unwrap(), member.pending()[0].reference.clone());
        withdraw(&mut fixture, 1, &reference).unwrap();
        fixture.members[1].restart(true);
        fixture.hear(1, &message);
        // The other members do not know that the proposal was withdrawn. The member that withdrew
        // it does not report it as left out.
        let output = fixture.build(1, |builder| builder).unwrap();
        assert_eq!(fixture.members[0].stage(&output.message).left_out().count(), 1);
        fixture.members[1].clear_pending();
        let output = fixture.commit(0, |builder| builder);
        assert_eq!(output.left_out, []);
        assert_eq!(fixture.members.len(), if update { 3 } else { 2 });
        let _ = fixture.members[1].encrypt(&mut fixture.rng).unwrap();
        fixture.commit(1, |builder| builder);
    }
}

/// Shows that a withdrawn proposal is pending when it is created again. The proposal may have the
/// same reference as before, because signatures are deterministic.
#[test]
fn a_withdrawn_proposal_is_made_again() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    let first = fixture.members[1].propose(remove(2), &mut fixture.rng).unwrap();
    let reference = fixture.members[1].pending()[0].reference.clone();
    withdraw(&mut fixture, 1, &reference).unwrap();
    let again = fixture.members[1].propose(remove(2), &mut fixture.rng).unwrap();
    assert_eq!(first, again);
    for lazily in [false, true] {
        assert_eq!(fixture.members[1].pending()[0].reference, reference);
        let muted = fixture.members[1].encrypt(&mut fixture.rng).unwrap_err();
        assert_eq!(muted, Misuse::ProposalsPending.into());
        fixture.members[1].restart(lazily);
    }
    fixture.hear(1, &again);
    assert_eq!(fixture.commit(1, |builder| builder).left_out, []);
    assert_eq!(fixture.members.len(), 2);
}

#[test]
fn only_our_own_proposals_are_withdrawn() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    fixture.propose(0, remove(2));
    let reference = fixture.members[0].pending()[0].reference.clone();
    let theirs = withdraw(&mut fixture, 1, &reference).unwrap_err();
    assert_eq!(theirs, Misuse::NotOurProposal(reference.clone()).into());
    let (_, message) = stranger_asks(&mut fixture, "stranger");
    let asked = fixture.hear_not_admitted(None, &message);
    let strangers = withdraw(&mut fixture, 1, &asked.reference).unwrap_err();
    assert_eq!(strangers, Misuse::NotOurProposal(asked.reference).into());
    let unknown = ProposalRef::from(vec![1; 32]);
    let error = withdraw(&mut fixture, 1, &unknown).unwrap_err();
    assert_eq!(error, Misuse::UnknownProposal(unknown).into());
    fixture.members[1].check_store();
    assert_eq!(fixture.members[1].pending().len(), 1);
    withdraw(&mut fixture, 0, &reference).unwrap();
    assert_eq!(fixture.members[0].pending(), []);
}

/// Shows that only the selected proposals are committed, and that selecting an unknown proposal is
/// an error.
#[test]
fn chosen_proposals_must_be_known() {
    let mut fixture = Fixture::of(&DefaultRules, 3);
    fixture.propose(0, remove(2));
    let known = fixture.members[1].pending()[0].reference.clone();
    let unknown = ProposalRef::from(vec![1; 32]);
    for chosen in [vec![unknown.clone()], vec![known.clone(), unknown.clone()]] {
        let built = fixture.build(1, |builder| builder.only_pending(chosen));
        assert_eq!(built.unwrap_err(), Misuse::UnknownProposal(unknown.clone()).into());
        assert!(fixture.members[1].group.pending_commit().is_none());
        fixture.members[1].check_store();
    }
    let output = fixture.build(1, |builder| builder.without_pending()).unwrap();
    assert_eq!(output.left_out[0].reason, LeftOutReason::NotChosen);
    fixture.members[1].clear_pending();
    fixture.commit(1, |builder| builder.only_pending([known.clone()]));
    assert_eq!(fixture.members.len(), 2);
    // In the next epoch, the proposal is no longer known.
    let built = fixture.build(1, |builder| builder.only_pending([known.clone()]));
    assert_eq!(built.unwrap_err(), Misuse::UnknownProposal(known).into());
    let _: Delta = fixture.members[1].group.take_delta().into_parts().1;
    assert!(fixture.members[1].group.public().tree().is_member(LeafIndex(0)).unwrap());
}
