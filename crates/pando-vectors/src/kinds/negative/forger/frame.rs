//! Framing (RFC 9420, section 6) of arbitrary content from any sender. The content is signed,
//! tagged and encrypted with the correct keys.

use super::{Forger, Forging};
use pando_crypto::{AeadNonce, SecretBytes, Signer, Suite};
use pando_schedule::{EncryptionSecret, RatchetLimits, SecretTree};
use pando_wire::{
    AuthenticatedContent, Content, ContentType, Encode, FramedContent, FramedContentAuthData,
    FramedContentTbs, GroupContext, LeafIndex, Mac, MlsMessage, Opaque, PrivateContentAad, PrivateMessage,
    PrivateMessageContent, ProposalRef, PublicMessage, Sender, SenderData, SenderDataAad, WireFormat,
};
use rand_core::Rng;

/// Signed content together with its encoded `FramedContentTBS`.
pub(crate) struct Framed {
    pub(crate) content: AuthenticatedContent,
    tbs: Vec<u8>,
}

/// The plaintext parts of a PrivateMessage, which the caller may change before they are encrypted.
pub(crate) struct Plain {
    /// The encoded content, including its padding.
    pub(crate) content: Vec<u8>,
    /// The generation whose key encrypts the content.
    pub(crate) generation: u32,
    /// The encoded `SenderData`.
    pub(crate) sender_data: Vec<u8>,
}

impl Forger {
    /// Returns a `FramedContent` for the current epoch.
    pub(crate) fn content(&self, sender: Sender, content: Content) -> FramedContent {
        FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: Opaque::default(),
            content,
        }
    }

    /// Signs the content. A Commit does not have its confirmation tag yet.
    pub(crate) fn sign(
        &self,
        wire_format: WireFormat,
        content: FramedContent,
        signer: &dyn Signer,
    ) -> Forging<Framed> {
        let tbs = to_be_signed(wire_format, &content, &self.context)?;
        let signature = self.suite.sign_with_label(signer, "FramedContentTBS", &tbs)?;
        let auth = FramedContentAuthData { signature, confirmation_tag: None };
        Ok(Framed { content: AuthenticatedContent { wire_format, content, auth }, tbs })
    }

    /// Returns a PublicMessage. If the sender is a member, the message has a membership tag.
    pub(crate) fn public(&self, framed: &Framed) -> Forging<PublicMessage> {
        let AuthenticatedContent { content, auth, .. } = framed.content.clone();
        let membership_tag = match content.sender {
            Sender::Member(_) => {
                let key = self.secrets.membership_key.expose();
                Some(Mac::from(&*self.suite.mac(key, &[&framed.tbs, &auth.encode()?])))
            }
            _ => None,
        };
        Ok(PublicMessage { content, auth, membership_tag })
    }

    /// Returns the reference by which a Commit refers to a proposal.
    pub(crate) fn reference(&self, framed: &Framed) -> Forging<ProposalRef> {
        Ok(self.suite.proposal_ref(&framed.content.encode()?)?)
    }

    /// Returns a PrivateMessage from the member at a leaf, with 16 bytes of padding. `change`
    /// changes its parts before they are encrypted.
    pub(crate) fn private(
        &mut self,
        framed: &Framed,
        leaf_index: LeafIndex,
        change: impl FnOnce(&mut Plain),
    ) -> Forging<MlsMessage> {
        let suite = self.suite;
        let FramedContent { group_id, epoch, authenticated_data, content, .. } =
            framed.content.content.clone();
        let content_type = content.content_type();
        let encoded =
            PrivateMessageContent::encode(&content, &framed.content.auth, |len| len.saturating_add(16))?;
        let mut reuse_guard = [0; 4];
        self.rng.fill_bytes(&mut reuse_guard);
        let sender_data = SenderData { leaf_index, generation: 0, reuse_guard }.encode()?;
        let mut plain = Plain { content: encoded.to_vec(), generation: 0, sender_data };
        change(&mut plain);

        // Take the key of that generation from a new secret tree, in which all keys are unused.
        let encryption = EncryptionSecret::from(self.secrets.encryption.expose());
        let mut secret_tree = SecretTree::new(self.tree.size(), encryption, RatchetLimits::default());
        let mut next = secret_tree.take_next(suite, leaf_index, content_type.into())?;
        while next.0 < plain.generation {
            next = secret_tree.take_next(suite, leaf_index, content_type.into())?;
        }
        let nonce = guarded(&next.1.nonce, reuse_guard);
        let (group, data) = (&group_id, &authenticated_data);
        let aad =
            PrivateContentAad { group_id: group, epoch, content_type, authenticated_data: data }.encode()?;
        let ciphertext = suite.aead_seal(&next.1.key, &nonce, &aad, &plain.content)?;
        let encrypted_sender_data =
            self.seal_sender_data(&plain.sender_data, &ciphertext, epoch, content_type)?;
        let (encrypted_sender_data, ciphertext) = (encrypted_sender_data.into(), ciphertext.into());
        Ok(PrivateMessage {
            group_id,
            epoch,
            content_type,
            authenticated_data,
            encrypted_sender_data,
            ciphertext,
        }
        .into())
    }

    fn seal_sender_data(
        &self,
        sender_data: &[u8],
        ciphertext: &[u8],
        epoch: u64,
        content_type: ContentType,
    ) -> Forging<Vec<u8>> {
        let (key, nonce) = self.secrets.sender_data.key_and_nonce(self.suite, ciphertext)?;
        let aad = SenderDataAad { group_id: &self.context.group_id, epoch, content_type }.encode()?;
        Ok(self.suite.aead_seal(&key, &nonce, &aad, sender_data)?)
    }
}

/// Returns the encoded `FramedContentTBS`.
fn to_be_signed(
    wire_format: WireFormat,
    content: &FramedContent,
    context: &GroupContext,
) -> Forging<Vec<u8>> {
    let context = match content.sender {
        Sender::Member(_) | Sender::NewMemberCommit => Some(context),
        Sender::External(_) | Sender::NewMemberProposal => None,
    };
    Ok(FramedContentTbs { wire_format, content, context }.encode()?)
}

/// Applies the reuse guard to the first bytes of the nonce (RFC 9420, section 6.3.1).
fn guarded(nonce: &AeadNonce, reuse_guard: [u8; 4]) -> AeadNonce {
    let mut guarded = SecretBytes::from(nonce.expose());
    guarded.expose_mut().iter_mut().zip(reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
    guarded.into()
}

/// Returns a copy of the bytes in which the lowest bit of the last byte is flipped.
pub(crate) fn spoil(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}

/// Returns a string of zeros with the length of the cipher suite's hash.
pub(crate) fn zeros(suite: Suite) -> Vec<u8> {
    vec![0; suite.hash_len()]
}
