//! Proposals from outside of a group, either from a client that asks to be added or from an
//! external sender of the group.

use super::clients::{Clients, Joiner};
use super::decode::{encode, group_info, optional, suite};
use super::failure::{Failure, Outcome};
use super::groups::public_state;
use super::played_client::{PlayedClient, Published};
use super::proposals::described;
use crate::proto::{
    CreateExternalSignerRequest, CreateExternalSignerResponse, ExternalSignerProposalRequest,
    NewMemberAddProposalRequest, NewMemberAddProposalResponse, ProposalResponse,
};
use pando_mls::wire::ExternalSender;
use pando_mls::{Encode, propose_as_external_sender, propose_own_add};

impl Clients {
    pub(super) fn new_member_add_proposal(
        &mut self,
        request: NewMemberAddProposalRequest,
    ) -> Outcome<NewMemberAddProposalResponse> {
        let context = group_info(&request.group_info)?.group_context;
        let suite = suite(context.cipher_suite.0.into())?;
        let (client, key) = PlayedClient::new(suite, request.identity, &mut self.rng)?;
        let bundle = client.key_package(&mut self.rng)?;
        let Published { init_priv, encryption_priv, .. } = Published::new(&bundle)?;
        let message = propose_own_add(&context, bundle.key_package.clone(), &client.cx())?;
        Ok(NewMemberAddProposalResponse {
            transaction_id: self.table.add_joiner(Joiner { client, bundle })?,
            proposal: encode(message)?,
            init_priv,
            encryption_priv,
            signature_priv: key.expose().to_vec(),
        })
    }

    pub(super) fn create_external_signer(
        &mut self,
        request: CreateExternalSignerRequest,
    ) -> Outcome<CreateExternalSignerResponse> {
        let CreateExternalSignerRequest { cipher_suite, identity } = request;
        let (client, _) = PlayedClient::new(suite(cipher_suite)?, identity, &mut self.rng)?;
        let signature_key = client.signer.public_key().clone();
        let sender = ExternalSender { signature_key, credential: client.credential() };
        let external_sender = sender.encode()?;
        Ok(CreateExternalSignerResponse { signer_id: self.table.add_signer(client)?, external_sender })
    }

    /// Creates a proposal from an external signer. The index in the request is ignored, because the
    /// runner sends 0 for every signer. The signer is identified in the group by its key.
    pub(super) fn external_signer_proposal(
        &mut self,
        request: ExternalSignerProposalRequest,
    ) -> Outcome<ProposalResponse> {
        let client = self.table.signer(request.signer_id)?;
        let (group_info, tree) = (group_info(&request.group_info)?, optional(&request.ratchet_tree));
        let group = public_state(client.suite, &group_info, tree, &client.cx())?;
        let description = request.description.ok_or_else(|| Failure::argument("no description"))?;
        let proposal = described(description, &group, &mut self.rng)?;
        let message = propose_as_external_sender(group.context(), proposal, &client.cx())?;
        Ok(ProposalResponse { proposal: encode(message)? })
    }
}
