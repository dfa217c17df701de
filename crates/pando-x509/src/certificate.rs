//! Certificates in credentials (RFC 9420, section 5.3).

use crate::ChainError;
use crate::validity::Dated;
use pando_wire::{Certificate, Credential};
use x509_cert::TbsCertificate;
use x509_cert::der::{self, Decode};

/// A certificate that was parsed but not validated.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) dated: Dated<'a>,
    pub(crate) tbs: TbsCertificate,
}

impl<'a> Parsed<'a> {
    /// Parses a DER-encoded certificate.
    pub(crate) fn new(der: &'a [u8]) -> der::Result<Self> {
        let dated = Dated::read(der)?;
        let tbs = x509_cert::Certificate::from_der(&dated.der)?.tbs_certificate().clone();
        Ok(Self { dated, tbs })
    }

    /// Parses a certificate of a chain. The argument `index` appears in errors.
    pub(crate) fn of_chain(index: usize, certificate: &'a Certificate) -> Result<Self, ChainError> {
        Self::new(&certificate.cert_data).map_err(|_| ChainError::Malformed(index))
    }
}

/// Returns the certificate chain of an X.509 credential.
pub(crate) fn chain(credential: &Credential) -> Result<&[Certificate], ChainError> {
    match credential {
        Credential::X509 { certificates } => Ok(certificates),
        other => Err(ChainError::Type(other.credential_type())),
    }
}
