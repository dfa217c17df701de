//! Steps that the engine performs only when it makes a mistake (`mistake.rs`).

use super::rows::{GroupStage, Stage};
use super::state::State;
use super::{Engine, EngineError};
use pando_api::LogCursor;
use pando_mls::GroupId;
use pando_store::Backend;

impl State {
    /// Treats the Commits that may have been sent as accepted (`Mistake::ForgetsRequest`).
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
    /// (`Mistake::SkipsOnReconnect`).
    pub(super) fn skip_entries(&mut self, skips_all: bool) {
        let members = self.groups.iter().filter(|(_, row)| row.stage == GroupStage::Member);
        let members: Vec<_> = members.map(|(number, _)| number).collect();
        for number in members {
            if let Some(row) = self.groups.get_mut(number) {
                row.skip = if skips_all { u64::MAX } else { row.start };
            }
        }
    }

    /// Takes the highest number of a row as the last one (`Mistake::NumbersEventsAnew`).
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

    /// Deletes all KeyPackages with their private keys (`Mistake::DeletesOldKeyPackages`).
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
