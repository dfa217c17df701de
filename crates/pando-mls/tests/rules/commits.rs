//! Sections 6.1, 8.1 and 12.4: Commits with valid proposals.

use crate::forge::{Forgery, add, by_value, custom, key_package, psk, remove, set_extensions, update};
use crate::stage::{Stage, violation};
use crate::world::{external_psk, read};
use pando_mls::{AcceptedHandshakes, Extensions, LeafIndex, Missing, Violation};
use pando_mls::{GroupError, Psk, ScheduleError};
use pando_wire::{MlsMessageBody, ProposalOrRef, Sender};

#[test]
fn a_commit_has_a_path_unless_it_can_do_without() {
    let mut stage = Stage::new();
    let newcomer = add(key_package(&mut stage.puppet, |_| {}));
    let psk = psk(external_psk(1), stage.puppet.suite.hash_len());
    for list in [
        vec![],
        vec![remove(2)],
        vec![set_extensions(Extensions::default())],
        vec![custom(0xf001, b"")],
        vec![newcomer.clone(), psk.clone(), remove(2)],
    ] {
        assert_eq!(stage.refused_commit(&list), Violation::PathRequired);
    }
    let leaf_node = stage.puppet.updated_leaf(|_| {});
    let (message, reference) = stage.puppet.propose(update(leaf_node));
    stage.hear(&message);
    let (committer, signer) = (Sender::Member(stage.members[0].leaf()), &*stage.members[0].signer);
    let list = vec![ProposalOrRef::Reference(reference)];
    let commit = stage.puppet.commit_as(committer, list, None, signer);
    assert_eq!(stage.refused(&commit), Violation::PathRequired);
    // Only the confirmation tag is wrong here.
    for list in [vec![newcomer.clone()], vec![psk.clone()], vec![psk, newcomer]] {
        let commit = stage.puppet.commit_of(by_value(&list), None);
        assert_eq!(violation(stage.members_error(&commit)), Violation::ConfirmationTag);
    }
    stage.lives_on();
}

/// Only a member can change the confirmation tag of a Commit in transit, because it must compute
/// the membership tag again.
#[test]
fn a_commit_confirms_that_everybody_is_in_the_same_epoch() {
    let mut stage = Stage::new();
    // This tag is right for a Commit that is not sent.
    let mut other = Stage::new();
    let right = other.puppet.commit(by_value(&[psk(external_psk(1), 32)]), |_, _| {});
    let MlsMessageBody::PublicMessage(right) = &right.body else { panic!("not public") };
    let elsewhere = right.auth.confirmation_tag.clone().unwrap();
    for tag in [vec![0; 32].into(), vec![0; 31].into(), Vec::new().into(), elsewhere] {
        let proposals = by_value(&[psk(external_psk(1), 32)]);
        let commit = stage.puppet.commit_with_tag(proposals, tag);
        assert_eq!(violation(stage.members_error(&commit)), Violation::ConfirmationTag);
    }
    stage.lives_on();
}

#[test]
fn there_is_no_epoch_after_the_last_one() {
    let mut stage = Stage::with(|setting| setting.epoch = u64::MAX);
    let psk = psk(external_psk(1), stage.puppet.suite.hash_len());
    assert_eq!(stage.forbidden(&[psk]), Violation::EpochOverflow);
    assert_eq!(stage.refused_path(|_| {}), Violation::EpochOverflow);
    // Application messages can still be sent in it.
    let message = stage.members[0].send(b"the end", &mut stage.puppet.rng).unwrap();
    assert_eq!(read(stage.members[1].process(&message)), (LeafIndex(1), b"the end".to_vec()));
    // The epoch before the last one works as usual.
    Stage::with(|setting| setting.epoch = u64::MAX - 1).lives_on();
}

/// A Commit that refers to a rejected Update fails, because the receivers do not have the proposal.
#[test]
fn a_commit_of_what_was_refused_is_not_followed() {
    let mut stage = Stage::new();
    let old = stage.puppet.own_leaf().encryption_key;
    let leaf_node = stage.puppet.updated_leaf(|leaf| leaf.encryption_key = old);
    let (message, reference) = stage.puppet.propose(update(leaf_node));
    assert_eq!(stage.refused(&message), Violation::EncryptionKeyUnchanged);
    let committer = Sender::Member(stage.members[0].leaf());
    let list = vec![ProposalOrRef::Reference(reference.clone())];
    let commit = stage.puppet.commit_as(committer, list, None, &*stage.members[0].signer);
    assert_eq!(stage.error(&commit), Missing::Proposal(reference).into());
    stage.lives_on();
}

/// Section 6: the application configures the accepted handshake format. Observers receive public
/// messages.
#[test]
fn handshakes_come_in_the_format_that_was_agreed_on() {
    let mut stage = Stage::with(|setting| {
        setting.config.accepted_handshakes = AcceptedHandshakes::Encrypted;
    });
    let (proposal, _) = stage.puppet.propose(remove(2));
    let commit = stage.puppet.commit_of(Vec::new(), None);
    for message in [proposal, commit] {
        assert_eq!(violation(stage.members_error(&message)), Violation::HandshakeFormat);
    }
    // Messages from senders outside the group cannot be encrypted.
    let newcomer = Forgery::of(&mut stage.puppet, |_| {});
    let (sender, added) = (Sender::NewMemberProposal, add(newcomer.key_package));
    stage.hear(&stage.puppet.propose_as(sender, added, &*newcomer.signer));

    let mut stage = Stage::with(|setting| setting.config.accepted_handshakes = AcceptedHandshakes::Public);
    let proposal = stage.members[0].propose(remove(2), &mut stage.puppet.rng).unwrap();
    let refused = stage.members[1].process(&proposal).unwrap_err();
    assert_eq!(violation(refused), Violation::HandshakeFormat);
    let commit = stage.puppet.commit(Vec::new(), |_, _| {});
    stage.follow(&commit);
}

/// Section 8.4: PSKs are counted in 16 bits. All members reject more.
#[test]
fn more_pre_shared_keys_than_can_be_counted() {
    let mut stage = Stage::new();
    let len = stage.puppet.suite.hash_len();
    let psks =
        (0..=u16::MAX).map(|name| psk(Psk::External { psk_id: name.to_be_bytes().as_slice().into() }, len));
    let list: Vec<_> = psks.collect();
    let commit = stage.puppet.commit_of(by_value(&list), None);
    assert_eq!(stage.error(&commit), GroupError::Schedule(ScheduleError::TooManyPsks));
}
