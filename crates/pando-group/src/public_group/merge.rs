//! Merging staged Commits, and rolling back merges.

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
    /// Enters the staged epoch if `group_info` confirms it. The GroupInfo must describe the staged
    /// epoch and be signed by the committer or by another member of that epoch.
    ///
    /// A committer creates the GroupInfo with
    /// [`CommitBuilder::with_group_info`](crate::CommitBuilder::with_group_info). A client that
    /// joins by an external Commit creates it with [`Group::group_info`](crate::Group::group_info).
    /// The `ratchet_tree` extension is ignored, because the group has its own tree; joiners verify
    /// the tree that they use. [`PublicGroup`] explains what the GroupInfo proves and what it does
    /// not prove.
    ///
    /// # Errors
    /// On error, the group is unchanged, and `staged` can be merged with another GroupInfo.
    /// - [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    /// - [`Violation::GroupInfoSigner`](crate::Violation),
    ///   [`Violation::GroupInfoSignature`](crate::Violation) if the GroupInfo is not signed by a
    ///   member of the new epoch, or if it is signed by a member that the Commit adds.
    /// - [`Violation::GroupInfoContext`](crate::Violation),
    ///   [`Violation::ConfirmationTag`](crate::Violation) if a member has signed the GroupInfo, but
    ///   it describes another epoch. Either the GroupInfo belongs to another Commit, or this Commit
    ///   was altered in transit.
    /// - [`Violation::DuplicateExtension`](crate::Violation) if two extensions of the GroupInfo
    ///   have the same type.
    /// - [`GroupError::Source`] if the signer's leaf could not be read.
    pub fn merge(
        &mut self,
        staged: &PublicStaged,
        group_info: &GroupInfo,
    ) -> Result<Unpersisted<()>, GroupError> {
        self.check_follows(staged)?;
        // A new member can sign without knowing any secret of the epoch, so its signature is
        // accepted only for its own external Commit.
        let signer = group_info.signer;
        if matches!(staged.committer, Sender::Member(_)) && staged.effects.added.contains(&signer) {
            return Err(Violation::GroupInfoSigner(signer).into());
        }
        verify_description(&staged.public, group_info)?;
        self.enter(staged)
    }

    /// Enters the staged epoch without a GroupInfo that confirms it.
    ///
    /// Use this function in an observer that receives only the members' messages, or for a Commit
    /// with a ReInit. A Commit with a ReInit has no GroupInfo, because its epoch cannot be joined,
    /// and no later Commit depends on its tag. Any other Commit may have been altered in transit,
    /// in which case the group enters an epoch without members. [`PublicGroup`] describes when the
    /// alteration is detected.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if `staged` does not follow the current epoch of this group.
    pub fn merge_unconfirmed(&mut self, staged: &PublicStaged) -> Result<Unpersisted<()>, GroupError> {
        self.check_follows(staged)?;
        self.enter(staged)
    }

    /// Restores the state before the last merge, including the proposals that were pending then.
    ///
    /// Commits that were staged after that merge become stale. [`PublicGroup`] describes which
    /// states are kept and when to roll back. A roll-back reads nothing from the store of an opened
    /// group, because all rows that the merge changed are in memory.
    ///
    /// # Errors
    /// [`Misuse::NothingToRollBack`] if there is no previous state; [`GroupError::Encode`] if a
    /// field is too long. On error, the group is unchanged.
    pub fn roll_back(&mut self) -> Result<Unpersisted<()>, GroupError> {
        let Previous { public, proposals } = self.previous.last().ok_or(Misuse::NothingToRollBack)?.clone();
        let clients = self.public.clients.changes().reversed();
        let (public, changes) = self.moved_to(&public, &clients, &proposals, None)?;
        self.previous.pop();
        (self.public, self.proposals, self.reinit) = (public, proposals, None);
        Ok(self.unpersisted((), changes))
    }

    /// Returns the same state as [`changes::moved`], and all rows that the group writes and deletes
    /// when it moves to that state.
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
        // From here on, the group changes and no step can fail.
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
