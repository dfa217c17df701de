//! Steps that do not change the epoch, which concern application messages, pre-shared keys and
//! GroupInfos.

use super::super::failure::Failure;
use super::super::script::{GroupInfo, InstallExternalPsk, Protect, Unprotect};
use super::super::session::{Output, Session};
use super::absent;
use crate::proto;

pub(super) async fn protect(session: &mut Session<'_>, step: &Protect) -> Result<Output, Failure> {
    let authenticated_data = step.authenticated_data.as_bytes().to_vec();
    let plaintext = step.plaintext.as_bytes().to_vec();
    let request = proto::ProtectRequest {
        state_id: session.state(&step.actor)?,
        authenticated_data: authenticated_data.clone(),
        plaintext: plaintext.clone(),
    };
    let ciphertext = session.protect(&step.actor, request).await?.ciphertext;
    Ok(Output::Ciphertext { authenticated_data, plaintext, ciphertext })
}

pub(super) async fn unprotect(session: &mut Session<'_>, step: &Unprotect) -> Result<Output, Failure> {
    let state_id = session.state(&step.actor)?;
    let Output::Ciphertext { authenticated_data, plaintext, ciphertext } = session.output(step.ciphertext)
    else {
        return Err(absent(step.ciphertext, "ciphertext"));
    };
    let expected = proto::UnprotectResponse {
        authenticated_data: authenticated_data.clone(),
        plaintext: plaintext.clone(),
    };
    let request = proto::UnprotectRequest { state_id, ciphertext: ciphertext.clone() };
    let found = session.unprotect(&step.actor, request).await?;
    let wrong = |what| Failure::Wrong { actor: step.actor.clone(), what };
    if found.authenticated_data != expected.authenticated_data {
        return Err(wrong("authenticated data"));
    }
    if found.plaintext != expected.plaintext {
        return Err(wrong("plaintext"));
    }
    Ok(Output::Nothing)
}

pub(super) async fn install_external_psk(
    session: &mut Session<'_>,
    step: &InstallExternalPsk,
) -> Result<Output, Failure> {
    let (id, secret) = (session.fresh_bytes().to_vec(), session.fresh_bytes().to_vec());
    for client in &step.clients {
        let number = session.state(client).or_else(|_| session.transaction(client))?;
        let request = proto::StorePskRequest {
            state_or_transaction_id: number,
            psk_id: id.clone(),
            psk_secret: secret.clone(),
        };
        session.store_psk(client, request).await?;
    }
    Ok(Output::Psk { id, secret })
}

pub(super) async fn group_info(session: &mut Session<'_>, step: &GroupInfo) -> Result<Output, Failure> {
    let state_id = session.state(&step.actor)?;
    let request = proto::GroupInfoRequest { state_id, external_tree: step.external_tree };
    let info = session.group_info(&step.actor, request).await?;
    let wrong = |what| Failure::Wrong { actor: step.actor.clone(), what };
    if info.group_info.is_empty() {
        return Err(wrong("GroupInfo: it is empty"));
    }
    if step.external_tree && info.ratchet_tree.is_empty() {
        return Err(wrong("ratchet tree: it is empty"));
    }
    Ok(Output::Nothing)
}
