//! Identity of what is stored of a group: whose rows they are, and what they follow.
//!
//! An *instance* is one life of a group at one client: it begins when the client creates the group, joins it by a Welcome,
//! or makes an external Commit, and it lasts over restarts. A *position* stands for all that an instance has stored so far.
//! Positions are a hash chain over the rows that are written and deleted, so that two objects that were loaded from the same
//! rows and do different things have different positions. A counter could not tell them apart.
//!
//! Rows of the ratchet tree are not hashed: the tree hash in [`RowKey::Public`] stands for them. Neither are messages in the
//! outbox, which the pending Commit stands for. Encrypting leaves the same rows whatever the plaintext is, so the end of each
//! ciphertext is hashed, too.

use crate::state::group_state::GroupState;
use crate::storage::delta::Delta;
use crate::storage::position::{Instance, Position, StateRow};
use crate::storage::row_key::{Changes, RowKey};
use pando_crypto::{SecretBytes, Suite};
use pando_wire::GroupId;

/// Domain separation of the hashes.
const LABEL: &[u8] = b"Pando 1.0 position";

/// Returns the position after these changes. `sent` are the ends of ciphertexts.
fn position_after(
    before: Position,
    suite: Suite,
    group_id: &GroupId,
    (rows, forget_before, sent): (&Changes, u64, &[u8]),
) -> Position {
    let hashed = rows.iter().filter(|(key, _)| !matches!(key, RowKey::Tree(_)));
    let headers: Vec<_> = hashed.map(|(key, row)| (header(*key, row.as_ref()), key, row)).collect();
    let (group_id_len, forget_before) = (len_of(group_id), forget_before.to_be_bytes());
    let mut parts: Vec<&[u8]> = vec![LABEL, &before.0, &group_id_len, group_id, &forget_before];
    for (header, key, row) in &headers {
        parts.push(header);
        if let (Some(row), false) = (row, matches!(key, RowKey::Outbox(_))) {
            parts.push(row.expose());
        }
    }
    parts.push(sent);
    let digest = suite.hash(&parts);
    Position(first(digest.as_ref()))
}

/// What is hashed of a row before its contents: the key, and the length of the contents if there are some.
fn header(key: RowKey, row: Option<&SecretBytes>) -> Vec<u8> {
    let key = key.to_bytes();
    let row = row.map_or([u8::MAX; 8], |row| len_of(row.expose()));
    [len_of(&key).as_slice(), &key, &row].concat()
}

/// Returns the length as it is hashed: in eight bytes, whatever the platform is.
fn len_of(bytes: &[u8]) -> [u8; 8] {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Returns the first bytes of a hash, which is never shorter.
fn first<const LEN: usize>(digest: &[u8]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = *hashed);
    bytes
}

/// Changes that are not yet a [`Delta`].
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

/// The instance of a group and the position that its last Delta leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lineage {
    pub(crate) instance: Instance,
    pub(crate) position: Position,
}

impl Lineage {
    /// The lineage of a group of which nothing was stored.
    pub(crate) const NONE: Self = Self { instance: Instance::NONE, position: Position::START };

    /// Returns the lineage of a new instance, which begins with all these rows. They are those of [`Lineage::NONE`].
    pub(crate) fn begin(suite: Suite, group_id: &GroupId, rows: &Changes) -> Self {
        let position = position_after(Position::START, suite, group_id, (rows, 0, &[]));
        Self { instance: Instance(first(&position.0)), position }
    }

    /// Returns the Delta with all rows of the instance, which begins.
    pub(crate) fn whole(self, group_id: GroupId, state: GroupState, rows: Changes) -> Delta {
        let Self { instance, position: becomes } = self;
        let (is_whole, follows, forget_before) = (true, Vec::new(), 0);
        Delta { group_id, instance, is_whole, follows, becomes, state, rows, forget_before }
    }

    /// Goes on to the position after some changes, and returns them as a Delta. Without changes, the position stays.
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
