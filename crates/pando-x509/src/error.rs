//! Errors in trust anchors and certificate chains.

use crate::NameKind;
use pando_group::IdentityError;
use pando_wire::CredentialType;

/// The reason why a certificate cannot be a trust anchor. Certificates are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// There are no trust anchors, so no chain could be accepted.
    #[error("no trust anchors were given")]
    None,
    /// The anchor is not a certificate of version 3, or it contains an unknown critical extension.
    #[error("trust anchor {0} is malformed (RFC 5280, section 4.1)")]
    Malformed(usize),
    /// The anchor's basicConstraints extension does not say that it is a CA.
    #[error("trust anchor {0} is not a CA (RFC 5280, section 4.2.1.9)")]
    NotCa(usize),
    /// The anchor's keyUsage extension does not include keyCertSign.
    #[error("trust anchor {0} may not sign certificates (RFC 5280, section 4.2.1.3)")]
    KeyUsage(usize),
    /// The anchor's subject is empty.
    #[error("trust anchor {0} has no subject (RFC 5280, section 4.1.2.6)")]
    NoSubject(usize),
    /// The anchor's nameConstraints extension is empty or malformed.
    #[error("nameConstraints of trust anchor {0} are empty or malformed (RFC 5280, section 4.2.1.10)")]
    Constraints(usize),
    /// The anchor's key is malformed, or does not belong to a signature scheme of MLS's cipher
    /// suites.
    #[error("key of trust anchor {0} is not a valid key of an MLS signature scheme (RFC 9420, section 17.1)")]
    Key(usize),
}

/// The reason why a credential is rejected. Certificates are numbered from 0, and certificate 0
/// belongs to the leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The credential is not an X.509 credential.
    #[error("credential has type {0} instead of x509 (RFC 9420, section 5.3)")]
    Type(CredentialType),
    /// The chain contains no certificates.
    #[error("chain is empty (RFC 9420, section 5.3)")]
    Empty,
    /// The chain contains more certificates than the configuration allows.
    #[error("chain has too many certificates: {0}")]
    TooMany(usize),
    /// The chain contains more bytes than the configuration allows.
    #[error("chain has too many bytes: {0}")]
    TooLarge(usize),
    /// An entry of the chain is not a certificate, or it contains a malformed extension.
    #[error("certificate {0} is malformed (RFC 5280, section 4)")]
    Malformed(usize),
    /// A certificate does not belong to the issuer of the preceding certificate.
    #[error("certificate {0} does not certify the one before it (RFC 9420, section 5.3)")]
    Order(usize),
    /// Two issuers in the chain have the same name.
    #[error("certificate {0} has the same name as another issuer in the chain")]
    NameTwice(usize),
    /// The subject of a CA is empty.
    #[error("CA certificate {0} has no subject (RFC 5280, section 4.1.2.6)")]
    NoSubject(usize),
    /// The nameConstraints extension of a CA is empty or malformed.
    #[error("nameConstraints of certificate {0} are empty or malformed (RFC 5280, section 4.2.1.10)")]
    Constraints(usize),
    /// The first certificate contains nameConstraints or a path length, which only a CA may have.
    #[error("first certificate has an extension that only a CA may have (RFC 5280, section 4.2.1)")]
    CaExtension,
    /// The keyUsage of the leaf does not allow it to sign messages or allows it to sign
    /// certificates, or the keyUsage of an issuer does not allow it to sign certificates.
    #[error("keyUsage of certificate {0} does not allow its use (RFC 5280, section 4.2.1.3)")]
    KeyUsage(usize),
    /// The extKeyUsage extension of a certificate contains none of the accepted key purposes.
    #[error("extKeyUsage of certificate {0} does not allow its use (RFC 5280, section 4.2.1.12)")]
    KeyPurpose(usize),
    /// The certified key is not the signature key.
    #[error("first certificate is not for the signature key (RFC 9420, section 5.3)")]
    LeafKey,
    /// The first certificate contains no name of a kind that identifies clients.
    #[error("first certificate has no name of a kind that identifies clients (RFC 5280, section 4.2.1.6)")]
    NoIdentity,
    /// A name of a kind that identifies clients is malformed.
    #[error("first certificate has a malformed {0} (RFC 5280, section 4.2.1.6)")]
    MalformedName(NameKind),
    /// The certificate has a kind of identifying name that the constraints of the CAs do not limit.
    #[error(
        "CA with constraints on other names cannot certify an identity of the kind {0} (RFC 5280, section 4.2.1.10)"
    )]
    UnconstrainedName(NameKind),
    /// There is no time at which all certificates were valid.
    #[error("certificates were never valid at the same time (RFC 5280, section 4.1.2.5)")]
    NeverValid,
    /// A certificate is not valid yet.
    #[error("certificate is not valid yet (RFC 5280, section 6.1.3)")]
    NotYetValid,
    /// A certificate has expired.
    #[error("certificate has expired (RFC 5280, section 6.1.3)")]
    Expired,
    /// The chain does not lead to a trust anchor.
    #[error("chain does not end at a trust anchor (RFC 5280, section 6.1)")]
    UnknownIssuer,
    /// The signature of a certificate is wrong.
    #[error("wrong signature of a certificate (RFC 5280, section 6.1.3)")]
    Signature,
    /// A signature or an issuer's key does not belong to a signature scheme of MLS's cipher suites.
    #[error("certificate is signed with a scheme that MLS does not have (RFC 9420, section 17.1)")]
    Algorithm,
    /// The first certificate belongs to a CA.
    #[error("first certificate belongs to a CA (RFC 5280, section 4.2.1.9)")]
    LeafIsCa,
    /// An issuer is not a CA.
    #[error("issuer is not a CA (RFC 5280, section 6.1.4)")]
    NotCa,
    /// A path contains more issuers below a CA than that CA allows.
    #[error("path is longer than a CA allows (RFC 5280, section 6.1.4)")]
    PathLength,
    /// A name violates the name constraints of a CA above it.
    #[error("nameConstraints of a CA do not allow a name (RFC 5280, section 6.1.4)")]
    NameConstraint,
    /// A certificate contains an unknown critical extension.
    #[error("unknown critical extension (RFC 5280, section 4.2)")]
    CriticalExtension,
    /// The path is invalid for another reason.
    #[error("path is not valid (RFC 5280, section 6.1): {0}")]
    Path(String),
}

impl ChainError {
    /// Converts an error of `webpki`. An implementation of `From` would make `webpki` a part of the
    /// public API.
    pub(crate) fn of_path(error: webpki::Error) -> Self {
        use webpki::Error;
        match error {
            Error::CertNotValidYet { .. } => Self::NotYetValid,
            Error::CertExpired { .. } => Self::Expired,
            Error::UnknownIssuer => Self::UnknownIssuer,
            Error::InvalidSignatureForPublicKey => Self::Signature,
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Algorithm,
            Error::CaUsedAsEndEntity => Self::LeafIsCa,
            Error::EndEntityUsedAsCa => Self::NotCa,
            Error::PathLenConstraintViolated => Self::PathLength,
            Error::NameConstraintViolation => Self::NameConstraint,
            Error::UnsupportedCriticalExtension => Self::CriticalExtension,
            other => Self::Path(other.to_string()),
        }
    }
}

impl From<ChainError> for IdentityError {
    fn from(error: ChainError) -> Self {
        Self(error.to_string())
    }
}
