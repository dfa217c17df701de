//! Changes of a group that are not yet contained in any [`Delta`](crate::Delta).

use crate::storage::lineage::UnnamedChanges;
use crate::storage::row_key::{Changes, RowKey, forget};
use pando_crypto::SecretBytes;

/// Rows to write and to delete, collected while an operation runs. If the operation fails, these
/// changes stay in the log and are included in the next Delta.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog(UnnamedChanges);

impl ChangeLog {
    pub(crate) fn write(&mut self, key: RowKey, row: SecretBytes) {
        self.0.rows.insert(key, Some(row));
    }

    pub(crate) fn delete(&mut self, keys: impl IntoIterator<Item = RowKey>) {
        self.0.rows.extend(keys.into_iter().map(|key| (key, None)));
    }

    pub(crate) fn extend(&mut self, changes: impl IntoIterator<Item = (RowKey, Option<SecretBytes>)>) {
        self.0.rows.extend(changes);
    }

    /// Adds many changes, which replace earlier changes of the same rows. The cost grows with the
    /// number of earlier changes.
    pub(crate) fn extend_with_many(&mut self, changes: Changes) {
        let before = std::mem::replace(&mut self.0.rows, changes);
        for (key, row) in before {
            self.0.rows.entry(key).or_insert(row);
        }
    }

    /// Forgets the epochs before `before`, including rows that were about to be written.
    pub(crate) fn forget(&mut self, before: u64) {
        forget(&mut self.0.rows, before);
        self.0.forget_before = before;
    }

    /// Records the end of a ciphertext that is about to be sent.
    pub(crate) fn send(&mut self, end: &[u8]) {
        self.0.sent.extend_from_slice(end);
    }

    /// Takes the changes and leaves the log empty.
    pub(crate) fn take(&mut self) -> UnnamedChanges {
        std::mem::take(&mut self.0)
    }
}
