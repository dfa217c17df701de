//! Proposals from outside of a group (RFC 9420, section 12.1.8): of the senders that the group's extensions
//! name, and of clients who ask to be added.

use crate::rules::{extensions, proposal::may_come_from};
use crate::{GroupError, Misuse};
use pando_crypto::{Signer, Suite};
use pando_framing::SignedContent;
use pando_wire::{
    Add, Content, ExternalSenders, FramedContent, GroupContext, KeyPackage, MlsMessage, Opaque, Proposal,
    Sender, WireFormat,
};

/// Makes a proposal of an external sender, whose position among the group's external senders is that of the
/// signer's key (section 12.1.8.1). `context` is the state of the group in its current epoch, as it is in a
/// GroupInfo.
///
/// # Errors
/// - [`Misuse::WrongSigner`] if the group has no external sender with this key.
/// - [`crate::Violation::ProposalFromOutside`] if it is of a type that cannot come from outside.
/// - [`GroupError::Framing`] if the signer fails.
pub fn propose_as_external_sender(
    suite: Suite,
    context: &GroupContext,
    proposal: Proposal,
    signer: &dyn Signer,
) -> Result<MlsMessage, GroupError> {
    let senders = extensions::find::<ExternalSenders>(&context.extensions)?.unwrap_or_default().0;
    let position = senders.iter().position(|sender| sender.signature_key == *signer.public_key());
    let index = position.and_then(|position| u32::try_from(position).ok()).ok_or(Misuse::WrongSigner)?;
    propose(suite, context, Sender::External(index), proposal, signer)
}

/// Makes a client's proposal that it be added (section 12.1.8). `signer` has the key of the KeyPackage's leaf.
///
/// # Errors
/// - [`Misuse::WrongSigner`] if it has another.
/// - [`GroupError::Framing`] if the signer fails.
pub fn propose_own_add(
    suite: Suite,
    context: &GroupContext,
    key_package: KeyPackage,
    signer: &dyn Signer,
) -> Result<MlsMessage, GroupError> {
    if key_package.leaf_node.signature_key != *signer.public_key() {
        return Err(Misuse::WrongSigner.into());
    }
    let proposal = Proposal::Add(Box::new(Add { key_package }));
    propose(suite, context, Sender::NewMemberProposal, proposal, signer)
}

fn propose(
    suite: Suite,
    context: &GroupContext,
    sender: Sender,
    proposal: Proposal,
    signer: &dyn Signer,
) -> Result<MlsMessage, GroupError> {
    may_come_from(context, sender, &proposal)?;
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender,
        authenticated_data: Opaque::default(),
        content: Content::Proposal(proposal),
    };
    // Only members can encrypt, so it is public, and has no membership tag (section 6.2).
    let signed = SignedContent::sign(suite, signer, WireFormat::MLS_PUBLIC_MESSAGE, content, context)?;
    Ok(signed.seal_public(suite, None)?.into())
}
