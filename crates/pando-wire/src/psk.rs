//! Identifiers of pre-shared keys (RFC 9420, section 8.4).

use crate::{GroupId, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Which pre-shared key, with a nonce that makes this use of it unlike any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PreSharedKeyId {
    /// Which key.
    pub psk: Psk,
    /// `KDF.Nh` random bytes.
    pub psk_nonce: Opaque,
}

impl crate::Encode for PreSharedKeyId {}

/// A pre-shared key, by where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Psk {
    /// Given by the application.
    #[tls_codec(discriminant = 1)]
    External {
        /// The application's name for it.
        psk_id: Opaque,
    },
    /// The `resumption_psk` of an epoch of a group.
    #[tls_codec(discriminant = 2)]
    Resumption {
        /// What for.
        usage: ResumptionPskUsage,
        /// The group.
        psk_group_id: GroupId,
        /// The epoch.
        psk_epoch: u64,
    },
}

impl crate::Encode for Psk {}

/// What a resumption PSK is used for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
#[repr(u8)]
pub enum ResumptionPskUsage {
    /// Whatever the application wants.
    Application = 1,
    /// To start a group again (section 11.2).
    ReInit = 2,
    /// To branch a group off (section 11.3).
    Branch = 3,
}

impl crate::Encode for ResumptionPskUsage {}

/// The context under which a pre-shared key enters the key schedule.
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct PskLabel<'a> {
    /// Which key.
    pub id: &'a PreSharedKeyId,
    /// Its position in the list, from 0.
    pub index: u16,
    /// The length of the list.
    pub count: u16,
}

impl crate::Encode for PskLabel<'_> {}
