//! The identity policy for device certificates (docs/protocol.md, section 3).
//!
//! The pair of domain and client identifies a client, not the trust anchor. So an authority can
//! change its key: while two trust anchors are pinned for a domain, a certificate below one may
//! succeed a certificate below the other.
//!
//! Left out on purpose: revocation. Members would learn of it at different times, and disagree
//! about which Commits are valid.

use crate::certificate::{CertificateError, DeviceCertificate};
use crate::id::Domain;
use pando_mls::x509::{AnchorError, NameKind};
use pando_mls::{
    Credential, CryptoProvider, IdentityError, IdentityPolicy, SignaturePublicKey, X509Config, X509Identities,
};
use std::collections::BTreeMap;

/// The largest number of bytes of a device certificate.
const MAX_BYTES: usize = 4_096;

/// An identity policy that accepts device certificates. Each trust anchor is pinned for a domain,
/// and vouches only for the clients of that domain.
#[derive(Debug)]
pub struct DeviceIdentities {
    domains: BTreeMap<Domain, X509Identities>,
}

impl DeviceIdentities {
    /// Creates a policy with these trust anchors, which are certificates in DER. A domain may have
    /// several. Their order does not matter.
    ///
    /// # Errors
    /// [`PinError`] if there is none, or if one of them cannot be a trust anchor.
    pub fn new<A: AsRef<[u8]>>(
        provider: &dyn CryptoProvider,
        anchors: impl IntoIterator<Item = (Domain, A)>,
    ) -> Result<Self, PinError> {
        let mut pinned = BTreeMap::<Domain, Vec<A>>::new();
        for (domain, anchor) in anchors {
            pinned.entry(domain).or_default().push(anchor);
        }
        if pinned.is_empty() {
            return Err(PinError::None);
        }
        let config = X509Config::default()
            .with_max_certificates(1)
            .with_max_bytes(MAX_BYTES)
            .with_identity_kinds([NameKind::Uri].into());
        let domains =
            pinned.into_iter().map(|(domain, anchors)| match X509Identities::new(provider, anchors) {
                Ok(identities) => Ok((domain, identities.with_config(config.clone()))),
                Err(reason) => Err(PinError::Anchor { domain, reason }),
            });
        Ok(Self { domains: domains.collect::<Result<_, _>>()? })
    }

    /// Verifies the certificate of a credential for a signature key, as [`X509Identities::check`]
    /// does. Returns the contents of the certificate. `now` is in seconds since 1970; without it,
    /// the certificate must have been valid at some time.
    ///
    /// # Errors
    /// [`CertificateError`] for the first violated rule.
    pub fn check(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<DeviceCertificate, CertificateError> {
        let certificate = DeviceCertificate::read(credential)?;
        self.anchors_of(&certificate)?.check(credential, key, now)?;
        Ok(certificate)
    }

    /// Reads the certificate of a credential that was verified before, and checks that a trust
    /// anchor of its domain is above it.
    fn identify(&self, credential: &Credential) -> Result<DeviceCertificate, CertificateError> {
        let certificate = DeviceCertificate::read(credential)?;
        self.anchors_of(&certificate)?.identify(credential)?;
        Ok(certificate)
    }

    fn anchors_of(&self, certificate: &DeviceCertificate) -> Result<&X509Identities, CertificateError> {
        let domain = certificate.client.domain();
        self.domains.get(&domain).ok_or(CertificateError::UnknownDomain(domain))
    }
}

impl IdentityPolicy for DeviceIdentities {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        self.check(credential, key, now).map(drop).map_err(|error| IdentityError(error.to_string()))
    }

    /// Accepts a basic credential whose identity is a domain. The delivery service has such a
    /// credential. The key is not checked here: the delivery service admits only groups that have
    /// its own key, and the policy of a group keeps this key.
    fn validate_external_sender(
        &self,
        credential: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        let refused = |why: &str| IdentityError(format!("credential of the external sender {why}"));
        let identity = credential.as_basic().ok_or_else(|| refused("is not basic"))?;
        let text = str::from_utf8(identity).map_err(|_| refused("is not ASCII"))?;
        let domain = text.parse::<Domain>();
        domain.map(drop).map_err(|error| refused(&format!("is not a domain: {error}")))
    }

    /// Returns the text of the client, which is the same in all certificates of the client.
    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        let certificate = DeviceCertificate::read(credential).ok()?;
        Some(certificate.client.as_str().into())
    }

    /// Returns the text of the client, or an empty value if the credential has none. Such a
    /// credential cannot succeed any other.
    fn identity(&self, credential: &Credential) -> Vec<u8> {
        self.client_id(credential).unwrap_or_default()
    }

    /// Returns whether both credentials are of one client, below trust anchors of its domain, and
    /// the new one has a higher version or is the same.
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        let (Ok(before), Ok(after)) = (self.identify(old), self.identify(new)) else { return false };
        before.client == after.client && (before.version < after.version || old == new)
    }
}

/// Reason why trust anchors cannot be pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// There is no trust anchor, so no certificate could be accepted.
    #[error("no trust anchors were given")]
    None,
    /// A certificate cannot be a trust anchor. It is counted from 0 among those of its domain.
    #[error("{domain}: {reason}")]
    Anchor {
        /// The domain for which it was to be pinned.
        domain: Domain,
        /// The reason.
        reason: AnchorError,
    },
}
