//! The settings and the knowledge of the server that checks of handshakes need.

use crate::error::Refusal;
use pando_api::{DeviceCertificate, Domain, PolicyRules, ServerKeys};
use pando_mls::{CipherSuite, CryptoProvider, IdentityPolicy, Limits, SignaturePublicKey, Signer};

/// The settings and the knowledge of a server.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The domain of the server.
    pub domain: &'a Domain,
    /// The keys by which the server has signed heads.
    pub keys: &'a ServerKeys,
    /// The keys by which the server proposes removals, one for each signature scheme.
    pub removers: &'a [RemoverKey],
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

/// A public key by which the server proposes removals.
#[derive(Debug, Clone)]
pub struct RemoverKey {
    key: SignaturePublicKey,
    /// The cipher suites with the signature scheme of the key.
    cipher_suites: Vec<CipherSuite>,
}

impl RemoverKey {
    /// Returns the public key of a signer, with the cipher suites in which its signatures are
    /// valid.
    #[must_use]
    pub fn of(signer: &dyn Signer, crypto: &dyn CryptoProvider) -> Self {
        const PROBE: &[u8] = b"Pando 1.0 Remover";
        let key = signer.public_key().clone();
        let signature = signer.sign(PROBE);
        let is_valid = |suite: &CipherSuite| {
            let suite = crypto.suite(*suite);
            suite
                .zip(signature.as_ref().ok())
                .is_some_and(|(suite, signature)| suite.verify(&key, PROBE, signature).is_ok())
        };
        let cipher_suites = CipherSuite::ALL.into_iter().filter(is_valid).collect();
        Self { key, cipher_suites }
    }

    /// Returns whether the key is an external sender of groups with a cipher suite.
    pub(crate) fn is(&self, key: &SignaturePublicKey, cipher_suite: CipherSuite) -> bool {
        self.key == *key && self.cipher_suites.contains(&cipher_suite)
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
