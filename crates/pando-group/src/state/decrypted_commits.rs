//! Encrypted Commits that were decrypted but not merged (RFC 9420, section 9.2).
//!
//! The key of an encrypted message is deleted as soon as the message is decrypted. However, a
//! Commit may be processed again if a proposal or a PSK was missing, or if its staged epoch was
//! dropped. The content of a Commit is therefore kept until the epoch ends. The kept content is not
//! trusted: its signature is verified each time.

use crate::Limits;
use crate::storage::row_codec;
use crate::storage::row_key::{RowKey, Rows};
use pando_crypto::SecretBytes;
use pando_wire::{AuthenticatedContent, PrivateMessage};
use tls_codec::Size;

/// Maximum number of Commits of one epoch that are kept. A delivery service selects one Commit for
/// each epoch, and at most a few other Commits compete for the same epoch. Further Commits are not
/// kept, and can be processed only once.
const KEPT: usize = 16;

/// Commits of the current epoch, as the received messages with their decrypted contents.
#[derive(Debug, Default)]
pub(crate) struct DecryptedCommits {
    commits: Vec<(PrivateMessage, AuthenticatedContent)>,
    /// Number of Commits whose rows were already written.
    stored: usize,
    /// Total size of the rows of all Commits.
    bytes: usize,
}

impl DecryptedCommits {
    /// Restores the Commits from their stored contents.
    pub(crate) fn restore(commits: Vec<(PrivateMessage, AuthenticatedContent)>) -> Self {
        let stored = commits.len();
        let sizes = commits.iter().map(|(message, content)| size(message, content));
        let bytes = sizes.fold(0, usize::saturating_add);
        Self { commits, stored, bytes }
    }

    /// Returns the content of a message, if it was decrypted before.
    pub(crate) fn get(&self, message: &PrivateMessage) -> Option<&AuthenticatedContent> {
        self.commits.iter().find(|(opened, _)| opened == message).map(|(_, content)| content)
    }

    pub(crate) fn keep(&mut self, message: PrivateMessage, content: AuthenticatedContent, limits: &Limits) {
        let bytes = self.bytes.saturating_add(size(&message, &content));
        let fits = self.commits.len() < KEPT && bytes <= limits.opened_commit_bytes;
        if fits && self.get(&message).is_none() {
            self.commits.push((message, content));
            self.bytes = bytes;
        }
    }

    /// Returns the rows of all Commits.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (RowKey, SecretBytes)> {
        self.rows_from(0)
    }

    /// Returns the rows that are not written yet. Most Commits are merged before they need a row.
    pub(crate) fn take_rows(&mut self) -> Rows {
        let rows = self.rows_from(self.stored).collect();
        self.stored = self.commits.len();
        rows
    }

    fn rows_from(&self, first: usize) -> impl Iterator<Item = (RowKey, SecretBytes)> {
        // Decoded content can always be encoded, so no row is lost.
        let row = |(message, content): &(_, _)| row_codec::opened_commit(message, content).ok();
        let unwritten = (0..).zip(&self.commits).skip(first);
        unwritten.filter_map(move |(at, opened)| Some((RowKey::OpenedCommit(at), row(opened)?)))
    }

    /// Forgets all Commits, and returns the rows to delete.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = RowKey> + use<> {
        let stored = u32::try_from(self.stored).unwrap_or(u32::MAX);
        *self = Self::default();
        (0..stored).map(RowKey::OpenedCommit)
    }
}

/// Returns the size of the row of a Commit.
fn size(message: &PrivateMessage, content: &AuthenticatedContent) -> usize {
    message.tls_serialized_len().saturating_add(content.tls_serialized_len())
}
