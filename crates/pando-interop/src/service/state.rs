//! The state of one client in one group.

#![expect(clippy::disallowed_methods, reason = "the harness asks for groups in memory")]

use super::decode::message;
use super::failure::{Failure, Outcome};
use super::played_client::PlayedClient;
use pando_mls::{Group, Processed, ProposalRef, Staged};
use std::collections::BTreeMap;

/// A client that is a member of a group.
pub(super) struct State {
    pub(super) client: PlayedClient,
    pub(super) group: Group,
    /// The references of this epoch's proposals, indexed by the encoded proposals. This cache is
    /// needed because each request that refers to a proposal contains it again, and an encrypted
    /// proposal can be decrypted only once.
    seen: BTreeMap<Vec<u8>, ProposalRef>,
}

impl State {
    pub(super) const fn new(client: PlayedClient, group: Group) -> Self {
        Self { client, group, seen: BTreeMap::new() }
    }

    /// Processes a proposal, unless it has been processed before. Returns its reference.
    pub(super) fn take_proposal(&mut self, bytes: Vec<u8>) -> Outcome<ProposalRef> {
        if let Some(reference) = self.seen.get(&bytes) {
            return Ok(reference.clone());
        }
        let proposal = message("a proposal", &bytes)?;
        let reference = match self.group.process(proposal, &self.client.cx())?.assume_persisted() {
            Processed::Proposal(pending) => pending.reference,
            Processed::OwnProposal(reference) => reference,
            _ => return Err(Failure::argument("not a proposal")),
        };
        self.seen.insert(bytes, reference.clone());
        Ok(reference)
    }

    /// Processes a Commit and enters the epoch that it starts, provided that the staged epoch is
    /// `acceptable`.
    pub(super) fn take_commit(
        &mut self,
        bytes: &[u8],
        acceptable: impl FnOnce(&Staged) -> Outcome<()>,
    ) -> Outcome<()> {
        match self.group.process(message("a Commit", bytes)?, &self.client.cx())?.assume_persisted() {
            Processed::Commit(staged) => {
                acceptable(&staged)?;
                self.group.merge(*staged)?.assume_persisted();
                self.seen.clear();
                Ok(())
            }
            Processed::OwnCommit => self.merge_pending(acceptable),
            _ => Err(Failure::argument("not a Commit")),
        }
    }

    /// Enters the epoch of the pending Commit, provided that the staged epoch is `acceptable`.
    pub(super) fn merge_pending(&mut self, acceptable: impl FnOnce(&Staged) -> Outcome<()>) -> Outcome<()> {
        let staged = self.group.pending_epoch().ok_or_else(|| Failure::state("no Commit is pending"))?;
        acceptable(staged)?;
        self.group.merge_pending()?.assume_persisted();
        self.seen.clear();
        Ok(())
    }

    pub(super) fn epoch_authenticator(&self) -> Vec<u8> {
        authenticator(&self.group)
    }
}

/// Returns the epoch authenticator of a group, or an empty value if our client was removed.
pub(super) fn authenticator(group: &Group) -> Vec<u8> {
    group.epoch_authenticator().map(|authenticator| authenticator.expose().to_vec()).unwrap_or_default()
}
