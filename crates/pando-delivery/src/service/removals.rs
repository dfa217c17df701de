//! Removals that clients ask for, and that the server proposes again in each epoch
//! (docs/protocol.md, section 11).

use super::Service;
use super::groups::{Outcome, retry};
use crate::error::Refusal;
use crate::group::{Appended, Caller, CheckedRemovals, RemovalSnapshot};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{ClientId, ProblemCode, Receipt, RemovalIntent};
use pando_mls::GroupId;

impl<S: Store> Service<S> {
    /// Proposes to remove the caller, or another client of its user, until a Commit removes it.
    ///
    /// # Errors
    /// See [`RemovalSnapshot::of_request`].
    pub async fn request_removal(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: RemovalIntent,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        self.check_session(caller).await?;
        let (log, caller) = (self.log(group_id), caller.clone());
        let read =
            move |rows: &dyn Snapshot| RemovalSnapshot::of_request(rows, &log, &caller, &request).map(Some);
        let appended = self.propose_removals(group_id, read, now).await?;
        let appended = appended.ok_or_else(|| Refusal::new(ProblemCode::Internal, "no proposal"))?;
        self.receipt(appended)
    }

    /// Proposes to remove a client if it is a member with this version of its certificate or a
    /// lower one.
    ///
    /// # Errors
    /// See [`RemovalSnapshot::of_revoked`].
    pub(super) async fn remove_revoked(
        &self,
        group_id: &GroupId,
        (client, version): (&ClientId, u64),
        now: u64,
    ) -> Result<(), Refusal> {
        let (log, client) = (self.log(group_id), client.clone());
        let read =
            move |rows: &dyn Snapshot| RemovalSnapshot::of_revoked(rows, &log, (&client, version)).map(Some);
        match self.propose_removals(group_id, read, now).await {
            // The client was removed, or the group has ended, in the meantime.
            Err(refusal) if refusal.is(ProblemCode::NotFound) || refusal.is(ProblemCode::GroupEnded) => {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// Proposes the removals that are due and have no proposal in this epoch.
    ///
    /// # Errors
    /// An error of the store, or [`ProblemCode::Internal`].
    pub(super) async fn renew_removals(&self, group_id: &GroupId, now: u64) -> Result<(), Refusal> {
        loop {
            let log = self.log(group_id);
            let read = move |rows: &dyn Snapshot| RemovalSnapshot::of_due(rows, &log);
            if self.propose_removals(group_id, read, now).await?.is_none() {
                return Ok(());
            }
        }
    }

    /// Proposes the removals of a snapshot. Returns the entry of the requested removal, or of the
    /// last one, or `None` if there was nothing to propose.
    async fn propose_removals(
        &self,
        group_id: &GroupId,
        read: impl Fn(&dyn Snapshot) -> Result<Option<RemovalSnapshot>, Refusal> + Clone + Send + 'static,
        now: u64,
    ) -> Result<Option<Appended>, Refusal> {
        retry(|| self.try_removals(group_id, read.clone(), now)).await
    }

    async fn try_removals(
        &self,
        group_id: &GroupId,
        read: impl FnOnce(&dyn Snapshot) -> Result<Option<RemovalSnapshot>, Refusal> + Send + 'static,
        now: u64,
    ) -> Result<Outcome<Option<Appended>>, Refusal> {
        let mut lock = self.lock(group_id).await;
        let Some(snapshot) = self.read_group(group_id, read).await? else { return Ok(Outcome::Done(None)) };
        if snapshot.is_empty() {
            return Ok(Outcome::Done(snapshot.repeated().cloned()));
        }
        let checked = lock.check(snapshot.position(), move |shared, group| {
            let settings = &shared.settings;
            let server = (&settings.client, &*settings.removers);
            CheckedRemovals::check(&snapshot, group, &shared.environment(now), server)
        });
        let Some((checked, group)) = checked.await? else { return Ok(Outcome::Changed) };
        let Some(position) = checked.position() else { return Ok(Outcome::Done(None)) };
        let (bytes, moment) = (checked.size(), self.moment(now));
        let write = move |rows: &mut dyn Transaction| checked.write(rows, moment);
        let written = lock.write((group, position), bytes, write).await;
        Outcome::of(written)
    }
}
