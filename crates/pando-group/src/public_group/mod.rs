//! Following a group without its secrets (RFC 9420, section 12.4.2; RFC 9750).
//!
//! The confirmation tag of a Commit can be verified only with secrets, and the same content can
//! have several valid signatures. A Commit with an altered tag or signature can therefore pass all
//! checks in this module. To close this gap, a GroupInfo accompanies each Commit, and a merge can
//! be undone (see [`PublicGroup`]).

mod merge;

use crate::identity::{Identities, IdentityPolicy};
use crate::operations::group_info::verify_group_info;
use crate::operations::transition::{Transition, admit, check_proposal, transition};
use crate::state::group_state::GroupState;
use crate::state::pending_proposal::PendingProposal;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::PublicStaged;
use crate::storage::changes;
use crate::storage::lineage::Lineage;
use crate::storage::load::{client_rows, open_public_state, proposals, public_state, stored_state};
use crate::storage::row_codec::{self, PublicRow};
use crate::storage::row_key::{Changes, RowKey, Rows};
use crate::storage::row_source::RowSource;
use crate::storage::unpersisted::{DroppedDeltas, Unpersisted};
use crate::{GroupError, GroupRules, Limits, Misuse};
use pando_crypto::{CryptoProvider, SecretBytes, Suite};
use pando_framing::open_public_unchecked;
use pando_tree::MergedPath;
use pando_wire::{Content, GroupInfo, MlsMessage, MlsMessageBody, ReInit};
use std::sync::Arc;
use tls_codec::Size;

/// A group as a delivery service or an observer sees it, without the group's secrets.
///
/// A public group accepts only public messages. All checks that are possible without secrets are
/// performed, by the same rules as in members.
///
/// # What cannot be checked
///
/// Two parts of a Commit affect the transcript hashes, and thereby the GroupContext of later
/// epochs. An attacker without any secret can alter both parts in transit, and the Commit still
/// passes all checks of a `PublicGroup`:
///
/// - the confirmation tag, which can be verified only with the secrets of the new epoch;
/// - the signature, in cipher suites with ECDSA: if (r, s) is a valid signature, so is (r, n - s).
///
/// Members reject the altered Commit, because they verify membership tags and confirmation tags. A
/// `PublicGroup` that receives the altered Commit before the true one enters an epoch without
/// members, and rejects all messages that members send from then on. A committer or an external
/// joiner can cause the same problem with a Commit of its own that has a wrong tag or inconsistent
/// path secrets. No check of the Commit alone closes this gap.
///
/// # What a GroupInfo proves
///
/// [`PublicGroup::merge`] requires a GroupInfo of the new epoch. The GroupInfo must contain the
/// staged GroupContext and the staged confirmation tag, and must be signed by a member of the new
/// epoch. Through the confirmed transcript hash, the GroupContext covers the content and the
/// signature of the Commit. An attacker outside the group cannot sign a GroupInfo that matches an
/// altered Commit. However, a member of the previous epoch can alter the Commit and sign a matching
/// GroupInfo. A GroupInfo that is signed by a member that the Commit adds is rejected, because the
/// committer may hold that member's key.
///
/// A GroupInfo proves that its signer is in the epoch that it describes. A GroupInfo does not prove
/// that other members have merged the Commit: a committer or an external joiner can sign a
/// GroupInfo that matches its own invalid Commit.
///
/// # What a later message proves
///
/// [`PublicGroup::merge_unconfirmed`] is an exception for observers that receive no GroupInfo. Such
/// an observer detects an altered Commit only later, because members and external joiners sign the
/// GroupContext:
///
/// | Altered in the Commit that began epoch n | First message that is rejected |
/// |---|---|
/// | signature | a proposal or Commit of epoch n: the confirmed transcript hash of epoch n is wrong |
/// | confirmation tag | a proposal or Commit of epoch n + 1: the tag enters the interim transcript hash of epoch n, and by that the confirmed transcript hash of epoch n + 1 |
///
/// Conversely, a valid signature of a member in epoch n confirms the Commits that led to epoch n,
/// except for the confirmation tag of the last of these Commits. External senders and clients that
/// ask to be added do not sign the GroupContext, so their messages confirm nothing.
///
/// # Rolling back
///
/// [`PublicGroup::roll_back`] restores the state before the last merge, including the proposals
/// that were pending then. The states before the last two merges are kept, because the confirmation
/// tag of a Commit is confirmed two epochs later. The kept states share their common tree nodes.
///
/// A rejected message does not reveal which Commit was altered. Roll back as far as possible, and
/// then process the true messages from that epoch on, including proposals.
///
/// Previous states are not stored. After a restart, or if a signer has lied in several consecutive
/// Commits, create the group again ([`PublicGroup::new`]) with a GroupInfo from a member that the
/// application trusts.
///
/// # Storage
///
/// Each operation that changes the group returns an [`Unpersisted`]. [`PublicGroup::open`] opens a
/// group from a store that applies these Deltas. An opened group reads O(log N) rows for each
/// message.
#[derive(Debug, Clone)]
pub struct PublicGroup {
    public: PublicState,
    proposals: ProposalStore,
    limits: Limits,
    reinit: Option<ReInit>,
    /// Changes to the stored rows of the client index. These changes are needed if the policy
    /// identifies clients differently than when the rows were stored.
    renewed: Vec<(RowKey, Option<Vec<u8>>)>,
    /// At most two earlier states to roll back to, the latest one last.
    previous: Vec<Previous>,
    dropped: DroppedDeltas,
    lineage: Lineage,
}

/// The state of an active group before it merged a Commit.
#[derive(Debug, Clone)]
struct Previous {
    public: PublicState,
    proposals: ProposalStore,
}

/// The result of processing a message in a [`PublicGroup`].
#[derive(Debug)]
pub enum PublicProcessed {
    /// A proposal, which is now pending.
    Proposal(PendingProposal),
    /// A proposal that the group's rules do not admit, and the reason. The proposal is not pending,
    /// but it is kept in case a Commit refers to it.
    NotAdmitted(PendingProposal, String),
    /// A staged Commit, which the caller merges or drops.
    Commit(Box<PublicStaged>),
}

impl PublicGroup {
    /// Verifies a GroupInfo and its tree, and returns the group. `tree` is needed if the GroupInfo
    /// has no `ratchet_tree` extension.
    ///
    /// # Errors
    /// - [`Missing::Tree`](crate::Missing::Tree) if the tree is neither in the GroupInfo nor given.
    /// - [`GroupError::Violation`], [`GroupError::Tree`] if the group violates a rule.
    pub fn new(
        suite: Suite,
        group_info: &GroupInfo,
        tree: Option<&[u8]>,
        policy: &dyn IdentityPolicy,
        limits: Limits,
    ) -> Result<Unpersisted<Self>, GroupError> {
        let public = verify_group_info(suite, group_info, tree, Identities { policy, now: None }, &limits)?;
        let lineage = Lineage::NONE;
        let mut group = Self::with(public, ProposalStore::default(), limits, lineage, None);
        let (rows, state) = (group.write_all()?, group.state());
        let (lineage, delta) = changes::begin_instance(&group.public, state, None, rows)?;
        group.lineage = lineage;
        let dropped = group.dropped.clone_handle();
        Ok(Unpersisted::new(group, delta, dropped))
    }

    /// Returns the group that is stored in these rows. The group has no earlier state to roll back
    /// to.
    ///
    /// # Errors
    /// See [`Group::load`](crate::Group::load).
    pub fn load(
        rows: &Rows,
        crypto: &dyn CryptoProvider,
        policy: &dyn IdentityPolicy,
        limits: Limits,
    ) -> Result<Self, GroupError> {
        let (public, row) = public_state(rows, crypto, policy)?;
        let renewed = client_rows(rows, &public.clients)?.into_iter();
        let renewed = renewed.map(|(key, row)| (key, row.map(|row| row.expose().to_vec()))).collect();
        Ok(Self { renewed, ..Self::stored(rows, public, row, limits)? })
    }

    /// Opens a stored group. Nodes of the tree are read on demand, and all other rows immediately.
    /// The group has no earlier state to roll back to.
    ///
    /// If a row cannot be read later, the operation that needs it fails with
    /// [`GroupError::Source`]. The failed operation changes nothing and can be repeated. The
    /// policies of later calls must identify clients in the same way as when the group was stored
    /// ([`IdentityPolicy::client_id`]). A clone of an opened group uses the same store, so only one
    /// of the two groups may be used afterwards.
    ///
    /// # Errors
    /// - [`GroupError::Source`] if a row cannot be read.
    /// - See [`PublicGroup::load`].
    pub fn open(
        source: Arc<dyn RowSource>,
        crypto: &dyn CryptoProvider,
        limits: Limits,
    ) -> Result<Self, GroupError> {
        let (rows, public, row) = open_public_state(source, crypto)?;
        Self::stored(&rows, public, row, limits)
    }

    /// Returns a group from its public state and its rows outside the tree.
    fn stored(rows: &Rows, public: PublicState, row: PublicRow, limits: Limits) -> Result<Self, GroupError> {
        let lineage = Lineage { instance: row.instance, position: stored_state(rows)?.position };
        Ok(Self::with(public, proposals(rows)?, limits, lineage, row.reinit))
    }

    fn with(
        public: PublicState,
        proposals: ProposalStore,
        limits: Limits,
        lineage: Lineage,
        reinit: Option<ReInit>,
    ) -> Self {
        Self {
            public,
            proposals,
            limits,
            reinit,
            renewed: Vec::new(),
            previous: Vec::new(),
            lineage,
            dropped: DroppedDeltas::default(),
        }
    }

    /// Returns the changes that must be stored after loading if the policy now identifies clients
    /// differently. If this function is not called, the Delta of the next operation contains these
    /// changes.
    pub fn take_delta(&mut self) -> Unpersisted<()> {
        let changes = self.take_renewed().collect();
        self.unpersisted((), changes)
    }

    fn take_renewed(&mut self) -> impl Iterator<Item = (RowKey, Option<SecretBytes>)> + use<> {
        let renewed = std::mem::take(&mut self.renewed).into_iter();
        renewed.map(|(key, row)| (key, row.map(SecretBytes::from)))
    }

    /// Wraps the result of an operation together with its changes.
    fn unpersisted<T>(&mut self, value: T, changes: Changes) -> Unpersisted<T> {
        let (suite, state) = (self.public.suite, self.state());
        let delta = self.lineage.advance(suite, &self.public.context.group_id, state, changes.into());
        Unpersisted::new(value, self.dropped.before(delta), self.dropped.clone_handle())
    }

    /// Returns the state of the group: active or reinitialized.
    #[must_use]
    pub const fn state(&self) -> GroupState {
        if self.reinit.is_none() { GroupState::Active } else { GroupState::Reinitialized }
    }

    /// Returns all rows of the group.
    ///
    /// # Errors
    /// [`GroupError::Encode`] if a field is too long; [`GroupError::Source`] if a row could not be
    /// read.
    pub fn rows(&self) -> Result<Rows, GroupError> {
        self.write_all().map(changes::writes)
    }

    /// Returns the changes that write all rows of the group.
    fn write_all(&self) -> Result<Changes, GroupError> {
        changes::public_rows(
            &self.public,
            &self.proposals,
            (self.lineage, self.state()),
            self.reinit.as_ref(),
        )
    }

    /// Returns the parameters of the successor group, if this group was reinitialized.
    #[must_use]
    pub const fn reinit(&self) -> Option<&ReInit> {
        self.reinit.as_ref()
    }

    /// Returns the public state.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// Returns the pending proposals of this epoch.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.pending()
    }

    /// Processes a public message. A Commit is checked and staged; call [`PublicGroup::merge`] to
    /// enter its epoch.
    ///
    /// If `now` is given, in seconds since 1970, the lifetimes of proposed leaves are checked at
    /// that time.
    ///
    /// # Errors
    /// Returns a [`GroupError`] with the cause, and leaves the group unchanged.
    /// - [`GroupError::Source`] if a row could not be read.
    /// - [`Misuse::WrongMessage`] if the message is not a public handshake message.
    /// - [`FramingError::Crypto`](pando_framing::FramingError) if the signature is not valid. If
    ///   the sender is a member and an earlier Commit was merged without a GroupInfo, the cause may
    ///   instead be that the earlier Commit was altered.
    pub fn process(
        &mut self,
        message: MlsMessage,
        policy: &dyn IdentityPolicy,
        rules: &dyn GroupRules,
        now: Option<u64>,
    ) -> Result<Unpersisted<PublicProcessed>, GroupError> {
        if self.reinit.is_some() {
            return Err(Misuse::Ended.into());
        }
        self.limits.check_message(message.tls_serialized_len())?;
        let MlsMessageBody::PublicMessage(message) = message.body else {
            return Err(Misuse::WrongMessage.into());
        };
        let (suite, identities) = (self.public.suite, Identities { policy, now });
        let opened = open_public_unchecked(suite, *message, &self.public.context)?;
        let key = self.public.sender_key(opened.content())?;
        let content = opened.verify(suite, &key)?;
        match &content.content.content {
            Content::Application(_) => Err(Misuse::WrongMessage.into()),
            Content::Proposal(proposal) => {
                let pending = check_proposal(&self.public, &content, proposal, identities)?;
                let (status, refused) = admit(&self.public, rules, &pending)?;
                let row = row_codec::proposal(&pending, status)?;
                let bytes = row.expose().len();
                let inserted = self.proposals.insert(pending.clone(), status, bytes, &self.limits)?;
                let mut changes: Changes = self.take_renewed().collect();
                changes.extend(inserted.map(|position| (RowKey::Proposal(position), Some(row))));
                let processed = match refused {
                    None => PublicProcessed::Proposal(pending),
                    Some(reason) => PublicProcessed::NotAdmitted(pending, reason),
                };
                Ok(self.unpersisted(processed, changes))
            }
            Content::Commit(commit) => {
                // The Deltas of earlier Commits already list the deleted rows.
                self.public.forget_deleted()?;
                let list = self.proposals.resolve(content.content.sender, &commit.proposals)?;
                let Transition { applied, path, public, .. } =
                    transition(&self.public, &content, commit, &list, identities, rules)?;
                self.limits.check_tree_size(public.tree.size())?;
                let path_leaf = path.as_ref().map(MergedPath::sender);
                let effects = applied.into_effects(content.content.sender, path_leaf);
                let left_out = self.proposals.left_out_of(&list);
                let content = &content.content;
                let staged = PublicStaged::new(&self.public, public, content, effects, list, left_out)?;
                Ok(self.take_delta().map(|()| PublicProcessed::Commit(Box::new(staged))))
            }
        }
    }
}
