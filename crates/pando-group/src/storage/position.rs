//! Instances of groups, and positions in their histories (see `lineage`).

use crate::state::group_state::GroupState;
use pando_crypto::SecretBytes;
use std::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Length of a position in bytes.
const POSITION_LEN: usize = 32;

/// Length of the identifier of an instance in bytes.
const INSTANCE_LEN: usize = 16;

/// A position in the history of a group's rows. A position is a hash of everything that was stored
/// since the instance began.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub(crate) [u8; POSITION_LEN]);

/// An instance of a group, which is one membership of a client. Identifiers of instances are
/// unique, except that a client that joins twice by the same Welcome begins the same instance.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct Instance(pub(crate) [u8; INSTANCE_LEN]);

impl Position {
    /// The position before anything is stored.
    pub(crate) const START: Self = Self([0; POSITION_LEN]);

    /// Returns the position as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; POSITION_LEN] {
        &self.0
    }
}

impl Instance {
    /// The instance of a group that was never stored.
    pub(crate) const NONE: Self = Self([0; INSTANCE_LEN]);

    /// Returns the identifier as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; INSTANCE_LEN] {
        &self.0
    }
}

impl From<[u8; INSTANCE_LEN]> for Instance {
    fn from(bytes: [u8; INSTANCE_LEN]) -> Self {
        Self(bytes)
    }
}

impl From<[u8; POSITION_LEN]> for Position {
    fn from(bytes: [u8; POSITION_LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, "Position", &self.0)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, "Instance", &self.0)
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, name: &str, bytes: &[u8]) -> fmt::Result {
    write!(f, "{name}(")?;
    bytes.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    f.write_str(")")
}

/// The contents of [`RowKey::State`](crate::RowKey::State).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRow {
    /// The position of the rows.
    pub position: Position,
    /// The state of the group.
    pub state: GroupState,
}

impl StateRow {
    /// Length of the row in bytes. The row consists of the position and one byte for the state.
    pub const LEN: usize = POSITION_LEN + 1;

    /// Reads the row, or returns `None` if it is malformed.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        let (position, state) = row.split_first_chunk()?;
        let [state] = state else { return None };
        Some(Self { position: Position(*position), state: GroupState::from_byte(*state)? })
    }

    pub(crate) fn encode(self) -> SecretBytes {
        [self.position.0.as_slice(), &[self.state.to_byte()]].concat().into()
    }
}
