//! The actions of the steps. The steps make their calls in the same order as the official runner.

mod commit;
mod external;
mod join;
mod message;
mod subgroup;

use super::failure::Failure;
use super::script::{Extension, Step};
use super::session::{Output, Session, missing};
use crate::proto;

/// Runs a step. Returns its output, to which later steps may refer.
pub(super) async fn run(session: &mut Session<'_>, step: &Step) -> Result<Output, Failure> {
    match step {
        Step::CreateGroup(step) => join::create_group(session, step).await,
        Step::CreateKeyPackage(step) => join::create_key_package(session, step).await,
        Step::JoinGroup(step) => join::join_group(session, step).await,
        Step::ExternalJoin(step) => join::external_join(session, step).await,
        Step::InstallExternalPsk(step) => message::install_external_psk(session, step).await,
        Step::GroupInfo(step) => message::group_info(session, step).await,
        Step::Protect(step) => message::protect(session, step).await,
        Step::Unprotect(step) => message::unprotect(session, step).await,
        Step::AddProposal(step) => {
            let key_package = session.key_package(step.key_package)?;
            let request = proto::AddProposalRequest { state_id: session.state(&step.actor)?, key_package };
            session.add_proposal(&step.actor, request).await.map(proposed)
        }
        Step::UpdateProposal(step) => {
            let request = proto::UpdateProposalRequest { state_id: session.state(&step.actor)? };
            session.update_proposal(&step.actor, request).await.map(proposed)
        }
        Step::RemoveProposal(step) => {
            let removed_id = step.removed.as_bytes().to_vec();
            let request = proto::RemoveProposalRequest { state_id: session.state(&step.actor)?, removed_id };
            session.remove_proposal(&step.actor, request).await.map(proposed)
        }
        Step::ExternalPskProposal(step) => {
            let (psk_id, _) = session.psk(step.psk)?;
            let request = proto::ExternalPskProposalRequest { state_id: session.state(&step.actor)?, psk_id };
            session.external_psk_proposal(&step.actor, request).await.map(proposed)
        }
        Step::ResumptionPskProposal(step) => {
            let state_id = session.state(&step.actor)?;
            let request = proto::ResumptionPskProposalRequest { state_id, epoch_id: step.epoch };
            session.resumption_psk_proposal(&step.actor, request).await.map(proposed)
        }
        Step::GroupContextExtensionsProposal(step) => {
            let request = proto::GroupContextExtensionsProposalRequest {
                state_id: session.state(&step.actor)?,
                extensions: Extension::all(&step.extensions),
            };
            session.group_context_extensions_proposal(&step.actor, request).await.map(proposed)
        }
        Step::FullCommit(step) => commit::full_commit(session, step).await,
        Step::Commit(step) => commit::commit(session, step).await,
        Step::HandleCommit(step) => commit::handle_commit(session, step).await,
        Step::HandlePendingCommit(step) => commit::handle_pending_commit(session, step).await,
        Step::ReInit(step) => subgroup::reinit(session, step).await,
        Step::Branch(step) => subgroup::branch(session, step).await,
        Step::NewMemberAddProposal(step) => external::new_member_add_proposal(session, step).await,
        Step::AddExternalSigner(step) => external::add_external_signer(session, step).await,
        Step::ExternalSignerProposal(step) => external::external_signer_proposal(session, step).await,
    }
}

fn proposed(response: proto::ProposalResponse) -> Output {
    Output::Proposal(response.proposal)
}

/// Access to the objects of earlier steps. The objects exist because the script was checked before
/// the run.
impl Session<'_> {
    fn output(&self, step: usize) -> &Output {
        self.outputs.get(step).unwrap_or(&Output::Nothing)
    }

    fn key_package(&self, step: usize) -> Result<Vec<u8>, Failure> {
        match self.output(step) {
            Output::KeyPackage(key_package) => Ok(key_package.clone()),
            _ => Err(absent(step, "KeyPackage")),
        }
    }

    fn proposal(&self, step: usize) -> Result<Vec<u8>, Failure> {
        match self.output(step) {
            Output::Proposal(proposal) => Ok(proposal.clone()),
            _ => Err(absent(step, "proposal")),
        }
    }

    fn proposals(&self, steps: &[usize]) -> Result<Vec<Vec<u8>>, Failure> {
        steps.iter().map(|step| self.proposal(*step)).collect()
    }

    fn psk(&self, step: usize) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        match self.output(step) {
            Output::Psk { id, secret } => Ok((id.clone(), secret.clone())),
            _ => Err(absent(step, "PSK")),
        }
    }
}

fn absent(step: usize, what: &'static str) -> Failure {
    missing(&format!("step {step}"), what)
}
