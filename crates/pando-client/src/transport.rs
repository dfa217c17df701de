//! The interfaces through which the client reaches a server, the time and randomness.
//!
//! On WebAssembly the futures and values of a browser are not `Send`, so [`MaybeSend`] and
//! [`MaybeSync`] require nothing there.

use bytes::Bytes;
use rand_core::CryptoRng;
use std::sync::Arc;
use std::time::Duration;

/// `Send`, except on WebAssembly.
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Send`, except on WebAssembly.
#[cfg(target_family = "wasm")]
pub trait MaybeSend {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSend for T {}

/// `Sync`, except on WebAssembly.
#[cfg(not(target_family = "wasm"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_family = "wasm"))]
impl<T: Sync + ?Sized> MaybeSync for T {}

/// `Sync`, except on WebAssembly.
#[cfg(target_family = "wasm")]
pub trait MaybeSync {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> MaybeSync for T {}

/// A request that a transport sends.
#[derive(Debug)]
pub struct Outgoing {
    /// The request. Its URI is absolute, with the scheme `https`.
    pub request: http::Request<Bytes>,
    /// The most bytes that the body of the answer may have.
    pub answer_limit: usize,
    /// The time for which the server may hold back its answer, in addition to the time that any
    /// answer may take.
    pub wait: Duration,
}

/// A connection to a server, or a pool of connections.
///
/// A transport neither follows redirects nor decodes the body of an answer. It repeats a request
/// only if the server has not processed the request.
pub trait Transport: MaybeSend + MaybeSync {
    /// Sends a request and receives the whole answer. It stops reading an answer that is above the
    /// limit. If the future is dropped, the request may have been sent.
    ///
    /// # Errors
    /// [`TransportError`] if there is no complete answer.
    fn send(
        &self,
        outgoing: Outgoing,
    ) -> impl Future<Output = Result<http::Response<Bytes>, TransportError>> + MaybeSend;
}

impl<T: Transport> Transport for Arc<T> {
    fn send(
        &self,
        outgoing: Outgoing,
    ) -> impl Future<Output = Result<http::Response<Bytes>, TransportError>> + MaybeSend {
        T::send(self, outgoing)
    }
}

/// Reason why a transport returns no answer. The texts must not contain headers, because these
/// contain the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No byte of the request was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have been sent, and the server may have processed it.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The body of the answer is above the limit.
    #[error("answer is above the limit")]
    AnswerTooLarge,
}

/// A clock.
pub trait Clock: MaybeSend + MaybeSync {
    /// Returns the time in milliseconds since 1970.
    fn now(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> u64 {
        C::now(self)
    }
}

/// A source of random bytes, which every [`CryptoRng`] is.
pub trait Randomness: MaybeSend {
    /// Fills `bytes` with random bytes that an attacker cannot predict.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<R: CryptoRng + MaybeSend> Randomness for R {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }
}
