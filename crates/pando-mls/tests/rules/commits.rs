//! Tests of sections 6.1, 8.1 and 12.4: invalid Commits with valid proposals.

use crate::fixture::{RuleFixture, violation};
use crate::group_fixture::{external_psk, read};
use crate::material::{
    ForgedKeyPackage, add, by_value, custom, key_package, psk, remove, set_extensions, update,
};
use pando_mls::{AcceptedHandshakes, Extensions, LeafIndex, Missing, Violation};
use pando_mls::{GroupError, Psk, ScheduleError};
use pando_wire::{MlsMessageBody, ProposalOrRef, Sender};

#[test]
fn a_commit_has_a_path_unless_it_can_do_without() {
    let mut fixture = RuleFixture::new();
    let newcomer = add(key_package(&mut fixture.raw_member, |_| {}));
    let psk = psk(external_psk(1), fixture.raw_member.suite.hash_len());
    for list in [
        vec![],
        vec![remove(2)],
        vec![set_extensions(Extensions::default())],
        vec![custom(0xf001, b"")],
        vec![newcomer.clone(), psk.clone(), remove(2)],
    ] {
        assert_eq!(fixture.refused_commit(&list), Violation::PathRequired);
    }
    let leaf_node = fixture.raw_member.updated_leaf(|_| {});
    let (message, reference) = fixture.raw_member.propose(update(leaf_node));
    fixture.deliver_proposal(&message);
    let (committer, signer) = (Sender::Member(fixture.members[0].leaf()), &*fixture.members[0].signer);
    let list = vec![ProposalOrRef::Reference(reference)];
    let commit = fixture.raw_member.commit_as(committer, list, None, signer);
    assert_eq!(fixture.refused(&commit), Violation::PathRequired);
    // In these Commits, only the confirmation tag is wrong.
    for list in [vec![newcomer.clone()], vec![psk.clone()], vec![psk, newcomer]] {
        let commit = fixture.raw_member.commit_of(by_value(&list), None);
        assert_eq!(violation(fixture.members_error(&commit)), Violation::ConfirmationTag);
    }
    fixture.check_still_works();
}

/// Shows that a wrong confirmation tag is detected. Only a member can change this tag in transit,
/// because it must compute the membership tag again.
#[test]
fn a_commit_confirms_that_everybody_is_in_the_same_epoch() {
    let mut fixture = RuleFixture::new();
    // This tag is correct for a Commit that was not sent.
    let mut other = RuleFixture::new();
    let right = other.raw_member.commit(by_value(&[psk(external_psk(1), 32)]), |_, _| {});
    let MlsMessageBody::PublicMessage(right) = &right.body else { panic!("not public") };
    let elsewhere = right.auth.confirmation_tag.clone().unwrap();
    for tag in [vec![0; 32].into(), vec![0; 31].into(), Vec::new().into(), elsewhere] {
        let proposals = by_value(&[psk(external_psk(1), 32)]);
        let commit = fixture.raw_member.commit_with_tag(proposals, tag);
        assert_eq!(violation(fixture.members_error(&commit)), Violation::ConfirmationTag);
    }
    fixture.check_still_works();
}

#[test]
fn there_is_no_epoch_after_the_last_one() {
    let mut fixture = RuleFixture::with(|parameters| parameters.epoch = u64::MAX);
    let psk = psk(external_psk(1), fixture.raw_member.suite.hash_len());
    assert_eq!(fixture.forbidden(&[psk]), Violation::EpochOverflow);
    assert_eq!(fixture.refused_path(|_| {}), Violation::EpochOverflow);
    // Application messages can still be sent in the last epoch.
    let message = fixture.members[0].send(b"the end", &mut fixture.raw_member.rng).unwrap();
    assert_eq!(read(fixture.members[1].process(&message)), (LeafIndex(1), b"the end".to_vec()));
    // A group in the epoch before the last one works as usual.
    RuleFixture::with(|parameters| parameters.epoch = u64::MAX - 1).check_still_works();
}

/// Shows that a Commit that refers to a rejected Update fails, because the receivers do not have
/// the proposal.
#[test]
fn a_commit_of_what_was_refused_is_not_followed() {
    let mut fixture = RuleFixture::new();
    let old = fixture.raw_member.own_leaf().encryption_key;
    let leaf_node = fixture.raw_member.updated_leaf(|leaf| leaf.encryption_key = old);
    let (message, reference) = fixture.raw_member.propose(update(leaf_node));
    assert_eq!(fixture.refused(&message), Violation::EncryptionKeyUnchanged);
    let committer = Sender::Member(fixture.members[0].leaf());
    let list = vec![ProposalOrRef::Reference(reference.clone())];
    let commit = fixture.raw_member.commit_as(committer, list, None, &*fixture.members[0].signer);
    assert_eq!(fixture.error(&commit), Missing::Proposal(reference).into());
    fixture.check_still_works();
}

/// Shows that the application configures the accepted format of handshake messages (section 6).
/// Observers receive public messages.
#[test]
fn handshakes_come_in_the_format_that_was_agreed_on() {
    let mut fixture = RuleFixture::with(|parameters| {
        parameters.config.accepted_handshakes = AcceptedHandshakes::Encrypted;
    });
    let (proposal, _) = fixture.raw_member.propose(remove(2));
    let commit = fixture.raw_member.commit_of(Vec::new(), None);
    for message in [proposal, commit] {
        assert_eq!(violation(fixture.members_error(&message)), Violation::HandshakeFormat);
    }
    // Messages from senders outside the group cannot be encrypted, so they are accepted in the
    // public format.
    let newcomer = ForgedKeyPackage::of(&mut fixture.raw_member, |_| {});
    let (sender, added) = (Sender::NewMemberProposal, add(newcomer.key_package));
    fixture.deliver_proposal(&fixture.raw_member.propose_as(sender, added, &*newcomer.signer));

    let mut fixture =
        RuleFixture::with(|parameters| parameters.config.accepted_handshakes = AcceptedHandshakes::Public);
    let proposal = fixture.members[0].propose(remove(2), &mut fixture.raw_member.rng).unwrap();
    let refused = fixture.members[1].process(&proposal).unwrap_err();
    assert_eq!(violation(refused), Violation::HandshakeFormat);
    let commit = fixture.raw_member.commit(Vec::new(), |_, _| {});
    fixture.follow(&commit);
}

/// Shows that all members reject a Commit with too many PSKs, because their number has only 16 bits
/// (section 8.4).
#[test]
fn more_pre_shared_keys_than_can_be_counted() {
    let mut fixture = RuleFixture::new();
    let len = fixture.raw_member.suite.hash_len();
    let psks =
        (0..=u16::MAX).map(|name| psk(Psk::External { psk_id: name.to_be_bytes().as_slice().into() }, len));
    let list: Vec<_> = psks.collect();
    let commit = fixture.raw_member.commit_of(by_value(&list), None);
    assert_eq!(fixture.error(&commit), GroupError::Schedule(ScheduleError::TooManyPsks));
}
