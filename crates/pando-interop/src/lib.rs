//! Pando among other implementations of MLS (RFC 9420).
//!
//! The MLS working group has a harness in which a runner drives implementations by gRPC, each of which is a service
//! `mls_client.MLSClient`. Here are
//!
//! - [`proto`], the interface, generated from `proto/mls_client.proto` when the package is built;
//! - [`service`], the service over `pando-mls`: `pando-interop serve --port 50051`;
//! - [`run`], a runner for the harness's scripts: `pando-interop run --client localhost:50051 scripts/joining.json`.
//!
//! `docs/interop-harness.md` tells how to run the harness, and what passes; `docs/interop-runner.md` is about our runner.
//!
//! Nothing else depends on this package, which alone needs gRPC. It is for tests: whoever reaches the service is given what
//! it asks for, private keys included.

#![forbid(unsafe_code)]

pub mod proto;
pub mod run;
pub mod service;
