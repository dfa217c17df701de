//! The interface of the harness. The messages, the client and the server are generated from
//! `proto/mls_client.proto`.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code; the .proto file has the comments"
)]

tonic::include_proto!("mls_client");
