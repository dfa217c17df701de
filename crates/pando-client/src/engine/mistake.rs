//! Mistakes that the engine makes if a test asks for them.
//!
//! Each mistake is one that clients of other systems have made (docs/simulation.md). A test shows
//! that the simulation finds it. Without the feature `mistakes`, the engine
//! cannot make any.

#![cfg_attr(
    not(feature = "mistakes"),
    allow(unreachable_pub, reason = "the list of mistakes is public with the feature only")
)]

/// A mistake of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mistake {
    /// After a restart, the request that may have been sent is not sent again.
    ForgetsRequest,
    /// Our Commit is merged when it is built.
    MergesBeforePublishing,
    /// Our Commit is merged when its receipt arrives, and not when the log says so.
    MergesByReceipt,
    /// A second Commit is built while the outcome of the first one is unknown.
    BuildsTwoCommits,
    /// Our Commit in the log is processed like one of another member.
    TakesOwnCommitAsForeign,
    /// A request whose outcome is unknown is dropped and built again.
    BuildsUnknownAgain,
    /// After a conflict, the client drops its Commit and joins again.
    RejoinsAfterConflict,
    /// An external Commit that was refused is built again from the same state of the group.
    JoinsFromOldState,
    /// After a restart, reading begins at the end of the log.
    SkipsOnReconnect,
    /// The cursor is stored before the entries are processed.
    AdvancesCursorFirst,
    /// A Commit whose processing has failed is skipped.
    SkipsFailedCommit,
    /// After a failed write, the rows in memory are not loaded again.
    KeepsRowsAfterFailure,
    /// After a failed write, the numbers of calls begin again.
    ReusesCallNumbers,
    /// KeyPackages are uploaded once.
    UploadsKeyPackagesOnce,
    /// The old KeyPackages are deleted before the new ones are uploaded.
    DeletesOldKeyPackages,
    /// A Welcome counts as handled when it is read.
    DropsWelcome,
    /// A leave is requested again after its receipt.
    RepeatsLeave,
    /// The proposals of others are left to others.
    CommitsNoProposals,
    /// A creation is not continued after the group was stored.
    AbandonsCreation,
    /// A message that is encrypted again gets a new identifier.
    RenamesMessage,
    /// A message whose outcome is unknown is encrypted again.
    EncryptsUnknownAgain,
    /// An acknowledgement deletes events that the application has not seen.
    LosesEvents,
    /// After a restart, the numbers of acknowledged events are used again.
    NumbersEventsAnew,
}

#[cfg(feature = "mistakes")]
impl Mistake {
    /// All mistakes.
    pub const ALL: [Self; 23] = [
        Self::ForgetsRequest,
        Self::MergesBeforePublishing,
        Self::MergesByReceipt,
        Self::BuildsTwoCommits,
        Self::TakesOwnCommitAsForeign,
        Self::BuildsUnknownAgain,
        Self::RejoinsAfterConflict,
        Self::JoinsFromOldState,
        Self::SkipsOnReconnect,
        Self::AdvancesCursorFirst,
        Self::SkipsFailedCommit,
        Self::KeepsRowsAfterFailure,
        Self::ReusesCallNumbers,
        Self::UploadsKeyPackagesOnce,
        Self::DeletesOldKeyPackages,
        Self::DropsWelcome,
        Self::RepeatsLeave,
        Self::CommitsNoProposals,
        Self::AbandonsCreation,
        Self::RenamesMessage,
        Self::EncryptsUnknownAgain,
        Self::LosesEvents,
        Self::NumbersEventsAnew,
    ];
}
