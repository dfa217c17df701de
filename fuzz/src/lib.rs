//! What the fuzz targets assert: bytes are refused, or are the encoding of the value that they decode to.

mod open_message;

pub use open_message::open_message;

use pando_wire::{
    ApplicationId, ContentType, Decode, Encode, ExtensionBody, Extensions, ExternalPub, ExternalSenders,
    PrivateMessageContent, RatchetTree, RequiredCapabilities,
};

/// For a type with one encoding for each value.
pub fn round_trip<T: Decode + Encode>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        let encoding = value.encode().expect("what was decoded can be encoded");
        assert_eq!(encoding, bytes);
    }
}

/// For a list of extensions, and the bodies of those that RFC 9420 defines.
pub fn round_trip_extensions(bytes: &[u8]) {
    round_trip::<Extensions>(bytes);
    if let Ok(extensions) = Extensions::decode(bytes) {
        round_trip_body::<ApplicationId>(&extensions);
        round_trip_body::<RatchetTree>(&extensions);
        round_trip_body::<RequiredCapabilities>(&extensions);
        round_trip_body::<ExternalPub>(&extensions);
        round_trip_body::<ExternalSenders>(&extensions);
    }
}

fn round_trip_body<T: ExtensionBody>(extensions: &Extensions) {
    if let Ok(Some(body)) = extensions.find::<T>() {
        let encoding = body.encode().expect("what was decoded can be encoded");
        assert_eq!(extensions.get(T::TYPE).map(|extension| &*extension.extension_data), Some(&*encoding));
    }
}

/// For the content of a PrivateMessage, which does not tell its type: the first byte of the input does.
/// As much padding as there was is put behind it again.
pub fn round_trip_private_message_content(bytes: &[u8]) {
    let Ok((content_type, bytes)) = ContentType::decode_prefix(bytes) else { return };
    if let Ok(value) = PrivateMessageContent::decode(content_type, bytes) {
        let encoding = PrivateMessageContent::encode(&value.content, &value.auth, |_| bytes.len())
            .expect("what was decoded can be encoded");
        assert_eq!(*encoding, bytes);
    }
}
