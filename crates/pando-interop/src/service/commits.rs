//! Requests that create or process Commits.

#![expect(clippy::disallowed_methods, reason = "the harness asks for groups in memory")]

use super::clients::Clients;
use super::decode::encode;
use super::failure::{Failure, Outcome};
use super::proposals::described;
use super::state::State;
use crate::proto::{
    CommitRequest, CommitResponse, HandleCommitRequest, HandleCommitResponse, HandlePendingCommitRequest,
};
use pando_mls::{CommitOutput, CryptoRng, MlsMessage, Proposal, ProposalRef, Staged};
use std::collections::BTreeSet;

impl Clients {
    /// Creates a pending Commit, which replaces any earlier pending Commit.
    pub(super) fn commit(&mut self, request: CommitRequest) -> Outcome<CommitResponse> {
        let state = self.table.state_mut(request.state_id)?;
        let references = request.by_reference.into_iter().map(|bytes| state.take_proposal(bytes));
        let references = references.collect::<Outcome<BTreeSet<_>>>()?;
        let by_value = request.by_value.into_iter();
        let proposals =
            by_value.map(|description| described(description, state.group.public(), &mut self.rng));
        let proposals = proposals.collect::<Outcome<Vec<_>>>()?;
        state.group.clear_pending().assume_persisted();
        let kind = Kind { path: request.force_path, tree_in_welcome: !request.external_tree };
        let output = build(state, references, proposals, kind, &mut self.rng)?;

        let pending = state.group.pending_epoch().ok_or_else(|| Failure::internal("no Commit is pending"))?;
        let external = request.external_tree;
        let ratchet_tree = if external { pending.public().tree().export()? } else { Vec::new() };
        let welcome = output.welcome.map(|welcome| encode(MlsMessage::from(welcome))).transpose()?;
        Ok(CommitResponse {
            commit: encode(output.message)?,
            welcome: welcome.unwrap_or_default(),
            ratchet_tree,
        })
    }

    pub(super) fn handle_commit(&mut self, request: HandleCommitRequest) -> Outcome<HandleCommitResponse> {
        let state_id = request.state_id;
        self.enter(request, |_| Ok(()))?;
        let epoch_authenticator = self.table.state(state_id)?.epoch_authenticator();
        Ok(HandleCommitResponse { state_id, epoch_authenticator })
    }

    pub(super) fn handle_pending_commit(
        &mut self,
        request: HandlePendingCommitRequest,
    ) -> Outcome<HandleCommitResponse> {
        let HandlePendingCommitRequest { state_id } = request;
        let state = self.table.state_mut(state_id)?;
        state.merge_pending(|_| Ok(()))?;
        Ok(HandleCommitResponse { state_id, epoch_authenticator: state.epoch_authenticator() })
    }

    /// Processes a Commit and the proposals to which it refers, and enters the epoch that it
    /// starts.
    pub(super) fn enter(
        &mut self,
        request: HandleCommitRequest,
        acceptable: impl FnOnce(&Staged) -> Outcome<()>,
    ) -> Outcome<()> {
        let state = self.table.state_mut(request.state_id)?;
        for proposal in request.proposal {
            state.take_proposal(proposal)?;
        }
        state.take_commit(&request.commit, acceptable)
    }
}

/// The options of a Commit that a request asks for.
struct Kind {
    path: bool,
    tree_in_welcome: bool,
}

/// Creates a Commit that covers all the given proposals. Returns an error if the proposals cannot
/// be committed together.
fn build(
    state: &mut State,
    references: BTreeSet<ProposalRef>,
    proposals: Vec<Proposal>,
    kind: Kind,
    rng: &mut dyn CryptoRng,
) -> Outcome<CommitOutput> {
    let State { client, group, .. } = state;
    let wanted = references.len().saturating_add(proposals.len());
    let builder = group.commit().only_pending(references);
    let builder = proposals.into_iter().fold(builder, pando_mls::CommitBuilder::proposal);
    let builder = if kind.path { builder } else { builder.without_path() };
    let builder = if kind.tree_in_welcome { builder } else { builder.without_tree() };
    let output = builder.build(&client.cx(), rng)?.assume_persisted();
    if group.pending_epoch().is_none_or(|pending| pending.proposals().count() != wanted) {
        group.clear_pending().assume_persisted();
        return Err(Failure::state("these proposals cannot be committed together"));
    }
    Ok(output)
}
