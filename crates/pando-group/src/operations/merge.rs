//! Merging a staged Commit, or dropping our pending one (RFC 9420, section 12.4.2).

use crate::state::epoch_secrets::{EpochKeys, PastEpoch};
use crate::state::group::Group;
use crate::state::group_state::GroupState;
use crate::state::history::{History, Leaves};
use crate::state::own_proposals::OwnProposals;
use crate::state::proposal_store::ProposalStore;
use crate::state::public_state::PublicState;
use crate::state::staged::{PublicStaged, Staged, StagedMember};
use crate::storage::row_key::RowKey;
use crate::storage::{changes, row_codec};
use crate::{GroupError, Misuse, Unpersisted};
use pando_schedule::SecretTree;
use pando_tree::PrivateKeys;
use pando_wire::Proposal;

impl Group {
    /// Enters the staged epoch, and drops pending proposals and our pending Commit. If another
    /// Commit was accepted instead of our pending one, returns our Commit's by-value proposals,
    /// which can be proposed again.
    ///
    /// # Errors
    /// [`Misuse::StaleCommit`] if the staged epoch does not follow the current epoch of this group,
    /// or was staged by another instance of the group. [`Misuse::Ended`] or [`Misuse::JoinPending`]
    /// if the group is not active. [`GroupError::Encode`] if a row is too long to be encoded.
    pub fn merge(&mut self, staged: Staged) -> Result<Unpersisted<Vec<Proposal>>, GroupError> {
        self.check_active()?;
        let follows = (staged.instance, &staged.follows);
        if follows != (self.lineage.instance, &self.public.interim_transcript_hash) {
            return Err(Misuse::StaleCommit.into());
        }
        let past = changes::past_epoch(&self.public, &self.keys, &self.config, &staged.leaves)?;
        let Staged { public_part: PublicStaged { public, effects, leaves, .. }, member, rows, .. } = staged;
        let lost = self.drop_pending().unwrap_or_default();
        self.forget_pending();
        self.changes.extend_with_many(rows);
        let Some(StagedMember { private_keys, keys }) = member else {
            self.erase()?;
            return Ok(self.unpersisted(lost));
        };
        let old_public = std::mem::replace(&mut self.public, public);
        let old_keys = std::mem::replace(&mut self.keys, keys);
        self.private_keys = private_keys;
        self.state = if effects.reinit.is_none() { GroupState::Active } else { GroupState::Reinitialized };
        self.reinit = effects.reinit;
        self.changes.extend(past);
        self.keep_past(old_public, old_keys, leaves);
        Ok(self.unpersisted(lost))
    }

    /// Drops our pending Commit because it was not accepted, and returns its by-value proposals. If
    /// the Commit was accepted after all, this member can no longer follow the group and must
    /// rejoin.
    pub fn clear_pending(&mut self) -> Unpersisted<Vec<Proposal>> {
        let lost = self.drop_pending().unwrap_or_default();
        self.unpersisted(lost)
    }

    /// Drops our pending Commit together with the messages that belong to it, and returns its
    /// by-value proposals.
    fn drop_pending(&mut self) -> Option<Vec<Proposal>> {
        let lost = self.pending.take()?.into_by_value();
        let messages = self.outbox.drop_after(self.epoch());
        self.changes.delete(messages.chain([RowKey::PendingCommit]));
        Some(lost)
    }

    /// Erases the secrets of the group, because this member was removed (section 12.4.2).
    fn erase(&mut self) -> Result<(), GroupError> {
        self.state = GroupState::Removed;
        let keys = self.private_keys.nodes().map(RowKey::PrivateKey);
        let psks = self.resumption_psks.keys().copied().map(RowKey::ResumptionPsk);
        self.changes.delete(keys.chain(psks));
        self.changes.forget(u64::MAX);
        let (suite, size) = (self.public.suite, self.public.tree.size());
        self.private_keys = PrivateKeys::restore(self.own_leaf(), []);
        self.keys = EpochKeys::erased(SecretTree::restore(suite, size, self.config.ratchet_limits, [])?);
        self.resumption_psks.clear();
        self.past.clear();
        self.history = History::default();
        self.changes.write(RowKey::Member, row_codec::member(self.own_leaf(), &self.keys)?);
        Ok(())
    }

    /// Forgets the proposals, Updates and pending Commit of the ending epoch.
    fn forget_pending(&mut self) {
        let deleted = self.proposals.positions().map(RowKey::Proposal);
        let deleted =
            deleted.chain((0..).zip(&self.updates).map(|(position, _)| RowKey::OwnUpdate(position)));
        let own = self.own_proposals.iter().map(|(position, ..)| RowKey::OwnProposal(position));
        let deleted = deleted.chain(own).chain(self.decrypted_commits.clear()).chain([RowKey::PendingCommit]);
        self.changes.delete(deleted);
        self.proposals = ProposalStore::default();
        self.updates.clear();
        self.own_proposals = OwnProposals::default();
    }

    /// Keeps the parts of the past epoch that are still needed, and forgets epochs that are too
    /// old.
    fn keep_past(&mut self, public: PublicState, keys: EpochKeys, leaves: Leaves) {
        let EpochKeys { sender_data, mut secret_tree, resumption_psk, .. } = keys;
        // The ratchets that are kept for late messages must not decrypt a Commit that was not
        // accepted. Handshake keys can still be derived for members whose messages were never
        // decrypted (see docs/threat-model.md).
        secret_tree.delete_handshake_keys();
        let (epoch, context) = (public.context.epoch, public.context);
        self.resumption_psks.insert(epoch, resumption_psk.into_secret());
        self.past.push_back(PastEpoch { context, sender_data, secret_tree });
        self.history.push(epoch, public.tree.size(), leaves);
        self.forget_past();
    }
}
