//! Signed and encrypted messages (RFC 9420, section 6.3).

use crate::authenticated::{Authenticated, UnverifiedContent, check_belongs, check_sender, to_be_signed};
use crate::{FramingError, Padding};
use pando_crypto::{AeadNonce, CryptoRng, SecretBytes, Suite};
use pando_schedule::{MessageKey, SecretTree, SenderDataSecret, UsedKey};
use pando_wire::{
    AuthenticatedContent, ContentType, Decode, Encode, EncodeError, FramedContent, GroupContext, GroupId,
    LeafIndex, Opaque, PrivateContentAad, PrivateMessage, PrivateMessageContent, Sender, SenderData,
    SenderDataAad, SignaturePublicKey, WireFormat, vector_header,
};

/// Opens a PrivateMessage of the epoch that `context` describes, and verifies its signature.
/// Returns the content of the message and its key, which has now been used.
///
/// The function `sender_key` must return the signature key of the member at a leaf, or `None` if
/// the leaf is blank.
///
/// The caller deletes the key with [`SecretTree::delete_key`] as the last step of accepting the
/// message. Until then, the secret tree does not change, and the message can be opened again.
/// Therefore, an attacker who alters a message in transit cannot cause the deletion of its key. A
/// member that forges a message of another member cannot do so either, because the forger lacks
/// that member's signature key.
///
/// # Errors
/// - [`FramingError::WrongGroup`] or [`FramingError::WrongEpoch`] if the message belongs to another
///   group or epoch.
/// - [`FramingError::OwnMessage`] if the sender is `own_leaf`, whose ratchets are only for sending.
/// - [`FramingError::NotAMember`] if the sender's leaf is blank.
/// - [`FramingError::Schedule`] if the key of the message has been deleted or is too far ahead.
/// - [`FramingError::MalformedSenderData`] or [`FramingError::MalformedContent`] if the plaintext
///   is malformed or its padding is not zero.
/// - [`FramingError::Crypto`] if the sender data or the content cannot be decrypted, or if the
///   signature is wrong.
/// - The error that `sender_key` returned.
pub fn open_private<E: From<FramingError>>(
    suite: Suite,
    message: &PrivateMessage,
    context: &GroupContext,
    sender_data_secret: &SenderDataSecret,
    secret_tree: &SecretTree,
    own_leaf: LeafIndex,
    sender_key: impl FnOnce(LeafIndex) -> Result<Option<SignaturePublicKey>, E>,
) -> Result<(Authenticated<AuthenticatedContent>, UsedKey), E> {
    check_belongs(&message.group_id, message.epoch, context)?;
    let sender = open_sender_data(suite, message, sender_data_secret)?;
    let SenderData { leaf_index: leaf, generation, .. } = sender;
    if leaf == own_leaf {
        return Err(FramingError::OwnMessage.into());
    }
    let signature_key = sender_key(leaf)?.ok_or(FramingError::NotAMember(leaf))?;
    let opened = secret_tree.open(suite, leaf, message.content_type.into(), generation, |key| {
        open_content(suite, message, context, sender, key)?.verify(suite, &signature_key)
    })?;
    Ok(opened)
}

/// Decrypts the content with the key of the message.
fn open_content(
    suite: Suite,
    message: &PrivateMessage,
    context: &GroupContext,
    sender: SenderData,
    key: &MessageKey,
) -> Result<UnverifiedContent, FramingError> {
    let PrivateMessage { group_id, epoch, content_type, authenticated_data, ciphertext, .. } = message;
    let aad = content_aad(group_id, *epoch, *content_type, authenticated_data)?;
    let nonce = guard_nonce(&key.nonce, sender.reuse_guard);
    let plaintext = suite.aead_open(&key.key, &nonce, &aad, ciphertext)?;
    let PrivateMessageContent { content, auth } =
        PrivateMessageContent::decode(*content_type, plaintext.expose())
            .map_err(FramingError::MalformedContent)?;

    let content = FramedContent {
        group_id: group_id.clone(),
        epoch: *epoch,
        sender: Sender::Member(sender.leaf_index),
        authenticated_data: authenticated_data.clone(),
        content,
    };
    let wire_format = WireFormat::MLS_PRIVATE_MESSAGE;
    check_sender(wire_format, &content)?;
    let tbs = to_be_signed(wire_format, &content, context)?;
    Ok(UnverifiedContent::new(AuthenticatedContent { wire_format, content, auth }, tbs))
}

/// Encrypts complete content as a PrivateMessage, with the next key of the sender's ratchet.
pub(crate) fn seal(
    suite: Suite,
    content: &AuthenticatedContent,
    secret_tree: &mut SecretTree,
    sender_data_secret: &SenderDataSecret,
    padding: Padding,
    rng: &mut dyn CryptoRng,
) -> Result<PrivateMessage, FramingError> {
    let FramedContent { group_id, epoch, sender, authenticated_data, content: body } = &content.content;
    let content_type = body.content_type();
    let Sender::Member(leaf_index) = *sender else {
        let wire_format = WireFormat::MLS_PRIVATE_MESSAGE;
        return Err(FramingError::FormatNotAllowed { wire_format, sender: *sender, content_type });
    };

    // Content that cannot be encoded must not use up a key.
    sealed_len(suite, content, padding)?;
    let plaintext = PrivateMessageContent::encode(body, &content.auth, |len| padding.padded_len(len))?;
    let aad = content_aad(group_id, *epoch, content_type, authenticated_data)?;
    let mut reuse_guard = [0; 4];
    rng.fill_bytes(&mut reuse_guard);
    let (generation, key) = secret_tree.take_next(suite, leaf_index, content_type.into())?;
    let nonce = guard_nonce(&key.nonce, reuse_guard);
    let ciphertext = suite.aead_seal(&key.key, &nonce, &aad, &plaintext)?;

    let sender_data = SenderData { leaf_index, generation, reuse_guard };
    let (key, nonce) = sender_data_secret.key_and_nonce(suite, &ciphertext)?;
    let aad = SenderDataAad { group_id, epoch: *epoch, content_type }.encode()?;
    let encrypted_sender_data = suite.aead_seal(&key, &nonce, &aad, &sender_data.encode()?)?;

    Ok(PrivateMessage {
        group_id: group_id.clone(),
        epoch: *epoch,
        content_type,
        authenticated_data: authenticated_data.clone(),
        encrypted_sender_data: encrypted_sender_data.into(),
        ciphertext: ciphertext.into(),
    })
}

/// Returns the length of the PrivateMessage that [`seal`] creates.
pub(crate) fn sealed_len(
    suite: Suite,
    content: &AuthenticatedContent,
    padding: Padding,
) -> Result<usize, FramingError> {
    let FramedContent { group_id, epoch, authenticated_data, content: body, .. } = &content.content;
    let encrypted = |plaintext: usize| -> Result<usize, EncodeError> {
        let len = plaintext.saturating_add(suite.aead_tag_len());
        Ok(vector_header(len)?.as_ref().len().saturating_add(len))
    };
    let sender_data = SenderData { leaf_index: LeafIndex(0), generation: 0, reuse_guard: [0; 4] };
    let sender_data = encrypted(sender_data.encode()?.len())?;
    let padded = PrivateMessageContent::encoded_len(body, &content.auth, |len| padding.padded_len(len))?;
    let ciphertext = encrypted(padded)?;
    // The remaining fields are not encrypted, and they are also the additional data of the content.
    let clear = content_aad(group_id, *epoch, body.content_type(), authenticated_data)?.len();
    Ok(clear.saturating_add(sender_data).saturating_add(ciphertext))
}

fn open_sender_data(
    suite: Suite,
    message: &PrivateMessage,
    sender_data_secret: &SenderDataSecret,
) -> Result<SenderData, FramingError> {
    let PrivateMessage { group_id, epoch, content_type, encrypted_sender_data, ciphertext, .. } = message;
    let (key, nonce) = sender_data_secret.key_and_nonce(suite, ciphertext)?;
    let aad = SenderDataAad { group_id, epoch: *epoch, content_type: *content_type }.encode()?;
    let sender_data = suite.aead_open(&key, &nonce, &aad, encrypted_sender_data)?;
    SenderData::decode(sender_data.expose()).map_err(FramingError::MalformedSenderData)
}

fn content_aad(
    group_id: &GroupId,
    epoch: u64,
    content_type: ContentType,
    authenticated_data: &Opaque,
) -> Result<Vec<u8>, EncodeError> {
    PrivateContentAad { group_id, epoch, content_type, authenticated_data }.encode()
}

/// Applies the reuse guard to the first four bytes of the nonce (section 6.3.1).
fn guard_nonce(nonce: &AeadNonce, reuse_guard: [u8; 4]) -> AeadNonce {
    let mut guarded = SecretBytes::from(nonce.expose());
    guarded.expose_mut().iter_mut().zip(reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
    guarded.into()
}
