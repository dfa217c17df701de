//! Transcript hashes (RFC 9420, section 8.2).

use pando_crypto::Suite;
use pando_wire::{
    ConfirmedTranscriptHashInput, Encode, EncodeError, FramedContent, InterimTranscriptHashInput, Mac,
    Opaque, Signature, WireFormat,
};

/// The hash of all Commits up to the latest one, without the confirmation tag of the latest one.
/// The hash is empty in a new group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfirmedTranscriptHash(pub Opaque);

/// The hash of all Commits up to the latest one, including the confirmation tag of the latest one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterimTranscriptHash(pub Opaque);

impl ConfirmedTranscriptHash {
    /// Computes the hash after a Commit that was sent in the given wire format.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if the Commit is too long.
    pub fn after(
        suite: Suite,
        interim: &InterimTranscriptHash,
        wire_format: WireFormat,
        content: &FramedContent,
        signature: &Signature,
    ) -> Result<Self, EncodeError> {
        let input = ConfirmedTranscriptHashInput { wire_format, content, signature }.encode()?;
        Ok(Self(suite.hash(&[&interim.0, &input]).as_ref().into()))
    }
}

impl InterimTranscriptHash {
    /// Computes the hash after a Commit with the given confirmation tag.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if the tag is too long.
    pub fn after(
        suite: Suite,
        confirmed: &ConfirmedTranscriptHash,
        confirmation_tag: &Mac,
    ) -> Result<Self, EncodeError> {
        let input = InterimTranscriptHashInput { confirmation_tag }.encode()?;
        Ok(Self(suite.hash(&[&confirmed.0, &input]).as_ref().into()))
    }
}
