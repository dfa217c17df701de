//! The name of a log.

use crate::Domain;
use pando_wire::GroupId;

/// The name of a log: the server's domain and the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogId {
    /// The domain of the server.
    pub domain: Domain,
    /// The group.
    pub group_id: GroupId,
}
