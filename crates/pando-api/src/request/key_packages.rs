//! Uploading, counting and claiming KeyPackages (docs/protocol.md, section 12).

use crate::codec::flag;
use crate::{ClaimId, ClientId, UserId};
use pando_mls::CipherSuite;
use pando_mls::wire::RequiredCapabilities;
use pando_wire::{Encode, Opaque, list};
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The request to store KeyPackages of the session's client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UploadKeyPackages {
    /// The KeyPackages, each encoded.
    #[tls_codec(with = "list")]
    pub key_packages: Vec<Opaque>,
    /// The encoded KeyPackage with the `last_resort` extension. Empty to leave the stored one as it
    /// is.
    pub last_resort: Opaque,
}

impl Encode for UploadKeyPackages {}

/// The number of stored KeyPackages of a cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackageCount {
    /// The cipher suite.
    pub cipher_suite: CipherSuite,
    /// The number of KeyPackages, without the one of last resort.
    pub count: u32,
    /// Whether a KeyPackage of last resort is stored.
    #[tls_codec(with = "flag")]
    pub has_last_resort: bool,
}

impl Encode for KeyPackageCount {}

/// The numbers of stored KeyPackages of the session's client.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackageCounts {
    /// The numbers by cipher suite.
    #[tls_codec(with = "list")]
    pub counts: Vec<KeyPackageCount>,
}

impl Encode for KeyPackageCounts {}

/// The request for KeyPackages of a user's clients or of one client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ClaimKeyPackages {
    /// The identifier of the claim.
    pub claim_id: ClaimId,
    /// The clients.
    pub target: ClaimTarget,
    /// The cipher suite of the KeyPackages.
    pub cipher_suite: CipherSuite,
    /// The capabilities that each client must have.
    pub capabilities: RequiredCapabilities,
}

impl Encode for ClaimKeyPackages {}

/// The clients whose KeyPackages are claimed: the fields `user` and `client`. One of the fields is
/// empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimTarget {
    /// All clients of a user.
    User(UserId),
    /// One client.
    Client(ClientId),
}

/// The result of a claim for one client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ClaimedKeyPackage {
    /// The client.
    pub client: ClientId,
    /// The KeyPackage, or the reason why there is none.
    pub status: ClaimStatus,
}

impl Encode for ClaimedKeyPackage {}

/// The KeyPackage that a claim returns for a client, or the reason why there is none: the fields
/// `status` and `key_package`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimStatus {
    /// An encoded KeyPackage that no other claim returns.
    KeyPackage(Opaque),
    /// The encoded KeyPackage of last resort, which other claims may return, too.
    LastResort(Opaque),
    /// The client has no KeyPackage of the cipher suite.
    None,
    /// The client does not have the capabilities.
    Unsupported,
}

/// The results of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ClaimedKeyPackages {
    /// The result for each client.
    #[tls_codec(with = "list")]
    pub clients: Vec<ClaimedKeyPackage>,
}

impl Encode for ClaimedKeyPackages {}

impl Size for ClaimTarget {
    fn tls_serialized_len(&self) -> usize {
        // The empty field takes one byte.
        let named = match self {
            Self::User(user) => user.tls_serialized_len(),
            Self::Client(client) => client.tls_serialized_len(),
        };
        named.saturating_add(1)
    }
}

impl Serialize for ClaimTarget {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let (first, second) = match self {
            Self::User(user) => (user.tls_serialize(writer)?, Opaque::default().tls_serialize(writer)?),
            Self::Client(client) => (Opaque::default().tls_serialize(writer)?, client.tls_serialize(writer)?),
        };
        Ok(first.saturating_add(second))
    }
}

impl DeserializeBytes for ClaimTarget {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        if let Some((0, bytes)) = bytes.split_first() {
            let (client, rest) = ClientId::tls_deserialize_bytes(bytes)?;
            return Ok((Self::Client(client), rest));
        }
        let (user, bytes) = UserId::tls_deserialize_bytes(bytes)?;
        let (client, rest) = Opaque::tls_deserialize_bytes(bytes)?;
        if client.is_empty() {
            Ok((Self::User(user), rest))
        } else {
            Err(Error::DecodingError("a claim names a user and a client".to_owned()))
        }
    }
}

impl ClaimStatus {
    /// Returns the encoded KeyPackage, if there is one.
    #[must_use]
    pub const fn key_package(&self) -> Option<&Opaque> {
        match self {
            Self::KeyPackage(key_package) | Self::LastResort(key_package) => Some(key_package),
            Self::None | Self::Unsupported => None,
        }
    }

    /// Returns the value of the field `status`.
    const fn number(&self) -> u8 {
        match self {
            Self::KeyPackage(_) => 1,
            Self::LastResort(_) => 2,
            Self::None => 3,
            Self::Unsupported => 4,
        }
    }
}

impl Size for ClaimStatus {
    fn tls_serialized_len(&self) -> usize {
        self.key_package().map_or(1, Size::tls_serialized_len).saturating_add(1)
    }
}

impl Serialize for ClaimStatus {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let status = self.number().tls_serialize(writer)?;
        let key_package = match self.key_package() {
            Some(key_package) => key_package.tls_serialize(writer)?,
            None => Opaque::default().tls_serialize(writer)?,
        };
        Ok(status.saturating_add(key_package))
    }
}

impl DeserializeBytes for ClaimStatus {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (status, bytes) = u8::tls_deserialize_bytes(bytes)?;
        let (key_package, rest) = Opaque::tls_deserialize_bytes(bytes)?;
        let status = match (status, key_package.is_empty()) {
            (1, false) => Self::KeyPackage(key_package),
            (2, false) => Self::LastResort(key_package),
            (3, true) => Self::None,
            (4, true) => Self::Unsupported,
            (1..=4, _) => {
                return Err(Error::DecodingError(format!("status {status} does not go with the KeyPackage")));
            }
            _ => return Err(Error::UnknownValue(status.into())),
        };
        Ok((status, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::{Decode, DecodeError};

    #[test]
    fn a_claim_names_a_user_or_a_client() {
        for (bytes, expected) in [
            (&b"\x03a@b\0"[..], ClaimTarget::User("a@b".parse().unwrap())),
            (b"\0\x05a@b/c", ClaimTarget::Client("a@b/c".parse().unwrap())),
        ] {
            assert_eq!(ClaimTarget::decode(bytes).unwrap(), expected);
            assert_eq!(expected.tls_serialize_detached().unwrap(), bytes);
            assert_eq!(expected.tls_serialized_len(), bytes.len());
        }
        for malformed in
            [&b"\0\0"[..], b"\x03a@b\x05a@b/c", b"\x05a@b/c\0", b"\0\x03a@b", b"\x03a@b", b"\0", b""]
        {
            assert!(ClaimTarget::decode(malformed).is_err(), "{malformed:?}");
        }
    }

    #[test]
    fn a_status_goes_with_a_key_package_or_without() {
        let key_package = || Opaque::from(b"kp");
        for (bytes, expected) in [
            (&b"\x01\x02kp"[..], ClaimStatus::KeyPackage(key_package())),
            (b"\x02\x02kp", ClaimStatus::LastResort(key_package())),
            (b"\x03\0", ClaimStatus::None),
            (b"\x04\0", ClaimStatus::Unsupported),
        ] {
            assert_eq!(ClaimStatus::decode(bytes).unwrap(), expected);
            assert_eq!(expected.tls_serialize_detached().unwrap(), bytes);
            assert_eq!(expected.tls_serialized_len(), bytes.len());
        }
        for malformed in [&b"\x01\0"[..], b"\x02\0", b"\x03\x02kp", b"\x04\x02kp"] {
            assert!(
                matches!(ClaimStatus::decode(malformed), Err(DecodeError::Malformed(_))),
                "{malformed:?}"
            );
        }
        for unknown in [0, 5, u8::MAX] {
            assert_eq!(ClaimStatus::decode(&[unknown, 0]), Err(DecodeError::UnknownValue(unknown.into())));
        }
    }
}
