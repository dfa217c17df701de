//! Wakes readers that wait for a partition to change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The partitions for which readers wait.
#[derive(Debug, Default)]
pub(super) struct Wakeups(Mutex<HashMap<Vec<u8>, watch::Sender<()>>>);

impl Wakeups {
    /// Returns a receiver that changes when the partition is woken.
    pub(super) fn watch(&self, partition: &[u8]) -> watch::Receiver<()> {
        let mut senders = self.senders();
        // Entries without readers are removed when their number has doubled, so the map is at most
        // twice as large as the number of partitions with readers.
        if senders.len() == senders.capacity() {
            senders.retain(|_, sender| sender.receiver_count() > 0);
        }
        senders.entry(partition.to_vec()).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Wakes all readers of a partition.
    pub(super) fn wake(&self, partition: &[u8]) {
        let mut senders = self.senders();
        if senders.get(partition).is_some_and(|sender| sender.send(()).is_err()) {
            senders.remove(partition);
        }
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<Vec<u8>, watch::Sender<()>>> {
        // The map is consistent after a panic, because each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
