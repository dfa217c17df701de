//! Joining groups by Welcomes (docs/protocol.md, section 13).
//!
//! A Welcome is removed from the inbox after the client has joined, or has refused it. The cursor
//! of the inbox is stored with the group, so a Welcome is handled once.

use super::event::Event;
use super::lanes::Lane;
use super::purpose::{Purpose, Welcome};
use super::rows::{GroupRow, GroupStage};
use super::{Engine, EngineError, Mistake};
use crate::operation::Operation;
use pando_api::{InboxEntry, InboxPage, LogCursor};
use pando_mls::{Decode, MlsMessage, MlsMessageBody};
use pando_store::Backend;
use pando_store::session::{Event as GroupEvent, Held, Received, SessionError, no_rows};

impl<B: Backend> Engine<B> {
    /// Returns the next call about Welcomes.
    pub(super) fn next_inbox(&mut self, now: u64) -> Option<(Lane, Purpose, Operation)> {
        if !self.lanes.is_free(&Lane::Inbox, now) {
            return None;
        }
        let (purpose, operation) = match self.welcomes.front() {
            None => {
                let after = self.read_inbox_seq;
                let wait = self.settings.read_wait;
                (Purpose::ReadInbox, Operation::ReadInbox { after, wait })
            }
            Some(Welcome { entry, is_done: true, .. }) => {
                (Purpose::RemoveWelcome(entry.seq), Operation::RemoveInboxEntry(entry.seq))
            }
            Some(welcome) => {
                let (group_id, tree_hash) = (welcome.entry.group_id.clone(), welcome.entry.tree_hash.clone());
                let operation = Operation::ReadTree { group_id, tree_hash, range: None, suite: None };
                (Purpose::WelcomeTree(Box::new(welcome.clone())), operation)
            }
        };
        Some((Lane::Inbox, purpose, operation))
    }

    /// Takes the Welcomes of a page. Those that were handled before a restart are only removed.
    pub(super) fn take_inbox(&mut self, page: InboxPage) {
        let handled = self.state.client().inbox_seq;
        for entry in page.entries {
            self.read_inbox_seq = self.read_inbox_seq.max(entry.seq);
            let is_done = entry.seq <= handled;
            if self.settings.makes(Mistake::DropsWelcome) {
                self.state.change_client(|client| client.inbox_seq = client.inbox_seq.max(entry.seq));
            }
            self.welcomes.push_back(Welcome { entry, is_done });
        }
    }

    /// Joins the group of a Welcome.
    pub(super) fn take_welcome(&mut self, welcome: &Welcome, tree: &[u8]) -> Result<(), EngineError> {
        let InboxEntry { seq, group_id, group_seq, welcome: bytes, .. } = &welcome.entry;
        let log = self.log_id(group_id);
        // A member that has read all entries before the Welcome's Commit was not removed by them.
        let cursor = self.reading_cursor(group_id);
        let is_late = cursor.is_none_or(|cursor| cursor.seq().saturating_add(1) >= *group_seq);
        let now = self.clock.now();
        let (mut waits, mut is_other, mut is_stuck) = (false, false, false);
        let is_broken = self.state.stage(group_id) == Some(GroupStage::Broken);
        let uses_last_resort = self.uses_last_resort(bytes)?;
        let Self { session, state, .. } = self;
        let joined = session.join(bytes, Some(tree), |transaction, received| {
            let refused = match received {
                Received::Applied { group_id: joined, events } if joined == group_id => {
                    let mut row = GroupRow::new(group_id.clone(), GroupStage::Member);
                    (row.start, row.skip, row.leaf_time) = (*group_seq, *group_seq, now);
                    if uses_last_resort {
                        // The key of the leaf is known from other groups: renew it at once.
                        row.leaf_time = 0;
                        state.change_client(|client| client.needs_last_resort = 1);
                    }
                    row.cursor = Some(LogCursor::before(log, *group_seq));
                    state.put_group(row);
                    state.restart_operations(group_id);
                    state.end_join(group_id, true, now);
                    for event in events {
                        if let GroupEvent::Joined { epoch, .. } = event {
                            if let Some(row) = state.group_mut(group_id) {
                                row.first_epoch = *epoch;
                            }
                            state.push_event(now, Some(group_id), Event::Joined { epoch: *epoch });
                        }
                    }
                    None
                }
                Received::Applied { .. } => {
                    is_other = true;
                    return Err("the Welcome is for another group than the server says".into());
                }
                Received::Held(Held::StillInGroup) if is_broken => {
                    is_stuck = true;
                    return Ok(());
                }
                Received::Held(Held::StillInGroup) if !is_late => {
                    waits = true;
                    return Ok(());
                }
                Received::Held(held) => Some(held.to_string()),
                Received::Rejected(rejection) => Some(rejection.to_string()),
            };
            if let Some(reason) = refused {
                state.push_event(now, Some(group_id), Event::WelcomeRefused { reason });
            }
            state.change_client(|client| client.inbox_seq = client.inbox_seq.max(*seq));
            state.write(transaction)
        });
        match joined {
            // The group is not stored. Other errors of the closure are those of the store.
            Err(SessionError::Application(reason)) if is_other => {
                let reason = reason.to_string();
                self.reload()?;
                return self.refuse_welcome(welcome, reason);
            }
            Err(SessionError::WrongMessage) => {
                return self.refuse_welcome(welcome, "it is not a Welcome".to_owned());
            }
            joined => drop(joined?),
        }
        if is_stuck {
            // The client cannot process the Commits that remove it and add it again.
            self.session.delete_group(group_id, no_rows)?;
            return self.take_welcome(welcome, tree);
        }
        if waits {
            // The Commit that removes the client comes before the one that adds it again.
            self.mark_behind(group_id);
            self.lanes.delay(&Lane::Inbox, now.saturating_add(RETRY));
        } else {
            self.finish_welcome();
            self.count_time = 0;
        }
        Ok(())
    }

    /// Returns whether a Welcome is for our KeyPackage of last resort.
    fn uses_last_resort(&self, welcome: &[u8]) -> Result<bool, EngineError> {
        let Ok(MlsMessage { body: MlsMessageBody::Welcome(welcome) }) = MlsMessage::decode(welcome) else {
            return Ok(false);
        };
        let stored = self.session.store().key_package_for(&welcome)?;
        Ok(stored.is_some_and(|stored| stored.last_resort))
    }

    /// Refuses a Welcome that cannot be used.
    pub(super) fn refuse_welcome(&mut self, welcome: &Welcome, reason: String) -> Result<(), EngineError> {
        let now = self.now();
        let InboxEntry { seq, group_id, .. } = &welcome.entry;
        self.state.push_event(now, Some(group_id), Event::WelcomeRefused { reason });
        self.state.change_client(|client| client.inbox_seq = client.inbox_seq.max(*seq));
        self.write()?;
        self.finish_welcome();
        Ok(())
    }

    /// Marks the first Welcome as handled.
    fn finish_welcome(&mut self) {
        if let Some(front) = self.welcomes.front_mut() {
            front.is_done = true;
        }
    }

    /// Forgets the first Welcome, which the server has removed.
    pub(super) fn forget_welcome(&mut self, seq: u64) {
        if self.welcomes.front().is_some_and(|front| front.entry.seq == seq) {
            self.welcomes.pop_front();
        }
    }
}

/// The milliseconds before a Welcome is tried again.
const RETRY: u64 = 1_000;
