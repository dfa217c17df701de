//! What a group is stored as: the contents of rows, in the encoding of the wire format.

use crate::GroupError;
use crate::operations::commit::Pending;
use crate::operations::transition::StagedMember;
use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::group::Group;
use crate::state::proposal_store::{Committed, PendingProposal, ProposalStore};
use crate::state::public_state::PublicState;
use crate::storage::delta::{Changes, EpochRow, RowKey, Rows};
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_tree::TreeError;
use pando_wire::{
    AuthenticatedContent, Encode, EncodeError, GroupContext, HpkePublicKey, LeafIndex, Mac, MlsMessage,
    Opaque, PrivateMessage, Proposal, ProposalRef, ReInit, Sender,
};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// [`RowKey::Public`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PublicRow {
    pub(crate) context: GroupContext,
    pub(crate) interim_transcript_hash: Opaque,
    pub(crate) confirmation_tag: Mac,
    /// 1 if messages can be sent, 0 if not.
    pub(crate) active: u8,
    pub(crate) reinit: Option<ReInit>,
}

/// [`RowKey::Member`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct MemberRow {
    pub(crate) leaf: LeafIndex,
    pub(crate) sender_data: SecretBytes,
    pub(crate) exporter: SecretBytes,
    pub(crate) external: SecretBytes,
    pub(crate) membership_key: SecretBytes,
    pub(crate) resumption_psk: SecretBytes,
    pub(crate) epoch_authenticator: SecretBytes,
    pub(crate) init: SecretBytes,
}

/// [`EpochRow::Past`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PastRow {
    pub(crate) context: GroupContext,
    /// Of the ratchet tree, blank ones included.
    pub(crate) leaf_count: u32,
    pub(crate) sender_data: SecretBytes,
}

/// [`RowKey::Proposal`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ProposalRow {
    pub(crate) reference: ProposalRef,
    pub(crate) sender: Sender,
    pub(crate) proposal: Proposal,
    pub(crate) authenticated_data: Opaque,
}

/// [`RowKey::OwnUpdate`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OwnUpdateRow {
    pub(crate) private: SecretBytes,
    pub(crate) public: HpkePublicKey,
}

/// [`RowKey::OwnProposal`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OwnProposalRow {
    pub(crate) message: MlsMessage,
    pub(crate) reference: ProposalRef,
}

/// [`RowKey::OpenedCommit`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct OpenedCommitRow {
    pub(crate) message: PrivateMessage,
    pub(crate) content: AuthenticatedContent,
}

/// [`RowKey::PendingCommit`]
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingRow {
    pub(crate) message: MlsMessage,
    pub(crate) by_value: Vec<Proposal>,
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) removed: Vec<LeafIndex>,
    pub(crate) reinit: Option<ReInit>,
    pub(crate) leaves: Vec<PendingLeaf>,
    pub(crate) rows: Vec<PendingChange>,
}

/// A leaf that one's own Commit replaces, as it was.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingLeaf {
    pub(crate) leaf: LeafIndex,
    pub(crate) encoded: Option<Opaque>,
}

/// A row that merging one's own Commit writes or deletes.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PendingChange {
    pub(crate) key: Opaque,
    pub(crate) row: Option<SecretBytes>,
}

/// The encoding of a row.
fn row(contents: &impl Encode) -> Result<SecretBytes, EncodeError> {
    // In a buffer of its final size, which becomes the row: no copy stays behind.
    contents.encode().map(SecretBytes::from)
}

/// A secret by itself.
fn secret(bytes: &[u8]) -> SecretBytes {
    bytes.into()
}

pub(crate) fn public(
    public: &PublicState,
    active: bool,
    reinit: Option<&ReInit>,
) -> Result<SecretBytes, EncodeError> {
    row(&PublicRow {
        context: public.context.clone(),
        interim_transcript_hash: public.interim_transcript_hash.0.clone(),
        confirmation_tag: public.confirmation_tag.clone(),
        active: active.into(),
        reinit: reinit.cloned(),
    })
}

pub(crate) fn member(leaf: LeafIndex, keys: &EpochKeys) -> Result<SecretBytes, EncodeError> {
    row(&MemberRow {
        leaf,
        sender_data: secret(keys.sender_data.expose()),
        exporter: secret(keys.exporter.expose()),
        external: secret(keys.external.expose()),
        membership_key: secret(keys.membership_key.expose()),
        resumption_psk: secret(keys.resumption_psk.expose()),
        epoch_authenticator: secret(keys.epoch_authenticator.expose()),
        init: secret(keys.init.expose()),
    })
}

fn past(context: &GroupContext, leaf_count: u32, sender_data: &[u8]) -> Result<SecretBytes, EncodeError> {
    row(&PastRow { context: context.clone(), leaf_count, sender_data: secret(sender_data) })
}

pub(crate) fn proposal(pending: &PendingProposal) -> Result<SecretBytes, EncodeError> {
    let PendingProposal { reference, sender, proposal, authenticated_data } = pending.clone();
    row(&ProposalRow { reference, sender, proposal, authenticated_data })
}

pub(crate) fn own_update(key_pair: &HpkeKeyPair) -> Result<SecretBytes, EncodeError> {
    row(&OwnUpdateRow { private: secret(key_pair.private.expose()), public: key_pair.public.clone() })
}

pub(crate) fn own_proposal(
    message: &MlsMessage,
    reference: &ProposalRef,
) -> Result<SecretBytes, EncodeError> {
    row(&OwnProposalRow { message: message.clone(), reference: reference.clone() })
}

pub(crate) fn opened_commit(
    message: &PrivateMessage,
    content: &AuthenticatedContent,
) -> Result<SecretBytes, EncodeError> {
    row(&OpenedCommitRow { message: message.clone(), content: content.clone() })
}

pub(crate) fn pending_commit(pending: &Pending) -> Result<SecretBytes, EncodeError> {
    let Pending { staged, message } = pending;
    let by_value = staged.proposals.iter().filter_map(Committed::by_value);
    let leaves = staged.leaves.iter();
    let rows = staged.rows.iter();
    row(&PendingRow {
        message: message.clone(),
        by_value: by_value.cloned().collect(),
        added: staged.effects.added.clone(),
        removed: staged.effects.removed.clone(),
        reinit: staged.effects.reinit.clone(),
        leaves: leaves.map(|(leaf, encoded)| PendingLeaf { leaf: *leaf, encoded: encoded.clone() }).collect(),
        rows: rows
            .map(|(key, row)| PendingChange {
                key: key.to_bytes().into(),
                row: row.as_ref().map(|row| secret(row.expose())),
            })
            .collect(),
    })
}

/// The rows of the tree, and of whose leaves are whose, that differ between two epochs: all of them if there is only one.
pub(crate) fn tree(new: &PublicState, old: Option<&PublicState>) -> Result<Changes, TreeError> {
    let clients = new.clients.rows_since(old.map(|old| &old.clients));
    let changes = new.tree.rows_since(old.map(|old| &old.tree))?.into_iter().chain(clients);
    Ok(changes.map(|(key, row)| (RowKey::Tree(key), row.map(SecretBytes::from))).collect())
}

/// The rows of what everybody knows who follows a group.
pub(crate) fn of_everybody(
    state: &PublicState,
    proposals: &ProposalStore,
    active: bool,
    reinit: Option<&ReInit>,
) -> Result<Rows, GroupError> {
    let mut rows: Rows = tree(state, None)?.into_iter().filter_map(|(key, row)| Some((key, row?))).collect();
    rows.insert(RowKey::Public, public(state, active, reinit)?);
    for (position, pending) in (0..).zip(proposals.iter()) {
        rows.insert(RowKey::Proposal(position), proposal(pending)?);
    }
    Ok(rows)
}

/// The rows that a member's entering the next epoch writes and deletes.
pub(crate) fn next_epoch(
    old: &Group,
    new: &PublicState,
    member_keys: &StagedMember,
    reinit: Option<&ReInit>,
) -> Result<Changes, GroupError> {
    let StagedMember { private_keys, keys } = member_keys;
    let mut changes = tree(new, Some(&old.public))?;
    changes.insert(RowKey::Public, Some(public(new, reinit.is_none(), reinit)?));
    changes.insert(RowKey::Member, Some(member(private_keys.leaf(), keys)?));
    for (node, key_pair) in private_keys.changes_since(&old.private_keys) {
        changes.insert(RowKey::PrivateKey(node), key_pair.map(|key_pair| secret(key_pair.private.expose())));
    }
    for (id, secret) in keys.secret_tree.secrets() {
        changes.insert(RowKey::Epoch(new.context.epoch, EpochRow::Secret(id)), Some(secret));
    }
    Ok(changes)
}

/// The rows that keep what is needed of an epoch that ends, as the client wants it when it does.
pub(crate) fn past_epoch(
    old: &Group,
    leaves: &crate::state::history::Leaves,
) -> Result<Changes, EncodeError> {
    let (epoch, mut changes) = (old.epoch(), Changes::new());
    if old.config.past_epochs > 0 {
        let leaf_count = old.public.tree.size().leaf_count();
        let past = past(&old.public.context, leaf_count, old.keys.sender_data.expose())?;
        changes.insert(RowKey::Epoch(epoch, EpochRow::Past), Some(past));
        for (leaf, encoded) in leaves {
            let encoded = secret(encoded.as_deref().unwrap_or_default());
            changes.insert(RowKey::Epoch(epoch, EpochRow::Leaf(*leaf)), Some(encoded));
        }
    }
    if old.config.past_resumption_psks > 0 {
        changes.insert(RowKey::ResumptionPsk(epoch), Some(secret(old.keys.resumption_psk.expose())));
    }
    Ok(changes)
}

impl Group {
    /// Everything that is to be stored of a group.
    ///
    /// # Errors
    /// [`GroupError::Encode`] if something is too long; what [`Tree::intact`](pando_tree::Tree::intact) says.
    pub fn rows(&self) -> Result<Rows, GroupError> {
        let mut rows = of_everybody(&self.public, &self.proposals, self.active, self.reinit.as_ref())?;
        rows.insert(RowKey::Member, member(self.own_leaf(), &self.keys)?);
        for node in self.private_keys.nodes() {
            let Some(key_pair) = self.private_keys.get(node) else { continue };
            rows.insert(RowKey::PrivateKey(node), secret(key_pair.private.expose()));
        }
        for (id, secret) in self.keys.secret_tree.secrets() {
            rows.insert(RowKey::Epoch(self.epoch(), EpochRow::Secret(id)), secret);
        }
        for PastEpoch { context, sender_data, secret_tree } in &self.past {
            let leaf_count = secret_tree.size().leaf_count();
            let past = past(context, leaf_count, sender_data.expose())?;
            rows.insert(RowKey::Epoch(context.epoch, EpochRow::Past), past);
            for (id, secret) in secret_tree.secrets() {
                rows.insert(RowKey::Epoch(context.epoch, EpochRow::Secret(id)), secret);
            }
        }
        for (epoch, leaf, encoded) in self.history.leaves() {
            let encoded = secret(encoded.map(|encoded| &**encoded).unwrap_or_default());
            rows.insert(RowKey::Epoch(epoch, EpochRow::Leaf(leaf)), encoded);
        }
        for (epoch, psk) in &self.resumption_psks {
            rows.insert(RowKey::ResumptionPsk(*epoch), secret(psk.expose()));
        }
        for (position, key_pair) in (0..).zip(&self.updates) {
            rows.insert(RowKey::OwnUpdate(position), own_update(key_pair)?);
        }
        for (position, (message, reference)) in (0..).zip(&self.own_proposals) {
            rows.insert(RowKey::OwnProposal(position), own_proposal(message, reference)?);
        }
        rows.extend(self.opened.rows());
        if let Some(pending) = &self.pending {
            rows.insert(RowKey::PendingCommit, pending_commit(pending)?);
        }
        Ok(rows)
    }
}
