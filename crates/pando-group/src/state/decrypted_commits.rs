//! Encrypted Commits that were opened and not merged (RFC 9420, section 9.2).
//!
//! The key of an encrypted message is gone as soon as it has opened something. A Commit for which a proposal or a PSK
//! is missing, or whose staged epoch was dropped, will come again, so what was in it is kept until the epoch ends. It
//! is not believed: its signature is verified each time.

use crate::Limits;
use crate::storage::row_codec;
use crate::storage::row_key::{RowKey, Rows};
use pando_crypto::SecretBytes;
use pando_wire::{AuthenticatedContent, PrivateMessage};
use tls_codec::Size;

/// How many Commits of one epoch are kept. Whoever orders messages gives an epoch one Commit, and a few that lost
/// at most; further ones can be taken once.
const KEPT: usize = 16;

/// Commits of the current epoch, as they came, and what was in them.
#[derive(Debug, Default)]
pub(crate) struct DecryptedCommits {
    commits: Vec<(PrivateMessage, AuthenticatedContent)>,
    /// How many of them have rows.
    stored: usize,
    /// How much there is to be stored of them.
    bytes: usize,
}

impl DecryptedCommits {
    /// Those that were stored.
    pub(crate) fn restore(commits: Vec<(PrivateMessage, AuthenticatedContent)>) -> Self {
        let stored = commits.len();
        let sizes = commits.iter().map(|(message, content)| size(message, content));
        let bytes = sizes.fold(0, usize::saturating_add);
        Self { commits, stored, bytes }
    }

    /// What was in a message, if it was opened before.
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

    /// The rows of all of them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (RowKey, SecretBytes)> {
        self.rows_from(0)
    }

    /// The rows that were not written yet. Most Commits are merged before they would have one.
    pub(crate) fn take_rows(&mut self) -> Rows {
        let rows = self.rows_from(self.stored).collect();
        self.stored = self.commits.len();
        rows
    }

    fn rows_from(&self, first: usize) -> impl Iterator<Item = (RowKey, SecretBytes)> {
        // What has been decoded can be encoded: no row is left out.
        let row = |(message, content): &(_, _)| row_codec::opened_commit(message, content).ok();
        let unwritten = (0..).zip(&self.commits).skip(first);
        unwritten.filter_map(move |(at, opened)| Some((RowKey::OpenedCommit(at), row(opened)?)))
    }

    /// Forgets all of them: the rows to delete.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = RowKey> + use<> {
        let stored = u32::try_from(self.stored).unwrap_or(u32::MAX);
        *self = Self::default();
        (0..stored).map(RowKey::OpenedCommit)
    }
}

/// The size of the row of a Commit.
fn size(message: &PrivateMessage, content: &AuthenticatedContent) -> usize {
    message.tls_serialized_len().saturating_add(content.tls_serialized_len())
}
