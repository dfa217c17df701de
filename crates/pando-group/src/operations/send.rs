//! Signing messages as a member, and sealing them as public or private messages (RFC 9420, sections
//! 6 and 15).

use crate::state::group::Group;
use crate::{Context, GroupError, Misuse, Unpersisted};
use pando_crypto::CryptoRng;
use pando_framing::SignedContent;
use pando_wire::{Content, FramedContent, MlsMessage, Sender, WireFormat};
use std::fmt;

/// Number of bytes at the end of a ciphertext that enter the position of a Delta. These bytes
/// contain the AEAD tag.
const CIPHERTEXT_END: usize = 32;

/// Application data to send, with optional authenticated data, which is not encrypted.
///
/// Bytes and strings convert to application data without authenticated data, as in
/// `group.encrypt("at five?", &cx, rng)`.
#[derive(Clone, Copy)]
pub struct ApplicationData<'a> {
    data: &'a [u8],
    authenticated_data: &'a [u8],
}

impl<'a> ApplicationData<'a> {
    /// Returns application data without authenticated data.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, authenticated_data: &[] }
    }

    /// Sets the authenticated data, which is not encrypted.
    #[must_use]
    pub const fn authenticated_data(self, authenticated_data: &'a [u8]) -> Self {
        Self { authenticated_data, ..self }
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for ApplicationData<'a> {
    fn from(data: &'a T) -> Self {
        Self::new(data.as_ref())
    }
}

impl fmt::Debug for ApplicationData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApplicationData([{} bytes])", self.data.len())
    }
}

impl Group {
    /// Encrypts application data (section 15).
    ///
    /// # Errors
    /// - [`Misuse::Ended`] if the group has ended for this member; [`Misuse::WrongSigner`] if the
    ///   signer's key is not the signature key in our leaf.
    /// - [`Exceeded::MessageBytes`](crate::Exceeded) if the message is larger than this client
    ///   itself would accept.
    /// - [`GroupError::Framing`] if the message, including its padding, is too long to encode.
    /// - [`Misuse::ProposalsPending`] while proposals are waiting for a Commit (section 12.4). A
    ///   proposal does not have this effect if the group's rules do not admit it, if it was
    ///   withdrawn, or if no Commit can cover it while all members stay in the group.
    pub fn encrypt<'d>(
        &mut self,
        data: impl Into<ApplicationData<'d>>,
        cx: &Context<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Unpersisted<MlsMessage>, GroupError> {
        let ApplicationData { data, authenticated_data } = data.into();
        self.check_active()?;
        if self.proposals.must_be_committed_first() {
            return Err(Misuse::ProposalsPending.into());
        }
        let content = Content::Application(data.into());
        let signed = self.sign(WireFormat::MLS_PRIVATE_MESSAGE, content, authenticated_data, cx)?;
        let message = self.seal_private(&signed, rng)?;
        Ok(self.unpersisted(message))
    }

    /// Signs content on behalf of this member.
    pub(crate) fn sign(
        &self,
        wire_format: WireFormat,
        content: Content,
        authenticated_data: &[u8],
        cx: &Context<'_>,
    ) -> Result<SignedContent, GroupError> {
        self.check_signer(cx)?;
        let content = FramedContent {
            group_id: self.public.context.group_id.clone(),
            epoch: self.epoch(),
            sender: Sender::Member(self.own_leaf()),
            authenticated_data: authenticated_data.into(),
            content,
        };
        Ok(SignedContent::sign(self.public.suite, cx.signer, wire_format, content, &self.public.context)?)
    }

    /// Returns the wire format of our handshake messages.
    pub(crate) const fn handshake_format(&self) -> WireFormat {
        if self.config.encrypt_handshakes {
            WireFormat::MLS_PRIVATE_MESSAGE
        } else {
            WireFormat::MLS_PUBLIC_MESSAGE
        }
    }

    /// Seals a handshake message in the format for which it was signed, unless it exceeds the size
    /// limit.
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

    /// Encrypts a message. A message that exceeds the size limit is rejected before it consumes a
    /// key.
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
