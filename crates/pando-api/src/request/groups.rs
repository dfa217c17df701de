//! Creating groups, sending messages, and reading the state of groups (docs/protocol.md, section
//! 10).

use crate::SignedHead;
use crate::codec::flag;
use pando_mls::GroupId;
use pando_wire::{Encode, Opaque, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The request to create a group.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct CreateGroup {
    /// The `MLSMessage` of the GroupInfo of epoch 0, with the `ratchet_tree` extension.
    pub group_info: Opaque,
    /// The first Commit. A group that is created with its first Commit cannot get stuck in epoch 0.
    pub first_commit: Option<SubmitCommit>,
}

impl Encode for CreateGroup {}

/// The request to send a Commit.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SubmitCommit {
    /// The `MLSMessage` of the Commit, a PublicMessage.
    pub commit: Opaque,
    /// The `MLSMessage` of the Welcome. Empty if the Commit adds no client by an Add.
    pub welcome: Opaque,
    /// The `MLSMessage` of the GroupInfo of the new epoch, without the `ratchet_tree` extension.
    pub group_info: Opaque,
}

impl Encode for SubmitCommit {}

/// The request to send a proposal or an application message.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SubmitMessage {
    /// The `MLSMessage`.
    pub message: Opaque,
}

impl Encode for SubmitMessage {}

/// A proposal of the current epoch that a Commit may refer to.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PendingProposal {
    /// The sequence number of the proposal in the log.
    pub seq: u64,
    /// The `MLSMessage`.
    pub message: Opaque,
}

impl Encode for PendingProposal {}

/// The current state of a group.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupState {
    /// The `MLSMessage` of the GroupInfo of the current epoch, as the committer sent it.
    pub group_info: Opaque,
    /// The tree hash, by which the ratchet tree can be fetched.
    pub tree_hash: Opaque,
    /// The number of leaves of the ratchet tree, blank leaves included.
    pub tree_leaves: u32,
    /// The proposals of the current epoch.
    #[tls_codec(with = "list")]
    pub proposals: Vec<PendingProposal>,
    /// The successor, if the group has ended.
    pub successor: Option<GroupId>,
    /// The signed head of the newest log entry.
    pub head: SignedHead,
}

impl Encode for GroupState {}

/// A group in which a client of the session's user is a member.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupSummary {
    /// The group.
    pub group_id: GroupId,
    /// The current epoch.
    pub epoch: u64,
    /// The sequence number of the newest log entry.
    pub seq: u64,
    /// Whether the session's own client is a member.
    #[tls_codec(with = "flag")]
    pub is_member: bool,
}

impl Encode for GroupSummary {}

/// The groups of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupList {
    /// The groups.
    #[tls_codec(with = "list")]
    pub groups: Vec<GroupSummary>,
}

impl Encode for GroupList {}
