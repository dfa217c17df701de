//! Errors of group operations, distinguished by the party at fault.

use crate::{RowKey, Violation};
use pando_crypto::CryptoError;
use pando_framing::FramingError;
use pando_schedule::ScheduleError;
use pando_tree::{SourceError, TreeError};
use pando_wire::{DecodeError, EncodeError, LeafIndex, PreSharedKeyId, ProposalRef};

/// The reason why an operation failed. The group is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// Received bytes are malformed.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A peer violated a rule.
    #[error("{0} (RFC 9420, section {section})", section = .0.section())]
    Violation(#[from] Violation),
    /// A leaf of the ratchet tree violates a rule. A joiner or a server detects this violation when
    /// it imports the tree.
    #[error("{leaf}: {violation} (RFC 9420, section {section})", section = .violation.section())]
    Leaf {
        /// The index of the leaf in the tree of the GroupInfo.
        leaf: LeafIndex,
        /// The violated rule.
        violation: Violation,
    },
    /// A single proposal of a Commit violates a rule.
    #[error("proposal {index}: {violation} (RFC 9420, section {section})", section = .violation.section())]
    Proposal {
        /// The zero-based position of the proposal in the received Commit, or among the proposals
        /// passed to the [`CommitBuilder`](crate::CommitBuilder).
        index: usize,
        /// The violated rule.
        violation: Violation,
    },
    /// A message is framed incorrectly.
    #[error(transparent)]
    Framing(FramingError),
    /// A message belongs to an epoch that the group has not reached yet, or to a past epoch.
    ///
    /// Handshake messages must belong to the current epoch. For application messages, the keys of
    /// the last [`GroupConfig::past_epochs`](crate::GroupConfig::past_epochs) epochs are kept.
    #[error("the message belongs to epoch {message}, and the group is in epoch {group}")]
    EpochMismatch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// A tree or an update path is invalid.
    #[error(transparent)]
    Tree(TreeError),
    /// The key schedule failed, or the GroupInfo of a Welcome could not be decrypted.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A field is too long to encode.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An input that the operation needs is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A limit of this client is exceeded.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// A stored group is damaged: a row is missing or malformed.
    #[error("a stored row is missing or malformed: {0:?}")]
    Stored(RowKey),
    /// Our store failed to read a row, a pre-shared key or its list of groups. No peer is at fault,
    /// and the operation can be repeated.
    #[error("the store could not be read: {0}")]
    Source(#[from] SourceError),
    /// The caller requested an operation that is not possible.
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
    /// Returns the violated rule, if a rule was violated.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) | Self::Leaf { violation, .. } | Self::Proposal { violation, .. } => {
                Some(violation)
            }
            _ => None,
        }
    }

    /// Attributes a violation to the proposal at `index` of a Commit.
    pub(crate) fn in_proposal(self, index: usize) -> Self {
        match self {
            Self::Violation(violation) => Self::Proposal { index, violation },
            other => other,
        }
    }

    /// Renumbers the proposal at fault so that the first `skipped` proposals are not counted.
    pub(crate) fn behind(self, skipped: usize) -> Self {
        match self {
            Self::Proposal { index, violation } => match index.checked_sub(skipped) {
                Some(index) => Self::Proposal { index, violation },
                None => violation.into(),
            },
            other => other,
        }
    }

    /// Returns whether our store is at fault: a read failed, or the stored data is damaged.
    #[must_use]
    pub const fn is_storage(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Stored(_) | Self::Tree(TreeError::Stored(_)))
    }

    /// Returns whether the operation failed for a local reason and can be repeated. A local reason
    /// is that a stored node or index entry of the tree could not be read, or that a limit of this
    /// client was exceeded.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Tree(TreeError::Stored(_)) | Self::Exceeded(_))
    }

    /// Returns whether a Commit was rejected for a reason that may change during the epoch. Such
    /// reasons are this client's proposals, PSKs, rules and identity policy.
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

/// A required input that is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// A pre-shared key that neither the group nor the PSK store contains.
    #[error("a pre-shared key is missing")]
    Psk(PreSharedKeyId),
    /// A proposal to which a Commit refers.
    #[error("a proposal that the Commit refers to is missing")]
    Proposal(ProposalRef),
    /// The ratchet tree, which the GroupInfo does not contain.
    #[error("the ratchet tree is not in the GroupInfo and was not given")]
    Tree,
    /// The members of the past epoch from which a group was branched.
    #[error("the members of epoch {0} are not known: forgotten or not yet reached")]
    Epoch(u64),
    /// The key for external joins, which the GroupInfo does not contain.
    #[error("the GroupInfo has no key for external joins")]
    ExternalPub,
    /// The secrets in a Welcome for one of the client's KeyPackages.
    #[error("the Welcome has no secrets for our KeyPackages")]
    WelcomeSecrets,
}

/// A limit of this client that is exceeded (see [`Limits`](crate::Limits)).
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
    /// Too many proposals are pending in one epoch.
    #[error("more than {0} proposals are pending")]
    PendingProposals(usize),
    /// The pending proposals are too large.
    #[error("the pending proposals have more than {0} bytes")]
    PendingProposalBytes(usize),
    /// Too many proposals of non-members that ask to be added are pending.
    #[error("more than {0} proposals of clients who ask to be added are pending")]
    NewMemberProposals(usize),
    /// The number of kept proposals that the group's rules do not admit is too large.
    #[error("more than {0} proposals are kept that the group's rules do not admit")]
    ProposalsNotAdmitted(usize),
}

/// A request of the caller that is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The cryptographic provider does not support the cipher suite.
    #[error("the provider does not support this cipher suite")]
    UnsupportedCipherSuite,
    /// The message is of a kind that a group does not process.
    #[error("not a message for a group")]
    WrongMessage,
    /// The group has been reinitialized, or this client has been removed from it.
    #[error("the group has ended for this client")]
    Ended,
    /// Our external Commit is not yet known to have been accepted.
    #[error("the external Commit is not known to be accepted")]
    JoinPending,
    /// Application data cannot be sent while proposals are pending (section 12.4).
    #[error("pending proposals must be committed first (RFC 9420, section 12.4)")]
    ProposalsPending,
    /// The capabilities list a type that every client supports by default.
    #[error("the capabilities list a type that every client supports")]
    DefaultCapability,
    /// The capabilities of our leaf, or of a leaf to be added, do not list the group's version and
    /// cipher suite.
    #[error("the capabilities do not list the version and the cipher suite of the group")]
    SuiteNotListed,
    /// `required_capabilities` contains a GREASE value, which no client may require (section 13.5).
    #[error("required_capabilities has a GREASE value (RFC 9420, section 13.5)")]
    GreaseRequired,
    /// A lifetime ends before it begins.
    #[error("the lifetime ends before it begins")]
    NegativeLifetime,
    /// A client without a clock did not set the lifetime of a KeyPackage.
    #[error("a lifetime is needed, or a context with the time")]
    TimeNeeded,
    /// A ReInit names a protocol version that this library does not support.
    #[error("the protocol version is not supported")]
    UnsupportedVersion,
    /// The proposal was not sent in this epoch.
    #[error("the proposal is not known in this epoch")]
    UnknownProposal(ProposalRef),
    /// The proposal was sent by another member.
    #[error("the proposal was sent by another member")]
    NotOurProposal(ProposalRef),
    /// A Commit is already pending.
    #[error("a Commit is already pending")]
    CommitPending,
    /// No Commit of ours is pending: none was made in this epoch, or it was already merged, or
    /// dropped. Merging another member's Commit drops ours.
    #[error("no Commit of ours is pending: none was made, or it was already merged or dropped")]
    NoPendingCommit,
    /// The staged epoch does not follow the current epoch of this group.
    #[error("the staged epoch does not follow the current one")]
    StaleCommit,
    /// A public group has no earlier state to roll back to.
    #[error("there is no earlier state to roll back to")]
    NothingToRollBack,
    /// The signer's key is not the signature key in our leaf.
    #[error("the signer's key does not match our leaf")]
    WrongSigner,
    /// The group was not reinitialized, or was reinitialized with another cipher suite.
    #[error("the group was not reinitialized, or not with this cipher suite")]
    NotReinitialized,
    /// The Welcome is for the successor of another group, and joining requires that other group.
    #[error("the group is a successor of another one, which is needed to join it")]
    OldGroupNeeded,
    /// The leaf does not belong to a member.
    #[error("{0} is not a member")]
    NotAMember(LeafIndex),
    /// The group does not have the private key of an Update, because it did not create that Update
    /// in the current epoch.
    #[error("the group does not have the private key of the Update")]
    UpdateWithoutKey,
}
