//! Rules for extensions (RFC 9420, sections 11.1 and 13.4).
//!
//! The group cannot have an extension of a GREASE type, even if all members list that type (section
//! 13.5). In `required_capabilities`, a GREASE value is treated like any other value.

use crate::Violation;
use crate::identity::Identities;
use pando_tree::Tree;
use pando_wire::{
    CredentialType, ExtensionBody, ExtensionType, Extensions, ExternalSenders, LeafNode, ProposalType,
    RequiredCapabilities,
};
use std::collections::BTreeSet;

/// 13.4: a list of extensions must not contain two extensions of the same type.
pub(crate) fn no_duplicates(extensions: &Extensions) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    extensions.0.iter().map(|extension| extension.extension_type).try_for_each(|extension_type| {
        if seen.insert(extension_type) { Ok(()) } else { Err(Violation::DuplicateExtension(extension_type)) }
    })
}

/// Returns the decoded extension of type `T`, if the list contains one.
pub(crate) fn find<T: ExtensionBody>(extensions: &Extensions) -> Result<Option<T>, Violation> {
    extensions.find().map_err(|_| Violation::MalformedExtension(T::TYPE))
}

/// 7.3 and 10: the capabilities of a leaf must list the extensions of the leaf and of its
/// KeyPackage, including GREASE extensions.
pub(crate) fn are_supported(extensions: &Extensions, leaf_node: &LeafNode) -> Result<(), Violation> {
    let unsupported = first_missing(non_default(extensions), &leaf_node.capabilities.extensions);
    unsupported.map_or(Ok(()), |kind| Err(Violation::LeafExtensionUnsupported(kind)))
}

/// Requirements that a group's extensions place on each leaf, without duplicates.
///
/// Duplicates are removed because an attacker can create a group with millions of entries, and each
/// leaf is compared with all entries.
#[derive(Debug)]
pub(crate) struct Requirements {
    /// The types that `required_capabilities` lists, without the default types.
    pub(crate) extensions: Vec<ExtensionType>,
    pub(crate) proposals: Vec<ProposalType>,
    pub(crate) credentials: Vec<CredentialType>,
    /// Types of the group's extensions, without the default types.
    in_use: Vec<ExtensionType>,
}

impl Requirements {
    /// Returns the requirements of a group with these extensions.
    pub(crate) fn of(group: &Extensions) -> Result<Self, Violation> {
        let RequiredCapabilities { extension_types, proposal_types, credential_types } =
            find(group)?.unwrap_or_default();
        Ok(Self {
            extensions: once(extension_types.into_iter().filter(|required| !required.is_default())),
            proposals: once(proposal_types.into_iter().filter(|required| !required.is_default())),
            credentials: once(credential_types),
            in_use: once(non_default(group)),
        })
    }
}

/// Removes duplicates, and keeps the order of the first occurrences.
fn once<T: Ord + Copy>(types: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    types.into_iter().filter(|kind| seen.insert(*kind)).collect()
}

/// Returns the first type in `needed` that `list` does not contain. Both lists may be long, so
/// `list` is sorted to avoid a comparison of all pairs.
pub(crate) fn first_missing<T: Ord + Copy>(needed: impl IntoIterator<Item = T>, list: &[T]) -> Option<T> {
    let mut needed = needed.into_iter().peekable();
    // Usually, `needed` is empty.
    needed.peek()?;
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    needed.find(|kind| sorted.binary_search(kind).is_err())
}

/// 13.4: a leaf must support each extension in the GroupContext.
pub(crate) fn leaf_supports_group_extensions(
    leaf_node: &LeafNode,
    requirements: &Requirements,
) -> Result<(), Violation> {
    let in_use = requirements.in_use.iter().copied();
    // Report a GREASE type or an unsupported type, whichever comes first.
    let grease = in_use.clone().position(ExtensionType::is_grease).unwrap_or(usize::MAX);
    let missing = first_missing(in_use.clone().take(grease), &leaf_node.capabilities.extensions);
    let unsupported = missing.or_else(|| in_use.clone().nth(grease));
    unsupported.map_or(Ok(()), |extension_type| Err(Violation::ExtensionUnsupportedByMember(extension_type)))
}

/// 13.4: every member must support each extension in the GroupContext.
pub(crate) fn members_support_group_extensions(
    tree: &Tree,
    extensions: &Extensions,
) -> Result<(), Violation> {
    let support = tree.capability_counts();
    let unsupported = non_default(extensions)
        .find(|extension_type| extension_type.is_grease() || !support.all_support_extension(*extension_type));
    unsupported.map_or(Ok(()), |extension_type| Err(Violation::ExtensionUnsupportedByMember(extension_type)))
}

/// 11.1 and 12.1.7: every member must support all types that `required_capabilities` lists.
pub(crate) fn members_support_required(tree: &Tree, extensions: &Extensions) -> Result<(), Violation> {
    let Some(required) = find::<RequiredCapabilities>(extensions)? else { return Ok(()) };
    let support = tree.capability_counts();
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

/// 5.3.1: the credentials of external senders must be valid when they are added or changed. `old`
/// contains the group's extensions before the change.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::cmp::Ordering;

    thread_local! {
        static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// A number that counts its comparisons.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Counted(u32);

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            COMPARED.set(COMPARED.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    #[test]
    fn long_lists_are_not_compared_each_with_each() {
        for length in [1_000_u32, 10_000, 100_000] {
            // Use an order that does not favour the algorithm.
            let list: Vec<_> =
                (0..length).map(|number| Counted(number.wrapping_mul(2_654_435_761) % length)).collect();
            let needed: Vec<_> = (0..length).rev().map(|number| list[number as usize]).collect();
            COMPARED.set(0);
            assert_eq!(first_missing(needed.iter().copied(), &list), None);
            assert_eq!(
                once(needed.iter().copied().chain(list.iter().copied())).len(),
                once(list.clone()).len()
            );
            let compared = COMPARED.get();
            let bound = 12 * u64::from(length) * u64::from(length.ilog2());
            println!("{length}: {compared} comparisons, at most {bound}");
            assert!(compared <= bound);
        }
    }

    proptest! {
        #[test]
        fn what_is_missing_is_the_first_that_is_not_there(
            needed in proptest::collection::vec(0_u8..20, 0..20),
            list in proptest::collection::vec(0_u8..20, 0..40),
        ) {
            let obvious = needed.iter().copied().find(|kind| !list.contains(kind));
            prop_assert_eq!(first_missing(needed.iter().copied(), &list), obvious);
            let mut obvious = Vec::new();
            for kind in needed.iter().copied() {
                if !obvious.contains(&kind) {
                    obvious.push(kind);
                }
            }
            prop_assert_eq!(once(needed), obvious);
        }

        /// The reported type is the first one that is GREASE or unsupported.
        #[test]
        fn a_leaf_lacks_what_it_lacked_before(
            in_use in proptest::collection::vec(0_usize..6, 0..6),
            list in proptest::collection::vec(0_usize..6, 0..8),
        ) {
            let kinds = [0xf000, 0xf001, 0xf002, 0x0a0a, 0x1a1a, 1].map(ExtensionType);
            let extensions = Extensions(once(in_use).into_iter().map(|kind| pando_wire::Extension {
                extension_type: kinds[kind],
                extension_data: vec![].into(),
            }).collect());
            let leaf_node = LeafNode {
                encryption_key: vec![1].into(),
                signature_key: vec![2].into(),
                credential: pando_wire::Credential::Basic { identity: vec![].into() },
                capabilities: pando_wire::Capabilities {
                    extensions: list.into_iter().map(|kind| kinds[kind]).collect(),
                    ..Default::default()
                },
                leaf_node_source: pando_wire::LeafNodeSource::Update,
                extensions: Extensions::default(),
                signature: vec![].into(),
            };
            let supported = &leaf_node.capabilities.extensions;
            let obvious = non_default(&extensions).find(|kind| kind.is_grease() || !supported.contains(kind));
            let obvious = obvious.map_or(Ok(()), |kind| Err(Violation::ExtensionUnsupportedByMember(kind)));
            let requirements = Requirements::of(&extensions).unwrap();
            prop_assert_eq!(leaf_supports_group_extensions(&leaf_node, &requirements), obvious);
        }
    }
}
