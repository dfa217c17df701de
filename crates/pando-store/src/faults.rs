//! Failpoints, at which tests kill a client or make a call fail. Failpoints do nothing unless the
//! feature `failpoints` is enabled.

use crate::StoreError;

/// The failpoints of a store, in the order in which an operation reaches them.
#[cfg(feature = "failpoints")]
pub const FAILPOINTS: [&str; 9] = [
    "store::begin",
    "store::get",
    "store::scan",
    "store::put",
    "store::delete",
    "store::commit",
    "store::committed",
    "store::erase",
    "store::erased",
];

/// Returns the error that a test has configured for a failpoint, if any. The test configures
/// `full`, `read`, or any other text for a write error.
#[cfg(feature = "failpoints")]
pub(crate) fn point(name: &str) -> Result<(), StoreError> {
    use crate::IoKind;
    fail::fail_point!(name, |told: Option<String>| {
        let kind = match told.as_deref() {
            Some("full") => IoKind::Full,
            Some("read") => IoKind::Read,
            _ => IoKind::Write,
        };
        Err(StoreError::Io { kind, source: "a test has asked for this".into() })
    });
    Ok(())
}

#[cfg(not(feature = "failpoints"))]
#[expect(clippy::unnecessary_wraps, reason = "it is as with the feature")]
pub(crate) const fn point(_: &str) -> Result<(), StoreError> {
    Ok(())
}
