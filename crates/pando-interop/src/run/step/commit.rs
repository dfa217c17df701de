//! Steps that create, apply and process Commits.

use super::super::agreement::Epoch;
use super::super::failure::Failure;
use super::super::script::{Alone, Commit, Description, FullCommit, HandleCommit};
use super::super::session::{Committed, Output, Session, missing};
use super::{absent, external, join};
use crate::proto;

pub(super) async fn full_commit(session: &mut Session<'_>, step: &FullCommit) -> Result<Output, Failure> {
    let by_reference = session.proposals(&step.by_reference)?;
    let committed = make(
        session,
        &step.actor,
        by_reference.clone(),
        &step.by_value,
        (step.force_path, step.external_tree),
    )
    .await?;
    apply(session, &step.actor, committed.epoch).await?;
    for member in &step.members {
        take(session, member, by_reference.clone(), &committed).await?;
    }
    for joiner in &step.joiners {
        join::welcome(session, joiner, &committed).await?;
    }
    Ok(Output::Commit(committed))
}

pub(super) async fn commit(session: &mut Session<'_>, step: &Commit) -> Result<Output, Failure> {
    let by_reference = session.proposals(&step.by_reference)?;
    let committed =
        make(session, &step.actor, by_reference, &step.by_value, (step.force_path, step.external_tree))
            .await?;
    session.pending.insert(step.actor.clone(), committed.epoch);
    Ok(Output::Commit(committed))
}

pub(super) async fn handle_commit(session: &mut Session<'_>, step: &HandleCommit) -> Result<Output, Failure> {
    let Output::Commit(committed) = session.output(step.commit) else {
        return Err(absent(step.commit, "Commit"));
    };
    let committed = committed.clone();
    let by_reference = session.proposals(&step.by_reference)?;
    take(session, &step.actor, by_reference, &committed).await?;
    Ok(Output::Nothing)
}

pub(super) async fn handle_pending_commit(
    session: &mut Session<'_>,
    step: &Alone,
) -> Result<Output, Failure> {
    let epoch = session.pending.remove(&step.actor).ok_or_else(|| missing(&step.actor, "pending Commit"))?;
    apply(session, &step.actor, epoch).await?;
    Ok(Output::Nothing)
}

/// Makes the actor create a Commit. The two options are whether to force a path, and whether to
/// deliver the ratchet tree outside of the Welcome.
async fn make(
    session: &mut Session<'_>,
    actor: &str,
    by_reference: Vec<Vec<u8>>,
    by_value: &[Description],
    (force_path, external_tree): (bool, bool),
) -> Result<Committed, Failure> {
    let by_value = by_value
        .iter()
        .map(|description| external::description(session, description))
        .collect::<Result<_, _>>()?;
    let request = proto::CommitRequest {
        state_id: session.state(actor)?,
        by_reference,
        by_value,
        force_path,
        external_tree,
    };
    let made = session.commit(actor, request).await?;
    Ok(Committed {
        commit: made.commit,
        welcome: made.welcome,
        ratchet_tree: if external_tree { made.ratchet_tree } else { Vec::new() },
        epoch: session.epochs.begin(),
    })
}

/// Makes the actor apply its own Commit.
async fn apply(session: &mut Session<'_>, actor: &str, epoch: Epoch) -> Result<(), Failure> {
    let request = proto::HandlePendingCommitRequest { state_id: session.state(actor)? };
    let merged = session.handle_pending_commit(actor, request).await?;
    session.arrive_with(actor, merged.state_id, epoch, merged.epoch_authenticator).await
}

/// Makes the actor process a Commit from another member.
async fn take(
    session: &mut Session<'_>,
    actor: &str,
    proposal: Vec<Vec<u8>>,
    committed: &Committed,
) -> Result<(), Failure> {
    let request = proto::HandleCommitRequest {
        state_id: session.state(actor)?,
        proposal,
        commit: committed.commit.clone(),
    };
    let taken = session.handle_commit(actor, request).await?;
    session.pending.remove(actor);
    session.arrive_with(actor, taken.state_id, committed.epoch, taken.epoch_authenticator).await
}
