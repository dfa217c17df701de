//! Logins are accepted with every cipher suite, and refused if any signed field differs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic fails the test")]

use pando_api::{Authority, Challenge, Login, LoginError, Session};
use pando_mls::wire::Certificate;
use pando_mls::{
    CipherSuite, Credential, CryptoError, CryptoProvider, Opaque, RustCrypto, Signature, SignaturePublicKey,
    Signer, Suite,
};
use pando_wire::{Decode, Encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn suite(cipher_suite: CipherSuite) -> Suite {
    RustCrypto.suite(cipher_suite).unwrap()
}

/// Returns the device's signer. Each number gives another key.
fn signer(suite: Suite, number: u64) -> Box<dyn Signer> {
    let mut rng = ChaCha20Rng::seed_from_u64(number);
    suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap()
}

fn authority() -> Authority {
    "ds.example.org".parse().unwrap()
}

fn credential(bytes: &[u8]) -> Credential {
    Credential::X509 { certificates: vec![Certificate { cert_data: bytes.into() }] }
}

fn login(suite: Suite) -> Login {
    let challenge = Challenge { nonce: Opaque::from(&[1; 32]) };
    let device = (suite.cipher_suite(), credential(b"certificate"));
    Login::sign(&authority(), challenge, Opaque::from(&[2; 32]), device, &*signer(suite, 1)).unwrap()
}

/// Returns the result for the device's key.
fn verify(login: &Login, suite: Suite) -> Result<(), LoginError> {
    login.verify(&authority(), signer(suite, 1).public_key(), suite)
}

fn wrong_signature() -> LoginError {
    LoginError::Signature(CryptoError::InvalidSignature)
}

#[test]
fn a_login_is_accepted_with_every_suite() {
    for suite in CipherSuite::ALL.map(suite) {
        let login = login(suite);
        let received = Login::decode(&login.encode().unwrap()).unwrap();
        assert_eq!(received, login);
        assert_eq!(verify(&received, suite), Ok(()));
    }
}

/// A server that relays a login to another server cannot use it.
#[test]
fn a_login_at_another_server_is_refused() {
    for suite in CipherSuite::ALL.map(suite) {
        for other in ["example.org", "ds.example.com", "ds.example.org.evil", "ds.example.org:8443"] {
            let refused = login(suite).verify(&other.parse().unwrap(), signer(suite, 1).public_key(), suite);
            assert_eq!(refused, Err(wrong_signature()), "{other}");
        }
    }
}

#[test]
fn a_login_with_another_field_is_refused() {
    let mutations: [fn(&mut Login); 7] = [
        |login| login.nonce = Opaque::from(&[3; 32]),
        |login| login.nonce = Opaque::default(),
        |login| login.session_key = Opaque::from(&[3; 32]),
        // A byte that moves from one field to the next one.
        |login| (login.nonce, login.session_key) = (Opaque::from(&[1; 33]), Opaque::from(&[2; 31])),
        |login| login.credential = credential(b"Certificate"),
        |login| login.credential = Credential::basic("certificate"),
        |login| {
            let mut signature = login.signature.to_vec();
            let last = signature.len() - 1;
            signature[last] ^= 1;
            login.signature = signature.into();
        },
    ];
    for suite in CipherSuite::ALL.map(suite) {
        for (number, mutate) in mutations.iter().enumerate() {
            let mut login = login(suite);
            mutate(&mut login);
            assert_eq!(verify(&login, suite), Err(wrong_signature()), "mutation {number}");
        }
        let unsigned = Login { signature: Signature::from(Vec::new()), ..login(suite) };
        assert_eq!(verify(&unsigned, suite), Err(wrong_signature()));
    }
}

#[test]
fn a_login_by_another_key_is_refused() {
    for suite in CipherSuite::ALL.map(suite) {
        let other = signer(suite, 2);
        assert_eq!(login(suite).verify(&authority(), other.public_key(), suite), Err(wrong_signature()));
        let no_key = SignaturePublicKey::from(vec![0; 7]);
        let refused = login(suite).verify(&authority(), &no_key, suite);
        assert_eq!(refused, Err(LoginError::Signature(CryptoError::InvalidPublicKey)));
    }
}

/// A login is verified by the cipher suite that it names.
#[test]
fn a_login_with_another_suite_is_refused() {
    for suite in CipherSuite::ALL.map(suite) {
        for other in CipherSuite::ALL.map(crate::suite) {
            if other.cipher_suite() == suite.cipher_suite() {
                continue;
            }
            let key = signer(suite, 1);
            let refused = login(suite).verify(&authority(), key.public_key(), other);
            assert_eq!(refused, Err(LoginError::CipherSuite(suite.cipher_suite())));
            // The field itself selects the signature scheme, and the key has only one.
            let renamed = Login { cipher_suite: other.cipher_suite(), ..login(suite) };
            let has_same_scheme = signer(other, 1).public_key() == key.public_key();
            assert_eq!(renamed.verify(&authority(), key.public_key(), other).is_ok(), has_same_scheme);
        }
    }
}

/// The label separates logins from everything else that the device signs.
#[test]
fn a_signature_for_another_purpose_is_no_login() {
    for suite in CipherSuite::ALL.map(suite) {
        let (login, signer) = (login(suite), signer(suite, 1));
        let mut fields = Vec::new();
        for field in [authority().to_string().as_bytes(), &login.nonce, &login.session_key] {
            fields.extend(Opaque::from(field).with_length().unwrap());
        }
        let hash = sha_256(&login.credential.encode().unwrap());
        fields.extend(Opaque::from(hash.as_slice()).with_length().unwrap());
        let label = Opaque::from("Pando 1.0 Login").with_length().unwrap();
        let signed_as = |label: &[u8]| {
            let signature = signer.sign(&[label, &fields].concat()).unwrap();
            verify(&Login { signature, ..login.clone() }, suite)
        };
        // This is the structure of the specification.
        assert_eq!(signed_as(&label), Ok(()));
        for other in [&b""[..], &label[1..], b"\x0fpando 1.0 Login", b"\x0dMLS 1.0 Login"] {
            assert_eq!(signed_as(other), Err(wrong_signature()));
        }
        let signature = suite.sign_with_label(&*signer, "Login", &fields).unwrap();
        assert_eq!(verify(&Login { signature, ..login.clone() }, suite), Err(wrong_signature()));
    }
}

fn sha_256(bytes: &[u8]) -> [u8; 32] {
    *pando_api::Digest::of(bytes).as_bytes()
}

#[test]
fn a_session_does_not_print_its_token() {
    let session = Session { token: "secret-token".parse().unwrap(), expires: 5 };
    let printed = format!("{session:?}");
    assert!(printed.contains("expires: 5"), "{printed}");
    for hidden in ["secret-token", &hex::encode("secret-token")] {
        assert!(!printed.contains(hidden), "{printed}");
    }
}
