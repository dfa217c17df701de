//! The login of a device (docs/protocol.md, section 6.1).
//!
//! A login binds a session key to a device: the device signs the session key, the server's nonce,
//! and the authority of the server that the client dialled: its domain, and its port unless the
//! port is 443. A server that relays the login to another server is refused there, because the
//! signed authority is its own.

use crate::{Authority, Digest, Token};
use pando_mls::{CipherSuite, Credential, CryptoError, SignaturePublicKey, Signer, Suite};
use pando_wire::{Encode, EncodeError, Opaque, Signature};
use tls_codec::{Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The longest validity of a token, in milliseconds.
pub const MAX_TOKEN_VALIDITY: u64 = 10 * 60 * 1000;

/// A nonce of the server, for one login.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Challenge {
    /// The nonce.
    pub nonce: Opaque,
}

impl Encode for Challenge {}

/// A device's request for a session.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Login {
    /// The nonce of the server.
    pub nonce: Opaque,
    /// The Ed25519 public key that signs the requests of the session.
    pub session_key: Opaque,
    /// A cipher suite with the signature scheme of the device's key.
    pub cipher_suite: CipherSuite,
    /// The credential of the device.
    pub credential: Credential,
    /// The signature by the device's key.
    pub signature: Signature,
}

impl Encode for Login {}

/// A session of a device.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Session {
    /// The token.
    pub token: Token,
    /// The time at which the token expires, in milliseconds since 1970.
    pub expires: u64,
}

impl Encode for Session {}

/// `LoginTBS`.
#[derive(Debug, TlsSerialize, TlsSize)]
struct LoginTbs {
    label: Opaque,
    authority: Authority,
    nonce: Opaque,
    session_key: Opaque,
    credential_hash: Digest,
}

impl Encode for LoginTbs {}

impl Login {
    /// Signs a login. `authority` is that of the URL that the client dialled, and not one that the
    /// server claims. `signer` has the device's signature key.
    ///
    /// # Errors
    /// [`LoginError`] if a field is too long or the key cannot sign.
    pub fn sign(
        authority: &Authority,
        challenge: Challenge,
        session_key: Opaque,
        (cipher_suite, credential): (CipherSuite, Credential),
        signer: &dyn Signer,
    ) -> Result<Self, LoginError> {
        let signature = Signature::from(Vec::new());
        let unsigned = Self { nonce: challenge.nonce, session_key, cipher_suite, credential, signature };
        let signature = signer.sign(&unsigned.to_be_signed(authority)?)?;
        Ok(Self { signature, ..unsigned })
    }

    /// Verifies the signature, at the server with the authority `authority`. The caller validates
    /// the credential for `key`, checks the nonce, and passes the cipher suite of the login.
    ///
    /// # Errors
    /// [`LoginError`] if the login is for another server, or its signature is wrong for another
    /// reason.
    pub fn verify(
        &self,
        authority: &Authority,
        key: &SignaturePublicKey,
        suite: Suite,
    ) -> Result<(), LoginError> {
        if suite.cipher_suite() != self.cipher_suite {
            return Err(LoginError::CipherSuite(self.cipher_suite));
        }
        Ok(suite.verify(key, &self.to_be_signed(authority)?, &self.signature)?)
    }

    fn to_be_signed(&self, authority: &Authority) -> Result<Vec<u8>, EncodeError> {
        let credential = self.credential.tls_serialize_detached()?;
        let tbs = LoginTbs {
            label: b"Pando 1.0 Login".as_slice().into(),
            authority: authority.clone(),
            nonce: self.nonce.clone(),
            session_key: self.session_key.clone(),
            credential_hash: Digest::of(&credential),
        };
        tbs.encode()
    }
}

/// Reason why a login cannot be made or is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A field is too long.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The login names another cipher suite than the one by which it is verified.
    #[error("login names the cipher suite {0}")]
    CipherSuite(CipherSuite),
    /// The signature cannot be made or is wrong.
    #[error("login at this server: {0}")]
    Signature(#[from] CryptoError),
}
