//! Certificates of authorities and devices (RFC 5280, section 4, with the algorithms of RFC 5480,
//! RFC 5758 and RFC 8410).
//!
//! Left out on purpose: certificates signed with another scheme than Ed25519, and every extension
//! that RFC 5280 does not require. Trees contain a certificate of each member.

use der::asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::{DateTime, Decode, Encode, Sequence};
use ed25519_dalek::{Signer, SigningKey};
use pando_api::{ClientId, Domain, certificate_uri};
use pando_mls::{CipherSuite, SignaturePublicKey};
use sha2::{Digest, Sha256};
use std::str::FromStr;
use std::time::Duration;
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;
use x509_cert::{Certificate, SubjectPublicKeyInfo};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The period in which a certificate is valid, both ends included, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a period has two ends")]
pub struct Validity {
    /// The first second.
    pub not_before: u64,
    /// The last second.
    pub not_after: u64,
}

impl Validity {
    /// Returns the period that begins now and ends after a number of days.
    #[must_use]
    pub const fn days(now: u64, days: u64) -> Self {
        Self { not_before: now, not_after: now.saturating_add(days.saturating_mul(DAY)) }
    }

    /// Returns whether the period is not empty and within another.
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.not_before <= self.not_after
            && other.not_before <= self.not_before
            && self.not_after <= other.not_after
    }
}

/// The authority above a certificate.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) name: Name,
    pub(crate) key: SigningKey,
}

/// `TBSCertificate` (section 4.1). The fields of `x509-cert`'s are private.
#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: x509_cert::time::Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfo,
    #[asn1(context_specific = "3")]
    extensions: Vec<Extension>,
}

/// `Certificate` (section 4.1).
#[derive(Sequence)]
struct Signed {
    tbs: Tbs,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Returns the name of an authority. It contains the start of the key's hash, so that an authority
/// with a new key has a new name.
pub(crate) fn authority_name(role: &str, domain: &Domain, key: &SigningKey) -> der::Result<Name> {
    let hash = Sha256::digest(key.verifying_key().as_bytes());
    let id: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let components: String = domain.as_str().split('.').map(|label| format!(",DC={label}")).collect();
    Name::from_str(&format!("CN=Pando {role} {id}{components}"))
}

/// Makes the certificate of an authority. `below` is the number of authorities that may be between
/// the authority and a device.
pub(crate) fn certify_authority(
    subject: &Issuer,
    below: u8,
    validity: Validity,
    issuer: &Issuer,
    serial: [u8; 16],
) -> der::Result<Vec<u8>> {
    let key = SignaturePublicKey::from(subject.key.verifying_key().as_bytes());
    let extensions = vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(below) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign.into()))?,
        extension(false, &SubjectKeyIdentifier(OctetString::new(key_id(&key))?))?,
        authority_key_id(issuer)?,
    ];
    let algorithm = AlgorithmIdentifierOwned { oid: ED25519, parameters: None };
    sign(subject.name.clone(), algorithm, &key, validity, extensions, issuer, serial)
}

/// Makes the certificate of a device. The subject is empty, so the only name is the URI.
pub(crate) fn certify_device(
    client: &ClientId,
    version: u64,
    cipher_suite: CipherSuite,
    key: &SignaturePublicKey,
    validity: Validity,
    issuer: &Issuer,
    serial: [u8; 16],
) -> der::Result<Vec<u8>> {
    let uri = Ia5String::new(&certificate_uri(client, version))?;
    let extensions = vec![
        extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
        authority_key_id(issuer)?,
        // Critical, because the subject is empty (section 4.2.1.6).
        extension(true, &SubjectAltName(vec![GeneralName::UniformResourceIdentifier(uri)]))?,
    ];
    let algorithm = key_algorithm(cipher_suite)?;
    sign(Name::default(), algorithm, key, validity, extensions, issuer, serial)
}

/// Returns the identifier of a cipher suite's signature keys in certificates.
fn key_algorithm(cipher_suite: CipherSuite) -> der::Result<AlgorithmIdentifierOwned> {
    let curve = match cipher_suite {
        CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519
        | CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519 => {
            return Ok(AlgorithmIdentifierOwned { oid: ED25519, parameters: None });
        }
        CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448
        | CipherSuite::MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448 => {
            return Ok(AlgorithmIdentifierOwned { oid: ED448, parameters: None });
        }
        CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256 => P256,
        CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384 => P384,
        CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521 => P521,
        _ => return Err(der::ErrorKind::OidUnknown { oid: EC_PUBLIC_KEY }.into()),
    };
    Ok(AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters: Some(Any::encode_from(&curve)?) })
}

fn sign(
    subject: Name,
    algorithm: AlgorithmIdentifierOwned,
    key: &SignaturePublicKey,
    validity: Validity,
    extensions: Vec<Extension>,
    issuer: &Issuer,
    serial: [u8; 16],
) -> der::Result<Vec<u8>> {
    let ed25519 = AlgorithmIdentifierOwned { oid: ED25519, parameters: None };
    let tbs = Tbs {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: ed25519.clone(),
        issuer: issuer.name.clone(),
        validity: x509_cert::time::Validity::new(time(validity.not_before)?, time(validity.not_after)?),
        subject,
        subject_public_key_info: SubjectPublicKeyInfo {
            algorithm,
            subject_public_key: BitString::from_bytes(key)?,
        },
        extensions,
    };
    let signature = BitString::from_bytes(&issuer.key.sign(&tbs.to_der()?).to_bytes())?;
    Signed { tbs, signature_algorithm: ed25519, signature }.to_der()
}

fn extension<E: AssociatedOid + Encode>(critical: bool, contents: &E) -> der::Result<Extension> {
    Ok(Extension { extn_id: E::OID, critical, extn_value: OctetString::new(contents.to_der()?)? })
}

fn authority_key_id(issuer: &Issuer) -> der::Result<Extension> {
    let key = SignaturePublicKey::from(issuer.key.verifying_key().as_bytes());
    let key_identifier = Some(OctetString::new(key_id(&key))?);
    extension(false, &AuthorityKeyIdentifier { key_identifier, ..AuthorityKeyIdentifier::default() })
}

/// Returns the identifier of a key (RFC 7093, section 2, method 1).
fn key_id(key: &SignaturePublicKey) -> Vec<u8> {
    Sha256::digest(&**key).iter().take(20).copied().collect()
}

/// Converts seconds since 1970. Times from 2050 on become GeneralizedTime (section 4.1.2.5).
fn time(seconds: u64) -> der::Result<Time> {
    Ok(DateTime::from_unix_duration(Duration::from_secs(seconds))?.into())
}

/// Reads the name, the key and the validity of an authority's certificate, for the key that is
/// expected in it. Returns `None` if the certificate is of another key.
pub(crate) fn read_authority(certificate: &[u8], key: SigningKey) -> der::Result<Option<(Issuer, Validity)>> {
    let certificate = Certificate::from_der(certificate)?;
    let certificate = certificate.tbs_certificate();
    let certified = certificate.subject_public_key_info().subject_public_key.as_bytes();
    if certified != Some(key.verifying_key().as_bytes()) {
        return Ok(None);
    }
    let seconds = |time: Time| time.to_unix_duration().as_secs();
    let validity = Validity {
        not_before: seconds(certificate.validity().not_before),
        not_after: seconds(certificate.validity().not_after),
    };
    Ok(Some((Issuer { name: certificate.subject().clone(), key }, validity)))
}
