//! The lanes of calls: which calls may be in flight, and when the next one may start.
//!
//! A lane has at most one call in flight. After a failure, it waits before the next one. Lanes are
//! not stored: after a restart, all calls start again.

use super::randomness::SharedRng;
use pando_mls::GroupId;
use std::collections::BTreeMap;
use std::time::Duration;

/// The name of a lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// The description of the server.
    Server,
    /// Our KeyPackages.
    KeyPackages,
    /// The list of our user's groups.
    Groups,
    /// The claim with this number.
    Claim(u64),
    /// The report with this number.
    Report(u64),
    /// The mutations of a group.
    Write(GroupId),
    /// Our Welcomes.
    Inbox,
    /// The log of a group.
    Read(GroupId),
    /// The acknowledgements of a group.
    Acknowledge(GroupId),
}

/// The number of a call. It is not used again, also not after a restart of the engine in the same
/// process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

#[derive(Debug, Default)]
struct State {
    in_flight: Option<CallId>,
    /// The earliest time of the next call, in milliseconds since 1970.
    not_before: u64,
    /// The failures since the last success.
    failures: u32,
}

/// All lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: BTreeMap<Lane, State>,
    last_call: u64,
}

impl Lanes {
    /// The wait after the first failure, and the longest wait, in milliseconds.
    const FIRST_WAIT: u64 = 500;
    const LONGEST_WAIT: u64 = 60_000;

    /// The longest wait that the server can ask for, in milliseconds.
    const LONGEST_SERVER_WAIT: u64 = 60 * 60 * 1_000;

    /// Frees all lanes. The numbers of calls are not used again, so that late answers are ignored.
    pub(crate) fn reset(&mut self) {
        self.lanes.clear();
    }

    /// Returns whether the lane is free at a time.
    pub(crate) fn is_free(&self, lane: &Lane, now: u64) -> bool {
        self.lanes.get(lane).is_none_or(|state| state.in_flight.is_none() && state.not_before <= now)
    }

    /// Occupies a lane with a call.
    pub(crate) fn start(&mut self, lane: Lane) -> CallId {
        self.last_call = self.last_call.saturating_add(1);
        let call = CallId(self.last_call);
        self.lanes.entry(lane).or_default().in_flight = Some(call);
        call
    }

    /// Frees the lane of a call that has succeeded, or was refused for good.
    pub(crate) fn end(&mut self, lane: &Lane) {
        self.lanes.remove(lane);
    }

    /// Frees the lane of a call that is a part of an attempt, which may still fail.
    pub(crate) fn release(&mut self, lane: &Lane) {
        if let Some(state) = self.lanes.get_mut(lane) {
            state.in_flight = None;
        }
    }

    /// Frees the lane of a call that has failed, and lets it wait: for as long as the server says,
    /// or twice as long as the last time. The wait is partly random, so that clients that have
    /// failed together do not come back together.
    pub(crate) fn fail(&mut self, lane: &Lane, now: u64, server: Option<Duration>, rng: &mut SharedRng) {
        let state = self.lanes.entry(lane.clone()).or_default();
        let doubled = Self::FIRST_WAIT.checked_shl(state.failures).unwrap_or(Self::LONGEST_WAIT);
        let server = server.and_then(|wait| u64::try_from(wait.as_millis()).ok());
        let wait = match server {
            Some(least) => least.min(Self::LONGEST_SERVER_WAIT).saturating_add(rng.below(Self::FIRST_WAIT)),
            None => {
                let wait = doubled.clamp(1, Self::LONGEST_WAIT);
                wait.saturating_sub(rng.below(wait.div_euclid(2)))
            }
        };
        state.in_flight = None;
        state.failures = state.failures.saturating_add(1).min(16);
        state.not_before = now.saturating_add(wait);
    }

    /// Lets a free lane wait until a time.
    pub(crate) fn delay(&mut self, lane: &Lane, until: u64) {
        self.lanes.entry(lane.clone()).or_default().not_before = until;
    }

    /// Lets a lane wait no longer, unless it waits after a failure.
    pub(crate) fn hasten_if_well(&mut self, lane: &Lane) {
        if self.lanes.get(lane).is_some_and(|state| state.failures == 0) {
            self.hasten(lane);
        }
    }

    /// Lets a lane wait no longer.
    pub(crate) fn hasten(&mut self, lane: &Lane) {
        if let Some(state) = self.lanes.get_mut(lane) {
            state.not_before = 0;
        }
    }

    /// Returns the earliest time after `now` at which a lane becomes free without an answer.
    pub(crate) fn next_time(&self, now: u64) -> Option<u64> {
        let waiting = self.lanes.values().filter(|state| state.in_flight.is_none());
        waiting.map(|state| state.not_before).filter(|time| *time > now).min()
    }
}
