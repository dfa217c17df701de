//! Requests to remove a client from a group (docs/protocol.md, section 11).

use crate::ClientId;
use pando_wire::Encode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The request that the server proposes to remove a client until a Commit removes the client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RemovalIntent {
    /// The client: the session's own, or another client of the same user.
    pub client: ClientId,
    /// The sequence number of the Commit or creation by which the client became a member. It binds
    /// the request to one membership, so a replayed request does not remove a client that has
    /// joined again.
    pub since: u64,
}

impl Encode for RemovalIntent {}
