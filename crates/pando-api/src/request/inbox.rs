//! Welcomes in the inbox of a client (docs/protocol.md, section 13).

use pando_mls::GroupId;
use pando_wire::{Encode, Opaque, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A Welcome for a client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct InboxEntry {
    /// The sequence number in the inbox. Sequence numbers rise, with gaps.
    pub seq: u64,
    /// The group that the client is invited to.
    pub group_id: GroupId,
    /// The sequence number of the Commit in the log of the group.
    pub group_seq: u64,
    /// The time after which the server may delete the entry, in milliseconds since 1970.
    pub expires: u64,
    /// The tree hash, by which the ratchet tree can be fetched.
    pub tree_hash: Opaque,
    /// The `MLSMessage` of the Welcome, with the entry of this client only.
    pub welcome: Opaque,
}

impl Encode for InboxEntry {}

/// Entries of an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct InboxPage {
    /// The entries, by their sequence numbers.
    #[tls_codec(with = "list")]
    pub entries: Vec<InboxEntry>,
}

impl Encode for InboxPage {}
