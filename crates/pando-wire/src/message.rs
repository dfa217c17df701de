//! The outermost structure, MLSMessage (RFC 9420, section 6).

use crate::{
    ContentType, GroupId, GroupInfo, KeyPackage, PrivateMessage, ProtocolVersion, PublicMessage, Welcome,
    WireFormat,
};
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// A message of MLS 1.0, which is the unit that clients send and store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlsMessage {
    /// The body of the message. The protocol version has no field, because it is always `mls10`.
    pub body: MlsMessageBody,
}

impl crate::Encode for MlsMessage {}

/// The body of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MlsMessageBody {
    /// Signed content.
    PublicMessage(Box<PublicMessage>),
    /// Signed and encrypted content.
    PrivateMessage(PrivateMessage),
    /// The secrets for new members.
    Welcome(Welcome),
    /// A description of a group.
    GroupInfo(Box<GroupInfo>),
    /// The keys and properties of a client that can be added to groups.
    KeyPackage(Box<KeyPackage>),
}

impl MlsMessage {
    /// The number of bytes before the body. The version and the wire format take two bytes each.
    pub const HEADER_LEN: usize = 4;

    /// Returns the wire format according to the first bytes of an encoded message, or `None` if
    /// `bytes` is too short.
    #[must_use]
    pub fn peek_wire_format(bytes: &[u8]) -> Option<WireFormat> {
        let [_, _, high, low] = *bytes.first_chunk()?;
        Some(WireFormat(u16::from_be_bytes([high, low])))
    }

    /// Returns the identifier of the message's group, which is not authenticated. Returns `None`
    /// for a Welcome, where the identifier is encrypted, and for a KeyPackage, which does not
    /// belong to a group.
    #[must_use]
    pub fn group_id(&self) -> Option<&GroupId> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(&message.content.group_id),
            MlsMessageBody::PrivateMessage(message) => Some(&message.group_id),
            MlsMessageBody::GroupInfo(group_info) => Some(&group_info.group_context.group_id),
            MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// Returns the epoch of the message, which is not authenticated. Returns `None` for a Welcome,
    /// where the epoch is encrypted, and for a KeyPackage, which does not belong to an epoch.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(message.content.epoch),
            MlsMessageBody::PrivateMessage(message) => Some(message.epoch),
            MlsMessageBody::GroupInfo(group_info) => Some(group_info.group_context.epoch),
            MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// Returns the content type of a PublicMessage or PrivateMessage, which is neither encrypted
    /// nor authenticated. A delivery service uses the content type to accept only one Commit for
    /// each epoch.
    #[must_use]
    pub fn content_type(&self) -> Option<ContentType> {
        match &self.body {
            MlsMessageBody::PublicMessage(message) => Some(message.content.content.content_type()),
            MlsMessageBody::PrivateMessage(message) => Some(message.content_type),
            MlsMessageBody::GroupInfo(_) | MlsMessageBody::Welcome(_) | MlsMessageBody::KeyPackage(_) => None,
        }
    }

    /// Returns the format of the body.
    #[must_use]
    pub const fn wire_format(&self) -> WireFormat {
        match self.body {
            MlsMessageBody::PublicMessage(_) => WireFormat::MLS_PUBLIC_MESSAGE,
            MlsMessageBody::PrivateMessage(_) => WireFormat::MLS_PRIVATE_MESSAGE,
            MlsMessageBody::Welcome(_) => WireFormat::MLS_WELCOME,
            MlsMessageBody::GroupInfo(_) => WireFormat::MLS_GROUP_INFO,
            MlsMessageBody::KeyPackage(_) => WireFormat::MLS_KEY_PACKAGE,
        }
    }
}

macro_rules! bodies {
    ($($variant:ident($body:ty),)*) => {$(
        impl From<$body> for MlsMessage {
            fn from(body: $body) -> Self {
                Self { body: MlsMessageBody::$variant(body.into()) }
            }
        }
    )*};
}

bodies! {
    PublicMessage(PublicMessage),
    PrivateMessage(PrivateMessage),
    Welcome(Welcome),
    GroupInfo(GroupInfo),
    KeyPackage(KeyPackage),
}

impl Size for MlsMessage {
    fn tls_serialized_len(&self) -> usize {
        let body = match &self.body {
            MlsMessageBody::PublicMessage(body) => body.tls_serialized_len(),
            MlsMessageBody::PrivateMessage(body) => body.tls_serialized_len(),
            MlsMessageBody::Welcome(body) => body.tls_serialized_len(),
            MlsMessageBody::GroupInfo(body) => body.tls_serialized_len(),
            MlsMessageBody::KeyPackage(body) => body.tls_serialized_len(),
        };
        body.saturating_add(Self::HEADER_LEN)
    }
}

impl Serialize for MlsMessage {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        ProtocolVersion::MLS_10.tls_serialize(writer)?;
        self.wire_format().tls_serialize(writer)?;
        let body = match &self.body {
            MlsMessageBody::PublicMessage(body) => body.tls_serialize(writer),
            MlsMessageBody::PrivateMessage(body) => body.tls_serialize(writer),
            MlsMessageBody::Welcome(body) => body.tls_serialize(writer),
            MlsMessageBody::GroupInfo(body) => body.tls_serialize(writer),
            MlsMessageBody::KeyPackage(body) => body.tls_serialize(writer),
        }?;
        Ok(body.saturating_add(Self::HEADER_LEN))
    }
}

impl DeserializeBytes for MlsMessage {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        fn body<T: DeserializeBytes>(bytes: &[u8]) -> Result<(MlsMessage, &[u8]), Error>
        where
            MlsMessage: From<T>,
        {
            let (body, rest) = T::tls_deserialize_bytes(bytes)?;
            Ok((body.into(), rest))
        }

        let (version, bytes) = ProtocolVersion::tls_deserialize_bytes(bytes)?;
        if version != ProtocolVersion::MLS_10 {
            return Err(Error::UnknownValue(version.0.into()));
        }
        let (wire_format, bytes) = WireFormat::tls_deserialize_bytes(bytes)?;
        match wire_format {
            WireFormat::MLS_PUBLIC_MESSAGE => body::<PublicMessage>(bytes),
            WireFormat::MLS_PRIVATE_MESSAGE => body::<PrivateMessage>(bytes),
            WireFormat::MLS_WELCOME => body::<Welcome>(bytes),
            WireFormat::MLS_GROUP_INFO => body::<GroupInfo>(bytes),
            WireFormat::MLS_KEY_PACKAGE => body::<KeyPackage>(bytes),
            WireFormat(unknown) => Err(Error::UnknownValue(unknown.into())),
        }
    }
}
