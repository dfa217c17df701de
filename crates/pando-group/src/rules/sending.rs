//! Rules for senders (RFC 9420, sections 7.2, 11.1, 12.1.5 and 13.5). A client does not send
//! messages that violate these rules, but accepts such messages from other clients.
//!
//! For each of these rules, either the RFC states no MUST for receivers, or deployed
//! implementations accept more than the RFC allows. Two members that disagree on the validity of a
//! Commit fork the group, so receivers do not apply these rules.

use super::extensions;
use crate::config::Limits;
use crate::identity::Identities;
use crate::{GroupError, Misuse, Violation};
use pando_crypto::{CryptoProvider, Suite};
use pando_wire::{
    Capabilities, Extensions, Lifetime, Proposal, ProtocolVersion, ReInit, RequiredCapabilities,
};

/// 7.2: capabilities must not list types that every client supports.
pub(crate) fn no_default_types(capabilities: &Capabilities) -> Result<(), Misuse> {
    let Capabilities { extensions, proposals, .. } = capabilities;
    let listed =
        extensions.iter().any(|kind| kind.is_default()) || proposals.iter().any(|kind| kind.is_default());
    if listed { Err(Misuse::DefaultCapability) } else { Ok(()) }
}

/// 11.1: capabilities must list the version and the cipher suite of the group.
pub(crate) fn suite_is_listed(capabilities: &Capabilities, suite: Suite) -> Result<(), Misuse> {
    let Capabilities { versions, cipher_suites, .. } = capabilities;
    let listed = versions.contains(&ProtocolVersion::MLS_10) && cipher_suites.contains(&suite.cipher_suite());
    if listed { Ok(()) } else { Err(Misuse::SuiteNotListed) }
}

/// Checks the capabilities of our own leaf.
pub(crate) fn own_capabilities(capabilities: &Capabilities, suite: Suite) -> Result<(), Misuse> {
    no_default_types(capabilities)?;
    suite_is_listed(capabilities, suite)
}

/// 7.2: a lifetime must not end before it begins.
pub(crate) const fn lifetime_is_ordered(lifetime: &Lifetime) -> Result<(), Misuse> {
    if lifetime.not_after < lifetime.not_before { Err(Misuse::NegativeLifetime) } else { Ok(()) }
}

/// 13.5: `required_capabilities` must not contain a GREASE value.
pub(crate) fn no_grease_is_required(extensions: &Extensions) -> Result<(), GroupError> {
    let RequiredCapabilities { extension_types, proposal_types, credential_types } =
        extensions::find(extensions)?.unwrap_or_default();
    let grease = extension_types.iter().any(|kind| kind.is_grease())
        || proposal_types.iter().any(|kind| kind.is_grease())
        || credential_types.iter().any(|kind| kind.is_grease());
    if grease { Err(Misuse::GreaseRequired.into()) } else { Ok(()) }
}

/// 12.1.5: a ReInit must describe a group that this client can create or join.
pub(crate) fn reinit(
    reinit: &ReInit,
    crypto: &dyn CryptoProvider,
    identities: Identities<'_>,
    limits: &Limits,
) -> Result<(), GroupError> {
    let ReInit { group_id, version, cipher_suite, extensions } = reinit;
    limits.check_group_id(group_id)?;
    // A lower version is not rejected here, because it also violates a rule for receivers.
    if *version > ProtocolVersion::MLS_10 {
        return Err(Misuse::UnsupportedVersion.into());
    }
    crypto.suite(*cipher_suite).ok_or(Misuse::UnsupportedCipherSuite)?;
    extensions::no_duplicates(extensions)?;
    no_grease_is_required(extensions)?;
    extensions::external_senders_are_valid(extensions, &Extensions::default(), identities)?;
    // Section 13.5: no member supports a GREASE type as an extension of the group.
    let grease = extensions.0.iter().map(|extension| extension.extension_type).find(|kind| kind.is_grease());
    grease.map_or(Ok(()), |kind| Err(Violation::ExtensionUnsupportedByMember(kind).into()))
}

/// Checks the contents of our own proposal, which is standalone or contained in a Commit by value.
pub(crate) fn proposal(
    proposal: &Proposal,
    suite: Suite,
    crypto: &dyn CryptoProvider,
    identities: Identities<'_>,
    limits: &Limits,
) -> Result<(), GroupError> {
    match proposal {
        Proposal::Add(add) => suite_is_listed(&add.key_package.leaf_node.capabilities, suite)?,
        Proposal::Update(update) => suite_is_listed(&update.leaf_node.capabilities, suite)?,
        Proposal::GroupContextExtensions(proposal) => no_grease_is_required(&proposal.extensions)?,
        Proposal::ReInit(proposal) => reinit(proposal, crypto, identities, limits)?,
        _ => {}
    }
    Ok(())
}
