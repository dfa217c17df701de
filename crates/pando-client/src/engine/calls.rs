//! The calls to the server, in the order of their urgency.

use super::event::Event;
use super::lanes::{CallId, Lane};
use super::purpose::Purpose;
use super::rows::{GroupStage, Remover};
use super::{Engine, EngineError};
use crate::operation::Operation;
use pando_api::{Acknowledgement, GroupList, LogCursor};
use pando_mls::{GroupId, Opaque};
use pando_store::Backend;

/// The most claims in flight.
const MOST_CLAIMS: usize = 16;

/// A call to the server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Call {
    /// The number, with which the result is passed to [`Engine::complete`].
    pub id: CallId,
    /// The operation of the protocol.
    pub operation: Operation,
}

/// What the caller does next.
#[derive(Debug, Clone)]
pub enum Next {
    /// Perform a call, and ask again at once.
    Call(Box<Call>),
    /// Ask again after the next result or step, or at this time in milliseconds since 1970.
    Wait(Option<u64>),
}

impl<B: Backend> Engine<B> {
    /// Returns the next call, or until when there is none. Building a request also stores it, so
    /// the call can be performed right away.
    ///
    /// # Errors
    /// [`EngineError::Store`], [`EngineError::Session`].
    pub fn next_call(&mut self) -> Result<Next, EngineError> {
        self.step(|engine| {
            let now = engine.now();
            if engine.is_locked {
                return Ok(Next::Wait(None));
            }
            let Some((lane, purpose, operation)) = engine.next_purpose(now)? else {
                return Ok(Next::Wait(engine.lanes.next_time(now)));
            };
            let id = engine.lanes.start(lane.clone());
            engine.calls.insert(id, (lane, purpose));
            Ok(Next::Call(Box::new(Call { id, operation })))
        })
    }

    fn next_purpose(&mut self, now: u64) -> Result<Option<(Lane, Purpose, Operation)>, EngineError> {
        let has_keys = !self.state.client().server_keys.is_empty();
        if !has_keys || self.must_describe {
            let describe = (Lane::Server, Purpose::DescribeServer, Operation::Describe);
            if self.lanes.is_free(&Lane::Server, now) {
                return Ok(Some(describe));
            }
            if !has_keys {
                return Ok(None);
            }
        }
        if let Some(call) = self.next_key_packages(now)? {
            return Ok(Some(call));
        }
        if self.state.client().has_listed == 0 && self.lanes.is_free(&Lane::Groups, now) {
            return Ok(Some((Lane::Groups, Purpose::ListGroups, Operation::ListGroups)));
        }
        let claims = self.calls.values().filter(|(lane, _)| matches!(lane, Lane::Claim(_))).count();
        for (number, claim) in self.state.claims.iter() {
            let lane = Lane::Claim(number);
            if claims < MOST_CLAIMS && claim.claimed.is_none() && self.lanes.is_free(&lane, now) {
                let operation = Operation::ClaimKeyPackages(claim.claim.clone());
                return Ok(Some((lane, Purpose::Claim(number), operation)));
            }
        }
        if let Some(call) = self.next_report(now)? {
            return Ok(Some(call));
        }
        let groups: Vec<_> =
            self.state.groups.iter().map(|(_, row)| (row.group_id.clone(), row.stage)).collect();
        for (group_id, _) in &groups {
            let lane = Lane::Write(group_id.clone());
            if self.lanes.is_free(&lane, now)
                && let Some((purpose, operation)) = self.next_write(group_id, now)?
            {
                return Ok(Some((lane, purpose, operation)));
            }
        }
        if let Some(call) = self.next_inbox(now) {
            return Ok(Some(call));
        }
        for (group_id, stage) in &groups {
            if let (GroupStage::Member, Some(call)) = (stage, self.next_acknowledgement(group_id, now)) {
                return Ok(Some(call));
            }
        }
        for (group_id, stage) in groups {
            let lane = Lane::Read(group_id.clone());
            let cursor = self.state.group(&group_id).and_then(|row| row.cursor.as_ref());
            if stage == GroupStage::Member
                && self.lanes.is_free(&lane, now)
                && let Some(cursor) = cursor
            {
                // An operation that waits for the log is not delayed by a long poll.
                let is_urgent = self.behind.contains(&group_id);
                let wait = if is_urgent { 0 } else { self.settings.read_wait };
                let (after, group) = (cursor.seq(), group_id.clone());
                let operation = Operation::ReadLog { group_id: group, after, limit: None, wait };
                return Ok(Some((lane, Purpose::Read(group_id), operation)));
            }
        }
        Ok(None)
    }

    /// Lets the engine list the groups of our user again, and report those that it does not have
    /// with [`Event::GroupFound`](super::Event::GroupFound). It does so by itself when it is opened
    /// for the first time.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn find_groups(&mut self) -> Result<(), EngineError> {
        self.step(|engine| {
            engine.state.change_client(|client| client.has_listed = 0);
            engine.write()
        })
    }

    /// Reports the groups of our user that the client does not have.
    pub(super) fn take_groups(&mut self, list: &GroupList) -> Result<(), EngineError> {
        let now = self.now();
        for group in &list.groups {
            if self.state.group(&group.group_id).is_none() {
                let event = Event::GroupFound { has_leaf: u8::from(group.is_member) };
                self.state.push_event(now, Some(&group.group_id), event);
            }
        }
        self.state.change_client(|client| client.has_listed = 1);
        self.write()
    }

    /// Returns the acknowledgement of the entries that were read, at most one in an interval. The
    /// server may delete messages that all members have acknowledged.
    fn next_acknowledgement(&self, group_id: &GroupId, now: u64) -> Option<(Lane, Purpose, Operation)> {
        let lane = Lane::Acknowledge(group_id.clone());
        let row = self.state.group(group_id)?;
        let seq = row.cursor.as_ref().map(LogCursor::seq).filter(|seq| *seq >= row.start)?;
        let (last, time) = self.acknowledged.get(group_id).copied().unwrap_or_default();
        let is_due = seq > last && now >= time.saturating_add(self.settings.acknowledge_interval);
        if !is_due || !self.lanes.is_free(&lane, now) {
            return None;
        }
        let operation = Operation::Acknowledge(group_id.clone(), Acknowledgement { seq });
        Some((lane, Purpose::Acknowledge(group_id.clone(), seq), operation))
    }

    /// Marks a group whose log must be read before the next mutation.
    pub(super) fn mark_behind(&mut self, group_id: &GroupId) {
        self.behind.insert(group_id.clone());
        self.lanes.hasten(&Lane::Read(group_id.clone()));
    }

    /// Stores the description of the server. Keys of the server are added and never removed.
    pub(super) fn take_description(
        &mut self,
        description: &crate::description::Description,
    ) -> Result<(), EngineError> {
        self.must_describe = false;
        self.state.change_client(|client| {
            for key in description.keys.iter() {
                let key = Opaque::from(key.as_bytes().as_slice());
                if !client.server_keys.contains(&key) {
                    client.server_keys.push(key);
                }
            }
            let removers = description.removers.iter();
            client.removers =
                removers.map(|(scheme, key)| Remover { scheme: scheme.clone(), key: key.clone() }).collect();
        });
        self.write()
    }
}
