//! Commits that change more rows than one transaction may write.
//!
//! While a transaction writes, the groups in the same file of the store wait. A Commit that adds
//! 10,000 clients changes tens of thousands of rows, so its rows are written in three steps, each
//! transaction of which is short:
//!
//! 1. [`Parts::write`] stores the changes under keys that no request reads.
//! 2. One transaction decides: it compares the epoch, appends the Commit to the log, and records
//!    that the parts must be applied.
//! 3. [`apply_next`] applies one part after another.
//!
//! Between the second step and the end of the third, the rows of the group are a mixture of two
//! epochs. The service checks [`is_unfinished`] in each transaction on a group, and finishes the
//! third step before it goes on. So no request sees the mixture, not even after a crash.

use super::key::{Key, parts as part_keys};
use super::members;
use super::public_rows;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, Digest, ProblemCode};
use pando_mls::wire::EncryptedGroupSecrets;
use pando_mls::{LeafIndex, RowKey};
use pando_wire::{Opaque, list};
use std::mem;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The time after which parts are deleted whose Commit was not decided, in milliseconds.
const LIFETIME: u64 = 60 * 60 * 1_000;

/// A change of a Commit that becomes rows, once the sequence number of the Commit is known.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub(crate) enum Change {
    /// A row of the public group has another value, or none.
    #[tls_codec(discriminant = 1)]
    Public(PublicChange),
    /// A client is no longer a member.
    Removed(ClientId),
    /// A client was removed, and is added again by an [`Added`](Self::Added) that follows.
    Replaced(ClientId),
    /// A client is a member.
    Added(AddedClient),
}

/// A changed row of the public group.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PublicChange {
    key: Opaque,
    value: Option<Opaque>,
}

impl PublicChange {
    /// Returns a change of a row.
    pub(crate) fn new(key: RowKey, value: Option<&[u8]>) -> Self {
        Self { key: key.to_bytes().into(), value: value.map(Opaque::from) }
    }
}

/// A client that a Commit adds.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct AddedClient {
    pub(crate) client: ClientId,
    pub(crate) leaf: u32,
    /// The client's part of the Welcome, unless the client joins by an external Commit.
    pub(crate) secrets: Option<EncryptedGroupSecrets>,
}

/// The place of a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Place {
    /// The epoch that the Commit ends.
    pub(crate) epoch: u64,
    /// The sequence number of the Commit.
    pub(crate) seq: u64,
}

impl Change {
    /// Writes the rows of the change.
    pub(crate) fn apply(
        &self,
        rows: &mut dyn Transaction,
        Place { epoch, seq }: Place,
    ) -> Result<(), Refusal> {
        match self {
            Self::Public(PublicChange { key, value }) => {
                let key = RowKey::from_bytes(key).ok_or_else(|| Refusal::corrupt("part of a Commit"))?;
                public_rows::change(rows, Some(epoch), key, value.as_deref())
            }
            Self::Removed(client) => {
                members::end(rows, client, seq)?;
                Ok(rows.delete(&Key::Removal(client).encode())?)
            }
            // A removal of the client that is due remains so.
            Self::Replaced(client) => members::end(rows, client, seq),
            Self::Added(AddedClient { client, leaf, secrets }) => {
                members::begin(rows, client, LeafIndex(*leaf), seq)?;
                if let Some(secrets) = secrets {
                    rows.put(&Key::Joiner(seq, client).encode(), &encode(secrets)?)?;
                }
                Ok(())
            }
        }
    }
}

/// The value of the row of a part.
#[derive(Debug, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct PartRow {
    #[tls_codec(with = "list")]
    changes: Vec<Change>,
}

/// The row of a group whose latest Commit has parts that are not applied yet.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct UnfinishedRow {
    id: Digest,
    place: Place,
    /// The number of the next part.
    next: u32,
    /// The number of all parts.
    count: u32,
}

impl UnfinishedRow {
    fn find(rows: &dyn Snapshot) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::Unfinished.encode())?;
        row.map(|row| decode(&row)).transpose()
    }
}

/// The changes of a Commit in several parts.
#[derive(Debug)]
pub struct Parts {
    /// The digest of the parts. Two servers that write the same parts do not disturb each other.
    id: Digest,
    /// The encoded [`PartRow`]s.
    parts: Vec<Vec<u8>>,
}

impl Parts {
    /// Divides changes into parts with at most `at_once` changes.
    pub(crate) fn of(changes: impl Iterator<Item = Change>, at_once: usize) -> Result<Self, Refusal> {
        let (mut parts, mut part) = (Vec::new(), PartRow::default());
        for change in changes {
            part.changes.push(change);
            if part.changes.len() >= at_once {
                parts.push(encode(&mem::take(&mut part))?);
            }
        }
        if !part.changes.is_empty() {
            parts.push(encode(&part)?);
        }
        let digests: Vec<u8> = parts.iter().flat_map(|part| *Digest::of(part).as_bytes()).collect();
        Ok(Self { id: Digest::of(&digests), parts })
    }

    /// Returns the numbers of the parts, with the number of bytes of each.
    pub fn sizes(&self) -> impl Iterator<Item = (u32, usize)> + use<> {
        let sizes: Vec<_> = self.parts.iter().map(Vec::len).collect();
        (0..).zip(sizes)
    }

    /// Stores a part. The caller stores them in order, each in its own transaction.
    ///
    /// # Errors
    /// An error of the store.
    pub fn write(&self, rows: &mut dyn Transaction, number: u32, now: u64) -> Result<(), Refusal> {
        if number == 0 {
            // A crash may leave the parts behind.
            let expires = now.saturating_add(LIFETIME);
            rows.put(&Key::PartsExpire(self.id).encode(), &expires.to_be_bytes())?;
            let due = rows.due()?.map_or(expires, |due| due.min(expires));
            rows.set_due(Some(due))?;
        }
        let part = usize::try_from(number).ok().and_then(|number| self.parts.get(number));
        let part = part.ok_or_else(|| Refusal::new(ProblemCode::Internal, "no such part"))?;
        Ok(rows.put(&Key::Part(self.id, number).encode(), part)?)
    }

    /// Records that the parts must be applied. The caller writes the Commit in the same
    /// transaction.
    ///
    /// # Errors
    /// [`ProblemCode::EpochConflict`] if the parts have been deleted since they were written.
    pub(crate) fn begin(&self, rows: &mut dyn Transaction, place: Place) -> Result<(), Refusal> {
        if rows.get(&Key::PartsExpire(self.id).encode())?.is_none() {
            return Err(Refusal::new(ProblemCode::EpochConflict, "the parts have been deleted"));
        }
        let count = u32::try_from(self.parts.len()).map_err(|error| Refusal::internal(&error))?;
        let row = UnfinishedRow { id: self.id, place, next: 0, count };
        Ok(rows.put(&Key::Unfinished.encode(), &encode(&row)?)?)
    }

    /// Deletes parts whose Commit was not decided, at most `limit` of them. Returns whether there
    /// may be more.
    ///
    /// # Errors
    /// An error of the store.
    pub fn withdraw(&self, rows: &mut dyn Transaction, limit: usize) -> Result<bool, Refusal> {
        // Another server may have decided the same Commit.
        if UnfinishedRow::find(rows)?.is_some_and(|row| row.id == self.id) {
            return Ok(false);
        }
        Ok(rows.delete_range(&part_keys(self.id.as_ref()), limit)?)
    }
}

/// Returns whether the rows of the group are a mixture of two epochs.
///
/// # Errors
/// An error of the store.
pub fn is_unfinished(rows: &dyn Snapshot) -> Result<bool, Refusal> {
    Ok(rows.get(&Key::Unfinished.encode())?.is_some())
}

/// Applies the next part of the latest Commit, if there is one. Returns whether there are more.
///
/// # Errors
/// [`ProblemCode::Internal`] if a row is damaged.
pub fn apply_next(rows: &mut dyn Transaction) -> Result<bool, Refusal> {
    let Some(mut row) = UnfinishedRow::find(rows)? else { return Ok(false) };
    let key = Key::Part(row.id, row.next).encode();
    let part = rows.get(&key)?.ok_or_else(|| Refusal::corrupt("part of a Commit"))?;
    for change in decode::<PartRow>(&part)?.changes {
        change.apply(rows, row.place)?;
    }
    rows.delete(&key)?;
    row.next = row.next.saturating_add(1);
    if row.next < row.count {
        rows.put(&Key::Unfinished.encode(), &encode(&row)?)?;
        return Ok(true);
    }
    rows.delete(&Key::PartsExpire(row.id).encode())?;
    rows.delete(&Key::Unfinished.encode())?;
    Ok(false)
}

/// Returns the time at which the first parts expire whose Commit was not decided.
pub(crate) fn first_expiry(rows: &dyn Snapshot) -> Result<Option<u64>, Refusal> {
    let page = rows.scan(&part_keys(&[]), ScanLimit::rows(1))?;
    // Parts without their expiry have been deleted in part.
    let expiry = |row: &crate::store::Row| row.value.as_slice().try_into().map_or(0, u64::from_be_bytes);
    Ok(page.rows.first().map(expiry))
}

/// Deletes the first parts, which have expired, at most `limit` of them.
pub(crate) fn delete_first(rows: &mut dyn Transaction, limit: usize) -> Result<(), Refusal> {
    let page = rows.scan(&part_keys(&[]), ScanLimit::rows(1))?;
    if let Some(id) = page.rows.first().and_then(|row| row.key.get(1..=32)) {
        rows.delete_range(&part_keys(id), limit)?;
    }
    Ok(())
}
