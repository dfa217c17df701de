//! Proposals by non-members (RFC 9420, section 12.1.8). Such non-members are external senders that
//! the group's extensions list, and clients that ask to be added.

use crate::rules::extensions::{self, Requirements};
use crate::rules::{key_package, proposal::may_come_from, sending};
use crate::{Context, GroupError, Misuse};
use pando_framing::SignedContent;
use pando_wire::{
    Add, Content, ExternalSenders, FramedContent, GroupContext, KeyPackage, MlsMessage, Opaque, Proposal,
    Sender, WireFormat,
};

/// Creates a proposal as an external sender (section 12.1.8.1). The group's external senders must
/// include the client's signature key. `context` is the GroupContext of the current epoch, for
/// example from a GroupInfo.
///
/// # Errors
/// - [`Misuse::WrongSigner`] if the group has no external sender with this key;
///   [`Misuse::UnsupportedCipherSuite`] if the client does not support the group's cipher suite.
/// - [`Misuse::SuiteNotListed`], [`Misuse::GreaseRequired`] if a leaf or the extensions violate a
///   rule for senders.
/// - [`crate::Violation`] if non-members must not send proposals of this type, or if the KeyPackage
///   of an Add is not valid.
/// - [`GroupError::Framing`] if the signer fails; [`Exceeded::MessageBytes`](crate::Exceeded) if
///   the message is too large.
pub fn propose_as_external_sender(
    context: &GroupContext,
    proposal: Proposal,
    cx: &Context<'_>,
) -> Result<MlsMessage, GroupError> {
    let senders = extensions::find::<ExternalSenders>(&context.extensions)?.unwrap_or_default().0;
    let position = senders.iter().position(|sender| sender.signature_key == *cx.signer.public_key());
    let index = position.and_then(|position| u32::try_from(position).ok()).ok_or(Misuse::WrongSigner)?;
    propose(context, Sender::External(index), proposal, cx)
}

/// Creates a proposal by which a client asks to be added (section 12.1.8).
///
/// # Errors
/// - [`Misuse::WrongSigner`] if the KeyPackage does not have the signer's key;
///   [`Misuse::UnsupportedCipherSuite`] if the client does not support the group's cipher suite.
/// - [`Misuse::SuiteNotListed`] if the leaf of the KeyPackage does not list the version and the
///   cipher suite of the group.
/// - [`crate::Violation`] if the KeyPackage does not meet the requirements of the group.
/// - [`GroupError::Framing`] if the signer fails; [`Exceeded::MessageBytes`](crate::Exceeded) if
///   the message is too large.
pub fn propose_own_add(
    context: &GroupContext,
    key_package: KeyPackage,
    cx: &Context<'_>,
) -> Result<MlsMessage, GroupError> {
    cx.check_signer(Some(&key_package.leaf_node.signature_key))?;
    let proposal = Proposal::Add(Box::new(Add { key_package }));
    propose(context, Sender::NewMemberProposal, proposal, cx)
}

fn propose(
    context: &GroupContext,
    sender: Sender,
    proposal: Proposal,
    cx: &Context<'_>,
) -> Result<MlsMessage, GroupError> {
    may_come_from(sender, &proposal)?;
    let suite = cx.suite(context.cipher_suite)?;
    sending::proposal(&proposal, suite, cx.crypto, cx.identities(), &cx.config.limits)?;
    // A non-member does not know the tree, so only members check the leaf against the tree.
    if let Proposal::Add(add) = &proposal {
        let requirements = Requirements::of(&context.extensions)?;
        key_package::contents_are_valid(&add.key_package, suite, &requirements, cx.identities())?;
        key_package::signatures_are_valid(&[&add.key_package], suite)?;
    }
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender,
        authenticated_data: Opaque::default(),
        content: Content::Proposal(proposal),
    };
    // Only members can encrypt, so the message is public and has no membership tag (section 6.2).
    let format = WireFormat::MLS_PUBLIC_MESSAGE;
    let signed = SignedContent::sign(suite, cx.signer, format, content, context)?;
    let message = signed.seal_public(suite, None)?.into();
    cx.config.limits.check_sent(&message)?;
    Ok(message)
}
