//! Content signed by this client (RFC 9420, section 6.1).

use crate::authenticated::{Authenticated, LABEL, check_belongs, check_sender, to_be_signed};
use crate::{FramingError, Padding};
use pando_crypto::{CryptoRng, Signer, Suite};
use pando_schedule::{MembershipKey, SecretTree, SenderDataSecret};
use pando_wire::{
    AuthenticatedContent, ContentType, FramedContent, FramedContentAuthData, GroupContext, Mac,
    PrivateMessage, PublicMessage, Signature, WireFormat,
};
use std::fmt;

/// Signed content that is ready to be sent, except that a Commit still needs its confirmation tag.
pub struct SignedContent {
    pub(crate) content: AuthenticatedContent,
    pub(crate) tbs: Vec<u8>,
}

// The output omits `tbs`, because it contains the application data, which must not be printed.
impl fmt::Debug for SignedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedContent").field("content", &self.content).finish_non_exhaustive()
    }
}

impl SignedContent {
    /// Signs content for the wire format in which it will be sent.
    ///
    /// The argument `context` is the GroupContext of the content's epoch. For an external Commit,
    /// it is the GroupContext in the GroupInfo.
    ///
    /// # Errors
    /// - [`FramingError::WrongGroup`] or [`FramingError::WrongEpoch`] if the content does not
    ///   belong to the group and epoch of `context`.
    /// - [`FramingError::SenderNotAllowed`] or [`FramingError::FormatNotAllowed`] if no receiver
    ///   would accept the message.
    /// - [`FramingError::Crypto`] if the signer fails.
    pub fn sign(
        suite: Suite,
        signer: &dyn Signer,
        wire_format: WireFormat,
        content: FramedContent,
        context: &GroupContext,
    ) -> Result<Self, FramingError> {
        check_belongs(&content.group_id, content.epoch, context)?;
        check_sender(wire_format, &content)?;
        let tbs = to_be_signed(wire_format, &content, context)?;
        let signature = suite.sign_with_label(signer, LABEL, &tbs)?;
        let auth = FramedContentAuthData { signature, confirmation_tag: None };
        Ok(Self { content: AuthenticatedContent { wire_format, content, auth }, tbs })
    }

    /// Returns the content that was signed.
    #[must_use]
    pub const fn content(&self) -> &FramedContent {
        &self.content.content
    }

    /// Returns the signature, which the confirmed transcript hash covers.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.content.auth.signature
    }

    /// Completes a Commit with its confirmation tag.
    ///
    /// # Errors
    /// Returns [`FramingError::ConfirmationTag`] if this is not a Commit.
    pub fn set_confirmation_tag(&mut self, tag: Mac) -> Result<(), FramingError> {
        if self.content.content.content.content_type() != ContentType::Commit {
            return Err(FramingError::ConfirmationTag);
        }
        self.content.auth.confirmation_tag = Some(tag);
        Ok(())
    }

    /// Returns the complete content in the form in which its receivers will obtain it.
    ///
    /// # Errors
    /// Returns [`FramingError::ConfirmationTag`] if a Commit has no confirmation tag yet.
    pub fn authenticated(&self) -> Result<Authenticated<AuthenticatedContent>, FramingError> {
        self.complete().map(|content| Authenticated::new(content.clone()))
    }

    /// Creates a PublicMessage. If the sender is a member, the membership key is required.
    ///
    /// # Errors
    /// - [`FramingError::FormatNotAllowed`] if the content was signed for another wire format.
    /// - [`FramingError::ConfirmationTag`] if a Commit has no confirmation tag yet.
    /// - [`FramingError::MembershipTag`] if the membership key is missing, or if it was provided
    ///   for a sender that is not a member.
    pub fn seal_public(
        &self,
        suite: Suite,
        membership_key: Option<&MembershipKey>,
    ) -> Result<PublicMessage, FramingError> {
        self.check_format(WireFormat::MLS_PUBLIC_MESSAGE)?;
        crate::public::seal(suite, self.complete()?, &self.tbs, membership_key)
    }

    /// Creates a PrivateMessage with the next key of the sender's ratchet.
    ///
    /// Sealing uses up that key. Persist the secret tree before you send the message; otherwise,
    /// the next message may be encrypted with the same key.
    ///
    /// # Errors
    /// - [`FramingError::FormatNotAllowed`] if the content was signed for another wire format.
    /// - [`FramingError::ConfirmationTag`] if a Commit has no confirmation tag yet.
    /// - [`FramingError::Schedule`] if the sender is not in the tree or if its ratchet is
    ///   exhausted.
    /// - [`FramingError::Encode`] if the padded content is too long. In this case, no key is used
    ///   up.
    pub fn seal_private(
        &self,
        suite: Suite,
        secret_tree: &mut SecretTree,
        sender_data_secret: &SenderDataSecret,
        padding: Padding,
        rng: &mut dyn CryptoRng,
    ) -> Result<PrivateMessage, FramingError> {
        self.check_format(WireFormat::MLS_PRIVATE_MESSAGE)?;
        crate::private::seal(suite, self.complete()?, secret_tree, sender_data_secret, padding, rng)
    }

    /// Returns the length of the PrivateMessage that [`seal_private`](Self::seal_private) creates.
    /// This allows a caller to enforce a size limit without using up a key.
    ///
    /// # Errors
    /// - [`FramingError::ConfirmationTag`] if a Commit has no confirmation tag yet.
    /// - [`FramingError::Encode`] if the padded content is too long.
    pub fn private_len(&self, suite: Suite, padding: Padding) -> Result<usize, FramingError> {
        crate::private::sealed_len(suite, self.complete()?, padding)
    }

    fn complete(&self) -> Result<&AuthenticatedContent, FramingError> {
        let is_commit = self.content.content.content.content_type() == ContentType::Commit;
        if is_commit == self.content.auth.confirmation_tag.is_some() {
            Ok(&self.content)
        } else {
            Err(FramingError::ConfirmationTag)
        }
    }

    fn check_format(&self, wire_format: WireFormat) -> Result<(), FramingError> {
        if self.content.wire_format == wire_format {
            return Ok(());
        }
        let content = &self.content.content;
        Err(FramingError::FormatNotAllowed {
            wire_format,
            sender: content.sender,
            content_type: content.content.content_type(),
        })
    }
}
