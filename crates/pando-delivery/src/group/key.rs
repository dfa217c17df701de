//! Keys of the rows in a group's partition.
//!
//! The first byte is the kind of the row. Numbers are in big-endian order, so rows of one kind are
//! sorted by number.

use crate::store::KeyRange;
use pando_api::{ClientId, Digest, UserId};
use pando_mls::{GroupId, RowKey};

/// Returns the name of a group's partition.
#[must_use]
pub fn partition(group_id: &GroupId) -> Vec<u8> {
    [&b"g/"[..], &group_id[..]].concat()
}

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// The [`GroupRow`](super::group_row::GroupRow).
    Group,
    /// A log entry, by its sequence number.
    Entry(u64),
    /// The sequence number of the entry with a message, by the digest of the message.
    Digest(Digest),
    /// A row of the public group.
    Public(RowKey),
    /// The sequence number of the Commit that ended an epoch. The ratchet tree and the GroupContext
    /// of the epoch can be brought back.
    Past(u64),
    /// The value that a row of the public group had in a past epoch, and that the next epoch has
    /// replaced.
    Before(u64, RowKey),
    /// The epoch that has a ratchet tree, by the tree hash.
    Tree(&'a [u8]),
    /// A pending proposal of the current epoch, by its sequence number.
    Proposal(u64),
    /// The GroupInfo of the current epoch.
    GroupInfo,
    /// The part of a Welcome that all joiners share, by the sequence number of the Commit.
    Welcome(u64),
    /// A joiner's part of a Welcome, by the sequence number of the Commit and the joiner.
    Joiner(u64, &'a ClientId),
    /// A membership of a client, by the sequence number of the Commit that added the client.
    Member(&'a ClientId, u64),
    /// The last acknowledgement of a client.
    Acknowledged(&'a ClientId),
    /// The group for whose successor the identifier of this partition's group is reserved.
    Reserved,
    /// A removal that is due, by the client.
    Removal(&'a ClientId),
    /// The changes of membership of a log entry that must be copied to the partitions of
    /// accounts, by the sequence number of the entry.
    Relay(u64),
    /// A client's report about a Commit, by the sequence number of the Commit. Reports about later
    /// Commits come first.
    Report(u64, &'a ClientId),
    /// The digest of the request that has reset the group.
    Reset,
    /// The latest Commit, if some of its parts are not applied yet.
    Unfinished,
    /// A set of parts of a Commit that is not decided yet, by the digest of the parts.
    PartSet(Digest),
    /// A part of the changes of a Commit, by the digest of the parts and the number of the part.
    Part(Digest, u32),
}

impl Key<'_> {
    /// Encodes the key.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let number = |kind: u8, number: u64| [&[kind], number.to_be_bytes().as_slice()].concat();
        let joined = |kind: u8, seq: u64, rest: &[u8]| [&[kind], seq.to_be_bytes().as_slice(), rest].concat();
        match self {
            Self::Group => vec![b'a'],
            Self::Entry(seq) => number(b'e', *seq),
            Self::Digest(digest) => [b"d".as_slice(), digest.as_ref()].concat(),
            Self::Public(row) => [b"p".as_slice(), &row.to_bytes()].concat(),
            Self::Past(epoch) => number(b'b', *epoch),
            Self::Before(epoch, row) => joined(b'b', *epoch, &row.to_bytes()),
            Self::Tree(hash) => [b"t", *hash].concat(),
            Self::Proposal(seq) => number(b'q', *seq),
            Self::GroupInfo => vec![b'i'],
            Self::Welcome(seq) => number(b'w', *seq),
            Self::Joiner(seq, client) => joined(b'j', *seq, client.as_str().as_bytes()),
            // The texts of clients contain no zero byte, so no client's rows are among another's.
            Self::Member(client, seq) => {
                [b"m", client.as_str().as_bytes(), &[0], &seq.to_be_bytes()].concat()
            }
            Self::Acknowledged(client) => [b"k", client.as_str().as_bytes()].concat(),
            Self::Reserved => vec![b'v'],
            Self::Removal(client) => [b"x", client.as_str().as_bytes()].concat(),
            Self::Relay(seq) => number(b'y', *seq),
            Self::Report(seq, client) => joined(b'r', !*seq, client.as_str().as_bytes()),
            Self::Reset => vec![b'z'],
            Self::Unfinished => vec![b'u'],
            Self::PartSet(id) => [b"s".as_slice(), id.as_ref()].concat(),
            Self::Part(id, part) => [b"c".as_slice(), id.as_ref(), &part.to_be_bytes()].concat(),
        }
    }
}

/// Returns the keys of log entries after `seq`.
pub(crate) fn entries_after(seq: u64) -> KeyRange {
    KeyRange::prefix(*b"e").after(&Key::Entry(seq).encode())
}

/// Returns the keys of the rows that the epoch after `epoch` has replaced.
pub(crate) fn before(epoch: u64) -> KeyRange {
    let past = Key::Past(epoch).encode();
    KeyRange::prefix(past.clone()).after(&past)
}

/// Returns the keys of all past epochs. The marker of an epoch comes before its other rows.
pub(crate) fn past_epochs() -> KeyRange {
    KeyRange::prefix(*b"b")
}

/// Returns the epoch in the key of a row of a past epoch.
pub(crate) fn past_epoch(key: &[u8]) -> Option<u64> {
    let (epoch, _) = key.strip_prefix(b"b")?.split_first_chunk()?;
    Some(u64::from_be_bytes(*epoch))
}

/// Returns the keys of the parts of Welcomes that joiners share.
pub(crate) fn welcomes() -> KeyRange {
    KeyRange::prefix(*b"w")
}

/// Returns the keys of the joiners of a Commit.
pub(crate) fn joiners(seq: u64) -> KeyRange {
    KeyRange::prefix([b"j".as_slice(), &seq.to_be_bytes()].concat())
}

/// Returns the keys of the pending proposals.
pub(crate) fn proposals() -> KeyRange {
    KeyRange::prefix(*b"q")
}

/// Returns the keys of a client's memberships.
pub(crate) fn memberships(client: &ClientId) -> KeyRange {
    KeyRange::prefix([b"m", client.as_str().as_bytes(), &[0]].concat())
}

/// Returns the keys of the memberships of a user's clients.
pub(crate) fn memberships_of(user: &UserId) -> KeyRange {
    KeyRange::prefix([b"m", user.as_str().as_bytes(), b"/"].concat())
}

/// Returns the keys of the removals that are due.
pub(crate) fn removals() -> KeyRange {
    KeyRange::prefix(*b"x")
}

/// Returns the keys of the changes that are still to be copied.
pub(crate) fn relays() -> KeyRange {
    KeyRange::prefix(*b"y")
}

/// Returns the keys of all reports.
pub(crate) fn reports() -> KeyRange {
    KeyRange::prefix(*b"r")
}

/// Returns the keys of the reports about the Commit `seq`.
pub(crate) fn reports_about(seq: u64) -> KeyRange {
    KeyRange::prefix([b"r".as_slice(), &(!seq).to_be_bytes()].concat())
}

/// Returns the client at the end of the key of a report.
pub(crate) fn reporter(key: &[u8]) -> Option<ClientId> {
    std::str::from_utf8(key.get(9..)?).ok()?.parse().ok()
}

/// Returns the keys of the memberships of all clients.
pub(crate) fn all_memberships() -> KeyRange {
    KeyRange::prefix(*b"m")
}

/// Returns the keys of all sets of parts.
pub(crate) fn sets_of_parts() -> KeyRange {
    KeyRange::prefix(*b"s")
}

/// Returns the keys of the parts of a set.
pub(crate) fn parts_of(id: Digest) -> KeyRange {
    KeyRange::prefix([b"c".as_slice(), id.as_ref()].concat())
}

/// Returns the number at the end of a key.
pub(crate) fn last_number(key: &[u8]) -> Option<u64> {
    let (_, number) = key.split_last_chunk()?;
    Some(u64::from_be_bytes(*number))
}
