//! The changes of an operation, in the form of rows to store.
//!
//! The core never calls a store. The application applies each [`Delta`] **before** the result of
//! the operation is sent or shown, in one transaction with its own rows. This order ensures that no
//! key is used twice after a crash, and that a used key is deleted from the disk.
//!
//! The size of a row is O(1), except where the protocol itself sets no bound. A message changes
//! O(1) rows, or O(log N) rows if it is the first message of its sender in the epoch. A Commit
//! changes O(log N) rows.
//!
//! Changes of a failed operation are included in the next Delta.

use crate::state::group_state::GroupState;
use crate::storage::position::{Instance, Position, StateRow};
use crate::storage::row_key::{Changes, RowKey, Rows, forget, is_before};
use pando_wire::GroupId;

/// The rows to write and to delete after an operation, and the position that they follow.
///
/// A Delta can be applied only to the rows of its group and its [`Instance`], and only at a
/// [`Position`] that it follows. Any other Delta is stale. Storing a stale Delta could restore a
/// key that was already used. The default Delta is empty and can always be applied.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "a Delta that is not stored is lost, and its keys may be used again"]
pub struct Delta {
    pub(crate) group_id: GroupId,
    pub(crate) instance: Instance,
    /// Whether this Delta begins the instance.
    pub(crate) is_whole: bool,
    /// The positions at which this Delta can be applied, the oldest first.
    pub(crate) follows: Vec<Position>,
    pub(crate) becomes: Position,
    pub(crate) state: GroupState,
    pub(crate) rows: Changes,
    pub(crate) forget_before: u64,
}

/// The reason why a Delta is not applied. The store is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The Delta does not follow the stored rows. Either a previous Delta was not stored, or this
    /// Delta belongs to another object or another instance of the group. The group must be loaded
    /// again.
    #[error("the Delta does not follow the stored rows")]
    Stale,
    /// The Delta begins an instance, but the group already has stored rows.
    #[error("the Delta begins an instance, but rows are already stored")]
    Occupied,
    /// The Delta belongs to another group.
    #[error("the Delta belongs to another group")]
    OtherGroup,
}

/// The action that a store takes on a Delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Apply the Delta.
    Apply,
    /// Do nothing, because the Delta was applied before.
    Applied,
}

impl Delta {
    /// Returns the group's identifier.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    /// Returns the instance of the group.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// Returns the positions at which the Delta can be applied, the oldest first. There is one
    /// position for each Delta that was merged into this Delta ([`Delta::then`]). A whole Delta can
    /// also be applied if the instance has no rows.
    #[must_use]
    pub fn follows(&self) -> &[Position] {
        &self.follows
    }

    /// Returns the position of the rows after the Delta is applied.
    #[must_use]
    pub const fn becomes(&self) -> Position {
        self.becomes
    }

    /// Returns the state of the group after the Delta is applied.
    #[must_use]
    pub const fn state(&self) -> GroupState {
        self.state
    }

    /// Returns the rows to write, in key order.
    pub fn writes(&self) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.rows.iter().filter_map(|(key, row)| Some((*key, row.as_ref()?.expose())))
    }

    /// Returns the rows to delete, in key order. Some of these rows may not exist.
    pub fn deletes(&self) -> impl Iterator<Item = RowKey> {
        self.rows.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| *key)
    }

    /// Returns the epoch before which all [`RowKey::Epoch`] rows must be deleted as well.
    #[must_use]
    pub const fn forget_before(&self) -> u64 {
        self.forget_before
    }

    /// Returns whether the Delta begins its instance and contains all of its rows.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns whether the Delta changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.forget_before == 0
    }

    /// Returns the action for a store whose rows of this instance are at the position `stored`.
    /// `None` means that the store has no rows of this instance.
    ///
    /// # Errors
    /// [`DeltaError::Stale`] if the Delta does not follow the stored rows; [`DeltaError::Occupied`]
    /// if it begins an instance that already has stored rows.
    pub fn check(&self, stored: Option<Position>) -> Result<Fit, DeltaError> {
        match stored {
            _ if self.is_empty() => Ok(Fit::Applied),
            // A store repeats a Delta after a failure if it cannot know whether the Delta was
            // stored.
            Some(stored) if stored == self.becomes => Ok(Fit::Applied),
            Some(stored) if self.follows.contains(&stored) => Ok(Fit::Apply),
            Some(_) if self.is_whole => Err(DeltaError::Occupied),
            None if self.is_whole => Ok(Fit::Apply),
            _ => Err(DeltaError::Stale),
        }
    }

    /// Merges this Delta and `next` into a single Delta with the same effect. The merged Delta can
    /// be applied at every position at which one of the two can be applied.
    ///
    /// # Errors
    /// [`DeltaError`] with both Deltas if `next` does not follow this Delta.
    pub fn then(mut self, next: Self) -> Result<Self, (DeltaError, Box<(Self, Self)>)> {
        let follows = next.follows.contains(&self.becomes) && next.instance == self.instance;
        if !follows {
            let error =
                if self.group_id == next.group_id { DeltaError::Stale } else { DeltaError::OtherGroup };
            return Err((error, Box::new((self, next))));
        }
        forget(&mut self.rows, next.forget_before);
        self.rows.extend(next.rows);
        self.forget_before = self.forget_before.max(next.forget_before);
        let later: Vec<_> =
            next.follows.into_iter().filter(|position| !self.follows.contains(position)).collect();
        self.follows.extend(later);
        (self.becomes, self.state) = (next.becomes, next.state);
        Ok(self)
    }

    /// Applies the Delta to rows in memory, as a store applies it to its own rows.
    ///
    /// # Errors
    /// [`DeltaError`] if the Delta cannot be applied. On error, the rows are unchanged.
    pub fn apply(&self, rows: &mut Rows) -> Result<(), DeltaError> {
        let stored = rows.get(&RowKey::State).and_then(|row| StateRow::read(row.expose()));
        if self.check(stored.map(|stored| stored.position))? == Fit::Applied {
            return Ok(());
        }
        if stored.is_none() && !rows.is_empty() {
            return Err(DeltaError::Occupied);
        }
        rows.retain(|key, _| !is_before(key, self.forget_before));
        for (key, change) in &self.rows {
            match change {
                Some(row) => drop(rows.insert(*key, row.expose().into())),
                None => drop(rows.remove(key)),
            }
        }
        Ok(())
    }
}
