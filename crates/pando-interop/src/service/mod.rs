//! The service `mls_client.MLSClient`, through which the harness's runner drives an implementation.
//!
//! [`serve`] answers the runner's requests. Each request has a function that operates on the state
//! of the service and is called under a lock. These functions are in `groups`, `proposals`,
//! `commits`, `successors` and `external`. The gRPC code is in `rpc`.
//!
//! - One service plays any number of clients, which know nothing about each other. States,
//!   transactions, reinitializations and external signers are numbered in a single sequence, and
//!   all of them can be freed.
//! - A request that cannot be served is answered with a status. The status is INVALID_ARGUMENT if
//!   the request is malformed or names an unknown object, and FAILED_PRECONDITION if the state of
//!   the group or a rule forbids it. A failed request does not change any state, except that the
//!   valid proposals in it are kept.
//! - A Commit is created only if it can cover all proposals of the request. The Commit has a path
//!   if the proposals or the request require one. A request for a Commit drops the pending Commit,
//!   even if the new Commit cannot be created.
//! - A request that refers to a proposal contains that proposal, even if the service has already
//!   received or created it.
//! - Application data is not encrypted while proposals are pending (RFC 9420, section 12.4).
//! - A state keeps its number in all epochs of its group. A successor group has a different number,
//!   and the state of the old group remains.
//! - Requests refer to members by their identities. If several members have the same identity, the
//!   first of them is chosen.
//!
//! The service supports only basic credentials, because the interface has no field for other types,
//! and it stores nothing.

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

/// Maximum size of a request, in bytes. The limit is high because a request may contain a ratchet
/// tree.
const MAX_REQUEST: usize = 64 << 20;

/// Answers requests at an address until the process ends. As soon as it can accept requests, it
/// calls `ready` with the address. If the port of `address` is 0, `ready` receives the port that
/// the operating system chose.
///
/// # Errors
/// Returns an error if the service cannot listen on the address, or if the operating system
/// provides no random numbers.
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
