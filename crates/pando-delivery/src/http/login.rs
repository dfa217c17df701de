//! Checks of logins (docs/protocol.md, section 6.1).
//!
//! # Left out on purpose
//!
//! The partition of the client's user records the nonce and the version of the certificate, in one
//! transaction after these checks.

use super::token::TokenKey;
use crate::error::Refusal;
use crate::group::Caller;
use pando_api::{
    Authority, CertificateError, DeviceCertificate, DeviceIdentities, Login, LoginError, ProblemCode,
};
use pando_mls::CryptoProvider;

/// The length in bytes of a session key.
const SESSION_KEY_LEN: usize = 32;

/// The settings and the knowledge of a server that the checks of logins need.
#[derive(Clone, Copy)]
pub struct LoginChecks<'a> {
    /// The host and the port of the server.
    pub authority: &'a Authority,
    /// The key of the nonces.
    pub key: &'a TokenKey,
    /// The cryptographic backend.
    pub crypto: &'a dyn CryptoProvider,
    /// The trust anchors.
    pub identities: &'a DeviceIdentities,
    /// Returns whether a client's version is revoked.
    pub is_revoked: &'a dyn Fn(&Caller) -> bool,
}

/// A login that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedLogin {
    /// The client and the version of its certificate.
    pub caller: Caller,
    /// The time from which the nonce is no longer valid, in milliseconds since 1970.
    pub nonce_expires: u64,
}

impl LoginChecks<'_> {
    /// Checks a login, except whether its nonce was used before. `now` is in milliseconds since
    /// 1970.
    ///
    /// # Errors
    /// - [`ProblemCode::LoginRefused`] if the nonce is not valid, or the signature is wrong or for
    ///   another server.
    /// - [`ProblemCode::Malformed`] if the session key is not of Ed25519.
    /// - [`ProblemCode::CertificateInvalid`] if the certificate is not valid now.
    /// - [`ProblemCode::CertificateRevoked`] if the certificate is revoked.
    pub fn check(&self, login: &Login, now: u64) -> Result<CheckedLogin, Refusal> {
        let nonce_expires = self.key.open_nonce(&login.nonce, now)?;
        if login.session_key.len() != SESSION_KEY_LEN {
            return Err(Refusal::new(ProblemCode::Malformed, "a session key has 32 bytes"));
        }
        let suite = self.crypto.suite(login.cipher_suite);
        let refused = |why: String| Refusal::new(ProblemCode::LoginRefused, why);
        let suite =
            suite.ok_or_else(|| refused("the server does not support the cipher suite".to_owned()))?;
        let key = DeviceCertificate::read(&login.credential).map_err(|error| invalid(&error))?.signature_key;
        let certificate = self.identities.check(&login.credential, &key, Some(now / 1_000));
        let certificate = certificate.map_err(|error| invalid(&error))?;
        login.verify(self.authority, &key, suite).map_err(|error| match error {
            LoginError::Encode(error) => Refusal::from(error),
            other => refused(other.to_string()),
        })?;
        let caller = Caller { client: certificate.client, version: certificate.version };
        if (self.is_revoked)(&caller) {
            return Err(Refusal::new(ProblemCode::CertificateRevoked, ""));
        }
        Ok(CheckedLogin { caller, nonce_expires })
    }
}

fn invalid(error: &CertificateError) -> Refusal {
    let why = match error {
        // The text of this error contains the domain.
        CertificateError::UnknownDomain(_) => "no trust anchor is pinned for the domain".to_owned(),
        other => other.to_string(),
    };
    Refusal::new(ProblemCode::CertificateInvalid, why)
}
