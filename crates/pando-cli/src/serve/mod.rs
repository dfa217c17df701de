//! The command `pando serve`, which runs the delivery service.
//!
//! Without settings, it is a server for development at `https://localhost:8443`, with a
//! certification authority of its own, and with an authority that issues device certificates for
//! users of the domain `localhost`. Both are only for loopback addresses.
//!
//! # Files
//!
//! | File | Contents |
//! |---|---|
//! | `store/` | the logs, accounts and groups |
//! | `keys/` | the private keys of the server: heads, tokens, removals |
//! | `tls/ca.pem`, `tls/ca.key` | the certification authority for development |
//! | `authority/` | the authority for device certificates of `localhost`; see `pando-issuer` |
//!
//! A backup contains all of them.
//!
//! # Left out on purpose
//!
//! Metrics, logs of requests, quotas, and reloading of certificates and settings.

mod authority;
mod config;
mod development;
mod error;
mod feeds;
mod files;
mod keys;
mod run;

pub(crate) use config::Arguments;
pub(crate) use error::ServeError;

use config::Config;
use std::process::ExitCode;

/// Serves until a signal, and returns the exit code.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, ServeError> {
    let config = Config::read(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(ServeError::Start)?.block_on(run::run(config))
}
