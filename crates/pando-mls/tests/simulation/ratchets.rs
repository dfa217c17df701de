//! Which messages of the application a member must be able to read, and which not any more: the same as the ratchets
//! of the group (RFC 9420, section 9), said with sets.

use pando_mls::RatchetLimits;
use std::collections::{BTreeMap, BTreeSet};

/// What a member has read, by epoch and by the leaf of the sender.
#[derive(Debug)]
pub(crate) struct Ratchets {
    limits: RatchetLimits,
    senders: BTreeMap<(u64, u32), Read>,
}

#[derive(Debug, Default)]
struct Read {
    /// After the newest message that was read.
    next: u32,
    /// Messages that were skipped and can still come.
    skipped: BTreeSet<u32>,
}

impl Ratchets {
    pub(crate) const fn new(limits: RatchetLimits) -> Self {
        Self { limits, senders: BTreeMap::new() }
    }

    /// Reads a message, and tells whether that can be done.
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
