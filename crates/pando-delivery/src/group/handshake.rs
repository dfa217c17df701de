//! Proposals and Commits before they are checked, and the rows that their checks need.

use super::append::{Appended, EntryRow, Position, find};
use super::caller::Caller;
use super::due_removal::DueRemoval;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::key::Key;
use super::members::{has_member, is_member, may_read};
use super::public_rows::{context, position};
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_api::{
    DeviceCertificate, Digest, ExternalCommits, HandshakeData, LogId, Policy, ProblemCode, SignedHead,
    UserId, Winner,
};
use pando_mls::wire::{Content, FramedContent, ProposalOrRef};
use pando_mls::{
    Credential, Decode, GroupId, MlsMessage, MlsMessageBody, Position as PublicPosition, ProposalRef,
    PublicState, Sender,
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

impl Handshake {
    /// Returns the references of a member's Commit to proposals. An external Commit must have none,
    /// and can be refused before its signature is verified, so its references are ignored.
    pub(crate) fn references(&self) -> Vec<ProposalRef> {
        let (Sender::Member(_), Content::Commit(commit)) = (self.content.sender, &self.content.content)
        else {
            return Vec::new();
        };
        let references = commit.proposals.iter().filter_map(|proposal| match proposal {
            ProposalOrRef::Reference(reference) => Some(reference.clone()),
            ProposalOrRef::Proposal(_) => None,
        });
        references.collect()
    }
}

/// The rows that the checks of a handshake need.
#[derive(Debug, Clone)]
pub struct GroupSnapshot {
    pub(crate) log: LogId,
    /// The position of the public group.
    position: Option<PublicPosition>,
    row: GroupRow,
    /// Whether the caller is a member, or may learn of the group as a joiner.
    may_send: bool,
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
    /// [`ProblemCode::NotFound`] if there is no such group, or the caller may not send to it.
    pub fn read(
        rows: &dyn Snapshot,
        log: &LogId,
        caller: &Caller,
        handshake: &Handshake,
    ) -> Result<Self, Refusal> {
        let row = GroupRow::read(rows)?;
        let is_member = is_member(rows, &caller.client)?;
        let is_joiner =
            handshake.content.sender == Sender::NewMemberCommit && may_join(rows, &caller.user())?;
        let head = handshake.head.as_ref().map(|signed| EntryRow::find(rows, signed.head.seq));
        let repeated = match find(rows, log, &handshake.bytes)? {
            Some(appended) if may_read(rows, &caller.client, appended.seq())? => Some(appended),
            _ => None,
        };
        if !is_member && !is_joiner && repeated.is_none() {
            return Err(Refusal::new(ProblemCode::NotFound, ""));
        }
        Ok(Self {
            log: log.clone(),
            position: position(rows)?,
            may_send: is_member || is_joiner,
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
            may_send: true,
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
        if !self.may_send {
            return Err(Refusal::new(ProblemCode::NotFound, ""));
        }
        self.row.check_active(env.domain)?;
        self.row.check_epoch(content.epoch, handshake.is_commit(), self.winner.as_ref())?;
        check_sender(public, content, caller)?;
        self.check_head(env, handshake)
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

/// Returns whether clients of a user may learn of the group, to join it by an external Commit: the
/// user has a member, or the policy admits everyone or the user as an admin. The rules of the
/// policy decide later whether the Commit is valid.
pub(crate) fn may_join(rows: &dyn Snapshot, user: &UserId) -> Result<bool, Refusal> {
    if has_member(rows, user)? {
        return Ok(true);
    }
    let policy = Policy::of(&context(rows)?.extensions);
    Ok(policy
        .is_ok_and(|policy| policy.external_commits == ExternalCommits::Everyone || policy.is_admin(user)))
}

/// Returns the Commit that ended an epoch, if the server still knows it.
pub(crate) fn winner(rows: &dyn Snapshot, row: &GroupRow, epoch: u64) -> Result<Option<Winner>, Refusal> {
    if epoch >= row.epoch {
        return Ok(None);
    }
    let Some(seq) = rows.get(&Key::Past(epoch).encode())? else { return Ok(None) };
    let seq = seq.as_slice().try_into().map(u64::from_be_bytes);
    let seq = seq.map_err(|_| Refusal::corrupt("past epoch"))?;
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
