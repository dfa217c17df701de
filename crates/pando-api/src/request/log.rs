//! Acknowledgements of log entries (docs/protocol.md, section 7).

use pando_wire::Encode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A client's statement that it has stored all entries of a log up to a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Acknowledgement {
    /// The sequence number of the last stored entry.
    pub seq: u64,
}

impl Encode for Acknowledgement {}
