//! Tests of the signatures of all seven cipher suites.

use super::bad_points::Curve;
use super::{Repeating, all_suites, each, seeded, with_each_byte_changed};
use crate::{CryptoError, SignaturePrivateKey, SignedMessage, Signer, Suite};
use pando_wire::{Signature, SignaturePublicKey};

const MESSAGE: &[u8] = b"a message";

fn signer(suite: Suite, seed: u64) -> Box<dyn Signer> {
    let key = suite.signature_generate_key(&mut seeded(seed)).unwrap();
    suite.signer(&key).unwrap()
}

fn is_ecdsa(suite: Suite) -> bool {
    [2, 5, 7].contains(&suite.cipher_suite().0)
}

#[test]
fn what_is_signed_can_be_verified() {
    for suite in all_suites() {
        let signer = signer(suite, 1);
        assert_eq!(suite.check_signature_public_key(signer.public_key()), Ok(()));
        for message in [b"".as_slice(), MESSAGE, &[7; 1000]] {
            let signature = signer.sign(message).unwrap();
            assert_eq!(suite.verify(signer.public_key(), message, &signature), Ok(()));
        }
        let signature = suite.sign_with_label(&*signer, "label", MESSAGE).unwrap();
        let verify = |label: &str, content: &[u8]| {
            suite.verify_with_label(signer.public_key(), label, content, &signature)
        };
        assert_eq!(verify("label", MESSAGE), Ok(()));
        assert_eq!(verify("Label", MESSAGE), Err(CryptoError::InvalidSignature));
        assert_eq!(verify("label", b"another message"), Err(CryptoError::InvalidSignature));
        let unlabelled = suite.verify(signer.public_key(), MESSAGE, &signature);
        assert_eq!(unlabelled, Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn every_byte_of_what_was_signed_matters() {
    for suite in all_suites() {
        let signer = signer(suite, 1);
        let good = signer.sign(MESSAGE).unwrap();
        let error = Err(CryptoError::InvalidSignature);
        for signature in with_each_byte_changed(&good) {
            let verdict = suite.verify(signer.public_key(), MESSAGE, &Signature::from(signature.as_slice()));
            assert_eq!(verdict, error, "{suite:?}: {}", hex::encode(signature));
        }
        for len in 0..good.len() {
            let signature = Signature::from(&good[..len]);
            assert_eq!(suite.verify(signer.public_key(), MESSAGE, &signature), error, "{suite:?}: {len}");
        }
        for appended in [0, 1, 0xff] {
            let signature = Signature::from([&good[..], &[appended]].concat());
            assert_eq!(suite.verify(signer.public_key(), MESSAGE, &signature), error, "{suite:?}");
        }
        for message in with_each_byte_changed(MESSAGE) {
            assert_eq!(suite.verify(signer.public_key(), &message, &good), error, "{suite:?}");
        }
        for message in [&MESSAGE[1..], &[MESSAGE, &[0]].concat()] {
            assert_eq!(suite.verify(signer.public_key(), message, &good), error, "{suite:?}");
        }
        let other = self::signer(suite, 2);
        assert_eq!(suite.verify(other.public_key(), MESSAGE, &good), error, "{suite:?}");
    }
}

#[test]
fn a_changed_public_key_verifies_nothing() {
    for suite in all_suites() {
        let signer = signer(suite, 1);
        let signature = signer.sign(MESSAGE).unwrap();
        for public in with_each_byte_changed(signer.public_key()) {
            let public = SignaturePublicKey::from(public);
            let verdict = suite.verify(&public, MESSAGE, &signature);
            let expected = suite.check_signature_public_key(&public).and(Err(CryptoError::InvalidSignature));
            assert_eq!(verdict, expected);
        }
    }
}

/// The other possible value of `s` is valid as well. Rejecting it would have no benefit, because
/// MLS does not rely on unique signatures, and other implementations create both values.
#[test]
fn both_values_of_s_are_accepted_in_ecdsa() {
    for suite in each(2) {
        let signer = signer(suite, 1);
        let good = signer.sign(MESSAGE).unwrap();
        let signature = p256::ecdsa::Signature::from_der(&good).unwrap();
        let (r, s) = (signature.r(), signature.s());
        let other = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
        let other = Signature::from(other.to_der().as_bytes());
        assert_ne!(other, good);
        assert_eq!(suite.verify(signer.public_key(), MESSAGE, &other), Ok(()));
        // The fixed-size encoding is not DER, so it is not a valid signature.
        let raw = Signature::from(signature.to_bytes().as_slice());
        assert_eq!(suite.verify(signer.public_key(), MESSAGE, &raw), Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn only_uncompressed_points_are_public_keys_of_ecdsa() {
    for suite in all_suites().filter(|suite| is_ecdsa(*suite)) {
        let signer = signer(suite, 1);
        let signature = signer.sign(MESSAGE).unwrap();
        for (problem, bad) in Curve::of_kem(suite.cipher_suite().0).bad_public_keys(signer.public_key()) {
            let public = SignaturePublicKey::from(bad);
            let error = Err(CryptoError::InvalidPublicKey);
            assert_eq!(suite.check_signature_public_key(&public), error, "{problem}");
            assert_eq!(suite.verify(&public, MESSAGE, &signature), error, "{problem}");
        }
    }
}

#[test]
fn a_batch_is_verified_like_its_signatures() {
    for suite in all_suites() {
        let signers = [signer(suite, 1), signer(suite, 2)];
        let contents: Vec<Vec<u8>> = (0..6).map(|length| vec![1; length]).collect();
        let mut signatures: Vec<Signature> = contents
            .iter()
            .zip(signers.iter().cycle())
            .map(|(content, signer)| suite.sign_with_label(&**signer, "label", content).unwrap())
            .collect();
        let verify = |signatures: &[Signature], label| {
            let signed: Vec<SignedMessage<'_>> = contents
                .iter()
                .zip(signatures)
                .zip(signers.iter().cycle())
                .map(|((message, signature), signer)| SignedMessage {
                    public: signer.public_key(),
                    message,
                    signature,
                })
                .collect();
            suite.verify_batch_with_label(label, &signed)
        };
        assert_eq!(verify(&signatures, "label"), Ok(()));
        assert_eq!(verify(&[], "label"), Ok(()));
        assert_eq!(verify(&signatures, "other"), Err((0, CryptoError::InvalidSignature)));
        signatures.swap(3, 5);
        assert_eq!(verify(&signatures, "label"), Err((3, CryptoError::InvalidSignature)));
    }
}

#[test]
fn keys_come_from_the_generator_alone_and_signatures_from_the_key() {
    for suite in all_suites() {
        let key = |seed| suite.signature_generate_key(&mut seeded(seed)).unwrap();
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
        let (first, again, second) = (signer(suite, 1), signer(suite, 1), signer(suite, 2));
        assert_eq!(first.public_key(), again.public_key());
        assert_ne!(first.public_key(), second.public_key());
        assert_eq!(first.sign(MESSAGE), again.sign(MESSAGE));
        assert_ne!(first.sign(MESSAGE), second.sign(MESSAGE));
    }
}

#[test]
fn a_broken_generator_is_noticed_where_it_can_be() {
    for suite in all_suites() {
        for byte in [0x00, 0xff] {
            let key = suite.signature_generate_key(&mut Repeating::new(&[byte]));
            if is_ecdsa(suite) {
                // Zero and numbers above the order of the group are not private keys.
                assert_eq!(key, Err(CryptoError::BrokenRandomness));
            } else {
                // Every byte string of the right length is a private key.
                assert!(suite.signer(&key.unwrap()).is_ok());
            }
        }
    }
}

#[test]
fn malformed_private_signature_keys_are_refused() {
    for suite in all_suites() {
        let len = suite.signature_generate_key(&mut seeded(1)).unwrap().expose().len();
        let signer = |bytes: Vec<u8>| suite.signer(&SignaturePrivateKey::from(bytes)).map(|_| ());
        let error = Err(CryptoError::InvalidPrivateKey);
        for other in (0..len).chain(len + 1..len + 4) {
            assert_eq!(signer(vec![1; other]), error, "{suite:?}: {other}");
        }
        assert_eq!(signer(vec![1; len]), Ok(()));
        if is_ecdsa(suite) {
            assert_eq!(signer(vec![0x00; len]), error);
            assert_eq!(signer(vec![0xff; len]), error);
        }
    }
}
