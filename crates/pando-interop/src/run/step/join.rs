//! Steps that create and join groups.

use super::super::failure::Failure;
use super::super::script::{Alone, CreateGroup, ExternalJoin, JoinGroup};
use super::super::session::{Committed, Output, Session};
use super::absent;
use crate::proto;

pub(super) async fn create_group(session: &mut Session<'_>, step: &CreateGroup) -> Result<Output, Failure> {
    session.group_id = session.fresh_group_id();
    let request = proto::CreateGroupRequest {
        group_id: session.group_id.clone(),
        cipher_suite: session.suite,
        encrypt_handshake: session.encrypt_handshake,
        identity: step.actor.as_bytes().to_vec(),
    };
    let created = session.create_group(&step.actor, request).await?;
    let epoch = session.epochs.begin();
    session.arrive(&step.actor, created.state_id, epoch).await?;
    if step.members.is_empty() {
        return Ok(Output::Nothing);
    }

    let mut by_value = Vec::new();
    for member in &step.members {
        let made = key_package(session, member).await?;
        session.transactions.insert(member.clone(), made.transaction_id);
        by_value.push(proto::ProposalDescription {
            proposal_type: b"add".to_vec(),
            key_package: made.key_package,
            ..Default::default()
        });
    }
    let request =
        proto::CommitRequest { state_id: session.state(&step.actor)?, by_value, ..Default::default() };
    let commit = session.commit(&step.actor, request).await?;
    let epoch = session.epochs.begin();
    let request = proto::HandlePendingCommitRequest { state_id: session.state(&step.actor)? };
    let merged = session.handle_pending_commit(&step.actor, request).await?;
    session.arrive_with(&step.actor, merged.state_id, epoch, merged.epoch_authenticator).await?;
    let committed =
        Committed { commit: commit.commit, welcome: commit.welcome, ratchet_tree: Vec::new(), epoch };
    for member in &step.members {
        welcome(session, member, &committed).await?;
    }
    Ok(Output::Nothing)
}

pub(super) async fn create_key_package(session: &mut Session<'_>, step: &Alone) -> Result<Output, Failure> {
    let made = key_package(session, &step.actor).await?;
    session.transactions.insert(step.actor.clone(), made.transaction_id);
    Ok(Output::KeyPackage(made.key_package))
}

pub(super) async fn join_group(session: &mut Session<'_>, step: &JoinGroup) -> Result<Output, Failure> {
    let Output::Commit(committed) = session.output(step.welcome) else {
        return Err(absent(step.welcome, "Welcome"));
    };
    let committed = committed.clone();
    welcome(session, &step.actor, &committed).await?;
    Ok(Output::Nothing)
}

pub(super) async fn external_join(session: &mut Session<'_>, step: &ExternalJoin) -> Result<Output, Failure> {
    let request =
        proto::GroupInfoRequest { state_id: session.state(&step.actor)?, external_tree: step.external_tree };
    let info = session.group_info(&step.actor, request).await?;
    let mut psks = Vec::new();
    for psk in &step.psks {
        let (psk_id, psk_secret) = session.psk(*psk)?;
        psks.push(proto::PreSharedKey { psk_id, psk_secret });
    }
    let request = proto::ExternalJoinRequest {
        group_info: info.group_info,
        ratchet_tree: info.ratchet_tree,
        encrypt_handshake: session.encrypt_handshake,
        identity: step.joiner.as_bytes().to_vec(),
        remove_prior: step.remove_prior,
        psks,
    };
    let joined = session.external_join(&step.joiner, request).await?;
    let epoch = session.epochs.begin();
    session.arrive_with(&step.joiner, joined.state_id, epoch, joined.epoch_authenticator).await?;
    for member in step.members.iter().chain([&step.actor]) {
        let request = proto::HandleCommitRequest {
            state_id: session.state(member)?,
            proposal: Vec::new(),
            commit: joined.commit.clone(),
        };
        let taken = session.handle_commit(member, request).await?;
        session.arrive_with(member, taken.state_id, epoch, taken.epoch_authenticator).await?;
    }
    Ok(Output::Commit(Committed {
        commit: joined.commit,
        welcome: Vec::new(),
        ratchet_tree: Vec::new(),
        epoch,
    }))
}

/// Makes the actor create a KeyPackage for the cipher suite of the session.
pub(super) async fn key_package(
    session: &mut Session<'_>,
    actor: &str,
) -> Result<proto::CreateKeyPackageResponse, Failure> {
    let request =
        proto::CreateKeyPackageRequest { cipher_suite: session.suite, identity: actor.as_bytes().to_vec() };
    session.create_key_package(actor, request).await
}

/// Makes the actor join by a Welcome.
pub(super) async fn welcome(
    session: &mut Session<'_>,
    actor: &str,
    committed: &Committed,
) -> Result<(), Failure> {
    let request = proto::JoinGroupRequest {
        transaction_id: session.transaction(actor)?,
        welcome: committed.welcome.clone(),
        encrypt_handshake: session.encrypt_handshake,
        identity: actor.as_bytes().to_vec(),
        ratchet_tree: committed.ratchet_tree.clone(),
    };
    let joined = session.join_group(actor, request).await?;
    session.arrive_with(actor, joined.state_id, committed.epoch, joined.epoch_authenticator).await
}
