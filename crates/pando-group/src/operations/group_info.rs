//! Signing GroupInfos, and verifying them with their trees (RFC 9420, sections 12.4.3 and
//! 12.4.3.1).

use crate::identity::Identities;
use crate::rules::extensions::{self, Requirements};
use crate::rules::leaf_node;
use crate::state::client_index::ClientIndex;
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::public_state::PublicState;
use crate::{Context, GroupError, Limits, Missing, Misuse, Violation};
use pando_crypto::{Signer, Suite};
use pando_schedule::{ConfirmedTranscriptHash, ExternalSecret, InterimTranscriptHash};
use pando_tree::{Tree, UnverifiedTree};
use pando_wire::{
    Extension, ExtensionType, Extensions, ExternalPub, GroupInfo, LeafIndex, ProtocolVersion, RatchetTree,
    Signature,
};

/// The builder of a GroupInfo, which describes the group for joiners (section 12.4.3).
#[derive(Debug)]
#[must_use = "call build"]
pub struct GroupInfoBuilder<'a> {
    group: &'a Group,
    with_tree: bool,
    with_external_pub: bool,
    extensions: Extensions,
}

impl Group {
    /// Returns the builder of a GroupInfo with the `ratchet_tree` and `external_pub` extensions.
    pub const fn group_info(&self) -> GroupInfoBuilder<'_> {
        let extensions = Extensions(Vec::new());
        GroupInfoBuilder { group: self, with_tree: true, with_external_pub: true, extensions }
    }
}

impl GroupInfoBuilder<'_> {
    /// Leaves out the ratchet tree. A joiner must obtain the tree in another way
    /// ([`Tree::export`]).
    pub const fn without_tree(mut self) -> Self {
        self.with_tree = false;
        self
    }

    /// Leaves out the key for external joins.
    pub const fn without_external_pub(mut self) -> Self {
        self.with_external_pub = false;
        self
    }

    /// Adds an application-defined extension.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extensions.0.push(extension);
        self
    }

    /// Signs the GroupInfo. In the state [`GroupState::Joining`], the GroupInfo describes the epoch
    /// after our external Commit. Publish it only after that Commit is accepted.
    ///
    /// # Errors
    /// - [`GroupError::Crypto`] if the signer fails, [`GroupError::Encode`] if a field is too long.
    /// - [`Misuse::Ended`] if the group has ended for this client; [`Misuse::WrongSigner`] if the
    ///   signer's key is not the signature key in our leaf.
    /// - [`Violation::DuplicateExtension`] if two extensions have the same type.
    pub fn build(self, cx: &Context<'_>) -> Result<GroupInfo, GroupError> {
        let group = self.group;
        match group.state {
            GroupState::Active | GroupState::Joining => {}
            // A group that has ended cannot be joined.
            GroupState::Reinitialized | GroupState::Removed => return Err(Misuse::Ended.into()),
        }
        group.check_signer(cx)?;
        let mut extensions = Vec::new();
        if self.with_external_pub {
            extensions.push(external_pub(group.public.suite, &group.keys.external)?);
        }
        if self.with_tree {
            extensions.push(tree_extension(&group.public.tree)?);
        }
        extensions.extend(self.extensions.0);
        let extensions = Extensions(extensions);
        extensions::no_duplicates(&extensions)?;
        sign_group_info(&group.public, extensions, group.own_leaf(), cx.signer)
    }
}

/// Returns the external_pub extension.
pub(crate) fn external_pub(suite: Suite, external: &ExternalSecret) -> Result<Extension, GroupError> {
    let external_pub = external.key_pair(suite)?.public;
    Ok(Extension::new(&ExternalPub { external_pub })?)
}

/// Returns the ratchet_tree extension.
pub(crate) fn tree_extension(tree: &Tree) -> Result<Extension, GroupError> {
    let extension_type = <RatchetTree as pando_wire::ExtensionBody>::TYPE;
    Ok(Extension { extension_type, extension_data: tree.export()?.into() })
}

/// Returns a signed GroupInfo.
pub(crate) fn sign_group_info(
    public: &PublicState,
    extensions: Extensions,
    leaf: LeafIndex,
    signer: &dyn Signer,
) -> Result<GroupInfo, GroupError> {
    let mut group_info = GroupInfo {
        group_context: public.context.clone(),
        extensions,
        confirmation_tag: public.confirmation_tag.clone(),
        signer: leaf,
        signature: Signature::default(),
    };
    let to_be_signed = group_info.to_be_signed()?;
    group_info.signature = public.suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed)?;
    Ok(group_info)
}

/// Verifies those parts of a GroupInfo and its tree that can be verified without the group's
/// secrets.
pub(crate) fn verify_group_info(
    suite: Suite,
    group_info: &GroupInfo,
    tree: Option<&[u8]>,
    identities: Identities<'_>,
    limits: &Limits,
) -> Result<PublicState, GroupError> {
    let (context, identities) = (&group_info.group_context, identities.at_any_time());
    if context.version != ProtocolVersion::MLS_10 || context.cipher_suite != suite.cipher_suite() {
        return Err(Violation::GroupInfoSuite.into());
    }
    limits.check_group_id(&context.group_id)?;
    extensions::no_duplicates(&group_info.extensions)?;
    extensions::no_duplicates(&context.extensions)?;
    extensions::external_senders_are_valid(&context.extensions, &Extensions::default(), identities)?;
    let inside = group_info.extensions.get(ExtensionType::RATCHET_TREE);
    let bytes = inside.map(|extension| &*extension.extension_data).or(tree).ok_or(Missing::Tree)?;
    limits.check_tree_bytes(bytes.len())?;
    let tree = UnverifiedTree::read(suite, bytes)?;
    limits.check_tree_size(tree.size())?;
    let tree = tree.verify(&context.group_id, &context.tree_hash)?;

    verify_signature(suite, group_info, &tree)?;
    let requirements = Requirements::of(&context.extensions)?;
    // Keys and signatures were already verified when the tree was imported.
    tree.try_for_each_member(|leaf, leaf_node| -> Result<(), GroupError> {
        leaf_node::is_valid_alone(leaf_node, &requirements, identities)
            .and_then(|()| leaf_node::credential_types_fit(leaf_node, &tree))
            .map_err(|violation| GroupError::Leaf { leaf, violation })
    })?;

    let confirmed = ConfirmedTranscriptHash(context.confirmed_transcript_hash.clone());
    let interim_transcript_hash =
        InterimTranscriptHash::after(suite, &confirmed, &group_info.confirmation_tag)?;
    Ok(PublicState {
        suite,
        context: context.clone(),
        clients: ClientIndex::of(&tree, identities.policy)?,
        tree,
        interim_transcript_hash,
        confirmation_tag: group_info.confirmation_tag.clone(),
    })
}

/// Verifies that a GroupInfo describes the epoch `public`, contains its confirmation tag, and is
/// signed by a member of that epoch.
///
/// The signature is verified first. A GroupInfo that then turns out to describe another epoch is
/// therefore known to be authentic.
pub(crate) fn verify_description(public: &PublicState, group_info: &GroupInfo) -> Result<(), GroupError> {
    extensions::no_duplicates(&group_info.extensions)?;
    verify_signature(public.suite, group_info, &public.tree)?;
    if group_info.group_context != public.context {
        return Err(Violation::GroupInfoContext.into());
    }
    if group_info.confirmation_tag != public.confirmation_tag {
        return Err(Violation::ConfirmationTag.into());
    }
    Ok(())
}

/// Verifies the signature of a GroupInfo with the key of its signer, which must have a leaf in
/// `tree`.
fn verify_signature(suite: Suite, group_info: &GroupInfo, tree: &Tree) -> Result<(), GroupError> {
    let signer = group_info.signer;
    let key = tree.signature_key(signer)?.ok_or(Violation::GroupInfoSigner(signer))?;
    suite
        .verify_with_label(&key, "GroupInfoTBS", &group_info.to_be_signed()?, &group_info.signature)
        .map_err(|_| Violation::GroupInfoSignature)?;
    Ok(())
}
