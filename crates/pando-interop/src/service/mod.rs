//! The service `mls_client.MLSClient`, with which the harness's runner drives an implementation.
//!
//! [`serve`] answers its requests. Every request is a function of everything that the service remembers, called under
//! a lock: what it does is in `groups`, `proposals`, `commits`, `successors` and `outside`, and gRPC in `rpc`.
//!
//! - One service plays all the clients that it is asked to play, which know nothing of each other. States,
//!   transactions, reinitializations and external signers are numbered in one sequence; all of them can be freed.
//! - A request that cannot be served gets a status: INVALID_ARGUMENT if it is malformed or names what there is not,
//!   FAILED_PRECONDITION if the group is not such that it can be done, or a rule forbids it. States can be used
//!   afterwards as before, but that proposals that came along and were in order are known.
//! - Only a Commit that covers all proposals of the request is made. It has a path if the proposals require one
//!   or the request does. While it is pending another can be asked for: then it is gone,
//!   also if the other cannot be made.
//! - Who refers to a proposal sends it along, also if it was there before or is one's own.
//! - Data of the application is not encrypted while proposals are pending (RFC 9420, section 12.4).
//! - A state keeps its number in all epochs of its group. A group that follows from another has another number, and the
//!   old one remains.
//! - Members are found by their identities. If several have the same, the first is meant.
//!
//! Left out on purpose: credentials other than basic ones, which the interface cannot ask for, and storage.

#![expect(
    clippy::needless_pass_by_value,
    reason = "all requests are handed over alike, also those that are only looked at"
)]

mod clients;
mod commits;
mod decode;
mod failure;
mod groups;
mod outside;
mod person;
mod proposals;
mod rpc;
mod state;
mod successors;

use crate::proto::mls_client_server::MlsClientServer;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::error::Error;
use std::net::SocketAddr;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// The largest request, in bytes. A ratchet tree may be in it.
const MAX_REQUEST: usize = 64 << 20;

/// Answers requests at an address until the process ends. `ready` is told the address when they can come, which has
/// the port that was chosen if `address` has port 0.
///
/// # Errors
/// If the address cannot be listened at, or the operating system gives no randomness.
pub fn serve(
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let rng = ChaCha20Rng::try_from_rng(&mut getrandom::SysRng)?;
    let service = MlsClientServer::new(rpc::Service::new(clients::Clients::new(rng)));
    let service = service.max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_REQUEST);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let incoming = TcpIncoming::bind(address)?.with_nodelay(Some(true));
        ready(incoming.local_addr()?);
        Server::builder().add_service(service).serve_with_incoming(incoming).await?;
        Ok(())
    })
}
