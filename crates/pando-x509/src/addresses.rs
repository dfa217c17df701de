//! What nameConstraints say of email addresses, where a certificate has one in its subject and no subjectAltName
//! (RFC 5280, section 4.2.1.10). The constraint would hold for it, and webpki looks for addresses in subjectAltName only.
//!
//! Left out on purpose: comparing them. Such a certificate is refused, as with names in subjectAltName that are constrained.

use crate::ChainError;
use crate::certificate::Parsed;
use x509_cert::TbsCertificate;
use x509_cert::der::{self, asn1::ObjectIdentifier};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};

/// `emailAddress` (RFC 5280, section 4.1.2.6).
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// Whether the certificate has an address in its subject for want of a subjectAltName.
fn is_addressed_by_subject(certificate: &TbsCertificate) -> der::Result<bool> {
    let is_address = certificate.subject().iter().any(|attribute| attribute.oid == EMAIL_ADDRESS);
    Ok(is_address && certificate.get_extension::<SubjectAltName>()?.is_none())
}

/// Whether the certificate of a CA says for which addresses it may certify.
pub(crate) fn are_constrained_by(certificate: &TbsCertificate) -> der::Result<bool> {
    let Some((_, constraints)) = certificate.get_extension::<NameConstraints>()? else { return Ok(false) };
    let subtrees = [constraints.permitted_subtrees, constraints.excluded_subtrees];
    let mut subtrees = subtrees.iter().flatten().flatten();
    Ok(subtrees.any(|subtree| matches!(subtree.base, GeneralName::Rfc822Name(_))))
}

/// No issuer says which email addresses there may be below a certificate with one in its subject alone. Gives whether there is
/// such a certificate, for which the trust anchor may say so.
pub(crate) fn no_address_is_constrained(chain: &[Parsed<'_>]) -> Result<bool, ChainError> {
    let mut is_any = false;
    for (index, Parsed { tbs: certificate, .. }) in chain.iter().enumerate() {
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
