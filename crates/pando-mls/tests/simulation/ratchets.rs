//! A model of which application messages a member must be able to read. The model yields the same
//! results as the group's ratchets (RFC 9420, section 9), but is implemented with sets.

use pando_mls::RatchetLimits;
use std::collections::{BTreeMap, BTreeSet};

/// The messages that a member has read, grouped by epoch and by the sender's leaf.
#[derive(Debug)]
pub(crate) struct Ratchets {
    limits: RatchetLimits,
    senders: BTreeMap<(u64, u32), Read>,
}

#[derive(Debug, Default)]
struct Read {
    /// The generation after that of the newest message that was read.
    next: u32,
    /// The generations that were skipped and can still arrive.
    skipped: BTreeSet<u32>,
}

impl Ratchets {
    pub(crate) const fn new(limits: RatchetLimits) -> Self {
        Self { limits, senders: BTreeMap::new() }
    }

    /// Reads a message. Returns whether it can be read.
    pub(crate) fn read(&mut self, epoch: u64, leaf: u32, generation: u32) -> bool {
        let RatchetLimits { forward, backward, .. } = self.limits;
        let read = self.senders.entry((epoch, leaf)).or_default();
        if generation < read.next {
            return read.skipped.remove(&generation);
        }
        if generation - read.next > forward {
            return false;
        }
        read.skipped.extend(read.next..generation);
        read.next = generation + 1;
        read.skipped.retain(|skipped| skipped + backward >= generation);
        true
    }
}
