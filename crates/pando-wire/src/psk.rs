//! Identifiers of pre-shared keys (RFC 9420, section 8.4).

use crate::{GroupId, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The identifier of a pre-shared key, with a nonce that makes each use unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PreSharedKeyId {
    /// The pre-shared key.
    pub psk: Psk,
    /// `KDF.Nh` random bytes.
    pub psk_nonce: Opaque,
}

impl crate::Encode for PreSharedKeyId {}

/// A pre-shared key, by its origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Psk {
    /// A key from the application.
    #[tls_codec(discriminant = 1)]
    External {
        /// The application's identifier of the key.
        psk_id: Opaque,
    },
    /// The `resumption_psk` of a group's epoch.
    #[tls_codec(discriminant = 2)]
    Resumption {
        /// The usage.
        usage: ResumptionPskUsage,
        /// The group.
        psk_group_id: GroupId,
        /// The epoch.
        psk_epoch: u64,
    },
}

impl crate::Encode for Psk {}

/// The usage of a resumption PSK.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
#[repr(u8)]
pub enum ResumptionPskUsage {
    /// Any purpose of the application.
    Application = 1,
    /// Reinitialization of a group (section 11.2).
    ReInit = 2,
    /// Branching of a group (section 11.3).
    Branch = 3,
}

impl crate::Encode for ResumptionPskUsage {}

/// The context that binds a pre-shared key to its position in the key schedule.
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct PskLabel<'a> {
    /// The identifier of the pre-shared key.
    pub id: &'a PreSharedKeyId,
    /// The position in the list, counted from 0.
    pub index: u16,
    /// The length of the list.
    pub count: u16,
}

impl crate::Encode for PskLabel<'_> {}
