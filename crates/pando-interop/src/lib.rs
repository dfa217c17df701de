//! Interoperability tests of Pando with other implementations of MLS (RFC 9420).
//!
//! The MLS working group provides a test harness in which a runner drives MLS implementations over
//! gRPC. Each implementation provides the gRPC service `mls_client.MLSClient`. This crate contains:
//!
//! - [`proto`], the interface, generated from `proto/mls_client.proto` when the package is built;
//! - [`service`], the service over `pando-mls`: `pando-interop serve --port 50051`;
//! - [`run`], a runner for the harness's scripts:
//!   `pando-interop run --client localhost:50051 scripts/joining.json`.
//!
//! `docs/interop-harness.md` explains how to run the harness and shows the results.
//! `docs/interop-runner.md` describes our runner.
//!
//! No other package depends on this one, so only this package needs gRPC. This crate is for tests
//! only: the service gives every caller whatever it requests, including private keys.

#![forbid(unsafe_code)]

pub mod proto;
pub mod run;
pub mod service;
