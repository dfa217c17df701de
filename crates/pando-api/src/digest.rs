//! SHA-256 digests.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pando_wire::Opaque;
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// A SHA-256 digest. In structures it is `opaque<V>` of exactly 32 bytes; in paths and JSON it is
/// base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(<Sha256 as sha2::Digest>::digest(bytes).into())
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The text is not the base64url of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the base64url of a SHA-256 digest")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| DigestError)?;
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Size for Digest {
    fn tls_serialized_len(&self) -> usize {
        self.0.len().saturating_add(1)
    }
}

impl Serialize for Digest {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, Error> {
        Opaque::from(self.0.as_slice()).tls_serialize(writer)
    }
}

impl DeserializeBytes for Digest {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (digest, rest) = Opaque::tls_deserialize_bytes(bytes)?;
        let digest = <[u8; 32]>::try_from(digest.as_slice());
        let digest = digest.map_err(|_| Error::DecodingError("a digest has 32 bytes".to_owned()))?;
        Ok((Self(digest), rest))
    }
}
