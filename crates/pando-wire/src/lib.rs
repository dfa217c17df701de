//! The byte-level structures of Messaging Layer Security (RFC 9420), as plain data.
//!
//! The types correspond exactly to the RFC's structures in the TLS presentation language. The
//! fields of these types are public and nothing is validated, so tests can forge any value. The
//! higher-level crates wrap validated values in types of their own. This crate contains no
//! cryptography.
//!
//! ```
//! use pando_wire::{Decode, Encode, Extension, ExtensionType, Opaque};
//!
//! let extension = Extension {
//!     extension_type: ExtensionType::APPLICATION_ID,
//!     extension_data: Opaque::from(vec![1, 2, 3]),
//! };
//! let bytes = extension.encode()?;
//! assert_eq!(bytes, [0, 1, 3, 1, 2, 3]);
//! assert_eq!(Extension::decode(&bytes)?, extension);
//!
//! // Truncated input and trailing bytes are errors.
//! assert!(Extension::decode(&bytes[..5]).is_err());
//! assert!(Extension::decode(&[0, 1, 3, 1, 2, 3, 4]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decoding
//!
//! - [`Decode::decode`] consumes the whole input, so trailing bytes are an error.
//! - A length prefix must be minimal and at most 2^30 - 1. The decoder checks the length against
//!   the remaining input before it allocates memory (section 2.1.2). Memory use therefore stays
//!   proportional to the size of the input.
//! - Every value has exactly one encoding, so a decoded value is encoded to the same bytes again.
//! - The RFC's open registries ([`CipherSuite`], [`ExtensionType`], ...) are numbers, so decoding
//!   and encoding preserves GREASE and other unknown values. An unknown number is an error only if
//!   the rest of the structure depends on it, as with [`WireFormat`] and [`ContentType`].
//! - Proposals and credentials of types that RFC 9420 does not define are decoded as `opaque
//!   data<V>`. Other implementations use that encoding for application-defined types.
//!
//! # Left out on purpose
//!
//! This crate does not validate values (sections 7.3, 12.2 and others), does not sign or verify,
//! and does not use keys in any other way.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "an overflow fails the test"
    )
)]

mod codec;
mod commit;
mod credential;
mod extension;
mod framing;
mod group;
mod index;
mod key_package;
mod leaf_node;
mod message;
mod opaque;
mod proposal;
mod psk;
mod ratchet_tree;
mod registry;
mod tree_math;
mod welcome;

pub use codec::{
    Decode, DecodeError, Encode, EncodeError, MAX_VECTOR_LEN, VectorHeader, list, read_vector_header,
    vector_header,
};
pub use commit::{Commit, HpkeCiphertext, ProposalOrRef, UpdatePath, UpdatePathNode};
pub use credential::{Certificate, Credential};
pub use extension::{
    ApplicationExtension, ApplicationId, Extension, ExtensionBody, Extensions, ExternalPub, ExternalSender,
    ExternalSenders, RequiredCapabilities,
};
pub use framing::{
    AuthenticatedContent, AuthenticatedContentTbm, ConfirmedTranscriptHashInput, Content, ContentType,
    FramedContent, FramedContentAuthData, FramedContentTbs, InterimTranscriptHashInput, PrivateContentAad,
    PrivateMessage, PrivateMessageContent, PublicMessage, Sender, SenderData, SenderDataAad,
};
pub use group::{GroupContext, GroupInfo};
pub use index::{LeafIndex, NodeIndex};
pub use key_package::KeyPackage;
pub use leaf_node::{Capabilities, LeafNode, LeafNodeSource, Lifetime};
pub use message::{MlsMessage, MlsMessageBody};
pub use opaque::{
    GroupId, HashReference, HpkePublicKey, KemOutput, KeyPackageRef, Mac, Opaque, ProposalRef, SecretBytes,
    Signature, SignaturePublicKey,
};
pub use proposal::{
    Add, ExternalInit, GroupContextExtensions, OtherProposal, PreSharedKey, Proposal, ReInit, Remove, Update,
};
pub use psk::{PreSharedKeyId, Psk, PskLabel, ResumptionPskUsage};
pub use ratchet_tree::{Node, ParentNode, RatchetTree};
pub use registry::{CipherSuite, CredentialType, ExtensionType, ProposalType, ProtocolVersion, WireFormat};
pub use tree_math::TreeSize;
pub use welcome::{EncryptedGroupSecrets, GroupSecrets, PathSecret, Welcome};
