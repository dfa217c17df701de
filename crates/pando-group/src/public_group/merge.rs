//! Entering the epoch of a Commit.

use super::PublicGroup;
use crate::operations::group_info::verify_description;
use crate::state::proposal_store::ProposalStore;
use crate::state::staged::{Effects, PublicStaged};
use crate::storage::changes;
use crate::storage::delta::{Delta, RowKey};
use crate::storage::row_codec;
use crate::{GroupError, Misuse};
use pando_wire::GroupInfo;

impl PublicGroup {
    /// Enters the epoch that was staged, which `group_info` confirms: the committer, or another
    /// member of the new epoch, describes that epoch and signs the description.
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
    ///   if no member of the new epoch has signed the GroupInfo.
    /// - [`Violation::GroupInfoContext`](crate::Violation), [`Violation::ConfirmationTag`](crate::Violation)
    ///   if a member has signed it, and it describes another epoch. Then it belongs to another
    ///   Commit, or this Commit was altered on its way.
    /// - [`Violation::DuplicateExtension`](crate::Violation).
    pub fn merge(&mut self, staged: &PublicStaged, group_info: &GroupInfo) -> Result<Delta, GroupError> {
        self.check_follows(staged)?;
        verify_description(&staged.public, group_info)?;
        self.enter(staged)
    }

    /// Enters the epoch that was staged although no GroupInfo confirms it.
    ///
    /// This is for observers that get the members' messages only, and for a Commit with a ReInit: it
    /// comes without a GroupInfo, because nobody may join the epoch that it begins, and no later Commit
    /// depends on its tag. Whoever delivers any other Commit can alter it so that the group enters an
    /// epoch in which no member is. [`PublicGroup`] says when that is noticed.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    pub fn merge_unconfirmed(&mut self, staged: &PublicStaged) -> Result<Delta, GroupError> {
        self.check_follows(staged)?;
        self.enter(staged)
    }

    fn check_follows(&self, staged: &PublicStaged) -> Result<(), Misuse> {
        let follows = self.active && staged.follows == self.public.interim_transcript_hash;
        if follows { Ok(()) } else { Err(Misuse::StaleCommit) }
    }

    fn enter(&mut self, staged: &PublicStaged) -> Result<Delta, GroupError> {
        let PublicStaged { public, effects: Effects { reinit, .. }, .. } = staged;
        let mut changes = changes::tree(public, Some(&self.public))?;
        changes.insert(RowKey::Public, Some(row_codec::public(public, reinit.is_none(), reinit.as_ref())?));
        changes.extend(self.proposals.positions().map(|position| (RowKey::Proposal(position), None)));
        // Nothing fails from here on.
        let mut delta = self.take_delta();
        delta.rows.extend(changes);
        self.public = public.clone();
        self.proposals = ProposalStore::default();
        self.active = reinit.is_none();
        self.reinit.clone_from(reinit);
        Ok(delta)
    }
}
