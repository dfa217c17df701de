//! The signature key of a client and its certificate.

use super::error::{IdentityError, OpenError};
use crate::engine::EngineError;
use crate::logins::Device;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pando_api::{CertificateRequest, ClientId};
use pando_mls::{CipherSuite, Credential, CryptoProvider, RustCrypto};
use pando_store::{Backend, Store};
use std::error::Error;
use std::sync::Arc;

/// Creates a signature key for a client, lets `issue` certify it, and stores both. Returns the
/// credential with the certificate.
///
/// `issue` sends the request to the authority of the client's domain. Afterwards, the credential is
/// found in [`Store::signers`].
///
/// # Errors
/// [`IdentityError`]. Nothing is stored.
pub fn create_identity<B: Backend, E: Into<Box<dyn Error + Send + Sync>>>(
    store: &mut Store<B>,
    cipher_suite: CipherSuite,
    client: ClientId,
    issue: impl FnOnce(&CertificateRequest) -> Result<Credential, E>,
) -> Result<Credential, IdentityError> {
    let suite = RustCrypto.suite(cipher_suite).ok_or(IdentityError::CipherSuite(cipher_suite))?;
    let key = suite.signature_generate_key(&mut UnwrapErr(SysRng))?;
    let signer = suite.signer(&key)?;
    let request = CertificateRequest::sign(cipher_suite, client, &*signer)?;
    let credential = issue(&request).map_err(|error| IdentityError::Authority(error.into()))?;
    let mut transaction = store.begin()?;
    transaction.put_signer(suite, &key, &credential)?;
    transaction.commit()?;
    Ok(credential)
}

/// Returns the identity with this credential that a store has, in a certain cipher suite or in any.
pub(super) fn stored<B: Backend>(
    store: &Store<B>,
    crypto: &dyn CryptoProvider,
    credential: &Credential,
    cipher_suite: Option<CipherSuite>,
) -> Result<Device, OpenError> {
    let mut signers = store.signers()?.into_iter();
    let found = signers.find(|signer| {
        signer.credential == *credential && cipher_suite.is_none_or(|suite| suite == signer.cipher_suite)
    });
    let found = found.ok_or(EngineError::NoIdentity)?;
    let cipher_suite = found.cipher_suite;
    let suite = crypto.suite(cipher_suite).ok_or(OpenError::CipherSuite(cipher_suite))?;
    let signer = store.signer(suite, &found.public_key)?.ok_or(EngineError::NoIdentity)?;
    Ok(Device { cipher_suite, credential: found.credential, signer: Arc::from(signer) })
}
