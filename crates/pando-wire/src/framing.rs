//! Message framing (RFC 9420, section 6).
//!
//! What is in [`FramedContentAuthData`] and behind it depends on the content and on the sender, so these
//! are read and written by hand.

use crate::{
    Commit, GroupContext, GroupId, LeafIndex, Mac, Opaque, Proposal, ProtocolVersion, Signature, WireFormat,
};
use std::fmt;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Who sends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Sender {
    /// A member, by its leaf.
    #[tls_codec(discriminant = 1)]
    Member(LeafIndex),
    /// Somebody outside, by the position in the external_senders extension.
    #[tls_codec(discriminant = 2)]
    External(u32),
    /// Somebody who proposes to be added.
    #[tls_codec(discriminant = 3)]
    NewMemberProposal,
    /// Somebody who joins by an external Commit.
    #[tls_codec(discriminant = 4)]
    NewMemberCommit,
}

impl crate::Encode for Sender {}

/// What kind of content a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ContentType {
    /// Data of the application.
    Application = 1,
    /// A Proposal.
    Proposal = 2,
    /// A Commit.
    Commit = 3,
}

impl crate::Encode for ContentType {}

/// What a message carries. Of data of the application, no more than the length is printed.
#[derive(Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Content {
    /// Data of the application.
    #[tls_codec(discriminant = 1)]
    Application(Opaque),
    /// A Proposal.
    #[tls_codec(discriminant = 2)]
    Proposal(Proposal),
    /// A Commit.
    #[tls_codec(discriminant = 3)]
    Commit(Box<Commit>),
}

impl crate::Encode for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(data) => write!(f, "Application([{} bytes])", data.len()),
            Self::Proposal(proposal) => f.debug_tuple("Proposal").field(proposal).finish(),
            Self::Commit(commit) => f.debug_tuple("Commit").field(commit).finish(),
        }
    }
}

impl Content {
    /// The kind of this content.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        match self {
            Self::Application(_) => ContentType::Application,
            Self::Proposal(_) => ContentType::Proposal,
            Self::Commit(_) => ContentType::Commit,
        }
    }

    /// Reads the content without the type in front of it.
    fn deserialize_body(content_type: ContentType, bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        match content_type {
            ContentType::Application => {
                Opaque::tls_deserialize_bytes(bytes).map(|(body, rest)| (Self::Application(body), rest))
            }
            ContentType::Proposal => {
                Proposal::tls_deserialize_bytes(bytes).map(|(body, rest)| (Self::Proposal(body), rest))
            }
            ContentType::Commit => {
                Box::tls_deserialize_bytes(bytes).map(|(body, rest)| (Self::Commit(body), rest))
            }
        }
    }

    /// Writes the content without the type in front of it.
    fn serialize_body<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        match self {
            Self::Application(body) => body.tls_serialize(writer),
            Self::Proposal(body) => body.tls_serialize(writer),
            Self::Commit(body) => body.tls_serialize(writer),
        }
    }
}

/// Content, where it belongs, and who sends it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct FramedContent {
    /// The group.
    pub group_id: GroupId,
    /// The epoch in which it is sent.
    pub epoch: u64,
    /// Who sends it.
    pub sender: Sender,
    /// Data of the application that is authenticated and not encrypted.
    pub authenticated_data: Opaque,
    /// The content.
    pub content: Content,
}

impl crate::Encode for FramedContent {}

/// What proves that the content is from its sender, and that the committer's new state is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramedContentAuthData {
    /// `SignWithLabel(., "FramedContentTBS", FramedContentTBS)`.
    pub signature: Signature,
    /// `MAC(confirmation_key, confirmed_transcript_hash)`: there for a Commit, and only then.
    pub confirmation_tag: Option<Mac>,
}

impl crate::Encode for FramedContentAuthData {}

impl FramedContentAuthData {
    fn deserialize(content_type: ContentType, bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (signature, bytes) = Signature::tls_deserialize_bytes(bytes)?;
        let (confirmation_tag, bytes) = if content_type == ContentType::Commit {
            let (tag, bytes) = Mac::tls_deserialize_bytes(bytes)?;
            (Some(tag), bytes)
        } else {
            (None, bytes)
        };
        Ok((Self { signature, confirmation_tag }, bytes))
    }
}

impl Size for FramedContentAuthData {
    fn tls_serialized_len(&self) -> usize {
        let tag = self.confirmation_tag.as_ref().map_or(0, Size::tls_serialized_len);
        self.signature.tls_serialized_len().saturating_add(tag)
    }
}

impl Serialize for FramedContentAuthData {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let signature = self.signature.tls_serialize(writer)?;
        let tag = self.confirmation_tag.as_ref().map_or(Ok(0), |tag| tag.tls_serialize(writer))?;
        Ok(signature.saturating_add(tag))
    }
}

/// Content with its proof, and the format it is sent in: what transcripts and proposal references hash.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsSize)]
pub struct AuthenticatedContent {
    /// The format in which it is sent.
    pub wire_format: WireFormat,
    /// The content.
    pub content: FramedContent,
    /// The proof.
    pub auth: FramedContentAuthData,
}

impl crate::Encode for AuthenticatedContent {}

impl DeserializeBytes for AuthenticatedContent {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (wire_format, bytes) = WireFormat::tls_deserialize_bytes(bytes)?;
        let (content, bytes) = FramedContent::tls_deserialize_bytes(bytes)?;
        let (auth, bytes) = FramedContentAuthData::deserialize(content.content.content_type(), bytes)?;
        Ok((Self { wire_format, content, auth }, bytes))
    }
}

/// What a message's signature covers (section 6.1).
#[derive(Debug)]
pub struct FramedContentTbs<'a> {
    /// The format in which it is sent.
    pub wire_format: WireFormat,
    /// The content.
    pub content: &'a FramedContent,
    /// The state of the group: there for members and new members who commit, and only then.
    pub context: Option<&'a GroupContext>,
}

impl crate::Encode for FramedContentTbs<'_> {}

impl Size for FramedContentTbs<'_> {
    fn tls_serialized_len(&self) -> usize {
        let context = self.context.map_or(0, Size::tls_serialized_len);
        // The version and the wire format take two bytes each.
        self.content.tls_serialized_len().saturating_add(context).saturating_add(4)
    }
}

impl Serialize for FramedContentTbs<'_> {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        ProtocolVersion::MLS_10.tls_serialize(writer)?;
        self.wire_format.tls_serialize(writer)?;
        let content = self.content.tls_serialize(writer)?;
        let context = self.context.map_or(Ok(0), |context| context.tls_serialize(writer))?;
        Ok(content.saturating_add(context).saturating_add(4))
    }
}

/// What the membership tag of a PublicMessage covers (section 6.2).
#[derive(Debug)]
pub struct AuthenticatedContentTbm<'a> {
    /// What the signature covers.
    pub content_tbs: FramedContentTbs<'a>,
    /// The proof.
    pub auth: &'a FramedContentAuthData,
}

impl crate::Encode for AuthenticatedContentTbm<'_> {}

impl Size for AuthenticatedContentTbm<'_> {
    fn tls_serialized_len(&self) -> usize {
        self.content_tbs.tls_serialized_len().saturating_add(self.auth.tls_serialized_len())
    }
}

impl Serialize for AuthenticatedContentTbm<'_> {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let content = self.content_tbs.tls_serialize(writer)?;
        let auth = self.auth.tls_serialize(writer)?;
        Ok(content.saturating_add(auth))
    }
}

/// A message that is signed but not encrypted (section 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicMessage {
    /// The content.
    pub content: FramedContent,
    /// The proof.
    pub auth: FramedContentAuthData,
    /// The proof that the sender is a member: there for members, and only for them.
    pub membership_tag: Option<Mac>,
}

impl crate::Encode for PublicMessage {}

impl Size for PublicMessage {
    fn tls_serialized_len(&self) -> usize {
        let tag = self.membership_tag.as_ref().map_or(0, Size::tls_serialized_len);
        self.content.tls_serialized_len().saturating_add(self.auth.tls_serialized_len()).saturating_add(tag)
    }
}

impl Serialize for PublicMessage {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let content = self.content.tls_serialize(writer)?;
        let auth = self.auth.tls_serialize(writer)?;
        let tag = self.membership_tag.as_ref().map_or(Ok(0), |tag| tag.tls_serialize(writer))?;
        Ok(content.saturating_add(auth).saturating_add(tag))
    }
}

impl DeserializeBytes for PublicMessage {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (content, bytes) = FramedContent::tls_deserialize_bytes(bytes)?;
        let (auth, bytes) = FramedContentAuthData::deserialize(content.content.content_type(), bytes)?;
        let (membership_tag, bytes) = if matches!(content.sender, Sender::Member(_)) {
            let (tag, bytes) = Mac::tls_deserialize_bytes(bytes)?;
            (Some(tag), bytes)
        } else {
            (None, bytes)
        };
        Ok((Self { content, auth, membership_tag }, bytes))
    }
}

/// A message that is signed and encrypted (section 6.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PrivateMessage {
    /// The group.
    pub group_id: GroupId,
    /// The epoch in which it is sent.
    pub epoch: u64,
    /// What kind of content it carries.
    pub content_type: ContentType,
    /// Data of the application that is authenticated and not encrypted.
    pub authenticated_data: Opaque,
    /// The SenderData, encrypted.
    pub encrypted_sender_data: Opaque,
    /// The PrivateMessageContent, encrypted.
    pub ciphertext: Opaque,
}

impl crate::Encode for PrivateMessage {}

/// What is encrypted in a PrivateMessage (section 6.3.1). The padding is not stored: it is zeros.
#[derive(Debug, PartialEq, Eq)]
pub struct PrivateMessageContent {
    /// The content.
    pub content: Content,
    /// The proof.
    pub auth: FramedContentAuthData,
}

impl PrivateMessageContent {
    /// Reads the content of a decrypted PrivateMessage, whose type stands outside.
    ///
    /// # Errors
    /// [`DecodeError`](crate::DecodeError) if it is malformed or a byte of the padding is not zero.
    pub fn decode(content_type: ContentType, bytes: &[u8]) -> Result<Self, crate::DecodeError> {
        let (content, bytes) = Content::deserialize_body(content_type, bytes)?;
        let (auth, padding) = FramedContentAuthData::deserialize(content_type, bytes)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(crate::DecodeError::Malformed("padding that is not zero".into()));
        }
        Ok(Self { content, auth })
    }

    /// The length of what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`](crate::EncodeError) if it does not fit into a vector, padding included.
    pub fn encoded_len(
        content: &Content,
        auth: &FramedContentAuthData,
        padded_len: impl FnOnce(usize) -> usize,
    ) -> Result<usize, crate::EncodeError> {
        // One byte more than is needed: the content's type is counted and not written.
        let len = content.tls_serialized_len().saturating_add(auth.tls_serialized_len()).saturating_sub(1);
        let padded = padded_len(len).max(len);
        if padded > crate::MAX_VECTOR_LEN { Err(crate::EncodeError::TooLong) } else { Ok(padded) }
    }

    /// Writes the content and the proof, followed by as many zeros as `padded_len` says for the length
    /// without them. A `padded_len` below the length given means no padding.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`](crate::EncodeError) if it does not fit into a vector, padding included.
    pub fn encode(
        content: &Content,
        auth: &FramedContentAuthData,
        padded_len: impl FnOnce(usize) -> usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, crate::EncodeError> {
        let padded = Self::encoded_len(content, auth, padded_len)?;
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(padded));
        content.serialize_body(&mut *bytes)?;
        auth.tls_serialize(&mut *bytes)?;
        bytes.resize(padded, 0);
        Ok(bytes)
    }
}

/// What the encryption of a PrivateMessage's content is bound to (section 6.3.1).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct PrivateContentAad<'a> {
    /// The group.
    pub group_id: &'a GroupId,
    /// The epoch.
    pub epoch: u64,
    /// What kind of content it is.
    pub content_type: ContentType,
    /// Data of the application.
    pub authenticated_data: &'a Opaque,
}

impl crate::Encode for PrivateContentAad<'_> {}

/// Which key of which member a PrivateMessage is encrypted with (section 6.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SenderData {
    /// The leaf of the sender.
    pub leaf_index: LeafIndex,
    /// The generation of the sender's ratchet.
    pub generation: u32,
    /// Four random bytes for the nonce.
    pub reuse_guard: [u8; 4],
}

impl crate::Encode for SenderData {}

/// What the encryption of the SenderData is bound to (section 6.3.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct SenderDataAad<'a> {
    /// The group.
    pub group_id: &'a GroupId,
    /// The epoch.
    pub epoch: u64,
    /// What kind of content it is.
    pub content_type: ContentType,
}

impl crate::Encode for SenderDataAad<'_> {}

/// What a Commit adds to the confirmed transcript hash (section 8.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct ConfirmedTranscriptHashInput<'a> {
    /// The format in which it was sent.
    pub wire_format: WireFormat,
    /// The content, which is a Commit.
    pub content: &'a FramedContent,
    /// The signature.
    pub signature: &'a Signature,
}

impl crate::Encode for ConfirmedTranscriptHashInput<'_> {}

/// What a Commit adds to the interim transcript hash (section 8.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct InterimTranscriptHashInput<'a> {
    /// The confirmation tag.
    pub confirmation_tag: &'a Mac,
}

impl crate::Encode for InterimTranscriptHashInput<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeError, MAX_VECTOR_LEN};

    /// A length of padding is a setting, and may be any number.
    #[test]
    fn padding_to_more_than_a_vector_can_hold_is_refused() {
        let content = Content::Application(b"hello".as_slice().into());
        let auth = FramedContentAuthData { signature: vec![1; 64].into(), confirmation_tag: None };
        let encoded_len = |padded| PrivateMessageContent::encoded_len(&content, &auth, |_| padded);
        let least = 1 + 5 + 2 + 64;
        for (padded, len) in [(0, least), (least, least), (100, 100), (MAX_VECTOR_LEN, MAX_VECTOR_LEN)] {
            assert_eq!(encoded_len(padded), Ok(len));
        }
        for padded in [MAX_VECTOR_LEN + 1, usize::MAX / 2 + 1, usize::MAX] {
            assert_eq!(encoded_len(padded), Err(EncodeError::TooLong));
            let encoded = PrivateMessageContent::encode(&content, &auth, |_| padded);
            assert_eq!(encoded, Err(EncodeError::TooLong));
        }
        for padded in [0, least + 1, 1_000] {
            let encoded = PrivateMessageContent::encode(&content, &auth, |_| padded).unwrap();
            assert_eq!(encoded_len(padded), Ok(encoded.len()));
        }
    }
}
