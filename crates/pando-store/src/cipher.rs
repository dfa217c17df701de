//! Stored records: their keys and their encryption.
//!
//! The key of a record begins with a byte that indicates the kind of record. For most kinds, this
//! byte is followed by a 16-byte tag, which stands for an identifier. For the rows of a group, the
//! [`RowKey`] follows the tag, because the store reads ranges of rows. For the records of the
//! application, the number of the record follows the tag of its collection.
//!
//! A tag is an HMAC of the identifier under a key that is derived from the data key. An attacker
//! who knows the identifier of a group, a PSK or a KeyPackage therefore cannot find out whether
//! that object is in the store. Fingerprints of keys in the ratchet tree would reveal the members
//! of a group in the same way, so they are masked. A tag replaces the fingerprint in the record's
//! key, and the fingerprint is stored as the record's value.
//!
//! A value is sealed with XChaCha20-Poly1305. The nonce is 192 bits long, so random nonces are safe
//! for any number of records. The record's key is the associated data, so no record can be put in
//! the place of another one. The cipher does not detect that an older version of a record is
//! restored under its own key.

use crate::StoreError;
use crate::error::Record;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag as AeadTag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use pando_mls::{GroupId, SecretBytes};
use sha2::Sha256;
use std::ops::Range;

/// The kind of a record: the first byte of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Header = 0,
    Group = 1,
    Row = 2,
    KeyPackage = 3,
    Psk = 4,
    Signer = 5,
    Former = 6,
    Application = 7,
}

impl Kind {
    const fn byte(self) -> u8 {
        self as u8
    }

    /// Returns the object that is reported as damaged if a record of this kind is damaged.
    pub(crate) const fn record(self) -> Record {
        match self {
            Self::Header => Record::Header,
            Self::Group | Self::Row => Record::Group,
            Self::KeyPackage => Record::KeyPackage,
            Self::Psk => Record::Psk,
            Self::Signer => Record::Signer,
            Self::Former => Record::FormerGroup,
            Self::Application => Record::Application,
        }
    }
}

/// A tag that stands for an identifier.
pub(crate) type Tag = [u8; 16];

/// The random identifier of a store.
pub(crate) type StoreId = [u8; 16];

pub(crate) const NONCE_LEN: usize = 24;
pub(crate) const TAG_LEN: usize = 16;

/// The keys for records, derived from the data key and the identifier of the store.
pub(crate) struct Cipher {
    store_id: StoreId,
    index: SecretBytes,
    records: Option<XChaCha20Poly1305>,
    id: Tag,
}

impl Cipher {
    /// Derives the keys. If `sealed` is false, records are stored unencrypted.
    pub(crate) fn new(store_id: StoreId, data_key: &SecretBytes, sealed: bool) -> Self {
        let index = derive(data_key, b"pando-store index", &store_id);
        let records = sealed.then(|| {
            let key = derive(data_key, b"pando-store records", &store_id);
            XChaCha20Poly1305::new_from_slice(key.expose()).ok()
        });
        let id = mac(&index, &[b"pando-store id"]);
        Self { store_id, index, records: records.flatten(), id }
    }

    /// Copies the keys, for a second connection.
    pub(crate) fn again(&self) -> Self {
        let (index, records) = (self.index.expose().into(), self.records.clone());
        Self { store_id: self.store_id, index, records, id: self.id }
    }

    /// Returns the identifier of the store.
    pub(crate) const fn store_id(&self) -> &StoreId {
        &self.store_id
    }

    /// Returns the identifier of the data key.
    pub(crate) const fn id(&self) -> &Tag {
        &self.id
    }

    /// Returns whether records are encrypted.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.records.is_some()
    }

    pub(crate) fn tag(&self, kind: Kind, identifier: &[&[u8]]) -> Tag {
        mac(&self.index, &[&[&[kind.byte()] as &[u8]], identifier].concat())
    }

    pub(crate) fn group_tag(&self, group_id: &GroupId) -> Tag {
        self.tag(Kind::Group, &[group_id])
    }

    /// Returns the stored form of a value.
    pub(crate) fn seal(&self, key: &[u8], value: &[u8]) -> Result<SecretBytes, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        self.seal_with(key, value, nonce)
    }

    pub(crate) fn seal_with(
        &self,
        key: &[u8],
        value: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<SecretBytes, StoreError> {
        let Some(records) = &self.records else { return Ok(value.into()) };
        seal(records, key, value, nonce)
    }

    /// Returns the value of a stored record.
    pub(crate) fn open(
        &self,
        key: &[u8],
        stored: &[u8],
        what: impl FnOnce() -> Record,
    ) -> Result<SecretBytes, StoreError> {
        let Some(records) = &self.records else { return Ok(stored.into()) };
        open(records, key, stored).ok_or_else(|| StoreError::Corrupt(what()))
    }
}

/// Seals a value. Returns the nonce, the ciphertext and the tag.
pub(crate) fn seal(
    aead: &XChaCha20Poly1305,
    associated_data: &[u8],
    value: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<SecretBytes, StoreError> {
    let too_long = || StoreError::Encode(pando_mls::wire::EncodeError::TooLong);
    let len = value.len().checked_add(NONCE_LEN + TAG_LEN).ok_or_else(too_long)?;
    // The buffer is allocated with its final size, so encryption in place leaves no copy behind.
    let mut stored = Vec::with_capacity(len);
    stored.extend_from_slice(&nonce);
    stored.extend_from_slice(value);
    let (_, text) = stored.split_at_mut(NONCE_LEN);
    let tag = aead
        .encrypt_inout_detached(&XNonce::from(nonce), associated_data, text.into())
        .map_err(|_| too_long())?;
    stored.extend_from_slice(&tag);
    Ok(stored.into())
}

pub(crate) fn open(aead: &XChaCha20Poly1305, associated_data: &[u8], stored: &[u8]) -> Option<SecretBytes> {
    let (nonce, rest) = stored.split_first_chunk::<NONCE_LEN>()?;
    let (text, tag) = rest.split_last_chunk::<TAG_LEN>()?;
    let mut value = SecretBytes::from(text);
    let (nonce, tag) = (XNonce::from(*nonce), AeadTag::from(*tag));
    aead.decrypt_inout_detached(&nonce, associated_data, value.expose_mut().into(), &tag).ok()?;
    Some(value)
}

/// Derives a key of a store from a secret. The label and the identifier of the store are
/// concatenated. The concatenation is unambiguous because the identifier is always 16 bytes long.
pub(crate) fn derive(secret: &SecretBytes, label: &[u8], store_id: &StoreId) -> SecretBytes {
    let mut key = SecretBytes::from(vec![0; 32]);
    let info = [label, store_id.as_slice()];
    let expanded = Hkdf::<Sha256>::new(None, secret.expose()).expand_multi_info(&info, key.expose_mut());
    debug_assert!(expanded.is_ok(), "32 bytes are not too many");
    key
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length, and gives 32 bytes")]
pub(crate) fn mac(key: &SecretBytes, parts: &[&[u8]]) -> Tag {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
    for part in parts {
        mac.update(part);
    }
    *mac.finalize().into_bytes().first_chunk().expect("32 bytes")
}

/// The key of the header record.
pub(crate) const HEADER: [u8; 1] = [Kind::Header as u8];

/// Returns a record key that consists of a kind and a tag.
pub(crate) fn tagged(kind: Kind, tag: &Tag) -> Vec<u8> {
    [&[kind.byte()], tag.as_slice()].concat()
}

/// Returns the range of all records of a kind.
pub(crate) const fn all(kind: Kind) -> ([u8; 1], [u8; 1]) {
    let byte = kind as u8;
    ([byte], [byte.saturating_add(1)])
}

/// Returns the range that contains only this key.
pub(crate) fn alone(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.to_vec(), [key, &[0]].concat())
}

pub(crate) fn range<T: AsRef<[u8]>>(bounds: &(T, T)) -> Range<&[u8]> {
    bounds.0.as_ref()..bounds.1.as_ref()
}
