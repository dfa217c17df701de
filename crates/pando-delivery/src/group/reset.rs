//! Resets: an admin ends a group whose members cannot process a Commit, and continues in a
//! successor that branches off from the epoch before (docs/protocol.md, section 15).
//!
//! The successor has a partition of its own, so a reset takes two steps: the creation of the
//! successor in its partition, and then [`CheckedReset::write`] in the partition of the group.
//! Between them, and also if another reset wins or the server crashes, the successor is an ordinary
//! branch, which any member may create at any time. The group stays active, and repeating the
//! request completes the reset. In the other order, a crash could leave a group that has ended
//! without a successor.
//!
//! # Left out on purpose
//!
//! The server does not check that the members of the successor are members of the last good epoch.
//! Its members check that when they join (RFC 9420, section 12.4.3.1).

use super::caller::Caller;
use super::create::CheckedGroup;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::handshake::Handshake;
use super::key::{Key, reporter, reports_about};
use super::members::{are_all_of, check_member, was_member_before};
use super::past_epoch::PastEpoch;
use crate::error::Refusal;
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{CreateGroup, DeviceCertificate, Digest, LogId, Policy, ProblemCode, Reset, UserId};
use pando_mls::wire::{Content, ProposalOrRef, ResumptionPskUsage};
use pando_mls::{
    Decode, Encode, GroupContext, GroupId, MlsMessage, MlsMessageBody, Proposal, Psk, PublicGroup,
};
use std::sync::Arc;

/// The rows that the check of a reset needs.
#[derive(Debug, Clone)]
pub struct ResetSnapshot {
    log: LogId,
    /// The GroupContext of the last good epoch, or `None` if the same request has reset the group
    /// before.
    context: Option<GroupContext>,
}

/// A reset that was checked, with everything that its transactions write.
#[derive(Debug)]
pub struct CheckedReset {
    log: LogId,
    caller: Caller,
    last_good_epoch: u64,
    digest: Digest,
    successor: GroupId,
    creation: Arc<CheckedGroup>,
}

impl ResetSnapshot {
    /// Reads the rows for a reset. Checks that the caller may end the group.
    ///
    /// # Errors
    /// - [`ProblemCode::NotFound`] if there is no such group, or the caller is not a member.
    /// - [`ProblemCode::GroupEnded`] if the group has ended, unless by the same request.
    /// - [`ProblemCode::FutureEpoch`], [`ProblemCode::StaleEpoch`] if the last good epoch has not
    ///   ended, or is no longer kept.
    /// - [`ProblemCode::Policy`] if the caller was not a client of an admin in the last good epoch.
    /// - [`ProblemCode::UnconfirmedReset`] if members are of several users, and no client of
    ///   another user has reported the Commit that ended the last good epoch.
    pub fn read(rows: &dyn Snapshot, log: &LogId, caller: &Caller, request: &Reset) -> Result<Self, Refusal> {
        let digest = Digest::of(&request.encode()?);
        let context = permit(rows, log, caller, (request.last_good_epoch, digest))?;
        Ok(Self { log: log.clone(), context })
    }
}

impl ResetSnapshot {
    /// Returns whether the same request has reset the group before.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.context.is_none()
    }
}

impl CheckedReset {
    /// Checks the successor: `caller` creates it with a first Commit, it is a branch of the last
    /// good epoch, and it has the admins of that epoch. Returns the checked reset and the public
    /// state of the successor.
    ///
    /// # Errors
    /// - [`ProblemCode::InvalidGroup`] if the successor is not such a branch.
    /// - See [`CheckedGroup::check`].
    pub fn check(
        request: &Reset,
        snapshot: &ResetSnapshot,
        (env, caller): (&Environment<'_>, &Caller),
    ) -> Result<(Self, PublicGroup), Refusal> {
        let invalid = |why: &str| Refusal::new(ProblemCode::InvalidGroup, why);
        let digest = Digest::of(&request.encode()?);
        let Reset { last_good_epoch, successor } = request;
        let last_good_epoch = *last_good_epoch;
        let (log, caller_id) = (snapshot.log.clone(), caller.clone());
        check_branch(successor, &log.group_id, last_good_epoch)?;
        let (creation, public) = CheckedGroup::check((env, caller), successor)?;
        let new = public.public().context();
        if let Some(old) = &snapshot.context {
            if (new.version, new.cipher_suite) != (old.version, old.cipher_suite) {
                return Err(invalid("a branch has the version and the cipher suite of the group"));
            }
            if policy(new)?.admins != policy(old)?.admins {
                return Err(invalid("the successor has other admins"));
            }
        }
        let successor = new.group_id.clone();
        let creation = Arc::new(creation);
        Ok((Self { log, caller: caller_id, last_good_epoch, digest, successor, creation }, public))
    }

    /// Returns the identifier of the successor.
    #[must_use]
    pub const fn successor(&self) -> &GroupId {
        &self.successor
    }

    /// Returns the certificates of the creator of the successor and of the leaves that it adds.
    pub fn certificates(&self) -> impl Iterator<Item = &DeviceCertificate> {
        self.creation.certificates()
    }

    /// Returns the creation of the successor, which has a partition of its own.
    #[must_use]
    pub const fn creation(&self) -> &Arc<CheckedGroup> {
        &self.creation
    }

    /// Ends the group. The caller of this function has created the successor. If the same request
    /// has reset the group before, writes nothing.
    ///
    /// # Errors
    /// See [`ResetSnapshot::read`], because the group may have changed in the meantime.
    pub fn write(&self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        let request = (self.last_good_epoch, self.digest);
        if permit(rows, &self.log, &self.caller, request)?.is_none() {
            return Ok(());
        }
        let mut row = GroupRow::read(rows)?;
        row.successor = Some(self.successor.clone());
        row.write(rows)?;
        Ok(rows.put(&Key::Reset.encode(), self.digest.as_ref())?)
    }
}

/// Checks that the caller may end the group. Returns the GroupContext of the last good epoch, or
/// `None` if the same request has ended the group before.
fn permit(
    rows: &dyn Snapshot,
    log: &LogId,
    caller: &Caller,
    (last_good_epoch, digest): (u64, Digest),
) -> Result<Option<GroupContext>, Refusal> {
    let group = GroupRow::read(rows)?;
    check_member(rows, &caller.client)?;
    if rows.get(&Key::Reset.encode())?.is_some_and(|request| *request == *digest.as_ref()) {
        return Ok(None);
    }
    group.check_active(&log.domain)?;
    let refused = |code, why: &str| Err(Refusal::new(code, why));
    let Some(epoch) = PastEpoch::find(rows, last_good_epoch, group.epoch)? else {
        let is_past = last_good_epoch < group.epoch;
        let code = if is_past { ProblemCode::StaleEpoch } else { ProblemCode::FutureEpoch };
        return Err(Refusal::new(code, "").with(|problem| problem.epoch = Some(group.epoch)));
    };
    let context = epoch.context(rows)?;
    if !policy(&context)?.is_admin(&caller.user()) {
        return refused(ProblemCode::Policy, "only admins reset a group");
    }
    if !was_member_before(rows, &caller.client, epoch.ended_by)? {
        return refused(ProblemCode::Policy, "the client was not a member in the last good epoch");
    }
    if !is_reported(rows, epoch.ended_by, &caller.user())? && !are_all_of(rows, &caller.user())? {
        return refused(ProblemCode::UnconfirmedReset, "no other user has reported the Commit");
    }
    Ok(Some(context))
}

/// Returns whether a client of another user than `user` has reported the Commit `seq`.
fn is_reported(rows: &dyn Snapshot, seq: u64, user: &UserId) -> Result<bool, Refusal> {
    let (mut range, limit) = (reports_about(seq), ScanLimit::rows(100));
    loop {
        let page = rows.scan(&range, limit)?;
        for row in &page.rows {
            let reporter = reporter(&row.key).ok_or_else(|| Refusal::corrupt("report"))?;
            if reporter.user() != *user {
                return Ok(true);
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(false),
        }
    }
}

/// Checks that a new group has another identifier than the group `old`, and that its first Commit
/// contains the branch PSK of `epoch`.
fn check_branch(successor: &CreateGroup, old: &GroupId, epoch: u64) -> Result<(), Refusal> {
    let invalid = |why: &str| Err(Refusal::new(ProblemCode::InvalidGroup, why));
    let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(&successor.group_info)?.body else {
        return Err(Refusal::new(ProblemCode::InvalidMessage, "not a GroupInfo"));
    };
    let group_id = &group_info.group_context.group_id;
    if group_id == old {
        return invalid("the successor has the identifier of the group");
    }
    let Some(request) = &successor.first_commit else { return invalid("a branch has a first Commit") };
    let handshake = Handshake::decode(group_id, request.commit.to_vec())?;
    let Content::Commit(commit) = &handshake.content.content else {
        return Err(Refusal::new(ProblemCode::InvalidMessage, "not a Commit"));
    };
    let ids = commit.proposals.iter().filter_map(|proposal| match proposal {
        ProposalOrRef::Proposal(Proposal::PreSharedKey(proposal)) => Some(&proposal.psk.psk),
        _ => None,
    });
    // Joiners refuse a group that names two groups as its origin.
    let origins = ids.filter(|psk| match psk {
        Psk::Resumption { usage, .. } => *usage != ResumptionPskUsage::Application,
        Psk::External { .. } => false,
    });
    let (usage, psk_group_id) = (ResumptionPskUsage::Branch, old.clone());
    if origins.eq([&Psk::Resumption { usage, psk_group_id, psk_epoch: epoch }]) {
        Ok(())
    } else {
        invalid("the first Commit does not contain exactly the branch PSK of the last good epoch")
    }
}

/// Returns the policy of a group.
fn policy(context: &GroupContext) -> Result<Policy, Refusal> {
    Policy::of(&context.extensions).map_err(|error| Refusal::new(ProblemCode::Policy, error.to_string()))
}
