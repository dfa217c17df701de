//! Steps with external proposals (RFC 9420, section 12.1.8), and the conversion of proposal
//! descriptions to requests.

use super::super::failure::Failure;
use super::super::script::{
    AddExternalSigner, Description, Extension, ExternalSignerProposal, NewMemberAddProposal,
};
use super::super::session::{Output, Session, missing};
use crate::proto;

pub(super) async fn new_member_add_proposal(
    session: &mut Session<'_>,
    step: &NewMemberAddProposal,
) -> Result<Output, Failure> {
    let request = proto::GroupInfoRequest { state_id: session.state(&step.actor)?, external_tree: false };
    let info = session.group_info(&step.actor, request).await?;
    let request = proto::NewMemberAddProposalRequest {
        group_info: info.group_info,
        identity: step.joiner.as_bytes().to_vec(),
    };
    let made = session.new_member_add_proposal(&step.joiner, request).await?;
    session.transactions.insert(step.joiner.clone(), made.transaction_id);
    Ok(Output::Proposal(made.proposal))
}

pub(super) async fn add_external_signer(
    session: &mut Session<'_>,
    step: &AddExternalSigner,
) -> Result<Output, Failure> {
    let request = proto::CreateExternalSignerRequest {
        cipher_suite: session.suite,
        identity: step.signer.as_bytes().to_vec(),
    };
    let made = session.create_external_signer(&step.signer, request).await?;
    session.signers.insert(step.signer.clone(), made.signer_id);
    let request = proto::AddExternalSignerRequest {
        state_id: session.state(&step.actor)?,
        external_sender: made.external_sender,
    };
    session.add_external_signer(&step.actor, request).await.map(super::proposed)
}

pub(super) async fn external_signer_proposal(
    session: &mut Session<'_>,
    step: &ExternalSignerProposal,
) -> Result<Output, Failure> {
    let signer = session.signers.get(&step.actor).copied();
    let signer_id = signer.ok_or_else(|| missing(&step.actor, "key of an external signer"))?;
    let request = proto::GroupInfoRequest { state_id: session.state(&step.member)?, external_tree: true };
    let info = session.group_info(&step.member, request).await?;
    let description = description(session, &step.description)?;
    let suite = description.cipher_suite;
    let request = proto::ExternalSignerProposalRequest {
        signer_id,
        // The official runner also sends 0. The signer finds its index in the GroupInfo.
        signer_index: 0,
        group_info: info.group_info,
        ratchet_tree: info.ratchet_tree,
        description: Some(description),
    };
    let proposal = session.external_signer_proposal(&step.actor, request).await?.proposal;
    Ok(match step.description {
        Description::ReInit { .. } => Output::ReInitProposal { proposal, suite },
        _ => Output::Proposal(proposal),
    })
}

/// Returns the description of a proposal, including the objects of earlier steps to which it
/// refers.
pub(super) fn description(
    session: &mut Session<'_>,
    description: &Description,
) -> Result<proto::ProposalDescription, Failure> {
    let described = |name: &str| proto::ProposalDescription {
        proposal_type: name.as_bytes().to_vec(),
        ..Default::default()
    };
    Ok(match description {
        Description::Add { key_package } => {
            proto::ProposalDescription { key_package: session.key_package(*key_package)?, ..described("add") }
        }
        Description::Remove { removed } => {
            proto::ProposalDescription { removed_id: removed.as_bytes().to_vec(), ..described("remove") }
        }
        Description::ExternalPsk { psk } => {
            let (psk_id, _) = session.psk(*psk)?;
            proto::ProposalDescription { psk_id, ..described("externalPSK") }
        }
        Description::ResumptionPsk { epoch } => {
            proto::ProposalDescription { epoch_id: *epoch, ..described("resumptionPSK") }
        }
        Description::GroupContextExtensions { extensions } => proto::ProposalDescription {
            extensions: Extension::all(extensions),
            ..described("groupContextExtensions")
        },
        Description::ReInit { change_group_id, change_cipher_suite, extensions } => {
            proto::ProposalDescription {
                group_id: session.next_group_id(*change_group_id),
                cipher_suite: session.next_suite(*change_cipher_suite)?,
                extensions: Extension::all(extensions),
                ..described("reinit")
            }
        }
    })
}
