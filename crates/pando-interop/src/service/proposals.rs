//! Requests that create proposals of members.

#![expect(clippy::disallowed_methods, reason = "the harness asks for groups in memory")]

use super::clients::Clients;
use super::decode::{encode, extensions, key_package, suite};
use super::failure::{Failure, Outcome};
use super::played_client::member;
use super::state::State;
use crate::proto::{
    AddExternalSignerRequest, AddProposalRequest, ExternalPskProposalRequest,
    GroupContextExtensionsProposalRequest, ProposalDescription, ProposalResponse, ReInitProposalRequest,
    RemoveProposalRequest, ResumptionPskProposalRequest, UpdateProposalRequest,
};
use pando_mls::wire::{
    Add, ExternalSender, ExternalSenders, GroupContextExtensions, PreSharedKey, PreSharedKeyId, Remove,
    ResumptionPskUsage,
};
use pando_mls::{
    CryptoRng, Decode, Extension, Extensions, Proposal, ProtocolVersion, Psk, PublicState, ReInit,
};

impl Clients {
    pub(super) fn add_proposal(&mut self, request: AddProposalRequest) -> Outcome<ProposalResponse> {
        let proposal = add(&request.key_package)?;
        self.propose(request.state_id, |_, _| Ok(proposal))
    }

    pub(super) fn update_proposal(&mut self, request: UpdateProposalRequest) -> Outcome<ProposalResponse> {
        let State { client, group, .. } = self.table.state_mut(request.state_id)?;
        let message = group.propose_update(None, b"", &client.cx(), &mut self.rng)?.assume_persisted();
        Ok(ProposalResponse { proposal: encode(message)? })
    }

    pub(super) fn remove_proposal(&mut self, request: RemoveProposalRequest) -> Outcome<ProposalResponse> {
        self.propose(request.state_id, |group, _| remove(group, &request.removed_id))
    }

    pub(super) fn external_psk_proposal(
        &mut self,
        request: ExternalPskProposalRequest,
    ) -> Outcome<ProposalResponse> {
        self.propose(request.state_id, |group, rng| Ok(external_psk(group, &request.psk_id, rng)))
    }

    pub(super) fn resumption_psk_proposal(
        &mut self,
        request: ResumptionPskProposalRequest,
    ) -> Outcome<ProposalResponse> {
        self.propose(request.state_id, |group, rng| Ok(resumption_psk(group, request.epoch_id, rng)))
    }

    pub(super) fn group_context_extensions_proposal(
        &mut self,
        request: GroupContextExtensionsProposalRequest,
    ) -> Outcome<ProposalResponse> {
        let extensions = extensions(request.extensions)?;
        self.propose(request.state_id, |_, _| Ok(new_extensions(extensions)))
    }

    /// Proposes the group's current extensions with one additional external sender.
    pub(super) fn add_external_signer(
        &mut self,
        request: AddExternalSignerRequest,
    ) -> Outcome<ProposalResponse> {
        let sender = ExternalSender::decode(&request.external_sender)?;
        self.propose(request.state_id, |group, _| {
            let Extensions(mut list) = group.context().extensions.clone();
            let mut senders: ExternalSenders = group.context().extensions.find()?.unwrap_or_default();
            senders.0.push(sender);
            let new = Extension::new(&senders)?;
            match list.iter_mut().find(|extension| extension.extension_type == new.extension_type) {
                Some(old) => *old = new,
                None => list.push(new),
            }
            Ok(new_extensions(Extensions(list)))
        })
    }

    pub(super) fn re_init_proposal(&mut self, request: ReInitProposalRequest) -> Outcome<ProposalResponse> {
        let ReInitProposalRequest { state_id, cipher_suite, group_id, extensions: list } = request;
        let proposal = reinit(group_id, cipher_suite, extensions(list)?)?;
        self.propose(state_id, |_, _| Ok(proposal))
    }

    fn propose(
        &mut self,
        state_id: u32,
        proposal: impl FnOnce(&PublicState, &mut dyn CryptoRng) -> Outcome<Proposal>,
    ) -> Outcome<ProposalResponse> {
        let State { client, group, .. } = self.table.state_mut(state_id)?;
        let proposal = proposal(group.public(), &mut self.rng)?;
        let message = group.propose(proposal, b"", &client.cx(), &mut self.rng)?.assume_persisted();
        Ok(ProposalResponse { proposal: encode(message)? })
    }
}

/// Converts the description of a proposal to a proposal for the given group.
pub(super) fn described(
    description: ProposalDescription,
    group: &PublicState,
    rng: &mut dyn CryptoRng,
) -> Outcome<Proposal> {
    match &*description.proposal_type {
        b"add" => add(&description.key_package),
        b"remove" => remove(group, &description.removed_id),
        b"externalPSK" => Ok(external_psk(group, &description.psk_id, rng)),
        b"resumptionPSK" => Ok(resumption_psk(group, description.epoch_id, rng)),
        b"groupContextExtensions" => Ok(new_extensions(extensions(description.extensions)?)),
        b"reinit" => {
            let extensions = extensions(description.extensions)?;
            reinit(description.group_id, description.cipher_suite, extensions)
        }
        other => Err(Failure::argument(format!("unknown proposal type {}", other.escape_ascii()))),
    }
}

fn add(bytes: &[u8]) -> Outcome<Proposal> {
    Ok(Proposal::Add(Box::new(Add { key_package: key_package(bytes)? })))
}

fn remove(group: &PublicState, identity: &[u8]) -> Outcome<Proposal> {
    Ok(Proposal::Remove(Remove { removed: member(group.tree(), identity)? }))
}

fn external_psk(group: &PublicState, psk_id: &[u8], rng: &mut dyn CryptoRng) -> Proposal {
    psk(group, Psk::External { psk_id: psk_id.into() }, rng)
}

fn resumption_psk(group: &PublicState, psk_epoch: u64, rng: &mut dyn CryptoRng) -> Proposal {
    let psk_group_id = group.context().group_id.clone();
    psk(group, Psk::Resumption { usage: ResumptionPskUsage::Application, psk_group_id, psk_epoch }, rng)
}

fn psk(group: &PublicState, psk: Psk, rng: &mut dyn CryptoRng) -> Proposal {
    let mut nonce = vec![0; group.suite().hash_len()];
    rng.fill_bytes(&mut nonce);
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce: nonce.into() } }))
}

const fn new_extensions(extensions: Extensions) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
}

/// Returns a ReInit proposal. The cipher suite must be one that the successor group can use.
fn reinit(group_id: Vec<u8>, cipher_suite: u32, extensions: Extensions) -> Outcome<Proposal> {
    let (cipher_suite, version) = (suite(cipher_suite)?.cipher_suite(), ProtocolVersion::MLS_10);
    let reinit = ReInit { group_id: group_id.into(), version, cipher_suite, extensions };
    Ok(Proposal::ReInit(Box::new(reinit)))
}
