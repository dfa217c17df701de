//! Heads: the hash of a log's newest entry, signed by the server.

use super::key::{HeadError, KeyId, ServerKey, ServerKeys};
use super::log_id::LogId;
use crate::{Digest, Domain};
use pando_wire::{Encode, EncodeError, GroupId, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The place and the hash of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Head {
    /// The domain of the server.
    pub domain: Domain,
    /// The group.
    pub group_id: GroupId,
    /// The incarnation of the server's data in which the entry was made.
    pub incarnation: u64,
    /// The sequence number of the entry.
    pub seq: u64,
    /// The time of the entry, in milliseconds since 1970.
    pub time: u64,
    /// The hash of the entry.
    pub hash: Digest,
}

impl Encode for Head {}

/// `HeadTBS`.
#[derive(Debug, TlsSerialize, TlsSize)]
struct HeadTbs {
    label: Opaque,
    head: Head,
}

impl Encode for HeadTbs {}

/// A head with the server's signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SignedHead {
    /// The head.
    pub head: Head,
    /// The identifier of the server's key.
    pub key_id: KeyId,
    /// The Ed25519 signature of the head.
    pub signature: Opaque,
}

impl Encode for SignedHead {}

impl Head {
    /// Returns the log that this head belongs to.
    #[must_use]
    pub fn log(&self) -> LogId {
        LogId { domain: self.domain.clone(), group_id: self.group_id.clone() }
    }

    /// Signs this head.
    ///
    /// # Errors
    /// [`EncodeError`] if a field is too long.
    pub fn sign(self, key: &ServerKey) -> Result<SignedHead, EncodeError> {
        let signature = key.sign(&self.to_be_signed()?).into();
        Ok(SignedHead { head: self, key_id: key.public().id(), signature })
    }

    fn to_be_signed(&self) -> Result<Vec<u8>, EncodeError> {
        HeadTbs { label: b"Pando 1.0 Head".as_slice().into(), head: self.clone() }.encode()
    }
}

impl SignedHead {
    /// Verifies the signature by the server's key that the head names.
    ///
    /// # Errors
    /// [`HeadError`] if the key is unknown or the signature is wrong.
    pub fn verify(&self, keys: &ServerKeys) -> Result<&Head, HeadError> {
        let key = keys.get(self.key_id).ok_or(HeadError::UnknownKey(self.key_id))?;
        let signed = self.head.to_be_signed().map_err(|_| HeadError::Signature)?;
        if key.verifies(&signed, &self.signature) { Ok(&self.head) } else { Err(HeadError::Signature) }
    }
}
