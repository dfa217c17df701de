//! Entering the epoch of a Commit.

use super::PublicGroup;
use crate::state::proposal_store::ProposalStore;
use crate::state::staged::{Effects, PublicStaged};
use crate::storage::changes;
use crate::storage::delta::{Delta, RowKey};
use crate::storage::row_codec;
use crate::{GroupError, Misuse};

impl PublicGroup {
    /// Enters the epoch that was staged.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if it does not follow the current epoch of this group; nothing else can go wrong.
    pub fn merge(&mut self, staged: PublicStaged) -> Result<Delta, GroupError> {
        if staged.follows != self.public.interim_transcript_hash || !self.active {
            return Err(Misuse::StaleCommit.into());
        }
        let PublicStaged { public, effects: Effects { reinit, .. }, .. } = staged;
        let tree = changes::tree(&public, Some(&self.public))?;
        let Delta { mut rows, .. } = self.take_delta();
        rows.extend(tree);
        rows.insert(RowKey::Public, Some(row_codec::public(&public, reinit.is_none(), reinit.as_ref())?));
        rows.extend(self.proposals.positions().map(|position| (RowKey::Proposal(position), None)));
        self.public = public;
        self.proposals = ProposalStore::default();
        self.active = reinit.is_none();
        self.reinit = reinit;
        Ok(Delta::changing(rows))
    }
}
