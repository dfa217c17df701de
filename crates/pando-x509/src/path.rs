//! Paths of certificates (RFC 5280, section 6.1).

use crate::ChainError;
use crate::algorithm::Algorithm;
use crate::anchor::Anchor;
use pando_wire::Certificate;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::slice;
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};
use x509_cert::TbsCertificate;

/// Validates the path of all certificates up to a trust anchor (RFC 5280, section 6.1).
pub(crate) fn leads_to(
    algorithms: &[Algorithm],
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
    let algorithms = algorithms.iter().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm);
    let algorithms: Vec<_> = algorithms.collect();
    let anchor = slice::from_ref(&anchor.trust);
    let leaf = EndEntityCert::try_from(leaf)?;
    leaf.verify_for_usage(&algorithms, anchor, issuers, now, PurposesAreChecked, None, Some(&is_whole))?;
    Ok(())
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
pub(crate) fn is_in_order(chain: &[TbsCertificate]) -> Result<(), ChainError> {
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

/// The first moment at which all certificates were valid.
pub(crate) fn valid_since(chain: &[TbsCertificate]) -> Result<Duration, ChainError> {
    let since = chain.iter().map(|certificate| certificate.validity().not_before.to_unix_duration()).max();
    let until = chain.iter().map(|certificate| certificate.validity().not_after.to_unix_duration()).min();
    let since = since.ok_or(ChainError::Empty)?;
    if until.is_some_and(|until| since <= until) { Ok(since) } else { Err(ChainError::NeverValid) }
}
