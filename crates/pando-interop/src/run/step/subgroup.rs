//! Steps that reinitialize or branch a group (RFC 9420, sections 11.2 and 11.3).

use super::super::failure::Failure;
use super::super::script::{Branch, Extension, ReInit};
use super::super::session::{Output, Session, missing};
use super::{absent, join};
use crate::proto;
use std::collections::BTreeMap;

/// Runs a reinitialization. The script names the actors that create the proposal, the Commit and
/// the Welcome.
pub(super) async fn reinit(session: &mut Session<'_>, step: &ReInit) -> Result<Output, Failure> {
    let mut all_actors: Vec<&String> = Vec::new();
    let named = [&step.committer, &step.welcomer].into_iter().chain(&step.proposer).chain(&step.members);
    for actor in named {
        if !all_actors.contains(&actor) {
            all_actors.push(actor);
        }
    }

    let (proposal, suite) = propose(session, step).await?;
    let mut reinits = Vec::new();
    let mut olds = Vec::new();

    let request = proto::CommitRequest {
        state_id: session.state(&step.committer)?,
        by_reference: vec![proposal.clone()],
        ..Default::default()
    };
    let commit = session.re_init_commit(&step.committer, request).await?.commit;
    let last = session.epochs.begin();
    for member in &all_actors {
        let state_id = session.state(member)?;
        olds.push((*member, state_id));
        let ended = if *member == &step.committer {
            let request = proto::HandlePendingCommitRequest { state_id };
            session.handle_pending_re_init_commit(member, request).await?
        } else {
            let request = proto::HandleCommitRequest {
                state_id,
                proposal: vec![proposal.clone()],
                commit: commit.clone(),
            };
            session.handle_re_init_commit(member, request).await?
        };
        session.epochs.authenticator(last, member, ended.epoch_authenticator)?;
        reinits.push((*member, ended.reinit_id, ended.key_package));
    }

    let ids: BTreeMap<&String, u32> = reinits.iter().map(|(member, id, _)| (*member, *id)).collect();
    let reinit_id = |member: &String| ids.get(member).copied().ok_or_else(|| missing(member, "ReInit"));
    let key_packages =
        reinits.iter().filter(|(member, ..)| *member != &step.welcomer).map(|(.., key)| key.clone());
    let request = proto::ReInitWelcomeRequest {
        reinit_id: reinit_id(&step.welcomer)?,
        key_package: key_packages.collect(),
        force_path: step.force_path,
        external_tree: step.external_tree,
    };
    let created = session.re_init_welcome(&step.welcomer, request).await?;
    session.suite = suite;
    let first = session.epochs.begin();
    session.arrive_with(&step.welcomer, created.state_id, first, created.epoch_authenticator).await?;
    let ratchet_tree = if step.external_tree { created.ratchet_tree } else { Vec::new() };
    for member in all_actors.iter().filter(|member| **member != &step.welcomer) {
        let request = proto::HandleReInitWelcomeRequest {
            reinit_id: reinit_id(member)?,
            welcome: created.welcome.clone(),
            ratchet_tree: ratchet_tree.clone(),
        };
        let joined = session.handle_re_init_welcome(member, request).await?;
        session.arrive_with(member, joined.state_id, first, joined.epoch_authenticator).await?;
    }
    for (member, old) in olds {
        session.forget(member, old).await?;
    }
    Ok(Output::Nothing)
}

/// Returns the proposal and the cipher suite of the new group. The proposal is created now, unless
/// an external signer created it in an earlier step.
async fn propose(session: &mut Session<'_>, step: &ReInit) -> Result<(Vec<u8>, u32), Failure> {
    if let Some(earlier) = step.external_reinit_proposal {
        return match session.output(earlier) {
            Output::ReInitProposal { proposal, suite } => Ok((proposal.clone(), *suite)),
            _ => Err(absent(earlier, "ReInit proposal")),
        };
    }
    let proposer = step.proposer.as_ref().ok_or_else(|| missing(&step.committer, "ReInit proposal"))?;
    let suite = session.next_suite(step.change_cipher_suite)?;
    let request = proto::ReInitProposalRequest {
        state_id: session.state(proposer)?,
        cipher_suite: suite,
        group_id: session.next_group_id(step.change_group_id),
        extensions: Extension::all(&step.extensions),
    };
    Ok((session.re_init_proposal(proposer, request).await?.proposal, suite))
}

/// Creates a branch. From then on, the members have only the states of the branch, because a script
/// can refer to only one group.
pub(super) async fn branch(session: &mut Session<'_>, step: &Branch) -> Result<Output, Failure> {
    let mut key_packages = Vec::new();
    let mut transactions = Vec::new();
    for member in &step.members {
        let made = join::key_package(session, member).await?;
        key_packages.push(made.key_package);
        transactions.push(made.transaction_id);
    }
    let old = session.state(&step.actor)?;
    session.group_id = session.fresh_group_id();
    let request = proto::CreateBranchRequest {
        state_id: old,
        group_id: session.group_id.clone(),
        extensions: Extension::all(&step.extensions),
        key_packages,
        force_path: step.force_path,
        external_tree: step.external_tree,
    };
    let created = session.create_branch(&step.actor, request).await?;
    let epoch = session.epochs.begin();
    session.arrive_with(&step.actor, created.state_id, epoch, created.epoch_authenticator).await?;
    let ratchet_tree = if step.external_tree { created.ratchet_tree } else { Vec::new() };
    let mut olds = vec![(&step.actor, old)];
    for (member, transaction_id) in step.members.iter().zip(transactions) {
        let state_id = session.state(member)?;
        let request = proto::HandleBranchRequest {
            state_id,
            transaction_id,
            welcome: created.welcome.clone(),
            ratchet_tree: ratchet_tree.clone(),
        };
        let joined = session.handle_branch(member, request).await?;
        session.arrive_with(member, joined.state_id, epoch, joined.epoch_authenticator).await?;
        olds.push((member, state_id));
    }
    for (member, old) in olds {
        session.forget(member, old).await?;
    }
    Ok(Output::Nothing)
}
