//! Reading and writing the partition of a group.
//!
//! A Commit with many changes is written in parts ([`Parts`]). All functions here first apply the
//! parts that are left, so no request sees rows of two epochs.

use super::Service;
use crate::error::Refusal;
use crate::group::{Parts, apply_next, is_unfinished, partition};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::ProblemCode;
use pando_mls::GroupId;
use std::sync::Arc;

/// The number of rows of a part, approximately, that one transaction deletes.
const DELETED: usize = 500;

/// The bytes that one transaction writes when it applies a part, approximately.
const PART: usize = 1 << 20;

/// A transaction of a write that has parts. It gets the parts, which have been written.
pub(super) type Decision<T> =
    Box<dyn FnOnce(&mut dyn Transaction, Option<&Parts>) -> Result<T, Refusal> + Send>;

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

    /// Writes a Commit, whose changes may have parts. The future must not be dropped before its
    /// end.
    pub(super) async fn write_in_parts<T: Send + 'static>(
        &self,
        group_id: &GroupId,
        (parts, bytes): (Option<Parts>, usize),
        decide: Decision<T>,
        now: u64,
    ) -> Result<T, Refusal> {
        let Some(parts) = parts else {
            return self.write_group(group_id, bytes, move |rows| decide(rows, None)).await;
        };
        let parts = Arc::new(parts);
        for (number, bytes) in parts.sizes() {
            let parts = Arc::clone(&parts);
            let write = move |rows: &mut dyn Transaction| parts.write(rows, number, now);
            self.write_quietly(group_id, bytes, write).await?;
        }
        let for_decision = Arc::clone(&parts);
        let decide = move |rows: &mut dyn Transaction| decide(rows, Some(&for_decision));
        let decided = self.write_group(group_id, bytes, decide).await;
        // The Commit is decided. If its parts cannot be applied now, the next request applies them.
        // If the outcome is not known, the parts are deleted when they expire.
        let is_known = !decided.as_ref().is_err_and(|refusal| refusal.is(ProblemCode::OutcomeUnknown));
        if is_known && self.finish_commit(group_id).await.is_ok() {
            self.withdraw(group_id, &parts).await;
        }
        decided
    }

    /// Applies all parts that are left of the latest Commit of a group.
    ///
    /// The server applies one part at a time, so that the store does not combine parts to one long
    /// transaction.
    async fn finish_commit(&self, group_id: &GroupId) -> Result<(), Refusal> {
        loop {
            let turn = self.shared.parts.lock().await;
            let has_more = self.shared.store.write(&partition(group_id), PART, apply_next).await?;
            drop(turn);
            if !has_more {
                return Ok(());
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
