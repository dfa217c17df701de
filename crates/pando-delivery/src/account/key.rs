//! Keys of the rows in an account's partition.
//!
//! The first byte is the kind of the row. Numbers are in big-endian order, so rows of one kind are
//! sorted by number. The texts of clients contain no zero byte, so a zero byte after a client
//! separates its rows from those of all other clients.

use crate::store::KeyRange;
use pando_api::{ClaimId, ClientId, Digest, UserId};
use pando_mls::{CipherSuite, GroupId};

/// Returns the name of a user's partition.
#[must_use]
pub fn partition(user: &UserId) -> Vec<u8> {
    [b"u/", user.as_str().as_bytes()].concat()
}

/// The use of a KeyPackage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The KeyPackage is served once.
    Once,
    /// The KeyPackage is served when there is no other one.
    LastResort,
}

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// The [`ClientRow`](super::client_row::ClientRow) of a client.
    Client(&'a ClientId),
    /// A nonce that was used, by its digest.
    Nonce(Digest),
    /// A KeyPackage that can be served, by its use, client, cipher suite, expiry and reference.
    Available(Use, &'a ClientId, CipherSuite, u64, &'a [u8]),
    /// The bytes of a KeyPackage, by its reference. They are empty after the KeyPackage was claimed
    /// or deleted.
    Reference(&'a [u8]),
    /// The answer to a claim, by the claimer.
    Claim(&'a ClientId, ClaimId),
    /// A pointer to a Welcome in the inbox of a client, by its sequence number.
    Inbox(&'a ClientId, u64),
    /// The last sequence number of a client's inbox.
    InboxEnd(&'a ClientId),
    /// A Welcome that was delivered to a client, by the Commit and the group.
    Delivered(&'a ClientId, u64, &'a GroupId),
    /// A present membership of a client in a group.
    Member(&'a GroupId, &'a ClientId),
    /// An ended membership of a client in a group.
    Ended(&'a GroupId, &'a ClientId),
    /// A row that expires, by the time and the key of the row.
    Expiry(u64, &'a [u8]),
}

impl Key<'_> {
    /// Encodes the key.
    pub(crate) fn encode(self) -> Vec<u8> {
        match self {
            Self::Client(client) => [b"a", client.as_str().as_bytes()].concat(),
            Self::Nonce(digest) => [b"n".as_slice(), digest.as_ref()].concat(),
            Self::Available(used, client, suite, expires, reference) => {
                [&pool(used, client, suite), expires.to_be_bytes().as_slice(), reference].concat()
            }
            Self::Reference(reference) => [b"r", reference].concat(),
            Self::Claim(claimer, id) => [&of_client(b'c', claimer), id.0.as_slice()].concat(),
            Self::Inbox(client, seq) => [&of_client(b'i', client), seq.to_be_bytes().as_slice()].concat(),
            Self::InboxEnd(client) => of_client(b's', client),
            Self::Delivered(client, seq, group_id) => {
                [&of_client(b'd', client), seq.to_be_bytes().as_slice(), group_id].concat()
            }
            Self::Member(group_id, client) => {
                [&of_group(b'g', group_id), client.as_str().as_bytes()].concat()
            }
            Self::Ended(group_id, client) => [&of_group(b'h', group_id), client.as_str().as_bytes()].concat(),
            Self::Expiry(at, key) => [b"t", at.to_be_bytes().as_slice(), key].concat(),
        }
    }
}

/// Returns the keys of all clients.
pub(crate) fn clients() -> KeyRange {
    KeyRange::prefix(*b"a")
}

/// Returns the keys of a client's KeyPackages with this use.
pub(crate) fn key_packages(used: Use, client: &ClientId) -> KeyRange {
    KeyRange::prefix(pools(used, client))
}

/// Returns the keys of a client's KeyPackages with this use and cipher suite.
pub(crate) fn key_packages_of(used: Use, client: &ClientId, suite: CipherSuite) -> KeyRange {
    KeyRange::prefix(pool(used, client, suite))
}

/// Returns the keys of the KeyPackages with this use, client and cipher suite that
/// expire after `time`.
pub(crate) fn expiring_after(used: Use, client: &ClientId, suite: CipherSuite, time: u64) -> KeyRange {
    let next = time.saturating_add(1);
    key_packages_of(used, client, suite).after(&Key::Available(used, client, suite, next, &[]).encode())
}

/// Takes the key of a client's KeyPackage apart: cipher suite, expiry and reference.
pub(crate) fn read_key_package<'a>(
    key: &'a [u8],
    used: Use,
    client: &ClientId,
) -> Option<(CipherSuite, u64, &'a [u8])> {
    let (suite, rest) = key.strip_prefix(pools(used, client).as_slice())?.split_first_chunk()?;
    let (expires, reference) = rest.split_first_chunk()?;
    Some((CipherSuite(u16::from_be_bytes(*suite)), u64::from_be_bytes(*expires), reference))
}

/// Returns the keys of a client's inbox after `seq`.
pub(crate) fn inbox_after(client: &ClientId, seq: u64) -> KeyRange {
    KeyRange::prefix(of_client(b'i', client)).after(&Key::Inbox(client, seq).encode())
}

/// Returns the keys of present memberships in the groups after `group_id`.
pub(crate) fn members_after(group_id: Option<&GroupId>) -> KeyRange {
    let all = KeyRange::prefix(*b"g");
    // The texts of clients are ASCII, so this key is behind those of all clients.
    group_id.map_or(all.clone(), |group_id| all.after(&[of_group(b'g', group_id), vec![u8::MAX]].concat()))
}

/// Takes the key of a membership apart: group and client.
pub(crate) fn read_member(key: &[u8]) -> Option<(GroupId, ClientId)> {
    let (length, rest) = key.get(1..)?.split_first_chunk()?;
    let (group_id, client) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((GroupId::from(group_id), std::str::from_utf8(client).ok()?.parse().ok()?))
}

/// Returns the keys of the rows that expire.
pub(crate) fn expiries() -> KeyRange {
    KeyRange::prefix(*b"t")
}

/// Takes the key of an expiry apart: the time, and the key of the row that expires.
pub(crate) fn read_expiry(key: &[u8]) -> Option<(u64, &[u8])> {
    let (at, key) = key.get(1..)?.split_first_chunk()?;
    Some((u64::from_be_bytes(*at), key))
}

/// Returns the start of the keys of a client's rows.
fn of_client(kind: u8, client: &ClientId) -> Vec<u8> {
    [&[kind], client.as_str().as_bytes(), &[0]].concat()
}

/// Returns the start of the keys of a group's rows. The length comes first, so no group's rows are
/// among another's.
fn of_group(kind: u8, group_id: &GroupId) -> Vec<u8> {
    // An identifier has at most 64 bytes. A longer one would make the key too long for the store.
    let length = u16::try_from(group_id.len()).unwrap_or(u16::MAX);
    [&[kind], length.to_be_bytes().as_slice(), group_id].concat()
}

/// Returns the start of the keys of a client's KeyPackages.
fn pools(used: Use, client: &ClientId) -> Vec<u8> {
    let kind = match used {
        Use::Once => b'k',
        Use::LastResort => b'l',
    };
    of_client(kind, client)
}

/// Returns the start of the keys of a client's KeyPackages of a cipher suite.
fn pool(used: Use, client: &ClientId, suite: CipherSuite) -> Vec<u8> {
    [pools(used, client), suite.0.to_be_bytes().to_vec()].concat()
}
