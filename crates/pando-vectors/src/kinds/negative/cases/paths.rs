//! Negative cases of RFC 9420, sections 7.4 to 7.6, 7.9.2 and 12.4.2: invalid update paths.

use super::super::fixture::{ALICE, BOB, CLIENT};
use super::super::forger::{Draft, spoil};
use super::added::degenerate;
use super::{CaseTemplate, case};
use pando_wire::{LeafNodeSource, UpdatePathNode};

pub(super) const CASES: &[CaseTemplate] = &[
    case(
        "TreeError::PathLength",
        "A path has one node more than the filtered direct path.",
        |fixture, valid| {
            let suite = fixture.suite();
            let encryption_key = suite.hpke_generate_key_pair(&mut fixture.forger.rng)?.public;
            let draft = Draft::empty().path(|path| {
                if !valid {
                    path.nodes.push(UpdatePathNode { encryption_key, encrypted_path_secret: Vec::new() });
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::PathLength",
        "A path lacks a node of the filtered direct path that is not above the client.",
        |fixture, valid| {
            let draft = Draft::empty().path(|path| {
                if !valid {
                    path.nodes = path.nodes.drain(..).skip(1).collect();
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::CiphertextCount",
        "The last node of a path has one ciphertext too many.",
        |fixture, valid| {
            let draft = Draft::empty().path(|path| {
                if let (false, Some(node)) = (valid, path.nodes.last_mut()) {
                    node.encrypted_path_secret.extend(node.encrypted_path_secret.first().cloned());
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::CiphertextCount",
        "The first node of a path has no ciphertext; the client does not need that one.",
        |fixture, valid| {
            let draft = Draft::empty().path(|path| {
                if let (false, Some(node)) = (valid, path.nodes.first_mut()) {
                    node.encrypted_path_secret.clear();
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::PathKeyReused",
        "The leaf of a path has the committer's old encryption key.",
        |fixture, valid| {
            let old = fixture.forger.tree.leaf(ALICE)?.ok_or("Alice is not there")?.encryption_key;
            let draft = Draft::empty().leaf(|leaf_node| {
                if !valid {
                    leaf_node.encryption_key = old;
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::PathKeyReused",
        "The leaf of a path has the encryption key of another member.",
        |fixture, valid| {
            let other = fixture.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
            let draft = Draft::empty().leaf(|leaf_node| {
                if !valid {
                    leaf_node.encryption_key = other;
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::InvalidEncryptionKey",
        "The encryption key in a path's leaf is not a point on the curve, or has low order.",
        |fixture, valid| {
            let suite = fixture.suite();
            let draft =
                Draft::empty().leaf(|leaf_node| degenerate(suite, &mut leaf_node.encryption_key, valid));
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    )
    .everywhere(),
    case("TreeError::PathParentHash", "The parent hash in the leaf of a path is wrong.", |fixture, valid| {
        let draft = Draft::empty().leaf(|leaf_node| {
            if let (false, LeafNodeSource::Commit { parent_hash }) = (valid, &mut leaf_node.leaf_node_source)
            {
                *parent_hash = spoil(parent_hash).into();
            }
        });
        Ok(vec![draft.send(&mut fixture.forger)?])
    })
    .everywhere(),
    case(
        "TreeError::PathParentHash",
        "The leaf of a path says that it is from an Update.",
        |fixture, valid| {
            let draft = Draft::empty().leaf(|leaf_node| {
                if !valid {
                    leaf_node.leaf_node_source = LeafNodeSource::Update;
                }
            });
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    ),
    case(
        "TreeError::PathSecret",
        "The client gets a wrong path secret, from which the key schedule continues.",
        |fixture, valid| {
            let draft = Draft::empty();
            let draft = if valid { draft } else { draft.misleading(CLIENT) };
            Ok(vec![draft.send(&mut fixture.forger)?])
        },
    )
    .everywhere(),
];
