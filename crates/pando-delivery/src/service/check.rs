//! Checks of handshakes outside of the store's threads.

use super::partition::Divided;
use super::public_groups::{OpenGroup, PublicGroupSlot};
use super::rows::StoredRows;
use super::{Service, Shared};
use crate::error::Refusal;
use crate::group::{Appended, LargeWrite, public_rows};
use crate::store::{Store, Transaction};
use pando_api::ProblemCode;
use pando_mls::{GroupId, Position, PublicGroup};
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
    slot: OwnedMutexGuard<Option<OpenGroup>>,
}

impl<S: Store> Service<S> {
    /// Waits for the exclusive right to check and write handshakes of a group.
    pub(super) async fn lock(&self, group_id: &GroupId) -> GroupLock<S> {
        let slot: PublicGroupSlot = self.shared.groups.slot(group_id);
        GroupLock { service: self.clone(), group_id: group_id.clone(), slot: slot.lock_owned().await }
    }

    /// Runs a check on a thread that may block. At most
    /// [`Settings::checks`](super::Settings::checks) run at the same time.
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
    /// Runs a check with a clone of the public group at a position. Returns the result with the
    /// changed clone, or `None` if another server has changed the group since the position was
    /// read.
    pub(super) async fn check<T: Send + 'static>(
        &mut self,
        position: Option<Position>,
        check: impl FnOnce(&Shared<S>, &mut PublicGroup) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Option<(T, PublicGroup)>, Refusal> {
        let position = position.ok_or_else(|| Refusal::corrupt("state of a group"))?;
        let known = self.slot.take().filter(|known| known.position == position);
        let (runtime, group_id) = (Handle::current(), self.group_id.clone());
        let service = self.service.clone();
        let checked = self.service.run_check(move |shared| {
            let known = match known {
                Some(known) => known.group,
                None => match open(&service, &group_id, &runtime, position)? {
                    Some(group) => group,
                    None => return Ok(None),
                },
            };
            let mut clone = known.clone();
            Ok(Some((check(shared, &mut clone), known, clone)))
        });
        let Some((result, group, clone)) = checked.await? else { return Ok(None) };
        match result {
            Ok(result) => {
                *self.slot = Some(OpenGroup { group, position });
                Ok(Some((result, clone)))
            }
            Err(refusal) => {
                // The group reads rows when it needs them. If they have changed during the check,
                // its verdict is about a mixture of two states.
                let stored = self.service.read_group(&self.group_id, public_rows::position).await?;
                if stored != Some(position) {
                    return Ok(None);
                }
                *self.slot = Some(OpenGroup { group, position });
                Err(refusal)
            }
        }
    }

    /// Writes the result of a check in one transaction. `changed` then takes the place of the
    /// public group, which has the position `position` afterwards.
    pub(super) async fn write<T: Send + 'static>(
        self,
        changed: (PublicGroup, Position),
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let write = move |service: Service<S>, group_id: GroupId| async move {
            service.write_group(&group_id, bytes, work).await
        };
        self.write_with(changed, write).await
    }

    /// Writes the result of a check, whose changes may be in parts. See [`GroupLock::write`].
    pub(super) async fn write_divided<C: LargeWrite>(
        self,
        changed: (PublicGroup, Position),
        divided: Divided<C>,
        now: u64,
    ) -> Result<Appended, Refusal> {
        let write = move |service: Service<S>, group_id: GroupId| async move {
            service.write_divided(&group_id, divided, now).await
        };
        self.write_with(changed, write).await
    }

    /// Runs a write under the lock. The lock is held until the outcome is known, even if this
    /// future is dropped, because the store may still commit a request whose client is gone.
    async fn write_with<T, F>(
        mut self,
        changed: (PublicGroup, Position),
        write: impl FnOnce(Service<S>, GroupId) -> F + Send + 'static,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Refusal>> + Send,
    {
        let written = tokio::spawn(async move {
            // If the outcome is not known, the group is opened again.
            *self.slot = None;
            let written = write(self.service.clone(), self.group_id.clone()).await;
            // Handshakes leave work behind.
            self.service.shared.due.notify_one();
            let (group, position) = changed;
            *self.slot = written.is_ok().then_some(OpenGroup { group, position });
            written
        });
        written.await.map_err(|error| Refusal::internal(&error))?
    }
}

/// Opens the public group at a position. Returns `None` if another server has changed the rows
/// since the position was read.
fn open<S: Store>(
    service: &Service<S>,
    group_id: &GroupId,
    runtime: &Handle,
    position: Position,
) -> Result<Option<PublicGroup>, Refusal> {
    let rows = StoredRows::new(Arc::clone(&service.shared.store), group_id, runtime.clone());
    let settings = service.settings();
    let group = PublicGroup::open(Arc::new(rows), &*settings.crypto, settings.limits);
    if runtime.block_on(service.read_group(group_id, public_rows::position))? != Some(position) {
        return Ok(None);
    }
    group.map(Some).map_err(|error| Refusal::internal(&error))
}
