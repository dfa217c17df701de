//! Message framing (RFC 9420, section 6).
//!
//! The encodings of [`FramedContentAuthData`] and of the fields that follow it depend on the
//! content type and on the sender. Therefore they are implemented by hand.

use crate::{
    Commit, GroupContext, GroupId, LeafIndex, Mac, Opaque, Proposal, ProtocolVersion, Signature, WireFormat,
};
use std::fmt;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The sender of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Sender {
    /// A member, identified by its leaf index.
    #[tls_codec(discriminant = 1)]
    Member(LeafIndex),
    /// An external sender, identified by its position in the `external_senders` extension.
    #[tls_codec(discriminant = 2)]
    External(u32),
    /// A client that proposes its own addition to the group.
    #[tls_codec(discriminant = 3)]
    NewMemberProposal,
    /// A client that joins by an external Commit.
    #[tls_codec(discriminant = 4)]
    NewMemberCommit,
}

impl crate::Encode for Sender {}

/// The type of a message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ContentType {
    /// Application data.
    Application = 1,
    /// A Proposal.
    Proposal = 2,
    /// A Commit.
    Commit = 3,
}

impl crate::Encode for ContentType {}

/// The content of a message. `Debug` prints only the length of application data.
#[derive(Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Content {
    /// Application data.
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
    /// Returns the type of this content.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        match self {
            Self::Application(_) => ContentType::Application,
            Self::Proposal(_) => ContentType::Proposal,
            Self::Commit(_) => ContentType::Commit,
        }
    }

    /// Decodes the content, given the type that precedes it in the encoding.
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

    /// Encodes the content without the type that precedes it.
    fn serialize_body<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        match self {
            Self::Application(body) => body.tls_serialize(writer),
            Self::Proposal(body) => body.tls_serialize(writer),
            Self::Commit(body) => body.tls_serialize(writer),
        }
    }
}

/// Content together with its group, epoch and sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct FramedContent {
    /// The group to which the content is sent.
    pub group_id: GroupId,
    /// The epoch in which the content is sent.
    pub epoch: u64,
    /// The sender of the content.
    pub sender: Sender,
    /// Application data that is authenticated but not encrypted.
    pub authenticated_data: Opaque,
    /// The application data, Proposal or Commit.
    pub content: Content,
}

impl crate::Encode for FramedContent {}

/// The signature of some content and, for a Commit, the confirmation tag of the new epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramedContentAuthData {
    /// The signature: `SignWithLabel(., "FramedContentTBS", FramedContentTBS)`.
    pub signature: Signature,
    /// The tag `MAC(confirmation_key, confirmed_transcript_hash)`, present if and only if the
    /// content is a Commit.
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

/// Content with its authentication data and its wire format, from which transcript hashes and
/// proposal references are computed.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsSize)]
pub struct AuthenticatedContent {
    /// The format in which the content is sent.
    pub wire_format: WireFormat,
    /// The authenticated content.
    pub content: FramedContent,
    /// The authentication data of the content.
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

/// The data that the signature of a message covers (section 6.1).
#[derive(Debug)]
pub struct FramedContentTbs<'a> {
    /// The format in which the content is sent.
    pub wire_format: WireFormat,
    /// The content that is signed.
    pub content: &'a FramedContent,
    /// The GroupContext, present if and only if the sender is a member or joins by an external
    /// Commit.
    pub context: Option<&'a GroupContext>,
}

impl crate::Encode for FramedContentTbs<'_> {}

impl Size for FramedContentTbs<'_> {
    fn tls_serialized_len(&self) -> usize {
        let context = self.context.map_or(0, Size::tls_serialized_len);
        // The version and the wire format each take two bytes.
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

/// The data that the membership tag of a PublicMessage covers (section 6.2).
#[derive(Debug)]
pub struct AuthenticatedContentTbm<'a> {
    /// The data that the signature covers.
    pub content_tbs: FramedContentTbs<'a>,
    /// The authentication data of the message.
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
    /// The content of the message.
    pub content: FramedContent,
    /// The authentication data of the message.
    pub auth: FramedContentAuthData,
    /// The tag that proves that the sender is a member, present if and only if the sender is a
    /// [`Sender::Member`].
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
    /// The group to which the message is sent.
    pub group_id: GroupId,
    /// The epoch in which the message is sent.
    pub epoch: u64,
    /// The type of the content.
    pub content_type: ContentType,
    /// Application data that is authenticated but not encrypted.
    pub authenticated_data: Opaque,
    /// The encrypted SenderData.
    pub encrypted_sender_data: Opaque,
    /// The encrypted PrivateMessageContent.
    pub ciphertext: Opaque,
}

impl crate::Encode for PrivateMessage {}

/// The plaintext of a PrivateMessage (section 6.3.1). The padding is not stored, because it is all
/// zeros.
#[derive(Debug, PartialEq, Eq)]
pub struct PrivateMessageContent {
    /// The content of the message.
    pub content: Content,
    /// The authentication data of the message.
    pub auth: FramedContentAuthData,
}

impl PrivateMessageContent {
    /// Decodes the plaintext of a PrivateMessage. The caller provides the content type, because the
    /// plaintext does not contain it.
    ///
    /// # Errors
    /// Returns [`DecodeError`](crate::DecodeError) if the plaintext is malformed or if a padding
    /// byte is not zero.
    pub fn decode(content_type: ContentType, bytes: &[u8]) -> Result<Self, crate::DecodeError> {
        let (content, bytes) = Content::deserialize_body(content_type, bytes)?;
        let (auth, padding) = FramedContentAuthData::deserialize(content_type, bytes)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(crate::DecodeError::Malformed("padding is not zero".into()));
        }
        Ok(Self { content, auth })
    }

    /// Returns the length of the output of [`encode`](Self::encode).
    ///
    /// # Errors
    /// Returns [`EncodeError::TooLong`](crate::EncodeError) if the padded plaintext does not fit
    /// into a vector.
    pub fn encoded_len(
        content: &Content,
        auth: &FramedContentAuthData,
        padded_len: impl FnOnce(usize) -> usize,
    ) -> Result<usize, crate::EncodeError> {
        // Subtract the byte of the content type, because `Content` counts it but this encoding does
        // not contain it.
        let len = content.tls_serialized_len().saturating_add(auth.tls_serialized_len()).saturating_sub(1);
        let padded = padded_len(len).max(len);
        if padded > crate::MAX_VECTOR_LEN { Err(crate::EncodeError::TooLong) } else { Ok(padded) }
    }

    /// Encodes the content and the authentication data, followed by zeros. `padded_len` maps the
    /// unpadded length to the padded length. If it returns a smaller length, no padding is added.
    ///
    /// # Errors
    /// Returns [`EncodeError::TooLong`](crate::EncodeError) if the padded plaintext does not fit
    /// into a vector.
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

/// The additional authenticated data of a PrivateMessage's content encryption (section 6.3.1).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct PrivateContentAad<'a> {
    /// The group of the message.
    pub group_id: &'a GroupId,
    /// The epoch of the message.
    pub epoch: u64,
    /// The type of the content.
    pub content_type: ContentType,
    /// Application data that is authenticated but not encrypted.
    pub authenticated_data: &'a Opaque,
}

impl crate::Encode for PrivateContentAad<'_> {}

/// The sender of a PrivateMessage and the generation of the key that encrypts it (section 6.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct SenderData {
    /// The leaf index of the sender.
    pub leaf_index: LeafIndex,
    /// The generation of the sender's ratchet that provides the key.
    pub generation: u32,
    /// Four random bytes that are XORed into the nonce.
    pub reuse_guard: [u8; 4],
}

impl crate::Encode for SenderData {}

/// The additional authenticated data of the SenderData encryption (section 6.3.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct SenderDataAad<'a> {
    /// The group of the message.
    pub group_id: &'a GroupId,
    /// The epoch of the message.
    pub epoch: u64,
    /// The type of the content.
    pub content_type: ContentType,
}

impl crate::Encode for SenderDataAad<'_> {}

/// The contribution of a Commit to the confirmed transcript hash (section 8.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct ConfirmedTranscriptHashInput<'a> {
    /// The format in which the Commit was sent.
    pub wire_format: WireFormat,
    /// The content of the message, which is a Commit.
    pub content: &'a FramedContent,
    /// The signature of the Commit.
    pub signature: &'a Signature,
}

impl crate::Encode for ConfirmedTranscriptHashInput<'_> {}

/// The contribution of a Commit to the interim transcript hash (section 8.2).
#[derive(Debug, TlsSerialize, TlsSize)]
pub struct InterimTranscriptHashInput<'a> {
    /// The confirmation tag of the Commit.
    pub confirmation_tag: &'a Mac,
}

impl crate::Encode for InterimTranscriptHashInput<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeError, MAX_VECTOR_LEN};

    /// The padding length is an application setting, so it can be any number.
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
