//! The rows of one instance of a group: their places, their encryption keys, and the sums that
//! reveal missing and outdated rows.
//!
//! Each instance has its own random key, which is stored in the group's entry. The keys of the rows
//! are derived from the instance's key. In an encrypted store, deleting the instance's key makes
//! copies of the rows useless, except to an attacker who also has a copy of the entry.
//!
//! The record of [`RowKey::State`] contains two sums: one over the rows of the tree, and one over
//! all other rows. Each summand is a keyed hash of a row's place, nonce and tag. A row that is
//! missing, or that was sealed at another time, therefore changes a sum. The sum over the rows
//! outside the tree is verified whenever a group is opened. The sum over the tree is verified when
//! all rows are read. Nodes of the tree that are loaded on demand are verified by the tree hash.

use crate::StoreError;
use crate::cipher::{Cipher, Kind, NONCE_LEN, TAG_LEN, Tag, alone, mac, open, seal, tagged};
use crate::error::Record;
use crate::group::InstanceEntry;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use hkdf::Hkdf;
use pando_mls::wire::NodeIndex;
use pando_mls::{EpochRow, GroupId, RowKey, SecretBytes, StateRow, TreeKey};
use sha2::Sha256;
use std::ops::RangeInclusive;

/// The place and the keys of an instance's rows.
pub(crate) struct InstanceCipher {
    tag: Tag,
    /// Key for masking fingerprints of keys in the ratchet tree.
    mask: SecretBytes,
    sums: SecretBytes,
    /// The cipher for rows, if the store is encrypted.
    rows: Option<XChaCha20Poly1305>,
}

impl InstanceCipher {
    pub(crate) fn new(cipher: &Cipher, group_id: &GroupId, entry: &InstanceEntry) -> Self {
        let expand = |label: &[u8]| {
            let mut key = SecretBytes::from(vec![0; 32]);
            let expanded = Hkdf::<Sha256>::new(None, entry.key.expose()).expand(label, key.expose_mut());
            debug_assert!(expanded.is_ok(), "32 bytes are not too many");
            key
        };
        let rows = cipher.is_sealed().then(|| {
            let key = expand(b"pando-store rows");
            XChaCha20Poly1305::new_from_slice(key.expose()).ok()
        });
        Self {
            tag: cipher.tag(Kind::Row, &[group_id, entry.instance.as_bytes()]),
            mask: expand(b"pando-store mask"),
            sums: expand(b"pando-store sums"),
            rows: rows.flatten(),
        }
    }

    pub(crate) const fn tag(&self) -> &Tag {
        &self.tag
    }

    /// Returns the record key of a row.
    pub(crate) fn key(&self, key: RowKey) -> Vec<u8> {
        self.place(self.masked(key))
    }

    fn place(&self, masked: RowKey) -> Vec<u8> {
        [tagged(Kind::Row, &self.tag), masked.to_bytes()].concat()
    }

    /// Returns the sealed record of a row.
    pub(crate) fn seal(&self, place: &[u8], key: RowKey, row: &[u8]) -> Result<SecretBytes, StoreError> {
        let fingerprint;
        let value = match key {
            RowKey::Tree(TreeKey::Key(_, unmasked, _)) => {
                fingerprint = unmasked.to_be_bytes();
                &fingerprint
            }
            _ => row,
        };
        let Some(rows) = &self.rows else { return Ok(value.into()) };
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        seal(rows, place, value, nonce)
    }

    /// Opens the record of a row, and returns the row with its key.
    pub(crate) fn open(
        &self,
        group_id: &GroupId,
        place: &[u8],
        stored: &[u8],
    ) -> Result<(RowKey, SecretBytes), StoreError> {
        let masked = row_key(place)?;
        let corrupt = || StoreError::Corrupt(Record::Row(group_id.clone(), masked));
        let value = match &self.rows {
            Some(rows) => open(rows, place, stored).ok_or_else(corrupt)?,
            None => stored.into(),
        };
        let RowKey::Tree(TreeKey::Key(kind, _, node)) = masked else { return Ok((masked, value)) };
        let fingerprint = value.expose().try_into().map_err(|_| corrupt())?;
        let key = RowKey::Tree(TreeKey::Key(kind, u64::from_be_bytes(fingerprint), node));
        if self.masked(key) == masked { Ok((key, SecretBytes::default())) } else { Err(corrupt()) }
    }

    /// Returns the row key as it appears in the record key. Fingerprints are masked. Otherwise, an
    /// attacker who knows a client's key could use its fingerprint to find out that the client is
    /// in the group.
    fn masked(&self, key: RowKey) -> RowKey {
        let RowKey::Tree(TreeKey::Key(kind, fingerprint, node)) = key else { return key };
        let tag = mac(&self.mask, &[&fingerprint.to_be_bytes()]);
        let masked = tag.first_chunk().map_or(0, |masked| u64::from_be_bytes(*masked));
        RowKey::Tree(TreeKey::Key(kind, masked, node))
    }

    /// Returns a range of record keys that contains the rows in `range`, and possibly other rows.
    pub(crate) fn some_rows(&self, range: &RangeInclusive<RowKey>) -> (Vec<u8>, Vec<u8>) {
        let same = |one: RowKey, other: RowKey| match (one, other) {
            (RowKey::Tree(TreeKey::Key(kind, one, _)), RowKey::Tree(TreeKey::Key(other_kind, other, _))) => {
                (kind, one) == (other_kind, other)
            }
            _ => false,
        };
        let (first, last) = (*range.start(), *range.end());
        let (first, last) = if same(first, last) {
            (self.masked(first), self.masked(last))
        } else {
            (all_masked(first, 0), all_masked(last, u64::MAX))
        };
        (self.place(first), alone(&self.place(last)).1)
    }

    /// Returns the range of all records of the instance.
    pub(crate) fn all_rows(&self) -> (Vec<u8>, Vec<u8>) {
        let from = tagged(Kind::Row, &self.tag);
        // No encoded RowKey begins with this byte.
        let to = [from.as_slice(), &[0xff]].concat();
        (from, to)
    }

    /// Returns the ranges of the records outside the tree. These ranges include the record of the
    /// tree's shape.
    pub(crate) fn beside_the_tree(&self) -> [(Vec<u8>, Vec<u8>); 2] {
        let (from, to) = self.all_rows();
        let nodes = self.place(RowKey::Tree(TreeKey::Node(NodeIndex(0))));
        [(from, nodes), (self.place(RowKey::PrivateKey(NodeIndex(0))), to)]
    }

    /// Returns the range of the records that belong to epochs before `epoch`.
    pub(crate) fn rows_before(&self, epoch: u64) -> (Vec<u8>, Vec<u8>) {
        let first = |epoch| self.place(RowKey::Epoch(epoch, EpochRow::Past));
        (first(0), first(epoch))
    }

    /// Returns the summand that a record contributes to a sum.
    fn summand(&self, place: &[u8], stored: &[u8]) -> u128 {
        // In a sealed record, the nonce and the tag are bound to the contents.
        let (start, end) = match (&self.rows, stored.first_chunk::<NONCE_LEN>()) {
            (Some(_), Some(nonce)) => {
                (nonce.as_slice(), stored.last_chunk::<TAG_LEN>().map_or(stored, |tag| tag))
            }
            _ => (&[] as &[u8], stored),
        };
        u128::from_be_bytes(mac(&self.sums, &[place, start, end]))
    }
}

/// Returns the row key of a record, with a masked fingerprint if it has one.
pub(crate) fn row_key(place: &[u8]) -> Result<RowKey, StoreError> {
    // The row key begins after the kind and the tag.
    const START: usize = 1 + size_of::<Tag>();
    let row_key = place.get(START..).and_then(RowKey::from_bytes);
    row_key.ok_or_else(|| StoreError::Corrupt(Record::Key(place.to_vec())))
}

/// Returns the first or the last row key of the same kind with a masked fingerprint. Returns `key`
/// itself if it contains no fingerprint.
const fn all_masked(key: RowKey, end: u64) -> RowKey {
    match key {
        RowKey::Tree(TreeKey::Key(kind, _, _)) => {
            let node = if end == 0 { 0 } else { u32::MAX };
            RowKey::Tree(TreeKey::Key(kind, end, NodeIndex(node)))
        }
        key => key,
    }
}

/// The sums over an instance's records, without the record of [`RowKey::State`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    beside: u128,
    tree: u128,
}

impl Sums {
    /// Returns the sum that includes a row, if any.
    const fn of(&mut self, key: RowKey) -> Option<&mut u128> {
        match key {
            RowKey::State => None,
            RowKey::Tree(TreeKey::Node(_) | TreeKey::Key(..)) => Some(&mut self.tree),
            _ => Some(&mut self.beside),
        }
    }

    pub(crate) fn add(&mut self, instance: &InstanceCipher, key: RowKey, place: &[u8], stored: &[u8]) {
        if let Some(sum) = self.of(key) {
            *sum = sum.wrapping_add(instance.summand(place, stored));
        }
    }

    pub(crate) fn remove(&mut self, instance: &InstanceCipher, key: RowKey, place: &[u8], stored: &[u8]) {
        if let Some(sum) = self.of(key) {
            *sum = sum.wrapping_sub(instance.summand(place, stored));
        }
    }

    /// Returns whether the sums over the rows outside the tree are equal.
    pub(crate) const fn are_same_beside_the_tree(self, other: Self) -> bool {
        self.beside == other.beside
    }
}

/// The record of [`RowKey::State`]: the row and the sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) row: StateRow,
    pub(crate) sums: Sums,
}

impl State {
    /// Encodes the value of the record.
    pub(crate) fn encode(row: &[u8], sums: Sums) -> Vec<u8> {
        [row, &sums.beside.to_be_bytes(), &sums.tree.to_be_bytes()].concat()
    }

    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let (row, sums) = value.split_at_checked(StateRow::LEN)?;
        let (beside, tree) = sums.split_first_chunk()?;
        let sums =
            Sums { beside: u128::from_be_bytes(*beside), tree: u128::from_be_bytes(tree.try_into().ok()?) };
        Some(Self { row: StateRow::read(row)?, sums })
    }
}
