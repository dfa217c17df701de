//! The policy (RFC 9420, sections 5.3 and 5.3.1).

use crate::addresses::{are_constrained_by, is_addressed_by_subject};
use crate::algorithm::Algorithm;
use crate::anchor::Anchor;
use crate::certificate::{chain, parse};
use crate::{AnchorError, ChainError, Identity};
use pando_crypto::CryptoProvider;
use pando_group::{IdentityError, IdentityPolicy};
use pando_wire::{Certificate, Credential, SignaturePublicKey};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::slice;
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};
use x509_cert::TbsCertificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

/// `anyExtendedKeyUsage` (RFC 5280, section 4.2.1.12).
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// `id-kp-imUri` (RFC 9734, section 3): to prove the identity of a client for instant messaging.
const INSTANT_MESSAGING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.40");

/// What chains are accepted. All members of a group must have the same, as with everything in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Config {
    /// How many certificates a chain may have, with the trust anchor's if it is there. There are never more
    /// than six between the leaf's and the trust anchor's.
    pub max_certificates: usize,
    /// How many bytes the certificates of a chain may have together.
    pub max_bytes: usize,
    /// The key purposes of which a certificate must have one if it has an extKeyUsage extension.
    pub key_purposes: Vec<ObjectIdentifier>,
}

impl Default for X509Config {
    fn default() -> Self {
        Self { max_certificates: 8, max_bytes: 64 * 1024, key_purposes: vec![ANY_PURPOSE, INSTANT_MESSAGING] }
    }
}

/// Credentials are chains of certificates that lead to a trust anchor. The crate's documentation says what is
/// checked.
#[derive(Debug)]
pub struct X509Identities {
    anchors: Vec<Anchor>,
    algorithms: Vec<Algorithm>,
    config: X509Config,
}

impl X509Identities {
    /// A policy with these trust anchors, which are certificates in DER.
    ///
    /// # Errors
    /// [`AnchorError`] if there is none, or if one of them cannot be one.
    pub fn new<A: AsRef<[u8]>>(
        provider: &dyn CryptoProvider,
        anchors: impl IntoIterator<Item = A>,
    ) -> Result<Self, AnchorError> {
        let algorithms = Algorithm::all(provider);
        let anchors = anchors.into_iter().enumerate();
        let anchors = anchors
            .map(|(index, der)| Anchor::new(index, der.as_ref(), &algorithms))
            .collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(AnchorError::None);
        }
        Ok(Self { anchors, algorithms, config: X509Config::default() })
    }

    /// The same with another configuration.
    #[must_use]
    pub fn with_config(self, config: X509Config) -> Self {
        Self { config, ..self }
    }

    /// Checks that a credential is a chain that leads from the signature key to a trust anchor. `now` is in
    /// seconds since 1970; without it, the chain must have been valid at some time.
    ///
    /// # Errors
    /// [`ChainError`] with what is wrong.
    pub fn check(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), ChainError> {
        let certificates = chain(credential)?;
        self.is_within_limits(certificates)?;
        let (certificates, included) = self.without_anchor(certificates);
        let is_repeated = |anchor: &Anchor| certificates.iter().any(|other| *other.cert_data == *anchor.der);
        if included.is_some_and(is_repeated) {
            return Err(ChainError::NameTwice(certificates.len()));
        }
        let parsed = (0..).zip(certificates).map(|(index, certificate)| parse(index, certificate));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;

        is_in_order(&parsed)?;
        (0..).zip(&parsed).try_for_each(|(index, certificate)| self.may_be_used(index, certificate))?;
        let leaf = parsed.first().ok_or(ChainError::Empty)?;
        let certified = Algorithm::public_key(&self.algorithms, leaf.subject_public_key_info());
        if certified.as_ref() != Some(key) {
            return Err(ChainError::LeafKey);
        }
        Identity::of_certificate(leaf)?;
        let is_addressed_by_subject = no_address_is_constrained(&parsed)?;

        let valid_since = valid_since(&parsed)?;
        let now = UnixTime::since_unix_epoch(now.map_or(valid_since, Duration::from_secs));
        let top = parsed.last().ok_or(ChainError::Empty)?;
        // Trust anchors may share a name. If the chain has one, it must be that one.
        let anchors = self.anchors.iter().filter(|anchor| {
            anchor.subject == *top.issuer() && included.is_none_or(|included| included.der == anchor.der)
        });
        let mut error = match included {
            Some(_) => ChainError::Order(certificates.len()),
            None => ChainError::UnknownIssuer,
        };
        for anchor in anchors {
            let is_constrained = is_addressed_by_subject && anchor.constrains_addresses;
            let path = if is_constrained {
                Err(ChainError::NameConstraint)
            } else {
                self.leads_to(anchor, certificates, now)
            };
            match path {
                Ok(()) => return Ok(()),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    fn is_within_limits(&self, certificates: &[Certificate]) -> Result<(), ChainError> {
        if certificates.len() > self.config.max_certificates {
            return Err(ChainError::TooMany(certificates.len()));
        }
        let lengths = certificates.iter().map(|certificate| certificate.cert_data.len());
        let bytes = lengths.fold(0_usize, usize::saturating_add);
        if bytes > self.config.max_bytes { Err(ChainError::TooLarge(bytes)) } else { Ok(()) }
    }

    /// The chain without its last certificate if that is a trust anchor, which need not be there.
    fn without_anchor<'a>(&self, certificates: &'a [Certificate]) -> (&'a [Certificate], Option<&Anchor>) {
        match certificates.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                let anchor = self.anchors.iter().find(|anchor| *anchor.der == *last.cert_data);
                (if anchor.is_some() { rest } else { certificates }, anchor)
            }
            _ => (certificates, None),
        }
    }

    /// Checks keyUsage, which webpki does not look at, and extKeyUsage, of which it knows one purpose at a time.
    fn may_be_used(&self, index: usize, certificate: &TbsCertificate) -> Result<(), ChainError> {
        let malformed = |_| ChainError::Malformed(index);
        if let Some((_, usage)) = certificate.get_extension::<KeyUsage>().map_err(malformed)? {
            let allowed = if index == 0 { usage.digital_signature() } else { usage.key_cert_sign() };
            if !allowed {
                return Err(ChainError::KeyUsage(index));
            }
        }
        match certificate.get_extension::<ExtendedKeyUsage>().map_err(malformed)? {
            Some((_, purposes)) if !purposes.0.iter().any(|id| self.config.key_purposes.contains(id)) => {
                Err(ChainError::KeyPurpose(index))
            }
            _ => Ok(()),
        }
    }

    /// Validates the path of all certificates up to a trust anchor (RFC 5280, section 6.1).
    fn leads_to(
        &self,
        anchor: &Anchor,
        certificates: &[Certificate],
        now: UnixTime,
    ) -> Result<(), ChainError> {
        let encoded = certificates.iter().map(|certificate| CertificateDer::from(&*certificate.cert_data));
        let encoded: Vec<_> = encoded.collect();
        let (leaf, issuers) = encoded.split_first().ok_or(ChainError::Empty)?;
        if !anchor.allows(issuers.len()) {
            return Err(ChainError::PathLength);
        }
        // webpki would leave out issuers that it does not need.
        let is_whole = |path: &VerifiedPath<'_>| {
            let used = path.intermediate_certificates().map(webpki::Cert::der);
            if used.eq(issuers.iter().cloned()) { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
        };
        let algorithms =
            self.algorithms.iter().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm);
        let algorithms: Vec<_> = algorithms.collect();
        let anchor = slice::from_ref(&anchor.trust);
        let leaf = EndEntityCert::try_from(leaf)?;
        leaf.verify_for_usage(&algorithms, anchor, issuers, now, PurposesAreChecked, None, Some(&is_whole))?;
        Ok(())
    }
}

impl IdentityPolicy for X509Identities {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        Ok(self.check(credential, key, now)?)
    }

    /// Whom the credential names; nothing if that is nobody, whom nobody succeeds.
    fn identity(&self, credential: &Credential) -> Vec<u8> {
        Identity::of(credential).map(|identity| identity.to_bytes()).unwrap_or_default()
    }

    /// Whether both name the same.
    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        Identity::of(old).is_ok_and(|old| Identity::of(new) == Ok(old))
    }
}

/// For webpki: extKeyUsage is checked elsewhere.
struct PurposesAreChecked;

impl ExtendedKeyUsageValidator for PurposesAreChecked {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// 5.3 of RFC 9420: each certificate certifies the one before it. Here by the names.
///
/// No two issuers may have the same name, so that webpki has nothing to search: at each step there is one
/// certificate at most that it can try.
fn is_in_order(chain: &[TbsCertificate]) -> Result<(), ChainError> {
    let mut names = Vec::new();
    for (index, (subject, issuer)) in (1..).zip(chain.iter().zip(chain.iter().skip(1))) {
        if subject.issuer() != issuer.subject() {
            return Err(ChainError::Order(index));
        }
        if names.contains(&issuer.subject()) {
            return Err(ChainError::NameTwice(index));
        }
        names.push(issuer.subject());
    }
    Ok(())
}

/// No issuer says which email addresses there may be below a certificate with one in its subject alone. Gives whether there is
/// such a certificate, for which the trust anchor may say so.
fn no_address_is_constrained(chain: &[TbsCertificate]) -> Result<bool, ChainError> {
    let mut is_any = false;
    for (index, certificate) in chain.iter().enumerate() {
        let malformed = |_| ChainError::Malformed(index);
        if is_any && are_constrained_by(certificate).map_err(malformed)? {
            return Err(ChainError::NameConstraint);
        }
        // They do not hold for issuers that certify themselves.
        let holds = index == 0 || certificate.issuer() != certificate.subject();
        is_any |= holds && is_addressed_by_subject(certificate).map_err(malformed)?;
    }
    Ok(is_any)
}

/// The first moment at which all certificates were valid.
fn valid_since(chain: &[TbsCertificate]) -> Result<Duration, ChainError> {
    let since = chain.iter().map(|certificate| certificate.validity().not_before.to_unix_duration()).max();
    let until = chain.iter().map(|certificate| certificate.validity().not_after.to_unix_duration()).min();
    let since = since.ok_or(ChainError::Empty)?;
    if until.is_some_and(|until| since <= until) { Ok(since) } else { Err(ChainError::NeverValid) }
}
