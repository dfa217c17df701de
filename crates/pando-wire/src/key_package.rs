//! Key packages (RFC 9420, section 10).

use crate::codec::EncodeError;
use crate::{CipherSuite, Extensions, HpkePublicKey, LeafNode, ProtocolVersion, Signature};
use tls_codec::{Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The keys and properties that a client publishes so that members can add it to groups while it is
/// offline.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackage {
    /// The protocol version with which the KeyPackage may be used.
    pub version: ProtocolVersion,
    /// The cipher suite with which the KeyPackage may be used.
    pub cipher_suite: CipherSuite,
    /// The single-use key to which the Welcome is encrypted.
    pub init_key: HpkePublicKey,
    /// The leaf node that the client will have in the ratchet tree.
    pub leaf_node: LeafNode,
    /// Additional properties of the client or of the KeyPackage.
    pub extensions: Extensions,
    /// The signature `SignWithLabel(., "KeyPackageTBS", KeyPackageTBS)`, created with the signature
    /// key of the leaf.
    pub signature: Signature,
}

impl crate::Encode for KeyPackage {}

impl KeyPackage {
    /// Returns the encoded `KeyPackageTBS`, which the signature covers.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if a vector is too long.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(self.tls_serialized_len());
        self.version.tls_serialize(&mut bytes)?;
        self.cipher_suite.tls_serialize(&mut bytes)?;
        self.init_key.tls_serialize(&mut bytes)?;
        self.leaf_node.tls_serialize(&mut bytes)?;
        self.extensions.tls_serialize(&mut bytes)?;
        Ok(bytes)
    }
}
