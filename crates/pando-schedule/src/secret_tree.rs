//! The secret tree (RFC 9420, section 9).
//!
//! Secrets are derived on demand, so a new tree contains only the secret of its root. A sender's
//! first message costs two derivations for each level above its leaf. A secret is deleted as soon
//! as the secrets of its children have been derived (section 9.2).

use crate::ratchet::{MessageKey, Part, Ratchet, RatchetLimits, Used};
use crate::{EncryptionSecret, ScheduleError};
use pando_crypto::{SecretBytes, Suite};
use pando_wire::{ContentType, LeafIndex, NodeIndex, TreeSize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The type of a ratchet, of which each sender has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RatchetType {
    /// The ratchet for Proposals and Commits.
    Handshake,
    /// The ratchet for application data.
    Application,
}

impl RatchetType {
    const ALL: [Self; 2] = [Self::Handshake, Self::Application];
}

impl From<ContentType> for RatchetType {
    fn from(content_type: ContentType) -> Self {
        match content_type {
            ContentType::Application => Self::Application,
            ContentType::Proposal | ContentType::Commit => Self::Handshake,
        }
    }
}

/// The identifier of a separately stored secret of a secret tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretId {
    /// The secret of a node whose children's secrets have not been derived yet.
    Node(NodeIndex),
    /// The head of a sender's ratchet, which is a generation and its secret. The stored value is
    /// empty after the last generation.
    Ratchet(LeafIndex, RatchetType),
    /// The nonce and key of a skipped message, which is identified by its generation.
    Message(LeafIndex, RatchetType, u32),
}

impl SecretId {
    const fn of(leaf: LeafIndex, ratchet: RatchetType, part: Part) -> Self {
        match part {
            Part::Head => Self::Ratchet(leaf, ratchet),
            Part::Skipped(generation) => Self::Message(leaf, ratchet, generation),
        }
    }
}

/// The secret tree of an epoch, with all keys for encrypted messages that have not been deleted.
#[derive(Debug)]
pub struct SecretTree {
    size: TreeSize,
    limits: RatchetLimits,
    /// The secrets of nodes (`tree_node_[N]_secret`) that still exist. The secrets of their
    /// ancestors have been deleted.
    frontier: BTreeMap<NodeIndex, SecretBytes>,
    /// The ratchets of the leaves whose node secrets have been deleted.
    senders: BTreeMap<LeafIndex, Sender>,
    /// The nodes that have changed since the last call of [`SecretTree::take_changes`].
    changed_nodes: BTreeSet<NodeIndex>,
    /// The senders that have changed since the last call of [`SecretTree::take_changes`].
    changed_senders: BTreeSet<LeafIndex>,
    /// The identity of this tree, which it shares with its [`UsedKey`]s so that other trees ignore
    /// them.
    identity: Arc<()>,
}

/// A key that has opened a message and that remains in its tree until [`SecretTree::delete_key`]
/// deletes it.
///
/// A `UsedKey` contains the secrets of the ratchet that will remain after the deletion. These
/// secrets are zeroized on drop.
#[must_use = "the key stays usable until `SecretTree::delete_key` deletes it"]
#[derive(Debug)]
pub struct UsedKey {
    /// The identity of the tree that contains the key.
    tree: Arc<()>,
    leaf: LeafIndex,
    ratchet: RatchetType,
    /// The ratchets of the leaf, if they were not yet in the tree when the message was opened.
    reached: Option<Reached>,
    used: Used,
}

#[derive(Debug)]
struct Sender {
    handshake: Ratchet,
    application: Ratchet,
}

/// The ratchets of a leaf, derived from the lowest existing secret above it, together with the
/// secrets of the siblings along the path.
#[derive(Debug)]
struct Reached {
    siblings: Vec<(NodeIndex, SecretBytes)>,
    sender: Sender,
}

impl Sender {
    /// Returns ratchets without any parts, which [`Ratchet::restore`] can fill.
    const fn empty() -> Self {
        Self { handshake: Ratchet::empty(), application: Ratchet::empty() }
    }

    const fn get(&self, ratchet: RatchetType) -> &Ratchet {
        match ratchet {
            RatchetType::Handshake => &self.handshake,
            RatchetType::Application => &self.application,
        }
    }

    const fn ratchet(&mut self, ratchet: RatchetType) -> &mut Ratchet {
        match ratchet {
            RatchetType::Handshake => &mut self.handshake,
            RatchetType::Application => &mut self.application,
        }
    }
}

impl SecretTree {
    /// Returns the secret tree of an epoch whose ratchet tree has the given size.
    #[must_use]
    pub fn new(size: TreeSize, encryption_secret: EncryptionSecret, limits: RatchetLimits) -> Self {
        let mut tree = Self::empty(size, limits);
        tree.frontier.insert(size.root(), encryption_secret.into_secret());
        tree.changed_nodes.insert(size.root());
        tree
    }

    /// Returns a tree without any secrets.
    fn empty(size: TreeSize, limits: RatchetLimits) -> Self {
        Self {
            size,
            limits,
            frontier: BTreeMap::new(),
            senders: BTreeMap::new(),
            changed_nodes: BTreeSet::new(),
            changed_senders: BTreeSet::new(),
            identity: Arc::new(()),
        }
    }

    /// Restores a secret tree from its stored secrets.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Stored`] if a secret is malformed, or if it is missing although
    /// other secrets of its sender exist. The error contains the identifier of that secret.
    pub fn restore<'a>(
        suite: Suite,
        size: TreeSize,
        limits: RatchetLimits,
        secrets: impl IntoIterator<Item = (SecretId, &'a [u8])>,
    ) -> Result<Self, ScheduleError> {
        let mut tree = Self::empty(size, limits);
        let mut given = BTreeSet::new();
        for (id, stored) in secrets {
            let (leaf, ratchet, part) = match id {
                SecretId::Node(node) if stored.len() == suite.hash_len() => {
                    tree.frontier.insert(node, stored.into());
                    continue;
                }
                SecretId::Node(_) => return Err(ScheduleError::Stored(id)),
                SecretId::Ratchet(leaf, ratchet) => (leaf, ratchet, Part::Head),
                SecretId::Message(leaf, ratchet, generation) => (leaf, ratchet, Part::Skipped(generation)),
            };
            let sender = tree.senders.entry(leaf).or_insert_with(Sender::empty);
            sender.ratchet(ratchet).restore(suite, part, stored).ok_or(ScheduleError::Stored(id))?;
            given.insert(id);
        }
        let heads = tree.senders.keys().flat_map(|&leaf| {
            RatchetType::ALL.into_iter().map(move |ratchet| SecretId::of(leaf, ratchet, Part::Head))
        });
        match heads.into_iter().find(|head| !given.contains(head)) {
            Some(missing) => Err(ScheduleError::Stored(missing)),
            None => Ok(tree),
        }
    }

    /// Returns the size of the tree.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// Returns all secrets in the form in which they are stored.
    pub fn secrets(&self) -> impl Iterator<Item = (SecretId, SecretBytes)> {
        let nodes = self.frontier.keys().map(|node| SecretId::Node(*node));
        let parts = self.senders.iter().flat_map(|(&leaf, sender)| {
            RatchetType::ALL.into_iter().flat_map(move |ratchet| {
                sender.get(ratchet).parts().map(move |part| SecretId::of(leaf, ratchet, part))
            })
        });
        nodes.chain(parts).filter_map(|id| Some((id, self.secret(id)?)))
    }

    /// Returns the secrets that have changed since the last call, with `None` for each deleted
    /// secret.
    pub fn take_changes(&mut self) -> Vec<(SecretId, Option<SecretBytes>)> {
        let mut ids: Vec<_> =
            std::mem::take(&mut self.changed_nodes).into_iter().map(SecretId::Node).collect();
        for leaf in std::mem::take(&mut self.changed_senders) {
            let Some(sender) = self.senders.get_mut(&leaf) else { continue };
            for ratchet in RatchetType::ALL {
                let parts = sender.ratchet(ratchet).take_changed();
                ids.extend(parts.into_iter().map(|part| SecretId::of(leaf, ratchet, part)));
            }
        }
        ids.into_iter().map(|id| (id, self.secret(id))).collect()
    }

    /// Deletes the handshake keys of all leaves whose ratchets have been derived. The caller does
    /// this at the end of the epoch, when handshake messages of the epoch can no longer be
    /// accepted. The handshake keys of the other leaves can still be derived, because their
    /// application keys depend on the same secrets.
    pub fn delete_handshake_keys(&mut self) {
        for (leaf, sender) in &mut self.senders {
            sender.handshake.delete_all();
            self.changed_senders.insert(*leaf);
        }
    }

    fn secret(&self, id: SecretId) -> Option<SecretBytes> {
        let (leaf, ratchet, part) = match id {
            SecretId::Node(node) => return Some(self.frontier.get(&node)?.expose().into()),
            SecretId::Ratchet(leaf, ratchet) => (leaf, ratchet, Part::Head),
            SecretId::Message(leaf, ratchet, generation) => (leaf, ratchet, Part::Skipped(generation)),
        };
        self.senders.get(&leaf)?.get(ratchet).part(part)
    }

    /// Takes the key for the next message of our own leaf, and returns it with its generation.
    ///
    /// # Errors
    /// Returns [`ScheduleError::NoSuchLeaf`] if the tree does not contain the leaf, and
    /// [`ScheduleError::RatchetExhausted`] if all generations have been used. If an error occurs,
    /// the tree is unchanged.
    pub fn take_next(
        &mut self,
        suite: Suite,
        leaf: LeafIndex,
        ratchet: RatchetType,
    ) -> Result<(u32, MessageKey), ScheduleError> {
        if !self.senders.contains_key(&leaf) {
            let reached = self.reach(suite, leaf)?;
            self.insert(leaf, reached);
        }
        let sender = self.senders.get_mut(&leaf).ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        self.changed_senders.insert(leaf);
        sender.ratchet(ratchet).take_next(suite)
    }

    /// Opens a message of the given leaf and generation with `open`.
    ///
    /// The tree does not change until [`SecretTree::delete_key`] deletes the key. Every member can
    /// derive the keys of all other members, so a key must not be deleted before its message has
    /// been authenticated. If the [`UsedKey`] is dropped, the message can be opened again.
    ///
    /// # Errors
    /// Returns [`ScheduleError::NoSuchLeaf`], [`ScheduleError::GenerationTooFarAhead`] or
    /// [`ScheduleError::KeyGone`] if the key is not available, or the error that `open` returned.
    pub fn open<T, E: From<ScheduleError>>(
        &self,
        suite: Suite,
        leaf: LeafIndex,
        ratchet: RatchetType,
        generation: u32,
        open: impl FnOnce(&MessageKey) -> Result<T, E>,
    ) -> Result<(T, UsedKey), E> {
        let known = self.senders.get(&leaf);
        let reached = if known.is_some() { None } else { Some(self.reach(suite, leaf)?) };
        let sender = known.or(reached.as_ref().map(|reached| &reached.sender));
        let sender = sender.ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        let (opened, used) = sender.get(ratchet).open(suite, self.limits, generation, open)?;
        Ok((opened, UsedKey { tree: Arc::clone(&self.identity), leaf, ratchet, reached, used }))
    }

    /// Deletes a key that has opened a message, and the secrets from which that key is derived.
    /// Keys of skipped messages are kept as far back as the limits allow.
    ///
    /// If other keys have been deleted since the message was opened, they remain deleted, and this
    /// key is deleted too. A key of another tree is ignored, because it may belong to another
    /// epoch. A tree that was restored from storage counts as another tree.
    pub fn delete_key(&mut self, key: UsedKey) {
        let UsedKey { tree, leaf, ratchet, reached, used } = key;
        if !Arc::ptr_eq(&tree, &self.identity) {
            return;
        }
        if let Some(reached) = reached {
            self.insert(leaf, reached);
        }
        if let Some(sender) = self.senders.get_mut(&leaf) {
            sender.ratchet(ratchet).delete(self.limits, used);
            self.changed_senders.insert(leaf);
        }
    }

    /// Returns the first node on the way from a leaf to the root whose secret still exists,
    /// together with that secret.
    fn lowest_secret(&self, leaf: LeafIndex) -> Option<(NodeIndex, &SecretBytes)> {
        let mut path = std::iter::once(self.size.node(leaf)?).chain(self.size.direct_path(leaf));
        path.find_map(|node| Some((node, self.frontier.get(&node)?)))
    }

    /// Derives the ratchets of a leaf from the lowest existing secret above it.
    fn reach(&self, suite: Suite, leaf: LeafIndex) -> Result<Reached, ScheduleError> {
        let (start, top) = self.lowest_secret(leaf).ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        let length = suite.hash_len();
        let mut siblings = Vec::new();
        let mut descended: Option<SecretBytes> = None;
        let mut node = start;
        while let (Some(left), Some(right)) = (node.left(), node.right()) {
            let secret = descended.as_ref().unwrap_or(top);
            let outputs = [("tree", b"left".as_slice(), length), ("tree", b"right", length)];
            let [left_secret, right_secret] = suite.expand_with_labels(secret.expose(), outputs)?;
            if left.covers(leaf) {
                siblings.push((right, right_secret));
                (node, descended) = (left, Some(left_secret));
            } else {
                siblings.push((left, left_secret));
                (node, descended) = (right, Some(right_secret));
            }
        }
        let secret = descended.as_ref().unwrap_or(top);
        let outputs = [("handshake", [].as_slice(), length), ("application", &[], length)];
        let [handshake, application] = suite.expand_with_labels(secret.expose(), outputs)?;
        let sender = Sender { handshake: Ratchet::new(handshake), application: Ratchet::new(application) };
        Ok(Reached { siblings, sender })
    }

    /// Inserts the ratchets of a leaf, unless the tree already contains them, and deletes the
    /// secret from which they are derived.
    fn insert(&mut self, leaf: LeafIndex, reached: Reached) {
        let Reached { siblings, sender } = reached;
        // If another leaf has been inserted since the ratchets were derived, the lowest secret may
        // now be at a lower node than it was then.
        let Some((start, _)) = self.lowest_secret(leaf) else { return };
        self.frontier.remove(&start);
        self.changed_nodes.insert(start);
        for (node, secret) in siblings.into_iter().filter(|(node, _)| node.level() < start.level()) {
            self.frontier.insert(node, secret);
            self.changed_nodes.insert(node);
        }
        self.senders.insert(leaf, sender);
        self.changed_senders.insert(leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::CipherSuite;
    use proptest::prelude::*;

    fn suite() -> Suite {
        RustCrypto.suite(CipherSuite::ALL[0]).unwrap()
    }

    fn tree(leaves: u32) -> SecretTree {
        let size = TreeSize::with_leaves(leaves).unwrap();
        SecretTree::new(size, vec![5; 32].into(), RatchetLimits::default())
    }

    /// Returns the secrets of all leaves of a tree, derived from the root downwards without any
    /// optimization.
    fn leaf_secrets(secret: &SecretBytes, leaves: u32) -> Vec<SecretBytes> {
        if leaves == 1 {
            return vec![secret.expose().into()];
        }
        let child = |side: &[u8]| suite().expand_with_label(secret.expose(), "tree", side, 32).unwrap();
        let mut all = leaf_secrets(&child(b"left"), leaves / 2);
        all.extend(leaf_secrets(&child(b"right"), leaves / 2));
        all
    }

    #[test]
    fn in_whatever_order_leaves_are_touched_their_keys_are_the_same() {
        let expected: Vec<MessageKey> = leaf_secrets(&vec![5; 32].into(), 16)
            .iter()
            .map(|secret| {
                let secret = suite().expand_with_label(secret.expose(), "application", &[], 32).unwrap();
                Ratchet::new(secret).take_next(suite()).unwrap().1
            })
            .collect();
        proptest!(ProptestConfig::with_cases(20), |(order in Just((0..16).collect::<Vec<u32>>()).prop_shuffle())| {
            let mut tree = tree(16);
            for leaf in order {
                let (_, key) = tree.take_next(suite(), LeafIndex(leaf), RatchetType::Application).unwrap();
                prop_assert_eq!(&key, &expected[leaf as usize]);
            }
            prop_assert!(tree.frontier.is_empty());
        });
    }

    #[test]
    fn the_first_message_costs_one_secret_for_each_level() {
        let mut tree = tree(1 << 20);
        tree.take_next(suite(), LeafIndex(777), RatchetType::Handshake).unwrap();
        assert_eq!(tree.frontier.len(), 20);
        assert!(!tree.frontier.contains_key(&tree.size.root()));
        // The ratchets of the neighbouring leaf are derived from that leaf's own secret, which is
        // deleted afterwards.
        tree.take_next(suite(), LeafIndex(776), RatchetType::Handshake).unwrap();
        assert_eq!(tree.frontier.len(), 19);
    }

    #[test]
    fn the_two_ratchets_are_independent() {
        let mut tree = tree(2);
        let (_, handshake) = tree.take_next(suite(), LeafIndex(0), RatchetType::Handshake).unwrap();
        let (generation, application) =
            tree.take_next(suite(), LeafIndex(0), RatchetType::Application).unwrap();
        assert_ne!(handshake, application);
        assert_eq!(generation, 0);
    }

    #[test]
    fn handshake_keys_are_deleted_when_the_epoch_ends() {
        let mut tree = tree(4);
        let leaf = LeafIndex(1);
        let handshake = |tree: &mut SecretTree, generation| {
            tree.open(suite(), leaf, RatchetType::Handshake, generation, |_| Ok::<_, ScheduleError>(()))
        };
        // Generation 1 is skipped here.
        let (_, used) = handshake(&mut tree, 2).unwrap();
        tree.delete_key(used);
        tree.take_changes();
        tree.delete_handshake_keys();
        for generation in [0, 1, 2, 3, 100] {
            let gone = handshake(&mut tree, generation).map(drop);
            assert_eq!(gone, Err(ScheduleError::KeyGone(generation)));
        }
        assert!(open(&mut tree, 1, 0).is_ok());
        // The deleted keys are also gone from the stored rows.
        let changes = tree.take_changes();
        let skipped = SecretId::Message(leaf, RatchetType::Handshake, 1);
        assert!(changes.iter().any(|(id, row)| *id == skipped && row.is_none()));
        let head = SecretId::Ratchet(leaf, RatchetType::Handshake);
        let is_empty = |row: &Option<SecretBytes>| row.as_ref().is_some_and(|row| row.expose().is_empty());
        assert!(changes.iter().any(|(id, row)| *id == head && is_empty(row)));
        let stored: Vec<_> = tree.secrets().collect();
        let stored = stored.iter().map(|(id, secret)| (*id, secret.expose()));
        let mut restored = SecretTree::restore(suite(), tree.size(), tree.limits, stored).unwrap();
        assert_eq!(handshake(&mut restored, 3).map(drop), Err(ScheduleError::KeyGone(3)));
        assert!(open(&mut restored, 1, 1).is_ok());
    }

    #[test]
    fn leaves_outside_of_the_tree_are_errors() {
        for leaves in [1, 8] {
            let mut tree = tree(leaves);
            for index in [leaves, leaves + 1, 1 << 31, u32::MAX] {
                let leaf = LeafIndex(index);
                let error = ScheduleError::NoSuchLeaf(leaf);
                assert_eq!(tree.take_next(suite(), leaf, RatchetType::Handshake), Err(error.clone()));
                assert_eq!(use_key(&tree, index, 0).unwrap_err(), error);
            }
            assert_eq!(tree.frontier.len(), 1);
        }
    }

    #[test]
    fn a_replay_does_not_harm_the_next_message() {
        let mut tree = tree(2);
        assert!(open(&mut tree, 1, 0).is_ok());
        assert_eq!(open(&mut tree, 1, 0), Err(ScheduleError::KeyGone(0)));
        assert!(open(&mut tree, 1, 1).is_ok());
    }

    /// Copies a key out of the tree without deleting it.
    fn use_key(
        tree: &SecretTree,
        leaf: u32,
        generation: u32,
    ) -> Result<(MessageKey, UsedKey), ScheduleError> {
        tree.open(suite(), LeafIndex(leaf), RatchetType::Application, generation, |key| {
            Ok(MessageKey { key: key.key.expose().into(), nonce: key.nonce.expose().into() })
        })
    }

    /// Copies a key out of the tree and deletes it.
    fn open(tree: &mut SecretTree, leaf: u32, generation: u32) -> Result<MessageKey, ScheduleError> {
        let (key, used) = use_key(tree, leaf, generation)?;
        tree.delete_key(used);
        Ok(key)
    }

    fn secrets(tree: &SecretTree) -> BTreeMap<SecretId, SecretBytes> {
        tree.secrets().collect()
    }

    /// Applies the changes of a tree to the stored secrets.
    fn store(stored: &mut BTreeMap<SecretId, SecretBytes>, tree: &mut SecretTree) {
        for (id, secret) in tree.take_changes() {
            match secret {
                Some(secret) => drop(stored.insert(id, secret)),
                None => drop(stored.remove(&id)),
            }
        }
    }

    #[test]
    fn a_key_is_usable_until_it_is_deleted() {
        for generation in [0, 5] {
            let mut tree = tree(8);
            let before = secrets(&tree);
            drop(tree.take_changes());
            let (expected, used) = use_key(&tree, 2, generation).unwrap();
            drop(used);
            let (again, used) = use_key(&tree, 2, generation).unwrap();
            assert_eq!(again, expected);
            assert_eq!(secrets(&tree), before);
            assert_eq!(tree.take_changes(), []);
            tree.delete_key(used);
            assert!(!tree.take_changes().is_empty());
            assert_eq!(use_key(&tree, 2, generation).unwrap_err(), ScheduleError::KeyGone(generation));
            // The other ratchet of this sender and the ratchets of other senders still have all
            // their keys.
            for (leaf, ratchet) in [(2, RatchetType::Handshake), (3, RatchetType::Application)] {
                assert_eq!(tree.take_next(suite(), LeafIndex(leaf), ratchet).unwrap().0, 0);
            }
        }
    }

    #[test]
    fn keys_of_both_ratchets_of_a_new_sender_are_deleted() {
        let mut tree = tree(8);
        let [handshake, application] = RatchetType::ALL.map(|ratchet| {
            let open = tree.open(suite(), LeafIndex(2), ratchet, 0, |_| Ok::<_, ScheduleError>(()));
            open.unwrap().1
        });
        tree.delete_key(application);
        tree.delete_key(handshake);
        for ratchet in RatchetType::ALL {
            assert_eq!(tree.take_next(suite(), LeafIndex(2), ratchet).unwrap().0, 1);
        }
    }

    proptest! {
        /// The order in which keys are used and deleted does not matter, because the tree always
        /// equals one that deletes each key immediately.
        #[test]
        fn a_late_deletion_is_as_good_as_one_at_once(
            steps in proptest::collection::vec((any::<bool>(), 0..8_u32, 0..6_u32), 1..40)
        ) {
            let (mut tree, mut at_once, mut waiting) = (tree(8), tree(8), Vec::new());
            let (mut stored, mut expected) = (BTreeMap::new(), BTreeMap::new());
            for (is_use, leaf, generation) in steps {
                if is_use || waiting.is_empty() {
                    if let Ok((_, used)) = use_key(&tree, leaf, generation) {
                        waiting.push((leaf, generation, used));
                    }
                } else {
                    let (leaf, generation, used) = waiting.swap_remove(leaf as usize % waiting.len());
                    tree.delete_key(used);
                    prop_assert_eq!(
                        use_key(&tree, leaf, generation).unwrap_err(),
                        ScheduleError::KeyGone(generation)
                    );
                    // Opening fails if the key has already been deleted.
                    let _ = open(&mut at_once, leaf, generation);
                }
                store(&mut stored, &mut tree);
                store(&mut expected, &mut at_once);
                prop_assert_eq!(&stored, &expected);
                prop_assert_eq!(&secrets(&tree), &expected);
            }
        }
    }

    /// The other tree may belong to another epoch, or to a group that was loaded again. In both
    /// cases, the other tree's secrets differ from those of this tree.
    #[test]
    fn a_used_key_of_another_tree_is_ignored() {
        let size = TreeSize::with_leaves(8).unwrap();
        let other = SecretTree::new(size, vec![6; 32].into(), RatchetLimits::default());
        let mut tree = tree(8);
        for generation in [0, 5] {
            let (key, _) = use_key(&tree, 2, generation).unwrap();
            let before = secrets(&tree);
            drop(tree.take_changes());
            let (_, used) = use_key(&other, 2, generation).unwrap();
            tree.delete_key(used);
            assert_eq!(secrets(&tree), before);
            assert_eq!(tree.take_changes(), []);
            assert_eq!(open(&mut tree, 2, generation).unwrap(), key);
        }
    }

    proptest! {
        /// It is enough to store only the changes, because the stored secrets then always equal
        /// those of the tree.
        #[test]
        fn changes_add_up_to_the_tree(steps in proptest::collection::vec((0..9_u32, 0..12_u32), 1..40)) {
            let limits = RatchetLimits::default().with_forward(6).with_backward(3);
            let size = TreeSize::with_leaves(8).unwrap();
            let mut tree = SecretTree::new(size, vec![5; 32].into(), limits);
            let mut stored: BTreeMap<SecretId, SecretBytes> = BTreeMap::new();
            for (leaf, generation) in steps {
                let mut restored = SecretTree::restore(
                    suite(),
                    size,
                    limits,
                    stored.iter().map(|(id, secret)| (*id, secret.expose())),
                )
                .unwrap();
                let opened = open(&mut tree, leaf, generation);
                if !stored.is_empty() {
                    prop_assert_eq!(open(&mut restored, leaf, generation), opened);
                }
                store(&mut stored, &mut tree);
                prop_assert_eq!(&secrets(&tree), &stored);
                prop_assert_eq!(tree.take_changes(), vec![]);
            }
        }
    }

    #[test]
    fn a_ratchet_at_its_end_is_stored_as_that() {
        let head = (SecretId::Ratchet(LeafIndex(0), RatchetType::Application), &[][..]);
        let size = TreeSize::with_leaves(1).unwrap();
        let other = (SecretId::Ratchet(LeafIndex(0), RatchetType::Handshake), &[0; 36][..]);
        let mut tree = SecretTree::restore(suite(), size, RatchetLimits::default(), [other, head]).unwrap();
        let next = tree.take_next(suite(), LeafIndex(0), RatchetType::Application);
        assert_eq!(next, Err(ScheduleError::RatchetExhausted));
        let stored: Vec<_> = tree.secrets().filter(|(id, _)| *id == head.0).collect();
        assert_eq!(stored, [(head.0, SecretBytes::default())]);
    }

    #[test]
    fn malformed_secrets_are_not_restored() {
        let size = TreeSize::with_leaves(2).unwrap();
        let head = |ratchet| SecretId::Ratchet(LeafIndex(0), ratchet);
        let (handshake, application) = (head(RatchetType::Handshake), head(RatchetType::Application));
        let message = SecretId::Message(LeafIndex(0), RatchetType::Handshake, 3);
        let node = SecretId::Node(NodeIndex(2));
        let restore = |secrets: &[(SecretId, &[u8])]| {
            let restored =
                SecretTree::restore(suite(), size, RatchetLimits::default(), secrets.iter().copied());
            restored.map(|tree| assert_eq!(tree.secrets().count(), secrets.len())).err()
        };
        for len in 0..100 {
            let stored = &[0; 100][..len];
            for (id, lens) in
                [(handshake, &[0, 36][..]), (application, &[0, 36]), (message, &[28]), (node, &[32])]
            {
                let mut secrets = BTreeMap::from([(handshake, &[][..]), (application, &[0; 36])]);
                secrets.insert(id, stored);
                let refused = (!lens.contains(&len)).then_some(ScheduleError::Stored(id));
                assert_eq!(restore(&secrets.into_iter().collect::<Vec<_>>()), refused, "{id:?}, {len} bytes");
            }
        }
        // If one ratchet of a sender is missing, it is unknown whether it was exhausted or lost, so
        // restoring the tree must fail.
        let missing = |id| Some(ScheduleError::Stored(id));
        assert_eq!(restore(&[(handshake, &[])]), missing(application));
        assert_eq!(restore(&[(application, &[]), (message, &[0; 28])]), missing(handshake));
        assert_eq!(restore(&[]), None);
    }
}
