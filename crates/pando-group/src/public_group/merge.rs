//! Entering the epoch of a Commit, and the way back.

use super::{Previous, PublicGroup};
use crate::operations::group_info::verify_description;
use crate::state::staged::{Effects, PublicStaged};
use crate::storage::changes;
use crate::storage::delta::Delta;
use crate::storage::row_codec;
use crate::storage::row_key::{Changes, RowKey};
use crate::{GroupError, Misuse, Violation};
use pando_wire::{GroupInfo, Sender};
use std::mem;

impl PublicGroup {
    /// Enters the staged epoch if `group_info` confirms it: the committer, or another member of the new
    /// epoch, has signed a description of that epoch.
    ///
    /// The committer gets the GroupInfo from
    /// [`CommitBuilder::with_group_info`](crate::CommitBuilder::with_group_info), a joiner by an
    /// external Commit from [`Group::group_info`](crate::Group::group_info). The `ratchet_tree`
    /// extension is ignored, because the group has its own tree; joiners verify the tree that they
    /// use. [`PublicGroup`] says what the GroupInfo proves, and what it does not.
    ///
    /// # Errors
    /// The group is as it was, and `staged` can be merged with another GroupInfo.
    /// - [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    /// - [`Violation::GroupInfoSigner`](crate::Violation), [`Violation::GroupInfoSignature`](crate::Violation)
    ///   if no member of the new epoch has signed the GroupInfo, or one that the Commit adds has.
    /// - [`Violation::GroupInfoContext`](crate::Violation), [`Violation::ConfirmationTag`](crate::Violation)
    ///   if a member has signed it, and it describes another epoch. Then it belongs to another
    ///   Commit, or this Commit was altered on its way.
    /// - [`Violation::DuplicateExtension`](crate::Violation).
    pub fn merge(&mut self, staged: &PublicStaged, group_info: &GroupInfo) -> Result<Delta, GroupError> {
        self.check_follows(staged)?;
        // A new member needs no secret of the epoch to sign: it vouches for its own Commit alone.
        let signer = group_info.signer;
        if matches!(staged.committer, Sender::Member(_)) && staged.effects.added.contains(&signer) {
            return Err(Violation::GroupInfoSigner(signer).into());
        }
        verify_description(&staged.public, group_info)?;
        self.enter(staged, true)
    }

    /// Enters the staged epoch although no GroupInfo confirms it.
    ///
    /// This is for observers that get the members' messages only, and for a Commit with a ReInit: it
    /// comes without a GroupInfo, because the epoch that it begins is not for joining, and no later
    /// Commit depends on its tag. Any other Commit may have been altered on its way, so that the group
    /// enters an epoch in which no member is. [`PublicGroup`] says when that is noticed.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    pub fn merge_unconfirmed(&mut self, staged: &PublicStaged) -> Result<Delta, GroupError> {
        self.check_follows(staged)?;
        self.enter(staged, false)
    }

    /// Returns to the state before the last merge, with the proposals that were pending.
    ///
    /// Commits that were staged after that merge are stale. [`PublicGroup`] says which states are kept,
    /// and when to roll back.
    ///
    /// # Errors
    /// [`Misuse::NothingToRollBack`] if there is no previous state; [`GroupError::Encode`],
    /// [`GroupError::Tree`]. The group is as it was.
    pub fn roll_back(&mut self) -> Result<Delta, GroupError> {
        let previous = self.previous.pop().ok_or(Misuse::NothingToRollBack)?;
        match self.changes_to(&previous) {
            Ok(changes) => {
                let Previous { public, proposals, .. } = previous;
                (self.public, self.proposals) = (public, proposals);
                self.reinit = None;
                Ok(self.delta(changes))
            }
            Err(error) => {
                self.previous.push(previous);
                Err(error)
            }
        }
    }

    /// Returns the rows that rolling back writes and deletes.
    fn changes_to(&self, Previous { public, proposals, .. }: &Previous) -> Result<Changes, GroupError> {
        let mut changes = changes::tree(public, Some(&self.public))?;
        changes.insert(RowKey::Public, Some(row_codec::public(public, self.lineage.instance, None)?));
        changes.extend(self.proposals.positions().map(|position| (RowKey::Proposal(position), None)));
        let proposals = changes::proposal_rows(proposals)?.into_iter();
        changes.extend(proposals.map(|(key, row)| (key, Some(row))));
        Ok(changes)
    }

    fn check_follows(&self, staged: &PublicStaged) -> Result<(), Misuse> {
        let follows = self.reinit.is_none() && staged.follows == self.public.interim_transcript_hash;
        if follows { Ok(()) } else { Err(Misuse::StaleCommit) }
    }

    /// Enters the staged epoch. `confirmed` says whether a GroupInfo has confirmed it.
    fn enter(&mut self, staged: &PublicStaged, confirmed: bool) -> Result<Delta, GroupError> {
        let PublicStaged { public, effects: Effects { reinit, .. }, .. } = staged;
        let mut changes = changes::tree(public, Some(&self.public))?;
        let instance = self.lineage.instance;
        changes.insert(RowKey::Public, Some(row_codec::public(public, instance, reinit.as_ref())?));
        changes.extend(self.proposals.positions().map(|position| (RowKey::Proposal(position), None)));
        // The group changes from here on, and no step fails.
        let changes: Changes = self.take_renewed().chain(changes).collect();
        // The signature of this Commit confirms the Commit before, except for its confirmation tag. A
        // GroupInfo with either Commit confirms that, too.
        let still_open = self.previous.pop().filter(|previous| !previous.confirmed && !confirmed);
        let previous = Previous {
            public: mem::replace(&mut self.public, public.clone()),
            proposals: mem::take(&mut self.proposals),
            confirmed,
        };
        self.previous = still_open.into_iter().chain([previous]).collect();
        self.reinit.clone_from(reinit);
        Ok(self.delta(changes))
    }
}
