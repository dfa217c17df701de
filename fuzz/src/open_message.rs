//! Fuzzes the opening of framed messages. The attacker is either an outsider or an insider that
//! knows all secrets shared by the members.

use pando_crypto::{CryptoProvider, RustCrypto, Signer, Suite};
use pando_framing::{FramingError, Padding, SignedContent, open_private, open_public};
use pando_schedule::{MembershipKey, RatchetLimits, RatchetType, SecretTree, SenderDataSecret};
use pando_wire::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

/// A group of four leaves in one epoch, with the secrets that its members share.
struct EpochFixture {
    suite: Suite,
    signer: Box<dyn Signer>,
    context: GroupContext,
    membership_key: MembershipKey,
    sender_data_secret: SenderDataSecret,
}

static EPOCH: LazyLock<EpochFixture> = LazyLock::new(|| {
    let suite = RustCrypto.suite(CipherSuite::ALL[0]).expect("every backend has it");
    let key = suite.signature_generate_key(&mut ChaCha20Rng::seed_from_u64(0)).expect("good randomness");
    EpochFixture {
        suite,
        signer: suite.signer(&key).expect("a good key"),
        context: GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id: vec![1].into(),
            epoch: 0,
            tree_hash: vec![2; 32].into(),
            confirmed_transcript_hash: vec![3; 32].into(),
            extensions: Extensions::default(),
        },
        membership_key: vec![4; 32].into(),
        sender_data_secret: vec![5; 32].into(),
    }
});

/// Opens a message. The first byte selects how the other bytes are used.
pub fn open_message(input: &[u8]) {
    let Some((mode, bytes)) = input.split_first() else { return };
    match mode % 4 {
        0 => outsider(bytes),
        1 => insider_public(bytes),
        2 => insider_private(bytes),
        _ => honest(bytes),
    }
}

/// Opens an arbitrary message from an outsider.
fn outsider(bytes: &[u8]) {
    match MlsMessage::decode(bytes).map(|message| message.body) {
        Ok(MlsMessageBody::PublicMessage(message)) => public(*message),
        Ok(MlsMessageBody::PrivateMessage(message)) => private(&message),
        _ => {}
    }
}

/// Opens an arbitrary PublicMessage whose membership tag is correct.
fn insider_public(bytes: &[u8]) {
    let fixture = &*EPOCH;
    let Ok(mut message) = PublicMessage::decode(bytes) else { return };
    message.content.group_id = fixture.context.group_id.clone();
    message.content.epoch = fixture.context.epoch;
    if message.membership_tag.is_some() {
        let content_tbs = FramedContentTbs {
            wire_format: WireFormat::MLS_PUBLIC_MESSAGE,
            content: &message.content,
            context: Some(&fixture.context),
        };
        let tbm = AuthenticatedContentTbm { content_tbs, auth: &message.auth }.encode().expect("short");
        let tag = fixture.suite.mac(fixture.membership_key.expose(), &[&tbm]);
        message.membership_tag = Some(Mac::from(&*tag));
    }
    public(message);
}

/// Opens a PrivateMessage with arbitrary sender data and an arbitrary plaintext, encrypted with the
/// correct keys if they exist.
fn insider_private(bytes: &[u8]) {
    let fixture = &*EPOCH;
    let Ok((content_type, bytes)) = ContentType::decode_prefix(bytes) else { return };
    let Some((sender_data, plaintext)) = bytes.split_at_checked(12) else { return };
    let (group_id, epoch) = (&fixture.context.group_id, fixture.context.epoch);
    let authenticated_data = Opaque::default();
    let (key, nonce) = match SenderData::decode(sender_data) {
        Ok(sender) => {
            let ratchet = RatchetType::from(content_type);
            let key = tree().open(fixture.suite, sender.leaf_index, ratchet, sender.generation, |key| {
                let mut nonce = key.nonce.expose().to_vec();
                nonce.iter_mut().zip(sender.reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
                Ok::<_, FramingError>((key.key.expose().into(), nonce.into()))
            });
            key.map_or_else(|_| (vec![0; 16].into(), vec![0; 12].into()), |(key, _)| key)
        }
        Err(_) => (vec![0; 16].into(), vec![0; 12].into()),
    };
    let aad = PrivateContentAad { group_id, epoch, content_type, authenticated_data: &authenticated_data };
    let aad = aad.encode().expect("short");
    let ciphertext = fixture.suite.aead_seal(&key, &nonce, &aad, plaintext).expect("short");
    let (key, nonce) =
        fixture.sender_data_secret.key_and_nonce(fixture.suite, &ciphertext).expect("a good secret");
    let aad = SenderDataAad { group_id, epoch, content_type }.encode().expect("short");
    let encrypted_sender_data =
        fixture.suite.aead_seal(&key, &nonce, &aad, sender_data).expect("short").into();
    let message = PrivateMessage {
        group_id: group_id.clone(),
        epoch,
        content_type,
        authenticated_data,
        encrypted_sender_data,
        ciphertext: ciphertext.into(),
    };
    private(&message);
}

/// Signs and seals content as a member. In both wire formats, opening the message must return the
/// same content.
fn honest(bytes: &[u8]) {
    let fixture = &*EPOCH;
    let Ok(mut content) = FramedContent::decode(bytes) else { return };
    content.group_id = fixture.context.group_id.clone();
    content.epoch = fixture.context.epoch;
    content.sender = Sender::Member(LeafIndex(3));
    let is_commit = matches!(content.content, Content::Commit(_));
    let sign = |wire_format| {
        let signed = SignedContent::sign(
            fixture.suite,
            &*fixture.signer,
            wire_format,
            content.clone(),
            &fixture.context,
        );
        signed.inspect_err(|error| assert!(matches!(error, FramingError::FormatNotAllowed { .. }))).ok().map(
            |mut signed| {
                if is_commit {
                    signed.set_confirmation_tag(Mac::from(vec![6; 32])).expect("a Commit");
                }
                signed
            },
        )
    };
    if let Some(signed) = sign(WireFormat::MLS_PUBLIC_MESSAGE) {
        let message = signed.seal_public(fixture.suite, Some(&fixture.membership_key)).expect("seals");
        let opened =
            open_public(fixture.suite, message, &fixture.context, &fixture.membership_key).expect("opens");
        let verified = opened.verify(fixture.suite, fixture.signer.public_key());
        assert_eq!(verified.expect("verifies").content, content);
    }
    let signed = sign(WireFormat::MLS_PRIVATE_MESSAGE).expect("members may encrypt everything");
    let (mut rng, secret) = (ChaCha20Rng::seed_from_u64(1), &fixture.sender_data_secret);
    let sealed = signed.seal_private(fixture.suite, &mut tree(), secret, Padding::Padme, &mut rng);
    let message = sealed.expect("seals");
    let verified =
        open_private(fixture.suite, &message, &fixture.context, secret, &tree(), LeafIndex(0), key);
    assert_eq!(verified.expect("verifies").0.content, content);
}

fn tree() -> SecretTree {
    let size = TreeSize::with_leaves(4).expect("a size");
    SecretTree::new(size, vec![7; 32].into(), RatchetLimits::default())
}

fn key(leaf: LeafIndex) -> Result<Option<SignaturePublicKey>, FramingError> {
    // The leaf with index 2 is blank.
    Ok((leaf.0 < 4 && leaf.0 != 2).then(|| EPOCH.signer.public_key().clone()))
}

/// Opens a message and checks that it does not verify, because no member signed it.
fn public(message: PublicMessage) {
    let fixture = &*EPOCH;
    if let Ok(opened) = open_public(fixture.suite, message, &fixture.context, &fixture.membership_key) {
        assert!(opened.verify(fixture.suite, fixture.signer.public_key()).is_err());
    }
}

/// Opens a message and checks that it does not verify, because no member signed it. Also checks
/// that it does not consume a key.
fn private(message: &PrivateMessage) {
    let (fixture, mut tree) = (&*EPOCH, tree());
    let secret = &fixture.sender_data_secret;
    let opened = open_private(fixture.suite, message, &fixture.context, secret, &tree, LeafIndex(0), key);
    assert!(opened.is_err());
    for leaf in [0, 1, 3].map(LeafIndex) {
        for ratchet in [RatchetType::Handshake, RatchetType::Application] {
            let next = tree.take_next(fixture.suite, leaf, ratchet).expect("a leaf");
            assert_eq!(next.0, 0, "nothing was opened");
        }
    }
}
