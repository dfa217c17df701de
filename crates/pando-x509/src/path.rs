//! Certification paths (RFC 5280, section 6.1).

use crate::ChainError;
use crate::algorithm::Algorithm;
use crate::anchor::Anchor;
use crate::certificate::Parsed;
use crate::validity::Validity;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime,
};
use std::slice;
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

/// Validates the path that consists of all certificates and leads to a trust anchor (RFC 5280,
/// section 6.1).
pub(crate) fn leads_to(
    algorithms: &[Algorithm],
    anchor: &Anchor,
    certificates: &[Parsed<'_>],
    now: UnixTime,
) -> Result<(), ChainError> {
    let encoded = certificates.iter().map(|certificate| CertificateDer::from(&*certificate.dated.der));
    let encoded: Vec<_> = encoded.collect();
    let (leaf, issuers) = encoded.split_first().ok_or(ChainError::Empty)?;
    if !anchor.allows(issuers.len()) {
        return Err(ChainError::PathLength);
    }
    // Reject a path in which `webpki` skipped issuers because it did not need them.
    let is_whole = |path: &VerifiedPath<'_>| {
        let used = path.intermediate_certificates().map(webpki::Cert::der);
        if used.eq(issuers.iter().cloned()) { Ok(()) } else { Err(webpki::Error::UnknownIssuer) }
    };
    let verifiers: Vec<_> = algorithms.iter().map(|algorithm| Verifier { algorithm, certificates }).collect();
    let verifiers: Vec<_> =
        verifiers.iter().map(|verifier| verifier as &dyn SignatureVerificationAlgorithm).collect();
    let anchor = slice::from_ref(&anchor.trust);
    let leaf = EndEntityCert::try_from(leaf).map_err(ChainError::of_path)?;
    leaf.verify_for_usage(&verifiers, anchor, issuers, now, PurposesAreChecked, None, Some(&is_whole))
        .map_err(ChainError::of_path)?;
    Ok(())
}

/// A signature scheme in the form that `webpki` needs. `webpki` may see a modified copy of a
/// certificate, but the signature covers the original.
#[derive(Debug)]
struct Verifier<'a> {
    algorithm: &'a Algorithm,
    certificates: &'a [Parsed<'a>],
}

impl SignatureVerificationAlgorithm for Verifier<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let original = self.certificates.iter().find_map(|certificate| certificate.dated.signed(message));
        self.algorithm.verify_signature(public_key, original.unwrap_or(message), signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

/// A validator that accepts every extKeyUsage in `webpki`, because `policy.rs` performs that check.
struct PurposesAreChecked;

impl ExtendedKeyUsageValidator for PurposesAreChecked {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Checks that the subject of each certificate is the issuer of the preceding one (RFC 9420,
/// section 5.3).
///
/// Also checks that no two issuers have the same name. Therefore `webpki` does not have to search,
/// because it has at most one certificate to try at each step.
pub(crate) fn is_in_order(chain: &[Parsed<'_>]) -> Result<(), ChainError> {
    let mut names = Vec::new();
    for (index, (subject, issuer)) in (1..).zip(chain.iter().zip(chain.iter().skip(1))) {
        if subject.tbs.issuer() != issuer.tbs.subject() {
            return Err(ChainError::Order(index));
        }
        if names.contains(&issuer.tbs.subject()) {
            return Err(ChainError::NameTwice(index));
        }
        names.push(issuer.tbs.subject());
    }
    Ok(())
}

/// Checks the validity periods at `now` or, without `now`, at the first time at which all
/// certificates were valid. Returns that time in the form that `webpki` needs, which replaces any
/// time before 1970 with the first second of 1970.
pub(crate) fn time_of_validation(chain: &[Parsed<'_>], now: Option<u64>) -> Result<UnixTime, ChainError> {
    let periods = || chain.iter().map(|certificate| certificate.dated.validity);
    let since = periods().map(|Validity { not_before, .. }| not_before).max().ok_or(ChainError::Empty)?;
    let until = periods().map(|Validity { not_after, .. }| not_after).min().ok_or(ChainError::Empty)?;
    if since > until {
        return Err(ChainError::NeverValid);
    }
    let time = now.map_or(since, |now| i64::try_from(now).unwrap_or(i64::MAX));
    if time < since {
        return Err(ChainError::NotYetValid);
    }
    if time > until {
        return Err(ChainError::Expired);
    }
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time).unwrap_or(0))))
}
