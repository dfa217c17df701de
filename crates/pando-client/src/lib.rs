//! The client of the delivery service (docs/protocol.md).
//!
//! The library has three layers:
//!
//! - [`Client`] is for asynchronous programs. It runs an engine in its own thread, and performs the
//!   calls of the engine in tasks of tokio. The feature `tokio` contains it.
//! - [`Engine`] keeps the groups of a client: durable operations, reading and events. It does no
//!   input or output.
//! - [`DeliveryClient`] performs single operations of the protocol over a [`Transport`]:
//!   - An [`Operation`] is a request of sections 5, 7 and 10 to 15, and an [`Answer`] its result.
//!     The client checks each answer as far as the answer and its request allow: the status, the
//!     media type, the envelope, the size, receipts and signed heads, and the hashes of blobs and
//!     trees.
//!   - The client logs in by itself, renews its session, and signs its mutations (section 6). It
//!     refuses a server of another domain than the one that it dials.
//!   - A [`CallError`] says whether the operation can have taken effect.
//!
//! An [`Upload`] encrypts a file in chunks, whose blobs the client stores, and returns an
//! [`Attachment`], which is the pointer to the blobs. Its receivers decrypt them (section 16).
//!
//! # Example
//!
//! The program `examples/group.rs`: a client creates a group, sends a message and prints events.
//!
//! ```no_run
#![cfg_attr(feature = "http", doc = include_str!("../examples/group.rs"))]
//! ```
//!
//! The library does no input or output, except in [`HttpTransport`], which the default feature
//! `http` contains, and in [`Client`]. The time and randomness are arguments of the other two
//! layers. Futures are `Send`, except on WebAssembly.
//!
//! # Left out on purpose
//!
//! In a [`DeliveryClient`]:
//!
//! Repeating operations: the client repeats a request only if its token has expired, because the
//! server has then done nothing. The caller decides about everything else, and repeats a mutation
//! whose outcome is unknown unchanged.
//!
//! State: a reader of a log passes its pages to a [`LogCursor`](pando_api::LogCursor), which
//! verifies that they continue the log. Pinning a server's keys from one start to the next.
//! The contents of messages, KeyPackages and reports, which `pando-mls` verifies.

mod answer;
mod attachment;
#[cfg(all(feature = "tokio", not(target_family = "wasm")))]
mod client;
mod delivery;
mod description;
mod draft;
mod engine;
mod error;
mod logins;
mod named;
mod operation;
mod ranges;
mod request;
mod result;
mod server_url;
mod session;
#[cfg(feature = "tokio")]
mod system_clock;
mod transport;

#[cfg(feature = "http")]
mod http_transport;

pub use attachment::{Attachment, AttachmentError, ChunkLayout, EncryptedChunk, Upload};
#[cfg(all(feature = "tokio", not(target_family = "wasm")))]
pub use client::{Client, ClientBuilder, ClientError, IdentityError, OpenError, Outcome, create_identity};
pub use delivery::DeliveryClient;
pub use description::Description;
#[cfg(feature = "mistakes")]
pub use engine::Mistake;
pub use engine::{
    Call, CallId, Engine, EngineError, EngineSettings, Event, EventId, Message, Next, OperationId,
    StoredEvent, mls_client,
};
pub use error::{BadAnswer, CallError, LoginFailure, Refusal, TooLarge};
#[cfg(feature = "http")]
pub use http_transport::{HttpError, HttpSettings, HttpTransport};
pub use logins::Device;
pub use operation::{Answer, Operation};
pub use ranges::{ByteRange, Contents};
pub use request::AnswerLimits;
pub use server_url::{UrlError, authority_of_url};
#[cfg(feature = "tokio")]
pub use system_clock::SystemClock;
pub use transport::{Clock, MaybeSend, MaybeSync, Outgoing, Randomness, Transport, TransportError};
