//! Mistakes that the engine makes if a test asks for them.
//!
//! Each mistake is one that clients of other systems have made (docs/simulation.md). A test shows
//! that the simulation finds it. Without the feature `mistakes`, [`EngineSettings::makes`] is
//! constant, and the engine cannot make any.

#![cfg_attr(
    not(feature = "mistakes"),
    allow(unreachable_pub, reason = "the list of mistakes is public with the feature only")
)]

use super::rows::{GroupStage, Stage};
use super::state::State;
use super::{Engine, EngineError, EngineSettings};
use pando_api::LogCursor;
use pando_mls::GroupId;
use pando_store::Backend;

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

impl EngineSettings {
    /// Returns whether the engine makes a mistake.
    #[cfg(feature = "mistakes")]
    pub(super) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Returns `false`: the engine makes no mistakes.
    #[cfg(not(feature = "mistakes"))]
    pub(super) const fn makes(&self, _: Mistake) -> bool {
        false
    }
}

impl State {
    /// Treats the Commits that may have been sent as accepted ([`Mistake::ForgetsRequest`]).
    pub(super) fn forget_requests(&mut self) {
        let sent = self.operations.iter().filter(|(_, row)| matches!(row.stage, Stage::Committing(_)));
        let sent: Vec<_> = sent.map(|(number, _)| number).collect();
        for number in sent {
            if let Some(row) = self.operations.get_mut(number) {
                row.stage = Stage::Accepted;
            }
        }
    }

    /// Lets the entries of all groups have no effects, or only those before the membership
    /// ([`Mistake::SkipsOnReconnect`]).
    pub(super) fn skip_entries(&mut self, skips_all: bool) {
        let members = self.groups.iter().filter(|(_, row)| row.stage == GroupStage::Member);
        let members: Vec<_> = members.map(|(number, _)| number).collect();
        for number in members {
            if let Some(row) = self.groups.get_mut(number) {
                row.skip = if skips_all { u64::MAX } else { row.start };
            }
        }
    }

    /// Takes the highest number of a row as the last one ([`Mistake::NumbersEventsAnew`]).
    pub(super) fn number_anew(&mut self) {
        let groups = self.groups.iter().map(|(number, _)| number);
        let numbers = groups
            .chain(self.operations.iter().map(|(number, _)| number))
            .chain(self.claims.iter().map(|(number, _)| number))
            .chain(self.messages.iter().map(|(number, _)| number));
        let last = numbers.max().unwrap_or_default();
        self.change_client(|client| client.last_number = last);
    }
}

impl<B: Backend> Engine<B> {
    /// Advances the cursor of a group without an entry's effects.
    pub(super) fn pass(&mut self, group_id: &GroupId, place: LogCursor) -> Result<(), EngineError> {
        if self.is_stale {
            self.reload()?;
        }
        if let Some(row) = self.state.group_mut(group_id) {
            row.cursor = Some(place);
        }
        self.write()
    }

    /// Deletes all KeyPackages with their private keys ([`Mistake::DeletesOldKeyPackages`]).
    pub(super) fn delete_key_packages(&mut self) -> Result<(), EngineError> {
        let store = self.session.store_mut();
        let stored = store.key_packages()?;
        let mut transaction = store.begin()?;
        for one in stored {
            transaction.remove_key_package(&one.reference)?;
        }
        Ok(transaction.commit()?)
    }
}
