//! The keys by which a server signs heads.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};
use zeroize::Zeroizing;

/// The length in bytes of a key identifier.
const KEY_ID_LEN: usize = 8;

/// The identifier of a server's key: the first 8 bytes of the SHA-256 of the public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; KEY_ID_LEN]);

impl AsRef<[u8]> for KeyId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// `opaque key_id<V>` of exactly 8 bytes.
impl Size for KeyId {
    fn tls_serialized_len(&self) -> usize {
        KEY_ID_LEN.saturating_add(1)
    }
}

impl Serialize for KeyId {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, Error> {
        pando_wire::Opaque::from(self.0.as_slice()).tls_serialize(writer)
    }
}

impl DeserializeBytes for KeyId {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (id, rest) = pando_wire::Opaque::tls_deserialize_bytes(bytes)?;
        let id = <[u8; KEY_ID_LEN]>::try_from(id.as_slice());
        let id = id.map_err(|_| Error::DecodingError("a key identifier has 8 bytes".to_owned()))?;
        Ok((Self(id), rest))
    }
}

/// A private key by which a server signs heads. Its secret is zeroized on drop.
pub struct ServerKey(SigningKey);

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({})", self.public().id())
    }
}

impl ServerKey {
    /// Returns the key with these 32 secret bytes, which must come from a secure generator.
    #[must_use]
    pub fn from_secret(secret: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> ServerPublicKey {
        ServerPublicKey(self.0.verifying_key())
    }

    /// Signs bytes that begin with a label of this protocol.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).to_bytes().to_vec()
    }
}

/// A public key by which readers verify heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerPublicKey(VerifyingKey);

impl ServerPublicKey {
    /// Decodes a public key of 32 bytes.
    ///
    /// # Errors
    /// [`HeadError::Key`] if the bytes are not a public key of Ed25519.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeadError> {
        let key = VerifyingKey::try_from(bytes).map_err(|_| HeadError::Key)?;
        // Every signature by a key of low order is valid for many messages.
        if key.is_weak() { Err(HeadError::Key) } else { Ok(Self(key)) }
    }

    /// Returns the 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Returns the identifier of the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let hash: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// Returns whether `signature` is this key's signature of `bytes`.
    pub(crate) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::try_from(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}

/// The keys of one server: the current one, and the earlier ones whose heads readers still hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerKeys(Vec<ServerPublicKey>);

impl ServerKeys {
    /// Returns the key with this identifier.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&ServerPublicKey> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// Returns the keys.
    pub fn iter(&self) -> impl Iterator<Item = &ServerPublicKey> {
        self.0.iter()
    }
}

impl FromIterator<ServerPublicKey> for ServerKeys {
    fn from_iter<I: IntoIterator<Item = ServerPublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// Reason why a head is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The bytes of a key are not a public key of Ed25519.
    #[error("not an Ed25519 public key")]
    Key,
    /// The server is not known to have the key that signed the head.
    #[error("the server has no key {0}")]
    UnknownKey(KeyId),
    /// The signature of the head is wrong.
    #[error("wrong signature of the head")]
    Signature,
}
