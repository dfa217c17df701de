//! Violations of a group's policy.

use super::content::PolicyError;
use crate::certificate::CertificateError;
use pando_mls::{LeafIndex, ProposalType, RuleError};

/// The rule of a group's policy that a proposal, a Commit or the creation of a group violates. The
/// texts name no user, because they may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyViolation {
    /// The group has no valid policy, so no Commit is valid.
    #[error("policy of the group: {0}")]
    NoPolicy(PolicyError),
    /// Rule 1: the credential of a leaf is not a device certificate.
    #[error("credential of a new leaf: {0}")]
    Certificate(#[from] CertificateError),
    /// Rule 1: a Commit removes a client and adds it with an earlier or another certificate of the
    /// same version.
    #[error("certificate of a client that is removed and added does not have a higher version")]
    Succession,
    /// The sender is not a member with a device certificate.
    #[error("sender at {0} has no device certificate")]
    Sender(LeafIndex),
    /// Rule 2: the sender may add only clients of its own user.
    #[error("only admins may add clients of other users")]
    Add,
    /// Rule 3: the sender may remove only clients of its own user.
    #[error("only admins may remove clients of other users")]
    Remove,
    /// Rule 5: the sender may not replace the extensions.
    #[error("only admins may replace the extensions")]
    Extensions,
    /// Rules 5 and 6: the external senders must stay the same.
    #[error("external_senders may not change")]
    ExternalSenders,
    /// Rules 5 and 6: the new extensions have no valid policy.
    #[error("policy in the new extensions: {0}")]
    NewPolicy(PolicyError),
    /// Rule 6: the sender may not end the group.
    #[error("only admins may reinitialize the group")]
    ReInit,
    /// Rule 7: the client may not join by an external Commit.
    #[error("the policy does not allow this client to join by an external Commit")]
    ExternalCommit,
    /// Rule 7: an external Commit removes a leaf of another client.
    #[error("an external Commit may remove only the joiner's former leaf")]
    ExternalRemove,
    /// Rule 8: proposals of this type are not allowed.
    #[error("proposals of the type {0} are not allowed")]
    ProposalType(ProposalType),
    /// Rule 8: proposals of this type are not allowed from a sender that is not a member.
    #[error("proposals of the type {0} are not allowed from outside of the group")]
    Outsider(ProposalType),
    /// Rule 9: afterwards, no client of an admin would be a member.
    #[error("no client of an admin would be a member")]
    LastAdmin,
    /// Rule 10: the creator of the group is not an admin.
    #[error("the creator of the group is not an admin")]
    Creator,
}

impl From<PolicyViolation> for RuleError {
    fn from(violation: PolicyViolation) -> Self {
        Self::refused(violation.to_string())
    }
}
