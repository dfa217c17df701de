//! Certificates in credentials (RFC 9420, section 5.3).

use crate::ChainError;
use pando_wire::{Certificate, Credential};
use x509_cert::TbsCertificate;
use x509_cert::der::Decode;

/// The chain of a credential.
pub(crate) fn chain(credential: &Credential) -> Result<&[Certificate], ChainError> {
    match credential {
        Credential::X509 { certificates } => Ok(certificates),
        other => Err(ChainError::Type(other.credential_type())),
    }
}

/// The first certificate of a credential.
pub(crate) fn leaf(credential: &Credential) -> Result<TbsCertificate, ChainError> {
    parse(0, chain(credential)?.first().ok_or(ChainError::Empty)?)
}

/// Reads a certificate. `index` is for errors.
pub(crate) fn parse(index: usize, certificate: &Certificate) -> Result<TbsCertificate, ChainError> {
    let parsed = x509_cert::Certificate::from_der(&certificate.cert_data);
    parsed.map(|parsed| parsed.tbs_certificate().clone()).map_err(|_| ChainError::Malformed(index))
}
