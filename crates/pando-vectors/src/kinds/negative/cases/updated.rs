//! Negative cases of RFC 9420, sections 7.2 and 7.3: invalid leaf nodes in an Update from Bob, and
//! in the path of a Commit from Alice. No Update has an invalid key, because a Commit could not
//! encrypt its path to that key.

use super::super::fixture::{ALICE, BOB, CLIENT, Fixture, UNKNOWN, extension, update};
use super::super::forger::{Draft, sign_leaf};
use super::added::{both, both_credentials, demanding};
use super::{CaseTemplate, Forging, Sent, case};
use pando_wire::{CredentialType, LeafNode, LeafNodeSource};

pub(super) const CASES: &[CaseTemplate] = &[
    case("Violation::EncryptionKeyUnchanged", "An Update has the old encryption key.", |fixture, valid| {
        let old = fixture.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
        fixture.updates(|leaf_node| {
            if !valid {
                leaf_node.encryption_key = old;
            }
        })
    }),
    case(
        "Violation::EncryptionKeyInUse",
        "An Update has the encryption key of another member.",
        |fixture, valid| {
            let other = fixture.forger.tree.leaf(CLIENT)?.ok_or("the client is not there")?.encryption_key;
            fixture.updates(|leaf_node| {
                if !valid {
                    leaf_node.encryption_key = other;
                }
            })
        },
    ),
    case(
        "Violation::SignatureKeyInUse",
        "An Update has the signature key of another member and is signed with it.",
        |fixture, valid| {
            let mut leaf_node = fixture.updated_leaf(BOB, |_| {})?;
            if !valid {
                let (suite, client) = (fixture.suite(), &fixture.client);
                leaf_node.signature_key = client.signer.public_key().clone();
                let place = (&fixture.forger.context.group_id, BOB);
                sign_leaf(suite, &mut leaf_node, place, &*client.signer)?;
            }
            let (update, sent_proposal) = fixture.forger.propose(BOB, update(leaf_node))?;
            Ok(vec![update, Draft::new([sent_proposal]).send(&mut fixture.forger)?])
        },
    ),
    case("Violation::LeafSource", "The leaf source of an Update is a Commit.", |fixture, valid| {
        fixture.updates(|leaf_node| {
            if !valid {
                leaf_node.leaf_node_source = LeafNodeSource::Commit { parent_hash: Vec::new().into() };
            }
        })
    }),
    case(
        "Violation::LeafSignature",
        "The leaf of an Update is signed for another leaf index.",
        |fixture, valid| {
            let leaf_node = fixture.updated_leaf(if valid { BOB } else { CLIENT }, |_| {})?;
            let (update, sent_proposal) = fixture.forger.propose(BOB, update(leaf_node))?;
            Ok(vec![update, Draft::new([sent_proposal]).send(&mut fixture.forger)?])
        },
    ),
    case(
        "Violation::LeafSignature",
        "The leaf of a path is signed for another leaf index.",
        |fixture, valid| {
            let place = if valid { ALICE } else { CLIENT };
            Ok(vec![Draft::empty().leaf_signed_for(place).send(&mut fixture.forger)?])
        },
    )
    .everywhere(),
    case(
        "Violation::OwnCredentialUnsupported",
        "The capabilities of an Update lack the type of its own credential.",
        |fixture, valid| {
            let listed = if valid { both() } else { vec![CredentialType::X509] };
            fixture.updates(|leaf_node| leaf_node.capabilities.credentials = listed)
        },
    )
    .with(both_credentials),
    case(
        "Violation::LeafExtensionUnsupported",
        "The leaf of a path has an extension that its capabilities lack.",
        |fixture, valid| {
            commits_leaf(fixture, |leaf_node| {
                leaf_node.extensions.0.push(extension(UNKNOWN, b""));
                if valid {
                    leaf_node.capabilities.extensions.push(UNKNOWN);
                }
            })
        },
    ),
    case(
        "Violation::RequiredExtension",
        "An Update lacks an extension type that the group requires.",
        |fixture, valid| {
            fixture.updates(|leaf_node| {
                if !valid {
                    leaf_node.capabilities.extensions.clear();
                }
            })
        },
    )
    .with(demanding),
    case(
        "Violation::RequiredProposal",
        "The leaf of a path lacks a proposal type that the group requires.",
        |fixture, valid| {
            commits_leaf(fixture, |leaf_node| {
                if !valid {
                    leaf_node.capabilities.proposals.clear();
                }
            })
        },
    )
    .with(demanding),
];

/// Alice sends a Commit with a path and no proposals. `change` changes the leaf node of the path.
fn commits_leaf(fixture: &mut Fixture, change: impl FnOnce(&mut LeafNode)) -> Forging<Vec<Sent>> {
    Ok(vec![Draft::empty().leaf(change).send(&mut fixture.forger)?])
}
