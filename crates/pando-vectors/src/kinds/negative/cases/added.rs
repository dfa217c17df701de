//! Negative cases of RFC 9420, sections 5.3, 7.2, 7.3, 10.1, 11.1 and 13.4: invalid KeyPackages in
//! Add proposals from Alice.

use super::super::fixture::{
    BOB, Fixture, LISTED, LISTED_PROPOSAL, Parameters, UNKNOWN, add, extension, two_extensions,
};
use super::super::forger::{sign_around_leaf, sign_key_package, spoil};
use super::{CaseTemplate, Forging, Sent, case};
use pando_crypto::Suite;
use pando_wire::{
    Credential, CredentialType, Extension, Extensions, HpkePublicKey, KeyPackage, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, NodeIndex, ProtocolVersion, RequiredCapabilities,
};

pub(super) const CASES: &[CaseTemplate] = &[
    case(
        "Violation::KeyPackageSuite",
        "An added KeyPackage says that it is for another cipher suite.",
        |fixture, valid| {
            let other = if valid { fixture.suite().cipher_suite() } else { fixture.other_suite() };
            fixture.adds(|key_package| key_package.cipher_suite = other)
        },
    ),
    case(
        "Violation::KeyPackageSuite",
        "An added KeyPackage says that it is for another version.",
        |fixture, valid| {
            fixture.adds(|key_package| key_package.version = ProtocolVersion(if valid { 1 } else { 2 }))
        },
    ),
    case(
        "Violation::KeyPackageSignature",
        "The signature of an added KeyPackage is wrong; that of its leaf is right.",
        |fixture, valid| {
            changed(fixture, |key_package| {
                if !valid {
                    key_package.signature = spoil(&key_package.signature).into();
                }
            })
        },
    ),
    case(
        "Violation::KeyPackageSignature",
        "An extension was added to a KeyPackage after it was signed.",
        |fixture, valid| {
            fixture.capabilities.extensions.push(UNKNOWN);
            changed(fixture, |key_package| {
                if !valid {
                    key_package.extensions.0.push(extension(UNKNOWN, b""));
                }
            })
        },
    ),
    case(
        "Violation::InitKeyIsEncryptionKey",
        "The init key of an added KeyPackage is the encryption key of its leaf.",
        |fixture, valid| {
            fixture.adds(|key_package| {
                if !valid {
                    key_package.init_key = key_package.leaf_node.encryption_key.clone();
                }
            })
        },
    ),
    case(
        "Violation::InvalidKey",
        "The init key of an added KeyPackage is a byte too long.",
        |fixture, valid| fixture.adds(|key_package| lengthen(&mut key_package.init_key, valid)),
    ),
    case(
        "Violation::InvalidKey",
        "The encryption key of an added leaf is a byte too long.",
        |fixture, valid| {
            fixture.adds(|key_package| lengthen(&mut key_package.leaf_node.encryption_key, valid))
        },
    ),
    case(
        "Violation::InvalidKey",
        "The init key of an added KeyPackage is not a point on the curve, or has low order.",
        |fixture, valid| {
            let suite = fixture.suite();
            fixture.adds(|key_package| degenerate(suite, &mut key_package.init_key, valid))
        },
    )
    .everywhere(),
    case(
        "Violation::InvalidKey",
        "The encryption key of an added leaf is not a point on the curve, or has low order.",
        |fixture, valid| {
            let suite = fixture.suite();
            fixture.adds(|key_package| degenerate(suite, &mut key_package.leaf_node.encryption_key, valid))
        },
    )
    .everywhere(),
    case(
        "Violation::DuplicateExtension",
        "An added KeyPackage has two extensions of one type.",
        |fixture, valid| fixture.adds(|key_package| key_package.extensions = two_extensions(valid)),
    ),
    case(
        "Violation::DuplicateExtension",
        "An added leaf has two extensions of one type.",
        |fixture, valid| fixture.adds(|key_package| key_package.leaf_node.extensions = two_extensions(valid)),
    ),
    case(
        "Violation::OwnCredentialUnsupported",
        "The capabilities of an added leaf lack the type of its own credential.",
        |fixture, valid| {
            let listed = if valid { CredentialType::BASIC } else { CredentialType::X509 };
            fixture.adds(|key_package| key_package.leaf_node.capabilities.credentials = vec![listed])
        },
    )
    .with(both_credentials),
    case(
        "Violation::LeafSignature",
        "The signature of an added leaf is wrong, and that of its KeyPackage is right.",
        |fixture, valid| {
            let (suite, mut client) = (fixture.suite(), fixture.newcomer(|_| {})?);
            if !valid {
                let leaf_node = &mut client.key_package.leaf_node;
                leaf_node.signature = spoil(&leaf_node.signature).into();
            }
            sign_around_leaf(suite, &mut client.key_package, &*client.signer)?;
            fixture.commits_without_path([add(client.key_package)])
        },
    )
    .everywhere(),
    case("Violation::LeafSource", "An added leaf says that it is from an Update.", |fixture, valid| {
        fixture.adds(|key_package| {
            if !valid {
                key_package.leaf_node.leaf_node_source = LeafNodeSource::Update;
            }
        })
    }),
    case("Violation::LeafSource", "An added leaf says that it is from a Commit.", |fixture, valid| {
        fixture.adds(|key_package| {
            if !valid {
                let parent_hash = Vec::new().into();
                key_package.leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash };
            }
        })
    }),
    case(
        "Violation::LeafExtensionUnsupported",
        "An added leaf has an extension that its capabilities lack.",
        |fixture, valid| {
            let of_type = if valid { LISTED } else { UNKNOWN };
            fixture.adds(|key_package| key_package.leaf_node.extensions.0.push(extension(of_type, b"")))
        },
    ),
    case(
        "Violation::LifetimeTooLong",
        "The lifetime of an added leaf ends before it begins.",
        |fixture, valid| {
            let (not_before, not_after) = if valid { (1, u64::MAX) } else { (u64::MAX, 1) };
            let lifetime = Lifetime { not_before, not_after };
            fixture.adds(|key_package| {
                key_package.leaf_node.leaf_node_source = LeafNodeSource::KeyPackage { lifetime };
            })
        },
    ),
    case(
        "Violation::RequiredExtension",
        "An added leaf lacks an extension type that the group requires.",
        |fixture, valid| lacking(fixture, valid, |leaf_node| leaf_node.capabilities.extensions.clear()),
    )
    .with(demanding),
    case(
        "Violation::RequiredProposal",
        "An added leaf lacks a proposal type that the group requires.",
        |fixture, valid| lacking(fixture, valid, |leaf_node| leaf_node.capabilities.proposals.clear()),
    )
    .with(demanding),
    case(
        "Violation::RequiredCredential",
        "An added leaf lacks a credential type that the group requires.",
        |fixture, valid| {
            lacking(fixture, valid, |leaf_node| {
                leaf_node.capabilities.credentials = vec![CredentialType::BASIC];
            })
        },
    )
    .with(demanding),
    case(
        "Violation::ExtensionUnsupportedByMember",
        "An added leaf lacks the type of an extension that the group has.",
        |fixture, valid| lacking(fixture, valid, |leaf_node| leaf_node.capabilities.extensions.clear()),
    )
    .with(|parameters| {
        parameters.extensions.0.push(extension(LISTED, b""));
        Ok(())
    }),
    case(
        "Violation::CredentialUnsupportedByMember",
        "An added leaf has a credential of a type that no member supports.",
        |fixture, valid| {
            fixture.adds(|key_package| {
                key_package.leaf_node.capabilities.credentials = both();
                if !valid {
                    key_package.leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                }
            })
        },
    ),
    case(
        "Violation::CredentialInUseUnsupported",
        "An added leaf does not support the members' credential type, and they support its own.",
        |fixture, valid| {
            fixture.adds(|key_package| {
                let leaf_node = &mut key_package.leaf_node;
                leaf_node.credential = Credential::X509 { certificates: Vec::new() };
                leaf_node.capabilities.credentials = if valid { both() } else { vec![CredentialType::X509] };
            })
        },
    )
    .with(both_credentials),
    case(
        "Violation::SignatureKeyInUse",
        "An added leaf has the signature key of a member and is signed with it.",
        |fixture, valid| {
            let (suite, mut client) = (fixture.suite(), fixture.newcomer(|_| {})?);
            if !valid {
                let bob = fixture.forger.member(BOB)?;
                client.key_package.leaf_node.signature_key = bob.signer.public_key().clone();
                sign_key_package(suite, &mut client.key_package, &*bob.signer)?;
            }
            fixture.commits_without_path([add(client.key_package)])
        },
    ),
    case(
        "Violation::EncryptionKeyInUse",
        "An added leaf has the encryption key of a member.",
        |fixture, valid| in_use(fixture, NodeIndex(2), valid),
    ),
    case(
        "Violation::EncryptionKeyInUse",
        "An added leaf has the encryption key of a parent node.",
        |fixture, valid| in_use(fixture, NodeIndex(3), valid),
    ),
];

/// Alice adds a client whose KeyPackage was changed after it was signed.
fn changed(fixture: &mut Fixture, change: impl FnOnce(&mut KeyPackage)) -> Forging<Vec<Sent>> {
    let mut client = fixture.newcomer(|_| {})?;
    change(&mut client.key_package);
    fixture.commits_without_path([add(client.key_package)])
}

/// Alice adds a client whose leaf node lacks something that is required, unless `valid` is set.
fn lacking(fixture: &mut Fixture, valid: bool, change: fn(&mut LeafNode)) -> Forging<Vec<Sent>> {
    fixture.adds(|key_package| {
        if !valid {
            change(&mut key_package.leaf_node);
        }
    })
}

/// Alice adds a client whose encryption key is already used by a node of the tree, unless `valid`
/// is set.
fn in_use(fixture: &mut Fixture, node: NodeIndex, valid: bool) -> Forging<Vec<Sent>> {
    let key = fixture.forger.tree.encryption_key(node)?.ok_or("a blank node")?;
    fixture.adds(|key_package| {
        if !valid {
            key_package.leaf_node.encryption_key = key;
        }
    })
}

pub(super) fn lengthen(key: &mut HpkePublicKey, valid: bool) {
    if !valid {
        *key = [&**key, &[0]].concat().into();
    }
}

/// Replaces a key by an invalid one of the right length. On a NIST curve, the invalid key is an
/// uncompressed point with x = y = 0, which is not on the curve. On the other curves, it is the
/// point of order 2.
pub(super) fn degenerate(suite: Suite, key: &mut HpkePublicKey, valid: bool) {
    if valid {
        return;
    }
    let on_nist_curve = matches!(suite.cipher_suite().0, 2 | 5 | 7);
    let first = if on_nist_curve { 4 } else { 0 };
    *key = std::iter::once(first).chain(key.iter().skip(1).map(|_| 0)).collect::<Vec<u8>>().into();
}

pub(super) fn both() -> Vec<CredentialType> {
    vec![CredentialType::BASIC, CredentialType::X509]
}

/// Makes all members support two credential types.
pub(super) fn both_credentials(parameters: &mut Parameters) -> Forging<()> {
    parameters.capabilities.credentials = both();
    Ok(())
}

/// Makes the group require an extension type, a proposal type and a credential type.
pub(super) fn demanding(parameters: &mut Parameters) -> Forging<()> {
    both_credentials(parameters)?;
    let required = RequiredCapabilities {
        extension_types: vec![LISTED],
        proposal_types: vec![LISTED_PROPOSAL],
        credential_types: vec![CredentialType::X509],
    };
    parameters.extensions = Extensions(vec![Extension::new(&required)?]);
    Ok(())
}

/// A leaf index without a member.
pub(super) const BLANK_LEAF: LeafIndex = LeafIndex(3);
