//! A Commit refers to one large proposal many times, at a few bytes each. Receivers do not copy the
//! proposal for each reference.

use crate::forge::{Forgery, add, by_value, custom, external_init, psk, stranger};
use crate::stage::Stage;
use crate::world::{client, over_the_wire};
use allocation_counter::measure;
use pando_mls::{Credential, GroupError, Missing, MlsMessage, Processed, Psk, PublicProcessed, Violation};
use pando_wire::{ProposalOrRef, ProposalRef, Sender};

const LARGE: usize = 1 << 20;
const TIMES: usize = 200;

fn references(reference: ProposalRef) -> Vec<ProposalOrRef> {
    vec![ProposalOrRef::Reference(reference); TIMES]
}

/// Returns the result of a Commit for a member and for an observer. Neither may allocate as much
/// memory as the proposal takes.
fn taken(stage: &mut Stage, commit: &MlsMessage) -> [Result<(), GroupError>; 2] {
    let (mut taken, mut seen) = (None, None);
    let (for_member, for_observer) = (over_the_wire(commit), over_the_wire(commit));
    let member = &mut stage.members[0];
    let client = client(&*member.signer);
    let cost = measure(|| taken = Some(member.group.process(for_member, &client)));
    assert!(cost.bytes_total < LARGE as u64 / 2, "{}", cost.bytes_total);
    let (observer, policy) = (&mut stage.observer, stage.policy);
    let cost = measure(|| seen = Some(observer.process(for_observer, policy, &pando_mls::AdmitAll, None)));
    assert!(cost.bytes_total < LARGE as u64 / 2, "{}", cost.bytes_total);
    let taken = taken.unwrap().map(|processed| assert!(matches!(processed.peek(), Processed::Commit(_))));
    let seen = seen.unwrap().map(|processed| assert!(matches!(processed.peek(), PublicProcessed::Commit(_))));
    [taken, seen]
}

/// A client outside the group proposes its own Add, and an external Commit refers to it.
#[test]
fn from_outside() {
    let mut stage = Stage::new();
    let large = Forgery::of(&mut stage.puppet, |template| {
        template.credential = Credential::Basic { identity: vec![7; LARGE].into() };
    });
    let sender = Sender::NewMemberProposal;
    let message = stage.puppet.propose_as(sender, add(large.key_package), &*large.signer);
    stage.hear(&message);
    let pending = stage.observer.pending_proposals().next().unwrap().reference.clone();
    for reference in [pending, ProposalRef::from(vec![1; 32])] {
        let signer = stranger(stage.puppet.suite);
        let tree = stage.puppet.tree.clone();
        let path = stage.puppet.external_path(&tree, &*signer, |_| {});
        let proposals = [by_value(&[external_init()]), references(reference)].concat();
        let commit = stage.puppet.commit_as(Sender::NewMemberCommit, proposals, Some(path), &*signer);
        let refused = Err(GroupError::Violation(Violation::ReferenceInExternalCommit));
        assert_eq!(taken(&mut stage, &commit), [refused.clone(), refused]);
    }
    stage.lives_on();
}

#[test]
fn from_a_member() {
    let mut stage = Stage::new();
    let large = Psk::External { psk_id: vec![7; LARGE].into() };
    let (message, reference) = stage.puppet.propose(psk(large, stage.puppet.suite.hash_len()));
    stage.hear(&message);
    let tree = stage.puppet.tree.clone();
    let path = stage.puppet.path(&tree, |_| {});
    let commit = stage.puppet.commit_of(references(reference), Some(path));
    let refused = Err(GroupError::Violation(Violation::DuplicatePsk));
    assert_eq!(taken(&mut stage, &commit), [refused.clone(), refused]);
    stage.lives_on();
}

/// For application-defined types, the RFC does not limit their number in a Commit.
#[test]
fn which_is_allowed() {
    let mut stage = Stage::new();
    let (message, reference) = stage.puppet.propose(custom(0xf001, &[7; LARGE]));
    stage.hear(&message);
    let commit = stage.puppet.commit(references(reference), |_, _| {});
    assert_eq!(taken(&mut stage, &commit), [Ok(()), Ok(())]);
    stage.follow(&commit);
    // A reference to an unknown proposal is an error.
    let commit = stage.puppet.commit_of(references(ProposalRef::from(vec![1; 32])), None);
    let missing = Err(GroupError::Missing(Missing::Proposal(ProposalRef::from(vec![1; 32]))));
    assert_eq!(taken(&mut stage, &commit), [missing.clone(), missing]);
    stage.lives_on();
}
