//! The settings and the knowledge of the server that checks of handshakes need.

use crate::error::Refusal;
use pando_api::{DeviceCertificate, Domain, PolicyRules, ServerKeys};
use pando_mls::{CryptoProvider, IdentityPolicy, Limits};

/// The settings and the knowledge of a server.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The domain of the server.
    pub domain: &'a Domain,
    /// The keys by which the server has signed heads.
    pub keys: &'a ServerKeys,
    /// The signature keys by which the server proposes removals, one for each signature scheme.
    pub removers: &'a [pando_mls::SignaturePublicKey],
    /// The cryptographic backend.
    pub crypto: &'a dyn CryptoProvider,
    /// The identity policy of all groups.
    pub identities: &'a dyn IdentityPolicy,
    /// The rules of all groups.
    pub rules: &'a PolicyRules,
    /// The limits of messages and groups.
    pub limits: Limits,
    /// Which certificates are admitted.
    pub admission: &'a dyn Admission,
    /// The time in milliseconds since 1970.
    pub now: u64,
}

impl Environment<'_> {
    /// Returns the time in seconds since 1970.
    pub(crate) const fn seconds(&self) -> u64 {
        self.now / 1_000
    }
}

/// Decides which certificates may enter a group. It never decides about a Commit that is in a log.
pub trait Admission: Send + Sync {
    /// Refuses a certificate that is revoked, or superseded by a higher version that the server
    /// knows.
    ///
    /// # Errors
    /// [`ProblemCode::CertificateRevoked`](pando_api::ProblemCode::CertificateRevoked),
    /// [`ProblemCode::CertificateSuperseded`](pando_api::ProblemCode::CertificateSuperseded).
    fn check(&self, certificate: &DeviceCertificate) -> Result<(), Refusal>;
}
