//! Sections 5.3, 7.2, 7.3, 10.1, 11.1 and 13.4: invalid KeyPackages in Adds from Alice.

use super::super::forger::{sign_around_leaf, sign_key_package, spoil};
use super::super::scene::{
    BOB, LISTED, LISTED_PROPOSAL, Scene, Setting, UNKNOWN, add, extension, two_extensions,
};
use super::{Forging, Plot, Sent, plot};
use pando_crypto::Suite;
use pando_wire::{
    Credential, CredentialType, Extension, Extensions, HpkePublicKey, KeyPackage, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, NodeIndex, ProtocolVersion, RequiredCapabilities,
};

pub(super) const PLOTS: &[Plot] = &[
    plot(
        "Violation::KeyPackageSuite",
        "An added KeyPackage says that it is for another cipher suite.",
        |scene, right| {
            let other = if right { scene.suite().cipher_suite() } else { scene.other_suite() };
            scene.adds(|key_package| key_package.cipher_suite = other)
        },
    ),
    plot(
        "Violation::KeyPackageSuite",
        "An added KeyPackage says that it is for another version.",
        |scene, right| {
            scene.adds(|key_package| key_package.version = ProtocolVersion(if right { 1 } else { 2 }))
        },
    ),
    plot(
        "Violation::KeyPackageSignature",
        "The signature of an added KeyPackage is wrong; that of its leaf is right.",
        |scene, right| {
            changed(scene, |key_package| {
                if !right {
                    key_package.signature = spoil(&key_package.signature).into();
                }
            })
        },
    ),
    plot(
        "Violation::KeyPackageSignature",
        "An extension was added to a KeyPackage after it was signed.",
        |scene, right| {
            scene.capabilities.extensions.push(UNKNOWN);
            changed(scene, |key_package| {
                if !right {
                    key_package.extensions.0.push(extension(UNKNOWN, b""));
                }
            })
        },
    ),
    plot(
        "Violation::InitKeyIsEncryptionKey",
        "The init key of an added KeyPackage is the encryption key of its leaf.",
        |scene, right| {
            scene.adds(|key_package| {
                if !right {
                    key_package.init_key = key_package.leaf_node.encryption_key.clone();
                }
            })
        },
    ),
    plot(
        "Violation::InvalidKey",
        "The init key of an added KeyPackage is a byte too long.",
        |scene, right| scene.adds(|key_package| lengthen(&mut key_package.init_key, right)),
    ),
    plot(
        "Violation::InvalidKey",
        "The encryption key of an added leaf is a byte too long.",
        |scene, right| scene.adds(|key_package| lengthen(&mut key_package.leaf_node.encryption_key, right)),
    ),
    plot(
        "Violation::InvalidKey",
        "The init key of an added KeyPackage is not a point on the curve, or has low order.",
        |scene, right| {
            let suite = scene.suite();
            scene.adds(|key_package| degenerate(suite, &mut key_package.init_key, right))
        },
    )
    .everywhere(),
    plot(
        "Violation::InvalidKey",
        "The encryption key of an added leaf is not a point on the curve, or has low order.",
        |scene, right| {
            let suite = scene.suite();
            scene.adds(|key_package| degenerate(suite, &mut key_package.leaf_node.encryption_key, right))
        },
    )
    .everywhere(),
    plot(
        "Violation::DuplicateExtension",
        "An added KeyPackage has two extensions of one type.",
        |scene, right| scene.adds(|key_package| key_package.extensions = two_extensions(right)),
    ),
    plot("Violation::DuplicateExtension", "An added leaf has two extensions of one type.", |scene, right| {
        scene.adds(|key_package| key_package.leaf_node.extensions = two_extensions(right))
    }),
    plot(
        "Violation::OwnCredentialUnsupported",
        "The capabilities of an added leaf lack the type of its own credential.",
        |scene, right| {
            let listed = if right { CredentialType::BASIC } else { CredentialType::X509 };
            scene.adds(|key_package| key_package.leaf_node.capabilities.credentials = vec![listed])
        },
    )
    .with(both_credentials),
    plot(
        "Violation::LeafSignature",
        "The signature of an added leaf is wrong, and that of its KeyPackage is right.",
        |scene, right| {
            let (suite, mut person) = (scene.suite(), scene.newcomer(|_| {})?);
            if !right {
                let leaf_node = &mut person.key_package.leaf_node;
                leaf_node.signature = spoil(&leaf_node.signature).into();
            }
            sign_around_leaf(suite, &mut person.key_package, &*person.signer)?;
            scene.commits_without_path([add(person.key_package)])
        },
    )
    .everywhere(),
    plot("Violation::LeafSource", "An added leaf says that it is from an Update.", |scene, right| {
        scene.adds(|key_package| {
            if !right {
                key_package.leaf_node.leaf_node_source = LeafNodeSource::Update;
            }
        })
    }),
    plot("Violation::LeafSource", "An added leaf says that it is from a Commit.", |scene, right| {
        scene.adds(|key_package| {
            if !right {
                let parent_hash = Vec::new().into();
                key_package.leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash };
            }
        })
    }),
    plot(
        "Violation::LeafExtensionUnsupported",
        "An added leaf has an extension that its capabilities lack.",
        |scene, right| {
            let of_type = if right { LISTED } else { UNKNOWN };
            scene.adds(|key_package| key_package.leaf_node.extensions.0.push(extension(of_type, b"")))
        },
    ),
    plot(
        "Violation::LifetimeTooLong",
        "The lifetime of an added leaf ends before it begins.",
        |scene, right| {
            let (not_before, not_after) = if right { (1, u64::MAX) } else { (u64::MAX, 1) };
            let lifetime = Lifetime { not_before, not_after };
            scene.adds(|key_package| {
                key_package.leaf_node.leaf_node_source = LeafNodeSource::KeyPackage { lifetime };
            })
        },
    ),
    plot(
        "Violation::RequiredExtension",
        "An added leaf lacks an extension type that the group requires.",
        |scene, right| lacking(scene, right, |leaf_node| leaf_node.capabilities.extensions.clear()),
    )
    .with(demanding),
    plot(
        "Violation::RequiredProposal",
        "An added leaf lacks a proposal type that the group requires.",
        |scene, right| lacking(scene, right, |leaf_node| leaf_node.capabilities.proposals.clear()),
    )
    .with(demanding),
    plot(
        "Violation::RequiredCredential",
        "An added leaf lacks a credential type that the group requires.",
        |scene, right| {
            lacking(scene, right, |leaf_node| {
                leaf_node.capabilities.credentials = vec![CredentialType::BASIC];
            })
        },
    )
    .with(demanding),
    plot(
        "Violation::ExtensionUnsupportedByMember",
        "An added leaf lacks the type of an extension that the group has.",
        |scene, right| lacking(scene, right, |leaf_node| leaf_node.capabilities.extensions.clear()),
    )
    .with(|setting| {
        setting.extensions.0.push(extension(LISTED, b""));
        Ok(())
    }),
    plot(
        "Violation::CredentialUnsupportedByMember",
        "An added leaf has a credential of a type that no member supports.",
        |scene, right| {
            scene.adds(|key_package| {
                key_package.leaf_node.capabilities.credentials = both();
                if !right {
                    key_package.leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                }
            })
        },
    ),
    plot(
        "Violation::CredentialInUseUnsupported",
        "An added leaf does not support the members' credential type, and they support its own.",
        |scene, right| {
            scene.adds(|key_package| {
                let leaf_node = &mut key_package.leaf_node;
                leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                leaf_node.capabilities.credentials = if right { both() } else { vec![CredentialType::X509] };
            })
        },
    )
    .with(both_credentials),
    plot(
        "Violation::SignatureKeyInUse",
        "An added leaf has the signature key of a member and is signed with it.",
        |scene, right| {
            let (suite, mut person) = (scene.suite(), scene.newcomer(|_| {})?);
            if !right {
                let bob = scene.forger.member(BOB)?;
                person.key_package.leaf_node.signature_key = bob.signer.public_key().clone();
                sign_key_package(suite, &mut person.key_package, &*bob.signer)?;
            }
            scene.commits_without_path([add(person.key_package)])
        },
    ),
    plot(
        "Violation::EncryptionKeyInUse",
        "An added leaf has the encryption key of a member.",
        |scene, right| in_use(scene, NodeIndex(2), right),
    ),
    plot(
        "Violation::EncryptionKeyInUse",
        "An added leaf has the encryption key of a parent node.",
        |scene, right| in_use(scene, NodeIndex(3), right),
    ),
];

/// Alice adds a client whose KeyPackage was changed after it was signed.
fn changed(scene: &mut Scene, change: impl FnOnce(&mut KeyPackage)) -> Forging<Vec<Sent>> {
    let mut person = scene.newcomer(|_| {})?;
    change(&mut person.key_package);
    scene.commits_without_path([add(person.key_package)])
}

/// Alice adds a client whose leaf node lacks something.
fn lacking(scene: &mut Scene, right: bool, change: fn(&mut LeafNode)) -> Forging<Vec<Sent>> {
    scene.adds(|key_package| {
        if !right {
            change(&mut key_package.leaf_node);
        }
    })
}

/// Alice adds a client that has the encryption key of a node in the tree.
fn in_use(scene: &mut Scene, node: NodeIndex, right: bool) -> Forging<Vec<Sent>> {
    let key = scene.forger.tree.encryption_key(node)?.ok_or("a blank node")?;
    scene.adds(|key_package| {
        if !right {
            key_package.leaf_node.encryption_key = key;
        }
    })
}

pub(super) fn lengthen(key: &mut HpkePublicKey, right: bool) {
    if !right {
        *key = [&**key, &[0]].concat().into();
    }
}

/// Replaces a key by an invalid one of the right length. On a NIST curve that is an uncompressed
/// point with x = y = 0, which is not on the curve; on the others it is the point of order 2.
pub(super) fn degenerate(suite: Suite, key: &mut HpkePublicKey, right: bool) {
    if right {
        return;
    }
    let on_nist_curve = matches!(suite.cipher_suite().0, 2 | 5 | 7);
    let first = if on_nist_curve { 4 } else { 0 };
    *key = std::iter::once(first).chain(key.iter().skip(1).map(|_| 0)).collect::<Vec<u8>>().into();
}

pub(super) fn both() -> Vec<CredentialType> {
    vec![CredentialType::BASIC, CredentialType::X509]
}

/// All members support two credential types.
pub(super) fn both_credentials(setting: &mut Setting) -> Forging<()> {
    setting.capabilities.credentials = both();
    Ok(())
}

/// The group requires an extension type, a proposal type and a credential type.
pub(super) fn demanding(setting: &mut Setting) -> Forging<()> {
    both_credentials(setting)?;
    let required = RequiredCapabilities {
        extension_types: vec![LISTED],
        proposal_types: vec![LISTED_PROPOSAL],
        credential_types: vec![CredentialType::X509],
    };
    setting.extensions = Extensions(vec![Extension::new(&required)?]);
    Ok(())
}

/// A leaf index that no member has.
pub(super) const NOBODY: LeafIndex = LeafIndex(3);
