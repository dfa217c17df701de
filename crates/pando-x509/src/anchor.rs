//! Trust anchors (RFC 5280, section 6.1.1) in the form of certificates.
//!
//! The limits in such a certificate apply, namely its key usage, path length and name constraints.
//! The issuer, the signature and the validity of the certificate are deliberately ignored. The
//! application that trusts the anchor decides for how long.

use crate::algorithm::Algorithm;
use crate::certificate::Parsed;
use crate::constraints::Constraints;
use crate::profile::check_issuer;
use crate::{AnchorError, AnchorId};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::EndEntityCert;
use x509_cert::der::Encode;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;

/// A trust anchor, parsed from its certificate.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: Name,
    pub(crate) id: AnchorId,
    pub(crate) trust: TrustAnchor<'static>,
    /// The name constraints of the anchor.
    pub(crate) constraints: Option<Constraints>,
    path_length: Option<u8>,
}

impl Anchor {
    /// Parses the certificate of a trust anchor. The argument `index` appears in errors.
    pub(crate) fn new(index: usize, der: &[u8], algorithms: &[Algorithm]) -> Result<Self, AnchorError> {
        let malformed = AnchorError::Malformed(index);
        let Parsed { tbs, .. } = Parsed::new(der).map_err(|_| malformed)?;
        let encoded = CertificateDer::from(der);
        // Reject unknown critical extensions, which `webpki` ignores in trust anchors.
        EndEntityCert::try_from(&encoded).map_err(|_| malformed)?;
        let trust = webpki::anchor_from_trusted_cert(&encoded).map_err(|_| malformed)?.to_owned();

        let basic = tbs.get_extension::<BasicConstraints>().map_err(|_| malformed)?;
        let Some((_, BasicConstraints { ca: true, path_len_constraint: path_length })) = basic else {
            return Err(AnchorError::NotCa(index));
        };
        let constraints = check_issuer(&tbs).map_err(|flaw| flaw.of_anchor(index))?;
        let key = Algorithm::public_key(algorithms, tbs.subject_public_key_info());
        let key = key.ok_or(AnchorError::Key(index))?;
        let subject = tbs.subject().to_der().map_err(|_| malformed)?;
        let id = AnchorId { subject, key };
        Ok(Self { der: der.to_vec(), subject: tbs.subject().clone(), id, trust, constraints, path_length })
    }

    /// Returns whether a path may contain the given number of issuers below the trust anchor.
    pub(crate) fn allows(&self, issuers: usize) -> bool {
        self.path_length.is_none_or(|length| issuers <= usize::from(length))
    }
}
