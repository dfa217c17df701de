//! Tests of the conditions under which a certificate can be a trust anchor.

use crate::pki::{Certified, Pki, Template};
use der::asn1::ObjectIdentifier;
use pando_crypto::RustCrypto;
use pando_x509::{AnchorError, X509Identities};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};

fn new(anchors: &[&Certified]) -> Result<(), AnchorError> {
    X509Identities::new(&RustCrypto, anchors.iter().map(|anchor| &anchor.der)).map(|_| ())
}

#[test]
fn several() {
    let Pki { root, authority, .. } = Pki::new();
    assert_eq!(new(&[&root, &authority, &root]), Ok(()));
}

#[test]
fn none() {
    assert_eq!(new(&[]), Err(AnchorError::None));
}

#[test]
fn malformed() {
    let Pki { root, .. } = Pki::new();
    for bytes in [&b""[..], b"certificate", &root.der[1..], &root.der[..root.der.len() - 1]] {
        let result = X509Identities::new(&RustCrypto, [&*root.der, bytes]);
        assert_eq!(result.map(|_| ()), Err(AnchorError::Malformed(1)));
    }
}

#[test]
fn unknown_critical_extension() {
    let unknown = ObjectIdentifier::new_unwrap("1.2.3.4");
    let root = Template::authority("root").with_bytes(unknown, true, b"!").self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::Malformed(0)));
}

#[test]
fn not_a_ca() {
    let Pki { root, client, .. } = Pki::new();
    assert_eq!(new(&[&root, &client]), Err(AnchorError::NotCa(1)));
    let root = Template::authority("root").constraints(false, None).self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::NotCa(0)));
    let root = Template::authority("root").without::<BasicConstraints>().self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::NotCa(0)));
}

#[test]
fn may_not_sign_certificates() {
    let root = Template::authority("root").usage(KeyUsages::DigitalSignature).self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::KeyUsage(0)));
}

#[test]
fn key_of_another_algorithm() {
    // The key algorithm is RSA.
    let root = Template::authority("root").key_algorithm("1.2.840.113549.1.1.1").self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::Key(0)));
    // The key algorithm is Ed25519, but the key is a point on P-256.
    let root = Template::authority("root").key_algorithm("1.3.101.112").self_signed();
    assert_eq!(new(&[&root]), Err(AnchorError::Key(0)));
}
