//! The identity of a group's stored rows, which consists of their instance and of their position in
//! the history of that instance.
//!
//! An *instance* is one membership of a client in a group. An instance begins when the client
//! creates the group, joins it by a Welcome or creates an external Commit. An instance survives
//! restarts. A *position* identifies everything that an instance has stored so far. Positions form
//! a hash chain over the written and deleted rows. Two objects that were loaded from the same rows
//! and then diverge therefore have different positions. A counter instead of a hash could not
//! guarantee that.
//!
//! Rows of the ratchet tree are not hashed, because [`RowKey::Public`] already contains the tree
//! hash. Messages in the outbox are not hashed either, because the pending Commit determines them.
//! Encryption changes the same rows for every plaintext, so the end of each ciphertext is hashed,
//! too.

use crate::state::group_state::GroupState;
use crate::storage::delta::Delta;
use crate::storage::position::{Instance, Position, StateRow};
use crate::storage::row_key::{Changes, RowKey};
use pando_crypto::{SecretBytes, Suite};
use pando_wire::GroupId;

/// The label that separates these hashes from other hashes.
const LABEL: &[u8] = b"Pando 1.0 position";

/// Maximum length of a row's header.
const HEADER_LEN: usize = RowKey::MAX_LEN + 16;

/// Number of rows that most Deltas do not exceed. Rows of the tree are not counted.
const MOST_ROWS: usize = 24;

/// Returns the position after the given changes. `sent` contains the concatenated ends of the
/// ciphertexts that were sent.
fn position_after(
    before: Position,
    suite: Suite,
    group_id: &GroupId,
    (rows, forget_before, sent): (&Changes, u64, &[u8]),
) -> Position {
    let hashed = || rows.iter().filter(|(key, _)| !matches!(key, RowKey::Tree(_)));
    // All headers share one buffer, because this function runs for each message.
    let count = rows.len().min(MOST_ROWS);
    let mut headers = Vec::with_capacity(count.saturating_mul(HEADER_LEN));
    let mut key_bytes = Vec::with_capacity(RowKey::MAX_LEN);
    let mut ends = Vec::with_capacity(count);
    for (key, row) in hashed() {
        write_header(&mut headers, &mut key_bytes, *key, row.as_ref());
        ends.push(headers.len());
    }
    let (group_id_len, forget_before) = (len_of(group_id), forget_before.to_be_bytes());
    let mut parts: Vec<&[u8]> = Vec::with_capacity(ends.len().saturating_mul(2).saturating_add(6));
    parts.extend([LABEL, &before.0, &group_id_len, group_id, &forget_before]);
    let mut start = 0;
    for ((key, row), end) in hashed().zip(ends) {
        parts.extend(headers.get(start..end));
        start = end;
        if let (Some(row), false) = (row, matches!(key, RowKey::Outbox(_))) {
            parts.push(row.expose());
        }
    }
    parts.push(sent);
    let digest = suite.hash(&parts);
    Position(first(digest.as_ref()))
}

/// Writes the header of a row for hashing. The header consists of the key and, unless the row is
/// deleted, of the length of the contents.
fn write_header(headers: &mut Vec<u8>, key_bytes: &mut Vec<u8>, key: RowKey, row: Option<&SecretBytes>) {
    key_bytes.clear();
    key.write(key_bytes);
    headers.extend_from_slice(&len_of(key_bytes));
    headers.extend_from_slice(key_bytes);
    headers.extend_from_slice(&row.map_or([u8::MAX; 8], |row| len_of(row.expose())));
}

/// Returns the hashed encoding of a length, which has eight bytes on every platform.
fn len_of(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Returns the first bytes of a hash, which is always long enough.
fn first<const LEN: usize>(digest: &[u8]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = *hashed);
    bytes
}

/// Changes that do not form a [`Delta`] yet.
#[derive(Debug, Default)]
pub(crate) struct UnnamedChanges {
    pub(crate) rows: Changes,
    pub(crate) forget_before: u64,
    /// Ends of the ciphertexts that were sent.
    pub(crate) sent: Vec<u8>,
}

impl From<Changes> for UnnamedChanges {
    fn from(rows: Changes) -> Self {
        Self { rows, ..Self::default() }
    }
}

/// The instance of a group, and the position to which its last Delta leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lineage {
    pub(crate) instance: Instance,
    pub(crate) position: Position,
}

impl Lineage {
    /// The lineage of a group that was never stored.
    pub(crate) const NONE: Self = Self { instance: Instance::NONE, position: Position::START };

    /// Returns the lineage of a new instance that begins with the given rows. These rows contain
    /// [`Lineage::NONE`].
    pub(crate) fn begin(suite: Suite, group_id: &GroupId, rows: &Changes) -> Self {
        let position = position_after(Position::START, suite, group_id, (rows, 0, &[]));
        Self { instance: Instance(first(&position.0)), position }
    }

    /// Returns the Delta that begins the instance and contains all of its rows.
    pub(crate) fn whole(self, group_id: GroupId, state: GroupState, rows: Changes) -> Delta {
        let Self { instance, position: becomes } = self;
        let (is_whole, follows, forget_before) = (true, Vec::new(), 0);
        Delta { group_id, instance, is_whole, follows, becomes, state, rows, forget_before }
    }

    /// Advances to the position after the given changes, and returns the changes as a Delta. If
    /// there are no changes, the position stays the same.
    pub(crate) fn advance(
        &mut self,
        suite: Suite,
        group_id: &GroupId,
        state: GroupState,
        mut changes: UnnamedChanges,
    ) -> Delta {
        let follows = self.position;
        if !changes.rows.is_empty() || changes.forget_before > 0 {
            let UnnamedChanges { rows, forget_before, sent } = &changes;
            self.position = position_after(follows, suite, group_id, (rows, *forget_before, sent));
            let row = StateRow { position: self.position, state };
            changes.rows.insert(RowKey::State, Some(row.encode()));
        }
        let UnnamedChanges { rows, forget_before, .. } = changes;
        let (group_id, instance, becomes) = (group_id.clone(), self.instance, self.position);
        let (is_whole, follows) = (false, vec![follows]);
        Delta { group_id, instance, is_whole, follows, becomes, state, rows, forget_before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::row_key::{EpochRow, OutboxId, OutboxKind};
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_tree::TreeKey;
    use pando_wire::{CipherSuite, NodeIndex};

    /// This test pins the encoding that is hashed.
    #[test]
    fn a_position_is_the_hash_of_this() {
        let suite = RustCrypto.suite(CipherSuite(1)).unwrap();
        let outbox = RowKey::Outbox(OutboxId { epoch: 2, kind: OutboxKind::Welcome });
        let rows = [
            (RowKey::Public, Some(vec![1; 300])),
            (RowKey::Tree(TreeKey::Shape), Some(vec![2; 3])),
            (RowKey::PrivateKey(NodeIndex(7)), None),
            (RowKey::Epoch(1, EpochRow::Past), Some(vec![])),
            (outbox, Some(vec![3; 5])),
        ];
        let rows = rows.map(|(key, row)| (key, row.map(SecretBytes::from)));
        let position =
            position_after(Position([4; 32]), suite, &b"tea".as_slice().into(), (&rows.into(), 9, &[5, 6]));
        let expected = [
            b"Pando 1.0 position".as_slice(),
            &[4; 32],
            &[0, 0, 0, 0, 0, 0, 0, 3],
            b"tea",
            &[0, 0, 0, 0, 0, 0, 0, 9],
            // Each row contributes its key and its contents, with their lengths.
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 44],
            &[1; 300],
            &[0, 0, 0, 0, 0, 0, 0, 5, 3, 0, 0, 0, 7, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0, 0, 0, 0, 0, 0, 0, 10, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            // The contents of outbox rows are not hashed.
            &[0, 0, 0, 0, 0, 0, 0, 10, 11, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            &[5, 6],
        ];
        assert_eq!(position.0.as_slice(), suite.hash(&[&expected.concat()]).as_ref());
    }
}
