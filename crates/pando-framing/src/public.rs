//! Messages that are signed but not encrypted (RFC 9420, section 6.2).

use crate::FramingError;
use crate::authenticated::{UnverifiedContent, check_belongs, check_sender, to_be_signed};
use pando_crypto::Suite;
use pando_schedule::MembershipKey;
use pando_wire::{
    AuthenticatedContent, ContentType, Encode, FramedContentAuthData, GroupContext, Mac, PublicMessage,
    Sender, WireFormat,
};

/// Opens a PublicMessage for a member whose group is in the epoch that `context` describes.
/// Verifies the membership tag if the sender is a member.
///
/// # Errors
/// - [`FramingError::WrongGroup`] or [`FramingError::WrongEpoch`] if the message belongs to another
///   group or epoch.
/// - [`FramingError::SenderNotAllowed`] or [`FramingError::FormatNotAllowed`] if the sender may not
///   send this type of content in a PublicMessage.
/// - [`FramingError::MembershipTag`] or [`FramingError::ConfirmationTag`] if a tag is missing or
///   not allowed.
/// - [`FramingError::WrongMembershipTag`] if the membership tag is wrong.
pub fn open_public(
    suite: Suite,
    message: PublicMessage,
    context: &GroupContext,
    membership_key: &MembershipKey,
) -> Result<UnverifiedContent, FramingError> {
    open(suite, message, context, Some(membership_key))
}

/// Opens a PublicMessage for a delivery service or an observer, which does not have the key to
/// verify the membership tag. The signature, which the caller verifies next, still binds the
/// content to the group and the epoch.
///
/// # Errors
/// Returns the same errors as [`open_public`], except [`FramingError::WrongMembershipTag`].
pub fn open_public_unchecked(
    suite: Suite,
    message: PublicMessage,
    context: &GroupContext,
) -> Result<UnverifiedContent, FramingError> {
    open(suite, message, context, None)
}

fn open(
    suite: Suite,
    message: PublicMessage,
    context: &GroupContext,
    membership_key: Option<&MembershipKey>,
) -> Result<UnverifiedContent, FramingError> {
    let PublicMessage { content, auth, membership_tag } = message;
    check_belongs(&content.group_id, content.epoch, context)?;
    check_sender(WireFormat::MLS_PUBLIC_MESSAGE, &content)?;
    // Decoding ensures these two conditions, but the caller may have constructed the message
    // without decoding it.
    if (content.content.content_type() == ContentType::Commit) != auth.confirmation_tag.is_some() {
        return Err(FramingError::ConfirmationTag);
    }
    if matches!(content.sender, Sender::Member(_)) != membership_tag.is_some() {
        return Err(FramingError::MembershipTag);
    }

    let tbs = to_be_signed(WireFormat::MLS_PUBLIC_MESSAGE, &content, context)?;
    if let (Some(tag), Some(key)) = (&membership_tag, membership_key)
        && !suite.verify_mac(key.expose(), &[&tbs, &auth.encode()?], tag)
    {
        return Err(FramingError::WrongMembershipTag);
    }
    let wire_format = WireFormat::MLS_PUBLIC_MESSAGE;
    Ok(UnverifiedContent::new(AuthenticatedContent { wire_format, content, auth }, tbs))
}

/// Creates a PublicMessage from complete content and its encoded `FramedContentTBS`.
pub(crate) fn seal(
    suite: Suite,
    content: &AuthenticatedContent,
    tbs: &[u8],
    membership_key: Option<&MembershipKey>,
) -> Result<PublicMessage, FramingError> {
    let membership_tag = match (content.content.sender, membership_key) {
        (Sender::Member(_), Some(key)) => Some(membership_tag(suite, key, tbs, &content.auth)?),
        (Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit, None) => None,
        _ => return Err(FramingError::MembershipTag),
    };
    Ok(PublicMessage { content: content.content.clone(), auth: content.auth.clone(), membership_tag })
}

/// Computes `MAC(membership_key, AuthenticatedContentTBM)`.
fn membership_tag(
    suite: Suite,
    key: &MembershipKey,
    tbs: &[u8],
    auth: &FramedContentAuthData,
) -> Result<Mac, FramingError> {
    Ok(Mac::from(&*suite.mac(key.expose(), &[tbs, &auth.encode()?])))
}
