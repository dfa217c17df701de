//! The clients under test: gRPC servers, each with a name and the cipher suites that it supports.

use crate::proto;
use crate::proto::mls_client_client::MlsClientClient;
use std::collections::BTreeSet;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// How long a client may take over a call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may be: a tree of many members is longer than the 4 MiB that are usual.
const LARGEST_ANSWER: usize = 256 << 20;

/// A client that has answered.
pub(crate) struct Client {
    /// As it was given: host and port.
    pub(crate) address: String,
    /// As it calls itself.
    pub(crate) name: String,
    pub(crate) suites: BTreeSet<u32>,
    pub(crate) rpc: MlsClientClient<Channel>,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Result<Self, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| format!("{address} is no address (host:port): {error}"))?;
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

/// The answer, if it comes before the deadline.
pub(crate) async fn bounded<R>(call: impl Future<Output = Result<Response<R>, Status>>) -> Result<R, Status> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {} s", DEADLINE.as_secs()))),
    }
}

/// An error with what has caused it: the one of the transport says little by itself.
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
