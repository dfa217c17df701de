//! Creating a group (docs/protocol.md, section 10).

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::commit::CheckedCommit;
use super::environment::Environment;
use super::group_info::GroupInfoRow;
use super::group_row::GroupRow;
use super::handshake::{GroupSnapshot, Handshake, read_certificate};
use super::parts::{LargeWrite, Parts};
use super::relay::{ChangeKind, MembershipChange, Relay};
use super::reservation::{self, GROUP_ID_LENGTHS};
use super::{members, public_rows};
use crate::error::Refusal;
use crate::store::{Snapshot, Transaction};
use pando_api::{CreateGroup, DeviceCertificate, EntryKind, LogId, Policy, PolicyRules, ProblemCode};
use pando_mls::wire::{ExternalSender, ExternalSenders};
use pando_mls::{
    Credential, Decode, Delta, GroupId, GroupInfo, LeafIndex, MlsMessage, MlsMessageBody, PublicGroup,
};

/// A new group that was checked, with everything that its transaction writes.
#[derive(Debug)]
pub struct CheckedGroup {
    log: LogId,
    bytes: Vec<u8>,
    delta: Delta,
    group_info: GroupInfoRow,
    past_epochs: u16,
    creator: Caller,
    certificate: DeviceCertificate,
    first_commit: Option<CheckedCommit>,
}

impl CheckedGroup {
    /// Checks the GroupInfo of a new group, which `caller` creates, and the first Commit if there
    /// is one. Returns the checked group and its public state.
    ///
    /// # Errors
    /// - [`ProblemCode::Malformed`] if the bytes are not an `MLSMessage`.
    /// - [`ProblemCode::InvalidGroup`] if the group violates a rule.
    /// - [`ProblemCode::Policy`] if the group has no valid policy, or the creator is no admin.
    /// - [`ProblemCode::SenderMismatch`] if the only member is not the caller.
    /// - A code of [`CheckedCommit::check`] for the first Commit.
    pub fn check(
        (env, caller): (&Environment<'_>, &Caller),
        request: &CreateGroup,
    ) -> Result<(Self, PublicGroup), Refusal> {
        let bytes = request.group_info.to_vec();
        let invalid = |why: &str| Refusal::new(ProblemCode::InvalidGroup, why);
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(&bytes)?.body else {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a GroupInfo"));
        };
        let context = &group_info.group_context;
        if context.epoch != 0 {
            return Err(invalid("a new group is in epoch 0"));
        }
        if !GROUP_ID_LENGTHS.contains(&context.group_id.len()) {
            return Err(invalid("the identifier of a group has 16 to 64 bytes"));
        }
        let suite = env.crypto.suite(context.cipher_suite);
        let suite = suite.ok_or_else(|| invalid("the server does not support the cipher suite"))?;
        check_remover(env, &group_info)?;
        let group = PublicGroup::new(suite, &group_info, None, env.identities, env.limits);
        let group = group.map_err(|error| Refusal::of(&error, ProblemCode::InvalidGroup))?;
        #[allow(clippy::disallowed_methods, reason = "the Delta is stored together with the message")]
        let (mut group, delta) = group.into_parts();
        let (policy, certificate) = check_creator(env, &group, caller)?;
        let context = group.public().context();
        let log = LogId { domain: env.domain.clone(), group_id: context.group_id.clone() };
        let group_info = GroupInfoRow::new(group.public(), &bytes);
        let past_epochs = policy.parameters.past_epochs;
        let first_commit = request.first_commit.as_ref();
        let first_commit = first_commit.map(|commit| {
            let handshake = Handshake::decode(&log.group_id, commit.commit.to_vec())?;
            let snapshot = GroupSnapshot::of_new_group(&log, past_epochs);
            let parts = (&*commit.welcome, &*commit.group_info);
            CheckedCommit::check(handshake, &snapshot, &mut group, (env, caller), parts)
        });
        let (first_commit, creator) = (first_commit.transpose()?, caller.clone());
        Ok((Self { log, bytes, delta, group_info, past_epochs, creator, certificate, first_commit }, group))
    }

    /// Returns the identifier of the group.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.log.group_id
    }

    /// Returns the certificates of the creator and of the leaves of the first Commit.
    pub fn certificates(&self) -> impl Iterator<Item = &DeviceCertificate> {
        let commit = self.first_commit.as_ref().map(CheckedCommit::certificates);
        [&self.certificate].into_iter().chain(commit.into_iter().flatten())
    }

    /// Returns the last entry that an earlier request with the same contents has made.
    fn find(&self, rows: &dyn Snapshot) -> Result<Option<Appended>, Refusal> {
        let commit = self.first_commit.as_ref().map(CheckedCommit::bytes);
        find_creation(rows, &self.log, (&self.creator, &self.bytes, commit))
    }

    fn write_creation(&self, rows: &mut dyn Transaction, moment: Moment) -> Result<Appended, Refusal> {
        let message = Message { kind: EntryKind::Creation, epoch: 0, bytes: &self.bytes };
        let (appended, end) = append(rows, &self.log, None, message, moment)?;
        public_rows::apply(rows, &self.delta)?;
        let past_epochs = self.past_epochs;
        let row = GroupRow { end, epoch: 0, epoch_seq: end.seq, past_epochs, successor: None };
        row.write(rows)?;
        self.group_info.write(rows, 0)?;
        let client = self.creator.client.clone();
        members::begin(rows, &client, LeafIndex(0), end.seq)?;
        let changes = vec![MembershipChange { client, kind: ChangeKind::Joined }];
        Relay { seq: end.seq, time: end.time, changes }.write(rows)?;
        rows.set_due(Some(0))?;
        Ok(appended)
    }
}

impl LargeWrite for CheckedGroup {
    fn parts(&self, at_once: usize) -> Result<Option<Parts>, Refusal> {
        let parts = self.first_commit.as_ref().map(|commit| commit.parts(at_once));
        Ok(parts.transpose()?.flatten())
    }

    /// # Errors
    /// [`ProblemCode::GroupExists`] if there is another group with this identifier.
    fn admit(&self, rows: &dyn Snapshot) -> Result<(), Refusal> {
        if GroupRow::find(rows)?.is_some() {
            // The same request may have created the group in the meantime.
            let same = self.find(rows)?.map(drop);
            return same.ok_or_else(|| Refusal::new(ProblemCode::GroupExists, ""));
        }
        let origin = self.first_commit.as_ref().and_then(CheckedCommit::reinitializes);
        reservation::check(rows, origin)
    }

    fn write(
        &self,
        rows: &mut dyn Transaction,
        moment: Moment,
        parts: Option<&Parts>,
    ) -> Result<Appended, Refusal> {
        self.admit(rows)?;
        if let Some(appended) = self.find(rows)? {
            return Ok(appended);
        }
        let creation = self.write_creation(rows, moment)?;
        match &self.first_commit {
            Some(commit) => commit.write(rows, moment, parts),
            None => Ok(creation),
        }
    }

    fn size(&self, has_parts: bool) -> usize {
        let commit = self.first_commit.as_ref().map_or(0, |commit| commit.size(has_parts));
        self.bytes.len().saturating_mul(4).saturating_add(commit)
    }
}

/// Returns the answer to an earlier request with the same contents, if the caller has created the
/// group by it. The earlier request was checked when it was new.
///
/// # Errors
/// - [`ProblemCode::GroupExists`] if there is another group with this identifier.
/// - [`ProblemCode::Malformed`] if the request does not contain a GroupInfo.
pub fn repeated_creation(
    rows: &dyn Snapshot,
    log: &LogId,
    caller: &Caller,
    request: &CreateGroup,
) -> Result<Option<Appended>, Refusal> {
    if GroupRow::find(rows)?.is_none() {
        return Ok(None);
    }
    let commit = request.first_commit.as_ref().map(|commit| &*commit.commit);
    match find_creation(rows, log, (caller, &request.group_info, commit))? {
        Some(appended) => Ok(Some(appended)),
        None => Err(Refusal::new(ProblemCode::GroupExists, "")),
    }
}

/// Returns the identifier of the group that a request creates.
///
/// # Errors
/// [`ProblemCode::Malformed`], [`ProblemCode::InvalidMessage`] if the request does not contain a
/// GroupInfo.
pub fn created_group(request: &CreateGroup) -> Result<GroupId, Refusal> {
    match MlsMessage::decode(&request.group_info)?.body {
        MlsMessageBody::GroupInfo(group_info) => Ok(group_info.group_context.group_id),
        _ => Err(Refusal::new(ProblemCode::InvalidMessage, "not a GroupInfo")),
    }
}

/// Returns the last entry of a creation by the client `creator`.
fn find_creation(
    rows: &dyn Snapshot,
    log: &LogId,
    (creator, creation, commit): (&Caller, &[u8], Option<&[u8]>),
) -> Result<Option<Appended>, Refusal> {
    let is_entry =
        |bytes: &[u8], seq| Ok::<_, Refusal>(find(rows, log, bytes)?.filter(|entry| entry.seq() == seq));
    if !members::may_read(rows, &creator.client, 1)? {
        return Ok(None);
    }
    match (commit, is_entry(creation, 1)?) {
        (_, None) => Ok(None),
        (None, creation) => Ok(creation),
        (Some(commit), Some(_)) => is_entry(commit, 2),
    }
}

/// Checks that the server may propose removals, and that it is the only external sender.
fn check_remover(env: &Environment<'_>, group_info: &GroupInfo) -> Result<(), Refusal> {
    let invalid = |why: String| Refusal::new(ProblemCode::InvalidGroup, why);
    let senders = group_info.group_context.extensions.find::<ExternalSenders>();
    let senders = senders.map_err(|error| invalid(error.to_string()))?.unwrap_or_default().0;
    let cipher_suite = group_info.group_context.cipher_suite;
    let is_server = |sender: &ExternalSender| {
        env.removers.iter().any(|remover| remover.is(&sender.signature_key, cipher_suite))
            && sender.credential == Credential::basic(env.domain.as_str())
    };
    if senders.is_empty() || !senders.iter().all(is_server) {
        let why = "the external senders must be keys of the server for the cipher suite, with its domain";
        return Err(invalid(why.to_owned()));
    }
    Ok(())
}

/// Checks that the only member of a new group is the caller, with a certificate that is valid now,
/// and an admin of the group. Returns the policy of the group and the certificate.
fn check_creator(
    env: &Environment<'_>,
    group: &PublicGroup,
    caller: &Caller,
) -> Result<(Policy, DeviceCertificate), Refusal> {
    let mut members = group.public().members();
    let (Some(creator), None) = (members.next(), members.next()) else {
        return Err(Refusal::new(ProblemCode::InvalidGroup, "a new group has one member"));
    };
    let creator = creator.map_err(|error| Refusal::internal(&error))?;
    let certificate = read_certificate(&creator.credential)?;
    if certificate.client != caller.client {
        return Err(Refusal::new(ProblemCode::SenderMismatch, "the member is another client"));
    }
    env.identities
        .validate(&creator.credential, &creator.signature_key, Some(env.seconds()))
        .map_err(|error| Refusal::new(ProblemCode::CertificateInvalid, error.to_string()))?;
    env.admission.check(&certificate)?;
    let policy = |error: &dyn std::fmt::Display| Refusal::new(ProblemCode::Policy, error.to_string());
    let extensions = &group.public().context().extensions;
    PolicyRules::check_creation(extensions, &creator.credential).map_err(|error| policy(&error))?;
    Ok((Policy::of(extensions).map_err(|error| policy(&error))?, certificate))
}
