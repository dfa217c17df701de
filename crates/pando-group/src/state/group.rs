//! A member's view of a group.

use crate::state::decrypted_commits::DecryptedCommits;
use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::group_state::GroupState;
use crate::state::history::History;
use crate::state::outbox::Outbox;
use crate::state::own_proposals::OwnProposals;
use crate::state::pending_proposal::PendingProposal;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::{Member, PublicState};
use crate::state::staged::Pending;
use crate::storage::change_log::ChangeLog;
use crate::storage::lineage::Lineage;
use crate::storage::position::{Instance, Position};
use crate::storage::row_key::RowKey;
use crate::storage::unpersisted::DroppedDeltas;
use crate::{Context, GroupConfig, GroupError, Misuse};
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_schedule::{EpochAuthenticator, EpochSecrets, PskValue};
use pando_tree::{PrivateKeys, TreeError};
use pando_wire::{GroupId, LeafIndex, MlsMessage, ReInit};
use std::collections::{BTreeMap, VecDeque};

/// A group as one of its members sees it.
#[derive(Debug)]
pub struct Group {
    pub(crate) public: PublicState,
    pub(crate) config: GroupConfig,
    pub(crate) private_keys: PrivateKeys,
    pub(crate) keys: EpochKeys,
    pub(crate) proposals: ProposalStore,
    /// The key pairs of our own Updates that are not yet committed.
    pub(crate) updates: Vec<HpkeKeyPair>,
    pub(crate) own_proposals: OwnProposals,
    pub(crate) decrypted_commits: DecryptedCommits,
    pub(crate) pending: Option<Pending>,
    /// Past epochs, the newest last.
    pub(crate) past: VecDeque<PastEpoch>,
    /// Leaves of the past epochs.
    pub(crate) history: History,
    /// Resumption PSKs of past epochs.
    pub(crate) resumption_psks: BTreeMap<u64, SecretBytes>,
    pub(crate) state: GroupState,
    /// The parameters of the successor group, set in the state [`GroupState::Reinitialized`].
    pub(crate) reinit: Option<ReInit>,
    /// Our external Commit, set in the state [`GroupState::Joining`].
    pub(crate) joining: Option<MlsMessage>,
    pub(crate) outbox: Outbox,
    /// Our stored Commit that does not follow the stored epoch.
    pub(crate) stale_commit: Option<MlsMessage>,
    pub(crate) changes: ChangeLog,
    pub(crate) dropped: DroppedDeltas,
    pub(crate) lineage: Lineage,
}

impl Group {
    pub(crate) fn new(
        public: PublicState,
        private_keys: PrivateKeys,
        secrets: EpochSecrets,
        config: GroupConfig,
    ) -> Self {
        let keys = EpochKeys::new(secrets, &public.tree, &config);
        Self {
            public,
            config,
            private_keys,
            keys,
            proposals: ProposalStore::default(),
            updates: Vec::new(),
            own_proposals: OwnProposals::default(),
            decrypted_commits: DecryptedCommits::default(),
            pending: None,
            past: VecDeque::new(),
            history: History::default(),
            resumption_psks: BTreeMap::new(),
            state: GroupState::Active,
            reinit: None,
            joining: None,
            outbox: Outbox::default(),
            stale_commit: None,
            changes: ChangeLog::default(),
            dropped: DroppedDeltas::default(),
            lineage: Lineage::NONE,
        }
    }

    /// Returns the public state.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// Returns the group's identifier.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        self.public.group_id()
    }

    /// Returns the members in the order of their leaves.
    ///
    /// # Errors
    /// The iterator returns [`TreeError::Source`] or [`TreeError::Stored`] for a leaf that could
    /// not be read.
    pub fn members(&self) -> impl Iterator<Item = Result<Member, TreeError>> {
        self.public.members()
    }

    /// Returns the group settings.
    #[must_use]
    pub const fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.public.context.epoch
    }

    /// Returns the index of our leaf.
    #[must_use]
    pub const fn own_leaf(&self) -> LeafIndex {
        self.private_keys.leaf()
    }

    /// Returns the state of the group.
    #[must_use]
    pub const fn state(&self) -> GroupState {
        self.state
    }

    /// Returns whether the state is [`GroupState::Active`].
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, GroupState::Active)
    }

    /// Returns the instance of the group at this client.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        self.lineage.instance
    }

    /// Returns the position to which the last Delta leads.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.lineage.position
    }

    /// Returns the parameters of the successor group, if this group was reinitialized.
    #[must_use]
    pub const fn reinit(&self) -> Option<&ReInit> {
        self.reinit.as_ref()
    }

    /// Returns the epoch authenticator, which two members compare to check that they agree on the
    /// state of the group (section 8.7). Returns `None` if this client was removed, or if its
    /// external Commit is not yet accepted.
    #[must_use]
    pub const fn epoch_authenticator(&self) -> Option<&EpochAuthenticator> {
        match self.state {
            GroupState::Active | GroupState::Reinitialized => Some(&self.keys.epoch_authenticator),
            GroupState::Joining | GroupState::Removed => None,
        }
    }

    /// Exports `length` bytes for the application with `MLS-Exporter` (section 8.5).
    ///
    /// # Errors
    /// [`GroupError::Crypto`] if `length` is too large, [`Misuse::Ended`] after our removal,
    /// [`Misuse::JoinPending`] before our external Commit is accepted.
    pub fn export(&self, label: &str, context: &[u8], length: usize) -> Result<SecretBytes, GroupError> {
        self.check_has_secrets()?;
        Ok(self.keys.exporter.export(self.public.suite, label, context, length)?)
    }

    /// Returns the resumption PSK of an epoch, if it is still kept (section 8.6).
    #[must_use]
    pub fn resumption_psk(&self, epoch: u64) -> Option<PskValue> {
        if epoch == self.epoch() && self.check_has_secrets().is_ok() {
            return Some(self.keys.resumption_psk.expose().into());
        }
        self.resumption_psks.get(&epoch).map(|psk| psk.expose().into())
    }

    /// Returns the standalone proposals of this epoch that are waiting for a Commit. Withdrawn
    /// proposals and proposals that the group's rules do not admit are left out.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.pending()
    }

    /// Checks that the secrets of the epoch may be used.
    pub(crate) const fn check_has_secrets(&self) -> Result<(), Misuse> {
        match self.state {
            GroupState::Active | GroupState::Reinitialized => Ok(()),
            GroupState::Joining => Err(Misuse::JoinPending),
            GroupState::Removed => Err(Misuse::Ended),
        }
    }

    /// Forgets past epochs and resumption PSKs that exceed the numbers in the settings.
    pub(crate) fn forget_past(&mut self) {
        while self.resumption_psks.len() > self.config.past_resumption_psks {
            let Some((forgotten, _)) = self.resumption_psks.pop_first() else { break };
            self.changes.delete([RowKey::ResumptionPsk(forgotten)]);
        }
        let mut forgets = false;
        while self.past.len() > self.config.past_epochs {
            self.past.pop_front();
            self.history.pop();
            forgets = true;
        }
        if forgets {
            self.changes.forget(self.past.front().map_or(self.epoch(), |past| past.context.epoch));
        }
    }

    pub(crate) const fn check_active(&self) -> Result<(), Misuse> {
        match self.state {
            GroupState::Active => Ok(()),
            GroupState::Joining => Err(Misuse::JoinPending),
            GroupState::Reinitialized | GroupState::Removed => Err(Misuse::Ended),
        }
    }

    /// Checks that the signer has the key in our leaf, because other members verify our signatures
    /// with that key.
    pub(crate) fn check_signer(&self, cx: &Context<'_>) -> Result<(), GroupError> {
        Ok(cx.check_signer(self.public.tree.signature_key(self.own_leaf())?.as_ref())?)
    }
}
