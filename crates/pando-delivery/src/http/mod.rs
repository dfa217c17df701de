//! Requests over HTTP and TLS (docs/protocol.md, sections 1, 4 and 6).
//!
//! A handler decodes and authenticates a request, calls one method of the service, and encodes the
//! answer. Every refusal is a problem document.
//!
//! This module and the programs above it are the only ones that read a clock.
//!
//! # Left out on purpose
//!
//! Rates and quotas, metrics, and reloading of certificates.

mod app;
mod authentication;
mod body;
mod clock;
mod io;
mod limits;
mod login;
mod plain;
mod poll;
mod problem;
mod query;
mod ranges;
mod request;
mod response;
mod routes;
mod server;
mod shutdown;
mod tls;
mod token;

pub use app::HttpSettings;
pub use authentication::Authenticator;
pub use clock::{Clock, Randomness, SystemClock, SystemRandomness};
pub use limits::BodyLimits;
pub use login::{CheckedLogin, LoginChecks};
pub use routes::router;
pub use server::{ConnectionLimits, serve};
pub use shutdown::{Shutdown, ShutdownSender};
pub use tls::{TlsError, tls_config};
pub use token::{NONCE_VALIDITY, SessionClaims, TokenKey};
