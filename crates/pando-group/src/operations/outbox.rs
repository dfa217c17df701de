//! Sending the messages that belong to our accepted Commits.

use crate::Unpersisted;
use crate::state::group::Group;
use crate::storage::row_key::{OutboxId, RowKey};

impl Group {
    /// Returns the encoded messages to send now, because our Commit was accepted. They are those
    /// that were not acknowledged, the oldest first.
    ///
    /// After a restart, the same bytes are sent again. A Welcome is never made a second time.
    pub fn outbox(&self) -> impl Iterator<Item = (OutboxId, &[u8])> {
        self.outbox.up_to(self.epoch())
    }

    /// Deletes a message from the outbox after the delivery service has received it. Does nothing
    /// if the message is not there.
    pub fn acknowledge(&mut self, id: OutboxId) -> Unpersisted<()> {
        if self.outbox.remove(id) {
            self.changes.delete([RowKey::Outbox(id)]);
        }
        self.unpersisted(())
    }
}
