//! The clients under test. Each client is a gRPC server that reports its name and the cipher suites
//! that it supports.

use crate::proto;
use crate::proto::mls_client_client::MlsClientClient;
use std::collections::BTreeSet;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// Timeout of a call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// Timeout of a connection attempt.
const CONNECT: Duration = Duration::from_secs(10);
/// Maximum size of a response, in bytes. The ratchet tree of a large group exceeds gRPC's default
/// of 4 MiB.
const LARGEST_ANSWER: usize = 256 << 20;

/// A connected client.
pub(crate) struct Client {
    /// The address from the command line, consisting of a host and a port.
    pub(crate) address: String,
    /// The name that the client reports.
    pub(crate) name: String,
    pub(crate) suites: BTreeSet<u32>,
    pub(crate) rpc: MlsClientClient<Channel>,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("{address} is not an address (host:port): {error}"))?;
        let channel = endpoint
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|error| format!("no connection to {address}: {}", chain(&error)))?;
        let mut rpc = MlsClientClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        let unable = |call: &str, status: &Status| {
            format!("{address} does not answer {call}: {:?}: {}", status.code(), status.message())
        };
        let name =
            bounded(rpc.name(proto::NameRequest {})).await.map_err(|status| unable("Name", &status))?.name;
        let suites = bounded(rpc.supported_ciphersuites(proto::SupportedCiphersuitesRequest {}))
            .await
            .map_err(|status| unable("SupportedCiphersuites", &status))?
            .ciphersuites
            .into_iter()
            .collect();
        Ok(Self { address: address.to_owned(), name, suites, rpc })
    }
}

/// Returns the response to a call, or an error if the call exceeds the deadline.
pub(crate) async fn bounded<R>(call: impl Future<Output = Result<Response<R>, Status>>) -> Result<R, Status> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no response within {} s", DEADLINE.as_secs()))),
    }
}

/// Returns the text of an error followed by all its sources, because a transport error alone is
/// rarely informative.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
