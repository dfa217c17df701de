//! The operations of the protocol and their results (docs/protocol.md, sections 5, 7 and 10 to 15).
//!
//! The two requests of a login (section 6.1) are not among them, because the client logs in by
//! itself.

use crate::description::Description;
use crate::ranges::{ByteRange, Contents};
use bytes::Bytes;
use pando_api::{
    Acknowledgement, Blob, ClaimKeyPackages, ClaimedKeyPackages, CreateGroup, Digest, GroupList, GroupState,
    InboxPage, KeyPackageCounts, LogPage, Receipt, RemovalIntent, Report, Reports, Reset, SubmitCommit,
    SubmitMessage, UploadKeyPackages,
};
use pando_mls::{GroupId, Opaque, Suite};

/// A request to the delivery service.
///
/// A mutation whose outcome is unknown is repeated with an equal operation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /.well-known/pando`: describes the server. It needs no login.
    Describe,
    /// `GET /healthz`: asks whether the server runs. It needs no login.
    CheckHealth,
    /// `POST /groups`: creates a group.
    CreateGroup(CreateGroup),
    /// `GET /groups`: lists the groups of our user.
    ListGroups,
    /// `POST /groups/{group}/commits`: sends a Commit.
    SubmitCommit(GroupId, SubmitCommit),
    /// `POST /groups/{group}/messages`: sends a proposal or an application message.
    SubmitMessage(GroupId, SubmitMessage),
    /// `GET /groups/{group}/info`: reads the current state of a group.
    ReadState(GroupId),
    /// `GET /groups/{group}/trees/{hash}`: reads a ratchet tree.
    ReadTree {
        /// The group.
        group_id: GroupId,
        /// The tree hash.
        tree_hash: Opaque,
        /// The range, or `None` for the whole tree.
        range: Option<ByteRange>,
        /// The cipher suite of the group, by which the client verifies the tree hash of a whole
        /// tree. `None` if the caller verifies it, as joining a group does: for a large tree, the
        /// check takes as long as joining without the signatures.
        suite: Option<Suite>,
    },
    /// `POST /groups/{group}/removals`: asks for the removal of a client.
    RequestRemoval(GroupId, RemovalIntent),
    /// `GET /groups/{group}/log`: reads entries of the log.
    ReadLog {
        /// The group.
        group_id: GroupId,
        /// The sequence number of the last entry that the caller has.
        after: u64,
        /// The most bytes of messages, or `None` for the server's choice.
        limit: Option<u64>,
        /// The most seconds for which the server waits for an entry.
        wait: u64,
    },
    /// `POST /groups/{group}/acknowledgements`: says what the client has stored.
    Acknowledge(GroupId, Acknowledgement),
    /// `POST /key-packages`: uploads KeyPackages.
    UploadKeyPackages(UploadKeyPackages),
    /// `GET /key-packages`: counts our KeyPackages.
    CountKeyPackages,
    /// `POST /key-packages/claims`: claims KeyPackages of a user or a client.
    ClaimKeyPackages(ClaimKeyPackages),
    /// `GET /inbox`: reads Welcomes.
    ReadInbox {
        /// The sequence number of the last entry that the caller has.
        after: u64,
        /// The most seconds for which the server waits for an entry.
        wait: u64,
    },
    /// `DELETE /inbox/{seq}`: removes a Welcome.
    RemoveInboxEntry(u64),
    /// `PUT /blobs/{digest}`: stores a blob.
    StoreBlob {
        /// The encrypted contents.
        contents: Bytes,
        /// The time after which the server may delete the blob, in milliseconds since 1970.
        expires: u64,
    },
    /// `GET /blobs/{digest}`: reads a blob.
    ReadBlob {
        /// The digest of the contents.
        digest: Digest,
        /// The range, or `None` for the whole blob.
        range: Option<ByteRange>,
    },
    /// `POST /groups/{group}/reports`: files a report about a Commit that cannot be processed.
    FileReport(GroupId, Report),
    /// `GET /groups/{group}/reports`: lists the reports.
    ListReports(GroupId),
    /// `POST /groups/{group}/reset`: ends a group and registers its successor.
    ResetGroup(GroupId, Reset),
}

impl Operation {
    /// Returns whether the operation needs a session.
    pub(crate) const fn needs_session(&self) -> bool {
        !matches!(self, Self::Describe | Self::CheckHealth)
    }
}

/// The result of an [`Operation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The operation is done: [`Operation::CheckHealth`], [`Operation::Acknowledge`],
    /// [`Operation::UploadKeyPackages`], [`Operation::RemoveInboxEntry`] or
    /// [`Operation::FileReport`].
    Done,
    /// Of [`Operation::Describe`].
    Description(Description),
    /// Of [`Operation::CreateGroup`], [`Operation::SubmitCommit`], [`Operation::SubmitMessage`],
    /// [`Operation::RequestRemoval`] and [`Operation::ResetGroup`].
    Receipt(Receipt),
    /// Of [`Operation::ListGroups`].
    Groups(GroupList),
    /// Of [`Operation::ReadState`].
    State(GroupState),
    /// Of [`Operation::ReadTree`] and [`Operation::ReadBlob`].
    Contents(Contents),
    /// Of [`Operation::ReadLog`].
    Log(LogPage),
    /// Of [`Operation::CountKeyPackages`].
    Counts(KeyPackageCounts),
    /// Of [`Operation::ClaimKeyPackages`].
    Claimed(ClaimedKeyPackages),
    /// Of [`Operation::ReadInbox`].
    Inbox(InboxPage),
    /// Of [`Operation::StoreBlob`].
    Stored(Blob),
    /// Of [`Operation::ListReports`].
    Reports(Reports),
}
