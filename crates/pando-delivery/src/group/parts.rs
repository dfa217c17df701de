//! Commits that change more rows than one transaction may write.
//!
//! While a transaction writes, the groups in the same file of the store wait. A Commit that adds
//! 10,000 clients changes tens of thousands of rows, so its rows are written in three steps:
//!
//! 1. [`Parts::write`] stores the changes under keys that no request reads, a part in each
//!    transaction.
//! 2. One transaction decides: it compares the epoch, appends the Commit to the log, and records
//!    that the parts must be applied.
//! 3. [`apply_next`] applies a part in each transaction.
//!
//! Between the second step and the end of the third, the rows of the group are a mixture of two
//! epochs. The service checks [`is_unfinished`] in each transaction on a group, and finishes the
//! third step before it goes on. So no request sees the mixture, not even after a crash.
//!
//! The first step may be abandoned at any point, by a crash or because another Commit has won. Two
//! requests may also write the same parts, because the name of parts is the digest of their
//! contents. A row counts the parts that have been written in order, so a decision notices if
//! another request has deleted some of them.

use super::append::{Appended, Moment};
use super::key::{Key, parts_of, sets_of_parts};
use super::members;
use super::public_rows;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Row, ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, Digest, ProblemCode};
use pando_mls::wire::EncryptedGroupSecrets;
use pando_mls::{LeafIndex, RowKey};
use pando_wire::{Opaque, list};
use std::mem;
use tls_codec::{Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The time after which parts are deleted whose Commit was not decided, in milliseconds.
const LIFETIME: u64 = 60 * 60 * 1_000;

/// The size at which a part takes no further changes, in bytes.
pub(crate) const PART_BYTES: usize = 1 << 20;

/// The most sets of parts that are looked at for an expiry.
const MAX_SETS: usize = 1_000;

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

/// A checked request whose changes may be too many for one transaction.
pub trait LargeWrite: Send + Sync + 'static {
    /// Divides the changes into parts with at most `at_once` changes. Returns `None` if one
    /// transaction can write them.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a change cannot be encoded.
    fn parts(&self, at_once: usize) -> Result<Option<Parts>, Refusal>;

    /// Performs those checks of the decision that need little work, so that a request without a
    /// prospect of success writes no parts.
    ///
    /// # Errors
    /// See [`LargeWrite::write`].
    fn admit(&self, rows: &dyn Snapshot) -> Result<(), Refusal>;

    /// Decides about the request, and writes everything that follows from it. If there are `parts`,
    /// they have been written, and must be applied afterwards. If the request has succeeded before,
    /// writes nothing and returns the entry that the log has.
    ///
    /// # Errors
    /// A [`Refusal`] if the group has changed since the request was checked.
    fn write(
        &self,
        rows: &mut dyn Transaction,
        moment: Moment,
        parts: Option<&Parts>,
    ) -> Result<Appended, Refusal>;

    /// Returns the number of bytes that [`LargeWrite::write`] writes, approximately. `has_parts`
    /// says whether the changes are in parts.
    fn size(&self, has_parts: bool) -> usize;
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

/// The row of a set of parts whose Commit is not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct SetRow {
    /// The time at which the parts are deleted.
    expires: u64,
    /// The number of parts that have been written in order. 0 while they are being deleted.
    written: u32,
}

impl SetRow {
    fn find(rows: &dyn Snapshot, id: Digest) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::PartSet(id).encode())?;
        row.map(|row| decode(&row)).transpose()
    }
}

/// The changes of a Commit in several parts.
#[derive(Debug)]
pub struct Parts {
    /// The digest of the parts, by which requests that write the same parts share their rows.
    id: Digest,
    /// The encoded [`PartRow`]s.
    parts: Vec<Vec<u8>>,
}

impl Parts {
    /// Divides changes into parts with at most `at_once` changes. Returns `None` if there is only
    /// one part.
    pub(crate) fn of(changes: impl Iterator<Item = Change>, at_once: usize) -> Result<Option<Self>, Refusal> {
        let (mut parts, mut part, mut bytes) = (Vec::new(), PartRow::default(), 0_usize);
        for change in changes {
            if part.changes.len() >= at_once || bytes >= PART_BYTES {
                parts.push(encode(&mem::take(&mut part))?);
                bytes = 0;
            }
            bytes = bytes.saturating_add(change.tls_serialized_len());
            part.changes.push(change);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        parts.push(encode(&part)?);
        let digests: Vec<u8> = parts.iter().flat_map(|part| *Digest::of(part).as_bytes()).collect();
        Ok(Some(Self { id: Digest::of(&digests), parts }))
    }

    /// Returns the numbers of the parts, with the number of bytes of each.
    pub fn sizes(&self) -> impl Iterator<Item = (u32, usize)> + use<> {
        let sizes: Vec<_> = self.parts.iter().map(Vec::len).collect();
        (0..).zip(sizes)
    }

    /// Stores a part. The caller stores them in order, each in its own transaction.
    ///
    /// # Errors
    /// [`ProblemCode::Overloaded`] if another request has deleted the parts before this one.
    pub fn write(&self, rows: &mut dyn Transaction, number: u32, now: u64) -> Result<(), Refusal> {
        let found = SetRow::find(rows, self.id)?;
        // If another request writes the same parts, it may be ahead.
        let written = found.map_or(0, |row| row.written);
        if written < number {
            return Err(deleted());
        }
        let expires = found.map_or(0, |row| row.expires).max(now.saturating_add(LIFETIME));
        let written = written.max(number.saturating_add(1));
        rows.put(&Key::PartSet(self.id).encode(), &encode(&SetRow { expires, written })?)?;
        // A crash may leave the parts behind.
        let due = rows.due()?.map_or(expires, |due| due.min(expires));
        rows.set_due(Some(due))?;
        let part = usize::try_from(number).ok().and_then(|number| self.parts.get(number));
        let part = part.ok_or_else(|| Refusal::new(ProblemCode::Internal, "no such part"))?;
        Ok(rows.put(&Key::Part(self.id, number).encode(), part)?)
    }

    /// Records that the parts must be applied. The caller writes the Commit in the same
    /// transaction.
    ///
    /// # Errors
    /// [`ProblemCode::Overloaded`] if another request has deleted parts.
    pub(crate) fn begin(&self, rows: &mut dyn Transaction, place: Place) -> Result<(), Refusal> {
        let count = u32::try_from(self.parts.len()).map_err(|error| Refusal::internal(&error))?;
        if SetRow::find(rows, self.id)?.is_none_or(|row| row.written != count) {
            return Err(deleted());
        }
        let row = UnfinishedRow { id: self.id, place, next: 0, count };
        Ok(rows.put(&Key::Unfinished.encode(), &encode(&row)?)?)
    }

    /// Deletes the parts if their Commit was not decided, at most `limit` of them. Returns whether
    /// there may be more.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn withdraw(&self, rows: &mut dyn Transaction, limit: usize) -> Result<bool, Refusal> {
        delete(rows, self.id, limit)
    }
}

fn deleted() -> Refusal {
    Refusal::new(ProblemCode::Overloaded, "another request has deleted parts of the Commit")
}

/// Deletes parts, at most `limit` of them. Returns whether there may be more.
fn delete(rows: &mut dyn Transaction, id: Digest, limit: usize) -> Result<bool, Refusal> {
    // Another request may have decided the same Commit.
    let is_decided = UnfinishedRow::find(rows)?.is_some_and(|row| row.id == id);
    let Some(set) = SetRow::find(rows, id)?.filter(|_| !is_decided) else { return Ok(false) };
    // The row of the set is there as long as there are parts, so that none is forgotten.
    if rows.delete_range(&parts_of(id), limit)? {
        let set = SetRow { written: 0, ..set };
        rows.put(&Key::PartSet(id).encode(), &encode(&set)?)?;
        return Ok(true);
    }
    rows.delete(&Key::PartSet(id).encode())?;
    Ok(false)
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
    rows.delete(&Key::PartSet(row.id).encode())?;
    rows.delete(&Key::Unfinished.encode())?;
    Ok(false)
}

/// Returns the set of parts that expires first, and the time at which it expires.
pub(crate) fn first_expiry(rows: &dyn Snapshot) -> Result<Option<(Digest, u64)>, Refusal> {
    let page = rows.scan(&sets_of_parts(), ScanLimit::rows(MAX_SETS))?;
    let read = |row: &Row| {
        let id = row.key.get(1..).and_then(|id| <[u8; 32]>::try_from(id).ok());
        let id = id.ok_or_else(|| Refusal::corrupt("set of parts"))?;
        let SetRow { expires, .. } = decode(&row.value)?;
        Ok::<_, Refusal>((Digest::from(id), expires))
    };
    let sets = page.rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(sets.into_iter().min_by_key(|(_, expires)| *expires))
}

/// Deletes parts that have expired, at most `limit` of them.
pub(crate) fn expire(rows: &mut dyn Transaction, id: Digest, limit: usize) -> Result<(), Refusal> {
    delete(rows, id, limit).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_mls::TreeKey;

    fn changes(count: u32, bytes: usize) -> impl Iterator<Item = Change> {
        let value = vec![7; bytes];
        let key = |number| RowKey::Tree(TreeKey::Node(pando_mls::wire::NodeIndex(number)));
        (0..count).map(move |number| Change::Public(PublicChange::new(key(number), Some(&value))))
    }

    fn lengths(parts: &Parts) -> Vec<usize> {
        parts.parts.iter().map(|part| decode::<PartRow>(part).unwrap().changes.len()).collect()
    }

    /// A part ends with the change that makes it large.
    #[test]
    fn parts_are_bounded_by_changes_and_by_bytes() {
        assert!(Parts::of(changes(10, 10), 10).unwrap().is_none());
        assert_eq!(lengths(&Parts::of(changes(11, 10), 10).unwrap().unwrap()), [10, 1]);
        let parts = Parts::of(changes(7, 400_000), 1_000).unwrap().unwrap();
        assert_eq!(lengths(&parts), [3, 3, 1]);
        for (_, size) in parts.sizes() {
            assert!(size < PART_BYTES + 400_000);
        }
        // A change that is larger than a part is a part by itself.
        let parts = Parts::of(changes(2, 2 * PART_BYTES), 1_000).unwrap().unwrap();
        assert_eq!(lengths(&parts), [1, 1]);
    }
}
