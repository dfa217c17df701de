//! The secret tree (RFC 9420, section 9).
//!
//! Only what has been touched exists: a tree begins as its root's secret, and a sender's first message
//! costs one derivation for each level above its leaf. A secret is gone as soon as those of its children
//! are there (section 9.2).

use crate::ratchet::{MessageKey, Part, Ratchet, RatchetLimits};
use crate::{EncryptionSecret, ScheduleError};
use pando_crypto::{CryptoError, SecretBytes, Suite};
use pando_wire::{ContentType, LeafIndex, NodeIndex, TreeSize};
use std::collections::{BTreeMap, BTreeSet};

/// Which of a sender's two ratchets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RatchetType {
    /// For Proposals and Commits.
    Handshake,
    /// For data of the application.
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

/// A secret of a secret tree that is stored by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretId {
    /// The secret of a node, from which those below it are still to be derived.
    Node(NodeIndex),
    /// The next secret of a sender's ratchet, behind its generation; empty after the last one.
    Ratchet(LeafIndex, RatchetType),
    /// The nonce and key of a message that was skipped, by its generation.
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

/// The keys of an epoch's encrypted messages, as far as they have not been used.
#[derive(Debug)]
pub struct SecretTree {
    size: TreeSize,
    limits: RatchetLimits,
    /// `tree_node_[N]_secret` for the nodes whose parent's secret is gone and whose own is not.
    frontier: BTreeMap<NodeIndex, SecretBytes>,
    /// The leaves whose secrets are gone.
    senders: BTreeMap<LeafIndex, Sender>,
    /// Nodes that have changed since the tree was last stored.
    changed_nodes: BTreeSet<NodeIndex>,
    /// The same for senders.
    changed_senders: BTreeSet<LeafIndex>,
}

#[derive(Debug)]
struct Sender {
    handshake: Ratchet,
    application: Ratchet,
}

impl Sender {
    /// To be filled with what was stored.
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
    /// The secret tree of an epoch in which the ratchet tree has a given size.
    #[must_use]
    pub fn new(size: TreeSize, encryption_secret: EncryptionSecret, limits: RatchetLimits) -> Self {
        let frontier = BTreeMap::from([(size.root(), encryption_secret.into_secret())]);
        let changed_nodes = BTreeSet::from([size.root()]);
        Self {
            size,
            limits,
            frontier,
            senders: BTreeMap::new(),
            changed_nodes,
            changed_senders: BTreeSet::new(),
        }
    }

    /// The secret tree that was stored as these secrets.
    ///
    /// # Errors
    /// [`ScheduleError::Stored`] with the one that is malformed, or is missing beside others of its sender.
    pub fn restore<'a>(
        suite: Suite,
        size: TreeSize,
        limits: RatchetLimits,
        secrets: impl IntoIterator<Item = (SecretId, &'a [u8])>,
    ) -> Result<Self, ScheduleError> {
        let (frontier, senders) = (BTreeMap::new(), BTreeMap::new());
        let (changed_nodes, changed_senders) = (BTreeSet::new(), BTreeSet::new());
        let mut tree = Self { size, limits, frontier, senders, changed_nodes, changed_senders };
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

    /// The size of the tree.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// All secrets, as they are stored.
    pub fn secrets(&self) -> impl Iterator<Item = (SecretId, SecretBytes)> {
        let nodes = self.frontier.keys().map(|node| SecretId::Node(*node));
        let parts = self.senders.iter().flat_map(|(&leaf, sender)| {
            RatchetType::ALL.into_iter().flat_map(move |ratchet| {
                sender.get(ratchet).parts().map(move |part| SecretId::of(leaf, ratchet, part))
            })
        });
        nodes.chain(parts).filter_map(|id| Some((id, self.secret(id)?)))
    }

    /// The secrets that have changed since this was last asked; `None` for those that are gone.
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

    fn secret(&self, id: SecretId) -> Option<SecretBytes> {
        let (leaf, ratchet, part) = match id {
            SecretId::Node(node) => return Some(self.frontier.get(&node)?.expose().into()),
            SecretId::Ratchet(leaf, ratchet) => (leaf, ratchet, Part::Head),
            SecretId::Message(leaf, ratchet, generation) => (leaf, ratchet, Part::Skipped(generation)),
        };
        self.senders.get(&leaf)?.get(ratchet).part(part)
    }

    /// Takes the key for the next message of one's own leaf: its generation and the key.
    ///
    /// # Errors
    /// [`ScheduleError::NoSuchLeaf`], [`ScheduleError::RatchetExhausted`].
    pub fn take_next(
        &mut self,
        suite: Suite,
        leaf: LeafIndex,
        ratchet: RatchetType,
    ) -> Result<(u32, MessageKey), ScheduleError> {
        self.ratchet(suite, leaf, ratchet)?.take_next(suite)
    }

    /// Opens a message of some leaf and generation with `open`. If it succeeds, the key is gone; if it
    /// fails, it is not. So `open` must do all that shows whether the sender is who it says: every member
    /// can derive the keys of all others.
    ///
    /// # Errors
    /// [`ScheduleError::NoSuchLeaf`], [`ScheduleError::GenerationTooFarAhead`],
    /// [`ScheduleError::KeyGone`], or the error of `open`.
    pub fn open<T, E: From<ScheduleError>>(
        &mut self,
        suite: Suite,
        leaf: LeafIndex,
        ratchet: RatchetType,
        generation: u32,
        open: impl FnOnce(&MessageKey) -> Result<T, E>,
    ) -> Result<T, E> {
        let limits = self.limits;
        self.ratchet(suite, leaf, ratchet)?.open(suite, limits, generation, open)
    }

    fn ratchet(
        &mut self,
        suite: Suite,
        leaf: LeafIndex,
        ratchet: RatchetType,
    ) -> Result<&mut Ratchet, ScheduleError> {
        if !self.senders.contains_key(&leaf) {
            self.reach(suite, leaf)?;
        }
        let sender = self.senders.get_mut(&leaf).ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        self.changed_senders.insert(leaf);
        Ok(sender.ratchet(ratchet))
    }

    /// Derives the ratchets of a leaf from the secret above it, which is then gone.
    fn reach(&mut self, suite: Suite, leaf: LeafIndex) -> Result<(), ScheduleError> {
        let leaf_node = self.size.node(leaf).ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        let above = std::iter::once(leaf_node).chain(self.size.direct_path(leaf));
        let start = above.into_iter().find(|node| self.frontier.contains_key(node));
        let start = start.ok_or(ScheduleError::NoSuchLeaf(leaf))?;

        // Derive before anything is changed, so that an error leaves the tree as it was.
        let derive = |secret: &SecretBytes, label, context: &[u8]| {
            suite.expand_with_label(secret.expose(), label, context, suite.hash_len())
        };
        let mut siblings = Vec::new();
        let mut descended: Option<SecretBytes> = None;
        let top = self.frontier.get(&start).ok_or(ScheduleError::NoSuchLeaf(leaf))?;
        let mut node = start;
        while let (Some(left), Some(right)) = (node.left(), node.right()) {
            let secret = descended.as_ref().unwrap_or(top);
            let left_secret = derive(secret, "tree", b"left")?;
            let right_secret = derive(secret, "tree", b"right")?;
            if left.covers(leaf) {
                siblings.push((right, right_secret));
                (node, descended) = (left, Some(left_secret));
            } else {
                siblings.push((left, left_secret));
                (node, descended) = (right, Some(right_secret));
            }
        }
        let secret = descended.as_ref().unwrap_or(top);
        let ratchet =
            |label| -> Result<Ratchet, CryptoError> { Ok(Ratchet::new(derive(secret, label, &[])?)) };
        let sender = Sender { handshake: ratchet("handshake")?, application: ratchet("application")? };

        self.frontier.remove(&start);
        self.changed_nodes.insert(start);
        self.changed_nodes.extend(siblings.iter().map(|(node, _)| *node));
        self.frontier.extend(siblings);
        self.senders.insert(leaf, sender);
        self.changed_senders.insert(leaf);
        Ok(())
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

    /// The leaf secrets of the whole tree, from the root down: the obvious way.
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
        // Its neighbour is reached from its own secret, which is then gone.
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
    fn leaves_outside_of_the_tree_are_errors() {
        for leaves in [1, 8] {
            let mut tree = tree(leaves);
            for index in [leaves, leaves + 1, 1 << 31, u32::MAX] {
                let leaf = LeafIndex(index);
                let error = ScheduleError::NoSuchLeaf(leaf);
                assert_eq!(tree.take_next(suite(), leaf, RatchetType::Handshake), Err(error.clone()));
                let opened = tree.open(suite(), leaf, RatchetType::Application, 0, |_| Ok(()));
                assert_eq!(opened, Err(error));
            }
            assert_eq!(tree.frontier.len(), 1);
        }
    }

    #[test]
    fn a_replay_does_not_harm_the_next_message() {
        let mut tree = tree(2);
        let mut open = |generation| {
            tree.open(suite(), LeafIndex(1), RatchetType::Application, generation, |_| {
                Ok::<_, ScheduleError>(())
            })
        };
        assert_eq!(open(0), Ok(()));
        assert_eq!(open(0), Err(ScheduleError::KeyGone(0)));
        assert_eq!(open(1), Ok(()));
    }

    /// A key copied, or why there is none.
    fn open(tree: &mut SecretTree, leaf: u32, generation: u32) -> Result<MessageKey, ScheduleError> {
        tree.open(suite(), LeafIndex(leaf), RatchetType::Application, generation, |key| {
            Ok(MessageKey { key: key.key.expose().into(), nonce: key.nonce.expose().into() })
        })
    }

    proptest! {
        /// What changes is all that has to be stored, and what was stored is the tree.
        #[test]
        fn changes_add_up_to_the_tree(steps in proptest::collection::vec((0..9_u32, 0..12_u32), 1..40)) {
            let limits = RatchetLimits { forward: 6, backward: 3 };
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
                for (id, secret) in tree.take_changes() {
                    match secret {
                        Some(secret) => drop(stored.insert(id, secret)),
                        None => drop(stored.remove(&id)),
                    }
                }
                prop_assert_eq!(&tree.secrets().collect::<BTreeMap<_, _>>(), &stored);
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
        // Without a ratchet of a sender, its end cannot be told from its loss.
        let missing = |id| Some(ScheduleError::Stored(id));
        assert_eq!(restore(&[(handshake, &[])]), missing(application));
        assert_eq!(restore(&[(application, &[]), (message, &[0; 28])]), missing(handshake));
        assert_eq!(restore(&[]), None);
    }
}
