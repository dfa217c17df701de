//! Identifiers of pre-shared keys (RFC 9420, section 8.4).

use crate::{GroupId, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The identifier of a pre-shared key, with a nonce that makes each use unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PreSharedKeyId {
    /// The pre-shared key.
    pub psk: Psk,
    /// A nonce of `KDF.Nh` random bytes.
    pub psk_nonce: Opaque,
}

impl crate::Encode for PreSharedKeyId {}

/// The identity of a pre-shared key, which depends on the origin of the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Psk {
    /// A key that the application provides.
    #[tls_codec(discriminant = 1)]
    External {
        /// The identifier that the application assigned to the key.
        psk_id: Opaque,
    },
    /// The `resumption_psk` of an epoch of a group.
    #[tls_codec(discriminant = 2)]
    Resumption {
        /// The purpose for which the key is used.
        usage: ResumptionPskUsage,
        /// The group from which the key is derived.
        psk_group_id: GroupId,
        /// The epoch from which the key is derived.
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
    /// Any purpose that the application chooses.
    Application = 1,
    /// The reinitialization of a group (section 11.2).
    ReInit = 2,
    /// The branching of a group (section 11.3).
    Branch = 3,
}

impl crate::Encode for ResumptionPskUsage {}

/// The context that binds a pre-shared key to its position in the key schedule.
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct PskLabel<'a> {
    /// The identifier of the pre-shared key.
    pub id: &'a PreSharedKeyId,
    /// The position in the list of pre-shared keys, counted from 0.
    pub index: u16,
    /// The length of the list of pre-shared keys.
    pub count: u16,
}

impl crate::Encode for PskLabel<'_> {}
