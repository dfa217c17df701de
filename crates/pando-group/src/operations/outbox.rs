//! Sending the messages that belong to our accepted Commits.

use crate::Unpersisted;
use crate::state::group::Group;
use crate::storage::row_key::{OutboxId, RowKey};

impl Group {
    /// Returns the encoded messages that can be sent now because our Commits were accepted.
    /// Acknowledged messages are left out, and the oldest messages come first.
    ///
    /// After a restart, the same bytes are returned again. A Welcome is never created a second
    /// time.
    pub fn outbox(&self) -> impl Iterator<Item = (OutboxId, &[u8])> {
        self.outbox.up_to(self.epoch())
    }

    /// Deletes a message from the outbox after the delivery service has received it. Does nothing
    /// if the outbox does not contain the message.
    pub fn acknowledge(&mut self, id: OutboxId) -> Unpersisted<()> {
        if self.outbox.remove(id) {
            self.changes.delete([RowKey::Outbox(id)]);
        }
        self.unpersisted(())
    }
}
