//! Checks of handshakes outside of the store's threads.

use super::public_groups::PublicGroupSlot;
use super::rows::StoredRows;
use super::{Service, Shared};
use crate::error::Refusal;
use crate::group::partition;
use crate::store::{Store, Transaction};
use pando_api::ProblemCode;
use pando_mls::{GroupId, PublicGroup};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;

/// The exclusive right to check and write handshakes of a group.
///
/// The public group in memory is never ahead of the stored rows: a check changes a clone, which
/// takes the place of the group only after its transaction.
pub(super) struct GroupLock<S> {
    service: Service<S>,
    group_id: GroupId,
    slot: OwnedMutexGuard<Option<PublicGroup>>,
}

impl<S: Store> Service<S> {
    /// Waits for the exclusive right to check and write handshakes of a group.
    pub(super) async fn lock(&self, group_id: &GroupId) -> GroupLock<S> {
        let slot: PublicGroupSlot = self.shared.groups.slot(group_id);
        GroupLock { service: self.clone(), group_id: group_id.clone(), slot: slot.lock_owned().await }
    }

    /// Runs a check on a thread that may block. At most [`Settings::checks`](super::Settings::checks)
    /// run at the same time.
    pub(super) async fn run_check<T: Send + 'static>(
        &self,
        check: impl FnOnce(&Shared<S>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = Arc::clone(&self.shared.checks).acquire_owned().await;
        let permit = permit.map_err(|_| Refusal::new(ProblemCode::Overloaded, "the server stops"))?;
        let shared = Arc::clone(&self.shared);
        let run = move || {
            let result = check(&shared);
            drop(permit);
            result
        };
        let result = tokio::task::spawn_blocking(run).await;
        result.map_err(|_| Refusal::new(ProblemCode::Internal, "a check has failed"))?
    }
}

impl<S: Store> GroupLock<S> {
    /// Runs a check with a clone of the public group. Returns the result with the changed clone.
    pub(super) async fn check<T: Send + 'static>(
        &mut self,
        check: impl FnOnce(&Shared<S>, &mut PublicGroup) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<(T, PublicGroup), Refusal> {
        let known = self.slot.take();
        let (runtime, group_id) = (Handle::current(), self.group_id.clone());
        let checked = self.service.run_check(move |shared| {
            let known = match known {
                Some(group) => group,
                None => {
                    let rows = StoredRows::new(Arc::clone(&shared.store), &group_id, runtime);
                    let settings = &shared.settings;
                    let group = PublicGroup::open(Arc::new(rows), &*settings.crypto, settings.limits);
                    group.map_err(|error| Refusal::internal(&error))?
                }
            };
            let mut clone = known.clone();
            Ok((check(shared, &mut clone), known, clone))
        });
        let (result, known, clone) = checked.await?;
        // A read that has failed may have left nothing behind, but the rows are read again to be
        // sure.
        if !matches!(&result, Err(refusal) if refusal.is(ProblemCode::Internal)) {
            *self.slot = Some(known);
        }
        Ok((result?, clone))
    }

    /// Drops the public group in memory. The next check opens it again.
    pub(super) fn reopen(&mut self) {
        *self.slot = None;
    }

    /// Writes the result of a check in one transaction. `changed` then takes the place of the public
    /// group.
    pub(super) async fn write<T: Send + 'static>(
        &mut self,
        changed: PublicGroup,
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // If this future is dropped, or the outcome is not known, the group is opened again.
        *self.slot = None;
        let store = Arc::clone(&self.service.shared.store);
        let written = store.write(&partition(&self.group_id), bytes, work).await?;
        *self.slot = Some(changed);
        Ok(written)
    }
}
