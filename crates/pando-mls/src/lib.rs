//! Messaging Layer Security (RFC 9420): what an application imports.

/// The cryptography that a client brings, and its secrets.
pub use pando_crypto::{
    CryptoError, CryptoProvider, CryptoRng, HpkeKeyPair, RustCrypto, SecretBytes, SignaturePrivateKey,
    Signer, Suite,
};
pub use pando_framing::{FramingError, Padding};
pub use pando_group::*;
pub use pando_schedule::{EpochAuthenticator, PskValue, RatchetLimits, RatchetType, ScheduleError};
pub use pando_tree::{LeafTemplate, Tree, TreeError};
/// The messages and structures of the protocol, as they are on the wire.
pub use pando_wire as wire;
pub use pando_wire::{
    Capabilities, CipherSuite, Credential, CredentialType, Decode, DecodeError, Encode, EncodeError,
    Extension, ExtensionType, Extensions, GroupContext, GroupId, GroupInfo, KeyPackage, LeafIndex, Lifetime,
    MlsMessage, MlsMessageBody, Proposal, ProposalType, ProtocolVersion, Psk, ReInit, Welcome,
};
