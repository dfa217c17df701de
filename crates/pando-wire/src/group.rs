//! The GroupContext (RFC 9420, section 8.1) and the GroupInfo (section 12.4.3).

use crate::codec::EncodeError;
use crate::{CipherSuite, Extensions, GroupId, LeafIndex, Mac, Opaque, ProtocolVersion, Signature};
use tls_codec::{Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The group state that all members agree on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupContext {
    /// The protocol version of the group.
    pub version: ProtocolVersion,
    /// The cipher suite of the group.
    pub cipher_suite: CipherSuite,
    /// The identifier of the group.
    pub group_id: GroupId,
    /// The epoch, which is the number of Commits since the group was created.
    pub epoch: u64,
    /// The hash of the ratchet tree's root (section 7.8).
    pub tree_hash: Opaque,
    /// The hash of all Commits up to the one that started this epoch (section 8.2). The hash is
    /// empty in epoch 0.
    pub confirmed_transcript_hash: Opaque,
    /// The extensions of the group.
    pub extensions: Extensions,
}

impl crate::Encode for GroupContext {}

/// The description of a group from which a client can join it.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupInfo {
    /// The GroupContext of the group.
    pub group_context: GroupContext,
    /// Additional information, for example the ratchet tree.
    pub extensions: Extensions,
    /// The confirmation tag of the Commit that started this epoch.
    pub confirmation_tag: Mac,
    /// The member that signed this GroupInfo.
    pub signer: LeafIndex,
    /// The signature: `SignWithLabel(., "GroupInfoTBS", GroupInfoTBS)`.
    pub signature: Signature,
}

impl crate::Encode for GroupInfo {}

impl GroupInfo {
    /// Returns the encoded `GroupInfoTBS`, which the signature covers.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if a vector is too long.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(self.tls_serialized_len());
        self.group_context.tls_serialize(&mut bytes)?;
        self.extensions.tls_serialize(&mut bytes)?;
        self.confirmation_tag.tls_serialize(&mut bytes)?;
        self.signer.tls_serialize(&mut bytes)?;
        Ok(bytes)
    }
}
