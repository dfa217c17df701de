//! Starting operations, and ending them.

use super::event::{Event, OperationId};
use super::lanes::Lane;
use super::rows::{ClaimRow, GroupRow, GroupStage, Intent, OperationRow, Stage};
use super::state::State;
use super::{Engine, EngineError};
use pando_api::{ClaimId, ClaimKeyPackages, ClaimTarget, Policy, UserId};
use pando_mls::GroupId;
use pando_mls::wire::RequiredCapabilities;
use pando_store::Backend;

impl<B: Backend> Engine<B> {
    /// Starts to create a group with this policy, and to add all clients of these users. Our user
    /// must be an admin of the policy. Clients of our own user are added if it is in the list.
    ///
    /// # Errors
    /// [`EngineError::Policy`], [`EngineError::Store`].
    pub fn create_group(
        &mut self,
        policy: Policy,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<(GroupId, OperationId), EngineError> {
        policy.to_extension()?;
        let targets: Vec<_> = users.into_iter().map(ClaimTarget::User).collect();
        self.step(|engine| {
            let mut id = [0; 32];
            engine.rng.fill(&mut id);
            let group_id = GroupId::from(id.as_slice());
            engine.state.put_group(GroupRow::new(group_id.clone(), GroupStage::Creating));
            let operation = engine.put_operation(&group_id, Intent::Create(policy));
            engine.put_claims(operation, targets);
            engine.write()?;
            Ok((group_id, operation))
        })
    }

    /// Starts to add clients: all clients of users, or single clients.
    ///
    /// # Errors
    /// [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn add(
        &mut self,
        group_id: &GroupId,
        targets: impl IntoIterator<Item = ClaimTarget>,
    ) -> Result<OperationId, EngineError> {
        self.step(|engine| {
            engine.check_usable(group_id)?;
            let operation = engine.put_operation(group_id, Intent::Add);
            engine.put_claims(operation, targets);
            engine.write()?;
            Ok(operation)
        })
    }

    /// Starts to remove clients: all clients of users, or single clients. Our own client leaves by
    /// [`Engine::leave`].
    ///
    /// # Errors
    /// [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn remove(
        &mut self,
        group_id: &GroupId,
        targets: impl IntoIterator<Item = ClaimTarget>,
    ) -> Result<OperationId, EngineError> {
        self.start(group_id, Intent::Remove(targets.into_iter().collect()))
    }

    /// Starts to replace the policy of a group.
    ///
    /// # Errors
    /// [`EngineError::Policy`], [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn set_policy(&mut self, group_id: &GroupId, policy: Policy) -> Result<OperationId, EngineError> {
        policy.to_extension()?;
        self.start(group_id, Intent::SetPolicy(policy))
    }

    /// Starts to renew the keys of our leaf, so that a thief of the present keys cannot read later
    /// messages.
    ///
    /// # Errors
    /// [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn update(&mut self, group_id: &GroupId) -> Result<OperationId, EngineError> {
        self.start(group_id, Intent::Update)
    }

    /// Starts to leave a group. Another member commits the removal; until then, the client receives
    /// messages.
    ///
    /// # Errors
    /// [`EngineError::NotAMember`], [`EngineError::Store`].
    pub fn leave(&mut self, group_id: &GroupId) -> Result<OperationId, EngineError> {
        self.start(group_id, Intent::Leave)
    }

    /// Starts to join a group by an external Commit, as the group's policy allows. If the client
    /// has a leaf in the group, the Commit replaces it: so a client comes back that has lost its
    /// store, or is stuck.
    ///
    /// # Errors
    /// [`EngineError::InGroup`] if the client is a member and can process the log, or is joining;
    /// [`EngineError::Store`].
    pub fn join(&mut self, group_id: &GroupId) -> Result<OperationId, EngineError> {
        self.step(|engine| {
            match engine.state.stage(group_id) {
                Some(GroupStage::Member | GroupStage::Creating | GroupStage::Joining) => {
                    return Err(EngineError::InGroup(group_id.clone()));
                }
                Some(GroupStage::Removed | GroupStage::Ended | GroupStage::Broken) | None => {}
            }
            let operation = engine.put_join(group_id, false);
            engine.write()?;
            Ok(operation)
        })
    }

    /// Adds the operation of an external join to the rows.
    pub(super) fn put_join(&mut self, group_id: &GroupId, is_internal: bool) -> OperationId {
        self.state.put_group(GroupRow::new(group_id.clone(), GroupStage::Joining));
        self.state.restart_operations(group_id);
        let operation = self.put_operation(group_id, Intent::Join);
        if is_internal && let Some(row) = self.state.operations.get_mut(operation.0) {
            row.is_internal = 1;
        }
        self.lanes.hasten(&Lane::Write(group_id.clone()));
        operation
    }

    fn start(&mut self, group_id: &GroupId, intent: Intent) -> Result<OperationId, EngineError> {
        self.step(|engine| {
            engine.check_usable(group_id)?;
            let operation = engine.put_operation(group_id, intent);
            engine.write()?;
            Ok(operation)
        })
    }

    /// Checks that the client is a member, or will be when earlier operations are done.
    pub(super) fn check_usable(&self, group_id: &GroupId) -> Result<(), EngineError> {
        match self.state.stage(group_id) {
            Some(GroupStage::Member | GroupStage::Creating | GroupStage::Joining | GroupStage::Broken) => {
                Ok(())
            }
            Some(GroupStage::Removed | GroupStage::Ended) | None => {
                Err(EngineError::NotAMember(group_id.clone()))
            }
        }
    }

    /// Adds an operation to the rows.
    pub(super) fn put_operation(&mut self, group_id: &GroupId, intent: Intent) -> OperationId {
        let number = self.state.next_number();
        let is_internal = u8::from(intent == Intent::CommitProposals);
        let row = OperationRow {
            group_id: group_id.clone(),
            intent,
            stage: Stage::Waiting,
            refused: Vec::new(),
            attempts: 0,
            is_internal,
        };
        self.state.operations.insert(number, row);
        self.lanes.hasten(&Lane::Write(group_id.clone()));
        OperationId(number)
    }

    fn put_claims(&mut self, operation: OperationId, targets: impl IntoIterator<Item = ClaimTarget>) {
        for target in targets {
            let claim = ClaimKeyPackages {
                claim_id: ClaimId(self.rng.id()),
                target,
                cipher_suite: self.settings.cipher_suite,
                capabilities: RequiredCapabilities::default(),
            };
            let number = self.state.next_number();
            self.state.claims.insert(number, ClaimRow { operation: operation.0, claim, claimed: None });
        }
    }
}

impl GroupRow {
    /// Returns the row of a group that the client has not joined yet.
    pub(super) const fn new(group_id: GroupId, stage: GroupStage) -> Self {
        Self {
            group_id,
            stage,
            start: 0,
            skip: 0,
            first_epoch: 0,
            cursor: None,
            head: None,
            proposals: Vec::new(),
            later_heads: Vec::new(),
            leaf_time: 0,
        }
    }
}

/// How an operation ends.
pub(super) enum End {
    Done,
    Failed(String),
    Superseded(String),
}

impl State {
    /// Ends an operation with an event, and removes its rows.
    pub(super) fn end_operation(&mut self, number: u64, end: End, time: u64) {
        let Some(row) = self.operations.remove(number) else { return };
        let claims: Vec<_> =
            self.claims.iter().filter(|(_, claim)| claim.operation == number).map(|(n, _)| n).collect();
        for claim in claims {
            self.claims.remove(claim);
        }
        if row.is_internal == 1 {
            return;
        }
        let operation = OperationId(number);
        let event = match end {
            End::Done => Event::OperationDone(operation),
            End::Failed(reason) => Event::OperationFailed { operation, reason },
            End::Superseded(reason) => Event::OperationSuperseded { operation, reason },
        };
        self.push_event(time, Some(&row.group_id), event);
    }

    /// Lets the operations of a group be built again, because a new membership replaces the one in
    /// which they were built. An external Commit may still be accepted, so its request stays.
    pub(super) fn restart_operations(&mut self, group_id: &GroupId) {
        let started = self.operations_of(group_id).filter(|(_, row)| row.intent != Intent::Join);
        let started: Vec<_> = started.map(|(number, _)| number).collect();
        for number in started {
            if let Some(row) = self.operations.get_mut(number) {
                row.stage = Stage::Waiting;
                row.refused.clear();
            }
        }
    }

    /// Ends an external join whose aim was reached in another way.
    pub(super) fn end_join(&mut self, group_id: &GroupId, keeps_request: bool, time: u64) {
        let joins = self
            .operations_of(group_id)
            .filter(|(_, row)| row.intent == Intent::Join && (row.stage == Stage::Waiting || !keeps_request));
        let joins: Vec<_> = joins.map(|(number, _)| number).collect();
        for number in joins {
            self.end_operation(number, End::Done, time);
        }
    }

    /// Ends all operations and messages of a group that the client cannot change any more. A leave
    /// is done.
    pub(super) fn end_group(&mut self, group_id: &GroupId, reason: &str, time: u64) {
        let operations: Vec<_> =
            self.operations_of(group_id).map(|(number, row)| (number, row.intent == Intent::Leave)).collect();
        for (number, is_leave) in operations {
            let end = if is_leave { End::Done } else { End::Superseded(reason.to_owned()) };
            self.end_operation(number, end, time);
        }
        let messages: Vec<_> = self.messages_of(group_id).map(|(number, row)| (number, row.id)).collect();
        for (number, message) in messages {
            self.remove_message(number);
            let event = Event::MessageFailed { message, reason: reason.to_owned() };
            self.push_event(time, Some(group_id), event);
        }
    }
}
