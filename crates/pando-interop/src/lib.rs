//! Interoperability tests of Pando with other implementations of MLS (RFC 9420).
//!
//! The MLS working group has a harness in which a runner drives implementations by gRPC. Each
//! implementation is a service `mls_client.MLSClient`. This crate has
//!
//! - [`proto`], the interface, generated from `proto/mls_client.proto` when the package is built;
//! - [`service`], the service over `pando-mls`: `pando-interop serve --port 50051`;
//! - [`run`], a runner for the harness's scripts:
//!   `pando-interop run --client localhost:50051 scripts/joining.json`.
//!
//! `docs/interop-harness.md` explains how to run the harness, and has the results;
//! `docs/interop-runner.md` is about our runner.
//!
//! No other package depends on this one, which alone needs gRPC. It is for tests only: the service
//! gives every caller what it asks for, private keys included.

#![forbid(unsafe_code)]

pub mod proto;
pub mod run;
pub mod service;
