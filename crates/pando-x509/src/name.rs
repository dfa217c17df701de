//! The names in certificates that identify clients, and the comparison of such names (RFC 5280,
//! sections 4.1.2.6, 4.2.1.6 and 7).
//!
//! Two names are equal if their normal forms consist of the same bytes. The normal forms are:
//!
//! - A domain name is written in the preferred syntax, without a wildcard, and in lower case.
//! - An email address has the form `local@domain`. The domain is in lower case. The local part is
//!   unchanged, because only the host of the mailbox knows whether case matters in it. A quoted
//!   local part counts as malformed, because `"a"@b` and `a@b` are the same mailbox.
//! - A URI must be absolute and is unchanged, because further rules for equality would depend on
//!   the scheme.
//! - All other names are unchanged and encoded in DER.

use crate::ChainError;
use crate::name_kind::NameKind;
use rustls_pki_types::DnsName;
use std::collections::{BTreeMap, BTreeSet};
use x509_cert::TbsCertificate;
use x509_cert::der::{self, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A name that identifies a client, in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Name {
    /// A URI in subjectAltName.
    Uri(String),
    /// A domain name in subjectAltName.
    Dns(String),
    /// An email address in subjectAltName.
    Email(String),
    /// A name of another kind in subjectAltName, which is the GeneralName in DER.
    Other(Vec<u8>),
    /// The subject of the certificate in DER.
    Subject(Vec<u8>),
}

impl Name {
    /// Returns the normal form of a name, or `None` if it is malformed.
    fn new(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::UniformResourceIdentifier(uri) => {
                is_uri(uri.as_ref()).then(|| Self::Uri(uri.to_string()))
            }
            GeneralName::DnsName(name) => host(name.as_ref()).map(Self::Dns),
            GeneralName::Rfc822Name(address) => mailbox(address.as_ref()).map(Self::Email),
            GeneralName::IpAddress(address) if !matches!(address.as_bytes().len(), 4 | 16) => None,
            other => other.to_der().ok().map(Self::Other),
        }
    }

    /// Returns the number of the variant and the bytes of the name.
    pub(crate) fn parts(&self) -> (u8, &[u8]) {
        match self {
            Self::Uri(uri) => (0, uri.as_bytes()),
            Self::Dns(name) => (1, name.as_bytes()),
            Self::Email(address) => (2, address.as_bytes()),
            Self::Other(name) => (3, name),
            Self::Subject(name) => (4, name),
        }
    }
}

/// Returns the names in a client's certificate that are of the given kinds.
///
/// If one of these names is malformed, the certificate is rejected. Names of other kinds are
/// ignored, even if they are malformed.
pub(crate) fn names(
    certificate: &TbsCertificate,
    kinds: &BTreeSet<NameKind>,
) -> Result<BTreeMap<Name, NameKind>, ChainError> {
    let malformed = |_: der::Error| ChainError::Malformed(0);
    let alternatives = certificate.get_extension::<SubjectAltName>().map_err(malformed)?;
    let is_empty = alternatives.as_ref().is_some_and(|(_, names)| names.0.is_empty());
    let mut names = BTreeMap::new();
    for name in alternatives.iter().flat_map(|(_, names)| &names.0) {
        let Some(kind) = NameKind::of(name).filter(|kind| kinds.contains(kind)) else { continue };
        names.insert(Name::new(name).ok_or(ChainError::MalformedName(kind))?, kind);
    }
    let subject = certificate.subject();
    if names.is_empty() && kinds.contains(&NameKind::Subject) && !subject.is_empty() && !is_empty {
        names.insert(Name::Subject(subject.to_der().map_err(malformed)?), NameKind::Subject);
    }
    if names.is_empty() { Err(ChainError::NoIdentity) } else { Ok(names) }
}

/// Returns whether the text is a domain name in the preferred syntax (RFC 5280, section 4.2.1.6).
/// Wildcards, underscores, leading and trailing dots, and IP addresses are not allowed.
pub(crate) fn is_host(text: &str) -> bool {
    !text.contains('_') && !text.ends_with('.') && DnsName::try_from(text).is_ok()
}

fn host(text: &str) -> Option<String> {
    is_host(text).then(|| text.to_ascii_lowercase())
}

/// Returns the normal form of an email address `local@domain`, or `None` if it is malformed.
fn mailbox(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_local = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
    if is_local { Some(format!("{local}@{}", host(domain)?)) } else { None }
}

/// Returns whether the text consists of a scheme, a colon and a nonempty rest, with only characters
/// that may occur in a URI (RFC 3986).
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::{is_host, is_uri, mailbox};

    #[test]
    fn hosts() {
        for host in ["example.org", "localhost", "a-b.EXAMPLE", "1.example", "xn--bcher-kva.example"] {
            assert!(is_host(host), "{host}");
        }
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            ".example.org",
            "example.org.",
            "a..b",
            "*.example.org",
            "a_b.example",
            "192.0.2.1",
            "-a.b",
            "a-.b",
            "bücher.example",
            " a.b",
            "a\0.b",
            &long,
        ] {
            assert!(!is_host(text), "{text}");
        }
    }

    #[test]
    fn mailboxes() {
        for (text, normal) in [
            ("Alice@Example.ORG", "Alice@example.org"),
            ("a.b+c@localhost", "a.b+c@localhost"),
            ("*@example.org", "*@example.org"),
        ] {
            assert_eq!(mailbox(text).as_deref(), Some(normal));
        }
        for text in [
            "",
            "@",
            "alice",
            "@example.org",
            "alice@",
            "a@b@example.org",
            "\"a\"@example.org",
            ".a@b",
            "a..b@c",
            "a b@c",
            "a@[192.0.2.1]",
            "a\0@b",
            "a@*.b",
            "Alice <a@b>",
        ] {
            assert_eq!(mailbox(text), None, "{text}");
        }
    }

    #[test]
    fn uris() {
        for uri in ["im:alice@example.org", "https://example.org/", "urn:uuid:0", "a+1-.:b", "IM:x"] {
            assert!(is_uri(uri), "{uri}");
        }
        for text in [
            "",
            ":",
            "alice",
            "im:",
            ":alice",
            "1im:alice",
            "//example.org/",
            "im:a b",
            "im:\0",
            "im:\u{e9}",
            "/im:a",
        ] {
            assert!(!is_uri(text), "{text}");
        }
    }
}
