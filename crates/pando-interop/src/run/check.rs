//! Checks a script before it runs: each reference must lead to an earlier step that creates an
//! object of the right kind, and each actor must be able to perform its steps.
//!
//! The clients decide whether the steps are valid in MLS.

use super::script::{Description, Step};
use std::collections::BTreeSet;

/// Checks all steps. Returns the index of the first wrong step and the reason why it is wrong.
pub(crate) fn check(steps: &[Step]) -> Result<(), (usize, String)> {
    let mut story = Story::default();
    for (index, step) in steps.iter().enumerate() {
        let made = story.take(step).map_err(|error| (index, error))?;
        story.made.push(made);
    }
    Ok(())
}

/// The kind of object that a step creates and that later steps may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Nothing,
    KeyPackage,
    Proposal,
    ReInitProposal,
    Commit,
    /// A Commit that does not add a member by a Welcome.
    ExternalCommit,
    Psk,
    Ciphertext,
}

/// The roles of the actors after the steps that have been checked so far.
#[derive(Default)]
struct Story<'a> {
    made: Vec<Made>,
    all_actors: BTreeSet<&'a str>,
    /// The actors that have a group.
    members: BTreeSet<&'a str>,
    /// The actors that have a KeyPackage.
    joiners: BTreeSet<&'a str>,
    signers: BTreeSet<&'a str>,
    /// The actors that have created a Commit but not applied it yet.
    pending: BTreeSet<&'a str>,
}

impl<'a> Story<'a> {
    fn take(&mut self, step: &'a Step) -> Result<Made, String> {
        self.all_actors.extend(step.actors());
        Ok(match step {
            Step::CreateGroup(step) => {
                distinct(&[&step.actor], &[&step.members])?;
                self.members.insert(&step.actor);
                self.members.extend(step.members.iter().map(String::as_str));
                Made::Nothing
            }
            Step::CreateKeyPackage(step) => {
                self.joiners.insert(&step.actor);
                Made::KeyPackage
            }
            Step::JoinGroup(step) => {
                self.refers(step.welcome, "welcome", &[Made::Commit])?;
                self.joiner(&step.actor)?;
                self.members.insert(&step.actor);
                Made::Nothing
            }
            Step::ExternalJoin(step) => {
                distinct(&[&step.actor, &step.joiner], &[&step.members])?;
                self.member(&step.actor)?;
                self.all_members(&step.members)?;
                for psk in &step.psks {
                    self.refers(*psk, "psks", &[Made::Psk])?;
                }
                self.members.insert(&step.joiner);
                Made::ExternalCommit
            }
            Step::InstallExternalPsk(step) => {
                distinct(&[], &[&step.clients])?;
                for client in &step.clients {
                    if !self.members.contains(client.as_str()) && !self.joiners.contains(client.as_str()) {
                        return Err(format!("{client} has neither a group nor a KeyPackage"));
                    }
                }
                Made::Psk
            }
            Step::GroupInfo(step) => self.member(&step.actor).map(|()| Made::Nothing)?,
            Step::AddProposal(step) => {
                self.refers(step.key_package, "keyPackage", &[Made::KeyPackage])?;
                self.member(&step.actor).map(|()| Made::Proposal)?
            }
            Step::UpdateProposal(step) => self.member(&step.actor).map(|()| Made::Proposal)?,
            Step::RemoveProposal(step) => {
                self.known(&step.removed)?;
                self.member(&step.actor).map(|()| Made::Proposal)?
            }
            Step::ExternalPskProposal(step) => {
                self.refers(step.psk, "pskID", &[Made::Psk])?;
                self.member(&step.actor).map(|()| Made::Proposal)?
            }
            Step::ResumptionPskProposal(step) => self.member(&step.actor).map(|()| Made::Proposal)?,
            Step::GroupContextExtensionsProposal(step) => {
                self.member(&step.actor).map(|()| Made::Proposal)?
            }
            Step::FullCommit(step) => {
                distinct(&[&step.actor], &[&step.members, &step.joiners])?;
                self.commit(&step.actor, &step.by_reference, &step.by_value)?;
                self.all_members(&step.members)?;
                for joiner in &step.joiners {
                    self.joiner(joiner)?;
                }
                self.members.extend(step.joiners.iter().map(String::as_str));
                Made::Commit
            }
            Step::Commit(step) => {
                self.commit(&step.actor, &step.by_reference, &step.by_value)?;
                self.pending.insert(&step.actor);
                Made::Commit
            }
            Step::HandleCommit(step) => {
                self.member(&step.actor)?;
                self.refers(step.commit, "commit", &[Made::Commit, Made::ExternalCommit])?;
                self.proposals(&step.by_reference)?;
                Made::Nothing
            }
            Step::HandlePendingCommit(step) => {
                if !self.pending.remove(step.actor.as_str()) {
                    return Err(format!("{} has no pending Commit", step.actor));
                }
                Made::Nothing
            }
            Step::Protect(step) => self.member(&step.actor).map(|()| Made::Ciphertext)?,
            Step::Unprotect(step) => {
                self.refers(step.ciphertext, "ciphertext", &[Made::Ciphertext])?;
                self.member(&step.actor).map(|()| Made::Nothing)?
            }
            Step::ReInit(step) => {
                distinct(&[], &[&step.members])?;
                step.proposer.iter().try_for_each(|proposer| self.member(proposer))?;
                self.member(&step.committer)?;
                self.member(&step.welcomer)?;
                self.all_members(&step.members)?;
                match (&step.proposer, step.external_reinit_proposal) {
                    (Some(_), None) => {}
                    (None, Some(proposal)) => {
                        self.refers(proposal, "externalReinitProposal", &[Made::ReInitProposal])?;
                        if step.change_group_id || step.change_cipher_suite || !step.extensions.is_empty() {
                            return Err(
                                "the proposal of the external signer already says what changes".into()
                            );
                        }
                    }
                    _ => return Err("needs either a proposer or an externalReinitProposal".into()),
                }
                Made::Nothing
            }
            Step::Branch(step) => {
                distinct(&[&step.actor], &[&step.members])?;
                self.member(&step.actor)?;
                self.all_members(&step.members)?;
                Made::Nothing
            }
            Step::NewMemberAddProposal(step) => {
                self.member(&step.actor)?;
                self.joiners.insert(&step.joiner);
                Made::Proposal
            }
            Step::AddExternalSigner(step) => {
                self.member(&step.actor)?;
                self.signers.insert(&step.signer);
                Made::Proposal
            }
            Step::ExternalSignerProposal(step) => {
                if !self.signers.contains(step.actor.as_str()) {
                    return Err(format!("{} is not an external signer", step.actor));
                }
                self.member(&step.member)?;
                self.description(&step.description)?;
                match step.description {
                    Description::ReInit { .. } => Made::ReInitProposal,
                    _ => Made::Proposal,
                }
            }
        })
    }

    fn commit(&self, actor: &str, by_reference: &[usize], by_value: &[Description]) -> Result<(), String> {
        self.member(actor)?;
        self.proposals(by_reference)?;
        for description in by_value {
            self.description(description)?;
            if matches!(description, Description::ReInit { .. }) {
                return Err("a reinit cannot be committed by value; use the action reinit".into());
            }
        }
        Ok(())
    }

    fn description(&self, description: &Description) -> Result<(), String> {
        match description {
            Description::Add { key_package } => self.refers(*key_package, "keyPackage", &[Made::KeyPackage]),
            Description::Remove { removed } => self.known(removed),
            Description::ExternalPsk { psk } => self.refers(*psk, "pskID", &[Made::Psk]),
            Description::ResumptionPsk { .. }
            | Description::GroupContextExtensions { .. }
            | Description::ReInit { .. } => Ok(()),
        }
    }

    fn proposals(&self, references: &[usize]) -> Result<(), String> {
        references.iter().try_for_each(|reference| self.refers(*reference, "byReference", &[Made::Proposal]))
    }

    fn refers(&self, reference: usize, name: &str, kinds: &[Made]) -> Result<(), String> {
        match self.made.get(reference) {
            Some(made) if kinds.contains(made) => Ok(()),
            Some(made) => Err(format!("{name} refers to step {reference}, which makes {}", made.name())),
            None => Err(format!("{name} refers to step {reference}, which is not an earlier step")),
        }
    }

    fn member(&self, actor: &str) -> Result<(), String> {
        if self.members.contains(actor) { Ok(()) } else { Err(format!("{actor} has no group")) }
    }

    fn all_members(&self, actors: &[String]) -> Result<(), String> {
        actors.iter().try_for_each(|actor| self.member(actor))
    }

    fn joiner(&self, actor: &str) -> Result<(), String> {
        if self.joiners.contains(actor) { Ok(()) } else { Err(format!("{actor} has no KeyPackage")) }
    }

    fn known(&self, actor: &str) -> Result<(), String> {
        if self.all_actors.contains(actor) { Ok(()) } else { Err(format!("unknown actor {actor}")) }
    }
}

impl Made {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to refer to",
            Self::KeyPackage => "a KeyPackage",
            Self::Proposal => "a proposal",
            Self::ReInitProposal => "a ReInit proposal",
            Self::Commit => "a Commit",
            Self::ExternalCommit => "an external Commit",
            Self::Psk => "a PSK",
            Self::Ciphertext => "a ciphertext",
        }
    }
}

/// Returns an error if an actor is named more than once in a step in which each actor has only one
/// role.
fn distinct(actors: &[&str], lists: &[&[String]]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let all = actors.iter().copied().chain(lists.iter().copied().flatten().map(String::as_str));
    for actor in all {
        if !seen.insert(actor) {
            return Err(format!("{actor} is named twice"));
        }
    }
    Ok(())
}
