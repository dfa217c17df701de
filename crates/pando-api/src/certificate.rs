//! The name in a device certificate (docs/protocol.md, section 3).
//!
//! Left out on purpose: whether the certificate is authentic. [`DeviceIdentities`] checks that.
//!
//! [`DeviceIdentities`]: crate::DeviceIdentities

use crate::id::{ClientId, Domain};
use crate::id_rules::IdError;
use pando_mls::x509::ChainError;
use pando_mls::{Credential, CredentialType, SignaturePublicKey};
use x509_cert::Certificate;
use x509_cert::der::{self, Decode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The highest version of a certificate. A revocation of this version covers all certificates of a
/// client.
pub const MAX_VERSION: u64 = (1 << 63) - 1;

/// The start of the URI in a device certificate.
const SCHEME: &str = "pando://";

/// The client, the version, the key and the end of the validity in a device certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCertificate {
    /// The client: a user and a device.
    pub client: ClientId,
    /// The version, from 1 to [`MAX_VERSION`]. It rises with each certificate of the client.
    pub version: u64,
    /// The certified signature key, in the encoding of MLS. Whether it is a valid key of a
    /// signature scheme is not checked.
    pub signature_key: SignaturePublicKey,
    /// The last second of the validity, in seconds since 1970.
    pub not_after: u64,
}

impl DeviceCertificate {
    /// Reads the only certificate of a credential, without verifying it.
    ///
    /// # Errors
    /// [`CertificateError`] for the first violated rule.
    pub fn read(credential: &Credential) -> Result<Self, CertificateError> {
        let Credential::X509 { certificates } = credential else {
            return Err(CertificateError::Type(credential.credential_type()));
        };
        let [certificate] = certificates.as_slice() else {
            return Err(CertificateError::Certificates(certificates.len()));
        };
        let malformed = |_: der::Error| CertificateError::Malformed;
        let certificate = Certificate::from_der(&certificate.cert_data).map_err(malformed)?;
        let certificate = certificate.tbs_certificate();

        let names = certificate.get_extension::<SubjectAltName>().map_err(malformed)?;
        let uris = names.iter().flat_map(|(_, names)| &names.0).filter_map(|name| match name {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_ref()),
            _ => None,
        });
        let uris: Vec<&str> = uris.collect();
        let [uri] = uris.as_slice() else { return Err(CertificateError::Names(uris.len())) };
        let (client, version) = parse_name(uri)?;

        let key = certificate.subject_public_key_info().subject_public_key.as_bytes();
        let signature_key = SignaturePublicKey::from(key.ok_or(CertificateError::Malformed)?);
        let not_after = certificate.validity().not_after.to_unix_duration().as_secs();
        Ok(Self { client, version, signature_key, not_after })
    }
}

/// Returns the URI in the certificate of a client's version.
#[must_use]
pub fn certificate_uri(client: &ClientId, version: u64) -> String {
    format!("{SCHEME}{client}?version={version}")
}

/// Parses the URI in a certificate. Only the spelling of [`certificate_uri`] is accepted.
fn parse_name(uri: &str) -> Result<(ClientId, u64), CertificateError> {
    let name = uri.strip_prefix(SCHEME).ok_or(CertificateError::Scheme)?;
    let (client, query) = name.split_once('?').ok_or(CertificateError::Version)?;
    let version = query.strip_prefix("version=").and_then(parse_version).ok_or(CertificateError::Version)?;
    Ok((client.parse()?, version))
}

/// Parses a decimal number from 1 to [`MAX_VERSION`] without leading zeros.
fn parse_version(text: &str) -> Option<u64> {
    let is_canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = is_canonical.then(|| text.parse().ok()).flatten()?;
    (version <= MAX_VERSION).then_some(version)
}

/// The rule that a device certificate violates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The credential is not an X.509 credential.
    #[error("credential has type {0} instead of x509")]
    Type(CredentialType),
    /// The credential does not contain exactly one certificate.
    #[error("credential contains {0} certificates instead of one")]
    Certificates(usize),
    /// The certificate cannot be decoded.
    #[error("certificate is malformed")]
    Malformed,
    /// The certificate does not have exactly one subjectAltName of the type URI.
    #[error("certificate has {0} names of the type URI instead of one")]
    Names(usize),
    /// The name does not begin with `pando://`.
    #[error("name in the certificate does not begin with pando://")]
    Scheme,
    /// The name does not end with a version.
    #[error("name in the certificate does not end with ?version= and a number from 1 to 2^63 - 1")]
    Version,
    /// The name is not that of a client.
    #[error("client in the certificate is malformed: {0}")]
    Client(#[from] IdError),
    /// No trust anchor is pinned for the domain of the client.
    #[error("no trust anchor is pinned for the domain {0}")]
    UnknownDomain(Domain),
    /// The certificate does not lead to a trust anchor of its domain, or is not valid.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_client_and_a_version() {
        let client: ClientId = "alice@example.org/laptop".parse().unwrap();
        for version in [1, 9, 10, 1_234_567_890, MAX_VERSION] {
            let uri = certificate_uri(&client, version);
            assert_eq!(parse_name(&uri), Ok((client.clone(), version)));
        }
        assert_eq!(certificate_uri(&client, 3), "pando://alice@example.org/laptop?version=3");
    }

    #[test]
    fn other_spellings_of_names_are_refused() {
        for uri in [
            "",
            "pando:",
            "pando:alice@example.org/laptop?version=3",
            "pando:///alice@example.org/laptop?version=3",
            "Pando://alice@example.org/laptop?version=3",
            "PANDO://alice@example.org/laptop?version=3",
            " pando://alice@example.org/laptop?version=3",
            "im:alice@example.org",
            "https://example.org/laptop?version=3",
        ] {
            let refused = parse_name(uri).unwrap_err();
            assert!(matches!(refused, CertificateError::Scheme | CertificateError::Client(_)), "{uri:?}");
        }
        for (client, rule) in [
            ("Alice@example.org/laptop", IdError::NameCharacter('A')),
            ("alice@EXAMPLE.org/laptop", IdError::DomainCharacter('E')),
            ("alice@example.org/Laptop", IdError::NameCharacter('L')),
            ("%61lice@example.org/laptop", IdError::NameCharacter('%')),
            ("alice@example.org/lapto%70", IdError::NameCharacter('%')),
            ("alice%40example.org/laptop", IdError::NoDomain),
            ("alice@example.org%2Flaptop", IdError::NoDevice),
            ("alice@example.org:443/laptop", IdError::DomainCharacter(':')),
            ("alice:secret@example.org/laptop", IdError::NameCharacter(':')),
            ("alice@example.org./laptop", IdError::LabelLength(0)),
            ("alice@example.org/laptop/", IdError::NameCharacter('/')),
            ("alice@example.org/./laptop", IdError::NameCharacter('/')),
            ("alice@example.org/laptop#a", IdError::NameCharacter('#')),
            ("alice@example.org/", IdError::NameLength(0)),
            ("alice@example.org", IdError::NoDevice),
            ("example.org/laptop", IdError::NoDomain),
            ("", IdError::NoDevice),
        ] {
            let refused = parse_name(&format!("pando://{client}?version=3"));
            assert_eq!(refused, Err(CertificateError::Client(rule)), "{client:?}");
        }
    }

    #[test]
    fn other_spellings_of_versions_are_refused() {
        for query in [
            "",
            "?",
            "?version",
            "?version=",
            "?version=0",
            "?version=00",
            "?version=03",
            "?version=+3",
            "?version=-3",
            "?version=3.0",
            "?version=3e0",
            "?version=0x3",
            "?version= 3",
            "?version=3 ",
            "?version=%33",
            "?version=٣",
            "?version=9223372036854775808",
            "?version=18446744073709551616",
            "?version=99999999999999999999999999999999999999",
            "?version=3&version=3",
            "?version=3&a=b",
            "?a=b&version=3",
            "?version=3#a",
            "?version=3?version=3",
            "??version=3",
            "?Version=3",
            "#?version=3",
        ] {
            let uri = format!("pando://alice@example.org/laptop{query}");
            let refused = parse_name(&uri).unwrap_err();
            let is_expected = matches!(
                refused,
                CertificateError::Version | CertificateError::Client(IdError::NameCharacter('#'))
            );
            assert!(is_expected, "{uri:?}: {refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_has_one_spelling(uri in "pando://[a-c@./%A]{1,12}/[a-c]{1,2}(\\?version=[0-9+]{1,20})?[&#?]?") {
            if let Ok((client, version)) = parse_name(&uri) {
                assert_eq!(certificate_uri(&client, version), uri);
            }
        }
    }
}
