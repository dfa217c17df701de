//! Credentials (RFC 9420, section 5.3).
//!
//! This module deliberately does not validate credentials; an identity policy does that.

use crate::codec::list;
use crate::{CredentialType, Opaque};
use std::fmt;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A credential, which binds one or more identities to a signature key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A bare assertion of an identity, in a format that the application chooses.
    Basic {
        /// The identity as bytes.
        identity: Opaque,
    },
    /// A certificate chain that starts with the end-entity certificate. Each certificate certifies
    /// the preceding one.
    X509 {
        /// The certificates of the chain.
        certificates: Vec<Certificate>,
    },
    /// A credential of a type that RFC 9420 does not define, decoded as `opaque data<V>`.
    Other {
        /// The credential type, which is neither `basic` nor `x509`.
        credential_type: CredentialType,
        /// The encoded contents of the credential.
        data: Opaque,
    },
}

impl crate::Encode for Credential {}

/// A DER-encoded X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Certificate {
    /// The DER encoding of the certificate.
    pub cert_data: Opaque,
}

impl crate::Encode for Certificate {}

impl Credential {
    /// Returns a basic credential with the given identity.
    #[must_use]
    pub fn basic(identity: impl Into<Opaque>) -> Self {
        Self::Basic { identity: identity.into() }
    }

    /// Returns the identity of a basic credential, or `None` for another type.
    #[must_use]
    pub fn as_basic(&self) -> Option<&[u8]> {
        match self {
            Self::Basic { identity } => Some(identity),
            Self::X509 { .. } | Self::Other { .. } => None,
        }
    }

    /// Returns the type of this credential.
    #[must_use]
    pub const fn credential_type(&self) -> CredentialType {
        match self {
            Self::Basic { .. } => CredentialType::BASIC,
            Self::X509 { .. } => CredentialType::X509,
            Self::Other { credential_type, .. } => *credential_type,
        }
    }
}

/// Prints a basic identity as text, escaping all bytes except printable ASCII. For any other
/// credential, prints only its type and, for X.509, the number of certificates.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { identity } => write!(f, "{}", identity.escape_ascii()),
            Self::X509 { certificates } => write!(f, "x509 with {} certificates", certificates.len()),
            Self::Other { credential_type, .. } => write!(f, "{credential_type}"),
        }
    }
}

impl Size for Credential {
    fn tls_serialized_len(&self) -> usize {
        let body = match self {
            Self::Basic { identity } => identity.tls_serialized_len(),
            Self::X509 { certificates } => list::tls_serialized_len(certificates),
            Self::Other { data, .. } => data.tls_serialized_len(),
        };
        self.credential_type().tls_serialized_len().saturating_add(body)
    }
}

impl Serialize for Credential {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let head = self.credential_type().tls_serialize(writer)?;
        let body = match self {
            Self::Basic { identity } => identity.tls_serialize(writer),
            Self::X509 { certificates } => list::tls_serialize(certificates, writer),
            Self::Other { data, .. } => data.tls_serialize(writer),
        }?;
        Ok(head.saturating_add(body))
    }
}

impl DeserializeBytes for Credential {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (credential_type, bytes) = CredentialType::tls_deserialize_bytes(bytes)?;
        match credential_type {
            CredentialType::BASIC => {
                let (identity, rest) = Opaque::tls_deserialize_bytes(bytes)?;
                Ok((Self::Basic { identity }, rest))
            }
            CredentialType::X509 => {
                let (certificates, rest) = list::tls_deserialize_bytes(bytes)?;
                Ok((Self::X509 { certificates }, rest))
            }
            _ => {
                let (data, rest) = Opaque::tls_deserialize_bytes(bytes)?;
                Ok((Self::Other { credential_type, data }, rest))
            }
        }
    }
}
