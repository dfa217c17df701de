//! The checks of answers to operations (docs/protocol.md, sections 5, 7 and 10 to 15).
//!
//! An answer is checked as far as the request, the answer and the keys of the server allow.

use crate::answer::{BYTES_MEDIA_TYPE, NoAnswer, check_media_type, check_status, empty, encoded, only};
use crate::description::Description;
use crate::error::BadAnswer;
use crate::operation::{Answer, Operation};
use crate::ranges::{ByteRange, Contents};
use bytes::Bytes;
use http::Response;
use http::header::CONTENT_RANGE;
use pando_api::{
    Blob, ClaimTarget, ClaimedKeyPackages, CreateGroup, Digest, Domain, EntryKind, GroupState, InboxPage,
    LogEntry, LogId, LogPage, Receipt, Reports, ServerKeys, SignedHead,
};
use pando_mls::{Decode, GroupId, MlsMessage, Opaque, Suite, Tree};

/// The server whose answers are checked.
pub(crate) struct Server<'a> {
    /// The domain that the client dials.
    pub(crate) domain: &'a Domain,
    /// The keys in the description of the server.
    pub(crate) keys: &'a ServerKeys,
}

impl Operation {
    /// Checks the answer to this operation and returns its result.
    pub(crate) fn result(&self, response: &Response<Bytes>, server: &Server<'_>) -> Result<Answer, NoAnswer> {
        Ok(match self {
            Self::Describe => Answer::Description(described(response, server.domain)?),
            Self::CheckHealth => check_status(response, 200).map(|()| Answer::Done)?,
            Self::Acknowledge(..)
            | Self::UploadKeyPackages(_)
            | Self::RemoveInboxEntry(_)
            | Self::FileReport(..) => empty(response).map(|()| Answer::Done)?,
            Self::CreateGroup(request) => created(encoded(response, 201)?, request, server)?,
            Self::ResetGroup(_, reset) => created(encoded(response, 201)?, &reset.successor, server)?,
            Self::SubmitCommit(group_id, request) => {
                placed(encoded(response, 200)?, group_id, &request.commit, server)?
            }
            Self::SubmitMessage(group_id, request) => {
                placed(encoded(response, 200)?, group_id, &request.message, server)?
            }
            Self::RequestRemoval(group_id, _) => removal(encoded(response, 200)?, group_id, server)?,
            Self::ListGroups => Answer::Groups(encoded(response, 200)?),
            Self::ReadState(group_id) => {
                let state: GroupState = encoded(response, 200)?;
                server.check_head(&state.head, group_id)?;
                Answer::State(state)
            }
            Self::ReadTree { tree_hash, range, suite, .. } => {
                Answer::Contents(contents(response, *range, |tree| is_tree(tree, tree_hash, *suite))?)
            }
            Self::ReadLog { group_id, after, .. } => {
                Answer::Log(page(encoded(response, 200)?, group_id, *after, server)?)
            }
            Self::CountKeyPackages => Answer::Counts(encoded(response, 200)?),
            Self::ClaimKeyPackages(claim) => {
                Answer::Claimed(claimed(encoded(response, 200)?, &claim.target)?)
            }
            Self::ReadInbox { after, .. } => Answer::Inbox(inbox(encoded(response, 200)?, *after)?),
            Self::StoreBlob { contents, expires } => {
                Answer::Stored(stored(encoded(response, 200)?, contents, *expires)?)
            }
            Self::ReadBlob { digest, range } => {
                Answer::Contents(contents(response, *range, |blob| Digest::of(blob) == *digest)?)
            }
            Self::ListReports(group_id) => {
                Answer::Reports(reports(encoded(response, 200)?, group_id, server)?)
            }
        })
    }
}

impl Server<'_> {
    /// Verifies a signed head of a group's log.
    fn check_head(&self, signed: &SignedHead, group_id: &GroupId) -> Result<(), BadAnswer> {
        let log = LogId { domain: self.domain.clone(), group_id: group_id.clone() };
        if signed.verify(self.keys)?.log() == log { Ok(()) } else { Err(BadAnswer::OtherLog) }
    }

    /// Verifies the receipt of a message of a group.
    fn check_receipt(
        &self,
        receipt: &Receipt,
        group_id: &GroupId,
        message: &Opaque,
    ) -> Result<(), BadAnswer> {
        receipt.verify(message, self.keys)?;
        self.check_head(&receipt.head, group_id)?;
        let (kind, epoch, head) = (receipt.kind, receipt.epoch, &receipt.head.head);
        let (incarnation, seq, time) = (head.incarnation, head.seq, head.time);
        LogEntry { incarnation, seq, time, kind, epoch, message: message.clone() }
            .decode_message(group_id)?;
        Ok(())
    }
}

fn described(response: &Response<Bytes>, domain: &Domain) -> Result<Description, NoAnswer> {
    let description = Description::of(response)?;
    if description.domain == *domain { Ok(description) } else { Err(BadAnswer::Other("domain").into()) }
}

/// Checks the receipt of the last entry that the creation of a group made.
fn created(receipt: Receipt, request: &CreateGroup, server: &Server<'_>) -> Result<Answer, BadAnswer> {
    let first_commit = request.first_commit.as_ref();
    let (message, seq) = first_commit.map_or((&request.group_info, 1), |first| (&first.commit, 2));
    let decoded = MlsMessage::decode(message).map_err(pando_api::EntryError::from)?;
    let group_id = decoded.group_id().ok_or(BadAnswer::OtherLog)?;
    server.check_receipt(&receipt, group_id, message)?;
    if receipt.head.head.seq == seq { Ok(Answer::Receipt(receipt)) } else { Err(BadAnswer::Place) }
}

/// Checks the receipt of a message.
fn placed(
    receipt: Receipt,
    group_id: &GroupId,
    message: &Opaque,
    server: &Server<'_>,
) -> Result<Answer, BadAnswer> {
    server.check_receipt(&receipt, group_id, message)?;
    Ok(Answer::Receipt(receipt))
}

/// Checks the receipt of a removal, whose proposal the server has made.
fn removal(receipt: Receipt, group_id: &GroupId, server: &Server<'_>) -> Result<Answer, BadAnswer> {
    receipt.verify_place(server.keys)?;
    server.check_head(&receipt.head, group_id)?;
    if receipt.kind == EntryKind::Proposal { Ok(Answer::Receipt(receipt)) } else { Err(BadAnswer::Place) }
}

/// Checks the contents of a tree or a blob. `has_hash` is asked about the whole only.
fn contents(
    response: &Response<Bytes>,
    range: Option<ByteRange>,
    has_hash: impl FnOnce(&[u8]) -> bool,
) -> Result<Contents, NoAnswer> {
    let bytes = response.body().clone();
    // A server may ignore a range.
    let contents = match range {
        Some(range) if response.status() == 206 => {
            let header = only(response.headers(), &CONTENT_RANGE).unwrap_or_default();
            Contents::part(bytes, header, range).ok_or(BadAnswer::Range)?
        }
        _ => {
            check_status(response, 200)?;
            Contents::whole(bytes)
        }
    };
    check_media_type(response, BYTES_MEDIA_TYPE)?;
    if !contents.is_whole() || has_hash(&contents.bytes) { Ok(contents) } else { Err(BadAnswer::Hash.into()) }
}

/// Returns whether a tree has a tree hash, if the cipher suite is known.
fn is_tree(tree: &[u8], tree_hash: &Opaque, suite: Option<Suite>) -> bool {
    let Some(suite) = suite else { return true };
    let hash = Tree::import_unsigned(suite, tree).and_then(|tree| tree.tree_hash());
    hash.is_ok_and(|hash| hash == *tree_hash)
}

/// Checks what a page of a log says about its place. The caller's cursor verifies the entries.
fn page(page: LogPage, group_id: &GroupId, after: u64, server: &Server<'_>) -> Result<LogPage, BadAnswer> {
    server.check_head(&page.head, group_id)?;
    let mut last = after;
    for entry in &page.entries {
        let next = last.checked_add(1).ok_or(BadAnswer::Place)?;
        if entry.seq != next {
            return Err(BadAnswer::Place);
        }
        last = next;
    }
    if page.head.head.seq == last { Ok(page) } else { Err(BadAnswer::Place) }
}

fn claimed(claimed: ClaimedKeyPackages, target: &ClaimTarget) -> Result<ClaimedKeyPackages, BadAnswer> {
    let is_target = |client: &pando_api::ClientId| match target {
        ClaimTarget::User(user) => client.user() == *user,
        ClaimTarget::Client(only) => client == only,
    };
    let clients = claimed.clients.iter().map(|claimed| &claimed.client);
    let distinct: std::collections::BTreeSet<_> = clients.clone().collect();
    let is_distinct = distinct.len() == claimed.clients.len();
    if is_distinct && clients.into_iter().all(is_target) {
        Ok(claimed)
    } else {
        Err(BadAnswer::Other("client of a KeyPackage"))
    }
}

fn inbox(page: InboxPage, after: u64) -> Result<InboxPage, BadAnswer> {
    let mut last = after;
    for entry in &page.entries {
        if entry.seq <= last {
            return Err(BadAnswer::Place);
        }
        last = entry.seq;
    }
    Ok(page)
}

/// Checks the answer to an upload. The server may shorten the expiry.
fn stored(blob: Blob, contents: &Bytes, expires: u64) -> Result<Blob, BadAnswer> {
    let is_whole = u64::try_from(contents.len()) == Ok(blob.bytes);
    if is_whole && blob.expires <= expires { Ok(blob) } else { Err(BadAnswer::Other("stored blob")) }
}

fn reports(reports: Reports, group_id: &GroupId, server: &Server<'_>) -> Result<Reports, BadAnswer> {
    let mut statements = reports.reports.iter().map(|report| &report.statement);
    let is_ours = statements.all(|report| report.group_id == *group_id && report.domain == *server.domain);
    if is_ours { Ok(reports) } else { Err(BadAnswer::Other("group of a report")) }
}
