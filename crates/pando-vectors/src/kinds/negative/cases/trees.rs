//! Negative cases of RFC 9420, sections 7.1, 7.3, 7.9.2, 12.4.3.1, 12.4.3.3 and 16.7: invalid
//! ratchet trees in a Welcome. The GroupContext contains the hash of the invalid tree, unless the
//! hash itself is the error.

use super::super::fixture::{ALICE, BOB, CLIENT, Fixture};
use super::super::forger::{sign_key_package, spoil};
use super::added::{BLANK_LEAF, degenerate};
use super::invited::welcome_with;
use super::{CaseTemplate, Forging, Sent, welcome_case};
use pando_wire::{LeafIndex, Node, ParentNode, RatchetTree};

pub(super) const CASES: &[CaseTemplate] = &[
    welcome_case(
        "TreeError::TreeHash",
        "The hash of the tree is not the one in the GroupContext.",
        |fixture, valid| {
            if !valid {
                fixture.forger.context.tree_hash = spoil(&fixture.forger.context.tree_hash).into();
                fixture.forger.recompute_epoch()?;
            }
            Ok(vec![fixture.welcome()?])
        },
    )
    .everywhere(),
    welcome_case("TreeError::Empty", "The tree has no nodes.", |fixture, valid| {
        with_tree(fixture, |tree| {
            if !valid {
                tree.0.clear();
            }
            Ok(())
        })
    }),
    welcome_case("TreeError::TrailingBlank", "The last node of the tree is blank.", |fixture, valid| {
        with_tree(fixture, |tree| {
            // With two blank nodes appended, the array has the length of the full tree.
            if !valid {
                tree.0.extend([None, None]);
            }
            Ok(())
        })
    }),
    welcome_case("TreeError::WrongKind", "There is a leaf where a parent must be.", |fixture, valid| {
        let leaf = Node::Leaf(Box::new(fixture.newcomer(|_| {})?.key_package.leaf_node));
        with_tree(fixture, |tree| {
            if let (false, Some(node)) = (valid, tree.0.get_mut(1)) {
                *node = Some(leaf);
            }
            Ok(())
        })
    }),
    welcome_case("TreeError::UnmergedOrder", "A leaf is unmerged twice at the root.", |fixture, valid| {
        let dora = fixture.newcomer(|_| {})?;
        let _ = fixture.forger.add_member(dora)?;
        with_parent(fixture, 3, |parent| parent.unmerged_leaves.extend((!valid).then_some(BLANK_LEAF)))
    }),
    welcome_case("TreeError::UnmergedLeaf", "A blank leaf is unmerged at the root.", |fixture, valid| {
        with_parent(fixture, 3, |parent| parent.unmerged_leaves.extend((!valid).then_some(BLANK_LEAF)))
    }),
    welcome_case(
        "TreeError::UnmergedLeaf",
        "A leaf is unmerged at a parent that it is not below.",
        |fixture, valid| {
            with_parent(fixture, 1, |parent| parent.unmerged_leaves.extend((!valid).then_some(CLIENT)))
        },
    ),
    welcome_case(
        "TreeError::UnmergedGap",
        "A leaf is unmerged at the root, and not at a parent between the two.",
        |fixture, valid| {
            // Add two members, at leaves 3 and 4. Remove the member at leaf 3, let Alice renew her
            // path, and add another member at leaf 3.
            for name in ["emil", "fred"] {
                let client = fixture.named(name)?;
                let _ = fixture.forger.add_member(client)?;
            }
            fixture.forger.tree.remove(LeafIndex(3))?;
            fixture.path_secret = fixture.forger.renew(ALICE, CLIENT)?;
            let dora = fixture.newcomer(|_| {})?;
            let _ = fixture.forger.add_member(dora)?;
            with_parent(fixture, 3, |parent| {
                if !valid {
                    parent.unmerged_leaves.clear();
                }
            })
        },
    ),
    welcome_case("TreeError::ParentHash", "The parent hash of a parent is wrong.", |fixture, valid| {
        with_parent(fixture, 1, |parent| {
            if !valid {
                parent.parent_hash = spoil(&parent.parent_hash).into();
            }
        })
    })
    .everywhere(),
    welcome_case(
        "TreeError::ParentHash",
        "The encryption key of the root was replaced, so that no parent hash below matches.",
        |fixture, valid| {
            let suite = fixture.suite();
            let other = suite.hpke_generate_key_pair(&mut fixture.forger.rng)?.public;
            if !valid {
                // With a path secret, the Welcome would be rejected because the secret does not
                // match the tree.
                fixture.path_secret = None;
            }
            with_parent(fixture, 3, |parent| {
                if !valid {
                    parent.encryption_key = other;
                }
            })
        },
    ),
    welcome_case(
        "TreeError::DuplicateEncryptionKey",
        "Two leaves have one encryption key.",
        |fixture, valid| {
            let other = fixture.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
            let dora = fixture.newcomer(|key_package| {
                if !valid {
                    key_package.leaf_node.encryption_key = other;
                }
            })?;
            welcome_with(fixture, dora)
        },
    ),
    welcome_case(
        "TreeError::DuplicateSignatureKey",
        "Two leaves have one signature key.",
        |fixture, valid| {
            let (suite, bob, mut dora) =
                (fixture.suite(), fixture.forger.member(BOB)?, fixture.newcomer(|_| {})?);
            if !valid {
                dora.key_package.leaf_node.signature_key = bob.signer.public_key().clone();
                sign_key_package(suite, &mut dora.key_package, &*bob.signer)?;
            }
            welcome_with(fixture, dora)
        },
    ),
    welcome_case(
        "TreeError::InvalidEncryptionKey",
        "The encryption key of a leaf is not a point on the curve, or has low order.",
        |fixture, valid| {
            let suite = fixture.suite();
            let dora = fixture.newcomer(|key_package| {
                degenerate(suite, &mut key_package.leaf_node.encryption_key, valid);
            })?;
            welcome_with(fixture, dora)
        },
    )
    .everywhere(),
    welcome_case("TreeError::LeafSignature", "The signature of a leaf is wrong.", |fixture, valid| {
        let mut dora = fixture.newcomer(|_| {})?;
        if !valid {
            let leaf_node = &mut dora.key_package.leaf_node;
            leaf_node.signature = spoil(&leaf_node.signature).into();
        }
        welcome_with(fixture, dora)
    })
    .everywhere(),
];

/// Returns the Welcome to a group whose ratchet tree is changed.
fn with_tree(
    fixture: &mut Fixture,
    change: impl FnOnce(&mut RatchetTree) -> Forging<()>,
) -> Forging<Vec<Sent>> {
    let mut tree = fixture.forger.tree.to_wire()?;
    change(&mut tree)?;
    let path_secret = fixture.path_secret.as_deref();
    Ok(vec![fixture.forger.welcome_with_tree(&tree, &fixture.client, path_secret)?])
}

/// Returns the Welcome to a group in whose ratchet tree one parent node is changed.
fn with_parent(
    fixture: &mut Fixture,
    node: usize,
    change: impl FnOnce(&mut ParentNode),
) -> Forging<Vec<Sent>> {
    with_tree(fixture, |tree| match tree.0.get_mut(node) {
        Some(Some(Node::Parent(parent))) => {
            change(parent);
            Ok(())
        }
        _ => Err("there is no such parent".into()),
    })
}
