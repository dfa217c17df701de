//! Events of proposals, and of Commits that cover proposals or leave them out.

use crate::fixture::{Member, NOW, agree, by, epoch, group_of, tea};
use pando_mls::wire::{Add, PreSharedKey, PreSharedKeyId, Remove, Sender};
use pando_mls::{Encode, LeafIndex, Proposal, Psk, propose_own_add};
use pando_store::session::{Commit, Event};
use pando_store::{Memory, Transaction};
use std::slice;

fn add(member: &mut Member) -> Proposal {
    Proposal::Add(Box::new(Add { key_package: member.key_package() }))
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

/// The event of an added member contains the sender of the Add, not the committer.
#[test]
fn an_add_by_reference() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let mut dave = Member::new("dave");
    let (proposal, pending) = bob.propose(add(&mut dave));
    assert_eq!(alice.apply(&proposal), [Event::Proposal(pending.clone())]);
    assert_eq!(carol.apply(&proposal), [Event::Proposal(pending.clone())]);
    assert_eq!(bob.apply(&proposal), [Event::OwnProposal(pending.reference)]);
    let commit = alice.commit(|commit| commit);
    let added = Event::Added { leaf: LeafIndex(3), credential: dave.credential(), by: by(1) };
    for member in [&mut bob, &mut carol] {
        assert_eq!(member.apply(&commit), [epoch(2, 0, false), added.clone()]);
    }
    assert_eq!(alice.accept(), [epoch(2, 0, true), added]);
    alice.outbox().iter().for_each(|welcome| drop(dave.apply(welcome)));
    agree([&mut alice, &mut bob, &mut carol, &mut dave]);
}

/// After a restart, the committer does not know the senders of the proposals in its pending Commit.
#[test]
fn an_add_by_reference_after_a_restart() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut carol = Member::new("carol");
    let (proposal, _) = bob.propose(add(&mut carol));
    alice.apply(&proposal);
    let commit = alice.commit(|commit| commit);
    alice.restart();
    let added = |leaf| Event::Added { leaf: LeafIndex(2), credential: carol.credential(), by: by(leaf) };
    assert_eq!(alice.apply(&commit), [epoch(2, 0, true), added(0)]);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), added(1)]);
}

#[test]
fn a_remove_by_reference() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let (proposal, _) = bob.propose(remove(2));
    alice.apply(&proposal);
    carol.apply(&proposal);
    let commit = alice.commit(|commit| commit);
    let removed = Event::Removed { leaf: LeafIndex(2), credential: carol.credential(), by: by(1) };
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), removed.clone()]);
    assert_eq!(alice.accept(), [epoch(2, 0, true), removed.clone()]);
    assert_eq!(carol.apply(&commit), [epoch(2, 0, false), removed, Event::RemovedUs { by: by(1) }]);
}

/// A member proposes its own removal.
#[test]
fn a_member_leaves() {
    let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
    let (proposal, _) = carol.propose(remove(2));
    alice.apply(&proposal);
    bob.apply(&proposal);
    let commit = bob.commit(|commit| commit);
    let removed = Event::Removed { leaf: LeafIndex(2), credential: carol.credential(), by: by(2) };
    assert_eq!(alice.apply(&commit), [epoch(2, 1, false), removed.clone()]);
    assert_eq!(carol.apply(&commit), [epoch(2, 1, false), removed, Event::RemovedUs { by: by(2) }]);
}

/// A Commit covers one proposal and leaves out another. The committer learns this when it creates
/// the Commit, and again when the Commit is accepted, unless it restarts in between.
#[test]
fn a_proposal_is_left_out() {
    for restarts in [false, true] {
        let [mut alice, mut bob, mut carol] = group_of(["alice", "bob", "carol"]);
        let mut dave = Member::new("dave");
        let (first, covered) = bob.propose(add(&mut dave));
        let (second, left_out) = carol.propose(remove(1));
        alice.apply(&first);
        alice.apply(&second);
        carol.apply(&first);
        bob.apply(&second);
        let mut told = Vec::new();
        let app = |_: &mut Transaction<'_, Memory>, commit: &Commit| {
            told.extend(commit.left_out.iter().map(|left_out| (*left_out.proposal).clone()));
            Ok(())
        };
        let commit = alice
            .session
            .commit(&tea(), |commit| commit.only_pending([covered.reference]), app)
            .unwrap()
            .message;
        assert_eq!(told, slice::from_ref(&left_out));
        if restarts {
            alice.restart();
        }
        let added = |leaf| Event::Added { leaf: LeafIndex(3), credential: dave.credential(), by: by(leaf) };
        let void = Event::ProposalsLeftOut(vec![left_out]);
        for member in [&mut bob, &mut carol] {
            assert_eq!(member.apply(&commit), [epoch(2, 0, false), added(1), void.clone()]);
        }
        let events = alice.apply(&commit);
        if restarts {
            assert_eq!(events, [epoch(2, 0, true), added(0)]);
        } else {
            assert_eq!(events, [epoch(2, 0, true), added(1), void]);
        }
    }
}

/// Our own proposal is void when another member's Commit leaves it out.
#[test]
fn our_own_proposal_is_left_out() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let psk = Psk::External { psk_id: "a shared secret".into() };
    let psk = PreSharedKeyId { psk, psk_nonce: vec![7; 32].into() };
    let (_, left_out) = bob.propose(Proposal::PreSharedKey(Box::new(PreSharedKey { psk })));
    // Alice has not received the proposal.
    let commit = alice.commit(|commit| commit);
    assert_eq!(bob.apply(&commit), [epoch(2, 0, false), Event::ProposalsLeftOut(vec![left_out])]);
    alice.accept();
    agree([&mut alice, &mut bob]);
}

/// A client proposes its own addition. The default rules do not admit the proposal, but the group
/// keeps it.
#[test]
fn a_proposal_is_not_admitted() {
    let [mut alice, mut bob] = group_of(["alice", "bob"]);
    let mut carol = Member::new("carol");
    let (key_package, signer) = (carol.key_package(), carol.signer(&carol.identity.public_key));
    let context = alice.group().public().context().clone();
    let cx = carol.session.client().at(NOW, &*signer);
    let proposal = propose_own_add(&context, key_package, &cx).unwrap().encode().unwrap();
    for member in [&mut alice, &mut bob] {
        let events = member.apply(&proposal);
        let [Event::ProposalNotAdmitted(pending, reason)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(pending.sender, Sender::NewMemberProposal);
        assert_eq!(reason, "clients may not ask to be added");
        // The proposal does not prevent members from sending.
        member.send("all is well");
    }
    let commit = alice.commit(|commit| commit);
    assert_eq!(bob.apply(&commit)[0], epoch(2, 0, false));
}
