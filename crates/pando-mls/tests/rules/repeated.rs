//! Shows that receivers do not copy a large proposal for each of many references to it. A Commit
//! can contain many such references, each of which takes only a few bytes.

use crate::fixture::RuleFixture;
use crate::group_fixture::{client, over_the_wire};
use crate::material::{ForgedKeyPackage, add, by_value, custom, external_init, psk, stranger};
use allocation_counter::measure;
use pando_mls::{Credential, GroupError, Missing, MlsMessage, Processed, Psk, PublicProcessed, Violation};
use pando_wire::{ProposalOrRef, ProposalRef, Sender};

const LARGE: usize = 1 << 20;
const TIMES: usize = 200;

fn references(reference: ProposalRef) -> Vec<ProposalOrRef> {
    vec![ProposalOrRef::Reference(reference); TIMES]
}

/// Returns the results of processing a Commit as a member and as an observer. Neither may allocate
/// as much memory as a copy of the proposal takes.
fn taken(fixture: &mut RuleFixture, commit: &MlsMessage) -> [Result<(), GroupError>; 2] {
    let (mut taken, mut seen) = (None, None);
    let (for_member, for_observer) = (over_the_wire(commit), over_the_wire(commit));
    let member = &mut fixture.members[0];
    let cx = client(&*member.signer);
    let cost = measure(|| taken = Some(member.group.process(for_member, &cx)));
    assert!(cost.bytes_total < LARGE as u64 / 2, "{}", cost.bytes_total);
    let (observer, policy) = (&mut fixture.observer, fixture.policy);
    let cost = measure(|| seen = Some(observer.process(for_observer, policy, &pando_mls::AdmitAll, None)));
    assert!(cost.bytes_total < LARGE as u64 / 2, "{}", cost.bytes_total);
    let taken = taken.unwrap().map(|processed| assert!(matches!(processed.peek(), Processed::Commit(_))));
    let seen = seen.unwrap().map(|processed| assert!(matches!(processed.peek(), PublicProcessed::Commit(_))));
    [taken, seen]
}

/// Tests a proposal from outside: a client proposes its own Add, and an external Commit refers to
/// this proposal many times.
#[test]
fn from_outside() {
    let mut fixture = RuleFixture::new();
    let large = ForgedKeyPackage::of(&mut fixture.raw_member, |template| {
        template.credential = Credential::Basic { identity: vec![7; LARGE].into() };
    });
    let sender = Sender::NewMemberProposal;
    let message = fixture.raw_member.propose_as(sender, add(large.key_package), &*large.signer);
    fixture.deliver_proposal(&message);
    let pending = fixture.observer.pending_proposals().next().unwrap().reference.clone();
    for reference in [pending, ProposalRef::from(vec![1; 32])] {
        let signer = stranger(fixture.raw_member.suite);
        let tree = fixture.raw_member.tree.clone();
        let path = fixture.raw_member.external_path(&tree, &*signer, |_| {});
        let proposals = [by_value(&[external_init()]), references(reference)].concat();
        let commit = fixture.raw_member.commit_as(Sender::NewMemberCommit, proposals, Some(path), &*signer);
        let refused = Err(GroupError::Violation(Violation::ReferenceInExternalCommit));
        assert_eq!(taken(&mut fixture, &commit), [refused.clone(), refused]);
    }
    fixture.check_still_works();
}

#[test]
fn from_a_member() {
    let mut fixture = RuleFixture::new();
    let large = Psk::External { psk_id: vec![7; LARGE].into() };
    let (message, reference) = fixture.raw_member.propose(psk(large, fixture.raw_member.suite.hash_len()));
    fixture.deliver_proposal(&message);
    let tree = fixture.raw_member.tree.clone();
    let path = fixture.raw_member.path(&tree, |_| {});
    let commit = fixture.raw_member.commit_of(references(reference), Some(path));
    let refused = Err(GroupError::Violation(Violation::DuplicatePsk));
    assert_eq!(taken(&mut fixture, &commit), [refused.clone(), refused]);
    fixture.check_still_works();
}

/// Tests proposals of application-defined types, whose number in a Commit the RFC does not limit.
#[test]
fn which_is_allowed() {
    let mut fixture = RuleFixture::new();
    let (message, reference) = fixture.raw_member.propose(custom(0xf001, &[7; LARGE]));
    fixture.deliver_proposal(&message);
    let commit = fixture.raw_member.commit(references(reference), |_, _| {});
    assert_eq!(taken(&mut fixture, &commit), [Ok(()), Ok(())]);
    fixture.follow(&commit);
    // A reference to an unknown proposal causes an error.
    let commit = fixture.raw_member.commit_of(references(ProposalRef::from(vec![1; 32])), None);
    let missing = Err(GroupError::Missing(Missing::Proposal(ProposalRef::from(vec![1; 32]))));
    assert_eq!(taken(&mut fixture, &commit), [missing.clone(), missing]);
    fixture.check_still_works();
}
