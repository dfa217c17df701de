//! Merging a staged Commit, and rolling back.

use super::{Previous, PublicGroup};
use crate::operations::group_info::verify_description;
use crate::state::client_index::ClientChanges;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::{Effects, PublicStaged};
use crate::storage::changes;
use crate::storage::row_codec;
use crate::storage::row_key::{Changes, RowKey};
use crate::{GroupError, Misuse, Unpersisted, Violation};
use pando_wire::{GroupInfo, ReInit, Sender};
use std::mem;

impl PublicGroup {
    /// Enters the staged epoch if `group_info` confirms it: the committer, or another member of the
    /// new epoch, has signed a description of that epoch.
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
    /// - [`Violation::GroupInfoSigner`](crate::Violation),
    ///   [`Violation::GroupInfoSignature`](crate::Violation) if no member of the new epoch has
    ///   signed the GroupInfo, or if a member that the Commit adds has signed it.
    /// - [`Violation::GroupInfoContext`](crate::Violation),
    ///   [`Violation::ConfirmationTag`](crate::Violation) if a member has signed it, but it
    ///   describes another epoch. Then it belongs to another Commit, or this Commit was altered in
    ///   transit.
    /// - [`Violation::DuplicateExtension`](crate::Violation).
    /// - [`GroupError::Source`] if the leaf of the signer could not be read.
    pub fn merge(
        &mut self,
        staged: &PublicStaged,
        group_info: &GroupInfo,
    ) -> Result<Unpersisted<()>, GroupError> {
        self.check_follows(staged)?;
        // A new member can sign without knowing any secret of the epoch, so only its own external
        // Commit may rely on it.
        let signer = group_info.signer;
        if matches!(staged.committer, Sender::Member(_)) && staged.effects.added.contains(&signer) {
            return Err(Violation::GroupInfoSigner(signer).into());
        }
        verify_description(&staged.public, group_info)?;
        self.enter(staged)
    }

    /// Enters the staged epoch although no GroupInfo confirms it.
    ///
    /// This is for observers that receive the members' messages only, and for a Commit with a
    /// ReInit. The latter has no GroupInfo, because its epoch cannot be joined, and no later Commit
    /// depends on its tag. Any other Commit may have been altered in transit, so that the group
    /// enters an epoch without members. [`PublicGroup`] describes when that is detected.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    pub fn merge_unconfirmed(&mut self, staged: &PublicStaged) -> Result<Unpersisted<()>, GroupError> {
        self.check_follows(staged)?;
        self.enter(staged)
    }

    /// Returns to the state before the last merge, with the proposals that were pending.
    ///
    /// Commits that were staged after that merge become stale. [`PublicGroup`] describes which
    /// states are kept, and when to roll back. An opened group reads nothing from its store,
    /// because all rows that the merge changed are in memory.
    ///
    /// # Errors
    /// [`Misuse::NothingToRollBack`] if there is no previous state; [`GroupError::Encode`]. The
    /// group is as it was.
    pub fn roll_back(&mut self) -> Result<Unpersisted<()>, GroupError> {
        let Previous { public, proposals } = self.previous.last().ok_or(Misuse::NothingToRollBack)?.clone();
        let clients = self.public.clients.changes().reversed();
        let (public, changes) = self.moved_to(&public, &clients, &proposals, None)?;
        self.previous.pop();
        (self.public, self.proposals, self.reinit) = (public, proposals, None);
        Ok(self.unpersisted((), changes))
    }

    /// Returns the state as [`changes::moved`] does, with all rows that the group writes and
    /// deletes when it moves to it.
    fn moved_to(
        &self,
        target: &PublicState,
        clients: &ClientChanges,
        proposals: &ProposalStore,
        reinit: Option<&ReInit>,
    ) -> Result<(PublicState, Changes), GroupError> {
        let (public, mut changes) = changes::moved(&self.public, target, clients)?;
        changes.insert(RowKey::Public, Some(row_codec::public(&public, self.lineage.instance, reinit)?));
        changes.extend(self.proposals.positions().map(|position| (RowKey::Proposal(position), None)));
        let proposals = changes::proposal_rows(proposals)?.into_iter();
        changes.extend(proposals.map(|(key, row)| (key, Some(row))));
        Ok((public, changes))
    }

    fn check_follows(&self, staged: &PublicStaged) -> Result<(), Misuse> {
        let follows = self.reinit.is_none() && staged.follows == self.public.interim_transcript_hash;
        if follows { Ok(()) } else { Err(Misuse::StaleCommit) }
    }

    /// Enters the staged epoch.
    fn enter(&mut self, staged: &PublicStaged) -> Result<Unpersisted<()>, GroupError> {
        let PublicStaged { public, effects: Effects { reinit, .. }, .. } = staged;
        let (clients, no_proposals) = (public.clients.changes(), ProposalStore::default());
        let (public, changes) = self.moved_to(public, clients, &no_proposals, reinit.as_ref())?;
        // The group changes from here on, and no step can fail.
        let changes: Changes = self.take_renewed().chain(changes).collect();
        let previous = Previous {
            public: mem::replace(&mut self.public, public),
            proposals: mem::replace(&mut self.proposals, no_proposals),
        };
        self.previous = self.previous.pop().into_iter().chain([previous]).collect();
        self.reinit.clone_from(reinit);
        Ok(self.unpersisted((), changes))
    }
}
