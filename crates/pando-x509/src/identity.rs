//! Whom a certificate names (RFC 5280, sections 4.1.2.6 and 4.2.1.6).

use crate::ChainError;
use crate::certificate::leaf;
use pando_wire::Credential;
use std::collections::BTreeSet;
use x509_cert::TbsCertificate;
use x509_cert::der::{self, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Whom a certificate names. Compared byte by byte: a name in capitals is another name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// All names in subjectAltName. What the subject says besides does not count.
    AlternativeNames(BTreeSet<AlternativeName>),
    /// The subject in DER, if there is no subjectAltName.
    Subject(Vec<u8>),
}

/// A name in subjectAltName.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlternativeName {
    /// A URI.
    Uri(String),
    /// A domain name.
    Dns(String),
    /// An email address.
    Email(String),
    /// A name of another kind: the GeneralName in DER.
    Other(Vec<u8>),
}

impl Identity {
    /// Whom a credential names. This reads the first certificate and validates nothing: a group has done so for
    /// the credentials of its members.
    ///
    /// # Errors
    /// [`ChainError`] if the credential is not of X.509, if the first certificate cannot be read, or if it names
    /// nobody.
    pub fn of(credential: &Credential) -> Result<Self, ChainError> {
        Self::of_certificate(&leaf(credential)?.tbs)
    }

    /// The identity as bytes, which are others for every other identity.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let names = match self {
            Self::AlternativeNames(names) => names,
            Self::Subject(subject) => return [&[0], &**subject].concat(),
        };
        let mut bytes = vec![1];
        for name in names {
            let (kind, name) = match name {
                AlternativeName::Uri(uri) => (0, uri.as_bytes()),
                AlternativeName::Dns(name) => (1, name.as_bytes()),
                AlternativeName::Email(address) => (2, address.as_bytes()),
                AlternativeName::Other(name) => (3, &**name),
            };
            bytes.push(kind);
            bytes.extend_from_slice(&name.len().to_be_bytes());
            bytes.extend_from_slice(name);
        }
        bytes
    }

    pub(crate) fn of_certificate(certificate: &TbsCertificate) -> Result<Self, ChainError> {
        Self::read(certificate).map_err(|_| ChainError::Malformed(0))?.ok_or(ChainError::NoIdentity)
    }

    fn read(certificate: &TbsCertificate) -> der::Result<Option<Self>> {
        let Some((_, names)) = certificate.get_extension::<SubjectAltName>()? else {
            let subject = certificate.subject();
            return if subject.is_empty() { Ok(None) } else { subject.to_der().map(Self::Subject).map(Some) };
        };
        let names = names.0.iter().map(AlternativeName::new).collect::<der::Result<BTreeSet<_>>>()?;
        Ok((!names.is_empty()).then_some(Self::AlternativeNames(names)))
    }
}

impl AlternativeName {
    fn new(name: &GeneralName) -> der::Result<Self> {
        Ok(match name {
            GeneralName::UniformResourceIdentifier(uri) => Self::Uri(uri.to_string()),
            GeneralName::DnsName(name) => Self::Dns(name.to_string()),
            GeneralName::Rfc822Name(address) => Self::Email(address.to_string()),
            other => Self::Other(other.to_der()?),
        })
    }
}
