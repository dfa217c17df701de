//! The client that sends a request.

use pando_api::{ClientId, UserId};

/// The client that sends a request. The request's token and signature have been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The client.
    pub client: ClientId,
    /// The version of the certificate with which the client has logged in.
    pub version: u64,
}

impl Caller {
    /// Returns the user to whom the client belongs.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.client.user()
    }
}
