//! Stored KeyPackages (docs/protocol.md, sections 6.2 and 12).
//!
//! Two rows belong to a KeyPackage. The first one is found by the client, the use, the cipher suite
//! and the expiry, and exists as long as the KeyPackage can be served. It is small, because a claim
//! may read many of them. The second one is found by the reference, and exists until the KeyPackage
//! expires. So the server knows a KeyPackage that was served or deleted, and does not store it
//! again.

use super::expiry::schedule;
use super::key::{Key, Use, expiring_after, key_packages, key_packages_of, read_key_package};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{KeyRange, ScanLimit, Snapshot, Transaction};
use pando_api::ClientId;
use pando_mls::CipherSuite;
use pando_mls::wire::RequiredCapabilities;
use pando_wire::Opaque;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The time before its expiry in which a KeyPackage is not served, in milliseconds. The client that
/// claims it needs some time to add its owner.
pub const MIN_REMAINING: u64 = 60 * 60 * 1_000;

/// Number of rows that are read at a time.
const ROWS: usize = 100;

/// The properties by which a KeyPackage is chosen.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct KeyPackageRow {
    /// The start of the lifetime, in seconds since 1970.
    pub(crate) not_before: u64,
    /// The types that the leaf supports, sorted.
    pub(crate) supported: RequiredCapabilities,
}

/// A KeyPackage to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewKeyPackage {
    pub(crate) used: Use,
    pub(crate) suite: CipherSuite,
    /// The time in milliseconds since 1970 at which the KeyPackage or its certificate expires.
    pub(crate) expires: u64,
    pub(crate) reference: Vec<u8>,
    pub(crate) row: KeyPackageRow,
    pub(crate) bytes: Opaque,
}

/// A stored KeyPackage that can be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredKeyPackage {
    pub(crate) suite: CipherSuite,
    pub(crate) expires: u64,
    pub(crate) row: KeyPackageRow,
    key: Vec<u8>,
    reference: Vec<u8>,
}

/// The result of a search for a KeyPackage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    Found(StoredKeyPackage),
    /// No KeyPackage has the capabilities.
    Unsupported,
    /// There is no KeyPackage.
    Nothing,
}

impl NewKeyPackage {
    /// Returns whether this KeyPackage was stored before, even if it is no longer served.
    pub(crate) fn is_known(&self, rows: &dyn Snapshot) -> Result<bool, Refusal> {
        Ok(rows.get(&Key::Reference(&self.reference).encode())?.is_some())
    }

    /// Stores the KeyPackage.
    pub(crate) fn store(&self, rows: &mut dyn Transaction, client: &ClientId) -> Result<(), Refusal> {
        let Self { used, suite, expires, reference, row, bytes } = self;
        let key = Key::Available(*used, client, *suite, *expires, reference).encode();
        let reference = Key::Reference(reference).encode();
        rows.put(&key, &encode(row)?)?;
        rows.put(&reference, bytes)?;
        schedule(rows, *expires, &reference, Some(&key))
    }
}

impl StoredKeyPackage {
    /// Returns the encoded KeyPackage.
    pub(crate) fn bytes(&self, rows: &dyn Snapshot) -> Result<Opaque, Refusal> {
        let bytes = rows.get(&Key::Reference(&self.reference).encode())?;
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        Ok(bytes.ok_or_else(|| Refusal::corrupt("KeyPackage"))?.into())
    }

    /// Deletes the KeyPackage, and remembers its reference until it expires.
    pub(crate) fn delete(&self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        rows.delete(&self.key)?;
        Ok(rows.put(&Key::Reference(&self.reference).encode(), &[])?)
    }
}

/// Returns the number of stored KeyPackages of a client with this use and cipher suite, up to
/// `limit`. KeyPackages that are about to expire are counted.
pub(crate) fn stored(
    rows: &dyn Snapshot,
    (used, client, suite): (Use, &ClientId, CipherSuite),
    limit: usize,
) -> Result<usize, Refusal> {
    Ok(rows.scan(&key_packages_of(used, client, suite), ScanLimit::rows(limit))?.rows.len())
}

/// Returns all stored KeyPackages of a client with this use. Some of them may have expired.
pub(crate) fn all(
    rows: &dyn Snapshot,
    used: Use,
    client: &ClientId,
) -> Result<Vec<StoredKeyPackage>, Refusal> {
    let mut found = Vec::new();
    search(rows, key_packages(used, client), (used, client), |key_package| {
        found.push(key_package);
        None::<()>
    })?;
    Ok(found)
}

/// Returns the first KeyPackage to expire that has the capabilities, and that does not expire
/// within [`MIN_REMAINING`]. `required` is sorted and has no default types.
pub(crate) fn first(
    rows: &dyn Snapshot,
    (used, client, suite): (Use, &ClientId, CipherSuite),
    required: &RequiredCapabilities,
    now: u64,
) -> Result<Search, Refusal> {
    let range = expiring_after(used, client, suite, now.saturating_add(MIN_REMAINING));
    let mut otherwise = Search::Nothing;
    let found = search(rows, range, (used, client), |key_package| {
        if supports(&key_package.row.supported, required) {
            return Some(Search::Found(key_package));
        }
        otherwise = Search::Unsupported;
        None
    })?;
    Ok(found.unwrap_or(otherwise))
}

/// Passes the KeyPackages of a range to a function, until the function returns a result.
fn search<T>(
    rows: &dyn Snapshot,
    mut range: KeyRange,
    (used, client): (Use, &ClientId),
    mut choose: impl FnMut(StoredKeyPackage) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    loop {
        let page = rows.scan(&range, ScanLimit::rows(ROWS))?;
        for row in &page.rows {
            let place = read_key_package(&row.key, used, client);
            let (suite, expires, reference) = place.ok_or_else(|| Refusal::corrupt("KeyPackage"))?;
            let (key, reference) = (row.key.clone(), reference.to_vec());
            let key_package = StoredKeyPackage { suite, expires, row: decode(&row.value)?, key, reference };
            if let Some(chosen) = choose(key_package) {
                return Ok(Some(chosen));
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(None),
        }
    }
}

/// Returns whether all required types are among the supported ones, which are sorted.
fn supports(supported: &RequiredCapabilities, required: &RequiredCapabilities) -> bool {
    fn has_all<T: Ord>(supported: &[T], required: &[T]) -> bool {
        required.iter().all(|kind| supported.binary_search(kind).is_ok())
    }
    has_all(&supported.extension_types, &required.extension_types)
        && has_all(&supported.proposal_types, &required.proposal_types)
        && has_all(&supported.credential_types, &required.credential_types)
}
