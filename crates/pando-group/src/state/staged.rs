//! Epochs that a Commit leads to, before they are merged (RFC 9420, section 12.4.2).

use crate::identity::IdentityPolicy;
use crate::state::commit_view::CommitView;
use crate::state::epoch_secrets::EpochKeys;
use crate::state::history::{Leaves, replaced_leaves};
use crate::state::leaf_change::{LeafChange, invalid_at, leaf_changes};
use crate::state::pending_proposal::{Committed, PendingProposal};
use crate::state::public_state::PublicState;
use crate::storage::position::Instance;
use crate::storage::row_key::Changes;
use crate::{GroupError, Misuse, Violation};
use pando_schedule::InterimTranscriptHash;
use pando_tree::{PrivateKeys, TreeError};
use pando_wire::{FramedContent, LeafIndex, MlsMessage, Opaque, Proposal, ReInit, Sender};
use std::ops::Deref;
use std::sync::Arc;

/// The public part of an epoch that a Commit leads to, complete and checked. The group is still in the epoch before.
#[derive(Debug)]
pub struct PublicStaged {
    /// Interim transcript hash of the epoch before. No other epoch and no other group has the same.
    pub(crate) follows: InterimTranscriptHash,
    pub(crate) public: PublicState,
    pub(crate) committer: Sender,
    pub(crate) authenticated_data: Opaque,
    pub(crate) proposals: Vec<Committed>,
    pub(crate) left_out: Vec<Arc<PendingProposal>>,
    pub(crate) effects: Effects,
    /// The leaves that are replaced, as they were.
    pub(crate) leaves: Leaves,
}

/// Effects of a Commit's proposals.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) removed: Vec<LeafIndex>,
    pub(crate) reinit: Option<ReInit>,
}

impl PublicStaged {
    /// Returns the epoch `public`, which follows `old` by the Commit in `content`.
    pub(crate) fn new(
        old: &PublicState,
        public: PublicState,
        content: &FramedContent,
        effects: Effects,
        proposals: Vec<Committed>,
        left_out: Vec<Arc<PendingProposal>>,
    ) -> Result<Self, TreeError> {
        Ok(Self {
            follows: old.interim_transcript_hash.clone(),
            // This loads all nodes of the old tree that differ. A roll back needs them, and must not read.
            leaves: replaced_leaves(&old.tree, &public.tree)?,
            public,
            committer: content.sender,
            authenticated_data: content.authenticated_data.clone(),
            proposals,
            left_out,
            effects,
        })
    }

    /// The public state of the new epoch.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// The committer.
    #[must_use]
    pub const fn committer(&self) -> Sender {
        self.committer
    }

    /// Data that was authenticated with the Commit and not encrypted.
    #[must_use]
    pub const fn authenticated_data(&self) -> &Opaque {
        &self.authenticated_data
    }

    /// The proposals that the Commit covers, each with its sender: for applications that allow some things to some members
    /// only.
    pub fn proposals(&self) -> impl Iterator<Item = (Sender, &Proposal)> {
        self.proposals.iter().map(|committed| (committed.sender(), committed.proposal()))
    }

    /// Returns the proposals that were pending in the epoch before and that the Commit does not cover.
    pub fn left_out(&self) -> impl Iterator<Item = &PendingProposal> {
        self.left_out.iter().map(|pending| &**pending)
    }

    /// Returns the leaves that the Commit adds, by Adds or by being external.
    pub fn added(&self) -> impl Iterator<Item = LeafIndex> {
        self.effects.added.iter().copied()
    }

    /// Returns the leaves that the Commit removes.
    #[must_use]
    pub fn removed(&self) -> &[LeafIndex] {
        &self.effects.removed
    }

    /// Returns the leaves that the Commit removes, replaces and adds, with their credentials and keys.
    ///
    /// # Errors
    /// [`GroupError::Source`] if a leaf could not be read.
    pub fn leaf_changes(&self) -> Result<Vec<LeafChange>, GroupError> {
        let Effects { removed, added, .. } = &self.effects;
        Ok(leaf_changes(&self.leaves, removed, added, &self.public.tree)?)
    }

    /// Returns the leaves that the Commit brings in and that are not valid at `now`, in seconds since 1970: their lifetime
    /// or their credential has ended, or not begun.
    ///
    /// Clocks differ, so this is no rule: such a Commit is valid, and the members that merge it are in one epoch. A delivery
    /// service refuses it before it orders it, and a member may hold it.
    ///
    /// # Errors
    /// [`GroupError::Source`] if a leaf could not be read.
    pub fn leaves_invalid_at(
        &self,
        now: u64,
        policy: &dyn IdentityPolicy,
    ) -> Result<Vec<(LeafIndex, Violation)>, GroupError> {
        Ok(invalid_at(&self.leaf_changes()?, now, policy))
    }

    /// Returns the Commit as a [`LocalPolicy`](crate::LocalPolicy) sees it. `before` is the state of the group that has
    /// staged it.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if it does not follow `before`.
    pub fn view<'a>(&'a self, before: &'a PublicState) -> Result<CommitView<'a>, GroupError> {
        if self.follows != before.interim_transcript_hash {
            return Err(Misuse::StaleCommit.into());
        }
        let states = (before.view(), self.public.view());
        let effects = (self.effects.removed.as_slice(), self.effects.added.as_slice());
        Ok(CommitView::new(states, self.committer, &self.proposals, effects))
    }
}

/// An epoch that a Commit leads to, as a member stages it: the public part, to which this dereferences, and the member's
/// secrets. Merging it is all that is left to do.
#[derive(Debug)]
pub struct Staged {
    pub(crate) everybody: PublicStaged,
    /// `None` for a member that the Commit removes.
    pub(crate) member: Option<StagedMember>,
    /// The rows that merging writes and deletes, as far as they are known already.
    pub(crate) rows: Changes,
    /// The instance of the group that has staged it.
    pub(crate) instance: Instance,
}

/// A member's secrets in the new epoch.
#[derive(Debug)]
pub(crate) struct StagedMember {
    pub(crate) private_keys: PrivateKeys,
    pub(crate) keys: EpochKeys,
}

impl Deref for Staged {
    type Target = PublicStaged;

    fn deref(&self) -> &PublicStaged {
        &self.everybody
    }
}

impl Staged {
    /// Returns a staged epoch. `rows` are those that merging it writes and deletes.
    pub(crate) fn new(
        mut everybody: PublicStaged,
        member: Option<StagedMember>,
        rows: Changes,
        instance: Instance,
    ) -> Result<Self, TreeError> {
        // The rows list what is deleted.
        everybody.public.forget_deleted()?;
        Ok(Self { everybody, member, rows, instance })
    }

    /// Returns whether the Commit removes the member that has staged it.
    #[must_use]
    pub const fn removes_me(&self) -> bool {
        self.member.is_none()
    }
}

/// A member's own Commit that was sent and is not known to be accepted.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) staged: Staged,
    /// The Commit as it was sent, to recognise it when the delivery service returns it.
    pub(crate) message: MlsMessage,
}

impl Pending {
    /// Returns the proposals that the Commit has by value.
    pub(crate) fn into_by_value(self) -> Vec<Proposal> {
        let proposals = self.staged.everybody.proposals.into_iter();
        let by_value = proposals.filter_map(|committed| match committed {
            Committed::ByValue(_, proposal) => Some(Arc::unwrap_or_clone(proposal)),
            Committed::ByReference(_) => None,
        });
        by_value.collect()
    }
}
