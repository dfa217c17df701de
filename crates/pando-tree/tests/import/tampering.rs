//! Tests that make one change at a time at every node of large trees. `import` must name the node
//! and the violated rule.
//!
//! The expected results about parent hashes are not computed from parent hashes, but from the
//! fixture's record of which Commit set which parent. Where a rule determines the node, exactly one
//! error is expected. In the few cases that violate several rules or affect several nodes, the set
//! of possible errors is written next to the case. If two parents are not parent-hash valid,
//! `import` names the first one in array order.
//!
//! An attacker may choose the tree hash as well, so every change is tried with the hash of the
//! modified tree. With the hash of the original tree, every change is rejected.
//!
//! Some changes are undetectable without the tree hash. A member may sign a different leaf for
//! itself, as long as no parent hash covers the old leaf. A non-blank parent without a non-blank
//! parent above it could just as well be blank. These changes must be accepted. The tests thereby
//! show that all other changes are rejected.

use crate::encoded_tree::*;
use crate::fixtures::Newcomer;
use pando_tree::{Tree, TreeError};
use pando_wire::{
    CipherSuite, Encode, HpkePublicKey, LeafIndex, LeafNode, LeafNodeSource, Node, NodeIndex, Opaque,
    ParentNode, RatchetTree,
};
use std::collections::BTreeSet;

impl EncodedTree {
    /// Makes changes of all kinds. Returns the number of changes.
    fn tamper(&mut self, step: usize) -> u32 {
        self.parent_hashes_of_parents(step);
        self.parent_hashes_of_leaves(step);
        self.encryption_keys(step);
        self.malformed_encryption_keys(step);
        self.unmerged_leaves(step);
        self.unmerged_leaves_everywhere(step);
        self.leaf_signatures(step);
        self.signature_keys(step);
        self.blanked_parents(step);
        self.neighbours(step);
        self.neighbouring_leaves(step);
        self.kinds(step);
        self.halves_and_ends();
        for ((what, rule), count) in &self.counts {
            println!("{count:6} {what}: {rule}");
        }
        self.counts.values().sum()
    }

    fn parent_hashes_of_parents(&mut self, step: usize) {
        let parents = self.chosen_parents(step);
        for (position, (at, parent)) in parents.iter().enumerate() {
            let broken = self.broken_by_parent_hash(*at);
            // The root's parent hash is empty, unless the tree used to be larger.
            let mut hashes = altered_hashes(&parent.parent_hash);
            hashes.extend(parent.parent_hash.is_empty().then(|| vec![7; 32].into()));
            for hash in hashes {
                let wire = self.with_parent(*at, |parent| parent.parent_hash = hash);
                self.try_one(
                    "parent_hash of a parent",
                    at,
                    &wire,
                    parent_hash_or(broken.clone(), Expected::Accepted),
                );
            }
            // Exchange this parent hash with that of each other parent.
            for (other_at, other) in &parents[position + 1..] {
                let mut wire = self.with_parent(*at, |node| node.parent_hash = other.parent_hash.clone());
                let changed = ParentNode { parent_hash: parent.parent_hash.clone(), ..other.clone() };
                wire.0[other_at.0 as usize] = Some(Node::Parent(Box::new(changed)));
                let mut broken = broken.clone();
                broken.extend(self.broken_by_parent_hash(*other_at));
                let expected = parent_hash_or(broken, Expected::Accepted);
                self.try_one("parent_hash of a parent: exchanged", (at, other_at), &wire, expected);
            }
        }
    }

    /// Changes the parent hashes of leaves. The member signs the modified leaf, so that only the
    /// chain of parent hashes can detect the change.
    fn parent_hashes_of_leaves(&mut self, step: usize) {
        let mut previous: Option<Opaque> = None;
        for (leaf, leaf_node) in self.chosen_leaves(step) {
            let at = NodeIndex(leaf.0 * 2);
            let LeafNodeSource::Commit { parent_hash } = &leaf_node.leaf_node_source else {
                // Add a parent hash to a leaf that has none.
                let parent_hash = previous.clone().unwrap_or_else(|| vec![3; 32].into());
                let leaf_node_source = LeafNodeSource::Commit { parent_hash };
                let changed = self.fixture.signed(leaf, LeafNode { leaf_node_source, ..leaf_node });
                let wire = self.with_leaf(leaf, changed);
                let expected = parent_hash_or(self.broken_by_parent_hash(at), Expected::Accepted);
                self.try_one("parent_hash of a leaf: added", leaf, &wire, expected);
                continue;
            };
            let mut sources: Vec<_> = altered_hashes(parent_hash)
                .into_iter()
                .map(|parent_hash| LeafNodeSource::Commit { parent_hash })
                .collect();
            sources.push(LeafNodeSource::Update);
            sources.extend(
                previous
                    .replace(parent_hash.clone())
                    .filter(|other| other != parent_hash)
                    .map(|parent_hash| LeafNodeSource::Commit { parent_hash }),
            );
            for leaf_node_source in sources {
                let mut changed = LeafNode { leaf_node_source, ..leaf_node.clone() };
                let broken = self.broken_by_parent_hash(at);
                let wire = self.with_leaf(leaf, changed.clone());
                let expected = Expected::Error(TreeError::LeafSignature(leaf));
                self.try_one("parent_hash of a leaf", leaf, &wire, expected);
                changed = self.fixture.signed(leaf, changed);
                let wire = self.with_leaf(leaf, changed);
                let expected = parent_hash_or(broken, Expected::Accepted);
                self.try_one("parent_hash of a leaf, signed", leaf, &wire, expected);
            }
        }
    }

    fn encryption_keys(&mut self, step: usize) {
        let keys: Vec<_> = self
            .nodes()
            .map(|(at, node)| match node {
                Node::Leaf(leaf_node) => (at, leaf_node.encryption_key.clone()),
                Node::Parent(parent) => (at, parent.encryption_key.clone()),
            })
            .collect();
        for (position, (at, _)) in keys.iter().enumerate().step_by(step) {
            let fresh = self.fresh_key();
            let others = [1, 2, 7, keys.len() / 2].map(|distance| &keys[(position + distance) % keys.len()]);
            let replaced = |encoded_tree: &Self, key: &HpkePublicKey, sign: bool| match at.leaf() {
                None => encoded_tree.with_parent(*at, |parent| parent.encryption_key = key.clone()),
                Some(leaf) => {
                    let leaf_node = encoded_tree.fixture.tree.leaf(leaf).unwrap().unwrap();
                    let changed = LeafNode { encryption_key: key.clone(), ..leaf_node };
                    let changed = if sign { encoded_tree.fixture.signed(leaf, changed) } else { changed };
                    encoded_tree.with_leaf(leaf, changed)
                }
            };
            let broken = self.broken_by_key(*at);
            let wire = replaced(self, &fresh, false);
            let unsigned =
                at.leaf().map_or(Expected::Accepted, |leaf| Expected::Error(TreeError::LeafSignature(leaf)));
            self.try_one("encryption_key: fresh", at, &wire, parent_hash_or(broken.clone(), unsigned));
            if at.is_leaf() {
                let wire = replaced(self, &fresh, true);
                let expected = parent_hash_or(broken, Expected::Accepted);
                self.try_one("encryption_key: fresh, signed", at, &wire, expected);
            }
            for (other_at, other) in others {
                let wire = replaced(self, other, true);
                let error = TreeError::DuplicateEncryptionKey(*at.min(other_at), *at.max(other_at));
                self.try_one("encryption_key: another node's", (at, other_at), &wire, Expected::Error(error));
            }
        }
    }

    fn malformed_encryption_keys(&mut self, step: usize) {
        let keys = malformed_keys(self.fixture.suite.cipher_suite(), &self.fresh_key());
        for (at, _) in self.chosen_parents(step) {
            for key in &keys {
                let wire = self.with_parent(at, |node| node.encryption_key = key.clone());
                let error = TreeError::InvalidEncryptionKey(at);
                self.try_one("encryption_key: malformed or of low order", at, &wire, Expected::Error(error));
            }
        }
        for (leaf, leaf_node) in self.chosen_leaves(step) {
            for key in &keys {
                let changed = LeafNode { encryption_key: key.clone(), ..leaf_node.clone() };
                let wire = self.with_leaf(leaf, self.fixture.signed(leaf, changed));
                let error = TreeError::InvalidEncryptionKey(NodeIndex(leaf.0 * 2));
                self.try_one(
                    "encryption_key: malformed or of low order",
                    leaf,
                    &wire,
                    Expected::Error(error),
                );
            }
        }
    }

    /// Adds or removes one leaf in the list of one parent.
    fn unmerged_leaves(&mut self, step: usize) {
        let size = self.fixture.tree.size();
        let everywhere = (0..size.leaf_count()).map(LeafIndex);
        for (at, parent) in self.chosen_parents(step) {
            let unmerged = &parent.unmerged_leaves;
            let inserted = |leaf: LeafIndex| {
                let mut changed = unmerged.clone();
                changed.insert(unmerged.partition_point(|other| *other < leaf), leaf);
                changed
            };
            // The parents that become invalid because a hash or a resolution uses the changed list.
            let broken = || self.broken_by_parent_hash(at);
            let mut cases = Vec::new();
            for leaf in everywhere.clone().filter(|leaf| at.covers(*leaf) && !unmerged.contains(leaf)) {
                if !self.fixture.tree.is_member(leaf).unwrap() {
                    let error = TreeError::UnmergedLeaf { node: at, leaf };
                    cases.push(("unmerged_leaves: with a blank leaf", inserted(leaf), error));
                    continue;
                }
                // Find the highest parent between the leaf and this node that does not list the
                // leaf either.
                let between: Vec<_> = self.parents_above(leaf).take_while(|node| *node != at).collect();
                let gap = between.into_iter().rev().find(|node| !self.listing(leaf).contains(node));
                match gap {
                    Some(node) => {
                        let error = TreeError::UnmergedGap { node, leaf };
                        cases.push(("unmerged_leaves: with a member, not below", inserted(leaf), error));
                    }
                    None => {
                        let error = TreeError::ParentHash(first(broken()).unwrap());
                        cases.push(("unmerged_leaves: with a member", inserted(leaf), error));
                    }
                }
            }
            let beside = everywhere.clone().filter(|leaf| !at.covers(*leaf));
            let beyond = [size.leaf_count(), size.leaf_count() + 1, 1 << 31, u32::MAX].map(LeafIndex);
            for leaf in beside.step_by(5).chain(beyond) {
                let error = TreeError::UnmergedLeaf { node: at, leaf };
                cases.push(("unmerged_leaves: with a leaf that is not below", inserted(leaf), error));
            }
            for (position, leaf) in unmerged.iter().enumerate() {
                let mut changed = unmerged.clone();
                changed.remove(position);
                let above = self.listing(*leaf).into_iter().any(|node| node.level() > at.level());
                let error = match above {
                    true => TreeError::UnmergedGap { node: at, leaf: *leaf },
                    false => TreeError::ParentHash(first(broken()).unwrap()),
                };
                cases.push(("unmerged_leaves: without a leaf", changed, error));
                cases.push((
                    "unmerged_leaves: with a leaf twice",
                    inserted(*leaf),
                    TreeError::UnmergedOrder(at),
                ));
            }
            for position in 1..unmerged.len() {
                let mut changed = unmerged.clone();
                changed.swap(position - 1, position);
                let wire = self.with_parent(at, |parent| parent.unmerged_leaves = changed);
                let expected = Expected::Error(TreeError::UnmergedOrder(at));
                self.try_one("unmerged_leaves: out of order", at, &wire, expected);
            }
            for (what, changed, error) in cases {
                let wire = self.with_parent(at, |parent| parent.unmerged_leaves = changed);
                self.try_one(what, at, &wire, Expected::Error(error));
            }
        }
    }

    /// Adds or removes one leaf in all lists at once, so that the lists are consistent and only
    /// parent hashes can detect the change.
    fn unmerged_leaves_everywhere(&mut self, step: usize) {
        for (leaf, _) in self.chosen_leaves(step) {
            let above: Vec<_> = self.parents_above(leaf).collect();
            let listing = self.listing(leaf);
            let not_listing: Vec<_> = above.iter().copied().filter(|at| !listing.contains(at)).collect();
            for (what, changed_nodes) in [
                ("unmerged_leaves: with a leaf in all lists", not_listing),
                ("unmerged_leaves: without a leaf in any list", listing),
            ] {
                let mut wire = self.wire.clone();
                let mut broken = BTreeSet::new();
                for at in &changed_nodes {
                    let Some(Node::Parent(parent)) = &mut wire.0[at.0 as usize] else { panic!("{at}") };
                    match parent.unmerged_leaves.binary_search(&leaf) {
                        Ok(position) => drop(parent.unmerged_leaves.remove(position)),
                        Err(position) => parent.unmerged_leaves.insert(position, leaf),
                    }
                    // The parent becomes invalid in two cases: if the change affects whether a hash
                    // covers the leaf, or if the leaf itself is in the resolution, and not only
                    // through a list that has changed as well.
                    let origin = self.fixture.origins[at];
                    if origin.copath_child.covers(leaf)
                        || origin.below.is_leaf()
                        || !origin.below.covers(leaf)
                    {
                        broken.insert(*at);
                    }
                }
                if !changed_nodes.is_empty() {
                    let error = TreeError::ParentHash(first(broken).unwrap());
                    self.try_one(what, leaf, &wire, Expected::Error(error));
                }
            }
        }
    }

    fn leaf_signatures(&mut self, step: usize) {
        for (leaf, leaf_node) in self.chosen_leaves(step) {
            let length = leaf_node.signature.len();
            let mut signatures: Vec<_> = [0, length / 2, length - 1]
                .into_iter()
                .map(|position| {
                    let mut bytes = leaf_node.signature.to_vec();
                    bytes[position] ^= 1;
                    bytes
                })
                .collect();
            signatures.push(Vec::new());
            signatures.push(leaf_node.signature[..length - 1].to_vec());
            for signature in signatures {
                let changed = LeafNode { signature: signature.into(), ..leaf_node.clone() };
                let wire = self.with_leaf(leaf, changed);
                let error = TreeError::LeafSignature(leaf);
                // If only signatures are checked, this error is returned, no matter what else is
                // wrong.
                let tree = Tree::import_unsigned(self.fixture.suite, &wire.encode().unwrap()).unwrap();
                assert_eq!(tree.check_signatures(&self.fixture.group_id), Err(error.clone()));
                // A parent hash that covers the leaf and its signature would be invalid, too, but
                // signatures are checked first.
                self.try_one("leaf signature", leaf, &wire, Expected::Error(error));
            }
            // Replace the signature by one for another group, or for another position in this
            // group.
            let in_group = !matches!(leaf_node.leaf_node_source, LeafNodeSource::KeyPackage { .. });
            let elsewhere =
                [(vec![1; 16].into(), leaf), (self.fixture.group_id.clone(), LeafIndex(leaf.0 ^ 1))];
            for (group_id, place) in elsewhere.into_iter().filter(|_| in_group) {
                let signer = &*self.fixture.members[&leaf].signer;
                let changed = crate::fixtures::signed(
                    self.fixture.suite,
                    signer,
                    leaf_node.clone(),
                    (&group_id, place),
                );
                let wire = self.with_leaf(leaf, changed);
                let expected = Expected::Error(TreeError::LeafSignature(leaf));
                self.try_one("leaf signature: of elsewhere", leaf, &wire, expected);
            }
        }
    }

    fn signature_keys(&mut self, step: usize) {
        let leaves = self.chosen_leaves(1);
        for (position, (leaf, leaf_node)) in leaves.iter().enumerate().step_by(step) {
            for distance in [1, 2, leaves.len() / 2] {
                let (other, other_node) = &leaves[(position + distance) % leaves.len()];
                let changed =
                    LeafNode { signature_key: other_node.signature_key.clone(), ..leaf_node.clone() };
                let signer = &*self.fixture.members[other].signer;
                let position = (&self.fixture.group_id, *leaf);
                let changed = crate::fixtures::signed(self.fixture.suite, signer, changed, position);
                let wire = self.with_leaf(*leaf, changed);
                let error = TreeError::DuplicateSignatureKey(*leaf.min(other), *leaf.max(other));
                self.try_one("signature_key: another leaf's", (leaf, other), &wire, Expected::Error(error));
            }
            // Replace the signature key by that of another client, or by an invalid key.
            let newcomer = Newcomer::new(self.fixture.suite, &mut self.fixture.rng);
            for key in [newcomer.leaf_node.signature_key, vec![0xff; 5].into()] {
                let changed = LeafNode { signature_key: key, ..leaf_node.clone() };
                let wire = self.with_leaf(*leaf, changed);
                let expected = Expected::Error(TreeError::LeafSignature(*leaf));
                self.try_one("signature_key: another one", leaf, &wire, expected);
            }
        }
    }

    /// Blanks a parent. This change is undetectable if there is no non-blank parent above.
    fn blanked_parents(&mut self, step: usize) {
        for (at, _) in self.chosen_parents(step) {
            let wire = self.with(at, None);
            let mut broken = self.hashed_by(at);
            broken.extend(self.set_above(at));
            self.try_one("a parent is blank", at, &wire, parent_hash_or(broken, Expected::Accepted));
        }
    }

    /// Swaps a leaf with an adjacent parent, so that at least one of them has an index of the wrong
    /// kind.
    fn neighbours(&mut self, step: usize) {
        for left in (0..self.wire.0.len() - 1).step_by(step) {
            let mut wire = self.wire.clone();
            wire.0.swap(left, left + 1);
            let occupied = [left, left + 1].into_iter().find(|index| wire.0[*index].is_some());
            let Some(wrong) = occupied else { continue };
            let error = TreeError::WrongKind(NodeIndex(u32::try_from(wrong).unwrap()));
            self.try_one("node order: neighbours", left, &wire, Expected::Error(error));
        }
        // Shift all nodes one place to the right, and then one place to the left.
        let mut wire = self.wire.clone();
        wire.0.insert(0, None);
        let wrong = wire.0.iter().position(Option::is_some).unwrap();
        let error = TreeError::WrongKind(NodeIndex(u32::try_from(wrong).unwrap()));
        self.try_one("node order: shifted", "right", &wire, Expected::Error(error));
        let mut wire = self.wire.clone();
        wire.0.remove(0);
        let wrong = wire.0.iter().position(Option::is_some).unwrap();
        let error = TreeError::WrongKind(NodeIndex(u32::try_from(wrong).unwrap()));
        self.try_one("node order: shifted", "left", &wire, Expected::Error(error));
    }

    /// Swaps two adjacent leaves, or two adjacent parents of the same level.
    fn neighbouring_leaves(&mut self, step: usize) {
        let last = (self.wire.0.len() - 1) / 2;
        for left in (0..last).step_by(step) {
            let (a, b) =
                (LeafIndex(u32::try_from(left).unwrap()), LeafIndex(u32::try_from(left + 1).unwrap()));
            let nodes = [a, b].map(|leaf| NodeIndex(leaf.0 * 2));
            let mut wire = self.wire.clone();
            wire.0.swap(2 * left, 2 * left + 2);
            while wire.0.last().unwrap().is_none() {
                wire.0.pop();
            }
            // A leaf that was created in the group is signed for its position.
            let misplaced = [a, b].into_iter().find(|leaf| {
                matches!(wire.0.get(leaf.0 as usize * 2), Some(Some(Node::Leaf(leaf_node)))
                    if !matches!(leaf_node.leaf_node_source, LeafNodeSource::KeyPackage { .. }))
            });
            let otherwise =
                misplaced.map_or(Expected::Accepted, |leaf| Expected::Error(TreeError::LeafSignature(leaf)));
            let members = [a, b].map(|leaf| self.fixture.tree.is_member(leaf).unwrap());
            let expected = match members {
                [false, false] => continue,
                [true, true] => {
                    let mut broken = BTreeSet::new();
                    for node in nodes {
                        broken.extend(self.hashed_by(node));
                        broken.extend(self.set_above(node));
                    }
                    parent_hash_or(broken, otherwise)
                }
                [_, _] => {
                    let vacated = if members[0] { a } else { b };
                    let listing = self.listing(vacated);
                    if listing.is_empty() {
                        let [from, to] = if members[0] { nodes } else { [nodes[1], nodes[0]] };
                        parent_hash_or(self.broken_by_move(from, to), otherwise)
                    } else {
                        // Every list that still contains the leaf is invalid.
                        let wrong = |node| TreeError::UnmergedLeaf { node, leaf: vacated };
                        Expected::OneOf(listing.into_iter().map(wrong).collect())
                    }
                }
            };
            self.try_one("node order: neighbouring leaves", (a, b), &wire, expected);
        }
        // Swap each parent with the next parent of its level.
        for (at, parent) in self.chosen_parents(step) {
            let next = NodeIndex(at.0 + (2 << at.level()));
            let Some(Some(Node::Parent(other))) = self.wire.0.get(next.0 as usize).cloned() else { continue };
            let mut wire = self.wire.clone();
            wire.0.swap(at.0 as usize, next.0 as usize);
            // The lists of unmerged leaves move together with the parents.
            let misplaced: Vec<_> = [(at, &other), (next, &Box::new(parent))]
                .into_iter()
                .flat_map(|(node, parent)| {
                    parent.unmerged_leaves.iter().map(move |&leaf| TreeError::UnmergedLeaf { node, leaf })
                })
                .collect();
            let expected = if misplaced.is_empty() && self.lists_agree(at) && self.lists_agree(next) {
                let broken = [at, next].into_iter().flat_map(|node| self.broken_by_parent_hash(node));
                Expected::Error(TreeError::ParentHash(first(broken.collect()).unwrap()))
            } else {
                let missing = [at, next].into_iter().flat_map(|node| {
                    let members = self
                        .fixture
                        .tree
                        .members()
                        .map(Result::unwrap)
                        .filter(move |leaf| node.covers(*leaf));
                    members.map(move |leaf| TreeError::UnmergedGap { node, leaf })
                });
                Expected::OneOf(misplaced.into_iter().chain(missing).collect())
            };
            self.try_one("node order: neighbouring parents", (at, next), &wire, expected);
        }
    }

    /// Returns whether no parent above `at` lists an unmerged leaf below `at`.
    fn lists_agree(&self, at: NodeIndex) -> bool {
        self.parents()
            .filter(|(above, _)| above.level() > at.level())
            .all(|(_, above)| above.unmerged_leaves.iter().all(|leaf| !at.covers(*leaf)))
    }

    /// Places a leaf at each odd index, and a parent at each even index.
    fn kinds(&mut self, step: usize) {
        let leaf = self.nodes().find(|(at, _)| at.is_leaf()).unwrap().1.clone();
        let parent = self.nodes().find(|(at, _)| !at.is_leaf()).unwrap().1.clone();
        for index in (0..self.wire.0.len()).step_by(step) {
            let at = NodeIndex(u32::try_from(index).unwrap());
            let wrong = if at.is_leaf() { &parent } else { &leaf };
            let wire = self.with(at, Some(wrong.clone()));
            self.try_one(
                "node order: of the wrong kind",
                at,
                &wire,
                Expected::Error(TreeError::WrongKind(at)),
            );
        }
    }

    fn halves_and_ends(&mut self) {
        let root = self.fixture.tree.size().root();
        let leaves = (0..self.fixture.tree.size().leaf_count()).map(LeafIndex);
        let parents: Vec<_> = self.parents().map(|(at, _)| at).collect();
        // After the halves are swapped, lists are in the wrong half, or the nodes that a parent's
        // hashes cover are elsewhere.
        let mut anything: Vec<_> = parents.iter().copied().map(TreeError::ParentHash).collect();
        for node in parents {
            anything.extend(leaves.clone().map(|leaf| TreeError::UnmergedLeaf { node, leaf }));
        }
        anything.extend(leaves.clone().map(TreeError::LeafSignature));
        let mut wire = self.wire.clone();
        wire.0.resize(self.fixture.tree.size().node_count() as usize, None);
        let (left, right) = wire.0.split_at(root.0 as usize);
        let (middle, right) = right.split_first().unwrap();
        wire = RatchetTree([right, std::slice::from_ref(middle), left].concat());
        while wire.0.last().unwrap().is_none() {
            wire.0.pop();
        }
        // The parents have moved, so the errors name their new positions.
        for at in (1..self.fixture.tree.size().node_count()).step_by(2).map(NodeIndex) {
            anything.push(TreeError::ParentHash(at));
            anything.extend(leaves.clone().map(|leaf| TreeError::UnmergedLeaf { node: at, leaf }));
        }
        self.try_one("node order: halves", root, &wire, Expected::OneOf(anything));

        let mut wire = self.wire.clone();
        wire.0.push(None);
        self.try_one("a blank at the end", "the end", &wire, Expected::Error(TreeError::TrailingBlank));

        // Cut off the nodes at the end, one after another. Trees of half the size are not tested
        // here.
        for length in (root.0 as usize + 2..self.wire.0.len()).rev() {
            let wire = RatchetTree(self.wire.0[..length].to_vec());
            let gone: Vec<_> = leaves.clone().filter(|leaf| leaf.0 as usize * 2 >= length).collect();
            let gone: Vec<_> =
                gone.into_iter().filter(|leaf| self.fixture.tree.is_member(*leaf).unwrap()).collect();
            let remaining = self.nodes().filter(|(at, _)| (at.0 as usize) < length);
            let remaining: BTreeSet<_> = remaining.map(|(at, _)| at).collect();
            let expected = if wire.0.last().unwrap().is_none() {
                Expected::Error(TreeError::TrailingBlank)
            } else if length % 2 == 0 {
                let last = NodeIndex(u32::try_from(length - 1).unwrap());
                Expected::Error(TreeError::TrailingParent(last))
            } else {
                let lists =
                    gone.iter().flat_map(|leaf| self.listing(*leaf).into_iter().map(move |at| (at, *leaf)));
                let lists: Vec<_> = lists
                    .filter(|(node, _)| remaining.contains(node))
                    .map(|(node, leaf)| TreeError::UnmergedLeaf { node, leaf })
                    .collect();
                if lists.is_empty() {
                    let all_gone =
                        (u32::try_from(length).unwrap()..).map(NodeIndex).zip(&self.wire.0[length..]);
                    let all_gone: Vec<_> =
                        all_gone.filter(|(_, node)| node.is_some()).map(|(at, _)| at).collect();
                    let above = all_gone
                        .iter()
                        .flat_map(|at| self.hashed_by(*at).into_iter().chain(self.set_above(*at)));
                    let broken = above.filter(|at| remaining.contains(at)).collect();
                    parent_hash_or(broken, Expected::Accepted)
                } else {
                    Expected::OneOf(lists)
                }
            };
            self.try_one("cut off at the end", length, &wire, expected);
        }
    }
}

#[test]
fn every_change_to_a_full_tree_of_32_leaves_is_refused() {
    let count = encoded_tree(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519, 1, 32).tamper(1);
    assert!(count > 1_000, "{count}");
}

#[test]
fn every_change_to_a_tree_of_64_leaves_is_refused() {
    let count = encoded_tree(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519, 2, 41).tamper(1);
    assert!(count > 1_000, "{count}");
}

#[test]
fn every_change_to_a_tree_with_p256_is_refused() {
    let count = encoded_tree(CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256, 3, 36).tamper(5);
    assert!(count > 200, "{count}");
}

#[test]
fn every_change_to_a_tree_with_x448_is_refused() {
    let count = encoded_tree(CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448, 4, 35).tamper(13);
    assert!(count > 50, "{count}");
}
