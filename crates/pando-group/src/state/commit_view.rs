//! The view of a Commit that the application's rules see. The view contains the states before and
//! after the Commit, and the changes.

use crate::Violation;
use crate::identity::IdentityPolicy;
use crate::state::history::replaced_leaves;
use crate::state::leaf_change::{LeafChange, invalid_at, leaf_changes};
use crate::state::pending_proposal::Committed;
use pando_tree::{Tree, TreeError};
use pando_wire::{Credential, Extensions, GroupContext, GroupId, LeafIndex, Proposal, Sender};

/// The part of a group's state on which rules may depend. All members agree on this part.
/// Transcript hashes and tags are excluded.
#[derive(Debug, Clone, Copy)]
pub struct StateView<'a> {
    context: &'a GroupContext,
    tree: &'a Tree,
}

impl<'a> StateView<'a> {
    pub(crate) const fn new(context: &'a GroupContext, tree: &'a Tree) -> Self {
        Self { context, tree }
    }

    /// Returns the identifier of the group.
    #[must_use]
    pub const fn group_id(&self) -> &'a GroupId {
        &self.context.group_id
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.context.epoch
    }

    /// Returns the extensions of the group.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        &self.context.extensions
    }

    /// Returns the ratchet tree.
    #[must_use]
    pub const fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// Returns the credential of the member at `leaf`, or `None` if the leaf is blank or does not
    /// exist.
    ///
    /// # Errors
    /// [`TreeError::Source`] or [`TreeError::Stored`] if the leaf could not be read.
    pub fn credential(&self, leaf: LeafIndex) -> Result<Option<Credential>, TreeError> {
        self.tree.credential(leaf)
    }
}

/// A view of a Commit, or of the creation of a group.
#[derive(Debug, Clone, Copy)]
pub struct CommitView<'a> {
    before: Option<StateView<'a>>,
    after: StateView<'a>,
    committer: Sender,
    authenticated_data: &'a [u8],
    proposals: &'a [Committed],
    removed: &'a [LeafIndex],
    added: &'a [LeafIndex],
}

impl<'a> CommitView<'a> {
    /// Returns the view of a Commit that leads from `before` to `after`. `added` includes the leaf
    /// of an external joiner.
    pub(crate) const fn new(
        (before, after): (StateView<'a>, StateView<'a>),
        (committer, authenticated_data): (Sender, &'a [u8]),
        proposals: &'a [Committed],
        (removed, added): (&'a [LeafIndex], &'a [LeafIndex]),
    ) -> Self {
        Self { before: Some(before), after, committer, authenticated_data, proposals, removed, added }
    }

    /// Returns the view of the creation of a group by the member at leaf 0.
    pub(crate) const fn creation(after: StateView<'a>) -> Self {
        const CREATOR: LeafIndex = LeafIndex(0);
        Self {
            before: None,
            after,
            committer: Sender::Member(CREATOR),
            authenticated_data: &[],
            proposals: &[],
            removed: &[],
            added: &[CREATOR],
        }
    }

    /// Returns the state before the Commit, or `None` for the creation of a group.
    #[must_use]
    pub const fn before(&self) -> Option<StateView<'a>> {
        self.before
    }

    /// Returns the state after the Commit.
    #[must_use]
    pub const fn after(&self) -> StateView<'a> {
        self.after
    }

    /// Returns the committer, or the creator of the group.
    #[must_use]
    pub const fn committer(&self) -> Sender {
        self.committer
    }

    /// Returns the authenticated data of the Commit, which is not encrypted. The creation of a
    /// group has none.
    #[must_use]
    pub const fn authenticated_data(&self) -> &'a [u8] {
        self.authenticated_data
    }

    /// Returns the proposals that the Commit covers, each with its sender.
    pub fn proposals(&self) -> impl Iterator<Item = (Sender, &'a Proposal)> + use<'a> {
        self.proposals.iter().map(|committed| (committed.sender(), committed.proposal()))
    }

    /// Returns the leaves that the Commit removes, replaces and adds.
    ///
    /// # Errors
    /// [`TreeError::Source`] or [`TreeError::Stored`] if a leaf could not be read.
    pub fn leaf_changes(&self) -> Result<Vec<LeafChange>, TreeError> {
        let replaced = self.before.map(|before| replaced_leaves(before.tree, self.after.tree)).transpose()?;
        leaf_changes(&replaced.unwrap_or_default(), self.removed, self.added, self.after.tree)
    }

    /// Returns the leaves that the Commit adds or replaces and that are not valid at `now`, like
    /// [`PublicStaged::leaves_invalid_at`](crate::PublicStaged::leaves_invalid_at). This function
    /// is meant for a [`LocalPolicy`](crate::LocalPolicy). [`GroupRules`](crate::GroupRules) must
    /// not call it, because clocks differ.
    ///
    /// # Errors
    /// [`TreeError::Source`] or [`TreeError::Stored`] if a leaf could not be read.
    pub fn leaves_invalid_at(
        &self,
        now: u64,
        policy: &dyn IdentityPolicy,
    ) -> Result<Vec<(LeafIndex, Violation)>, TreeError> {
        Ok(invalid_at(&self.leaf_changes()?, now, policy))
    }
}
