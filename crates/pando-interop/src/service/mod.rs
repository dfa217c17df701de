//! The service `mls_client.MLSClient`, through which the harness's runner drives an implementation.
//!
//! [`serve`] answers its requests. Each request is a function of the state of the service, called
//! under a lock. The functions are in `groups`, `proposals`, `commits`, `successors` and
//! `external`, and gRPC is in `rpc`.
//!
//! - One service plays any number of clients, which know nothing of each other. States,
//!   transactions, reinitializations and external signers are numbered in one sequence; all of them
//!   can be freed.
//! - A request that cannot be served gets a status: INVALID_ARGUMENT if it is malformed or names an
//!   unknown object, FAILED_PRECONDITION if the state of the group or a rule forbids it. A failed
//!   request does not change states, except that valid proposals in it are kept.
//! - A Commit is made only if it can cover all proposals of the request. It has a path if the
//!   proposals require one or the request does. Another request for a Commit drops a pending
//!   Commit, even if the new one cannot be made.
//! - A request that refers to a proposal contains it, even if the service already has it or made
//!   it.
//! - Application data is not encrypted while proposals are pending (RFC 9420, section 12.4).
//! - A state keeps its number in all epochs of its group. A successor group has another number, and
//!   the old one remains.
//! - Members are found by their identities. If several members have the same identity, the first is
//!   chosen.
//!
//! Left out on purpose: credentials other than basic ones, for which the interface has no field,
//! and storage.

#![expect(
    clippy::needless_pass_by_value,
    reason = "all functions take requests by value, including those that only read them"
)]

mod clients;
mod commits;
mod decode;
mod external;
mod failure;
mod groups;
mod played_client;
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

/// Maximum size of a request, in bytes. A request may contain a ratchet tree.
const MAX_REQUEST: usize = 64 << 20;

/// Answers requests at an address until the process ends. It calls `ready` with the address when it
/// can accept requests. If `address` has port 0, that address has the chosen port.
///
/// # Errors
/// If the service cannot listen on the address, or the operating system provides no randomness.
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
