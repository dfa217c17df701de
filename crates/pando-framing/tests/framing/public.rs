//! Tests that valid public messages are accepted and that all others are rejected.

use crate::epoch::{Epoch, MEMBER, application, commit, proposal};
use pando_crypto::CryptoError;
use pando_framing::{FramingError, SignedContent, open_public, open_public_unchecked};
use pando_schedule::MembershipKey;
use pando_wire::{
    CipherSuite, Content, ContentType, Decode, Encode, LeafIndex, Mac, PublicMessage, Sender, WireFormat,
};

const PUBLIC: WireFormat = WireFormat::MLS_PUBLIC_MESSAGE;

fn sealed(epoch: &Epoch, sender: Sender, content: Content) -> PublicMessage {
    let key = matches!(sender, Sender::Member(_)).then_some(&epoch.membership_key);
    epoch.sign(PUBLIC, sender, content).unwrap().seal_public(epoch.suite, key).unwrap()
}

/// Decodes, opens and verifies a message.
fn accept(epoch: &Epoch, bytes: &[u8]) -> Result<(), String> {
    let message = PublicMessage::decode(bytes).map_err(|error| error.to_string())?;
    let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key);
    let verified = opened.and_then(|opened| opened.verify(epoch.suite, epoch.signer.public_key()));
    verified.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn what_is_sealed_can_be_opened() {
    for cipher_suite in CipherSuite::ALL {
        let epoch = Epoch::new(cipher_suite);
        for content in [proposal(), commit()] {
            let signed = epoch.sign(PUBLIC, MEMBER, content).unwrap();
            let message = signed.seal_public(epoch.suite, Some(&epoch.membership_key)).unwrap();
            let message = PublicMessage::decode(&message.encode().unwrap()).unwrap();
            let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key).unwrap();
            let verified = opened.verify(epoch.suite, epoch.signer.public_key()).unwrap();
            assert_eq!(verified, signed.authenticated().unwrap());
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for cipher_suite in CipherSuite::ALL {
        let epoch = Epoch::new(cipher_suite);
        let bytes = sealed(&epoch, MEMBER, commit()).encode().unwrap();
        accept(&epoch, &bytes).unwrap();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x01;
            assert!(accept(&epoch, &changed).is_err(), "{cipher_suite}, byte {position}");
        }
        for length in 0..bytes.len() {
            assert!(accept(&epoch, &bytes[..length]).is_err());
        }
    }
}

#[test]
fn a_membership_tag_of_any_other_length_is_refused() {
    let epoch = Epoch::first();
    let message = sealed(&epoch, MEMBER, proposal());
    let tag = message.membership_tag.clone().unwrap();
    let longer = [&tag[..], &[0]].concat();
    for length in (0..tag.len()).chain([tag.len() + 1]) {
        let shortened = Mac::from(&longer[..length]);
        let message = PublicMessage { membership_tag: Some(shortened), ..message.clone() };
        let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key);
        assert_eq!(opened.unwrap_err(), FramingError::WrongMembershipTag);
    }
}

#[test]
fn the_membership_tag_of_another_epoch_is_refused() {
    let epoch = Epoch::first();
    let message = sealed(&epoch, MEMBER, proposal());
    let other = MembershipKey::from(vec![8; 32]);
    let opened = open_public(epoch.suite, message.clone(), &epoch.context, &other);
    assert_eq!(opened.unwrap_err(), FramingError::WrongMembershipTag);
    // An observer does not have the membership key and relies on the signature, which covers the
    // context.
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context).unwrap();
    opened.verify(epoch.suite, epoch.signer.public_key()).unwrap();
}

#[test]
fn an_observer_notices_another_context() {
    let epoch = Epoch::first();
    let message = sealed(&epoch, MEMBER, proposal());
    let mut context = epoch.context.clone();
    context.tree_hash = vec![7; 32].into();
    let opened = open_public_unchecked(epoch.suite, message, &context).unwrap();
    let error = opened.verify(epoch.suite, epoch.signer.public_key()).unwrap_err();
    assert_eq!(error, CryptoError::InvalidSignature.into());
}

#[test]
fn only_members_have_membership_tags() {
    let epoch = Epoch::first();
    let key = Some(&epoch.membership_key);
    for (sender, content) in [(Sender::External(0), proposal()), (Sender::NewMemberCommit, commit())] {
        let signed = epoch.sign(PUBLIC, sender, content).unwrap();
        assert_eq!(signed.seal_public(epoch.suite, key).unwrap_err(), FramingError::MembershipTag);
        let mut message = signed.seal_public(epoch.suite, None).unwrap();
        let opened = open_public(epoch.suite, message.clone(), &epoch.context, &epoch.membership_key);
        opened.unwrap().verify(epoch.suite, epoch.signer.public_key()).unwrap();

        message.membership_tag = Some(Mac::from(vec![0; 32]));
        let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key);
        assert_eq!(opened.unwrap_err(), FramingError::MembershipTag);
    }
    let signed = epoch.sign(PUBLIC, MEMBER, proposal()).unwrap();
    assert_eq!(signed.seal_public(epoch.suite, None).unwrap_err(), FramingError::MembershipTag);
    let mut message = signed.seal_public(epoch.suite, key).unwrap();
    message.membership_tag = None;
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context);
    assert_eq!(opened.unwrap_err(), FramingError::MembershipTag);
}

#[test]
fn data_of_the_application_is_never_public() {
    let epoch = Epoch::first();
    let error = epoch.sign(PUBLIC, MEMBER, application()).unwrap_err();
    let content_type = ContentType::Application;
    let expected = FramingError::FormatNotAllowed { wire_format: PUBLIC, sender: MEMBER, content_type };
    assert_eq!(error, expected);

    // If a sender creates such a message anyway, a receiver rejects it.
    let mut message = sealed(&epoch, MEMBER, proposal());
    message.content.content = application();
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context);
    assert_eq!(opened.unwrap_err(), expected);
}

#[test]
fn senders_from_outside_send_what_they_may() {
    let epoch = Epoch::first();
    for (sender, content) in [
        (Sender::External(0), commit()),
        (Sender::External(0), application()),
        (Sender::NewMemberProposal, commit()),
        (Sender::NewMemberProposal, application()),
        // A new member may only propose its own addition.
        (Sender::NewMemberProposal, proposal()),
        (Sender::NewMemberCommit, proposal()),
        (Sender::NewMemberCommit, application()),
    ] {
        let content_type = content.content_type();
        let expected = FramingError::SenderNotAllowed { sender, content_type };
        assert_eq!(epoch.sign(PUBLIC, sender, content.clone()).unwrap_err(), expected);

        let mut message = sealed(&epoch, MEMBER, proposal());
        (message.content.sender, message.content.content) = (sender, content);
        (message.membership_tag, message.auth.confirmation_tag) = (None, None);
        let opened = open_public_unchecked(epoch.suite, message, &epoch.context);
        assert_eq!(opened.unwrap_err(), expected);
    }
}

#[test]
fn a_commit_and_nothing_else_has_a_confirmation_tag() {
    let epoch = Epoch::first();
    let framed = epoch.framed(MEMBER, commit());
    let signed = SignedContent::sign(epoch.suite, &*epoch.signer, PUBLIC, framed, &epoch.context).unwrap();
    let sealed_early = signed.seal_public(epoch.suite, Some(&epoch.membership_key));
    assert_eq!(sealed_early.unwrap_err(), FramingError::ConfirmationTag);
    assert_eq!(signed.authenticated().unwrap_err(), FramingError::ConfirmationTag);

    let mut signed = epoch.sign(PUBLIC, MEMBER, proposal()).unwrap();
    assert_eq!(signed.set_confirmation_tag(Mac::default()), Err(FramingError::ConfirmationTag));

    let mut message = sealed(&epoch, MEMBER, proposal());
    message.auth.confirmation_tag = Some(Mac::default());
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context);
    assert_eq!(opened.unwrap_err(), FramingError::ConfirmationTag);

    let mut message = sealed(&epoch, MEMBER, commit());
    message.auth.confirmation_tag = None;
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context);
    assert_eq!(opened.unwrap_err(), FramingError::ConfirmationTag);
}

#[test]
fn content_is_signed_for_public_and_private_messages() {
    let epoch = Epoch::first();
    for format in [WireFormat::MLS_WELCOME, WireFormat::MLS_GROUP_INFO, WireFormat(0)] {
        let error = epoch.sign(format, MEMBER, proposal()).unwrap_err();
        assert!(matches!(error, FramingError::FormatNotAllowed { .. }), "{error:?}");
    }
}

#[test]
fn messages_of_other_groups_and_epochs_are_told_apart() {
    let epoch = Epoch::first();
    let message = sealed(&epoch, MEMBER, proposal());
    let mut context = epoch.context.clone();
    context.epoch = 6;
    let opened = open_public(epoch.suite, message.clone(), &context, &epoch.membership_key);
    assert_eq!(opened.unwrap_err(), FramingError::WrongEpoch { message: 5, group: 6 });
    context.group_id = b"other".as_slice().into();
    let opened = open_public(epoch.suite, message, &context, &epoch.membership_key);
    assert_eq!(opened.unwrap_err(), FramingError::WrongGroup);

    let framed = epoch.framed(MEMBER, proposal());
    let signed = SignedContent::sign(epoch.suite, &*epoch.signer, PUBLIC, framed, &context);
    assert_eq!(signed.unwrap_err(), FramingError::WrongGroup);
}

#[test]
fn the_signature_covers_the_format() {
    let epoch = Epoch::first();
    let private = epoch.sign(WireFormat::MLS_PRIVATE_MESSAGE, MEMBER, proposal()).unwrap();
    let error = private.seal_public(epoch.suite, Some(&epoch.membership_key)).unwrap_err();
    assert!(matches!(error, FramingError::FormatNotAllowed { wire_format: PUBLIC, .. }));

    // Put the content into a PublicMessage by hand.
    let mut message = sealed(&epoch, MEMBER, proposal());
    message.auth = private.authenticated().unwrap().into_inner().auth;
    let opened = open_public_unchecked(epoch.suite, message, &epoch.context).unwrap();
    let error = opened.verify(epoch.suite, epoch.signer.public_key()).unwrap_err();
    assert_eq!(error, CryptoError::InvalidSignature.into());
}

#[test]
fn the_key_of_another_member_does_not_verify() {
    let mut epoch = Epoch::first();
    let message = sealed(&epoch, MEMBER, proposal());
    let other = epoch.suite.signer(&epoch.suite.signature_generate_key(&mut epoch.rng).unwrap()).unwrap();
    let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key).unwrap();
    let error = opened.verify(epoch.suite, other.public_key()).unwrap_err();
    assert_eq!(error, CryptoError::InvalidSignature.into());
}

#[test]
fn hostile_leaf_indices_do_no_harm() {
    let epoch = Epoch::first();
    for index in [2, 3, 1 << 31, u32::MAX] {
        // The ratchet tree decides whether this leaf exists and who its member is.
        let message = sealed(&epoch, Sender::Member(LeafIndex(index)), proposal());
        let opened = open_public(epoch.suite, message, &epoch.context, &epoch.membership_key).unwrap();
        assert_eq!(opened.content().sender, Sender::Member(LeafIndex(index)));
    }
}
