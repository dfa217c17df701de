//! The verification of opened content (RFC 9420, section 6.1).

use crate::FramingError;
use pando_crypto::Suite;
use pando_wire::{
    AuthenticatedContent, Content, Encode, FramedContent, FramedContentTbs, GroupContext, GroupId, Proposal,
    Sender, SignaturePublicKey, WireFormat,
};
use std::fmt;
use std::ops::Deref;

/// The label with which content is signed.
pub(crate) const LABEL: &str = "FramedContentTBS";

/// A value whose signature was verified or that this client signed. Only this crate can create such
/// a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated<T>(T);

impl<T> Authenticated<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the verified value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Authenticated<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Opened content whose signature has not been verified yet.
#[must_use = "nothing has been verified yet"]
pub struct UnverifiedContent {
    content: AuthenticatedContent,
    tbs: Vec<u8>,
}

// Like the output for `SignedContent`, this output omits `tbs`.
impl fmt::Debug for UnverifiedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedContent").field("content", &self.content).finish_non_exhaustive()
    }
}

impl UnverifiedContent {
    pub(crate) const fn new(content: AuthenticatedContent, tbs: Vec<u8>) -> Self {
        Self { content, tbs }
    }

    /// Returns the unverified content, which names the sender whose key the caller must look up.
    #[must_use]
    pub const fn content(&self) -> &FramedContent {
        &self.content.content
    }

    /// Verifies the signature with the sender's key. Section 6.1 defines which key belongs to each
    /// type of sender.
    ///
    /// # Errors
    /// Returns [`FramingError::Crypto`] if the key or the signature is not valid.
    pub fn verify(
        self,
        suite: Suite,
        key: &SignaturePublicKey,
    ) -> Result<Authenticated<AuthenticatedContent>, FramingError> {
        suite.verify_with_label(key, LABEL, &self.tbs, &self.content.auth.signature)?;
        Ok(Authenticated::new(self.content))
    }
}

/// Prepares previously opened content for another verification. When a PrivateMessage is accepted,
/// its key is deleted (section 9.2), so a caller that needs the content again must keep it.
///
/// # Errors
/// - [`FramingError::WrongGroup`] or [`FramingError::WrongEpoch`] if the content belongs to another
///   group or epoch.
/// - [`FramingError::SenderNotAllowed`] or [`FramingError::FormatNotAllowed`] if the content cannot
///   be the result of opening a message.
pub fn reopen(
    content: AuthenticatedContent,
    context: &GroupContext,
) -> Result<UnverifiedContent, FramingError> {
    check_belongs(&content.content.group_id, content.content.epoch, context)?;
    check_sender(content.wire_format, &content.content)?;
    let tbs = to_be_signed(content.wire_format, &content.content, context)?;
    Ok(UnverifiedContent::new(content, tbs))
}

/// Returns the encoded `FramedContentTBS`, which the signature covers. The `FramedContentTBS`
/// includes the GroupContext if the sender knows the GroupContext.
pub(crate) fn to_be_signed(
    wire_format: WireFormat,
    content: &FramedContent,
    context: &GroupContext,
) -> Result<Vec<u8>, FramingError> {
    let context = match content.sender {
        Sender::Member(_) | Sender::NewMemberCommit => Some(context),
        Sender::External(_) | Sender::NewMemberProposal => None,
    };
    Ok(FramedContentTbs { wire_format, content, context }.encode()?)
}

/// Checks that content belongs to the given group and epoch.
pub(crate) fn check_belongs(
    group_id: &GroupId,
    epoch: u64,
    context: &GroupContext,
) -> Result<(), FramingError> {
    if *group_id != context.group_id {
        return Err(FramingError::WrongGroup);
    }
    if epoch != context.epoch {
        return Err(FramingError::WrongEpoch { message: epoch, group: context.epoch });
    }
    Ok(())
}

/// Checks that the sender may send this type of content in this wire format (sections 6, 6.1 and
/// 6.3.2).
///
/// The registry of proposal types defines which proposals an external sender may send (section
/// 17.4). The validation rules of the group check that.
pub(crate) fn check_sender(wire_format: WireFormat, content: &FramedContent) -> Result<(), FramingError> {
    let (sender, content_type) = (content.sender, content.content.content_type());
    let allowed = match (sender, &content.content) {
        (Sender::Member(_), _)
        | (Sender::External(_), Content::Proposal(_))
        | (Sender::NewMemberProposal, Content::Proposal(Proposal::Add(_)))
        | (Sender::NewMemberCommit, Content::Commit(_)) => true,
        (Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit, _) => false,
    };
    if !allowed {
        return Err(FramingError::SenderNotAllowed { sender, content_type });
    }
    let format_allowed = match wire_format {
        WireFormat::MLS_PUBLIC_MESSAGE => !matches!(content.content, Content::Application(_)),
        WireFormat::MLS_PRIVATE_MESSAGE => matches!(sender, Sender::Member(_)),
        _ => false,
    };
    if format_allowed {
        Ok(())
    } else {
        Err(FramingError::FormatNotAllowed { wire_format, sender, content_type })
    }
}
