//! What calls are for, and what was read for later calls.

use pando_api::{GroupState, InboxEntry};
use pando_mls::GroupId;

/// What a call is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    DescribeServer,
    CountKeyPackages,
    UploadKeyPackages,
    ListGroups,
    Claim(u64),
    /// The request of an operation.
    Operation(u64),
    JoinState(u64),
    JoinTree(u64, Box<GroupState>),
    Message(u64),
    Report(u64),
    ReadInbox,
    WelcomeTree(Box<Welcome>),
    RemoveWelcome(u64),
    Read(GroupId),
    Acknowledge(GroupId, u64),
}

/// A Welcome that was read.
#[derive(Debug, Clone)]
pub(super) struct Welcome {
    pub(super) entry: InboxEntry,
    /// Whether the Welcome was handled, and is only removed from the inbox.
    pub(super) is_done: bool,
}

/// What an external join has read.
#[derive(Debug)]
pub(super) enum Progress {
    State(Box<GroupState>),
    Tree(Box<GroupState>, Vec<u8>),
}
