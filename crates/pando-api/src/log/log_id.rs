//! The name of a log.

use crate::Domain;
use pando_wire::GroupId;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The name of a log: the server's domain and the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LogId {
    /// The domain of the server.
    pub domain: Domain,
    /// The group.
    pub group_id: GroupId,
}
