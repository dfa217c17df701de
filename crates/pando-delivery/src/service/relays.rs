//! Copying changes of membership to the accounts (docs/protocol.md, sections 10 and 13).

use super::Service;
use crate::account::{self, group_list, inbox};
use crate::error::Refusal;
use crate::group::{ChangeKind, MembershipChange, Relay};
use crate::store::{Store, Transaction};
use pando_mls::GroupId;
use tokio::task::JoinSet;

/// The number of accounts that are written at the same time, so that the store can write them in
/// one batch.
const AT_ONCE: usize = 256;

impl<S: Store> Service<S> {
    /// Copies the changes of an entry to the accounts. A failing copy does not prevent
    /// the others.
    pub(super) async fn copy(&self, group_id: &GroupId, relay: Relay, now: u64) -> Result<(), Refusal> {
        let Relay { seq, time, changes } = relay;
        let expires = time.saturating_add(self.settings().welcome_lifetime);
        let (mut copies, mut result) = (JoinSet::new(), Ok(()));
        for change in changes {
            if copies.len() >= AT_ONCE {
                result = result.and(next(&mut copies).await);
            }
            let (service, group_id) = (self.clone(), group_id.clone());
            copies.spawn(async move { service.copy_change(&group_id, (seq, expires), change, now).await });
        }
        while !copies.is_empty() {
            result = result.and(next(&mut copies).await);
        }
        result
    }

    async fn copy_change(
        &self,
        group_id: &GroupId,
        (seq, expires): (u64, u64),
        change: MembershipChange,
        now: u64,
    ) -> Result<(), Refusal> {
        let MembershipChange { client, kind } = change;
        let partition = account::partition(&client.user());
        let group_id = group_id.clone();
        let work = move |rows: &mut dyn Transaction| {
            let membership = group_list::Membership { seq, is_member: kind != ChangeKind::Removed };
            group_list::set_membership(rows, &group_id, &client, membership)?;
            if kind != ChangeKind::Invited {
                return Ok(false);
            }
            let pointer = inbox::WelcomePointer { group_id, group_seq: seq, expires };
            inbox::deliver(rows, &client, &pointer, now)
        };
        if self.shared.store.write::<_, Refusal>(&partition, 500, work).await? {
            self.shared.wakeups.wake(&partition);
        }
        Ok(())
    }
}

/// Waits for one of several tasks.
pub(super) async fn next(tasks: &mut JoinSet<Result<(), Refusal>>) -> Result<(), Refusal> {
    match tasks.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Refusal::internal(&error)),
        None => Ok(()),
    }
}
