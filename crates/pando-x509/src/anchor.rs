//! Trust anchors (RFC 5280, section 6.1.1), given as certificates.
//!
//! What such a certificate says of its power is believed: its key usage, the length of paths and the constraints
//! on names. Left out on purpose: its signature and its validity. Whoever trusts it decides how long.

use crate::AnchorError;
use crate::addresses::are_constrained_by;
use crate::algorithm::Algorithm;
use crate::certificate::Parsed;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::EndEntityCert;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::name::Name;

/// A trust anchor.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: Name,
    pub(crate) trust: TrustAnchor<'static>,
    /// Whether it says which email addresses there may be below it.
    pub(crate) constrains_addresses: bool,
    path_length: Option<u8>,
}

impl Anchor {
    /// Reads the certificate of a trust anchor. `index` is for errors.
    pub(crate) fn new(index: usize, der: &[u8], algorithms: &[Algorithm]) -> Result<Self, AnchorError> {
        let malformed = AnchorError::Malformed(index);
        let Parsed { tbs, .. } = Parsed::new(der).map_err(|_| malformed)?;
        let encoded = CertificateDer::from(der);
        // Stricter than what webpki asks of a trust anchor: no critical extension may be unknown.
        EndEntityCert::try_from(&encoded).map_err(|_| malformed)?;
        let trust = webpki::anchor_from_trusted_cert(&encoded).map_err(|_| malformed)?.to_owned();

        let constraints = tbs.get_extension::<BasicConstraints>().map_err(|_| malformed)?;
        let Some((_, BasicConstraints { ca: true, path_len_constraint: path_length })) = constraints else {
            return Err(AnchorError::NotCa(index));
        };
        let usage = tbs.get_extension::<KeyUsage>().map_err(|_| malformed)?;
        if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
            return Err(AnchorError::KeyUsage(index));
        }
        Algorithm::public_key(algorithms, tbs.subject_public_key_info()).ok_or(AnchorError::Key(index))?;
        // What cannot be read may be anything.
        let constrains_addresses = are_constrained_by(&tbs).unwrap_or(true);
        Ok(Self {
            der: der.to_vec(),
            subject: tbs.subject().clone(),
            trust,
            constrains_addresses,
            path_length,
        })
    }

    /// Whether a path may have so many issuers below the trust anchor.
    pub(crate) fn allows(&self, issuers: usize) -> bool {
        self.path_length.is_none_or(|length| issuers <= usize::from(length))
    }
}
