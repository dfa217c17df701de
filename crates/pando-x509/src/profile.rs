//! The rules of RFC 5280, section 4, that concern the rights a certificate grants and that `webpki`
//! does not check.
//!
//! A certificate that violates one of these rules is ambiguous, because implementations disagree
//! about the rights that it grants. The crate documentation lists the rules for CAs that are not
//! enforced.

use crate::constraints::Constraints;
use crate::{AnchorError, ChainError};
use x509_cert::TbsCertificate;
use x509_cert::der;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, NameConstraints};

/// A flaw that makes a certificate unacceptable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    Malformed,
    NoSubject,
    KeyUsage,
    Constraints,
}

impl Flaw {
    pub(crate) const fn of_certificate(self, index: usize) -> ChainError {
        match self {
            Self::Malformed => ChainError::Malformed(index),
            Self::NoSubject => ChainError::NoSubject(index),
            Self::KeyUsage => ChainError::KeyUsage(index),
            Self::Constraints => ChainError::Constraints(index),
        }
    }

    pub(crate) const fn of_anchor(self, index: usize) -> AnchorError {
        match self {
            Self::Malformed => AnchorError::Malformed(index),
            Self::NoSubject => AnchorError::NoSubject(index),
            Self::KeyUsage => AnchorError::KeyUsage(index),
            Self::Constraints => AnchorError::Constraints(index),
        }
    }
}

impl From<der::Error> for Flaw {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// Checks the certificate of a CA, and returns its name constraints.
pub(crate) fn check_issuer(certificate: &TbsCertificate) -> Result<Option<Constraints>, Flaw> {
    has_each_extension_once(certificate)?;
    let usage = certificate.get_extension::<KeyUsage>()?;
    if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
        return Err(Flaw::KeyUsage);
    }
    if certificate.subject().is_empty() {
        return Err(Flaw::NoSubject);
    }
    let Some((_, constraints)) = certificate.get_extension::<NameConstraints>()? else { return Ok(None) };
    Constraints::new(&constraints).map(Some).ok_or(Flaw::Constraints)
}

/// Checks the certificate of a client, which must not have the rights of a CA.
pub(crate) fn check_leaf(certificate: &TbsCertificate) -> Result<(), ChainError> {
    let flawed = |flaw: Flaw| flaw.of_certificate(0);
    let malformed = |_| ChainError::Malformed(0);
    has_each_extension_once(certificate).map_err(flawed)?;
    let constraints = certificate.get_extension::<BasicConstraints>().map_err(malformed)?;
    let (is_ca, path_length) = constraints
        .map_or((false, None), |(_, constraints)| (constraints.ca, constraints.path_len_constraint));
    if is_ca {
        return Err(ChainError::LeafIsCa);
    }
    if let Some((_, usage)) = certificate.get_extension::<KeyUsage>().map_err(malformed)?
        && (usage.key_cert_sign() || !usage.digital_signature())
    {
        return Err(ChainError::KeyUsage(0));
    }
    let constrains = certificate.get_extension::<NameConstraints>().map_err(malformed)?.is_some();
    if constrains || path_length.is_some() { Err(ChainError::CaExtension) } else { Ok(()) }
}

/// Checks that no extension occurs twice (section 4.2).
fn has_each_extension_once(certificate: &TbsCertificate) -> Result<(), Flaw> {
    let mut ids: Vec<_> =
        certificate.extensions().into_iter().flatten().map(|extension| extension.extn_id).collect();
    ids.sort_unstable();
    if ids.is_sorted_by(|one, next| one < next) { Ok(()) } else { Err(Flaw::Malformed) }
}
