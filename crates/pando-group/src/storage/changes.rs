//! The rows that operations write and delete, and the complete set of rows of a group.

use crate::state::client_index::ClientChanges;
use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::history::Leaves;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::StagedMember;
use crate::storage::delta::Delta;
use crate::storage::lineage::{Lineage, UnnamedChanges};
use crate::storage::position::{Instance, StateRow};
use crate::storage::row_codec::{
    external_join, member, own_proposal, own_update, past, pending_commit, proposal, public, secret,
};
use crate::storage::row_key::{Changes, EpochRow, RowKey, Rows};
use crate::storage::unpersisted::{DroppedDeltas, Unpersisted};
use crate::{GroupConfig, GroupError};
use pando_crypto::SecretBytes;
use pando_tree::{PrivateKeys, RowChange, TreeError};
use pando_wire::{EncodeError, ReInit};

/// Returns the rows of the tree and of the client index that differ between an epoch and the
/// previous one, or all such rows if no previous epoch is given.
fn tree(new: &PublicState, old: Option<&PublicState>) -> Result<Changes, TreeError> {
    let clients = match old {
        Some(_) => new.clients.changes().rows().collect(),
        None => new.clients.rows_since(None)?,
    };
    Ok(tree_changes(new.tree.rows_since(old.map(|old| &old.tree))?.into_iter().chain(clients)))
}

fn tree_changes(changes: impl Iterator<Item = RowChange>) -> Changes {
    changes.map(|(key, row)| (RowKey::Tree(key), row.map(SecretBytes::from))).collect()
}

/// Returns the state of a group after it moves from `current` to `target`, and the rows that
/// differ. `target` is the state of the next or the previous epoch, and `clients` contains the
/// differences between the client indexes.
pub(crate) fn moved(
    current: &PublicState,
    target: &PublicState,
    clients: &ClientChanges,
) -> Result<(PublicState, Changes), TreeError> {
    let (tree, changes) = current.tree.moved_to(&target.tree)?;
    let state =
        PublicState { tree, clients: current.clients.moved_to(&target.clients, clients), ..target.clone() };
    Ok((state, tree_changes(changes.into_iter().chain(clients.rows()))))
}

/// Returns the rows of the public state of a group, which members and public groups share.
pub(crate) fn public_rows(
    state: &PublicState,
    proposals: &ProposalStore,
    lineage: (Lineage, GroupState),
    reinit: Option<&ReInit>,
) -> Result<Changes, GroupError> {
    let mut rows = tree(state, None)?;
    rows.extend(lineage_rows(state, lineage, reinit)?.map(written));
    rows.extend(proposal_rows(proposals)?.into_iter().map(written));
    Ok(rows)
}

/// Returns the rows that contain the lineage of a group.
fn lineage_rows(
    state: &PublicState,
    (lineage, group_state): (Lineage, GroupState),
    reinit: Option<&ReInit>,
) -> Result<[(RowKey, SecretBytes); 2], EncodeError> {
    let row = StateRow { position: lineage.position, state: group_state }.encode();
    Ok([(RowKey::Public, public(state, lineage.instance, reinit)?), (RowKey::State, row)])
}

/// Begins an instance, and returns its lineage and the Delta with all of its rows. `rows` contains
/// the rows with [`Lineage::NONE`].
pub(crate) fn begin_instance(
    state: &PublicState,
    group_state: GroupState,
    reinit: Option<&ReInit>,
    mut rows: Changes,
) -> Result<(Lineage, Delta), EncodeError> {
    let group_id = state.context.group_id.clone();
    let lineage = Lineage::begin(state.suite, &group_id, &rows);
    rows.extend(lineage_rows(state, (lineage, group_state), reinit)?.map(written));
    Ok((lineage, lineage.whole(group_id, group_state, rows)))
}

/// Returns the change that writes a row.
fn written((key, row): (RowKey, SecretBytes)) -> (RowKey, Option<SecretBytes>) {
    (key, Some(row))
}

/// Returns the rows that the given changes write.
pub(crate) fn writes(changes: Changes) -> Rows {
    changes.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
}

/// Returns the rows of the proposals of an epoch.
pub(crate) fn proposal_rows(proposals: &ProposalStore) -> Result<Rows, EncodeError> {
    let rows = (0..)
        .zip(proposals.iter())
        .map(|(position, (pending, status))| Ok((RowKey::Proposal(position), proposal(pending, status)?)));
    rows.collect()
}

/// Returns the rows that a member writes and deletes when it enters the next epoch. `member_keys`
/// contains the member's keys in that epoch, or is `None` if the member is removed.
pub(crate) fn next_epoch(
    (old, old_keys): (&PublicState, &PrivateKeys),
    new: &PublicState,
    instance: Instance,
    member_keys: Option<&StagedMember>,
    reinit: Option<&ReInit>,
) -> Result<Changes, GroupError> {
    let Some(StagedMember { private_keys, keys }) = member_keys else {
        return Ok(Changes::new());
    };
    let mut changes = tree(new, Some(old))?;
    changes.insert(RowKey::Public, Some(public(new, instance, reinit)?));
    changes.insert(RowKey::Member, Some(member(private_keys.leaf(), keys)?));
    for (node, key_pair) in private_keys.changes_since(old_keys) {
        changes.insert(RowKey::PrivateKey(node), key_pair.map(|key_pair| secret(key_pair.private.expose())));
    }
    for (id, secret) in keys.secret_tree.secrets() {
        changes.insert(RowKey::Epoch(new.context.epoch, EpochRow::Secret(id)), Some(secret));
    }
    Ok(changes)
}

/// Returns the rows that preserve those parts of the ending epoch that the client's current
/// settings require.
pub(crate) fn past_epoch(
    old: &PublicState,
    keys: &EpochKeys,
    config: &GroupConfig,
    leaves: &Leaves,
) -> Result<Changes, EncodeError> {
    let (epoch, mut changes) = (old.context.epoch, Changes::new());
    if config.past_epochs > 0 {
        let leaf_count = old.tree.size().leaf_count();
        let past = past(&old.context, leaf_count, keys.sender_data.expose())?;
        changes.insert(RowKey::Epoch(epoch, EpochRow::Past), Some(past));
        for (leaf, encoded) in leaves {
            let encoded = secret(encoded.as_deref().unwrap_or_default());
            changes.insert(RowKey::Epoch(epoch, EpochRow::Leaf(*leaf)), Some(encoded));
        }
    }
    if config.past_resumption_psks > 0 {
        changes.insert(RowKey::ResumptionPsk(epoch), Some(secret(keys.resumption_psk.expose())));
    }
    Ok(changes)
}

impl Group {
    /// Returns all rows of the group.
    ///
    /// # Errors
    /// [`GroupError::Encode`] if a field is too long, [`GroupError::Source`] if a tree node cannot
    /// be read.
    pub fn rows(&self) -> Result<Rows, GroupError> {
        self.write_all().map(writes)
    }

    /// Returns the changes that write all rows of the group.
    fn write_all(&self) -> Result<Changes, GroupError> {
        let lineage = (self.lineage, self.state);
        let mut rows = public_rows(&self.public, &self.proposals, lineage, self.reinit.as_ref())?;
        let mut write = |key, row| drop(rows.insert(key, Some(row)));
        write(RowKey::Member, member(self.own_leaf(), &self.keys)?);
        for node in self.private_keys.nodes() {
            let Some(key_pair) = self.private_keys.get(node) else { continue };
            write(RowKey::PrivateKey(node), secret(key_pair.private.expose()));
        }
        for (id, secret) in self.keys.secret_tree.secrets() {
            write(RowKey::Epoch(self.epoch(), EpochRow::Secret(id)), secret);
        }
        for PastEpoch { context, sender_data, secret_tree } in &self.past {
            let leaf_count = secret_tree.size().leaf_count();
            let past = past(context, leaf_count, sender_data.expose())?;
            write(RowKey::Epoch(context.epoch, EpochRow::Past), past);
            for (id, secret) in secret_tree.secrets() {
                write(RowKey::Epoch(context.epoch, EpochRow::Secret(id)), secret);
            }
        }
        for (epoch, leaf, encoded) in self.history.leaves() {
            let encoded = secret(encoded.map(|encoded| &**encoded).unwrap_or_default());
            write(RowKey::Epoch(epoch, EpochRow::Leaf(leaf)), encoded);
        }
        for (epoch, psk) in &self.resumption_psks {
            write(RowKey::ResumptionPsk(*epoch), secret(psk.expose()));
        }
        for (position, key_pair) in (0..).zip(&self.updates) {
            write(RowKey::OwnUpdate(position), own_update(key_pair)?);
        }
        for (position, message, reference) in self.own_proposals.iter() {
            write(RowKey::OwnProposal(position), own_proposal(message, reference)?);
        }
        self.decrypted_commits.rows().chain(self.outbox.rows()).for_each(|(key, row)| write(key, row));
        if let Some(message) = &self.joining {
            write(RowKey::ExternalJoin, external_join(message)?);
        }
        if let Some(pending) = &self.pending {
            write(RowKey::PendingCommit, pending_commit(pending)?);
        }
        Ok(rows)
    }

    /// Returns the changes of failed operations and of dropped results. All other changes are
    /// contained in the results of operations.
    pub fn take_delta(&mut self) -> Unpersisted<()> {
        self.unpersisted(())
    }

    /// Returns the result of an operation together with all changes since the last stored Delta.
    pub(crate) fn unpersisted<T>(&mut self, value: T) -> Unpersisted<T> {
        let changes = self.take_changes();
        let group_id = &self.public.context.group_id;
        let delta = self.lineage.advance(self.public.suite, group_id, self.state, changes);
        Unpersisted::new(value, self.dropped.before(delta), self.dropped.clone_handle())
    }

    /// Returns the changes since the last Delta.
    fn take_changes(&mut self) -> UnnamedChanges {
        let mut changes = self.changes.take();
        changes
            .rows
            .extend(self.decrypted_commits.take_rows().into_iter().map(|(key, row)| (key, Some(row))));
        let past = self.past.iter_mut().map(|past| (past.context.epoch, &mut past.secret_tree));
        let current = (self.public.context.epoch, &mut self.keys.secret_tree);
        for (epoch, secret_tree) in past.chain([current]) {
            let secrets = secret_tree.take_changes().into_iter();
            changes.rows.extend(secrets.map(|(id, row)| (RowKey::Epoch(epoch, EpochRow::Secret(id)), row)));
        }
        changes
    }

    /// Begins an instance, and returns the Delta with all of its rows.
    pub(crate) fn begin_instance(mut self) -> Result<Unpersisted<Self>, GroupError> {
        // Discard the changes, because all rows are written below.
        let _ = self.take_changes();
        (self.lineage, self.dropped) = (Lineage::NONE, DroppedDeltas::default());
        let (rows, reinit) = (self.write_all()?, self.reinit.as_ref());
        let (lineage, delta) = begin_instance(&self.public, self.state, reinit, rows)?;
        self.lineage = lineage;
        let dropped = self.dropped.clone_handle();
        Ok(Unpersisted::new(self, delta, dropped))
    }
}
