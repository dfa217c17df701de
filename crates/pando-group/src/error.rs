//! What can go wrong, by whose fault.

use crate::{RowKey, Violation};
use pando_crypto::CryptoError;
use pando_framing::FramingError;
use pando_schedule::ScheduleError;
use pando_tree::{SourceError, TreeError};
use pando_wire::{DecodeError, EncodeError, LeafIndex, PreSharedKeyId, ProposalRef};

/// Why an operation failed. The group is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// Malformed bytes.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A peer broke a rule.
    #[error("{0} (RFC 9420, section {section})", section = .0.section())]
    Violation(#[from] Violation),
    /// A leaf of the ratchet tree breaks a rule. A joiner or a server finds it when it takes the tree.
    #[error("{leaf}: {violation} (RFC 9420, section {section})", section = .violation.section())]
    Leaf {
        /// The leaf in the tree of the GroupInfo.
        leaf: LeafIndex,
        /// The rule that it breaks.
        violation: Violation,
    },
    /// A proposal of a Commit breaks a rule by itself.
    #[error("proposal {index}: {violation} (RFC 9420, section {section})", section = .violation.section())]
    Proposal {
        /// The position of the proposal, from 0: in the Commit that was received, or among the proposals that were given to the
        /// [`CommitBuilder`](crate::CommitBuilder).
        index: usize,
        /// The rule that it breaks.
        violation: Violation,
    },
    /// A message is not properly framed.
    #[error(transparent)]
    Framing(FramingError),
    /// A message belongs to an epoch that the group has not reached yet, or that is past: handshake messages belong to the
    /// current epoch, and of past epochs the keys of [`GroupConfig::past_epochs`](crate::GroupConfig::past_epochs) are kept.
    #[error("the message belongs to epoch {message}, and the group is in epoch {group}")]
    EpochMismatch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// A tree or a path is not right.
    #[error(transparent)]
    Tree(TreeError),
    /// A key is not to be had.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Something is too long.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Something is needed that is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Something is more than this client takes.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// What was stored is not a group: a row is missing or malformed.
    #[error("a stored row is missing or malformed: {0:?}")]
    Stored(RowKey),
    /// Our store could not read a row, a pre-shared key or its list of groups. No peer is to blame; the operation can be
    /// repeated.
    #[error("the store could not be read: {0}")]
    Source(#[from] SourceError),
    /// The caller asked for what cannot be done.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl From<FramingError> for GroupError {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::WrongEpoch { message, group } => Self::EpochMismatch { message, group },
            error => Self::Framing(error),
        }
    }
}

impl From<TreeError> for GroupError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Source(error) => Self::Source(error),
            error => Self::Tree(error),
        }
    }
}

impl GroupError {
    /// Returns the rule that was broken, if a rule was.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) | Self::Leaf { violation, .. } | Self::Proposal { violation, .. } => {
                Some(violation)
            }
            _ => None,
        }
    }

    /// Names the proposal of a Commit that is to blame, if a rule was broken.
    pub(crate) fn in_proposal(self, index: usize) -> Self {
        match self {
            Self::Violation(violation) => Self::Proposal { index, violation },
            other => other,
        }
    }

    /// Counts the proposal that is to blame without the first `skipped` proposals.
    pub(crate) fn behind(self, skipped: usize) -> Self {
        match self {
            Self::Proposal { index, violation } => match index.checked_sub(skipped) {
                Some(index) => Self::Proposal { index, violation },
                None => violation.into(),
            },
            other => other,
        }
    }

    /// Returns whether our store is to blame: it could not be read, or what is stored is damaged.
    #[must_use]
    pub const fn is_storage(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Stored(_) | Self::Tree(TreeError::Stored(_)))
    }

    /// Returns whether the operation has failed for a reason of this client alone, and can be repeated: a stored node or
    /// index entry of the tree could not be read, or a limit was exceeded.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Tree(TreeError::Stored(_)) | Self::Exceeded(_))
    }

    /// Returns whether a Commit was refused for a reason that may change while the epoch lasts: what this client has got, its
    /// rules and its identity policy.
    pub(crate) const fn depends_on_client(&self) -> bool {
        let by_client = matches!(
            self.violation(),
            Some(
                Violation::GroupRules(_)
                    | Violation::Credential(_)
                    | Violation::CredentialSuccession
                    | Violation::ExternalSenderCredential(_)
            )
        );
        by_client || matches!(self, Self::Missing(_))
    }
}

/// What is needed and not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// A pre-shared key.
    #[error("a pre-shared key is not at hand")]
    Psk(PreSharedKeyId),
    /// A proposal that a Commit refers to.
    #[error("a proposal that the Commit refers to is not at hand")]
    Proposal(ProposalRef),
    /// The ratchet tree, which is not in the GroupInfo.
    #[error("the ratchet tree is not in the GroupInfo and was not given")]
    Tree,
    /// The members of a past epoch, of which a group is a branch.
    #[error("epoch {0} is past and forgotten, or to come")]
    Epoch(u64),
    /// The key for external joins, which is not in the GroupInfo.
    #[error("the GroupInfo has no key for external joins")]
    ExternalPub,
    /// The secrets of a Welcome for one of the KeyPackages at hand.
    #[error("the Welcome is for none of the KeyPackages at hand")]
    WelcomeSecrets,
}

/// A limit that this client has set itself: see [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Exceeded {
    /// A message is too large.
    #[error("a message has more than {0} bytes")]
    MessageBytes(usize),
    /// A ratchet tree is too large to join with.
    #[error("a ratchet tree has more than {0} bytes")]
    TreeBytes(usize),
    /// A ratchet tree has too many leaves.
    #[error("a ratchet tree has more than {0} leaves")]
    Leaves(u32),
    /// The identifier of a group to join is too long.
    #[error("the identifier of a group has more than {0} bytes")]
    GroupIdBytes(usize),
    /// Too many proposals are pending.
    #[error("more than {0} proposals are pending")]
    PendingProposals(usize),
    /// The proposals that are pending are too large.
    #[error("the proposals that are pending have more than {0} bytes")]
    PendingProposalBytes(usize),
    /// Too many clients who are no members ask to be added.
    #[error("more than {0} proposals of clients who ask to be added are pending")]
    NewMemberProposals(usize),
    /// Too many proposals that the group's rules do not admit.
    #[error("more than {0} proposals that the group's rules do not admit")]
    ProposalsNotAdmitted(usize),
}

/// What the caller cannot ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The cipher suite is not one that the provider has.
    #[error("the provider does not have this cipher suite")]
    UnsupportedCipherSuite,
    /// A message of a kind that a group does not process.
    #[error("not a message for a group")]
    WrongMessage,
    /// The group has been reinitialized, or this client removed.
    #[error("the group has ended for this client")]
    Ended,
    /// Our external Commit is not known to be accepted.
    #[error("the external Commit is not known to be accepted")]
    JoinPending,
    /// Application data cannot be sent while there are proposals (section 12.4).
    #[error("there are proposals to be committed first")]
    ProposalsPending,
    /// Capabilities list a type that every client supports.
    #[error("the capabilities list a type that every client supports")]
    DefaultCapability,
    /// The capabilities of our leaf, or of a leaf to be added, do not list the group's version and
    /// cipher suite.
    #[error("the capabilities do not list the version and the cipher suite of the group")]
    SuiteNotListed,
    /// `required_capabilities` has a GREASE value, which no client may require (section 13.5).
    #[error("required_capabilities has a GREASE value")]
    GreaseRequired,
    /// A lifetime ends before it begins.
    #[error("the lifetime ends before it begins")]
    NegativeLifetime,
    /// A KeyPackage without a lifetime, made by a client that does not know the time.
    #[error("a lifetime is needed, or a context with the time")]
    TimeNeeded,
    /// A ReInit to a protocol version that this library does not have.
    #[error("the library does not have this protocol version")]
    UnsupportedVersion,
    /// A proposal that was not sent in this epoch.
    #[error("the proposal is not known in this epoch")]
    UnknownProposal(ProposalRef),
    /// A proposal that another member has sent.
    #[error("the proposal is another member's")]
    NotOurProposal(ProposalRef),
    /// A Commit is pending already.
    #[error("a Commit is pending already")]
    CommitPending,
    /// A staged epoch that is not of the group as it is.
    #[error("the staged epoch does not follow the current one")]
    StaleCommit,
    /// A public group has no earlier state to roll back to.
    #[error("there is no earlier state to roll back to")]
    NothingToRollBack,
    /// The signer's key is not the one in the member's leaf.
    #[error("the signer's key is not the member's")]
    WrongSigner,
    /// A group was not reinitialized, or with another cipher suite.
    #[error("the group was not reinitialized, or not with this cipher suite")]
    NotReinitialized,
    /// A Welcome to a group that follows from another.
    #[error("the group follows from another one, which is needed to join it")]
    OldGroupNeeded,
    /// A leaf that is no member.
    #[error("{0} is not a member")]
    NotAMember(LeafIndex),
    /// An Update whose private key the group does not have: it was made for another epoch, or elsewhere.
    #[error("the group does not have the private key of the Update")]
    UpdateWithoutKey,
}
