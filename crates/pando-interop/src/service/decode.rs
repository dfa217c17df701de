//! Conversion of request fields to MLS structures.

use super::failure::{Failure, Outcome};
use crate::proto;
use pando_mls::{
    CipherSuite, CryptoProvider, Decode, Encode, Extension, ExtensionType, Extensions, GroupInfo, KeyPackage,
    MlsMessage, MlsMessageBody, RustCrypto, Suite, Welcome,
};

/// Returns the cipher suite with the given number.
pub(super) fn suite(number: u32) -> Outcome<Suite> {
    let suite = u16::try_from(number).ok().and_then(|number| RustCrypto.suite(CipherSuite(number)));
    suite.ok_or_else(|| Failure::argument(format!("unknown cipher suite {number}")))
}

/// Decodes an MLSMessage of any kind. The error message uses `what` to name the expected kind.
pub(super) fn message(what: &str, bytes: &[u8]) -> Outcome<MlsMessage> {
    MlsMessage::decode(bytes).map_err(|error| Failure::argument(format!("{what}: {error}")))
}

pub(super) fn key_package(bytes: &[u8]) -> Outcome<KeyPackage> {
    match message("a KeyPackage", bytes)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(*key_package),
        _ => Err(Failure::argument("not a KeyPackage")),
    }
}

pub(super) fn welcome(bytes: &[u8]) -> Outcome<Welcome> {
    match message("a Welcome", bytes)?.body {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        _ => Err(Failure::argument("not a Welcome")),
    }
}

pub(super) fn group_info(bytes: &[u8]) -> Outcome<GroupInfo> {
    match message("a GroupInfo", bytes)?.body {
        MlsMessageBody::GroupInfo(group_info) => Ok(*group_info),
        _ => Err(Failure::argument("not a GroupInfo")),
    }
}

/// Returns the contents of a field, or `None` if the field is empty.
pub(super) fn optional(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

pub(super) fn extensions(list: Vec<proto::Extension>) -> Outcome<Extensions> {
    let list = list.into_iter().map(|proto::Extension { extension_type, extension_data }| {
        let number = u16::try_from(extension_type);
        let number =
            number.map_err(|_| Failure::argument(format!("invalid extension type {extension_type}")))?;
        Ok(Extension { extension_type: ExtensionType(number), extension_data: extension_data.into() })
    });
    Ok(Extensions(list.collect::<Outcome<_>>()?))
}

/// Encodes an MLS structure as an MLSMessage.
pub(super) fn encode(message: impl Into<MlsMessage>) -> Outcome<Vec<u8>> {
    Ok(message.into().encode()?)
}
