//! Sections 7.1, 7.3, 7.9.2, 12.4.3.1, 12.4.3.3 and 16.7: invalid ratchet trees in a Welcome. The
//! GroupContext has the hash of the invalid tree, unless the hash is the error.

use super::super::forger::{sign_key_package, spoil};
use super::super::scene::{ALICE, BOB, CLIENT, Scene};
use super::added::{NOBODY, degenerate};
use super::invited::welcome_with;
use super::{Forging, Plot, Sent, invitation};
use pando_wire::{LeafIndex, Node, ParentNode, RatchetTree};

pub(super) const PLOTS: &[Plot] = &[
    invitation(
        "TreeError::TreeHash",
        "The hash of the tree is not the one in the GroupContext.",
        |scene, right| {
            if !right {
                scene.forger.context.tree_hash = spoil(&scene.forger.context.tree_hash).into();
                scene.forger.confirm()?;
            }
            Ok(vec![scene.welcome()?])
        },
    )
    .everywhere(),
    invitation("TreeError::Empty", "The tree has no nodes.", |scene, right| {
        with_tree(scene, |tree| {
            if !right {
                tree.0.clear();
            }
            Ok(())
        })
    }),
    invitation("TreeError::TrailingBlank", "The last node of the tree is blank.", |scene, right| {
        with_tree(scene, |tree| {
            // The array then has the length of the full tree.
            if !right {
                tree.0.extend([None, None]);
            }
            Ok(())
        })
    }),
    invitation("TreeError::WrongKind", "There is a leaf where a parent must be.", |scene, right| {
        let leaf = Node::Leaf(Box::new(scene.newcomer(|_| {})?.key_package.leaf_node));
        with_tree(scene, |tree| {
            if let (false, Some(node)) = (right, tree.0.get_mut(1)) {
                *node = Some(leaf);
            }
            Ok(())
        })
    }),
    invitation("TreeError::UnmergedOrder", "A leaf is unmerged twice at the root.", |scene, right| {
        let dora = scene.newcomer(|_| {})?;
        let _ = scene.forger.seat(dora)?;
        with_parent(scene, 3, |parent| parent.unmerged_leaves.extend((!right).then_some(NOBODY)))
    }),
    invitation("TreeError::UnmergedLeaf", "A blank leaf is unmerged at the root.", |scene, right| {
        with_parent(scene, 3, |parent| parent.unmerged_leaves.extend((!right).then_some(NOBODY)))
    }),
    invitation(
        "TreeError::UnmergedLeaf",
        "A leaf is unmerged at a parent that it is not below.",
        |scene, right| {
            with_parent(scene, 1, |parent| parent.unmerged_leaves.extend((!right).then_some(CLIENT)))
        },
    ),
    invitation(
        "TreeError::UnmergedGap",
        "A leaf is unmerged at the root, and not at a parent between the two.",
        |scene, right| {
            // Add members at leaves 3 and 4. Remove the first of them, let Alice renew her path,
            // and add another member in its place.
            for name in ["emil", "fred"] {
                let person = scene.named(name)?;
                let _ = scene.forger.seat(person)?;
            }
            scene.forger.tree.remove(LeafIndex(3))?;
            scene.path_secret = scene.forger.renew(ALICE, CLIENT)?;
            let dora = scene.newcomer(|_| {})?;
            let _ = scene.forger.seat(dora)?;
            with_parent(scene, 3, |parent| {
                if !right {
                    parent.unmerged_leaves.clear();
                }
            })
        },
    ),
    invitation("TreeError::ParentHash", "The parent hash of a parent is wrong.", |scene, right| {
        with_parent(scene, 1, |parent| {
            if !right {
                parent.parent_hash = spoil(&parent.parent_hash).into();
            }
        })
    })
    .everywhere(),
    invitation(
        "TreeError::ParentHash",
        "The encryption key of the root was replaced, so that no parent hash below matches.",
        |scene, right| {
            let suite = scene.suite();
            let other = suite.hpke_generate_key_pair(&mut scene.forger.rng)?.public;
            if !right {
                // Otherwise the path secret would fail to match first.
                scene.path_secret = None;
            }
            with_parent(scene, 3, |parent| {
                if !right {
                    parent.encryption_key = other;
                }
            })
        },
    ),
    invitation("TreeError::DuplicateEncryptionKey", "Two leaves have one encryption key.", |scene, right| {
        let other = scene.forger.tree.leaf(BOB)?.ok_or("Bob is not there")?.encryption_key;
        let dora = scene.newcomer(|key_package| {
            if !right {
                key_package.leaf_node.encryption_key = other;
            }
        })?;
        welcome_with(scene, dora)
    }),
    invitation("TreeError::DuplicateSignatureKey", "Two leaves have one signature key.", |scene, right| {
        let (suite, bob, mut dora) = (scene.suite(), scene.forger.member(BOB)?, scene.newcomer(|_| {})?);
        if !right {
            dora.key_package.leaf_node.signature_key = bob.signer.public_key().clone();
            sign_key_package(suite, &mut dora.key_package, &*bob.signer)?;
        }
        welcome_with(scene, dora)
    }),
    invitation(
        "TreeError::InvalidEncryptionKey",
        "The encryption key of a leaf is not a point on the curve, or has low order.",
        |scene, right| {
            let suite = scene.suite();
            let dora = scene.newcomer(|key_package| {
                degenerate(suite, &mut key_package.leaf_node.encryption_key, right);
            })?;
            welcome_with(scene, dora)
        },
    )
    .everywhere(),
    invitation("TreeError::LeafSignature", "The signature of a leaf is wrong.", |scene, right| {
        let mut dora = scene.newcomer(|_| {})?;
        if !right {
            let leaf_node = &mut dora.key_package.leaf_node;
            leaf_node.signature = spoil(&leaf_node.signature).into();
        }
        welcome_with(scene, dora)
    })
    .everywhere(),
];

/// Returns the Welcome to a group whose tree is changed.
fn with_tree(scene: &mut Scene, change: impl FnOnce(&mut RatchetTree) -> Forging<()>) -> Forging<Vec<Sent>> {
    let mut tree = scene.forger.tree.to_wire()?;
    change(&mut tree)?;
    let path_secret = scene.path_secret.as_deref();
    Ok(vec![scene.forger.welcome_with_tree(&tree, &scene.client, path_secret)?])
}

/// Returns the Welcome to a group in whose tree a parent node is changed.
fn with_parent(scene: &mut Scene, node: usize, change: impl FnOnce(&mut ParentNode)) -> Forging<Vec<Sent>> {
    with_tree(scene, |tree| match tree.0.get_mut(node) {
        Some(Some(Node::Parent(parent))) => {
            change(parent);
            Ok(())
        }
        _ => Err("there is no such parent".into()),
    })
}
