//! Extensions (RFC 9420, section 13.4), including the five types that the RFC defines.
//!
//! The body of the `ratchet_tree` extension is [`RatchetTree`].

use crate::codec::{Decode, DecodeError, Encode, EncodeError, list};
use crate::{
    Credential, CredentialType, ExtensionType, HpkePublicKey, Opaque, ProposalType, RatchetTree,
    SignaturePublicKey,
};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// An extension, which consists of a type and of contents whose meaning depends on the type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Extension {
    /// The type of the extension.
    pub extension_type: ExtensionType,
    /// The encoded contents of the extension.
    pub extension_data: Opaque,
}

impl Encode for Extension {}

/// A list of extensions, `Extension extensions<V>` in RFC 9420.
///
/// No extension type may occur twice (section 13.4), but `Extensions` does not check that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Extensions(#[tls_codec(with = "list")] pub Vec<Extension>);

impl Encode for Extensions {}

/// The contents of an extension of a known type: one of the five types of RFC 9420, or an
/// [`ApplicationExtension`].
///
/// The trait is sealed, so the contents of an extension that RFC 9420 defines are never decoded as
/// a different structure.
pub trait ExtensionBody: Encode + Decode + sealed::Sealed {
    /// The type of the extension that contains this body.
    const TYPE: ExtensionType;
}

/// The contents of an application-defined extension.
///
/// Code that uses the body compiles only if its type is neither one of the five types of RFC 9420
/// nor a GREASE value (section 13.5). Values from 0xf000 upwards are reserved for private use
/// (section 17.3).
///
/// ```
/// use pando_wire::{ApplicationExtension, Decode, DecodeError, Encode, Extension, ExtensionType, Extensions, Opaque};
/// use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};
///
/// #[derive(Debug, PartialEq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
/// struct Topic(Opaque);
///
/// impl Encode for Topic {}
/// impl ApplicationExtension for Topic {
///     const TYPE: ExtensionType = ExtensionType(0xf001);
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let extensions = Extensions(vec![Extension::new(&Topic(vec![1].into()))?]);
/// assert_eq!(extensions.find::<Topic>()?, Some(Topic(vec![1].into())));
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0080
/// # use pando_wire::{ApplicationExtension, Encode, Extension, ExtensionType, Opaque};
/// # use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};
/// # #[derive(Debug, PartialEq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
/// # struct Topic(Opaque);
/// # impl Encode for Topic {}
/// impl ApplicationExtension for Topic {
///     const TYPE: ExtensionType = ExtensionType::EXTERNAL_PUB;
/// }
///
/// let extension = Extension::new(&Topic(vec![1].into()));
/// ```
pub trait ApplicationExtension: Encode + Decode {
    /// The type of the extension that contains this body.
    const TYPE: ExtensionType;
}

mod sealed {
    /// A marker for the types that may implement [`ExtensionBody`](super::ExtensionBody).
    pub trait Sealed {}
}

impl<T: ApplicationExtension> sealed::Sealed for T {}

impl<T: ApplicationExtension> ExtensionBody for T {
    const TYPE: ExtensionType = {
        assert!(
            !T::TYPE.is_default() && !T::TYPE.is_grease(),
            "an application cannot define the extensions of RFC 9420, nor GREASE"
        );
        T::TYPE
    };
}

impl Extension {
    /// Returns an extension with the given contents.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if a vector is too long.
    pub fn new<T: ExtensionBody>(body: &T) -> Result<Self, EncodeError> {
        Ok(Self { extension_type: T::TYPE, extension_data: body.encode()?.into() })
    }
}

impl Extensions {
    /// Returns the first extension of the given type, or `None` if there is no such extension.
    #[must_use]
    pub fn get(&self, extension_type: ExtensionType) -> Option<&Extension> {
        self.0.iter().find(|extension| extension.extension_type == extension_type)
    }

    /// Returns the contents of the first extension of type `T`, if there is one.
    ///
    /// # Errors
    /// Returns [`DecodeError`] if the contents are malformed or have trailing bytes.
    pub fn find<T: ExtensionBody>(&self) -> Result<Option<T>, DecodeError> {
        self.get(T::TYPE).map(|extension| T::decode(&extension.extension_data)).transpose()
    }
}

/// An identifier that the application assigns to a leaf (section 5.3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ApplicationId {
    /// The identifier as bytes.
    pub application_id: Opaque,
}

impl Encode for ApplicationId {}

/// The types that every member of the group must support (section 11.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RequiredCapabilities {
    /// The required extension types.
    #[tls_codec(with = "list")]
    pub extension_types: Vec<ExtensionType>,
    /// The required proposal types.
    #[tls_codec(with = "list")]
    pub proposal_types: Vec<ProposalType>,
    /// The required credential types.
    #[tls_codec(with = "list")]
    pub credential_types: Vec<CredentialType>,
}

impl Encode for RequiredCapabilities {}

/// The public key to which external joiners encrypt (section 12.4.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ExternalPub {
    /// The group's external public key.
    pub external_pub: HpkePublicKey,
}

impl Encode for ExternalPub {}

/// A non-member that may send proposals (section 12.1.8.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ExternalSender {
    /// The external sender's signature key.
    pub signature_key: SignaturePublicKey,
    /// The external sender's credential.
    pub credential: Credential,
}

impl Encode for ExternalSender {}

/// The list of all non-members that may send proposals. A [`Sender`](crate::Sender) identifies each
/// of them by its position in this list (section 12.1.8.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ExternalSenders(#[tls_codec(with = "list")] pub Vec<ExternalSender>);

impl Encode for ExternalSenders {}

impl sealed::Sealed for ApplicationId {}

impl ExtensionBody for ApplicationId {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_ID;
}

impl sealed::Sealed for RatchetTree {}

impl ExtensionBody for RatchetTree {
    const TYPE: ExtensionType = ExtensionType::RATCHET_TREE;
}

impl sealed::Sealed for RequiredCapabilities {}

impl ExtensionBody for RequiredCapabilities {
    const TYPE: ExtensionType = ExtensionType::REQUIRED_CAPABILITIES;
}

impl sealed::Sealed for ExternalPub {}

impl ExtensionBody for ExternalPub {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_PUB;
}

impl sealed::Sealed for ExternalSenders {}

impl ExtensionBody for ExternalSenders {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_SENDERS;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_contents_are_found_by_their_type() {
        let body = RequiredCapabilities {
            extension_types: vec![ExtensionType(0x0a0a)],
            proposal_types: vec![],
            credential_types: vec![CredentialType::BASIC],
        };
        let extensions = Extensions(vec![
            Extension { extension_type: ExtensionType(0xff00), extension_data: vec![1].into() },
            Extension::new(&body).unwrap(),
        ]);
        assert_eq!(extensions.find::<RequiredCapabilities>().unwrap(), Some(body));
        assert_eq!(extensions.find::<ExternalPub>().unwrap(), None);
    }

    #[test]
    fn trailing_bytes_inside_an_extension_are_refused() {
        let mut data = ExternalPub { external_pub: vec![1, 2].into() }.encode().unwrap();
        data.push(0);
        let extensions = Extensions(vec![Extension {
            extension_type: ExtensionType::EXTERNAL_PUB,
            extension_data: data.into(),
        }]);
        assert_eq!(extensions.find::<ExternalPub>(), Err(DecodeError::TrailingBytes));
    }
}
