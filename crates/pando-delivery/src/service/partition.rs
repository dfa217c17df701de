//! Reading and writing the partition of a group.
//!
//! A Commit with many changes is written in parts ([`Parts`]). Requests read and write the
//! partition by the functions here, which first apply the parts that are left. So no request sees
//! rows of two epochs. The only exceptions are [`StoredRows`](super::rows::StoredRows), whose
//! readers compare the position of the group afterwards, and due times.

use super::Service;
use crate::error::Refusal;
use crate::group::{Appended, LargeWrite, Parts, apply_next, is_unfinished, partition};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::ProblemCode;
use pando_mls::GroupId;
use std::sync::Arc;

/// The most parts that one transaction deletes.
const DELETED: usize = 8;

/// The bytes that one transaction writes when it applies a part, approximately. Rows of past epochs
/// are written besides the new ones.
const APPLIED: usize = 2 << 20;

/// A large write with its parts, if it has any.
pub(super) struct Divided<C> {
    pub(super) checked: Arc<C>,
    pub(super) parts: Option<Parts>,
}

impl<C: LargeWrite> Divided<C> {
    /// Divides the changes of a checked request.
    pub(super) fn new(checked: impl Into<Arc<C>>, at_once: usize) -> Result<Self, Refusal> {
        let checked = checked.into();
        let parts = checked.parts(at_once)?;
        Ok(Self { checked, parts })
    }
}

/// The result of a transaction on the partition of a group.
enum Tried<T, W> {
    Done(T),
    /// The function did not run, because parts of a Commit must be applied before.
    Unfinished(W),
}

impl<S: Store> Service<S> {
    /// Reads the partition of a group.
    pub(super) async fn read_group<T, W>(&self, group_id: &GroupId, mut work: W) -> Result<T, Refusal>
    where
        T: Send + 'static,
        W: FnOnce(&dyn Snapshot) -> Result<T, Refusal> + Send + 'static,
    {
        loop {
            let read = move |rows: &dyn Snapshot| {
                if is_unfinished(rows)? {
                    return Ok(Tried::Unfinished(work));
                }
                work(rows).map(Tried::Done)
            };
            match self.shared.store.read(&partition(group_id), read).await? {
                Tried::Done(value) => return Ok(value),
                Tried::Unfinished(unused) => work = unused,
            }
            self.finish_commit(group_id).await?;
        }
    }

    /// Writes to the partition of a group without waking its readers.
    pub(super) async fn write_quietly<T, W>(
        &self,
        group_id: &GroupId,
        bytes: usize,
        mut work: W,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    {
        loop {
            let write = move |rows: &mut dyn Transaction| {
                if is_unfinished(rows)? {
                    return Ok(Tried::Unfinished(work));
                }
                work(rows).map(Tried::Done)
            };
            match self.shared.store.write(&partition(group_id), bytes, write).await? {
                Tried::Done(value) => return Ok(value),
                Tried::Unfinished(unused) => work = unused,
            }
            self.finish_commit(group_id).await?;
        }
    }

    /// Writes to the partition of a group. Wakes its readers, unless the request did nothing:
    /// otherwise, a stranger could wake all readers of a group.
    pub(super) async fn write_group<T: Send + 'static>(
        &self,
        group_id: &GroupId,
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let written = self.write_quietly(group_id, bytes, work).await;
        if written.as_ref().map_or_else(|refusal| refusal.is(ProblemCode::OutcomeUnknown), |_| true) {
            self.shared.wakeups.wake(&partition(group_id));
        }
        written
    }

    /// Writes to the partition of a group, to the end even if this future is dropped.
    pub(super) async fn write_group_to_the_end<T: Send + 'static>(
        &self,
        group_id: &GroupId,
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (service, group_id) = (self.clone(), group_id.clone());
        let write = tokio::spawn(async move { service.write_group(&group_id, bytes, work).await });
        write.await.map_err(|error| Refusal::internal(&error))?
    }

    /// Writes a Commit or a creation, whose changes may be in parts. The future must not be dropped
    /// before its end.
    pub(super) async fn write_divided<C: LargeWrite>(
        &self,
        group_id: &GroupId,
        Divided { checked, parts }: Divided<C>,
        now: u64,
    ) -> Result<Appended, Refusal> {
        let (bytes, moment) = (checked.size(parts.is_some()), self.moment(now));
        let Some(parts) = parts.map(Arc::new) else {
            return self.write_group(group_id, bytes, move |rows| checked.write(rows, moment, None)).await;
        };
        if let Err(refusal) = self.write_parts(group_id, (&checked, &parts), now).await {
            self.withdraw(group_id, &parts).await;
            return Err(refusal);
        }
        let decided_by = Arc::clone(&parts);
        let decide = move |rows: &mut dyn Transaction| checked.write(rows, moment, Some(&decided_by));
        let decided = self.write_quietly(group_id, bytes, decide).await;
        if decided.is_ok() {
            // If the parts cannot be applied now, the next request to the group applies them.
            let _ = self.finish_commit(group_id).await;
        }
        let is_unknown = decided.as_ref().is_err_and(|refusal| refusal.is(ProblemCode::OutcomeUnknown));
        if !is_unknown {
            // The Commit has lost, or an earlier request has written it.
            self.withdraw(group_id, &parts).await;
        }
        if decided.is_ok() || is_unknown {
            self.shared.wakeups.wake(&partition(group_id));
        }
        decided
    }

    /// Writes parts, unless the first transaction finds that the request cannot succeed.
    async fn write_parts<C: LargeWrite>(
        &self,
        group_id: &GroupId,
        (checked, parts): (&Arc<C>, &Arc<Parts>),
        now: u64,
    ) -> Result<(), Refusal> {
        for (number, bytes) in parts.sizes() {
            let (checked, parts) = (Arc::clone(checked), Arc::clone(parts));
            let write = move |rows: &mut dyn Transaction| {
                if number == 0 {
                    checked.admit(rows)?;
                }
                parts.write(rows, number, now)
            };
            self.write_quietly(group_id, bytes, write).await?;
        }
        Ok(())
    }

    /// Applies all parts that are left of the latest Commit of a group.
    ///
    /// The server applies one part at a time, so that the store does not combine parts to one long
    /// transaction.
    async fn finish_commit(&self, group_id: &GroupId) -> Result<(), Refusal> {
        let partition = partition(group_id);
        loop {
            let turn = self.shared.parts.lock().await;
            // Many requests may have waited for the same parts.
            let is_left = self.shared.store.read(&partition, |rows: &dyn Snapshot| is_unfinished(rows));
            let applied = match is_left.await {
                Ok(true) => self.shared.store.write(&partition, APPLIED, apply_next).await,
                Ok(false) => return Ok(()),
                Err(refusal) => Err(refusal),
            };
            drop(turn);
            // The request itself has not begun, so it can be repeated in any case.
            if let Err(refusal) = applied {
                let is_unknown = refusal.is(ProblemCode::OutcomeUnknown);
                let retry = || Refusal::new(ProblemCode::Overloaded, "the last Commit is being written");
                return Err(if is_unknown { retry() } else { refusal });
            }
        }
    }

    /// Deletes parts whose Commit was not decided. If this fails, they are deleted when they
    /// expire.
    async fn withdraw(&self, group_id: &GroupId, parts: &Arc<Parts>) {
        loop {
            let parts = Arc::clone(parts);
            let work = move |rows: &mut dyn Transaction| parts.withdraw(rows, DELETED);
            if !self.write_quietly(group_id, 0, work).await.unwrap_or(false) {
                return;
            }
        }
    }
}
