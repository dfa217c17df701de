//! Loading a group from its rows.
//!
//! Stored rows are trusted. Only their completeness and their encoding are checked.

use crate::state::client_index::ClientIndex;
use crate::state::decrypted_commits::DecryptedCommits;
use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::history::{History, Leaves};
use crate::state::outbox::Outbox;
use crate::state::own_proposals::OwnProposals;
use crate::state::pending_proposal::Committed;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::Pending;
use crate::state::staged::{Effects, PublicStaged, Staged, StagedMember};
use crate::storage::change_log::ChangeLog;
use crate::storage::lineage::Lineage;
use crate::storage::position::StateRow;
use crate::storage::row_codec::{
    self, MemberRow, OpenedCommitRow, OwnProposalRow, OwnUpdateRow, PastRow, PendingRow, PublicRow,
};
use crate::storage::row_key::{Changes, EpochRow, RowKey, Rows};
use crate::storage::row_source::{RowSource, TreeRows, beside_the_tree};
use crate::storage::unpersisted::DroppedDeltas;
use crate::{Context, GroupConfig, GroupError, IdentityPolicy, Misuse};
use pando_crypto::{CryptoProvider, HpkeKeyPair, SecretBytes, Suite};
use pando_schedule::{InterimTranscriptHash, ScheduleError, SecretTree};
use pando_tree::{KeyKind, PrivateKeys, Tree, TreeError, TreeKey};
use pando_wire::{Decode, LeafIndex, NodeIndex, Opaque, Sender, TreeSize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

impl Group {
    /// Loads the group that is stored in these rows. The client's settings may have changed in the
    /// meantime, and its policy may identify clients differently. The resulting changes are stored
    /// with the next operation.
    ///
    /// # Errors
    /// - [`GroupError::Stored`] if a row is missing or malformed.
    /// - [`Misuse::UnsupportedCipherSuite`] if the provider does not support the group's cipher
    ///   suite.
    pub fn load(rows: &Rows, cx: &Context<'_>) -> Result<Self, GroupError> {
        let (public, row) = public_state(rows, cx.crypto, cx.policy)?;
        let clients = client_rows(rows, &public.clients)?;
        let mut group = Self::with_public_state(rows, public, row, cx)?;
        group.changes.extend(clients);
        group.renew_pending_clients(cx.policy)?;
        Ok(group)
    }

    /// Opens a stored group. Nodes of the ratchet tree are read on demand, and all other rows
    /// immediately.
    ///
    /// If a row cannot be read later, the operation fails with [`GroupError::Source`]. The failed
    /// operation changes nothing and can be repeated. The client's policy must identify clients in
    /// the same way as when the group was stored ([`IdentityPolicy::client_id`]).
    ///
    /// A loaded node must have the tree hash recorded in its parent's row, and the root must have
    /// the tree hash of the GroupContext. An outdated row is therefore rejected.
    ///
    /// # Errors
    /// - [`GroupError::Source`] if a row cannot be read.
    /// - See [`Group::load`].
    pub fn open(source: Arc<dyn RowSource>, cx: &Context<'_>) -> Result<Self, GroupError> {
        let (rows, public, row) = open_public_state(source, cx.crypto)?;
        Self::with_public_state(&rows, public, row, cx)
    }

    /// Completes a group from its public state and from all rows outside the tree.
    fn with_public_state(
        rows: &Rows,
        public: PublicState,
        PublicRow { instance, reinit, .. }: PublicRow,
        cx: &Context<'_>,
    ) -> Result<Self, GroupError> {
        let StateRow { position, state: group_state } = stored_state(rows)?;
        let config = cx.config;
        let (suite, epoch) = (public.suite, public.context.epoch);
        let StagedMember { private_keys, keys } = member(rows, rows, &public, &config)?;
        let (past, history) = past(rows, suite, epoch, &config)?;
        let mut group = Self {
            proposals: proposals(rows)?,
            updates: numbered(rows, RowKey::OwnUpdate)
                .map(|row| {
                    let OwnUpdateRow { private, public } = decode(row, RowKey::OwnUpdate(0))?;
                    Ok(HpkeKeyPair { private: private.into(), public })
                })
                .collect::<Result<_, GroupError>>()?,
            own_proposals: own_proposals(rows, suite)?,
            decrypted_commits: DecryptedCommits::restore(
                numbered(rows, RowKey::OpenedCommit)
                    .map(|row| {
                        let OpenedCommitRow { message, content } = decode(row, RowKey::OpenedCommit(0))?;
                        Ok((message, content))
                    })
                    .collect::<Result<_, GroupError>>()?,
            ),
            resumption_psks: rows
                .range(RowKey::ResumptionPsk(0)..=RowKey::ResumptionPsk(u64::MAX))
                .filter_map(|(key, row)| match key {
                    RowKey::ResumptionPsk(epoch) => Some((*epoch, row.expose().into())),
                    _ => None,
                })
                .collect(),
            public,
            config,
            private_keys,
            keys,
            pending: None,
            dropped: DroppedDeltas::default(),
            past,
            history,
            state: group_state,
            reinit,
            joining: match rows.get(&RowKey::ExternalJoin) {
                None => None,
                Some(row) => Some(decode(row, RowKey::ExternalJoin)?),
            },
            outbox: Outbox::restore(rows),
            stale_commit: None,
            changes: ChangeLog::default(),
            lineage: Lineage { instance, position },
        };
        let (is_reinitialized, is_joining) =
            (group_state == GroupState::Reinitialized, group_state == GroupState::Joining);
        if (is_reinitialized, is_joining) != (group.reinit.is_some(), group.joining.is_some()) {
            return Err(GroupError::Stored(RowKey::State));
        }
        group.load_pending(rows)?;
        group.forget_past();
        Ok(group)
    }

    /// Rebuilds the client index of our pending Commit's epoch with the current policy, because the
    /// stored index was built with the former policy.
    fn renew_pending_clients(&mut self, policy: &dyn IdentityPolicy) -> Result<(), GroupError> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let Staged { public_part: PublicStaged { public, .. }, rows, .. } = &mut pending.staged;
        let clients = ClientIndex::of(&public.tree, policy)?;
        if clients.rows_since(Some(&public.clients))?.is_empty() {
            return Ok(());
        }
        rows.retain(|key, _| !is_client(key));
        let renewed = clients.rows_since(Some(&self.public.clients))?.into_iter();
        rows.extend(renewed.map(|(key, row)| (RowKey::Tree(key), row.map(SecretBytes::from))));
        public.clients = clients;
        self.changes.write(RowKey::PendingCommit, row_codec::pending_commit(pending)?);
        Ok(())
    }

    /// Loads our pending Commit and its epoch. The epoch is stored in the form of its differences
    /// from the current epoch.
    fn load_pending(&mut self, rows: &Rows) -> Result<(), GroupError> {
        let Some(row) = rows.get(&RowKey::PendingCommit) else { return Ok(()) };
        let malformed = || GroupError::Stored(RowKey::PendingCommit);
        let PendingRow { message, follows, by_value, added, removed, reinit, leaves, rows: changes } =
            decode(row, RowKey::PendingCommit)?;
        let follows = InterimTranscriptHash(follows);
        if follows != self.public.interim_transcript_hash || !self.is_active() {
            self.stale_commit = Some(message);
            let messages = self.outbox.drop_after(self.epoch());
            self.changes.delete(messages.chain([RowKey::PendingCommit]));
            return Ok(());
        }
        let changes: Changes = changes
            .into_iter()
            .map(|change| Ok((RowKey::from_bytes(&change.key).ok_or_else(malformed)?, change.row)))
            .collect::<Result<_, GroupError>>()?;
        let tree: Vec<_> = changes
            .iter()
            .filter_map(|(key, row)| match key {
                RowKey::Tree(key) => Some((*key, row.as_ref().map(SecretBytes::expose))),
                _ => None,
            })
            .collect();
        let clients = self.public.clients.patched(tree.iter().filter_map(|(key, row)| match key {
            TreeKey::Key(KeyKind::Client, fingerprint, node) => Some((*fingerprint, *node, row.is_some())),
            _ => None,
        }));
        let tree = self.public.tree.patched(&tree)?;
        let written: Rows =
            changes.iter().filter_map(|(key, row)| Some((*key, row.as_ref()?.expose().into()))).collect();
        let public = state(self.public.suite, tree, clients, &decode_row(&written, RowKey::Public)?);
        // Private keys that do not change are taken from the existing rows.
        let mut keys: Rows = private_key_rows(rows).map(|(key, row)| (key, row.expose().into())).collect();
        for (key, row) in changes.iter().filter(|(key, _)| matches!(key, RowKey::PrivateKey(_))) {
            match row {
                Some(row) => drop(keys.insert(*key, row.expose().into())),
                None => drop(keys.remove(key)),
            }
        }
        let member = Some(member(&written, &keys, &public, &self.config)?);
        let leaves = leaves.into_iter().map(|leaf| (leaf.leaf, leaf.encoded)).collect();
        let effects = Effects { added, removed, reinit };
        let committer = Sender::Member(self.own_leaf());
        // References and authenticated data are not stored, because no caller needs them again.
        let authenticated_data = Opaque::default();
        let by_value = by_value.into_iter();
        let proposals = by_value.map(|proposal| Committed::ByValue(committer, Arc::new(proposal))).collect();
        let left_out = Vec::new();
        let public_part = PublicStaged {
            follows,
            public,
            committer,
            authenticated_data,
            proposals,
            left_out,
            effects,
            leaves,
        };
        let staged = Staged { public_part, member, rows: changes, instance: self.lineage.instance };
        self.pending = Some(Pending { staged, message });
        Ok(())
    }
}

/// Returns the decoded row with the given key. The row must exist.
fn decode_row<T: Decode>(rows: &Rows, key: RowKey) -> Result<T, GroupError> {
    decode(rows.get(&key).ok_or(GroupError::Stored(key))?, key)
}

fn decode<T: Decode>(row: &SecretBytes, key: RowKey) -> Result<T, GroupError> {
    T::decode(row.expose()).map_err(|_| GroupError::Stored(key))
}

/// Returns the position of the rows, and the state of the group.
pub(crate) fn stored_state(rows: &Rows) -> Result<StateRow, GroupError> {
    let state = rows.get(&RowKey::State).and_then(|row| StateRow::read(row.expose()));
    state.ok_or(GroupError::Stored(RowKey::State))
}

/// Returns all numbered rows of one kind.
fn numbered(rows: &Rows, kind: fn(u32) -> RowKey) -> impl Iterator<Item = &SecretBytes> {
    rows.range(kind(0)..=kind(u32::MAX)).map(|(_, row)| row)
}

fn private_key_rows(rows: &Rows) -> impl Iterator<Item = (RowKey, &SecretBytes)> {
    let all = RowKey::PrivateKey(NodeIndex(0))..=RowKey::PrivateKey(NodeIndex(u32::MAX));
    rows.range(all).map(|(key, row)| (*key, row))
}

const fn is_client(key: &RowKey) -> bool {
    matches!(key, RowKey::Tree(TreeKey::Key(KeyKind::Client, ..)))
}

/// Returns the differences between the stored client index and the current one.
pub(crate) fn client_rows(rows: &Rows, clients: &ClientIndex) -> Result<Changes, TreeError> {
    let mut changes: Changes = rows
        .range(RowKey::Tree(TreeKey::Shape)..RowKey::PrivateKey(NodeIndex(0)))
        .filter(|(key, _)| is_client(key))
        .map(|(key, _)| (*key, None))
        .collect();
    for (key, row) in clients.rows_since(None)? {
        // A row that already exists is neither deleted nor written.
        if changes.remove(&RowKey::Tree(key)).is_none() {
            changes.insert(RowKey::Tree(key), row.map(SecretBytes::from));
        }
    }
    Ok(changes)
}

/// Returns the public state with its tree, and the row that contains the rest of the public state.
pub(crate) fn public_state(
    rows: &Rows,
    crypto: &dyn CryptoProvider,
    policy: &dyn IdentityPolicy,
) -> Result<(PublicState, PublicRow), GroupError> {
    let row: PublicRow = decode_row(rows, RowKey::Public)?;
    let suite = crypto.suite(row.context.cipher_suite).ok_or(Misuse::UnsupportedCipherSuite)?;
    let tree_rows = rows.range(RowKey::Tree(TreeKey::Shape)..RowKey::PrivateKey(NodeIndex(0)));
    let tree_rows = tree_rows.filter_map(|(key, row)| match key {
        RowKey::Tree(key) => Some((*key, row.expose())),
        _ => None,
    });
    let tree = Tree::restore(suite, tree_rows)?;
    let clients = ClientIndex::of(&tree, policy)?;
    Ok((state(suite, tree, clients, &row), row))
}

/// Reads all rows outside the tree, and opens the tree. The root of the tree must have the tree
/// hash in the GroupContext.
pub(crate) fn open_public_state(
    source: Arc<dyn RowSource>,
    crypto: &dyn CryptoProvider,
) -> Result<(Rows, PublicState, PublicRow), GroupError> {
    let rows = beside_the_tree(&*source).map_err(TreeError::from)?;
    let row: PublicRow = decode_row(&rows, RowKey::Public)?;
    let suite = crypto.suite(row.context.cipher_suite).ok_or(Misuse::UnsupportedCipherSuite)?;
    let tree = Tree::open(suite, Arc::new(TreeRows(source)))?;
    if tree.tree_hash()? != row.context.tree_hash {
        return Err(GroupError::Stored(RowKey::Tree(TreeKey::Node(tree.size().root()))));
    }
    let clients = ClientIndex::stored(&tree);
    Ok((rows, state(suite, tree, clients, &row), row))
}

fn state(suite: Suite, tree: Tree, clients: ClientIndex, row: &PublicRow) -> PublicState {
    PublicState {
        suite,
        context: row.context.clone(),
        clients,
        tree,
        interim_transcript_hash: InterimTranscriptHash(row.interim_transcript_hash.clone()),
        confirmation_tag: row.confirmation_tag.clone(),
    }
}

fn own_proposals(rows: &Rows, suite: Suite) -> Result<OwnProposals, GroupError> {
    let mut own = OwnProposals::default();
    for row in numbered(rows, RowKey::OwnProposal) {
        let OwnProposalRow { message, reference } = decode(row, RowKey::OwnProposal(0))?;
        own.push(suite, message, reference)?;
    }
    Ok(own)
}

pub(crate) fn proposals(rows: &Rows) -> Result<ProposalStore, GroupError> {
    let stored = numbered(rows, RowKey::Proposal).map(|row| {
        let (proposal, status) =
            row_codec::read_proposal(row).ok_or(GroupError::Stored(RowKey::Proposal(0)))?;
        Ok((proposal, status, row.expose().len()))
    });
    Ok(ProposalStore::restore(stored.collect::<Result<Vec<_>, GroupError>>()?))
}

/// Returns a member's secrets in an epoch. `rows` contains the secrets, and `keys` contains the
/// private keys of the tree's nodes.
fn member(
    rows: &Rows,
    keys: &Rows,
    public: &PublicState,
    config: &GroupConfig,
) -> Result<StagedMember, GroupError> {
    let MemberRow {
        leaf,
        sender_data,
        exporter,
        external,
        membership_key,
        resumption_psk,
        epoch_authenticator,
        init,
    } = decode_row(rows, RowKey::Member)?;
    let (suite, tree) = (public.suite, &public.tree);
    let key_pairs = private_key_rows(keys).map(|(key, row)| {
        let RowKey::PrivateKey(node) = key else { return Err(GroupError::Stored(key)) };
        let public = tree.encryption_key(node)?.ok_or(GroupError::Stored(key))?;
        Ok((node, HpkeKeyPair { private: row.expose().into(), public }))
    });
    let private_keys = PrivateKeys::restore(leaf, key_pairs.collect::<Result<Vec<_>, _>>()?);
    let secret_tree = secret_tree(rows, suite, public.context.epoch, tree.size(), config)?;
    let keys = EpochKeys {
        sender_data: sender_data.into(),
        secret_tree,
        exporter: exporter.into(),
        external: external.into(),
        membership_key: membership_key.into(),
        resumption_psk: resumption_psk.into(),
        epoch_authenticator: epoch_authenticator.into(),
        init: init.into(),
    };
    Ok(StagedMember { private_keys, keys })
}

/// Returns the rows of one epoch.
fn epoch_rows(rows: &Rows, epoch: u64) -> impl Iterator<Item = (EpochRow, &SecretBytes)> {
    rows.range(RowKey::Epoch(epoch, EpochRow::Past)..).map_while(move |(key, row)| match key {
        RowKey::Epoch(of, epoch_row) if *of == epoch => Some((*epoch_row, row)),
        _ => None,
    })
}

fn secret_tree(
    rows: &Rows,
    suite: Suite,
    epoch: u64,
    size: TreeSize,
    config: &GroupConfig,
) -> Result<SecretTree, GroupError> {
    let secrets = epoch_rows(rows, epoch).filter_map(|(key, row)| match key {
        EpochRow::Secret(id) => Some((id, row.expose())),
        _ => None,
    });
    SecretTree::restore(suite, size, config.ratchet_limits, secrets).map_err(|error| match error {
        ScheduleError::Stored(id) => GroupError::Stored(RowKey::Epoch(epoch, EpochRow::Secret(id))),
        other => other.into(),
    })
}

/// Returns the past epochs that are kept.
fn past(
    rows: &Rows,
    suite: Suite,
    current: u64,
    config: &GroupConfig,
) -> Result<(VecDeque<PastEpoch>, History), GroupError> {
    let (mut past, mut history) = (VecDeque::new(), History::default());
    let first = RowKey::Epoch(0, EpochRow::Past);
    let last = RowKey::Epoch(current, EpochRow::Past);
    let headers: BTreeMap<u64, &SecretBytes> = rows
        .range(first..last)
        .filter_map(|(key, row)| match key {
            RowKey::Epoch(epoch, EpochRow::Past) => Some((*epoch, row)),
            _ => None,
        })
        .collect();
    for (epoch, row) in headers {
        let key = RowKey::Epoch(epoch, EpochRow::Past);
        let PastRow { context, leaf_count, sender_data } = decode(row, key)?;
        let size = TreeSize::with_leaves(leaf_count).ok_or(GroupError::Stored(key))?;
        let leaves: Leaves = epoch_rows(rows, epoch)
            .filter_map(|(key, row)| match key {
                EpochRow::Leaf(leaf) => Some((leaf, row.expose())),
                _ => None,
            })
            .map(|(leaf, encoded): (LeafIndex, &[u8])| {
                (leaf, (!encoded.is_empty()).then(|| Opaque::from(encoded)))
            })
            .collect();
        let secret_tree = secret_tree(rows, suite, epoch, size, config)?;
        past.push_back(PastEpoch { context, sender_data: sender_data.into(), secret_tree });
        history.push(epoch, size, leaves);
    }
    Ok((past, history))
}
