//! Errors of trust anchors and of chains.

use crate::NameKind;
use pando_group::IdentityError;
use pando_wire::CredentialType;

/// A certificate cannot be a trust anchor. Certificates are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// There is no trust anchor, so nothing could ever be accepted.
    #[error("there is no trust anchor")]
    None,
    /// Not a certificate of version 3, or one with a critical extension that is not understood.
    #[error("trust anchor {0} cannot be read (RFC 5280, section 4.1)")]
    Malformed(usize),
    /// Its basicConstraints do not say that it is a CA.
    #[error("trust anchor {0} is not a CA (RFC 5280, section 4.2.1.9)")]
    NotCa(usize),
    /// Its keyUsage does not include keyCertSign.
    #[error("trust anchor {0} may not sign certificates (RFC 5280, section 4.2.1.3)")]
    KeyUsage(usize),
    /// Its subject is empty.
    #[error("trust anchor {0} has no subject (RFC 5280, section 4.1.2.6)")]
    NoSubject(usize),
    /// Its nameConstraints are empty or malformed.
    #[error("the nameConstraints of trust anchor {0} have no meaning (RFC 5280, section 4.2.1.10)")]
    Constraints(usize),
    /// Its key is malformed, or for no signature scheme of MLS's cipher suites.
    #[error("the key of trust anchor {0} is not of a signature scheme of MLS (RFC 9420, section 17.1)")]
    Key(usize),
}

/// A credential is not acceptable. Certificates are counted from 0, which is the leaf's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Not an X.509 credential.
    #[error("the credential is of type {0} and not a chain of certificates (RFC 9420, section 5.3)")]
    Type(CredentialType),
    /// No certificates.
    #[error("the chain is empty (RFC 9420, section 5.3)")]
    Empty,
    /// More certificates than the configuration allows.
    #[error("the chain has {0} certificates, which is too many")]
    TooMany(usize),
    /// More bytes than the configuration allows.
    #[error("the chain has {0} bytes, which is too large")]
    TooLarge(usize),
    /// Not a certificate, or one with an extension that cannot be read.
    #[error("certificate {0} cannot be read (RFC 5280, section 4)")]
    Malformed(usize),
    /// A certificate is not of the issuer of the one before it.
    #[error("certificate {0} does not certify the one before it (RFC 9420, section 5.3)")]
    Order(usize),
    /// An issuer has the name of another one in the chain.
    #[error("certificate {0} has the name of another issuer in the chain")]
    NameTwice(usize),
    /// The subject of a CA is empty.
    #[error("certificate {0} is a CA's and has no subject (RFC 5280, section 4.1.2.6)")]
    NoSubject(usize),
    /// The nameConstraints of a CA are empty or malformed.
    #[error("the nameConstraints of certificate {0} have no meaning (RFC 5280, section 4.2.1.10)")]
    Constraints(usize),
    /// The first certificate has nameConstraints or a path length.
    #[error("the first certificate has an extension that only a CA has (RFC 5280, section 4.2.1)")]
    CaExtension,
    /// The leaf may not sign messages or claims to sign certificates, or an issuer may not sign
    /// certificates.
    #[error("the keyUsage of certificate {0} does not allow its use (RFC 5280, section 4.2.1.3)")]
    KeyUsage(usize),
    /// A certificate is for other purposes only.
    #[error("the extKeyUsage of certificate {0} does not allow its use (RFC 5280, section 4.2.1.12)")]
    KeyPurpose(usize),
    /// The certified key is not the signature key.
    #[error("the first certificate is not for the signature key (RFC 9420, section 5.3)")]
    LeafKey,
    /// The first certificate has no name of a kind that identifies clients.
    #[error(
        "the first certificate has no name of a kind that identifies clients (RFC 5280, section 4.2.1.6)"
    )]
    NoIdentity,
    /// A name of a kind that identifies clients is malformed.
    #[error("the first certificate has a malformed {0} (RFC 5280, section 4.2.1.6)")]
    MalformedName(NameKind),
    /// A CA has constraints, but none of them limits the names of a kind that identifies the
    /// client.
    #[error(
        "a CA with constraints on other names cannot certify an identity of the kind {0} (RFC 5280, section 4.2.1.10)"
    )]
    UnconstrainedName(NameKind),
    /// There is no moment at which all certificates were valid.
    #[error("the certificates were never valid at the same time (RFC 5280, section 4.1.2.5)")]
    NeverValid,
    /// A certificate is not valid yet.
    #[error("a certificate is not valid yet (RFC 5280, section 6.1.3)")]
    NotYetValid,
    /// A certificate has expired.
    #[error("a certificate has expired (RFC 5280, section 6.1.3)")]
    Expired,
    /// The chain leads to no trust anchor.
    #[error("the chain ends at no trust anchor (RFC 5280, section 6.1)")]
    UnknownIssuer,
    /// A signature is wrong.
    #[error("the signature of a certificate is wrong (RFC 5280, section 6.1.3)")]
    Signature,
    /// A signature or an issuer's key is of no signature scheme of MLS's cipher suites.
    #[error("a certificate is signed by a scheme that is not one of MLS (RFC 9420, section 17.1)")]
    Algorithm,
    /// The first certificate is a CA's.
    #[error("the first certificate is a CA's (RFC 5280, section 4.2.1.9)")]
    LeafIsCa,
    /// An issuer is not a CA.
    #[error("an issuer is not a CA (RFC 5280, section 6.1.4)")]
    NotCa,
    /// There are more issuers below a CA than it allows.
    #[error("the path is longer than a CA allows (RFC 5280, section 6.1.4)")]
    PathLength,
    /// A name is not one that a CA above it may certify.
    #[error("a name is outside of what a CA may certify (RFC 5280, section 6.1.4)")]
    NameConstraint,
    /// A critical extension is not understood.
    #[error("a critical extension is not understood (RFC 5280, section 4.2)")]
    CriticalExtension,
    /// Something else is wrong with the path.
    #[error("the path is not valid (RFC 5280, section 6.1): {0}")]
    Path(String),
}

impl From<webpki::Error> for ChainError {
    fn from(error: webpki::Error) -> Self {
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
