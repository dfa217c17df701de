//! Reading a group: its log, its state, its ratchet trees, and acknowledgements
//! (docs/protocol.md, sections 7 and 10).

use super::{Service, Shared};
use crate::error::Refusal;
use crate::group::{Caller, TreeRows, UnsignedPage, UnsignedState, acknowledgement};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{GroupState, LogPage};
use pando_mls::GroupId;
use std::sync::Arc;
use tokio::runtime::Handle;

impl<S: Store> Service<S> {
    /// Returns the entries of a group's log after `after`, with at most `bytes` bytes, and at least
    /// one entry if there is one.
    ///
    /// # Errors
    /// See [`UnsignedPage::read`].
    pub async fn read_log(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        (after, bytes): (u64, usize),
    ) -> Result<LogPage, Refusal> {
        self.check_session(caller).await?;
        let (domain, caller, id) = (self.settings().domain.clone(), caller.clone(), group_id.clone());
        let read = move |rows: &dyn Snapshot| UnsignedPage::read(rows, &domain, &id, &caller, (after, bytes));
        self.read_group(group_id, read).await?.sign(self.key())
    }

    /// Stores what a member has read.
    ///
    /// # Errors
    /// See [`acknowledgement::is_news`].
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        seq: u64,
        now: u64,
    ) -> Result<(), Refusal> {
        self.check_session(caller).await?;
        let member = caller.clone();
        let read = move |rows: &dyn Snapshot| acknowledgement::is_news(rows, &member, seq, now);
        if !self.read_group(group_id, read).await? {
            return Ok(());
        }
        let member = caller.clone();
        let write = move |rows: &mut dyn Transaction| acknowledgement::write(rows, &member, seq, now);
        self.write_quietly(group_id, 100, write).await
    }

    /// Returns the current state of a group.
    ///
    /// # Errors
    /// See [`UnsignedState::read`].
    pub async fn group_state(&self, caller: &Caller, group_id: &GroupId) -> Result<GroupState, Refusal> {
        self.check_session(caller).await?;
        let (domain, caller, id) = (self.settings().domain.clone(), caller.clone(), group_id.clone());
        let read = move |rows: &dyn Snapshot| UnsignedState::read(rows, &domain, &id, &caller);
        self.read_group(group_id, read).await?.sign(self.key())
    }

    /// Returns the contents of the `ratchet_tree` extension with this tree hash.
    ///
    /// # Errors
    /// See [`TreeRows::read`].
    pub async fn tree(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        tree_hash: &[u8],
    ) -> Result<Arc<[u8]>, Refusal> {
        self.check_session(caller).await?;
        let (member, hash) = (caller.clone(), tree_hash.to_vec());
        let check = move |rows: &dyn Snapshot| TreeRows::find(rows, &member, &hash).map(drop);
        self.read_group(group_id, check).await?;
        let assemble = async {
            let (member, hash, runtime) = (caller.clone(), tree_hash.to_vec(), Handle::current());
            let (service, id) = (self.clone(), group_id.clone());
            // The rows of a large tree take memory, so few requests have them at the same time.
            let assemble = move |shared: &Shared<S>| {
                let read = move |rows: &dyn Snapshot| TreeRows::read(rows, &member, &hash);
                let rows = runtime.block_on(service.read_group(&id, read))?;
                Ok(rows.export(&*shared.settings.crypto)?.into())
            };
            self.run_check(assemble).await
        };
        self.shared.trees.get(tree_hash, assemble).await
    }
}
