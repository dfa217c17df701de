//! Creating groups, and sending to them (docs/protocol.md, section 10).

use super::Service;
use super::check::GroupLock;
use crate::error::Refusal;
use crate::group::{
    Appended, ApplicationMessage, Caller, CheckedCommit, CheckedGroup, CheckedProposal, GroupSnapshot,
    Handshake, Parts, PendingCertificates, created_group, repeated_creation, reserve,
};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{CreateGroup, ProblemCode, Receipt, SubmitCommit, SubmitMessage};
use pando_mls::GroupId;
use std::sync::Arc;

/// The number of attempts to write a handshake. A second attempt is necessary only if another
/// server has changed the group in the meantime.
const ATTEMPTS: usize = 3;

impl<S: Store> Service<S> {
    /// Creates a group, together with its first Commit if the request has one.
    ///
    /// # Errors
    /// See [`CheckedGroup::check`] and [`CheckedGroup::write`].
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
            Ok(CheckedGroup::check((&shared.environment(now), &creator), &request)?.0)
        });
        let checked = check.await?;
        self.check_versions(checked.certificates()).await?;
        let parts = (checked.parts(self.settings().changes_at_once)?, checked.size());
        let moment = self.moment(now);
        let write = move |rows: &mut dyn Transaction, parts: Option<&_>| checked.write(rows, moment, parts);
        self.receipt(self.write_creation(&group_id, parts, write, now).await?)
    }

    /// Writes a new group, to the end even if this future is dropped.
    pub(super) async fn write_creation(
        &self,
        group_id: &GroupId,
        parts: (Option<Parts>, usize),
        write: impl FnOnce(&mut dyn Transaction, Option<&Parts>) -> Result<Appended, Refusal> + Send + 'static,
        now: u64,
    ) -> Result<Appended, Refusal> {
        let (service, group_id) = (self.clone(), group_id.clone());
        let write = tokio::spawn(async move {
            let written = service.write_in_parts(&group_id, parts, Box::new(write), now).await;
            service.shared.due.notify_one();
            written
        });
        write.await.map_err(|error| Refusal::internal(&error))?
    }

    /// Appends a Commit to the log of a group.
    ///
    /// # Errors
    /// See [`GroupSnapshot::read`], [`CheckedCommit::check`] and [`CheckedCommit::write`].
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
            Err(refusal) if PendingCertificates::may_cause(&refusal) => {
                let proposals = self.refused_proposals(group_id, now).await.unwrap_or_default();
                Err(refusal.with(|problem| problem.proposals = proposals))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Returns the sequence numbers of the pending proposals whose certificates are no longer
    /// admitted. A Commit cannot cover them.
    async fn refused_proposals(&self, group_id: &GroupId, now: u64) -> Result<Vec<u64>, Refusal> {
        let pending =
            self.read_group(group_id, |rows: &dyn Snapshot| PendingCertificates::read(rows)).await?;
        let checked = self.run_check(move |shared| pending.check(&shared.environment(now))).await?;
        let mut refused = Vec::new();
        for (seq, certificate) in checked {
            let is_admitted = match &certificate {
                Ok(certificate) => self.check_versions([certificate]).await.is_ok(),
                Err(_) => false,
            };
            if !is_admitted {
                refused.push(seq);
            }
        }
        Ok(refused)
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
            CheckedCommit::check(handshake, &snapshot, group, (&env, &sender), parts)
        });
        let Some((checked, group)) = checked.await? else { return Ok(Outcome::Changed) };
        self.check_versions(checked.certificates()).await?;
        if let Some(successor) = checked.successor() {
            let predecessor = group_id.clone();
            let work = move |rows: &mut dyn Transaction| reserve(rows, &predecessor);
            self.write_quietly(successor, 200, work).await?;
        }
        let parts = (checked.parts(self.settings().changes_at_once)?, checked.size());
        let (changed, moment) = ((group, checked.position()), self.moment(now));
        let write = move |rows: &mut dyn Transaction, parts: Option<&_>| checked.write(rows, moment, parts);
        Outcome::of(lock.write(changed, parts, write, now).await)
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
        let write = move |rows: &mut dyn Transaction, _: Option<&_>| checked.write(rows, moment);
        Outcome::of(lock.write(changed, (None, bytes), write, now).await)
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
