//! Requests that create and join successor groups, by reinitialization or branching.

#![expect(clippy::disallowed_methods, reason = "the harness asks for groups in memory")]

use super::clients::{Clients, Joiner, Successor};
use super::decode::{encode, extensions, key_package, optional, suite, welcome};
use super::failure::{Failure, Outcome};
use super::played_client::{PlayedClient, Published};
use super::state::authenticator;
use crate::proto::{
    CreateBranchRequest, CreateSubgroupResponse, HandleBranchRequest, HandleBranchResponse,
    HandleCommitRequest, HandlePendingCommitRequest, HandleReInitCommitResponse, HandleReInitWelcomeRequest,
    JoinGroupResponse, ReInitWelcomeRequest,
};
use pando_mls::{Created, MlsMessage, Proposal, Staged};

impl Clients {
    pub(super) fn handle_re_init_commit(
        &mut self,
        request: HandleCommitRequest,
    ) -> Outcome<HandleReInitCommitResponse> {
        let state_id = request.state_id;
        self.enter(request, reinitializes)?;
        self.prepare_successor(state_id)
    }

    pub(super) fn handle_pending_re_init_commit(
        &mut self,
        request: HandlePendingCommitRequest,
    ) -> Outcome<HandleReInitCommitResponse> {
        self.table.state_mut(request.state_id)?.merge_pending(reinitializes)?;
        self.prepare_successor(request.state_id)
    }

    pub(super) fn re_init_welcome(
        &mut self,
        request: ReInitWelcomeRequest,
    ) -> Outcome<CreateSubgroupResponse> {
        let Successor { old, joiner: Joiner { client, .. } } = self.table.successor(request.reinit_id)?;
        let group = &self.table.state(*old)?.group;
        let key_packages = request.key_package.iter().map(|bytes| key_package(bytes));
        // Use a new KeyPackage, because the existing one is meant for a Welcome from another
        // member.
        let bundle = client.key_package(&mut self.rng)?;
        let successor = pando_mls::Successor::new(bundle, key_packages.collect::<Outcome<_>>()?)
            .with_path(request.force_path)
            .with_tree_in_welcome(!request.external_tree);
        let created = group.reinitialize(successor, &client.cx(), &mut self.rng)?.assume_persisted();
        let (mut response, group) = subgroup(created, request.external_tree)?;
        response.state_id = self.table.joined(request.reinit_id, group)?;
        Ok(response)
    }

    pub(super) fn handle_re_init_welcome(
        &mut self,
        request: HandleReInitWelcomeRequest,
    ) -> Outcome<JoinGroupResponse> {
        let Successor { old, joiner: Joiner { client, bundle } } = self.table.successor(request.reinit_id)?;
        let old = &self.table.state(*old)?.group;
        let (welcome, tree) = (welcome(&request.welcome)?, optional(&request.ratchet_tree));
        let group = old.join_successor(&welcome, bundle, tree, &client.cx())?.assume_persisted();
        let state_id = self.table.joined(request.reinit_id, group)?;
        let epoch_authenticator = self.table.state(state_id)?.epoch_authenticator();
        Ok(JoinGroupResponse { state_id, epoch_authenticator })
    }

    pub(super) fn create_branch(&mut self, request: CreateBranchRequest) -> Outcome<CreateSubgroupResponse> {
        let state = self.table.state(request.state_id)?;
        let (suite, identity) = (state.client.suite, state.client.identity.clone());
        let (client, _) = PlayedClient::new(suite, identity, &mut self.rng)?;
        let client = PlayedClient { config: state.client.config, ..client };
        let bundle = client.key_package(&mut self.rng)?;
        let key_packages = request.key_packages.iter().map(|bytes| key_package(bytes));
        let successor = pando_mls::Successor::new(bundle, key_packages.collect::<Outcome<_>>()?)
            .with_path(request.force_path)
            .with_tree_in_welcome(!request.external_tree);
        let (id, extensions) = (request.group_id, extensions(request.extensions)?);
        let created =
            state.group.branch(id, extensions, successor, &client.cx(), &mut self.rng)?.assume_persisted();
        let (mut response, group) = subgroup(created, request.external_tree)?;
        response.state_id = self.table.add_state(client, group)?;
        Ok(response)
    }

    /// Joins a branch. The state of the old group remains.
    pub(super) fn handle_branch(&mut self, request: HandleBranchRequest) -> Outcome<HandleBranchResponse> {
        let old = self.table.state(request.state_id)?;
        let Joiner { client, bundle } = self.table.joiner(request.transaction_id)?;
        let (welcome, tree) = (welcome(&request.welcome)?, optional(&request.ratchet_tree));
        let cx = client.cx().with_config(old.client.config);
        let group = old.group.join_successor(&welcome, bundle, tree, &cx)?.assume_persisted();
        let state_id = self.table.joined(request.transaction_id, group)?;
        let epoch_authenticator = self.table.state(state_id)?.epoch_authenticator();
        Ok(HandleBranchResponse { state_id, epoch_authenticator })
    }

    /// Returns the KeyPackage with which a member of an ended group joins the successor group. The
    /// client has a new signature key, because the cipher suite may be different.
    fn prepare_successor(&mut self, old: u32) -> Outcome<HandleReInitCommitResponse> {
        let state = self.table.state(old)?;
        let reinit = state.group.reinit().ok_or_else(|| Failure::internal("the group has not ended"))?;
        let suite = suite(reinit.cipher_suite.0.into())?;
        let (client, _) = PlayedClient::new(suite, state.client.identity.clone(), &mut self.rng)?;
        let client = PlayedClient { config: state.client.config, ..client };
        let epoch_authenticator = state.epoch_authenticator();
        let bundle = client.key_package(&mut self.rng)?;
        let Published { key_package, .. } = Published::new(&bundle)?;
        let successor = Successor { old, joiner: Joiner { client, bundle } };
        let reinit_id = self.table.add_successor(successor)?;
        Ok(HandleReInitCommitResponse { reinit_id, key_package, epoch_authenticator })
    }
}

/// Returns an error unless the Commit reinitializes the group.
fn reinitializes(staged: &Staged) -> Outcome<()> {
    if staged.proposals().any(|(_, proposal)| matches!(proposal, Proposal::ReInit(_))) {
        Ok(())
    } else {
        Err(Failure::state("the Commit does not reinitialize the group"))
    }
}

/// Returns a successor group and the response that describes it. The response does not contain the
/// state's number yet.
fn subgroup(created: Created, external_tree: bool) -> Outcome<(CreateSubgroupResponse, pando_mls::Group)> {
    let Created { group, welcome } = created;
    let welcome = welcome.map(|welcome| encode(MlsMessage::from(welcome))).transpose()?;
    let ratchet_tree = if external_tree { group.public().tree().export()? } else { Vec::new() };
    let response = CreateSubgroupResponse {
        state_id: 0,
        welcome: welcome.unwrap_or_default(),
        ratchet_tree,
        epoch_authenticator: authenticator(&group),
    };
    Ok((response, group))
}
