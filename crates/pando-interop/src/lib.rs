//! Pando among other implementations of MLS: the gRPC service that the interoperability harness of the MLS working
//! group drives ([`service`]).

#![forbid(unsafe_code)]

pub mod proto;
pub mod service;
