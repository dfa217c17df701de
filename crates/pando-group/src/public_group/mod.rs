//! Following a group without its secrets (RFC 9420, section 12.4.2; RFC 9750).
//!
//! The confirmation tag of a Commit can be verified only with secrets, and one content can have
//! several valid signatures. A Commit with an altered tag or signature therefore passes all checks
//! here. To close this gap, a GroupInfo accompanies each Commit, and a merge can be undone: see
//! [`PublicGroup`].

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
/// It accepts public messages. Everything that can be checked without secrets is checked, by the
/// same rules that members apply.
///
/// # What cannot be checked
///
/// Two parts of a Commit enter the transcript hashes, and with them the GroupContext of later
/// epochs. Both can be altered in transit without any secret, and the Commit still passes all
/// checks here:
///
/// - the confirmation tag, because only the secrets of the new epoch verify it;
/// - the signature, in cipher suites with ECDSA: if (r, s) is a valid signature, so is (r, n - s).
///
/// Members refuse the altered Commit, because they verify membership and confirmation tags. A
/// `PublicGroup` that receives it before the true one enters an epoch without members, and refuses
/// the messages that members send from then on. A committer or an external joiner can cause the
/// same with a Commit of its own that has a wrong tag or inconsistent path secrets. No check of the
/// Commit alone closes this gap.
///
/// # What a GroupInfo proves
///
/// [`PublicGroup::merge`] takes a GroupInfo of the new epoch with the Commit. It must have the
/// staged GroupContext, the staged confirmation tag, and the signature of a member of the new
/// epoch. The GroupContext covers the content and the signature of the Commit, by the confirmed
/// transcript hash. An attacker outside the group cannot sign a GroupInfo that fits an altered
/// Commit. A member of the previous epoch can, by altering the Commit and signing a matching
/// GroupInfo. A GroupInfo signed by a member that the Commit adds is refused, because the committer
/// may hold that member's key.
///
/// A GroupInfo proves that its signer is in the epoch that it describes. It does not prove that
/// other members have merged the Commit: a committer or an external joiner can sign a GroupInfo
/// that fits its own invalid Commit.
///
/// # What a later message proves
///
/// [`PublicGroup::merge_unconfirmed`] is the exception for observers that receive no GroupInfo.
/// They detect an altered Commit later, because members and external joiners sign the GroupContext:
///
/// | Altered in the Commit that began epoch n | First message that is refused |
/// |---|---|
/// | signature | a proposal or Commit of epoch n: the confirmed transcript hash of epoch n is wrong |
/// | confirmation tag | a proposal or Commit of epoch n + 1: the tag enters the interim transcript hash of epoch n, and by that the confirmed transcript hash of epoch n + 1 |
///
/// Conversely, a valid signature of a member in epoch n confirms the Commits that led to epoch n,
/// except for the confirmation tag of the last one. External senders and clients that ask to be
/// added do not sign the GroupContext, so their messages confirm nothing.
///
/// # Rolling back
///
/// [`PublicGroup::roll_back`] returns to the state before the last merge, with the proposals that
/// were pending. The states before the last two merges are kept, because the confirmation tag of a
/// Commit is confirmed two epochs later. The states share the tree nodes that they have in common.
///
/// A refused message does not show which Commit was altered. Roll back as far as possible, and
/// process the true messages from that epoch on, including proposals.
///
/// Previous states are not stored. After a restart, or if a signer has lied in several consecutive
/// Commits, create the group again ([`PublicGroup::new`]) with a GroupInfo from a member that the
/// application trusts.
///
/// # Storage
///
/// Each operation that changes the group returns an [`Unpersisted`]. [`PublicGroup::open`] opens a
/// group from a store that applies the Deltas, and reads O(log N) rows for each message.
#[derive(Debug, Clone)]
pub struct PublicGroup {
    public: PublicState,
    proposals: ProposalStore,
    limits: Limits,
    reinit: Option<ReInit>,
    /// Changes to the stored rows of the client index, needed because the policy identifies clients
    /// differently than it did.
    renewed: Vec<(RowKey, Option<Vec<u8>>)>,
    /// States to roll back to, at most two, the latest last.
    previous: Vec<Previous>,
    dropped: DroppedDeltas,
    lineage: Lineage,
}

/// The state of a group before it merged a Commit, in which the group was active.
#[derive(Debug, Clone)]
struct Previous {
    public: PublicState,
    proposals: ProposalStore,
}

/// The result of processing a message in a [`PublicGroup`].
#[derive(Debug)]
pub enum PublicProcessed {
    /// A proposal, now pending.
    Proposal(PendingProposal),
    /// A proposal that the group's rules do not admit, and their reason. It is not pending. It is
    /// kept in case a Commit refers to it.
    NotAdmitted(PendingProposal, String),
    /// A staged Commit, which the caller merges or drops.
    Commit(Box<PublicStaged>),
}

impl PublicGroup {
    /// Verifies a GroupInfo and its tree, and returns the group. `tree` is needed if the GroupInfo
    /// has no `ratchet_tree` extension.
    ///
    /// # Errors
    /// - [`Missing::Tree`](crate::Missing::Tree) if there is no tree.
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

    /// Returns the group stored in these rows. It has no state to roll back to.
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

    /// Opens a stored group. It reads the rows beside the tree now, and nodes of the tree on
    /// demand. The group has no state to roll back to.
    ///
    /// If a row cannot be read later, the operation that needs it fails with
    /// [`GroupError::Source`]. The operation then has changed nothing and can be repeated. The
    /// policies of later calls must identify clients as the policy did when the group was stored
    /// ([`IdentityPolicy::client_id`]). A clone of an opened group uses the same store; only one of
    /// the two may continue.
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

    /// Returns a group from its rows beside the tree.
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

    /// Returns the changes to store after loading, if the policy identifies clients differently
    /// than it did. If this is not called, the Delta of the next operation contains the changes.
    pub fn take_delta(&mut self) -> Unpersisted<()> {
        let changes = self.take_renewed().collect();
        self.unpersisted((), changes)
    }

    fn take_renewed(&mut self) -> impl Iterator<Item = (RowKey, Option<SecretBytes>)> + use<> {
        let renewed = std::mem::take(&mut self.renewed).into_iter();
        renewed.map(|(key, row)| (key, row.map(SecretBytes::from)))
    }

    /// Wraps the result of an operation with its changes.
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

    /// Returns the changes that write all rows.
    fn write_all(&self) -> Result<Changes, GroupError> {
        changes::public_rows(
            &self.public,
            &self.proposals,
            (self.lineage, self.state()),
            self.reinit.as_ref(),
        )
    }

    /// Returns the parameters of the successor group, if this one was reinitialized.
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
    /// The lifetimes of proposed leaves are compared with `now`, in seconds since 1970, if given.
    ///
    /// # Errors
    /// A [`GroupError`] with the cause. The group is unchanged.
    /// - [`GroupError::Source`] if a row could not be read.
    /// - [`Misuse::WrongMessage`] if the message is not a public handshake.
    /// - [`FramingError::Crypto`](pando_framing::FramingError) if the signature is not valid. If
    ///   the sender is a member, and an earlier Commit was merged without a GroupInfo, then that
    ///   Commit may have been altered instead.
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
                // The Deltas of earlier Commits list the deleted rows.
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
