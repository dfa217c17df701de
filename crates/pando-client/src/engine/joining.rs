//! Joining groups by external Commits.
//!
//! The client reads the state and the tree of the group, builds the Commit, stores it, and sends it
//! until the outcome is known. If another Commit wins the epoch, the client starts again. Only this
//! Commit is merged by its receipt and not by the log, because the client cannot read the log
//! before it is a member.

use super::commits::client_of;
use super::event::Event;
use super::operations::End;
use super::purpose::{Progress, Purpose};
use super::rows::{GroupStage, Intent, Stage};
use super::{Engine, EngineError, Mistake};
use crate::operation::Operation;
use pando_api::{GroupState, HandshakeData, LogCursor, Receipt, SubmitCommit};
use pando_mls::wire::{Node, RatchetTree};
use pando_mls::{Decode, Encode, GroupId, LeafIndex, MlsMessage, MlsMessageBody};
use pando_store::Backend;
use pando_store::session::SessionError;

impl<B: Backend> Engine<B> {
    /// Returns the next call of an external join.
    pub(super) fn next_join(
        &mut self,
        group_id: &GroupId,
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        let join = self.state.operations_of(group_id).find(|(_, row)| row.intent == Intent::Join);
        let Some((number, _)) = join else { return Ok(None) };
        match self.joins.remove(&number) {
            None => Ok(Some((Purpose::JoinState(number), Operation::ReadState(group_id.clone())))),
            Some(Progress::State(state)) => {
                let tree_hash = state.tree_hash.clone();
                let read =
                    Operation::ReadTree { group_id: group_id.clone(), tree_hash, range: None, suite: None };
                Ok(Some((Purpose::JoinTree(number, state), read)))
            }
            Some(Progress::Tree(state, tree)) => self.build_join(group_id, number, &state, &tree),
        }
    }

    /// Builds the external Commit and stores it.
    fn build_join(
        &mut self,
        group_id: &GroupId,
        number: u64,
        state: &GroupState,
        tree: &[u8],
    ) -> Result<Option<(Purpose, Operation)>, EngineError> {
        if self.settings.makes(Mistake::JoinsFromOldState) {
            self.joins.insert(number, Progress::Tree(Box::new(state.clone()), tree.to_vec()));
        }
        if let Some(successor) = &state.successor {
            let event = Event::Ended { successor: Some(successor.clone()) };
            let time = self.now();
            if let Some(row) = self.state.group_mut(group_id) {
                row.stage = GroupStage::Ended;
            }
            self.state.push_event(time, Some(group_id), event);
            self.state.end_operation(number, End::Failed("the group has ended".to_owned()), time);
            self.state.end_group(group_id, "the group has ended", time);
            self.write()?;
            return Ok(None);
        }
        let old_leaf = match own_leaf(tree, &self.own) {
            Ok(old_leaf) => old_leaf,
            Err(reason) => return self.fail_join(group_id, number, &reason),
        };
        let info = MlsMessage::decode(&state.group_info);
        match info.map(|info| info.body) {
            Ok(MlsMessageBody::GroupInfo(info)) if info.group_context.group_id == *group_id => {}
            _ => return self.fail_join(group_id, number, "the GroupInfo is not of the group"),
        }
        let data =
            HandshakeData { head: Some(state.head.clone()), witness: old_leaf, extensions: Vec::new() };
        let data = data.encode()?;
        let Self { session, state: rows, identity, .. } = self;
        let built = session.join_externally(
            &state.group_info,
            Some(tree),
            identity,
            |join| {
                let join = join.authenticated_data(&data);
                if old_leaf.is_some() { join.replace_leaf(old_leaf) } else { join.replace_own_leaf() }
            },
            |transaction, commit| {
                if let Some(row) = rows.operations.get_mut(number) {
                    row.stage = Stage::Committing(SubmitCommit {
                        commit: commit.message.clone().into(),
                        welcome: Vec::new().into(),
                        group_info: commit.group_info.clone().into(),
                    });
                }
                rows.write(transaction)
            },
        );
        match built {
            Ok(_) => self.next_write(group_id, self.clock.now()),
            Err(error) => {
                let is_final = match &error {
                    SessionError::Group(error) => !error.is_storage(),
                    // The group has another cipher suite than our key.
                    SessionError::NoSigner(_) | SessionError::WrongMessage => true,
                    _ => false,
                };
                if is_final {
                    return self.fail_join(group_id, number, &error.to_string());
                }
                self.failed(number, error)
            }
        }
    }

    /// Ends an external join that cannot succeed.
    pub(super) fn fail_join<T>(
        &mut self,
        group_id: &GroupId,
        number: u64,
        reason: &str,
    ) -> Result<Option<T>, EngineError> {
        self.put_failure(group_id, number, reason);
        self.write()?;
        Ok(None)
    }

    /// Puts the end of an external join that cannot succeed into the rows.
    fn put_failure(&mut self, group_id: &GroupId, number: u64, reason: &str) {
        let time = self.now();
        self.state.end_operation(number, End::Failed(reason.to_owned()), time);
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Removed;
        }
        self.state.end_group(group_id, reason, time);
    }

    /// Takes the receipt of an external Commit. If the client has joined by a Welcome in the
    /// meantime, the log decides: it contains the external Commit after the Welcome's, or the
    /// Welcome's membership is the later one.
    pub(super) fn take_join_receipt(
        &mut self,
        group_id: &GroupId,
        number: u64,
        receipt: &Receipt,
    ) -> Result<(), EngineError> {
        let Some(row) = self.state.group(group_id) else { return Ok(()) };
        if row.stage == GroupStage::Joining {
            return self.accept_join(group_id, number, receipt);
        }
        let is_earlier = receipt.head.head.seq < row.start;
        if !is_earlier {
            if let Some(row) = self.state.operations.get_mut(number) {
                row.stage = Stage::Accepted;
            }
            return self.write();
        }
        let time = self.now();
        self.state.end_operation(number, End::Done, time);
        let Self { session, state, .. } = self;
        match session.abandon_join(group_id, |transaction, _| state.write(transaction)) {
            Err(SessionError::NoGroup(_)) => self.write(),
            abandoned => Ok(abandoned?),
        }
    }

    /// Merges our external Commit, which the server has accepted.
    pub(super) fn accept_join(
        &mut self,
        group_id: &GroupId,
        number: u64,
        receipt: &Receipt,
    ) -> Result<(), EngineError> {
        let (head, now) = (receipt.head.clone(), self.now());
        let (seq, time, epoch) = (head.head.seq, head.head.time, receipt.epoch.saturating_add(1));
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Member;
            (row.start, row.skip, row.leaf_time) = (seq, seq, now);
            row.first_epoch = epoch;
            row.cursor = Some(LogCursor::at(&head));
            row.head = Some(head);
            row.proposals.clear();
        }
        self.state.push_event(time, Some(group_id), Event::Joined { epoch });
        self.state.end_operation(number, End::Done, time);
        let Self { session, state, .. } = self;
        let accepted = session.accept_join(group_id, |transaction, _| state.write(transaction));
        accepted?;
        Ok(())
    }

    /// Drops our external Commit, which the server has refused, to build it again.
    pub(super) fn drop_join(&mut self, group_id: &GroupId, number: u64) -> Result<(), EngineError> {
        if let Some(row) = self.state.operations.get_mut(number) {
            row.stage = Stage::Waiting;
            row.attempts = row.attempts.saturating_add(1);
        }
        let Self { session, state, .. } = self;
        Ok(session.abandon_join(group_id, |transaction, _| state.write(transaction))?)
    }

    /// Drops our external Commit, which the server refuses for good, and ends its operation.
    pub(super) fn abandon_join(
        &mut self,
        group_id: &GroupId,
        number: u64,
        reason: &str,
    ) -> Result<(), EngineError> {
        self.put_failure(group_id, number, reason);
        let Self { session, state, .. } = self;
        Ok(session.abandon_join(group_id, |transaction, _| state.write(transaction))?)
    }
}

/// Returns the leaf of a client in an encoded ratchet tree.
fn own_leaf(tree: &[u8], own: &pando_api::ClientId) -> Result<Option<LeafIndex>, String> {
    let tree = RatchetTree::decode(tree).map_err(|error| format!("ratchet tree: {error}"))?;
    let mut leaves = tree.0.iter().step_by(2).zip(0..);
    let found = leaves.find_map(|(node, leaf)| match node {
        Some(Node::Leaf(node)) if client_of(&node.credential).as_ref() == Some(own) => Some(LeafIndex(leaf)),
        _ => None,
    });
    Ok(found)
}
