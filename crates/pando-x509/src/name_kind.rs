//! The kinds of names in certificates that may identify clients (RFC 5280, sections 4.1.2.6 and
//! 4.2.1.6).

use std::fmt;
use x509_cert::ext::pkix::name::GeneralName;

/// A kind of name that may identify a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// A URI in subjectAltName.
    Uri,
    /// A domain name in subjectAltName.
    Dns,
    /// An email address in subjectAltName.
    Email,
    /// An IP address in subjectAltName.
    IpAddress,
    /// A distinguished name in subjectAltName.
    DirectoryName,
    /// An object identifier in subjectAltName.
    RegisteredId,
    /// A name in subjectAltName whose type is an object identifier.
    OtherName,
    /// The subject of a certificate that contains no other identifying names.
    Subject,
}

impl NameKind {
    /// Returns whether a name of this kind identifies the same client, no matter which issuer below
    /// a trust anchor certifies it.
    ///
    /// The result is true for URIs, domain names and email addresses, which have their own
    /// registries. In contrast, there are many people called John Smith and many hosts with the
    /// address 10.0.0.1. Such names are meaningful only to their issuer.
    #[must_use]
    pub const fn is_global(self) -> bool {
        matches!(self, Self::Uri | Self::Dns | Self::Email)
    }

    /// Returns the kind of a name that occurs in subjectAltName or as the base of a constraint.
    pub(crate) const fn of(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::UniformResourceIdentifier(_) => Self::Uri,
            GeneralName::DnsName(_) => Self::Dns,
            GeneralName::Rfc822Name(_) => Self::Email,
            GeneralName::IpAddress(_) => Self::IpAddress,
            GeneralName::DirectoryName(_) => Self::DirectoryName,
            GeneralName::RegisteredId(_) => Self::RegisteredId,
            GeneralName::OtherName(_) => Self::OtherName,
            GeneralName::EdiPartyName(_) => return None,
        })
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uri => "URI",
            Self::Dns => "domain name",
            Self::Email => "email address",
            Self::IpAddress => "IP address",
            Self::DirectoryName => "directory name",
            Self::RegisteredId => "registered ID",
            Self::OtherName => "other name",
            Self::Subject => "subject",
        })
    }
}
