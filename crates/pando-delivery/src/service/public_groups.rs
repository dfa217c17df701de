//! The public state of the groups that are in use.

use pando_mls::{GroupId, Position, PublicGroup};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The place for the public state of a group. A request that checks a handshake of the group holds
/// the lock, so racing handshakes are checked one after the other, and the losers are refused
/// before their signatures are verified.
pub(super) type PublicGroupSlot = Arc<tokio::sync::Mutex<Option<OpenGroup>>>;

/// The public state of a group.
pub(super) struct OpenGroup {
    pub(super) group: PublicGroup,
    /// The position of the rows from which the group was read, or that the group has written.
    pub(super) position: Position,
}

/// The groups that are in use, and the most recently used ones.
pub(super) struct PublicGroups {
    capacity: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    slots: HashMap<GroupId, (PublicGroupSlot, u64)>,
    /// Counts uses. The slot with the lowest number is the least recently used one.
    clock: u64,
}

impl PublicGroups {
    /// Returns a cache for this number of groups.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), slots: Mutex::default() }
    }

    /// Returns the slot of a group. The slot is empty if the group must be opened.
    pub(super) fn slot(&self, group_id: &GroupId) -> PublicGroupSlot {
        let mut slots = self.slots();
        slots.clock = slots.clock.saturating_add(1);
        let now = slots.clock;
        if !slots.slots.contains_key(group_id) && slots.slots.len() >= self.capacity {
            slots.evict();
        }
        let (slot, used) = slots.slots.entry(group_id.clone()).or_default();
        *used = now;
        Arc::clone(slot)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // The map is consistent after a panic, because each change is one call.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Drops the older half of the slots that are not in use.
    fn evict(&mut self) {
        let mut uses: Vec<_> = self.slots.values().map(|(_, used)| *used).collect();
        let middle = uses.len() / 2;
        let middle = uses.select_nth_unstable(middle).1;
        let oldest = *middle;
        self.slots.retain(|_, (slot, used)| Arc::strong_count(slot) > 1 || *used > oldest);
    }
}
