//! A method for each operation.

use crate::delivery::DeliveryClient;
use crate::description::Description;
use crate::error::{BadAnswer, CallError};
use crate::operation::{Answer, Operation};
use crate::ranges::Contents;
use crate::transport::Transport;
use bytes::Bytes;
use pando_api::{
    Acknowledgement, Blob, ClaimKeyPackages, ClaimedKeyPackages, CreateGroup, Digest, GroupList, GroupState,
    InboxPage, KeyPackageCounts, LogPage, Receipt, RemovalIntent, Report, Reports, Reset, SubmitCommit,
    SubmitMessage, UploadKeyPackages,
};
use pando_mls::{GroupId, Opaque, Suite};

/// Defines methods that perform an operation and return the contents of its answer.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty,
        $answer:pat => $value:expr, $operation:expr;)*) => {
        impl<T: Transport> DeliveryClient<T> {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`CallError`] if there is no result.
            pub async fn $name(&self, $($argument: $type),*) -> Result<$result, CallError> {
                match self.call(&$operation).await? {
                    $answer => Ok($value),
                    _ => Err(BadAnswer::Other("kind of the answer").into()),
                }
            }
        )*}
    };
}

methods! {
    /// Describes the server.
    describe() -> Description, Answer::Description(description) => description, Operation::Describe;
    /// Asks whether the server runs.
    check_health() -> (), Answer::Done => (), Operation::CheckHealth;
    /// Creates a group. Returns the receipt of the last entry of its log.
    create_group(request: CreateGroup) -> Receipt,
        Answer::Receipt(receipt) => receipt, Operation::CreateGroup(request);
    /// Lists the groups in which a client of our user is a member.
    list_groups() -> GroupList, Answer::Groups(groups) => groups, Operation::ListGroups;
    /// Sends a Commit.
    submit_commit(group_id: GroupId, request: SubmitCommit) -> Receipt,
        Answer::Receipt(receipt) => receipt, Operation::SubmitCommit(group_id, request);
    /// Sends a proposal or an application message.
    submit_message(group_id: GroupId, message: Opaque) -> Receipt,
        Answer::Receipt(receipt) => receipt, Operation::SubmitMessage(group_id, SubmitMessage { message });
    /// Reads the current state of a group.
    read_state(group_id: GroupId) -> GroupState, Answer::State(state) => state, Operation::ReadState(group_id);
    /// Reads a ratchet tree. If a cipher suite is given, the tree hash is verified.
    read_tree(group_id: GroupId, tree_hash: Opaque, suite: Option<Suite>) -> Contents,
        Answer::Contents(tree) => tree, Operation::ReadTree { group_id, tree_hash, range: None, suite };
    /// Asks for the removal of a client. Returns the receipt of the server's proposal.
    request_removal(group_id: GroupId, request: RemovalIntent) -> Receipt,
        Answer::Receipt(receipt) => receipt, Operation::RequestRemoval(group_id, request);
    /// Reads the entries of a log after a sequence number. Waits some seconds for an entry.
    read_log(group_id: GroupId, after: u64, wait: u64) -> LogPage,
        Answer::Log(page) => page, Operation::ReadLog { group_id, after, limit: None, wait };
    /// Says that all entries up to a sequence number are stored.
    acknowledge(group_id: GroupId, seq: u64) -> (),
        Answer::Done => (), Operation::Acknowledge(group_id, Acknowledgement { seq });
    /// Uploads KeyPackages.
    upload_key_packages(request: UploadKeyPackages) -> (),
        Answer::Done => (), Operation::UploadKeyPackages(request);
    /// Counts our KeyPackages at the server.
    count_key_packages() -> KeyPackageCounts, Answer::Counts(counts) => counts, Operation::CountKeyPackages;
    /// Claims KeyPackages of a user or a client.
    claim_key_packages(request: ClaimKeyPackages) -> ClaimedKeyPackages,
        Answer::Claimed(claimed) => claimed, Operation::ClaimKeyPackages(request);
    /// Reads the Welcomes after a sequence number. Waits some seconds for a Welcome.
    read_inbox(after: u64, wait: u64) -> InboxPage,
        Answer::Inbox(page) => page, Operation::ReadInbox { after, wait };
    /// Removes a Welcome.
    remove_inbox_entry(seq: u64) -> (), Answer::Done => (), Operation::RemoveInboxEntry(seq);
    /// Stores a blob until a time in milliseconds since 1970.
    store_blob(contents: Bytes, expires: u64) -> Blob,
        Answer::Stored(blob) => blob, Operation::StoreBlob { contents, expires };
    /// Reads a blob.
    read_blob(digest: Digest) -> Contents,
        Answer::Contents(blob) => blob, Operation::ReadBlob { digest, range: None };
    /// Files a report about a Commit that cannot be processed.
    file_report(group_id: GroupId, report: Report) -> (),
        Answer::Done => (), Operation::FileReport(group_id, report);
    /// Lists the reports about the Commits of a group.
    list_reports(group_id: GroupId) -> Reports,
        Answer::Reports(reports) => reports, Operation::ListReports(group_id);
    /// Ends a group and registers its successor. Returns the receipt of the last entry of the
    /// successor's log.
    reset_group(group_id: GroupId, request: Reset) -> Receipt,
        Answer::Receipt(receipt) => receipt, Operation::ResetGroup(group_id, request);
}
