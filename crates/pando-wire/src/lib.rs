//! Every byte-level structure of Messaging Layer Security (RFC 9420), as plain data.
//!
//! The types here are what the TLS presentation language of the RFC says and nothing more: fields are
//! public, nothing has been validated, and tests may forge them freely. What has been checked is told by
//! wrapper types in the crates above. There is no cryptography here.
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
//! // What is cut short, or followed by anything, is an error.
//! assert!(Extension::decode(&bytes[..5]).is_err());
//! assert!(Extension::decode(&[0, 1, 3, 1, 2, 3, 4]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decoding
//!
//! - [`Decode::decode`] takes the whole input: trailing bytes are an error.
//! - A length prefix must be minimal, at most 2^30 - 1, and is compared with the bytes that remain before
//!   anything is allocated for it (section 2.1.2). Memory stays proportional to the input.
//! - A value that decodes re-encodes to the same bytes: there is one encoding for each value.
//! - Registries that the RFC leaves open ([`CipherSuite`], [`ExtensionType`], ...) are numbers, so GREASE
//!   and unknown values survive a round trip. Only where an unknown number makes the rest of a structure
//!   unreadable ([`WireFormat`], [`ContentType`], ...) is it an error.
//! - Proposals and credentials of types that RFC 9420 does not define are read as `opaque data<V>`, which
//!   is how other implementations write application-defined ones.
//!
//! # Left out on purpose
//!
//! Rules about values (sections 7.3, 12.2 and the like), signatures and everything else that needs a key.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, which is what it is for"
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
    Decode, DecodeError, Encode, EncodeError, MAX_VECTOR_LEN, VectorHeader, read_vector_header, vector_header,
};
pub use commit::{Commit, HpkeCiphertext, ProposalOrRef, UpdatePath, UpdatePathNode};
pub use credential::{Certificate, Credential};
pub use extension::{
    ApplicationId, Extension, ExtensionBody, Extensions, ExternalPub, ExternalSender, ExternalSenders,
    RequiredCapabilities,
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
