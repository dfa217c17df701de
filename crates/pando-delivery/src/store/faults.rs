//! Failpoints, at which tests kill the process. Failpoints do nothing unless the feature
//! `failpoints` is enabled.

/// The failpoints of a store, in the order in which a request reaches them.
#[cfg(feature = "failpoints")]
pub const FAILPOINTS: [&str; 7] = [
    "delivery::begin",
    "delivery::request",
    "delivery::commit",
    "delivery::committed",
    "delivery::replied",
    "delivery::checkpoint",
    "delivery::checkpointed",
];

/// Runs the action that a test has configured for a failpoint, if any.
#[cfg(feature = "failpoints")]
pub(crate) fn point(name: &str) {
    fail::fail_point!(name);
}

#[cfg(not(feature = "failpoints"))]
pub(crate) const fn point(_: &str) {}
