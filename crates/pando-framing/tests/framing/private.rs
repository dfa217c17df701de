//! Tests that valid private messages are accepted, that all others are rejected, and that the
//! correct keys remain.

use crate::epoch::{Epoch, MEMBER, application, commit, proposal};
use pando_crypto::{AeadKey, AeadNonce, CryptoError, SecretBytes};
use pando_framing::{Authenticated, FramingError, Padding, open_private, reopen};
use pando_schedule::{RatchetType, ScheduleError, SecretId, SecretTree, UsedKey};
use pando_wire::{
    AuthenticatedContent, CipherSuite, Content, Decode, DecodeError, Encode, EncodeError, LeafIndex,
    MAX_VECTOR_LEN, PrivateContentAad, PrivateMessage, PrivateMessageContent, Sender, SenderData,
    SenderDataAad, SignaturePublicKey, WireFormat,
};
use std::num::NonZeroUsize;

const PRIVATE: WireFormat = WireFormat::MLS_PRIVATE_MESSAGE;

/// The leaf of the receiver. The other member sends the messages.
const OWN_LEAF: LeafIndex = LeafIndex(0);

fn seal(epoch: &mut Epoch, tree: &mut SecretTree, content: Content, padding: Padding) -> PrivateMessage {
    let signed = epoch.sign(PRIVATE, MEMBER, content).unwrap();
    signed.seal_private(epoch.suite, tree, &epoch.sender_data_secret, padding, &mut epoch.rng).unwrap()
}

/// Opens a message and deletes its key.
fn open(
    epoch: &Epoch,
    tree: &mut SecretTree,
    message: &PrivateMessage,
) -> Result<Authenticated<AuthenticatedContent>, FramingError> {
    let (content, key) = open_only(epoch, tree, message)?;
    tree.delete_key(key);
    Ok(content)
}

/// Opens a message without deleting its key.
fn open_only(
    epoch: &Epoch,
    tree: &SecretTree,
    message: &PrivateMessage,
) -> Result<(Authenticated<AuthenticatedContent>, UsedKey), FramingError> {
    let key = |leaf: LeafIndex| Ok((leaf.0 < 2).then(|| epoch.signer.public_key().clone()));
    open_private(epoch.suite, message, &epoch.context, &epoch.sender_data_secret, tree, OWN_LEAF, key)
}

/// Returns a lookup function that yields the same signature key for every leaf.
fn any_leaf(epoch: &Epoch) -> impl Fn(LeafIndex) -> Result<Option<SignaturePublicKey>, FramingError> {
    |_| Ok(Some(epoch.signer.public_key().clone()))
}

/// Returns all secrets of a tree so that tests can detect changes.
fn secrets(tree: &SecretTree) -> Vec<(SecretId, Vec<u8>)> {
    tree.secrets().map(|(id, secret)| (id, secret.expose().to_vec())).collect()
}

/// Encrypts arbitrary content and arbitrary sender data, as a malicious member could do.
fn forge(
    epoch: &Epoch,
    sender_data: &[u8],
    plaintext: &[u8],
    key: &AeadKey,
    nonce: &AeadNonce,
) -> PrivateMessage {
    let (suite, context) = (epoch.suite, &epoch.context);
    let (group_id, number) = (&context.group_id, context.epoch);
    let content_type = pando_wire::ContentType::Application;
    let authenticated_data = &vec![9; 3].into();
    let aad =
        PrivateContentAad { group_id, epoch: number, content_type, authenticated_data }.encode().unwrap();
    let ciphertext = suite.aead_seal(key, nonce, &aad, plaintext).unwrap();
    let (key, nonce) = epoch.sender_data_secret.key_and_nonce(suite, &ciphertext).unwrap();
    let aad = SenderDataAad { group_id, epoch: number, content_type }.encode().unwrap();
    PrivateMessage {
        group_id: group_id.clone(),
        epoch: number,
        content_type,
        authenticated_data: authenticated_data.clone(),
        encrypted_sender_data: suite.aead_seal(&key, &nonce, &aad, sender_data).unwrap().into(),
        ciphertext: ciphertext.into(),
    }
}

/// Returns the unpadded plaintext of an honest message, with its key and with its nonce for a reuse
/// guard of zero.
fn ingredients(epoch: &Epoch) -> (Vec<u8>, AeadKey, AeadNonce) {
    ingredients_of(epoch, 0)
}

/// Returns the same values as [`ingredients`], but for a message of the given generation.
fn ingredients_of(epoch: &Epoch, generation: u32) -> (Vec<u8>, AeadKey, AeadNonce) {
    let signed = epoch.sign(PRIVATE, MEMBER, application()).unwrap();
    let content = signed.authenticated().unwrap().into_inner();
    let plaintext =
        PrivateMessageContent::encode(&content.content.content, &content.auth, |len| len).unwrap();
    let mut tree = epoch.secret_tree();
    let mut take = || tree.take_next(epoch.suite, LeafIndex(1), RatchetType::Application).unwrap();
    (0..generation).for_each(|_| drop(take()));
    let (_, key) = take();
    (plaintext.to_vec(), key.key, key.nonce)
}

fn sender_data(leaf: u32, generation: u32) -> Vec<u8> {
    SenderData { leaf_index: LeafIndex(leaf), generation, reuse_guard: [0; 4] }.encode().unwrap()
}

#[test]
fn what_is_sealed_can_be_opened_once() {
    for cipher_suite in CipherSuite::ALL {
        let mut epoch = Epoch::new(cipher_suite);
        let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
        for content in [application(), proposal(), commit(), application(), commit()] {
            let message = seal(&mut epoch, &mut sending, content.clone(), Padding::Padme);
            let message = PrivateMessage::decode(&message.encode().unwrap()).unwrap();
            let opened = open(&epoch, &mut receiving, &message).unwrap();
            assert_eq!(opened.content, epoch.framed(MEMBER, content));
            assert_eq!(opened.wire_format, PRIVATE);
            let again = open(&epoch, &mut receiving, &message).unwrap_err();
            assert!(matches!(again, FramingError::Schedule(ScheduleError::KeyGone(_))));
        }
    }
}

#[test]
fn a_message_can_be_opened_until_its_key_is_deleted() {
    let mut epoch = Epoch::first();
    let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let messages = [(); 3].map(|()| seal(&mut epoch, &mut sending, application(), Padding::None));
    // Open the next message, then one that is further ahead, and then the skipped one.
    for message in [&messages[0], &messages[2], &messages[1]] {
        let (content, key) = open_only(&epoch, &receiving, message).unwrap();
        drop(key);
        let before = secrets(&receiving);
        let (again, key) = open_only(&epoch, &receiving, message).unwrap();
        assert_eq!(again, content);
        assert!(secrets(&receiving) == before);
        receiving.delete_key(key);
        let gone = open_only(&epoch, &receiving, message).unwrap_err();
        assert!(matches!(gone, FramingError::Schedule(ScheduleError::KeyGone(_))));
    }
}

#[test]
fn an_error_of_the_tree_comes_out_as_itself() {
    #[derive(Debug, PartialEq)]
    enum Error {
        Framing(FramingError),
        Storage(LeafIndex),
    }

    impl From<FramingError> for Error {
        fn from(error: FramingError) -> Self {
            Self::Framing(error)
        }
    }

    let mut epoch = Epoch::first();
    let (mut sending, receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let message = seal(&mut epoch, &mut sending, application(), Padding::None);
    let open = |key: &dyn Fn(LeafIndex) -> Result<_, Error>| {
        let secret = &epoch.sender_data_secret;
        let opened = open_private(epoch.suite, &message, &epoch.context, secret, &receiving, OWN_LEAF, key);
        opened.unwrap_err()
    };
    assert_eq!(open(&|leaf| Err(Error::Storage(leaf))), Error::Storage(LeafIndex(1)));
    let blank = Error::Framing(FramingError::NotAMember(LeafIndex(1)));
    assert_eq!(open(&|_| Ok(None)), blank);
    let invalid = Error::Framing(CryptoError::InvalidPublicKey.into());
    assert_eq!(open(&|_| Ok(Some(vec![0; 32].into()))), invalid);
    assert!(open_only(&epoch, &receiving, &message).is_ok());
}

#[test]
fn messages_out_of_order_are_opened() {
    let mut epoch = Epoch::first();
    let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let messages: Vec<_> =
        (0..6).map(|_| seal(&mut epoch, &mut sending, application(), Padding::None)).collect();
    for index in [3, 1, 5, 0, 4, 2] {
        open(&epoch, &mut receiving, &messages[index]).unwrap();
    }
}

#[test]
fn every_changed_byte_is_noticed_and_costs_nothing() {
    for cipher_suite in CipherSuite::ALL {
        let mut epoch = Epoch::new(cipher_suite);
        let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
        let message = seal(&mut epoch, &mut sending, application(), Padding::None);
        let bytes = message.encode().unwrap();
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 0x01;
            if let Ok(changed) = PrivateMessage::decode(&changed) {
                assert!(open(&epoch, &mut receiving, &changed).is_err(), "{cipher_suite}, byte {position}");
            }
        }
        open(&epoch, &mut receiving, &message).unwrap();
    }
}

/// The test forges a message with the correct key of the maximum generation. Any member can derive
/// that key, but only the claimed sender could sign the message.
#[test]
fn a_message_that_is_not_authentic_costs_nothing() {
    let mut epoch = Epoch::first();
    let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let messages = [(); 2].map(|()| seal(&mut epoch, &mut sending, application(), Padding::None));
    open(&epoch, &mut receiving, &messages[0]).unwrap();
    let before = secrets(&receiving);

    let (plaintext, key, nonce) = ingredients_of(&epoch, 1_001);
    let ahead = sender_data(1, 1_001);
    let forge = |plaintext: &[u8]| forge(&epoch, &ahead, plaintext, &key, &nonce);
    let mut badly_signed = plaintext.clone();
    *badly_signed.last_mut().unwrap() ^= 1;
    let malformed = [&plaintext[1..], &[plaintext.as_slice(), &[1]].concat(), &[0xff; 100]].map(forge);
    let badly_signed = forge(&badly_signed);
    for forged in &malformed {
        let error = open(&epoch, &mut receiving, forged).unwrap_err();
        assert!(matches!(error, FramingError::MalformedContent(_)), "{error}");
        assert!(secrets(&receiving) == before);
    }
    let error = open(&epoch, &mut receiving, &badly_signed).unwrap_err();
    assert_eq!(error, CryptoError::InvalidSignature.into());
    assert!(secrets(&receiving) == before);

    // The keys of both generations are still available after the failed attempts.
    let forged = open(&epoch, &mut epoch.secret_tree(), &forge(&plaintext)).unwrap_err();
    assert_eq!(forged, ScheduleError::GenerationTooFarAhead { generation: 1_001, next: 0 }.into());
    open(&epoch, &mut receiving, &messages[1]).unwrap();
    open(&epoch, &mut receiving, &forge(&plaintext)).unwrap();
}

#[test]
fn a_key_that_was_skipped_is_kept_until_an_authentic_message_has_come() {
    let mut epoch = Epoch::first();
    let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let messages = [(); 2].map(|()| seal(&mut epoch, &mut sending, application(), Padding::None));
    open(&epoch, &mut receiving, &messages[1]).unwrap();
    let before = secrets(&receiving);
    let (mut plaintext, key, nonce) = ingredients(&epoch);
    *plaintext.last_mut().unwrap() ^= 1;
    let forged = forge(&epoch, &sender_data(1, 0), &plaintext, &key, &nonce);
    let error = open(&epoch, &mut receiving, &forged).unwrap_err();
    assert_eq!(error, CryptoError::InvalidSignature.into());
    assert!(secrets(&receiving) == before);
    open(&epoch, &mut receiving, &messages[0]).unwrap();
}

#[test]
fn ones_own_messages_do_not_touch_ones_own_ratchet() {
    let mut epoch = Epoch::first();
    let mut tree = epoch.secret_tree();
    let message = seal(&mut epoch, &mut tree, application(), Padding::None);
    let (plaintext, key, nonce) = ingredients_of(&epoch, 7);
    let forged = forge(&epoch, &sender_data(1, 7), &plaintext, &key, &nonce);
    let before = secrets(&tree);
    for message in [message, forged] {
        let (secret, key) = (&epoch.sender_data_secret, any_leaf(&epoch));
        let opened = open_private(epoch.suite, &message, &epoch.context, secret, &tree, LeafIndex(1), key);
        assert_eq!(opened.unwrap_err(), FramingError::OwnMessage);
        assert!(secrets(&tree) == before);
    }
}

#[test]
fn padding_that_is_not_zero_is_refused() {
    let epoch = Epoch::first();
    let (plaintext, key, nonce) = ingredients(&epoch);
    for padding in [&[0, 0, 0][..], &[]] {
        let plaintext = [&plaintext, padding].concat();
        let message = forge(&epoch, &sender_data(1, 0), &plaintext, &key, &nonce);
        open(&epoch, &mut epoch.secret_tree(), &message).unwrap();
    }
    for padding in [&[1][..], &[0, 0, 1], &[0x80, 0]] {
        let plaintext = [&plaintext, padding].concat();
        let message = forge(&epoch, &sender_data(1, 0), &plaintext, &key, &nonce);
        let error = open(&epoch, &mut epoch.secret_tree(), &message).unwrap_err();
        assert!(matches!(error, FramingError::MalformedContent(DecodeError::Malformed(_))));
    }
}

#[test]
fn content_that_is_cut_short_is_refused() {
    let epoch = Epoch::first();
    let (plaintext, key, nonce) = ingredients(&epoch);
    for length in 0..plaintext.len() {
        let message = forge(&epoch, &sender_data(1, 0), &plaintext[..length], &key, &nonce);
        let error = open(&epoch, &mut epoch.secret_tree(), &message).unwrap_err();
        assert!(matches!(error, FramingError::MalformedContent(_)), "{length}: {error}");
    }
}

#[test]
fn hostile_sender_data_is_refused() {
    let epoch = Epoch::first();
    let (plaintext, key, nonce) = ingredients(&epoch);
    let attempt = |sender_data: &[u8]| {
        let message = forge(&epoch, sender_data, &plaintext, &key, &nonce);
        open(&epoch, &mut epoch.secret_tree(), &message).unwrap_err()
    };
    for leaf in [2, 3, 1 << 31, u32::MAX] {
        assert_eq!(attempt(&sender_data(leaf, 0)), FramingError::NotAMember(LeafIndex(leaf)));
    }
    for generation in [1_001, 1 << 31, u32::MAX] {
        let error = ScheduleError::GenerationTooFarAhead { generation, next: 0 };
        assert_eq!(attempt(&sender_data(1, generation)), error.into());
    }
    assert_eq!(attempt(&sender_data(1, 7)), CryptoError::DecryptionFailed.into());
    let honest = sender_data(1, 0);
    for length in 0..honest.len() {
        let error = FramingError::MalformedSenderData(DecodeError::Truncated);
        let short = attempt(&honest[..length]);
        assert!(short == error || matches!(short, FramingError::MalformedSenderData(_)));
    }
    let longer = [&honest[..], &[0]].concat();
    assert_eq!(attempt(&longer), FramingError::MalformedSenderData(DecodeError::TrailingBytes));
}

#[test]
fn a_leaf_outside_of_the_secret_tree_is_refused_even_if_it_is_said_to_be_a_member() {
    let epoch = Epoch::first();
    let (plaintext, key, nonce) = ingredients(&epoch);
    let message = forge(&epoch, &sender_data(2, 0), &plaintext, &key, &nonce);
    let (secret, key) = (&epoch.sender_data_secret, any_leaf(&epoch));
    let tree = epoch.secret_tree();
    let opened = open_private(epoch.suite, &message, &epoch.context, secret, &tree, OWN_LEAF, key);
    assert_eq!(opened.unwrap_err(), ScheduleError::NoSuchLeaf(LeafIndex(2)).into());
}

#[test]
fn short_ciphertexts_are_refused() {
    let mut epoch = Epoch::first();
    let mut sending = epoch.secret_tree();
    let message = seal(&mut epoch, &mut sending, application(), Padding::None);
    for length in 0..20 {
        let message = PrivateMessage { ciphertext: message.ciphertext[..length].into(), ..message.clone() };
        let error = open(&epoch, &mut epoch.secret_tree(), &message).unwrap_err();
        assert_eq!(error, CryptoError::DecryptionFailed.into());
    }
}

#[test]
fn the_reuse_guard_is_fresh_and_in_the_first_four_bytes_of_the_nonce() {
    let mut epoch = Epoch::first();
    // Encrypt with the same generation twice, as may happen after a loss of state. The ciphertexts
    // must still differ.
    let (mut first, mut second) = (epoch.secret_tree(), epoch.secret_tree());
    let messages = [&mut first, &mut second].map(|tree| seal(&mut epoch, tree, application(), Padding::None));
    assert_ne!(messages[0].ciphertext, messages[1].ciphertext);

    // Decrypt each message by hand, following the steps of the RFC.
    for message in &messages {
        let (suite, ciphertext) = (epoch.suite, &message.ciphertext);
        let (key, nonce) = epoch.sender_data_secret.key_and_nonce(suite, ciphertext).unwrap();
        let (group_id, number, content_type) = (&message.group_id, message.epoch, message.content_type);
        let aad = SenderDataAad { group_id, epoch: number, content_type }.encode().unwrap();
        let sender = suite.aead_open(&key, &nonce, &aad, &message.encrypted_sender_data).unwrap();
        let sender = SenderData::decode(sender.expose()).unwrap();
        assert_eq!((sender.leaf_index, sender.generation), (LeafIndex(1), 0));

        let (_, key, nonce) = ingredients(&epoch);
        let mut guarded = nonce.expose().to_vec();
        for (byte, guard) in guarded.iter_mut().zip(sender.reuse_guard) {
            *byte ^= guard;
        }
        let authenticated_data = &message.authenticated_data;
        let aad =
            PrivateContentAad { group_id, epoch: number, content_type, authenticated_data }.encode().unwrap();
        let opened: SecretBytes = suite.aead_open(&key, &guarded.into(), &aad, ciphertext).unwrap();
        assert!(opened.expose().starts_with(b"\x05hello"));
    }
}

#[test]
fn padding_hides_the_length() {
    let mut epoch = Epoch::first();
    let mut tree = epoch.secret_tree();
    let mut lengths = |padding| {
        let mut lengths: Vec<_> = (0..100)
            .map(|length| {
                let content = Content::Application(vec![1; length].into());
                seal(&mut epoch, &mut tree, content, padding).ciphertext.len()
            })
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths
    };
    assert!(lengths(Padding::None).len() >= 99);
    assert_eq!(lengths(Padding::Multiple(NonZeroUsize::new(256).unwrap())), [256 + 16]);
    assert!(lengths(Padding::Padme).len() < 16);
}

#[test]
fn the_length_is_known_before() {
    for cipher_suite in CipherSuite::ALL {
        let mut epoch = Epoch::new(cipher_suite);
        let mut tree = epoch.secret_tree();
        let suite = epoch.suite;
        let paddings = [Padding::None, Padding::Padme, Padding::Multiple(NonZeroUsize::new(100).unwrap())];
        let lengths = [0, 1, 40, 63, 64, 65, 200, 16_300, 16_383, 16_384, 16_400];
        let data = lengths.map(|length| Content::Application(vec![1; length].into()));
        for content in data.into_iter().chain([proposal(), commit()]) {
            for padding in paddings {
                let signed = epoch.sign(PRIVATE, MEMBER, content.clone()).unwrap();
                let (secret, rng) = (&epoch.sender_data_secret, &mut epoch.rng);
                let message = signed.seal_private(suite, &mut tree, secret, padding, rng).unwrap();
                assert_eq!(signed.private_len(suite, padding), Ok(message.encode().unwrap().len()));
            }
        }
    }
}

#[test]
fn what_is_padded_to_more_than_can_be_sent_uses_no_key() {
    let mut epoch = Epoch::first();
    let mut tree = epoch.secret_tree();
    // With these lengths, the plaintext fits into a vector, but the ciphertext does not, because it
    // also includes the tag.
    let nearly = [MAX_VECTOR_LEN, MAX_VECTOR_LEN - 15];
    let before = secrets(&tree);
    for unit in nearly.into_iter().chain([1 << 30, usize::MAX / 2 + 1, usize::MAX]) {
        let padding = Padding::Multiple(NonZeroUsize::new(unit).unwrap());
        let signed = epoch.sign(PRIVATE, MEMBER, application()).unwrap();
        let too_long = FramingError::Encode(EncodeError::TooLong);
        assert_eq!(signed.private_len(epoch.suite, padding), Err(too_long.clone()));
        let (secret, rng) = (&epoch.sender_data_secret, &mut epoch.rng);
        let sealed = signed.seal_private(epoch.suite, &mut tree, secret, padding, rng);
        assert_eq!(sealed, Err(too_long));
        assert!(secrets(&tree) == before);
    }
    // If the plaintext is one byte shorter, the message can be sent.
    let longest = Padding::Multiple(NonZeroUsize::new(MAX_VECTOR_LEN - 16).unwrap());
    let signed = epoch.sign(PRIVATE, MEMBER, application()).unwrap();
    assert!(signed.private_len(epoch.suite, longest).unwrap() > MAX_VECTOR_LEN);
}

#[test]
fn only_members_encrypt() {
    let epoch = Epoch::first();
    for (sender, content) in [(Sender::External(0), proposal()), (Sender::NewMemberCommit, commit())] {
        let error = epoch.sign(PRIVATE, sender, content).unwrap_err();
        assert!(matches!(error, FramingError::FormatNotAllowed { wire_format: PRIVATE, .. }));
    }
}

#[test]
fn what_was_signed_to_be_public_is_not_encrypted() {
    let mut epoch = Epoch::first();
    let signed = epoch.sign(WireFormat::MLS_PUBLIC_MESSAGE, MEMBER, proposal()).unwrap();
    let mut tree = epoch.secret_tree();
    let secret = &epoch.sender_data_secret;
    let sealed = signed.seal_private(epoch.suite, &mut tree, secret, Padding::None, &mut epoch.rng);
    assert!(matches!(sealed.unwrap_err(), FramingError::FormatNotAllowed { wire_format: PRIVATE, .. }));
}

#[test]
fn messages_of_other_groups_and_epochs_are_told_apart() {
    let mut epoch = Epoch::first();
    let mut sending = epoch.secret_tree();
    let message = seal(&mut epoch, &mut sending, application(), Padding::None);
    epoch.context.epoch = 6;
    let opened = open(&epoch, &mut epoch.secret_tree(), &message);
    assert_eq!(opened.unwrap_err(), FramingError::WrongEpoch { message: 5, group: 6 });
    epoch.context.group_id = b"other".as_slice().into();
    let opened = open(&epoch, &mut epoch.secret_tree(), &message);
    assert_eq!(opened.unwrap_err(), FramingError::WrongGroup);
}

#[test]
fn what_was_opened_is_verified_again_and_not_believed() {
    let mut epoch = Epoch::first();
    let (mut sending, mut receiving) = (epoch.secret_tree(), epoch.secret_tree());
    let message = seal(&mut epoch, &mut sending, commit(), Padding::None);
    let opened = open(&epoch, &mut receiving, &message).unwrap();
    let again = |content: AuthenticatedContent, context| {
        reopen(content, context)?.verify(epoch.suite, epoch.signer.public_key())
    };
    let content = || opened.clone().into_inner();
    assert_eq!(again(content(), &epoch.context), Ok(opened.clone()));

    let mut changed = content();
    changed.content.authenticated_data = vec![8; 3].into();
    let invalid = FramingError::Crypto(CryptoError::InvalidSignature);
    assert_eq!(again(changed, &epoch.context), Err(invalid));
    let mut public = content();
    public.wire_format = WireFormat::MLS_PUBLIC_MESSAGE;
    assert!(matches!(again(public, &epoch.context), Err(FramingError::Crypto(_))));
    let mut outside = content();
    outside.content.sender = Sender::NewMemberCommit;
    assert!(matches!(again(outside, &epoch.context), Err(FramingError::FormatNotAllowed { .. })));
    let mut later = epoch.context.clone();
    later.epoch += 1;
    assert_eq!(again(content(), &later), Err(FramingError::WrongEpoch { message: 5, group: 6 }));
    let elsewhere =
        pando_wire::GroupContext { group_id: b"other".as_slice().into(), ..epoch.context.clone() };
    assert_eq!(again(content(), &elsewhere), Err(FramingError::WrongGroup));
}
