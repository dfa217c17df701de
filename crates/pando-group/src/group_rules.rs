//! Rules of the application: those that all members of a group share, and advice to one member.
//!
//! RFC 9420 leaves it to the application who may add, remove or change what (sections 12.1.8 and 12.2). [`GroupRules`] are
//! part of validity: all members and all servers that follow the group must have the same, or a Commit divides them.
//! [`LocalPolicy`] is advice on a Commit that is valid: a member may hold it back or leave the group.

use crate::state::commit_view::{CommitView, StateView};
use crate::{GroupError, Violation};
use pando_tree::TreeError;
use pando_wire::{Proposal, Sender};

/// Rules that all members of a group share.
///
/// An implementation is deterministic in the state of the group: it uses no clock, no list of contacts and no secrets.
pub trait GroupRules: Send + Sync {
    /// Decides whether a proposal that was sent by itself is pending. A proposal that is not admitted is kept, since another
    /// member's Commit may refer to it; but our own Commits leave it out, and it does not keep members from sending
    /// application data. Refuse here what [`GroupRules::check`] refuses of every Commit.
    ///
    /// By default, clients that ask to be added are not admitted: anyone who knows the group's identifier and epoch may ask.
    ///
    /// # Errors
    /// [`RuleError::Refused`] with the reason.
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        let _ = (state, proposal);
        match sender {
            Sender::NewMemberProposal => Err(RuleError::refused("clients may not ask to be added")),
            _ => Ok(()),
        }
    }

    /// Decides whether a Commit is valid, and the creation of a group. Called for Commits that are received and made, by
    /// members and external joiners, and by servers. A Commit that is refused breaks the rule
    /// [`Violation::GroupRules`](crate::Violation::GroupRules).
    ///
    /// By default, everything is allowed.
    ///
    /// # Errors
    /// [`RuleError::Refused`] with the reason.
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let _ = commit;
        Ok(())
    }
}

/// Reason why the rules of a group give no consent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A rule is broken.
    #[error("{0}")]
    Refused(String),
    /// Something of the tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl RuleError {
    /// Returns a refusal.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<RuleError> for GroupError {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::Refused(reason) => Violation::GroupRules(reason).into(),
            RuleError::Tree(error) => error.into(),
        }
    }
}

/// The rules of a group whose application has none: clients that ask to be added are not admitted, and every Commit is valid.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultRules;

impl GroupRules for DefaultRules {}

/// Rules that admit every proposal, also those of clients that ask to be added.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitAll;

impl GroupRules for AdmitAll {
    fn admit(&self, _: StateView<'_>, _: Sender, _: &Proposal) -> Result<(), RuleError> {
        Ok(())
    }
}

/// Judgement of one member on Commits that are valid. Members may differ in it without being divided: the Commit counts for
/// the group whatever they do.
pub trait LocalPolicy {
    /// Advises what to do with a staged Commit. `now` is the time in seconds since 1970.
    ///
    /// # Errors
    /// [`RuleError::Tree`] if something of the tree could not be read.
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError>;
}

/// What a [`LocalPolicy`] advises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Merge the Commit.
    Merge,
    /// Do not merge it yet, for this reason: ask the user, or wait.
    Hold(String),
    /// Do not merge it, and leave the group, for this reason.
    Leave(String),
}
