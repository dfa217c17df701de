//! Rule 1: every leaf that is added or changed has a device certificate.

use crate::fixture::{Device, Fixture, policy, refused};
use crate::proposals::{add, remove};
use pando_api::{CertificateError, PolicyViolation, certificate_uri};
use pando_mls::{AdmitAll, CredentialType, NewLeaf};

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

/// Returns Bob's client with a version of its certificate. Each key is that of another certificate.
fn bob(version: u64, key: &str) -> Device {
    let name = "bob@example.org/laptop";
    Device::with_key(name, &certificate_uri(&name.parse().unwrap(), version), key)
}

/// A Commit cannot replace a certificate by an earlier one as a removal and an addition.
#[test]
fn a_client_that_is_removed_and_added_brings_a_successor() {
    let violation = refused(PolicyViolation::Succession);
    let mut fixture = group();
    let add_4 = add(fixture.key_package(&bob(4, "four")));
    fixture.commit(0, |builder| builder.proposals([remove(1), add_4.clone()]));
    for (device, expected) in [
        (bob(1, "one"), violation.clone()),
        (bob(2, "two"), violation.clone()),
        (bob(3, "four"), violation.clone()),
        (bob(4, "another"), violation.clone()),
        (bob(4, "four"), Ok(())),
        (bob(5, "five"), Ok(())),
        (bob(5, "four"), Ok(())),
        (Device::certified("bob@example.org/phone", 1), Ok(())),
        (Device::certified("bob@example.com/laptop", 1), Ok(())),
    ] {
        let add = add(fixture.key_package(&device));
        assert_eq!(fixture.verdict_of(0, &[remove(1), add]), expected, "{}", device.name);
        if device.name == "bob@example.org/laptop" {
            assert_eq!(fixture.verdict_of_join(&device, Some(1), b"", &[]), expected);
        }
    }
    // The order of the proposals, their senders and further proposals do not matter.
    let add_2 = add(fixture.key_package(&bob(2, "two")));
    let carol = add(fixture.key_package(&Device::certified("carol@example.org/laptop", 1)));
    assert_eq!(fixture.verdict_of(0, &[carol, add_2.clone(), remove(1)]), violation);
    let message = fixture.propose_as_server(remove(1));
    assert_eq!(fixture.hear(None, None, &message), Ok(()));
    let message = fixture.build(0, &AdmitAll, |builder| builder.proposal(add_2)).unwrap();
    assert_eq!(fixture.receive(Some(0), &message), violation);
}
