//! Rule 1: every leaf that is added or changed has a device certificate.

use crate::fixture::{Device, Fixture, policy, refused};
use crate::proposals::add;
use pando_api::{CertificateError, PolicyViolation};
use pando_mls::{CredentialType, NewLeaf};

fn group() -> Fixture {
    Fixture::new(&policy(&["alice@example.org"]), &["alice@example.org/laptop", "bob@example.org/laptop"])
}

/// Returns clients without a device certificate, and why.
fn devices() -> [(&'static Device, CertificateError); 3] {
    let leak = |device| -> &'static Device { Box::leak(Box::new(device)) };
    let name = "bob@example.org/laptop";
    [
        (leak(Device::basic(name)), CertificateError::Type(CredentialType::BASIC)),
        (leak(Device::with_uri(name, "im:bob@example.org")), CertificateError::Scheme),
        (leak(Device::with_uri(name, "pando://bob@example.org/laptop")), CertificateError::Version),
    ]
}

#[test]
fn added_leaves() {
    for (device, reason) in devices() {
        let expected = refused(PolicyViolation::Certificate(reason));
        let mut fixture = group();
        let proposal = add(fixture.key_package(device));
        assert_eq!(fixture.verdict_of(0, std::slice::from_ref(&proposal)), expected);
        let message = fixture.propose(0, proposal);
        assert_eq!(fixture.verdict_by_reference(Some(0), 1, &message), (expected.clone(), expected));
    }
}

#[test]
fn updated_leaves() {
    for (device, reason) in devices() {
        let expected = refused(PolicyViolation::Certificate(reason));
        let mut fixture = group();
        let message = fixture.propose_update(1, Some(device));
        assert_eq!(fixture.verdict_by_reference(Some(1), 0, &message), (expected.clone(), expected));
    }
    let renewed: &'static Device = Box::leak(Box::new(Device::certified("bob@example.org/laptop", 2)));
    let mut fixture = group();
    let message = fixture.propose_update(1, Some(renewed));
    assert_eq!(fixture.verdict_by_reference(Some(1), 0, &message), (Ok(()), Ok(())));
}

#[test]
fn the_committers_leaf() {
    for (device, reason) in devices() {
        let new_leaf = || NewLeaf { template: device.template(), signer: &*device.signer };
        let verdict = group().verdict(1, |builder| builder.new_leaf(new_leaf()));
        assert_eq!(verdict, refused(PolicyViolation::Certificate(reason)));
    }
}

#[test]
fn the_joiners_leaf() {
    for (device, reason) in devices() {
        let expected = refused(PolicyViolation::Certificate(reason));
        let mut fixture = group();
        assert_eq!(fixture.verdict_of_join(device, None, b"", &[]), expected);
        assert_eq!(fixture.verdict_of_join(device, Some(1), b"", &[]), expected);
    }
}
