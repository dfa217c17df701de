//! The certificate of the client and its signature key in the store.

use super::error::EngineError;
use pando_mls::{CipherSuite, Credential};
use pando_store::{Backend, Store, StoredSigner};

/// Returns the stored signature key of a certificate.
pub(super) fn find_identity<B: Backend>(
    store: &Store<B>,
    credential: &Credential,
    cipher_suite: CipherSuite,
) -> Result<StoredSigner, EngineError> {
    let mut signers = store.signers()?.into_iter();
    let is_it =
        |signer: &StoredSigner| signer.credential == *credential && signer.cipher_suite == cipher_suite;
    signers.find(is_it).ok_or(EngineError::NoIdentity)
}
