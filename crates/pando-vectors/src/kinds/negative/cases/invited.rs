//! Negative cases of RFC 9420, sections 8.4 and 12.4.3.1: invalid Welcomes and GroupInfos.

use super::super::fixture::{
    ALICE, BOB, Fixture, LISTED, LISTED_PROPOSAL, UNKNOWN, extension, two_extensions,
};
use super::super::forger::{TestClient, spoil};
use super::added::{BLANK_LEAF, demanding};
use super::{CaseTemplate, Forging, Sent, welcome_case};
use pando_wire::{
    Credential, CredentialType, ExtensionType, GroupContext, GroupInfo, KeyPackage, PreSharedKeyId, Psk,
};

pub(super) const CASES: &[CaseTemplate] = &[
    welcome_case(
        "Violation::GroupInfoSigner",
        "The signer of a GroupInfo is a blank leaf.",
        |fixture, valid| {
            signed(fixture, |group_info| group_info.signer = if valid { ALICE } else { BLANK_LEAF })
        },
    ),
    welcome_case(
        "Violation::GroupInfoSignature",
        "The signature of a GroupInfo is wrong.",
        |fixture, valid| {
            let mut group_info = fixture.forger.group_info()?;
            if !valid {
                group_info.signature = spoil(&group_info.signature).into();
            }
            welcome_to(fixture, &group_info)
        },
    )
    .everywhere(),
    welcome_case(
        "Violation::GroupInfoSignature",
        "A GroupInfo is signed by a member other than its signer.",
        |fixture, valid| signed(fixture, |group_info| group_info.signer = if valid { ALICE } else { BOB }),
    ),
    welcome_case(
        "Violation::GroupInfoSuite",
        "A GroupInfo is for another cipher suite than the Welcome.",
        |fixture, valid| {
            let other = if valid { fixture.suite().cipher_suite() } else { fixture.other_suite() };
            in_context(fixture, |context| context.cipher_suite = other)
        },
    ),
    welcome_case(
        "Violation::ConfirmationTag",
        "The confirmation tag of a GroupInfo is wrong, and its signature is right.",
        |fixture, valid| {
            signed(fixture, |group_info| {
                if !valid {
                    group_info.confirmation_tag = spoil(&group_info.confirmation_tag).into();
                }
            })
        },
    )
    .everywhere(),
    welcome_case(
        "Violation::OwnLeafMissing",
        "The Welcome is for a KeyPackage whose leaf is not in the tree.",
        |fixture, valid| {
            let to = std::rc::Rc::clone(if valid { &fixture.client } else { &fixture.spare });
            let path_secret = fixture.path_secret.clone().filter(|_| valid);
            Ok(vec![fixture.forger.welcome(&to, path_secret.as_deref())?])
        },
    )
    .with_spare(),
    welcome_case(
        "Missing::WelcomeSecrets",
        "The Welcome is for another client, which is in the tree.",
        |fixture, valid| {
            let to = if valid { std::rc::Rc::clone(&fixture.client) } else { fixture.forger.member(BOB)? };
            Ok(vec![fixture.forger.welcome(&to, fixture.path_secret.as_deref())?])
        },
    ),
    welcome_case(
        "TreeError::PathSecret",
        "The path secret in a Welcome does not belong to the public key in the tree.",
        |fixture, valid| {
            let path_secret =
                fixture.path_secret.take().map(|secret| if valid { secret } else { spoil(&secret) });
            fixture.path_secret = path_secret;
            Ok(vec![fixture.welcome()?])
        },
    )
    .everywhere(),
    welcome_case(
        "Violation::DuplicateExtension",
        "A GroupInfo has two extensions of one type.",
        |fixture, valid| {
            signed(fixture, |group_info| group_info.extensions.0.extend(two_extensions(valid).0))
        },
    ),
    welcome_case(
        "Violation::DuplicateExtension",
        "A GroupContext has two extensions of one type.",
        |fixture, valid| in_context(fixture, |context| context.extensions = two_extensions(valid)),
    ),
    welcome_case(
        "Violation::ExtensionUnsupportedByMember",
        "The group has an extension that no member supports, not even the client.",
        |fixture, valid| {
            let extension = extension(if valid { LISTED } else { UNKNOWN }, b"");
            in_context(fixture, |context| context.extensions.0.push(extension))
        },
    ),
    welcome_case(
        "Violation::MalformedExtension",
        "The required capabilities of a group have a byte after their end.",
        |fixture, valid| {
            let data: &[u8] = if valid { &[0, 0, 0] } else { &[0, 0, 0, 0] };
            let extension = extension(ExtensionType::REQUIRED_CAPABILITIES, data);
            in_context(fixture, |context| context.extensions.0.push(extension))
        },
    ),
    welcome_case(
        "Violation::RequiredExtension",
        "A member lacks an extension type that the group requires.",
        |fixture, valid| {
            with_member(fixture, |key_package| {
                key_package.leaf_node.capabilities.extensions.retain(|of_type| valid || *of_type != LISTED);
            })
        },
    )
    .with(demanding),
    welcome_case(
        "Violation::RequiredProposal",
        "A member lacks a proposal type that the group requires.",
        |fixture, valid| {
            with_member(fixture, |key_package| {
                key_package
                    .leaf_node
                    .capabilities
                    .proposals
                    .retain(|of_type| valid || *of_type != LISTED_PROPOSAL);
            })
        },
    )
    .with(demanding),
    welcome_case(
        "Violation::RequiredCredential",
        "A member lacks a credential type that the group requires.",
        |fixture, valid| {
            with_member(fixture, |key_package| {
                let credentials = &mut key_package.leaf_node.capabilities.credentials;
                credentials.retain(|of_type| valid || *of_type != CredentialType::X509);
            })
        },
    )
    .with(demanding),
    welcome_case(
        "Violation::LeafExtensionUnsupported",
        "A member has an extension that its capabilities lack.",
        |fixture, valid| {
            let of_type = if valid { LISTED } else { UNKNOWN };
            with_member(fixture, |key_package| {
                key_package.leaf_node.extensions.0.push(extension(of_type, b""));
            })
        },
    ),
    welcome_case(
        "Violation::CredentialInUseUnsupported",
        "A member has a credential of a type that the others do not support.",
        |fixture, valid| {
            with_member(fixture, |key_package| {
                let leaf_node = &mut key_package.leaf_node;
                leaf_node.capabilities.credentials = super::added::both();
                if !valid {
                    leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                }
            })
        },
    ),
    welcome_case(
        "Violation::PskNonce",
        "The nonce of a PSK in a Welcome is a byte shorter than a hash.",
        |fixture, valid| {
            let mut id = fixture.psk();
            super::proposed::shorten(&mut id, valid);
            with_psks(fixture, vec![id])
        },
    ),
    welcome_case(
        "Violation::DuplicatePsk",
        "A Welcome has a PSK twice, with one nonce.",
        |fixture, valid| {
            let (first, other) = (fixture.psk(), fixture.psk());
            let second = if valid { other } else { first.clone() };
            with_psks(fixture, vec![first, second])
        },
    ),
    welcome_case("Missing::Psk", "A Welcome has a PSK that the client does not have.", |fixture, valid| {
        let mut id = fixture.psk();
        if !valid {
            id.psk = Psk::External { psk_id: b"unknown".as_slice().into() };
        }
        with_psks(fixture, vec![id])
    }),
];

fn welcome_to(fixture: &mut Fixture, group_info: &GroupInfo) -> Forging<Vec<Sent>> {
    Ok(vec![fixture.forger.welcome_to(group_info, &fixture.client, fixture.path_secret.as_deref())?])
}

/// Returns a Welcome whose GroupInfo is changed before Alice signs it.
fn signed(fixture: &mut Fixture, change: impl FnOnce(&mut GroupInfo)) -> Forging<Vec<Sent>> {
    let (mut group_info, alice) = (fixture.forger.group_info()?, fixture.forger.member(ALICE)?);
    change(&mut group_info);
    fixture.forger.sign_group_info(&mut group_info, &*alice.signer)?;
    welcome_to(fixture, &group_info)
}

/// Returns a Welcome to a group whose GroupContext is changed. The secrets of the epoch are derived
/// from the changed GroupContext.
fn in_context(fixture: &mut Fixture, change: impl FnOnce(&mut GroupContext)) -> Forging<Vec<Sent>> {
    change(&mut fixture.forger.context);
    fixture.forger.recompute_epoch()?;
    Ok(vec![fixture.welcome()?])
}

/// Returns a Welcome to the group after one more member has joined it.
fn with_member(fixture: &mut Fixture, change: impl FnOnce(&mut KeyPackage)) -> Forging<Vec<Sent>> {
    let member = fixture.newcomer(change)?;
    welcome_with(fixture, member)
}

/// Like [`with_member`], but the new member may be invalid.
pub(super) fn welcome_with(fixture: &mut Fixture, member: TestClient) -> Forging<Vec<Sent>> {
    let _ = fixture.forger.add_member(member)?;
    Ok(vec![fixture.welcome()?])
}

/// Returns a Welcome to an epoch that uses the given PSKs.
fn with_psks(fixture: &mut Fixture, ids: Vec<PreSharedKeyId>) -> Forging<Vec<Sent>> {
    for id in ids {
        let value = fixture.forger.psk_value(&id.psk)?;
        fixture.forger.psks.push((id, value));
    }
    fixture.forger.recompute_epoch()?;
    Ok(vec![fixture.welcome()?])
}
