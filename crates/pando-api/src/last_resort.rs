//! The extension that marks a KeyPackage of last resort (docs/protocol.md, section 12;
//! draft-ietf-mls-extensions).

use pando_mls::ExtensionType;
use pando_mls::wire::ApplicationExtension;
use pando_wire::Encode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The type of the extension [`LastResort`]. The capabilities of a client list it.
pub const LAST_RESORT_EXTENSION: ExtensionType = ExtensionType(0x000a);

/// The contents of the extension, which are empty. A KeyPackage with this extension may be used
/// several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LastResort;

impl Encode for LastResort {}

impl ApplicationExtension for LastResort {
    const TYPE: ExtensionType = LAST_RESORT_EXTENSION;
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_mls::{DecodeError, Extension, Extensions};

    #[test]
    fn the_extension_is_empty() {
        let extension = Extension::new(&LastResort).unwrap();
        let encoded = extension.encode().unwrap();
        assert_eq!(encoded, [0, 0x0a, 0]);
        assert_eq!(Extensions(vec![extension]).find(), Ok(Some(LastResort)));
        let with_data =
            Extension { extension_type: LAST_RESORT_EXTENSION, extension_data: [1].as_slice().into() };
        assert_eq!(Extensions(vec![with_data]).find::<LastResort>(), Err(DecodeError::TrailingBytes));
    }
}
