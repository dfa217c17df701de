//! Proposals and Commits before they are checked, and the rows that their checks need.

use super::append::{Appended, EntryRow, Position, find};
use super::caller::Caller;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::members::{has_member, is_member, may_read};
use super::public_rows::position;
use super::removal::DueRemoval;
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_api::{
    DeviceCertificate, Digest, ExternalCommits, HandshakeData, LogId, Policy, ProblemCode, SignedHead, Winner,
};
use pando_mls::wire::{Content, FramedContent};
use pando_mls::{
    Credential, Decode, GroupId, MlsMessage, MlsMessageBody, Position as PublicPosition, PublicState, Sender,
};

/// A handshake message of a group.
#[derive(Debug, Clone)]
pub struct Handshake {
    pub(crate) message: MlsMessage,
    pub(crate) content: FramedContent,
    pub(crate) bytes: Vec<u8>,
    head: Option<SignedHead>,
}

impl Handshake {
    /// Decodes a handshake message of the group.
    ///
    /// # Errors
    /// - [`ProblemCode::Malformed`] if the bytes are not an `MLSMessage`, or if the authenticated
    ///   data begins as that of this protocol and cannot be decoded.
    /// - [`ProblemCode::InvalidMessage`] if the message is not a PublicMessage of the group.
    pub fn decode(group_id: &GroupId, bytes: Vec<u8>) -> Result<Self, Refusal> {
        let message = MlsMessage::decode(&bytes)?;
        let MlsMessageBody::PublicMessage(public) = &message.body else {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "a handshake must be a PublicMessage"));
        };
        let content = public.content.clone();
        if content.group_id != *group_id {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "the message is of another group"));
        }
        let data = HandshakeData::read(&content.authenticated_data);
        let data = data.map_err(|error| Refusal::new(ProblemCode::Malformed, error.to_string()))?;
        let head = data.and_then(|data| data.head);
        Ok(Self { message, content, bytes, head })
    }

    /// Returns the number of bytes of the message.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether the message is a Commit.
    #[must_use]
    pub const fn is_commit(&self) -> bool {
        matches!(self.content.content, Content::Commit(_))
    }
}

/// The rows that the checks of a handshake need.
#[derive(Debug, Clone)]
pub struct GroupSnapshot {
    pub(crate) log: LogId,
    /// The position of the public group.
    position: Option<PublicPosition>,
    row: GroupRow,
    is_member: bool,
    /// Whether a client of the caller's user is a member.
    user_has_member: bool,
    /// The answer to an earlier request with the same message, if the caller may read the entry.
    repeated: Option<Appended>,
    /// The entry that has the sequence number of the handshake's head.
    at_head: Option<EntryRow>,
    /// The Commit that ended the epoch of the handshake.
    winner: Option<Winner>,
    due: Vec<DueRemoval>,
}

impl GroupSnapshot {
    /// Reads the rows for a handshake of the client `caller`.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] if there is no such group.
    pub fn read(
        rows: &dyn Snapshot,
        log: &LogId,
        caller: &Caller,
        handshake: &Handshake,
    ) -> Result<Self, Refusal> {
        let row = GroupRow::read(rows)?;
        let head = handshake.head.as_ref().map(|signed| EntryRow::find(rows, signed.head.seq));
        let repeated = match find(rows, log, &handshake.bytes)? {
            Some(appended) if may_read(rows, &caller.client, appended.seq())? => Some(appended),
            _ => None,
        };
        Ok(Self {
            log: log.clone(),
            position: position(rows)?,
            is_member: is_member(rows, &caller.client)?,
            user_has_member: has_member(rows, &caller.user())?,
            repeated,
            at_head: head.transpose()?.flatten(),
            winner: winner(rows, &row, handshake.content.epoch)?,
            due: DueRemoval::read_all(rows, &row)?,
            row,
        })
    }

    /// Returns the snapshot with which the first Commit of a group is checked, before the group is
    /// stored.
    pub(crate) fn of_new_group(log: &LogId, past_epochs: u16) -> Self {
        let end = Position::start();
        Self {
            log: log.clone(),
            position: None,
            row: GroupRow { end, epoch: 0, epoch_seq: end.seq, past_epochs, successor: None },
            is_member: true,
            user_has_member: true,
            repeated: None,
            at_head: None,
            winner: None,
            due: Vec::new(),
        }
    }

    /// Returns the answer to an earlier request with the same message, if there was one.
    #[must_use]
    pub const fn repeated(&self) -> Option<&Appended> {
        self.repeated.as_ref()
    }

    /// Returns the position of the public group.
    pub(crate) const fn position(&self) -> Option<PublicPosition> {
        self.position
    }

    /// Returns the removals that are due.
    pub(crate) fn due(&self) -> &[DueRemoval] {
        &self.due
    }

    /// Performs the checks that proposals and Commits have in common: the caller may send to the
    /// group, the group is active and in the epoch of the handshake, the caller is the sender, and
    /// the head in the authenticated data is in the log and not older than the epoch.
    ///
    /// # Errors
    /// A [`Refusal`] with the code of the first rule that is violated.
    pub(crate) fn check(
        &self,
        public: &PublicState,
        (env, caller): (&Environment<'_>, &Caller),
        handshake: &Handshake,
    ) -> Result<(), Refusal> {
        let content = &handshake.content;
        let is_joiner = content.sender == Sender::NewMemberCommit && self.may_join(public, caller);
        if !is_joiner && !self.is_member {
            return Err(Refusal::new(ProblemCode::NotFound, ""));
        }
        self.row.check_active(env.domain)?;
        self.row.check_epoch(content.epoch, handshake.is_commit(), self.winner.as_ref())?;
        check_sender(public, content, caller)?;
        self.check_head(env, handshake)
    }

    /// Returns whether an external Commit of the caller may learn of the group. The policy decides
    /// later whether the Commit is valid.
    fn may_join(&self, public: &PublicState, caller: &Caller) -> bool {
        let policy = Policy::of(&public.context().extensions);
        self.user_has_member
            || policy.is_ok_and(|policy| {
                policy.external_commits == ExternalCommits::Everyone || policy.is_admin(&caller.user())
            })
    }

    fn check_head(&self, env: &Environment<'_>, handshake: &Handshake) -> Result<(), Refusal> {
        let Some(signed) = &handshake.head else { return Ok(()) };
        let unknown = |why: &str| Err(Refusal::new(ProblemCode::UnknownHead, why));
        let head = match signed.verify(env.keys) {
            Ok(head) => head,
            Err(error) => return unknown(&error.to_string()),
        };
        let is_ours = head.log() == self.log
            && self.at_head.as_ref().is_some_and(|entry| {
                (entry.hash, entry.incarnation, entry.time) == (head.hash, head.incarnation, head.time)
            });
        if !is_ours {
            return unknown("");
        }
        if head.seq < self.row.epoch_seq {
            return Err(Refusal::new(ProblemCode::StaleHead, ""));
        }
        Ok(())
    }
}

/// Returns the Commit that ended an epoch. Only the latest Commit is looked up, because a client
/// that is further behind has to read the log anyway.
pub(crate) fn winner(rows: &dyn Snapshot, row: &GroupRow, epoch: u64) -> Result<Option<Winner>, Refusal> {
    if epoch.checked_add(1) != Some(row.epoch) {
        return Ok(None);
    }
    let seq = row.epoch_seq;
    let entry = EntryRow::find(rows, seq)?;
    Ok(entry.map(|entry| Winner { seq, digest: Digest::of(&entry.message) }))
}

/// Checks that the sender of a handshake is the caller. The sender of an external Commit is the
/// client that joins.
fn check_sender(public: &PublicState, content: &FramedContent, caller: &Caller) -> Result<(), Refusal> {
    let mismatch = |why: &str| Err(Refusal::new(ProblemCode::SenderMismatch, why));
    let credential = match (content.sender, &content.content) {
        (Sender::Member(leaf), _) => public.credential(leaf).map_err(|error| Refusal::internal(&error))?,
        (Sender::NewMemberCommit, Content::Commit(commit)) => {
            commit.path.as_ref().map(|path| path.leaf_node.credential.clone())
        }
        _ => return mismatch("only members and external joiners send handshakes"),
    };
    let Some(credential) = credential else { return mismatch("the sender is not a member") };
    let certificate = read_certificate(&credential)?;
    if certificate.client != caller.client {
        return mismatch("the sender is another client");
    }
    if caller.version < certificate.version {
        return Err(Refusal::new(ProblemCode::CertificateSuperseded, "the leaf has a higher version"));
    }
    Ok(())
}

/// Reads the certificate of a leaf.
///
/// # Errors
/// [`ProblemCode::CertificateInvalid`] if it does not follow the certificate profile.
pub(crate) fn read_certificate(credential: &Credential) -> Result<DeviceCertificate, Refusal> {
    DeviceCertificate::read(credential)
        .map_err(|error| Refusal::new(ProblemCode::CertificateInvalid, error.to_string()))
}
