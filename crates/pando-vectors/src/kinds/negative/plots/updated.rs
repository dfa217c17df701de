//! Sections 7.2 and 7.3: invalid leaves in an Update from Bob, and in the path of a Commit from
//! Alice. An Update with an invalid key is not among them, because a Commit could not encrypt its
//! path to that key.

use super::super::forger::{Draft, sign_leaf};
use super::super::scene::{ALICE, BOB, CLIENT, Scene, UNKNOWN, extension, update};
use super::added::{both, both_credentials, demanding};
use super::{Forging, Plot, Sent, plot};
use pando_wire::{CredentialType, LeafNode, LeafNodeSource};

pub(super) const PLOTS: &[Plot] = &[
    plot("Violation::EncryptionKeyUnchanged", "An Update has the old encryption key.", |scene, right| {
        let old = scene.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
        scene.updates(|leaf_node| {
            if !right {
                leaf_node.encryption_key = old;
            }
        })
    }),
    plot(
        "Violation::EncryptionKeyInUse",
        "An Update has the encryption key of another member.",
        |scene, right| {
            let other = scene.forger.tree.leaf(CLIENT)?.ok_or("the client is not there")?.encryption_key;
            scene.updates(|leaf_node| {
                if !right {
                    leaf_node.encryption_key = other;
                }
            })
        },
    ),
    plot(
        "Violation::SignatureKeyInUse",
        "An Update has the signature key of another member and is signed with it.",
        |scene, right| {
            let mut leaf_node = scene.updated_leaf(BOB, |_| {})?;
            if !right {
                let (suite, client) = (scene.suite(), &scene.client);
                leaf_node.signature_key = client.signer.public_key().clone();
                let place = (&scene.forger.context.group_id, BOB);
                sign_leaf(suite, &mut leaf_node, place, &*client.signer)?;
            }
            let (update, cited) = scene.forger.propose(BOB, update(leaf_node))?;
            Ok(vec![update, Draft::new([cited]).send(&mut scene.forger)?])
        },
    ),
    plot("Violation::LeafSource", "The leaf source of an Update is a Commit.", |scene, right| {
        scene.updates(|leaf_node| {
            if !right {
                leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash: Vec::new().into() };
            }
        })
    }),
    plot(
        "Violation::LeafSignature",
        "The leaf of an Update is signed for another leaf index.",
        |scene, right| {
            let leaf_node = scene.updated_leaf(if right { BOB } else { CLIENT }, |_| {})?;
            let (update, cited) = scene.forger.propose(BOB, update(leaf_node))?;
            Ok(vec![update, Draft::new([cited]).send(&mut scene.forger)?])
        },
    ),
    plot(
        "Violation::LeafSignature",
        "The leaf of a path is signed for another leaf index.",
        |scene, right| {
            let place = if right { ALICE } else { CLIENT };
            Ok(vec![Draft::empty().leaf_signed_for(place).send(&mut scene.forger)?])
        },
    )
    .everywhere(),
    plot(
        "Violation::OwnCredentialUnsupported",
        "The capabilities of an Update lack the type of its own credential.",
        |scene, right| {
            let listed = if right { both() } else { vec![CredentialType::X509] };
            scene.updates(|leaf_node| leaf_node.capabilities.credentials = listed)
        },
    )
    .with(both_credentials),
    plot(
        "Violation::LeafExtensionUnsupported",
        "The leaf of a path has an extension that its capabilities lack.",
        |scene, right| {
            commits_leaf(scene, |leaf_node| {
                leaf_node.extensions.0.push(extension(UNKNOWN, b""));
                if right {
                    leaf_node.capabilities.extensions.push(UNKNOWN);
                }
            })
        },
    ),
    plot(
        "Violation::RequiredExtension",
        "An Update lacks an extension type that the group requires.",
        |scene, right| {
            scene.updates(|leaf_node| {
                if !right {
                    leaf_node.capabilities.extensions.clear();
                }
            })
        },
    )
    .with(demanding),
    plot(
        "Violation::RequiredProposal",
        "The leaf of a path lacks a proposal type that the group requires.",
        |scene, right| {
            commits_leaf(scene, |leaf_node| {
                if !right {
                    leaf_node.capabilities.proposals.clear();
                }
            })
        },
    )
    .with(demanding),
];

/// Alice sends a Commit with a path and no proposals. `change` changes the path's leaf.
fn commits_leaf(scene: &mut Scene, change: impl FnOnce(&mut LeafNode)) -> Forging<Vec<Sent>> {
    Ok(vec![Draft::empty().leaf(change).send(&mut scene.forger)?])
}
