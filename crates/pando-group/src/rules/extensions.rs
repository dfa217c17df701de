//! Extensions (RFC 9420, sections 11.1 and 13.4).
//!
//! Nobody supports a GREASE value, whoever lists it (section 13.5).

use crate::Violation;
use crate::identity::Identities;
use pando_tree::Tree;
use pando_wire::{ExtensionBody, ExtensionType, Extensions, ExternalSenders, LeafNode, RequiredCapabilities};
use std::collections::BTreeSet;

/// 13.4: a list of extensions must not have two of any type.
pub(crate) fn no_duplicates(extensions: &Extensions) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    extensions.0.iter().map(|extension| extension.extension_type).try_for_each(|extension_type| {
        if seen.insert(extension_type) { Ok(()) } else { Err(Violation::DuplicateExtension(extension_type)) }
    })
}

/// The contents of an extension of a known type.
pub(crate) fn find<T: ExtensionBody>(extensions: &Extensions) -> Result<Option<T>, Violation> {
    extensions.find().map_err(|_| Violation::MalformedExtension(T::TYPE))
}

/// 7.3 and 10: the extensions of a leaf, and of its KeyPackage, must be in its capabilities. GREASE may be.
pub(crate) fn are_supported(extensions: &Extensions, leaf_node: &LeafNode) -> Result<(), Violation> {
    let unsupported = non_default(extensions).find(|kind| !leaf_node.capabilities.extensions.contains(kind));
    unsupported.map_or(Ok(()), |kind| Err(Violation::LeafExtensionUnsupported(kind)))
}

/// 13.4: a leaf must support each extension in the GroupContext.
pub(crate) fn leaf_supports_group_extensions(
    leaf_node: &LeafNode,
    extensions: &Extensions,
) -> Result<(), Violation> {
    let supported = &leaf_node.capabilities.extensions;
    let unsupported = non_default(extensions)
        .find(|extension_type| extension_type.is_grease() || !supported.contains(extension_type));
    unsupported.map_or(Ok(()), |extension_type| Err(Violation::ExtensionUnsupportedByMember(extension_type)))
}

/// 13.4: every member must support each extension in the GroupContext.
pub(crate) fn members_support_group_extensions(
    tree: &Tree,
    extensions: &Extensions,
) -> Result<(), Violation> {
    let support = tree.support();
    let unsupported = non_default(extensions)
        .find(|extension_type| extension_type.is_grease() || !support.all_support_extension(*extension_type));
    unsupported.map_or(Ok(()), |extension_type| Err(Violation::ExtensionUnsupportedByMember(extension_type)))
}

/// 11.1 and 12.1.7: every member must support what required_capabilities requires.
pub(crate) fn members_support_required(tree: &Tree, extensions: &Extensions) -> Result<(), Violation> {
    let Some(required) = find::<RequiredCapabilities>(extensions)? else { return Ok(()) };
    let support = tree.support();
    let supported = required
        .extension_types
        .iter()
        .all(|required| required.is_default() || support.all_support_extension(*required))
        && required
            .proposal_types
            .iter()
            .all(|required| required.is_default() || support.all_support_proposal(*required))
        && required.credential_types.iter().all(|required| support.all_support_credential(*required));
    if supported { Ok(()) } else { Err(Violation::RequiredUnsupportedByMember) }
}

/// 5.3.1: the credentials of external senders must be valid when they are added or changed. `old` are the
/// extensions that there were before.
pub(crate) fn external_senders_are_valid(
    extensions: &Extensions,
    old: &Extensions,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    let senders = find::<ExternalSenders>(extensions)?;
    if senders == find::<ExternalSenders>(old)? {
        return Ok(());
    }
    senders.unwrap_or_default().0.iter().try_for_each(|sender| {
        identities
            .policy
            .validate_external_sender(&sender.credential, &sender.signature_key, identities.now)
            .map_err(|error| Violation::ExternalSenderCredential(error.to_string()))
    })
}

fn non_default(extensions: &Extensions) -> impl Iterator<Item = ExtensionType> {
    let types = extensions.0.iter().map(|extension| extension.extension_type);
    types.filter(|extension_type| !extension_type.is_default())
}
