//! Messages that a member signs, in public or encrypted (RFC 9420, sections 6 and 15).

use crate::state::group::Group;
use crate::{Client, GroupError, Misuse, Unpersisted};
use pando_crypto::CryptoRng;
use pando_framing::SignedContent;
use pando_wire::{Content, FramedContent, MlsMessage, Sender, WireFormat};

/// The end of a ciphertext that enters the position of a Delta: the tag of the AEAD, and more.
const CIPHERTEXT_END: usize = 32;

impl Group {
    /// Encrypts data of the application (section 15).
    ///
    /// # Errors
    /// - [`Misuse::Ended`] if the group has ended for this member; [`Misuse::WrongSigner`].
    /// - [`Exceeded::MessageBytes`](crate::Exceeded) if the message is larger than this client would take itself.
    /// - [`GroupError::Framing`] if it is too long to be encoded, padding included.
    /// - [`Misuse::ProposalsPending`] while there are proposals to be committed (section 12.4): not those that the group's
    ///   rules did not admit, that were withdrawn, or that no Commit can cover as long as all members stay.
    pub fn encrypt(
        &mut self,
        data: &[u8],
        authenticated_data: &[u8],
        client: &Client<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<MlsMessage>, GroupError> {
        self.check_active()?;
        if self.proposals.must_be_committed_first() {
            return Err(Misuse::ProposalsPending.into());
        }
        let content = Content::Application(data.into());
        let signed = self.sign(WireFormat::MLS_PRIVATE_MESSAGE, content, authenticated_data, client)?;
        let message = self.seal_private(&signed, rng)?;
        Ok(self.unpersisted(message))
    }

    /// Signs content as this member.
    pub(crate) fn sign(
        &self,
        wire_format: WireFormat,
        content: Content,
        authenticated_data: &[u8],
        client: &Client<'_>,
    ) -> Result<SignedContent, GroupError> {
        self.check_signer(client)?;
        let content = FramedContent {
            group_id: self.public.context.group_id.clone(),
            epoch: self.epoch(),
            sender: Sender::Member(self.own_leaf()),
            authenticated_data: authenticated_data.into(),
            content,
        };
        Ok(SignedContent::sign(self.public.suite, client.signer, wire_format, content, &self.public.context)?)
    }

    /// The format that handshake messages are sent in.
    pub(crate) const fn handshake_format(&self) -> WireFormat {
        if self.config.encrypt_handshakes {
            WireFormat::MLS_PRIVATE_MESSAGE
        } else {
            WireFormat::MLS_PUBLIC_MESSAGE
        }
    }

    /// Seals a handshake message for the format that it was signed for, unless others would find it too large.
    pub(crate) fn seal(
        &mut self,
        signed: &SignedContent,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, GroupError> {
        if self.config.encrypt_handshakes {
            return self.seal_private(signed, rng);
        }
        let message = signed.seal_public(self.public.suite, Some(&self.keys.membership_key))?.into();
        self.config.limits.check_sent(&message)?;
        Ok(message)
    }

    /// Encrypts a message, unless others would find it too large: then no key is used.
    fn seal_private(
        &mut self,
        signed: &SignedContent,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, GroupError> {
        let (suite, padding) = (self.public.suite, self.config.padding);
        let len = signed.private_len(suite, padding)?.saturating_add(MlsMessage::HEADER_LEN);
        self.config.limits.check_message(len)?;
        let (tree, secret) = (&mut self.keys.secret_tree, &self.keys.sender_data);
        let message = signed.seal_private(suite, tree, secret, padding, rng)?;
        self.changes.send(&message.encrypted_sender_data);
        let (_, end) = message.ciphertext.split_at(message.ciphertext.len().saturating_sub(CIPHERTEXT_END));
        self.changes.send(end);
        Ok(message.into())
    }
}
