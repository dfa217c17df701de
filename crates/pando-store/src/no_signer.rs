//! A signer for groups that are only read.

use pando_mls::wire::{Signature, SignaturePublicKey};
use pando_mls::{CryptoError, Signer};

/// A signer without a private key, which refuses to sign.
pub(crate) struct NoSigner(pub(crate) SignaturePublicKey);

impl Signer for NoSigner {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, CryptoError> {
        Err(CryptoError::InvalidPrivateKey)
    }
}
