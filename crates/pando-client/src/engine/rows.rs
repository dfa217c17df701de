//! The rows that the engine stores besides the groups.
//!
//! The rows are records of the store, which are encrypted and are written in the same transactions
//! as the groups. A row that the engine has in memory is equal to the stored one, except during a
//! transaction.

use super::text;
use pando_api::{
    ClaimKeyPackages, ClaimTarget, ClaimedKeyPackages, ClientId, CreateGroup, Digest, EntryKind, Failure,
    LogCursor, MessageId, Policy, RemovalIntent, SignedHead, SubmitCommit, UploadKeyPackages,
};
use pando_mls::{CipherSuite, Decode, Encode, GroupId, LeafIndex, Opaque, ProposalRef, SignaturePublicKey};
use pando_wire::list;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A row of a table.
pub(crate) trait Row: Encode + Decode {
    /// The name of the table, which is the collection of its records.
    const TABLE: &'static [u8];
}

/// Defines the tables of rows.
macro_rules! tables {
    ($($row:ident $name:literal)*) => {$(
        impl Encode for $row {}

        impl Row for $row {
            const TABLE: &'static [u8] = $name;
        }
    )*};
}

tables! {
    ClientRow b"engine/client"
    GroupRow b"engine/groups"
    OperationRow b"engine/operations"
    ClaimRow b"engine/claims"
    MessageRow b"engine/messages"
    ReportRow b"engine/reports"
    HistoryRow b"engine/history"
}

/// The one row of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ClientRow {
    /// The highest number that was given to a group, an operation, a claim, a message or an event.
    pub(crate) last_number: u64,
    /// The sequence number of the last Welcome that was handled.
    pub(crate) inbox_seq: u64,
    /// The keys by which the server signs heads. Keys are never removed, because evidence against
    /// the server may need them.
    #[tls_codec(with = "list")]
    pub(crate) server_keys: Vec<Opaque>,
    /// The keys by which the server proposes removals.
    #[tls_codec(with = "list")]
    pub(crate) removers: Vec<Remover>,
    /// The KeyPackages that must be uploaded. They are sent unchanged until they are accepted.
    pub(crate) upload: Option<UploadKeyPackages>,
    /// Whether the KeyPackage of last resort was used, so that another one must replace it.
    pub(crate) needs_last_resort: u8,
    /// Whether the groups of our user were listed.
    pub(crate) has_listed: u8,
}

/// A key by which the server proposes removals.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Remover {
    /// The name of the signature scheme in TLS.
    #[tls_codec(with = "text")]
    pub(crate) scheme: String,
    pub(crate) key: SignaturePublicKey,
}

/// A group at the server.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct GroupRow {
    pub(crate) group_id: GroupId,
    pub(crate) stage: GroupStage,
    /// The sequence number of the creation or Commit by which the client became a member; 0 before.
    pub(crate) start: u64,
    /// The last entry whose effects the group had when the client joined it.
    pub(crate) skip: u64,
    /// The first epoch of the membership. Messages of earlier epochs are not for this client.
    pub(crate) first_epoch: u64,
    /// The last entry that was read. `None` before the client is a member.
    pub(crate) cursor: Option<LogCursor>,
    /// The signed head of the last page that was read, or of the receipt with which the client
    /// joined.
    pub(crate) head: Option<SignedHead>,
    /// The proposals of the epoch, with their places in the log.
    #[tls_codec(with = "list")]
    pub(crate) proposals: Vec<PlacedProposal>,
    /// Signed heads of entries that the client has not read yet.
    #[tls_codec(with = "list")]
    pub(crate) later_heads: Vec<LaterHead>,
    /// The time at which our leaf was made, in milliseconds since 1970 by our clock: if it was by
    /// the server's, a client whose clock is ahead would never stop updating. 0 if it must be
    /// renewed at once.
    pub(crate) leaf_time: u64,
}

/// The stage of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub(crate) enum GroupStage {
    /// The server has not created the group yet.
    Creating = 1,
    /// The client joins by an external Commit.
    Joining = 2,
    /// The client is a member.
    Member = 3,
    /// The client was removed, or has left.
    Removed = 4,
    /// The group has ended.
    Ended = 5,
    /// The log cannot be processed further.
    Broken = 6,
}

/// A proposal and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PlacedProposal {
    pub(crate) seq: u64,
    pub(crate) reference: ProposalRef,
}

/// A signed head that is compared with the log when the client has read its entry, or has asked
/// the server for the key that signed it.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct LaterHead {
    pub(crate) head: SignedHead,
    /// The client that has sent the head. `None` if that is the server, or is not known.
    pub(crate) sender: Option<ClientId>,
    /// The place of the message with the head in the log; 0 if the server has sent the head.
    pub(crate) seq: u64,
}

/// An operation that the application has started.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OperationRow {
    pub(crate) group_id: GroupId,
    pub(crate) intent: Intent,
    pub(crate) stage: Stage,
    /// The proposals that the server refuses in a Commit, by their places in the log.
    #[tls_codec(with = "list")]
    pub(crate) refused: Vec<u64>,
    /// How often the operation was built again.
    pub(crate) attempts: u32,
    /// Whether the engine has started the operation by itself, so that no event reports its end.
    pub(crate) is_internal: u8,
}

/// What an operation shall achieve.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub(crate) enum Intent {
    /// Create the group with this policy and add clients.
    #[tls_codec(discriminant = 1)]
    Create(Policy),
    /// Add clients.
    #[tls_codec(discriminant = 2)]
    Add,
    /// Remove clients.
    #[tls_codec(discriminant = 3)]
    Remove(#[tls_codec(with = "list")] Vec<ClaimTarget>),
    /// Replace the policy.
    #[tls_codec(discriminant = 4)]
    SetPolicy(Policy),
    /// Renew our leaf.
    #[tls_codec(discriminant = 5)]
    Update,
    /// Commit the pending proposals.
    #[tls_codec(discriminant = 6)]
    CommitProposals,
    /// Leave the group.
    #[tls_codec(discriminant = 7)]
    Leave,
    /// Join by an external Commit.
    #[tls_codec(discriminant = 8)]
    Join,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub(crate) enum Stage {
    /// No request was made yet.
    #[tls_codec(discriminant = 1)]
    Waiting,
    /// The request may have been sent. It is sent unchanged until its outcome is known.
    #[tls_codec(discriminant = 2)]
    Creating(CreateGroup),
    /// The request may have been sent. It is sent unchanged until its outcome is known.
    #[tls_codec(discriminant = 3)]
    Committing(SubmitCommit),
    /// The request may have been sent. It is sent unchanged until its outcome is known.
    #[tls_codec(discriminant = 4)]
    Leaving(RemovalIntent),
    /// The server has accepted the request. The log ends the operation.
    #[tls_codec(discriminant = 5)]
    Accepted,
    /// The server has created the group, whose creation has no first Commit. The entry of the
    /// creation ends the operation.
    #[tls_codec(discriminant = 6)]
    Created,
}

/// A claim of KeyPackages for an operation.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ClaimRow {
    pub(crate) operation: u64,
    pub(crate) claim: ClaimKeyPackages,
    /// The result, which is kept while the operation is repeated: a KeyPackage is claimed once.
    pub(crate) claimed: Option<ClaimedKeyPackages>,
}

/// A message that waits for its receipt. Its content and its encryption are in the tables
/// [`CONTENTS`] and [`ENCRYPTED`], and are not kept in memory.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct MessageRow {
    pub(crate) group_id: GroupId,
    pub(crate) id: MessageId,
    /// Whether the message is encrypted, so that it may have been sent.
    pub(crate) is_encrypted: u8,
}

/// A report about a Commit that the client cannot process. It is signed when it is sent, and sent
/// until the server has accepted or refused it.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ReportRow {
    pub(crate) group_id: GroupId,
    /// The place of the Commit in the log.
    pub(crate) seq: u64,
    /// The digest of the Commit.
    pub(crate) digest: Digest,
    pub(crate) failure: Failure,
    /// Our leaf in the epoch before.
    pub(crate) leaf: LeafIndex,
    /// The cipher suite of the group.
    pub(crate) cipher_suite: CipherSuite,
    /// The signature key of our leaf in the epoch before.
    pub(crate) key: SignaturePublicKey,
}

/// The table of the contents of messages that wait for their receipts.
pub(crate) const CONTENTS: &[u8] = b"engine/contents";

/// The table of encrypted messages that wait for their receipts.
pub(crate) const ENCRYPTED: &[u8] = b"engine/encrypted";

/// The table of events that the application has not acknowledged.
pub(crate) const EVENTS: &[u8] = b"engine/events";

/// An entry of a group's log that was read, without its message.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct HistoryRow {
    pub(crate) incarnation: u64,
    pub(crate) time: u64,
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    /// The digest of the message.
    pub(crate) digest: Digest,
    /// The hash of the entry.
    pub(crate) hash: Digest,
}

/// Returns the name of a table of a group.
pub(crate) fn table_of(table: &[u8], group_id: &GroupId) -> Vec<u8> {
    [table, b"/", group_id].concat()
}

/// The table of the identifiers of messages that were received, one for each group.
pub(crate) const SEEN: &[u8] = b"engine/seen";
