//! Sections 8.4 and 12.4.3.1: invalid Welcomes and GroupInfos.

use super::super::forger::{Person, spoil};
use super::super::scene::{ALICE, BOB, LISTED, LISTED_PROPOSAL, Scene, UNKNOWN, extension, two_extensions};
use super::added::{NOBODY, demanding};
use super::{Forging, Plot, Sent, invitation};
use pando_wire::{
    Credential, CredentialType, ExtensionType, GroupContext, GroupInfo, KeyPackage, PreSharedKeyId, Psk,
};

pub(super) const PLOTS: &[Plot] = &[
    invitation("Violation::GroupInfoSigner", "The signer of a GroupInfo is a blank leaf.", |scene, right| {
        signed(scene, |group_info| group_info.signer = if right { ALICE } else { NOBODY })
    }),
    invitation("Violation::GroupInfoSignature", "The signature of a GroupInfo is wrong.", |scene, right| {
        let mut group_info = scene.forger.group_info()?;
        if !right {
            group_info.signature = spoil(&group_info.signature).into();
        }
        welcome_to(scene, &group_info)
    })
    .everywhere(),
    invitation(
        "Violation::GroupInfoSignature",
        "A GroupInfo is signed by a member other than its signer.",
        |scene, right| signed(scene, |group_info| group_info.signer = if right { ALICE } else { BOB }),
    ),
    invitation(
        "Violation::GroupInfoSuite",
        "A GroupInfo is for another cipher suite than the Welcome.",
        |scene, right| {
            let other = if right { scene.suite().cipher_suite() } else { scene.other_suite() };
            in_context(scene, |context| context.cipher_suite = other)
        },
    ),
    invitation(
        "Violation::ConfirmationTag",
        "The confirmation tag of a GroupInfo is wrong, and its signature is right.",
        |scene, right| {
            signed(scene, |group_info| {
                if !right {
                    group_info.confirmation_tag = spoil(&group_info.confirmation_tag).into();
                }
            })
        },
    )
    .everywhere(),
    invitation(
        "Violation::OwnLeafMissing",
        "The Welcome is for a KeyPackage whose leaf is not in the tree.",
        |scene, right| {
            let to = std::rc::Rc::clone(if right { &scene.client } else { &scene.spare });
            let path_secret = scene.path_secret.clone().filter(|_| right);
            Ok(vec![scene.forger.welcome(&to, path_secret.as_deref())?])
        },
    )
    .with_spare(),
    invitation(
        "Missing::WelcomeSecrets",
        "The Welcome is for another client, which is in the tree.",
        |scene, right| {
            let to = if right { std::rc::Rc::clone(&scene.client) } else { scene.forger.member(BOB)? };
            Ok(vec![scene.forger.welcome(&to, scene.path_secret.as_deref())?])
        },
    ),
    invitation(
        "TreeError::PathSecret",
        "The path secret in a Welcome does not belong to the public key in the tree.",
        |scene, right| {
            let path_secret =
                scene.path_secret.take().map(|secret| if right { secret } else { spoil(&secret) });
            scene.path_secret = path_secret;
            Ok(vec![scene.welcome()?])
        },
    )
    .everywhere(),
    invitation(
        "Violation::DuplicateExtension",
        "A GroupInfo has two extensions of one type.",
        |scene, right| signed(scene, |group_info| group_info.extensions.0.extend(two_extensions(right).0)),
    ),
    invitation(
        "Violation::DuplicateExtension",
        "A GroupContext has two extensions of one type.",
        |scene, right| in_context(scene, |context| context.extensions = two_extensions(right)),
    ),
    invitation(
        "Violation::ExtensionUnsupportedByMember",
        "The group has an extension that no member supports, not even the client.",
        |scene, right| {
            let extension = extension(if right { LISTED } else { UNKNOWN }, b"");
            in_context(scene, |context| context.extensions.0.push(extension))
        },
    ),
    invitation(
        "Violation::MalformedExtension",
        "The required capabilities of a group have a byte after their end.",
        |scene, right| {
            let data: &[u8] = if right { &[0, 0, 0] } else { &[0, 0, 0, 0] };
            let extension = extension(ExtensionType::REQUIRED_CAPABILITIES, data);
            in_context(scene, |context| context.extensions.0.push(extension))
        },
    ),
    invitation(
        "Violation::RequiredExtension",
        "A member lacks an extension type that the group requires.",
        |scene, right| {
            with_member(scene, |key_package| {
                key_package.leaf_node.capabilities.extensions.retain(|of_type| right || *of_type != LISTED);
            })
        },
    )
    .with(demanding),
    invitation(
        "Violation::RequiredProposal",
        "A member lacks a proposal type that the group requires.",
        |scene, right| {
            with_member(scene, |key_package| {
                key_package
                    .leaf_node
                    .capabilities
                    .proposals
                    .retain(|of_type| right || *of_type != LISTED_PROPOSAL);
            })
        },
    )
    .with(demanding),
    invitation(
        "Violation::RequiredCredential",
        "A member lacks a credential type that the group requires.",
        |scene, right| {
            with_member(scene, |key_package| {
                let credentials = &mut key_package.leaf_node.capabilities.credentials;
                credentials.retain(|of_type| right || *of_type != CredentialType::X509);
            })
        },
    )
    .with(demanding),
    invitation(
        "Violation::LeafExtensionUnsupported",
        "A member has an extension that its capabilities lack.",
        |scene, right| {
            let of_type = if right { LISTED } else { UNKNOWN };
            with_member(scene, |key_package| key_package.leaf_node.extensions.0.push(extension(of_type, b"")))
        },
    ),
    invitation(
        "Violation::CredentialInUseUnsupported",
        "A member has a credential of a type that the others do not support.",
        |scene, right| {
            with_member(scene, |key_package| {
                let leaf_node = &mut key_package.leaf_node;
                leaf_node.capabilities.credentials = super::added::both();
                if !right {
                    leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                }
            })
        },
    ),
    invitation(
        "Violation::PskNonce",
        "The nonce of a PSK in a Welcome is a byte shorter than a hash.",
        |scene, right| {
            let mut id = scene.psk();
            super::proposed::shorten(&mut id, right);
            with_psks(scene, vec![id])
        },
    ),
    invitation("Violation::DuplicatePsk", "A Welcome has a PSK twice, with one nonce.", |scene, right| {
        let (first, other) = (scene.psk(), scene.psk());
        let second = if right { other } else { first.clone() };
        with_psks(scene, vec![first, second])
    }),
    invitation("Missing::Psk", "A Welcome has a PSK that the client does not have.", |scene, right| {
        let mut id = scene.psk();
        if !right {
            id.psk = Psk::External { psk_id: b"unknown".as_slice().into() };
        }
        with_psks(scene, vec![id])
    }),
];

fn welcome_to(scene: &mut Scene, group_info: &GroupInfo) -> Forging<Vec<Sent>> {
    Ok(vec![scene.forger.welcome_to(group_info, &scene.client, scene.path_secret.as_deref())?])
}

/// Returns a Welcome whose GroupInfo is changed and then signed by Alice.
fn signed(scene: &mut Scene, change: impl FnOnce(&mut GroupInfo)) -> Forging<Vec<Sent>> {
    let (mut group_info, alice) = (scene.forger.group_info()?, scene.forger.member(ALICE)?);
    change(&mut group_info);
    scene.forger.sign_group_info(&mut group_info, &*alice.signer)?;
    welcome_to(scene, &group_info)
}

/// Returns a Welcome to a group with a changed GroupContext. The secrets of the epoch derive from
/// the changed one.
fn in_context(scene: &mut Scene, change: impl FnOnce(&mut GroupContext)) -> Forging<Vec<Sent>> {
    change(&mut scene.forger.context);
    scene.forger.confirm()?;
    Ok(vec![scene.welcome()?])
}

/// Returns a Welcome to a group with one more member.
fn with_member(scene: &mut Scene, change: impl FnOnce(&mut KeyPackage)) -> Forging<Vec<Sent>> {
    let member = scene.newcomer(change)?;
    welcome_with(scene, member)
}

/// As [`with_member`], with a member that may be invalid.
pub(super) fn welcome_with(scene: &mut Scene, member: Person) -> Forging<Vec<Sent>> {
    let _ = scene.forger.seat(member)?;
    Ok(vec![scene.welcome()?])
}

/// Returns a Welcome to an epoch with the given PSKs.
fn with_psks(scene: &mut Scene, ids: Vec<PreSharedKeyId>) -> Forging<Vec<Sent>> {
    for id in ids {
        let value = scene.forger.psk_value(&id.psk)?;
        scene.forger.psks.push((id, value));
    }
    scene.forger.confirm()?;
    Ok(vec![scene.welcome()?])
}
