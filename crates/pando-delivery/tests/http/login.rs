//! Checks of logins (docs/protocol.md, section 6.1).

use crate::fixture::{Devices, NOW, SUITE, authority, code, token_key};
use pando_api::{Challenge, ProblemCode};
use pando_delivery::http::NONCE_VALIDITY;
use pando_mls::{CipherSuite, Credential};

fn challenge() -> Challenge {
    token_key().challenge(&[5; 16], NOW)
}

#[test]
fn a_device_logs_in_with_every_cipher_suite() {
    let mut devices = Devices::new();
    for suite in CipherSuite::ALL {
        let device = devices.device_with(suite, &format!("alice@example.org/device{}", suite.0), 3);
        let checked = devices.check(&device.login(&authority(), challenge()), 2, NOW).unwrap();
        assert_eq!(checked, (format!("alice@example.org/device{}", suite.0), 3));
    }
}

#[test]
fn a_login_needs_a_nonce_of_the_last_minute() {
    let mut devices = Devices::new();
    let device = devices.device("alice@example.org/laptop", 3);
    let login = device.login(&authority(), challenge());
    assert!(devices.check(&login, 0, NOW + NONCE_VALIDITY - 1).is_ok());
    let late = devices.check(&login, 0, NOW + NONCE_VALIDITY);
    assert_eq!(code(late), Some(ProblemCode::LoginRefused));
    for nonce in [&b""[..], &[7; 56], &challenge().nonce[1..]] {
        let login = device.login(&authority(), Challenge { nonce: nonce.into() });
        assert_eq!(code(devices.check(&login, 0, NOW)), Some(ProblemCode::LoginRefused));
    }
}

#[test]
fn a_relayed_or_altered_login_is_refused() {
    let mut devices = Devices::new();
    let device = devices.device("alice@example.org/laptop", 3);
    let refused = |login| assert_eq!(code(devices.check(&login, 0, NOW)), Some(ProblemCode::LoginRefused));
    for server in ["rogue.example:8443", "example.org", "example.org:8444"] {
        refused(device.login(&server.parse().unwrap(), challenge()));
    }
    let good = device.login(&authority(), challenge());
    let mut altered = good.clone();
    altered.session_key = (&[8; 32]).into();
    refused(altered);
    let mut altered = good.clone();
    altered.nonce = token_key().challenge(&[6; 16], NOW).nonce;
    refused(altered);
    let mut altered = good.clone();
    altered.signature = Vec::new().into();
    refused(altered);
    for suite in [CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256, CipherSuite(0x0a0a)] {
        let mut altered = good.clone();
        altered.cipher_suite = suite;
        refused(altered);
    }
    let mut short = good;
    short.session_key = (&[8; 31]).into();
    assert_eq!(code(devices.check(&short, 0, NOW)), Some(ProblemCode::Malformed));
}

#[test]
fn the_certificate_is_valid_now_and_of_a_known_authority() {
    let mut devices = Devices::new();
    let device = devices.device("alice@example.org/laptop", 3);
    let (day, login) =
        (24 * 60 * 60 * 1_000, |now| device.login(&authority(), token_key().challenge(&[5; 16], now)));
    assert!(devices.check(&login(NOW + 29 * day), 0, NOW + 29 * day).is_ok());
    for now in [NOW + 31 * day, NOW - day] {
        assert_eq!(code(devices.check(&login(now), 0, now)), Some(ProblemCode::CertificateInvalid));
    }
    // Another device's certificate.
    let other = devices.device("bob@example.org/laptop", 3);
    let mut stolen = login(NOW);
    stolen.credential = other.credential;
    assert_eq!(code(devices.check(&stolen, 0, NOW)), Some(ProblemCode::LoginRefused));
    let mut basic = login(NOW);
    basic.credential = Credential::basic("alice@example.org/laptop");
    assert_eq!(code(devices.check(&basic, 0, NOW)), Some(ProblemCode::CertificateInvalid));
    // A certificate of another authority of the same domain.
    let mut rogue = Devices::with_seed(2);
    let device = rogue.device_with(SUITE, "alice@example.org/laptop", 9);
    let login = device.login(&authority(), challenge());
    assert_eq!(code(devices.check(&login, 0, NOW)), Some(ProblemCode::CertificateInvalid));
}

#[test]
fn a_revoked_certificate_does_not_log_in() {
    let mut devices = Devices::new();
    let device = devices.device("alice@example.org/laptop", 3);
    let login = device.login(&authority(), challenge());
    assert_eq!(code(devices.check(&login, 3, NOW)), Some(ProblemCode::CertificateRevoked));
    assert!(devices.check(&login, 2, NOW).is_ok());
}
