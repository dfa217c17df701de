//! Creating groups, and sending to them (docs/protocol.md, section 10).

use super::Service;
use super::check::GroupLock;
use super::partition::Divided;
use crate::error::Refusal;
use crate::group::{
    Appended, ApplicationMessage, Caller, CheckedCommit, CheckedGroup, CheckedProposal, GroupSnapshot,
    Handshake, PendingCertificates, created_group, repeated_creation, reserve,
};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{CreateGroup, DeviceCertificate, ProblemCode, Receipt, SubmitCommit, SubmitMessage};
use pando_mls::GroupId;
use std::sync::Arc;

/// The number of attempts to write a handshake. A second attempt is necessary only if another
/// server has changed the group in the meantime.
const ATTEMPTS: usize = 3;

impl<S: Store> Service<S> {
    /// Creates a group, together with its first Commit if the request has one.
    ///
    /// # Errors
    /// See [`CheckedGroup::check`] and [`LargeWrite::write`](crate::group::LargeWrite::write).
    pub async fn create_group(
        &self,
        caller: &Caller,
        request: CreateGroup,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        self.check_session(caller).await?;
        let (group_id, request) = (created_group(&request)?, Arc::new(request));
        let (log, creator, read) = (self.log(&group_id), caller.clone(), Arc::clone(&request));
        let read = move |rows: &dyn Snapshot| repeated_creation(rows, &log, &creator, &read);
        if let Some(appended) = self.read_group(&group_id, read).await? {
            return self.receipt(appended);
        }
        let creator = caller.clone();
        // The public state is opened from the rows when it is needed, because a repeated request
        // must not replace a later state.
        let check = self.run_check(move |shared| {
            let checked = CheckedGroup::check((&shared.environment(now), &creator), &request)?.0;
            Divided::new(checked, shared.settings.changes_at_once)
        });
        let divided = check.await?;
        self.check_versions(divided.checked.certificates()).await?;
        self.receipt(self.write_creation(&group_id, divided, now).await?)
    }

    /// Writes a new group, to the end even if this future is dropped.
    pub(super) async fn write_creation(
        &self,
        group_id: &GroupId,
        divided: Divided<CheckedGroup>,
        now: u64,
    ) -> Result<Appended, Refusal> {
        let (service, group_id) = (self.clone(), group_id.clone());
        let write = tokio::spawn(async move {
            let written = service.write_divided(&group_id, divided, now).await;
            service.shared.due.notify_one();
            written
        });
        write.await.map_err(|error| Refusal::internal(&error))?
    }

    /// Appends a Commit to the log of a group.
    ///
    /// # Errors
    /// See [`GroupSnapshot::read`], [`CheckedCommit::check`] and
    /// [`LargeWrite::write`](crate::group::LargeWrite::write).
    pub async fn submit_commit(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: SubmitCommit,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        self.check_session(caller).await?;
        let handshake = Arc::new(Handshake::decode(group_id, request.commit.to_vec())?);
        if !handshake.is_commit() {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a Commit"));
        }
        let request = Arc::new(request);
        let attempt = || self.try_commit(caller, group_id, (&handshake, &request), now);
        match retry(attempt).await {
            Ok(appended) => self.receipt(appended),
            Err(refusal) => Err(self.name_proposals(refusal, group_id, &handshake, now).await?),
        }
    }

    /// Adds to the refusal of a Commit the sequence numbers of those proposals by reference whose
    /// certificates are no longer admitted.
    async fn name_proposals(
        &self,
        refusal: Refusal,
        group_id: &GroupId,
        handshake: &Handshake,
        now: u64,
    ) -> Result<Refusal, Refusal> {
        let references = handshake.references();
        if references.is_empty() || !PendingCertificates::may_cause(&refusal) {
            return Ok(refusal);
        }
        let crypto = Arc::clone(&self.settings().crypto);
        let read = move |rows: &dyn Snapshot| PendingCertificates::read(rows, &*crypto, &references);
        let pending = self.read_group(group_id, read).await?;
        let checked = self.run_check(move |shared| Ok(pending.check(&shared.environment(now)))).await?;
        let admitted = checked.iter().filter_map(|(_, certificate)| certificate.as_ref().ok().cloned());
        let admitted: Vec<_> = admitted.collect();
        let superseded = self.superseded(&admitted).await?;
        let is_refused = |certificate: &Result<DeviceCertificate, Refusal>| match certificate {
            Ok(certificate) => superseded.contains(&certificate.client),
            Err(_) => true,
        };
        let refused = checked.iter().filter(|(_, certificate)| is_refused(certificate));
        let refused = refused.map(|(seq, _)| *seq).collect();
        Ok(refusal.with(|problem| problem.proposals = refused))
    }

    async fn try_commit(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        (handshake, request): (&Arc<Handshake>, &Arc<SubmitCommit>),
        now: u64,
    ) -> Result<Outcome, Refusal> {
        let (mut lock, snapshot) = self.lock_for(caller, group_id, handshake).await?;
        if let Some(repeated) = snapshot.repeated() {
            return Ok(Outcome::Done(repeated.clone()));
        }
        let (sender, request) = (caller.clone(), Arc::clone(request));
        let handshake = Handshake::clone(handshake);
        let checked = lock.check(snapshot.position(), move |shared, group| {
            let env = shared.environment(now);
            let parts = (&*request.welcome, &*request.group_info);
            let checked = CheckedCommit::check(handshake, &snapshot, group, (&env, &sender), parts)?;
            Divided::new(checked, shared.settings.changes_at_once)
        });
        let Some((divided, group)) = checked.await? else { return Ok(Outcome::Changed) };
        let checked = &divided.checked;
        self.check_versions(checked.certificates()).await?;
        if let Some(successor) = checked.successor() {
            let predecessor = group_id.clone();
            let work = move |rows: &mut dyn Transaction| reserve(rows, &predecessor);
            self.write_quietly(successor, 200, work).await?;
        }
        let changed = (group, checked.position());
        Outcome::of(lock.write_divided(changed, divided, now).await)
    }

    /// Appends a proposal or an application message to the log of a group.
    ///
    /// # Errors
    /// See [`CheckedProposal::check`], [`CheckedProposal::write`] and
    /// [`ApplicationMessage::append`].
    pub async fn submit_message(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: SubmitMessage,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        self.check_session(caller).await?;
        if ApplicationMessage::has_wire_format(&request.message) {
            self.send(caller, group_id, request, now).await
        } else {
            self.propose(caller, group_id, request, now).await
        }
    }

    async fn send(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: SubmitMessage,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        let message = ApplicationMessage::decode(group_id, request.message.to_vec())?;
        let (domain, sender, moment) = (self.settings().domain.clone(), caller.clone(), self.moment(now));
        let work = move |rows: &mut dyn Transaction| message.append(rows, &domain, &sender, moment);
        self.receipt(self.write_group_to_the_end(group_id, request.message.len(), work).await?)
    }

    async fn propose(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: SubmitMessage,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        let handshake = Arc::new(Handshake::decode(group_id, request.message.to_vec())?);
        self.receipt(retry(|| self.try_proposal(caller, group_id, &handshake, now)).await?)
    }

    async fn try_proposal(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        handshake: &Arc<Handshake>,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        let (mut lock, snapshot) = self.lock_for(caller, group_id, handshake).await?;
        if let Some(repeated) = snapshot.repeated() {
            return Ok(Outcome::Done(repeated.clone()));
        }
        let (sender, handshake) = (caller.clone(), Handshake::clone(handshake));
        let bytes = handshake.size();
        let checked = lock.check(snapshot.position(), move |shared, group| {
            CheckedProposal::check(handshake, &snapshot, group, (&shared.environment(now), &sender))
        });
        let Some((checked, group)) = checked.await? else { return Ok(Outcome::Changed) };
        self.check_versions(checked.certificates()).await?;
        let (changed, moment) = ((group, checked.position()), self.moment(now));
        Outcome::of(lock.write(changed, bytes, move |rows| checked.write(rows, moment)).await)
    }

    /// Waits for the lock of a group, and reads a snapshot under it. Strangers are refused before:
    /// they neither wait for the lock nor keep others waiting.
    async fn lock_for(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        handshake: &Arc<Handshake>,
    ) -> Result<(GroupLock<S>, GroupSnapshot), Refusal> {
        self.read_snapshot(caller, group_id, handshake).await?;
        let lock = self.lock(group_id).await;
        let snapshot = self.read_snapshot(caller, group_id, handshake).await?;
        Ok((lock, snapshot))
    }

    async fn read_snapshot(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        handshake: &Arc<Handshake>,
    ) -> Result<GroupSnapshot, Refusal> {
        let (log, caller, handshake) = (self.log(group_id), caller.clone(), Arc::clone(handshake));
        let read = move |rows: &dyn Snapshot| GroupSnapshot::read(rows, &log, &caller, &handshake);
        self.read_group(group_id, read).await
    }
}

/// Repeats an attempt as long as other servers change the group, a few times.
pub(super) async fn retry<T, F: Future<Output = Result<Outcome<T>, Refusal>>>(
    attempt: impl Fn() -> F,
) -> Result<T, Refusal> {
    for _ in 0..ATTEMPTS {
        match attempt().await? {
            Outcome::Done(value) => return Ok(value),
            Outcome::Changed => {}
        }
    }
    Err(Refusal::new(ProblemCode::Overloaded, "other servers change the group"))
}

/// The outcome of an attempt to write a handshake.
pub(super) enum Outcome<T = Appended> {
    /// The handshake is in the log.
    Done(T),
    /// Another server has changed the group since the snapshot.
    Changed,
}

impl<T> Outcome<T> {
    /// Returns the outcome of a transaction. A conflict at this point means that another server has
    /// changed the group, because this server holds the lock of the group.
    pub(super) fn of(written: Result<T, Refusal>) -> Result<Self, Refusal> {
        match written {
            Ok(value) => Ok(Self::Done(value)),
            Err(refusal) if refusal.is(ProblemCode::EpochConflict) => Ok(Self::Changed),
            Err(refusal) => Err(refusal),
        }
    }
}
