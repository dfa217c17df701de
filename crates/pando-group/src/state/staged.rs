//! Epochs that result from a Commit, before they are merged (RFC 9420, section 12.4.2).

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

/// The public part of the epoch to which a Commit leads. This part is complete and checked, but the
/// group is still in the previous epoch.
#[derive(Debug)]
pub struct PublicStaged {
    /// Interim transcript hash of the previous epoch. This hash is unique among all epochs and
    /// groups.
    pub(crate) follows: InterimTranscriptHash,
    pub(crate) public: PublicState,
    pub(crate) committer: Sender,
    pub(crate) authenticated_data: Opaque,
    pub(crate) proposals: Vec<Committed>,
    pub(crate) left_out: Vec<Arc<PendingProposal>>,
    pub(crate) effects: Effects,
    /// The replaced leaves, as they were before the Commit.
    pub(crate) leaves: Leaves,
}

/// The effects of a Commit's proposals.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) removed: Vec<LeafIndex>,
    pub(crate) reinit: Option<ReInit>,
}

impl PublicStaged {
    /// Returns the staged epoch `public`, to which the Commit `content` leads from `old`.
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
            // `replaced_leaves` loads all nodes of the old tree that differ from the new tree. A
            // roll-back needs these nodes, and must not read from the store.
            leaves: replaced_leaves(&old.tree, &public.tree)?,
            public,
            committer: content.sender,
            authenticated_data: content.authenticated_data.clone(),
            proposals,
            left_out,
            effects,
        })
    }

    /// Returns the public state of the new epoch.
    #[must_use]
    pub const fn public(&self) -> &PublicState {
        &self.public
    }

    /// Returns the committer.
    #[must_use]
    pub const fn committer(&self) -> Sender {
        self.committer
    }

    /// Returns the authenticated data of the Commit, which is not encrypted.
    #[must_use]
    pub const fn authenticated_data(&self) -> &Opaque {
        &self.authenticated_data
    }

    /// Returns the proposals that the Commit covers, each with its sender. Applications can use
    /// these proposals to check the permissions of members.
    pub fn proposals(&self) -> impl Iterator<Item = (Sender, &Proposal)> {
        self.proposals.iter().map(|committed| (committed.sender(), committed.proposal()))
    }

    /// Returns the pending proposals of the previous epoch that the Commit does not cover.
    pub fn left_out(&self) -> impl Iterator<Item = &PendingProposal> {
        self.left_out.iter().map(|pending| &**pending)
    }

    /// Returns the leaves that the Commit adds, including the leaf of an external joiner.
    pub fn added(&self) -> impl Iterator<Item = LeafIndex> {
        self.effects.added.iter().copied()
    }

    /// Returns the leaves that the Commit removes.
    #[must_use]
    pub fn removed(&self) -> &[LeafIndex] {
        &self.effects.removed
    }

    /// Returns the leaves that the Commit removes, replaces and adds, with their credentials and
    /// keys.
    ///
    /// # Errors
    /// [`GroupError::Source`] if a leaf could not be read.
    pub fn leaf_changes(&self) -> Result<Vec<LeafChange>, GroupError> {
        let Effects { removed, added, .. } = &self.effects;
        Ok(leaf_changes(&self.leaves, removed, added, &self.public.tree)?)
    }

    /// Returns the leaves that the Commit adds or replaces and that are not valid at `now`, in
    /// seconds since 1970. The lifetime or the credential of such a leaf has expired or is not yet
    /// valid.
    ///
    /// Because clocks differ, this check is not a validity rule. A Commit with such leaves is
    /// valid, and all members that merge it are in the same epoch. A delivery service should reject
    /// such a Commit before ordering it, and a member may hold it back.
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

    /// Returns the Commit as a [`LocalPolicy`](crate::LocalPolicy) sees it. `before` is the state
    /// of the group that staged the Commit.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if the Commit does not follow `before`.
    pub fn view<'a>(&'a self, before: &'a PublicState) -> Result<CommitView<'a>, GroupError> {
        if self.follows != before.interim_transcript_hash {
            return Err(Misuse::StaleCommit.into());
        }
        let states = (before.view(), self.public.view());
        let effects = (self.effects.removed.as_slice(), self.effects.added.as_slice());
        let origin = (self.committer, &*self.authenticated_data);
        Ok(CommitView::new(states, origin, &self.proposals, effects))
    }
}

/// The epoch to which a Commit leads, as staged by a member. A staged epoch consists of the public
/// part, to which this type dereferences, and of the member's secrets. All checks are done, and
/// only the merge remains.
#[derive(Debug)]
pub struct Staged {
    pub(crate) public_part: PublicStaged,
    /// The member's secrets, or `None` if the Commit removes the member.
    pub(crate) member: Option<StagedMember>,
    /// The rows that the merge is already known to write and delete.
    pub(crate) rows: Changes,
    /// The instance of the group that staged the epoch.
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
        &self.public_part
    }
}

impl Staged {
    /// Returns a staged epoch. `rows` contains the rows that the merge writes and deletes.
    pub(crate) fn new(
        mut public_part: PublicStaged,
        member: Option<StagedMember>,
        rows: Changes,
        instance: Instance,
    ) -> Result<Self, TreeError> {
        // `rows` already lists the deleted rows.
        public_part.public.forget_deleted()?;
        Ok(Self { public_part, member, rows, instance })
    }

    /// Returns whether the Commit removes the member that staged it.
    #[must_use]
    pub const fn removes_me(&self) -> bool {
        self.member.is_none()
    }
}

/// A member's own Commit that is not yet known to be accepted.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) staged: Staged,
    /// The Commit as it was sent, which is needed to recognise it when the delivery service returns
    /// it.
    pub(crate) message: MlsMessage,
}

impl Pending {
    /// Returns the by-value proposals of the Commit.
    pub(crate) fn into_by_value(self) -> Vec<Proposal> {
        let proposals = self.staged.public_part.proposals.into_iter();
        let by_value = proposals.filter_map(|committed| match committed {
            Committed::ByValue(_, proposal) => Some(Arc::unwrap_or_clone(proposal)),
            Committed::ByReference(_) => None,
        });
        by_value.collect()
    }
}
