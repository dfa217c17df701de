//! The calls to the server, in the order of their urgency.

use super::inbox::Welcome;
use super::lanes::{CallId, Lane};
use super::rows::{GroupStage, Remover};
use super::{Engine, EngineError};
use crate::operation::Operation;
use pando_api::GroupState;
use pando_mls::{GroupId, Opaque};
use pando_store::Backend;

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

/// What a call is for.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    DescribeServer,
    CountKeyPackages,
    UploadKeyPackages,
    Claim(u64),
    /// The request of an operation.
    Operation(u64),
    JoinState(u64),
    JoinTree(u64, Box<GroupState>),
    Message(u64),
    ReadInbox,
    WelcomeTree(Box<Welcome>),
    RemoveWelcome(u64),
    Read(GroupId),
}

impl<B: Backend> Engine<B> {
    /// Returns the next call, or until when there is none. Building a request also stores it, so
    /// the call can be performed right away.
    ///
    /// # Errors
    /// [`EngineError::Store`], [`EngineError::Session`].
    pub fn next_call(&mut self) -> Result<Next, EngineError> {
        let now = self.now();
        if self.is_locked {
            return Ok(Next::Wait(None));
        }
        let call = match self.next_purpose(now)? {
            Some((lane, purpose, operation)) => {
                let id = self.lanes.start(lane.clone());
                self.calls.insert(id, (lane, purpose));
                Call { id, operation }
            }
            None => return Ok(Next::Wait(self.lanes.next_time(now))),
        };
        Ok(Next::Call(Box::new(call)))
    }

    fn next_purpose(&mut self, now: u64) -> Result<Option<(Lane, Purpose, Operation)>, EngineError> {
        if self.state.client().server_keys.is_empty() {
            let is_free = self.lanes.is_free(&Lane::Server, now);
            let describe = (Lane::Server, Purpose::DescribeServer, Operation::Describe);
            return Ok(is_free.then_some(describe));
        }
        if let Some(call) = self.next_key_packages(now)? {
            return Ok(Some(call));
        }
        for (number, claim) in self.state.claims.iter() {
            let lane = Lane::Claim(number);
            if claim.claimed.is_none() && self.lanes.is_free(&lane, now) {
                let operation = Operation::ClaimKeyPackages(claim.claim.clone());
                return Ok(Some((lane, Purpose::Claim(number), operation)));
            }
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
