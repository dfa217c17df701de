//! What an operation has changed, as rows to be stored.
//!
//! The core never calls a store. Whoever keeps a group applies each [`Delta`], in one transaction with rows of
//! their own, **before** what the operation gave is sent or shown: then no key is used twice after a crash, and a
//! key that was used is gone from the disk. A row is O(1) in size but for what the protocol makes long; a message
//! changes O(1) of them, O(log N) if it is the first of its sender in the epoch, and a Commit O(log N).
//!
//! What an operation changed that has failed comes with the next Delta.

use crate::state::group_state::GroupState;
use crate::storage::position::{Instance, Position, StateRow};
use crate::storage::row_key::{Changes, RowKey, Rows, forget, is_before};
use pando_wire::GroupId;

/// The rows to write and to delete after an operation, and what they follow.
///
/// A Delta is stored only where it fits: in the rows of its group and of its [`Instance`], at a [`Position`] that it follows.
/// Every other one is stale, and storing it could bring back a key that was used. The default is nothing to do, which always
/// fits.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "what is not stored is lost, and its keys may be used again"]
pub struct Delta {
    pub(crate) group_id: GroupId,
    pub(crate) instance: Instance,
    /// Whether the instance begins with it.
    pub(crate) is_whole: bool,
    /// The positions at which it can be applied, the oldest first.
    pub(crate) follows: Vec<Position>,
    pub(crate) becomes: Position,
    pub(crate) state: GroupState,
    pub(crate) rows: Changes,
    pub(crate) forget_before: u64,
}

/// Reason why a Delta is not applied. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It does not follow what is stored: a Delta before it was not stored, or it is of another object or another instance of
    /// the group. Load the group again.
    #[error("the Delta does not follow what is stored")]
    Stale,
    /// It begins an instance of a group where rows are stored already.
    #[error("the Delta begins a group where rows are stored already")]
    Occupied,
    /// It is of another group.
    #[error("the Delta is of another group")]
    OtherGroup,
}

/// What a store does with a Delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is to be applied.
    Apply,
    /// It was applied before, and there is nothing to do.
    Applied,
}

impl Delta {
    /// The group.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    /// The instance of the group.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// The positions at which it can be applied, the oldest first: one for each Delta that was merged into it
    /// ([`Delta::then`]). A whole Delta can also be applied where the instance has no rows.
    #[must_use]
    pub fn follows(&self) -> &[Position] {
        &self.follows
    }

    /// The position after it.
    #[must_use]
    pub const fn becomes(&self) -> Position {
        self.becomes
    }

    /// The state of the group after it.
    #[must_use]
    pub const fn state(&self) -> GroupState {
        self.state
    }

    /// The rows to write, in the order of their keys.
    pub fn writes(&self) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.rows.iter().filter_map(|(key, row)| Some((*key, row.as_ref()?.expose())))
    }

    /// The rows to delete, in the order of their keys. Some of them may not be there.
    pub fn deletes(&self) -> impl Iterator<Item = RowKey> {
        self.rows.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| *key)
    }

    /// Every [`RowKey::Epoch`] of an epoch before this one is to be deleted, too.
    #[must_use]
    pub const fn forget_before(&self) -> u64 {
        self.forget_before
    }

    /// Returns whether the rows to write are all that the instance has, which begins with them.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.forget_before == 0
    }

    /// Returns what to do with it where the rows of its instance are at the position `stored`, or where there are none.
    ///
    /// # Errors
    /// [`DeltaError::Stale`], [`DeltaError::Occupied`].
    pub fn check(&self, stored: Option<Position>) -> Result<Fit, DeltaError> {
        match stored {
            _ if self.is_empty() => Ok(Fit::Applied),
            // It is stored again after a failure that left its fate unknown.
            Some(stored) if stored == self.becomes => Ok(Fit::Applied),
            Some(stored) if self.follows.contains(&stored) => Ok(Fit::Apply),
            Some(_) if self.is_whole => Err(DeltaError::Occupied),
            None if self.is_whole => Ok(Fit::Apply),
            _ => Err(DeltaError::Stale),
        }
    }

    /// Returns this Delta and then `next` as one, which has the same effect and can be applied where either can.
    ///
    /// # Errors
    /// [`DeltaError`] if `next` does not follow this one. Both are given back.
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

    /// Does to rows in memory what a store does to its own.
    ///
    /// # Errors
    /// [`DeltaError`]; the rows are as they were.
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
