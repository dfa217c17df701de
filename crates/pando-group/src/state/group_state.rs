//! The states of a group at one client.

/// The state of a group at one client.
///
/// A `match` on this enum needs no catch-all arm, because a new state must break code that does not
/// handle it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// The client is a member and may send.
    #[default]
    Active,
    /// The client has created an external Commit (section 12.4.3.2) that is not yet known to be
    /// accepted. The client can send and receive messages only after
    /// [`Group::merge_pending`](crate::Group::merge_pending).
    Joining,
    /// A Commit with a ReInit has ended the group (section 11.2). The group is read-only and has a
    /// successor.
    Reinitialized,
    /// A Commit has removed the client. The client no longer has any secrets of the group.
    Removed,
}

impl GroupState {
    const ALL: [Self; 4] = [Self::Active, Self::Joining, Self::Reinitialized, Self::Removed];

    pub(crate) const fn to_byte(self) -> u8 {
        match self {
            Self::Active => 0,
            Self::Joining => 1,
            Self::Reinitialized => 2,
            Self::Removed => 3,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.to_byte() == byte)
    }
}
