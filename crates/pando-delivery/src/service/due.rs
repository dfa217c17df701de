//! Work that follows from requests: copies of changes of membership, removals that are proposed
//! again, and expiry.
//!
//! A partition is due until its work is done. All work can be repeated, so a crash at any point
//! only delays it.

use super::Service;
use crate::account;
use crate::blob;
use crate::error::Refusal;
use crate::group::{self, MembershipChange, Relay, RemovalSnapshot};
use crate::store::{Store, Transaction};
use pando_mls::GroupId;
use tokio::task::{JoinError, JoinSet};

/// The number of partitions that are looked up at a time.
const PARTITIONS: usize = 100;

/// The number of expired rows that one transaction deletes.
const EXPIRED: usize = 500;

/// The number of partitions whose work runs at the same time.
const AT_ONCE: usize = 8;

/// The number of entries whose changes of membership are copied before other groups have their
/// turn.
const RELAYS: usize = 16;

/// The delay before failed work is repeated, in milliseconds.
pub(super) const DELAY: u64 = 10_000;

impl<S: Store> Service<S> {
    /// Runs the work that is due at `now`. Returns the number of partitions whose work has failed;
    /// their work is repeated later.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn run_due(&self, now: u64) -> Result<usize, Refusal> {
        let mut failed = 0_usize;
        loop {
            let due = self.shared.store.due(now, PARTITIONS).await?;
            let (is_last, mut tasks) = (due.len() < PARTITIONS, JoinSet::new());
            for due in due {
                if tasks.len() >= AT_ONCE {
                    failed = failed.saturating_add(has_failed(tasks.join_next().await)?.into());
                }
                let service = self.clone();
                tasks.spawn(async move { service.run_or_postpone(&due.partition, now).await });
            }
            while !tasks.is_empty() {
                failed = failed.saturating_add(has_failed(tasks.join_next().await)?.into());
            }
            if is_last {
                return Ok(failed);
            }
        }
    }

    /// Runs the work of a partition. If it fails, its due time is postponed, because failed
    /// partitions could otherwise hide all others. Returns whether it has failed.
    async fn run_or_postpone(&self, partition: &[u8], now: u64) -> Result<bool, Refusal> {
        if self.run_partition(partition, now).await.is_ok() {
            return Ok(false);
        }
        self.postpone(partition, now.saturating_add(DELAY)).await?;
        Ok(true)
    }

    async fn run_partition(&self, partition: &[u8], now: u64) -> Result<(), Refusal> {
        match partition.split_first_chunk::<2>() {
            Some((b"g/", group_id)) => self.run_group(&GroupId::from(group_id), now).await,
            Some((b"u/", _)) => {
                let work = move |rows: &mut dyn Transaction| account::expire(rows, now, EXPIRED);
                self.shared.store.write(partition, 0, work).await
            }
            Some((b"b/", _)) => {
                let work = move |rows: &mut dyn Transaction| blob::expire(rows, now, EXPIRED);
                while self.shared.store.write(partition, 0, work).await? {}
                Ok(())
            }
            Some((b"r/", _)) => self.run_revocations(partition, now).await,
            _ => Err(Refusal::corrupt("partition")),
        }
    }

    async fn postpone(&self, partition: &[u8], at: u64) -> Result<(), Refusal> {
        let work = move |rows: &mut dyn Transaction| Ok(rows.set_due(Some(at))?);
        self.shared.store.write(partition, 0, work).await
    }

    /// Copies the changes of membership of a group, and proposes removals that are due.
    async fn run_group(&self, group_id: &GroupId, now: u64) -> Result<(), Refusal> {
        for _ in 0..RELAYS {
            let Some(relay) = self.read_group(group_id, Relay::first).await? else { break };
            let (seq, changes) = (relay.seq, relay.changes.clone());
            self.copy(group_id, relay, now).await?;
            // A certificate may have been revoked between the Commit and the copy, by a list that
            // another server has received.
            self.load_revocations().await?;
            for MembershipChange { client, .. } in &changes {
                if let Some(version) = self.shared.revocations.version(client) {
                    let removed = self.remove_revoked(group_id, (client, version), now).await;
                    if removed.is_err() {
                        self.queue_revoked(client, version, now.saturating_add(DELAY)).await?;
                    }
                }
            }
            let work = move |rows: &mut dyn Transaction| Relay::delete(rows, seq);
            self.write_quietly(group_id, 0, work).await?;
        }
        self.renew_removals(group_id, now).await?;
        let lifetime = self.settings().welcome_lifetime;
        loop {
            let log = self.log(group_id);
            let work = move |rows: &mut dyn Transaction| {
                let next = group::expire(rows, now, lifetime, EXPIRED)?;
                // Another Commit may have followed in the meantime.
                let has_work = Relay::exist(rows)? || RemovalSnapshot::of_due(rows, &log)?.is_some();
                if !has_work {
                    rows.set_due(next)?;
                }
                Ok::<_, Refusal>(next.is_some_and(|next| next <= now))
            };
            if !self.write_quietly(group_id, 0, work).await? {
                return Ok(());
            }
        }
    }
}

/// Returns whether the work of a partition has failed.
fn has_failed(ended: Option<Result<Result<bool, Refusal>, JoinError>>) -> Result<bool, Refusal> {
    match ended {
        None => Ok(false),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Refusal::internal(&error)),
    }
}
