//! Transports for tests.

use pando_client::{HttpTransport, Outgoing, Transport, TransportError};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

/// A transport that tells when it is dropped: after the thread and all tasks of a client.
pub(crate) struct Watched {
    inner: HttpTransport,
    _dropped: oneshot::Sender<()>,
}

impl Watched {
    /// Returns a transport, and a receiver that fails when the transport is dropped.
    pub(crate) fn new(inner: HttpTransport) -> (Self, oneshot::Receiver<()>) {
        let (sender, dropped) = oneshot::channel();
        (Self { inner, _dropped: sender }, dropped)
    }
}

impl Transport for Watched {
    async fn send(&self, outgoing: Outgoing) -> Result<http::Response<bytes::Bytes>, TransportError> {
        self.inner.send(outgoing).await
    }
}

/// A transport that panics once when it sends a message.
pub(crate) struct Panicking {
    pub(crate) inner: HttpTransport,
    pub(crate) has_panicked: AtomicBool,
}

impl Transport for Panicking {
    async fn send(&self, outgoing: Outgoing) -> Result<http::Response<bytes::Bytes>, TransportError> {
        if outgoing.request.uri().path().ends_with("/messages") {
            assert!(self.has_panicked.swap(true, Ordering::Relaxed), "a panic of the test");
        }
        self.inner.send(outgoing).await
    }
}
