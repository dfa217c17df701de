//! The limits of bodies of requests, by path.

use serde_json::{Map, Value};
use std::time::Duration;

/// The limits of bodies of requests.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BodyLimits {
    /// The most bytes of the request to create or reset a group.
    pub group: usize,
    /// The most bytes of a request with a Commit.
    pub commit: usize,
    /// The most bytes of a request with a proposal or an application message.
    pub message: usize,
    /// The most bytes of an upload of KeyPackages.
    pub key_packages: usize,
    /// The most bytes of a blob. The service has a limit, too; the lower one applies.
    pub blob: usize,
    /// The most bytes of any other request.
    pub other: usize,
    /// The most bytes of all bodies that the server holds at a time.
    pub all: usize,
    /// The longest time without a byte of a body.
    pub pause: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            group: 128 << 20,
            commit: 64 << 20,
            message: 1 << 20,
            key_packages: 4 << 20,
            blob: 64 << 20,
            other: 64 << 10,
            all: 512 << 20,
            pause: Duration::from_secs(20),
        }
    }
}

impl BodyLimits {
    /// Returns the limits by the names in the description of the server (docs/protocol.md, section
    /// 5).
    #[must_use]
    pub fn by_name(&self) -> Map<String, Value> {
        let limits = [
            ("group_bytes", self.group),
            ("commit_bytes", self.commit),
            ("message_bytes", self.message),
            ("key_package_upload_bytes", self.key_packages),
            ("blob_bytes", self.blob),
            ("request_bytes", self.other),
        ];
        limits.into_iter().map(|(name, limit)| (name.to_owned(), Value::from(limit))).collect()
    }
}
