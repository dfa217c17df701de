//! Sending what waits for our Commit to be accepted.

use crate::Unpersisted;
use crate::state::group::Group;
use crate::storage::row_key::{OutboxId, RowKey};

impl Group {
    /// Returns the encoded messages that are to be sent now, because our Commit was accepted, and that were not acknowledged,
    /// the oldest first.
    ///
    /// After a restart they are sent again as they are. A Welcome is never made anew.
    pub fn outbox(&self) -> impl Iterator<Item = (OutboxId, &[u8])> {
        self.outbox.up_to(self.epoch())
    }

    /// Deletes a message from the outbox: the delivery service has it. Does nothing if it is not there.
    pub fn acknowledge(&mut self, id: OutboxId) -> Unpersisted<()> {
        if self.outbox.remove(id) {
            self.changes.delete([RowKey::Outbox(id)]);
        }
        self.unpersisted(())
    }
}
