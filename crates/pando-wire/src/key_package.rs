//! Key packages (RFC 9420, section 10).

use crate::codec::EncodeError;
use crate::{CipherSuite, Extensions, HpkePublicKey, LeafNode, ProtocolVersion, Signature};
use tls_codec::{Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// What a client publishes so that others can add it to groups while it is away.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct KeyPackage {
    /// The protocol version it is for.
    pub version: ProtocolVersion,
    /// The cipher suite it is for.
    pub cipher_suite: CipherSuite,
    /// The key that the Welcome is encrypted to. Used once.
    pub init_key: HpkePublicKey,
    /// The leaf that the client will have in the tree.
    pub leaf_node: LeafNode,
    /// Further properties.
    pub extensions: Extensions,
    /// `SignWithLabel(., "KeyPackageTBS", KeyPackageTBS)`, by the key in the leaf.
    pub signature: Signature,
}

impl crate::Encode for KeyPackage {}

impl KeyPackage {
    /// `KeyPackageTBS`: what the signature covers.
    ///
    /// # Errors
    /// [`EncodeError`] if a vector is too long.
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
