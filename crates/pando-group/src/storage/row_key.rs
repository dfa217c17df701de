//! Keys of a group's rows.

use pando_crypto::SecretBytes;
use pando_schedule::{RatchetType, SecretId};
use pando_tree::{KeyKind, TreeKey};
use pando_wire::{LeafIndex, NodeIndex};
use std::collections::BTreeMap;

/// The key of a row. Keys have the same order as in storage. The rows of an epoch are adjacent, and
/// the oldest epoch comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// The GroupContext and all other public state except for the tree.
    Public,
    /// The secrets of the epoch except for the secret tree.
    Member,
    /// Part of the ratchet tree, such as a node or an index entry for a key. With
    /// [`KeyKind::Client`], the row is an index entry for a client that the identity policy
    /// identifies.
    Tree(TreeKey),
    /// The private key of a node.
    PrivateKey(NodeIndex),
    /// A row that belongs to one epoch.
    Epoch(u64, EpochRow),
    /// The resumption PSK of a past epoch.
    ResumptionPsk(u64),
    /// A pending proposal, which is identified by its position.
    Proposal(u32),
    /// The key pair of one of our own Updates, which is identified by its position.
    OwnUpdate(u32),
    /// One of our own proposals as it was sent, which is identified by its position.
    OwnProposal(u32),
    /// Our pending Commit as it was sent, and the epoch to which it leads.
    PendingCommit,
    /// An encrypted Commit that was decrypted but not merged, which is identified by its position.
    OpenedCommit(u32),
    /// A message that belongs to our Commit and is sent after the Commit is accepted.
    Outbox(OutboxId),
    /// Our external Commit that is not yet known to be accepted.
    ExternalJoin,
    /// The position of these rows in the group's history, and the state of the group.
    State,
}

/// The identifier of a message that is sent after our Commit is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId {
    /// The epoch to which the Commit leads.
    pub epoch: u64,
    /// The kind of message.
    pub kind: OutboxKind,
}

/// A kind of message that is sent after our Commit is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxKind {
    /// The Welcome for the members that the Commit adds.
    Welcome,
    /// The GroupInfo of the next epoch.
    GroupInfo,
}

/// A row that belongs to the current epoch or to a past epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpochRow {
    /// The GroupContext of a past epoch, and its sender data secret.
    Past,
    /// A leaf of a past epoch that the following epoch changed.
    Leaf(LeafIndex),
    /// A secret of the secret tree.
    Secret(SecretId),
}

impl RowKey {
    /// Maximum length of an encoded key.
    pub(crate) const MAX_LEN: usize = 19;

    /// Encodes the key. The encodings have the same order as the keys.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::MAX_LEN);
        self.write(&mut bytes);
        bytes
    }

    /// Appends the encoded key.
    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        let mut join = |tag: u8, number: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(number);
        };
        match self {
            Self::Public => join(0, &[]),
            Self::Member => join(1, &[]),
            Self::Tree(key) => {
                join(2, &[]);
                write_tree_key(key, bytes);
            }
            Self::PrivateKey(node) => join(3, &node.0.to_be_bytes()),
            Self::Epoch(epoch, row) => {
                join(4, &epoch.to_be_bytes());
                row.write(bytes);
            }
            Self::ResumptionPsk(epoch) => join(5, &epoch.to_be_bytes()),
            Self::Proposal(position) => join(6, &position.to_be_bytes()),
            Self::OwnUpdate(position) => join(7, &position.to_be_bytes()),
            Self::OwnProposal(position) => join(8, &position.to_be_bytes()),
            Self::PendingCommit => join(9, &[]),
            Self::OpenedCommit(position) => join(10, &position.to_be_bytes()),
            Self::Outbox(OutboxId { epoch, kind }) => {
                join(11, &epoch.to_be_bytes());
                bytes.push(u8::from(kind == OutboxKind::GroupInfo));
            }
            Self::ExternalJoin => join(12, &[]),
            Self::State => join(13, &[]),
        }
    }

    /// Decodes a key, or returns `None` if the bytes are not a key.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let number = || Some(u32::from_be_bytes(rest.try_into().ok()?));
        let epoch = || Some(u64::from_be_bytes(rest.try_into().ok()?));
        let alone = |key| rest.is_empty().then_some(key);
        match tag {
            0 => alone(Self::Public),
            1 => alone(Self::Member),
            2 => Some(Self::Tree(tree_key_from_bytes(rest)?)),
            3 => Some(Self::PrivateKey(NodeIndex(number()?))),
            4 => {
                let (epoch, row) = rest.split_first_chunk()?;
                Some(Self::Epoch(u64::from_be_bytes(*epoch), EpochRow::from_bytes(row)?))
            }
            5 => Some(Self::ResumptionPsk(epoch()?)),
            6 => Some(Self::Proposal(number()?)),
            7 => Some(Self::OwnUpdate(number()?)),
            8 => Some(Self::OwnProposal(number()?)),
            9 => alone(Self::PendingCommit),
            10 => Some(Self::OpenedCommit(number()?)),
            11 => {
                let (epoch, kind) = rest.split_first_chunk()?;
                let kind = match kind {
                    [0] => OutboxKind::Welcome,
                    [1] => OutboxKind::GroupInfo,
                    _ => return None,
                };
                Some(Self::Outbox(OutboxId { epoch: u64::from_be_bytes(*epoch), kind }))
            }
            12 => alone(Self::ExternalJoin),
            13 => alone(Self::State),
            _ => None,
        }
    }
}

impl EpochRow {
    fn write(self, bytes: &mut Vec<u8>) {
        let mut join = |tag: u8, number: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(number);
        };
        let ratchet_type = |ratchet| u8::from(ratchet == RatchetType::Application);
        match self {
            Self::Past => join(0, &[]),
            Self::Leaf(leaf) => join(1, &leaf.0.to_be_bytes()),
            Self::Secret(SecretId::Node(node)) => join(2, &node.0.to_be_bytes()),
            Self::Secret(SecretId::Ratchet(leaf, ratchet)) => {
                join(3, &leaf.0.to_be_bytes());
                bytes.push(ratchet_type(ratchet));
            }
            Self::Secret(SecretId::Message(leaf, ratchet, generation)) => {
                join(4, &leaf.0.to_be_bytes());
                bytes.push(ratchet_type(ratchet));
                bytes.extend_from_slice(&generation.to_be_bytes());
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        if *tag == 0 {
            return rest.is_empty().then_some(Self::Past);
        }
        let (number, rest) = rest.split_first_chunk()?;
        let number = u32::from_be_bytes(*number);
        match (tag, rest) {
            (1, []) => Some(Self::Leaf(LeafIndex(number))),
            (2, []) => Some(Self::Secret(SecretId::Node(NodeIndex(number)))),
            (3, [ratchet]) => {
                Some(Self::Secret(SecretId::Ratchet(LeafIndex(number), ratchet_type(*ratchet)?)))
            }
            (4, [ratchet, generation @ ..]) => {
                let generation = u32::from_be_bytes(generation.try_into().ok()?);
                let (leaf, ratchet) = (LeafIndex(number), ratchet_type(*ratchet)?);
                Some(Self::Secret(SecretId::Message(leaf, ratchet, generation)))
            }
            _ => None,
        }
    }
}

fn write_tree_key(key: TreeKey, bytes: &mut Vec<u8>) {
    match key {
        TreeKey::Shape => bytes.push(0),
        TreeKey::Node(node) => {
            bytes.push(1);
            bytes.extend_from_slice(&node.0.to_be_bytes());
        }
        TreeKey::Key(kind, fingerprint, node) => {
            let kind = match kind {
                KeyKind::Encryption => 0,
                KeyKind::Signature => 1,
                KeyKind::Client => 2,
            };
            bytes.extend_from_slice(&[2, kind]);
            bytes.extend_from_slice(&fingerprint.to_be_bytes());
            bytes.extend_from_slice(&node.0.to_be_bytes());
        }
    }
}

fn tree_key_from_bytes(bytes: &[u8]) -> Option<TreeKey> {
    match bytes {
        [0] => Some(TreeKey::Shape),
        [1, node @ ..] => Some(TreeKey::Node(NodeIndex(u32::from_be_bytes(node.try_into().ok()?)))),
        [2, kind, rest @ ..] => {
            let kind = match kind {
                0 => KeyKind::Encryption,
                1 => KeyKind::Signature,
                2 => KeyKind::Client,
                _ => return None,
            };
            let (fingerprint, node) = rest.split_first_chunk()?;
            let node = NodeIndex(u32::from_be_bytes(node.try_into().ok()?));
            Some(TreeKey::Key(kind, u64::from_be_bytes(*fingerprint), node))
        }
        _ => None,
    }
}

const fn ratchet_type(byte: u8) -> Option<RatchetType> {
    match byte {
        0 => Some(RatchetType::Handshake),
        1 => Some(RatchetType::Application),
        _ => None,
    }
}

/// The changes of rows. The value is the contents of a row to write, or `None` for a row to delete.
pub(crate) type Changes = BTreeMap<RowKey, Option<SecretBytes>>;

/// The rows of a group.
pub type Rows = BTreeMap<RowKey, SecretBytes>;

/// Removes the rows of epochs before `epoch` from `changes`.
pub(crate) fn forget(changes: &mut Changes, epoch: u64) {
    changes.retain(|key, _| !is_before(key, epoch));
}

/// Returns whether a row belongs to an epoch before `epoch`.
pub(crate) const fn is_before(key: &RowKey, epoch: u64) -> bool {
    matches!(key, RowKey::Epoch(of, _) if *of < epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one key of each kind, in key order.
    fn keys() -> Vec<RowKey> {
        let (leaf, handshake, application) = (LeafIndex(7), RatchetType::Handshake, RatchetType::Application);
        let mut keys = vec![RowKey::Public, RowKey::Member];
        keys.push(RowKey::Tree(TreeKey::Shape));
        keys.extend([0, 1, 255, 256, u32::MAX].map(|node| RowKey::Tree(TreeKey::Node(NodeIndex(node)))));
        for kind in [KeyKind::Encryption, KeyKind::Signature, KeyKind::Client] {
            for (fingerprint, node) in [(0, 7), (1, 0), (256, 3), (256, 300), (u64::MAX, u32::MAX)] {
                keys.push(RowKey::Tree(TreeKey::Key(kind, fingerprint, NodeIndex(node))));
            }
        }
        keys.extend([0, 3, 1 << 20].map(|node| RowKey::PrivateKey(NodeIndex(node))));
        for epoch in [0, 1, 256, u64::MAX] {
            for row in [
                EpochRow::Past,
                EpochRow::Leaf(leaf),
                EpochRow::Leaf(LeafIndex(300)),
                EpochRow::Secret(SecretId::Node(NodeIndex(9))),
                EpochRow::Secret(SecretId::Ratchet(leaf, handshake)),
                EpochRow::Secret(SecretId::Ratchet(leaf, application)),
                EpochRow::Secret(SecretId::Message(leaf, handshake, 300)),
                EpochRow::Secret(SecretId::Message(leaf, application, 5)),
                EpochRow::Secret(SecretId::Message(leaf, application, 300)),
            ] {
                keys.push(RowKey::Epoch(epoch, row));
            }
        }
        keys.extend([0, u64::MAX].map(RowKey::ResumptionPsk));
        keys.extend([0, 300].map(RowKey::Proposal));
        keys.extend([0, 300].map(RowKey::OwnUpdate));
        keys.extend([0, 300].map(RowKey::OwnProposal));
        keys.push(RowKey::PendingCommit);
        keys.extend([0, 300].map(RowKey::OpenedCommit));
        for epoch in [0, 300] {
            let outbox = |kind| RowKey::Outbox(OutboxId { epoch, kind });
            keys.extend([OutboxKind::Welcome, OutboxKind::GroupInfo].map(outbox));
        }
        keys.extend([RowKey::ExternalJoin, RowKey::State]);
        keys
    }

    #[test]
    fn keys_are_bytes_in_the_same_order() {
        let keys = keys();
        assert!(keys.is_sorted_by(|a, b| a < b));
        let bytes: Vec<_> = keys.iter().map(|key| key.to_bytes()).collect();
        assert_eq!(bytes.iter().map(Vec::len).max(), Some(RowKey::MAX_LEN));
        assert!(bytes.is_sorted_by(|a, b| a < b));
        let back: Vec<_> = bytes.iter().map(|bytes| RowKey::from_bytes(bytes)).collect();
        assert_eq!(back, keys.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_key_is_none() {
        for key in keys() {
            let bytes = key.to_bytes();
            for len in 0..bytes.len() {
                assert_eq!(RowKey::from_bytes(&bytes[..len]), None, "{key:?}");
            }
            assert_eq!(RowKey::from_bytes(&[&bytes[..], &[0]].concat()), None, "{key:?}");
        }
        assert_eq!(RowKey::from_bytes(&[14]), None);
        assert_eq!(RowKey::from_bytes(&[11, 0, 0, 0, 0, 0, 0, 0, 0, 2]), None);
        assert_eq!(RowKey::from_bytes(&[2, 3]), None);
        assert_eq!(RowKey::from_bytes(&[&[2, 2, 3][..], &[0; 12]].concat()), None);
        assert_eq!(RowKey::from_bytes(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 2]), None);
    }

    #[test]
    fn what_is_forgotten_is_not_written() {
        let past = |epoch| RowKey::Epoch(epoch, EpochRow::Past);
        let mut changes: Changes =
            [past(1), past(2), past(3), RowKey::Member].map(|key| (key, Some(vec![1].into()))).into();
        forget(&mut changes, 3);
        assert_eq!(changes.keys().collect::<Vec<_>>(), [&RowKey::Member, &past(3)]);
    }
}
