//! Rules of the application: [`GroupRules`], which all members of a group share, and
//! [`LocalPolicy`], which advises one member.
//!
//! RFC 9420 leaves it to the application to decide which changes each member may make (sections
//! 12.1.8 and 12.2). [`GroupRules`] determine whether a Commit is valid. If the members of a group,
//! and the servers that follow it, do not all use the same rules, a Commit can fork the group.
//! [`LocalPolicy`] advises a member on a valid Commit: the member may hold the Commit back or leave
//! the group.

use crate::state::commit_view::{CommitView, StateView};
use crate::{GroupError, Violation};
use pando_tree::TreeError;
use pando_wire::{Proposal, Sender};

/// Rules that all members of a group share.
///
/// An implementation must decide deterministically from the state of the group, and must not depend
/// on a clock, a contact list or secrets.
pub trait GroupRules: Send + Sync {
    /// Decides whether a standalone proposal becomes pending.
    ///
    /// A proposal that is not admitted is kept, because another member's Commit may refer to it.
    /// Our own Commits leave out such a proposal, and it does not prevent members from sending
    /// application data. This function should refuse the proposals that [`GroupRules::check`] would
    /// refuse in every Commit.
    ///
    /// By default, proposals of clients that ask to be added are not admitted, because any client
    /// that knows the group's identifier and epoch can send them.
    ///
    /// # Errors
    /// [`RuleError::Refused`] with the reason for the refusal.
    fn admit(&self, state: StateView<'_>, sender: Sender, proposal: &Proposal) -> Result<(), RuleError> {
        let _ = (state, proposal);
        match sender {
            Sender::NewMemberProposal => Err(RuleError::refused("clients may not ask to be added")),
            _ => Ok(()),
        }
    }

    /// Decides whether a Commit, or the creation of a group, is valid.
    ///
    /// Members, external joiners and servers call this function for every Commit that they create
    /// or receive. A refused Commit is reported as
    /// [`Violation::GroupRules`](crate::Violation::GroupRules).
    ///
    /// By default, every Commit is allowed.
    ///
    /// # Errors
    /// [`RuleError::Refused`] with the reason for the refusal.
    fn check(&self, commit: &CommitView<'_>) -> Result<(), RuleError> {
        let _ = commit;
        Ok(())
    }
}

/// The reason why the rules of a group do not allow a proposal or a Commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A rule is violated.
    #[error("{0}")]
    Refused(String),
    /// A tree node could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl RuleError {
    /// Returns a refusal with the given reason.
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

/// The default rules: clients that ask to be added are not admitted, and every Commit is valid.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultRules;

impl GroupRules for DefaultRules {}

/// Rules that admit every proposal, including proposals of clients that ask to be added.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmitAll;

impl GroupRules for AdmitAll {
    fn admit(&self, _: StateView<'_>, _: Sender, _: &Proposal) -> Result<(), RuleError> {
        Ok(())
    }
}

/// A member's own judgement of valid Commits.
///
/// Members may judge differently without forking the group, because the Commit takes effect for the
/// group in any case.
pub trait LocalPolicy {
    /// Advises the member on what to do with a staged Commit. `now` is the time in seconds since
    /// 1970.
    ///
    /// # Errors
    /// [`RuleError::Tree`] if a tree node could not be read.
    fn advise(&self, commit: &CommitView<'_>, now: Option<u64>) -> Result<Advice, RuleError>;
}

/// Advice of a [`LocalPolicy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Merge the Commit.
    Merge,
    /// Do not merge the Commit yet, for the given reason. For example, the user should be asked
    /// first.
    Hold(String),
    /// Leave the group without merging the Commit, for the given reason.
    Leave(String),
}
