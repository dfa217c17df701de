//! Tests of reading a device certificate without verifying it.

use crate::pki::{END, Template, credential_of};
use crate::{certify, client, credential, template, uri};
use der::Encode;
use der::asn1::OctetString;
use der::oid::AssociatedOid;
use pando_api::{CertificateError, DeviceCertificate, IdError, MAX_VERSION};
use pando_mls::{Credential, CredentialType};
use proptest::prelude::*;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const LAPTOP: &str = "alice@example.org/laptop";

fn read(template: Template) -> Result<DeviceCertificate, CertificateError> {
    DeviceCertificate::read(&credential(&template.signed_by(&Template::authority("ca").self_signed())))
}

#[test]
fn a_certificate_has_a_client_a_version_a_key_and_an_end() {
    let authority = Template::authority("ca").self_signed();
    for version in [1, 3, MAX_VERSION] {
        let certified = certify(&authority, LAPTOP, version);
        let read = DeviceCertificate::read(&credential(&certified)).unwrap();
        assert_eq!((read.client, read.version), (client(LAPTOP), version));
        assert_eq!((read.signature_key, read.not_after), (certified.key().clone(), END));
    }
}

#[test]
fn other_credentials_are_refused() {
    let basic = Credential::basic("alice@example.org/laptop");
    assert_eq!(DeviceCertificate::read(&basic), Err(CertificateError::Type(CredentialType::BASIC)));
}

#[test]
fn a_credential_contains_one_certificate() {
    let authority = Template::authority("ca").self_signed();
    let certified = certify(&authority, LAPTOP, 1);
    for (chain, count) in [
        (vec![], 0),
        (vec![&*certified.der, &*authority.der], 2),
        (vec![&*certified.der, &*certified.der], 2),
    ] {
        let refused = DeviceCertificate::read(&credential_of(chain));
        assert_eq!(refused, Err(CertificateError::Certificates(count)));
    }
}

#[test]
fn malformed_certificates_are_refused() {
    let certified = certify(&Template::authority("ca").self_signed(), LAPTOP, 1);
    let trailing = [&*certified.der, &[0]].concat();
    for der in [&[][..], &[0x30], &certified.der[1..], &certified.der[..certified.der.len() - 1], &trailing] {
        let refused = DeviceCertificate::read(&credential_of([der]));
        assert_eq!(refused, Err(CertificateError::Malformed));
    }
    let early = template(LAPTOP, 1).valid_as_written("691231235959Z", "400101000000Z");
    assert_eq!(read(early), Err(CertificateError::Malformed));
    let names = SubjectAltName(vec![uri("pando://a@b/c?version=1")]).to_der().unwrap();
    let twice = template(LAPTOP, 1).with_bytes(SubjectAltName::OID, false, &names);
    assert_eq!(read(twice), Err(CertificateError::Malformed));
}

#[test]
fn a_certificate_has_one_uri() {
    let name = "pando://alice@example.org/laptop?version=1";
    let dns = GeneralName::DnsName("example.org".to_owned().try_into().unwrap());
    let email = GeneralName::Rfc822Name("alice@example.org".to_owned().try_into().unwrap());
    for (names, count) in [
        (vec![], 0),
        (vec![dns.clone(), email.clone()], 0),
        (vec![uri(name), uri("im:alice@example.org")], 2),
        (vec![uri(name), uri("pando://alice@example.org/laptop?version=2")], 2),
        (vec![uri(name), uri(name)], 2),
        (vec![uri(name), dns.clone(), uri(name)], 2),
    ] {
        let refused = read(template(LAPTOP, 1).names(names));
        assert_eq!(refused, Err(CertificateError::Names(count)));
    }
    assert_eq!(read(template(LAPTOP, 1).without::<SubjectAltName>()), Err(CertificateError::Names(0)));
    // Names of other types are ignored, even malformed ones.
    let address = GeneralName::IpAddress(OctetString::new([1]).unwrap());
    let ignored = read(template(LAPTOP, 1).names(vec![dns, uri(name), email, address])).unwrap();
    assert_eq!((ignored.client, ignored.version), (client(LAPTOP), 1));
}

#[test]
fn a_certificate_has_the_name_of_a_client() {
    for (name, rule) in [
        ("im:alice@example.org", CertificateError::Scheme),
        ("pando://alice@example.org/laptop", CertificateError::Version),
        ("pando://alice@example.org/laptop?version=0", CertificateError::Version),
        ("pando://alice@example.org/laptop?version=9223372036854775808", CertificateError::Version),
        ("pando://alice@example.org?version=1", CertificateError::Client(IdError::NoDevice)),
        ("pando://Alice@example.org/laptop?version=1", CertificateError::Client(IdError::NameCharacter('A'))),
    ] {
        assert_eq!(read(template(LAPTOP, 1).names(vec![uri(name)])), Err(rule), "{name}");
    }
}

proptest! {
    #[test]
    fn reading_any_certificate_does_not_panic(
        place in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..5),
    ) {
        let mut der = certify(&Template::authority("ca").self_signed(), LAPTOP, 1).der;
        let place = place.index(der.len());
        let end = (place + bytes.len()).min(der.len());
        der.splice(place..end, bytes);
        let _ = DeviceCertificate::read(&credential_of([&*der]));
    }
}
