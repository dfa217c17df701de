//! Tests of HPKE, which compare our KEM with the KEMs of the crate `hpke` and check the HPKE
//! functions of the cipher suites.

use super::bad_points::Curve;
use super::{Repeating, all_suites, each, seeded, with_each_byte_changed};
use crate::algorithms::Group;
use crate::dhkem::PrivateKey;
use crate::rustcrypto::hpke::Dhkem;
use crate::rustcrypto::{nist, x25519};
use crate::{CryptoError, HpkeKeyPair, HpkePrivateKey, Suite};
use ::hpke::aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305};
use ::hpke::kdf::{HkdfSha256, HkdfSha384, HkdfSha512, Kdf};
use ::hpke::kem::{DhP256HkdfSha256, DhP384HkdfSha384, DhP521HkdfSha512, Kem, X25519HkdfSha256};
use ::hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use pando_wire::{HpkeCiphertext, HpkePublicKey, KemOutput};
use rand_core::Rng;

const INFO: &[u8] = b"info";
const AAD: &[u8] = b"aad";
const PLAINTEXT: &[u8] = b"plaintext";

#[test]
fn dhkem_over_x25519_is_that_of_the_crate() {
    compare::<x25519::X25519, X25519HkdfSha256, HkdfSha256, AesGcm128>();
    compare::<x25519::X25519, X25519HkdfSha256, HkdfSha256, ChaCha20Poly1305>();
}

#[test]
fn dhkem_over_p256_is_that_of_the_crate() {
    compare::<nist::P256, DhP256HkdfSha256, HkdfSha256, AesGcm128>();
}

#[test]
fn dhkem_over_p384_is_that_of_the_crate() {
    compare::<nist::P384, DhP384HkdfSha384, HkdfSha384, AesGcm256>();
}

#[test]
fn dhkem_over_p521_is_that_of_the_crate() {
    compare::<nist::P521, DhP521HkdfSha512, HkdfSha512, AesGcm256>();
}

#[cfg(feature = "aws-lc")]
#[test]
fn dhkem_over_the_curves_of_aws_lc_is_that_of_the_crate() {
    use crate::aws_lc::{nist, x25519};
    compare::<x25519::X25519, X25519HkdfSha256, HkdfSha256, AesGcm128>();
    compare::<nist::P256, DhP256HkdfSha256, HkdfSha256, AesGcm128>();
    compare::<nist::P384, DhP384HkdfSha384, HkdfSha384, AesGcm256>();
    compare::<nist::P521, DhP521HkdfSha512, HkdfSha512, AesGcm256>();
}

/// Compares our KEM over `G` with a KEM of the crate `hpke`.
fn compare<G: Group, K: Kem, F: Kdf, A: Aead>() {
    assert_eq!(Dhkem::<G>::KEM_ID, K::KEM_ID);
    let mut rng = seeded(1);
    for len in 0..70 {
        let mut ikm = vec![0; len];
        rng.fill_bytes(&mut ikm);
        let ours = PrivateKey::<G>::derive(&ikm).unwrap();
        let (their_private, their_public) = K::derive_keypair(&ikm);
        assert_eq!(ours.to_bytes().as_slice(), their_private.to_bytes().as_slice());
        assert_eq!(ours.public.to_bytes().as_slice(), their_public.to_bytes().as_slice());
    }

    for _ in 0..5 {
        let mut ikm = [0; 32];
        rng.fill_bytes(&mut ikm);
        converse::<Dhkem<G>, K, F, A>(&ikm);
        converse::<K, Dhkem<G>, F, A>(&ikm);
    }

    // Both KEMs give the same result if they use the same randomness.
    let public = PrivateKey::<G>::derive(b"recipient").unwrap().public.to_bytes();
    let (_, ours) = encap::<Dhkem<G>>(&public);
    let (_, theirs) = encap::<K>(&public);
    assert_eq!(ours, theirs);
    assert_eq!(encap::<Dhkem<G>>(&public).0, encap::<K>(&public).0);
}

/// Returns the shared secret and the encapsulated key of a KEM, always created from the same
/// randomness.
fn encap<K: Kem>(public: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let public = K::PublicKey::from_bytes(public).unwrap();
    let (secret, encapped) = K::encap_with_rng(&public, None, &mut seeded(2)).unwrap();
    (secret.0.to_vec(), encapped.to_bytes().to_vec())
}

/// Encrypts with one KEM and decrypts with the other.
fn converse<S: Kem, R: Kem, F: Kdf, A: Aead>(ikm: &[u8]) {
    let (private, public) = R::derive_keypair(ikm);
    let public = S::PublicKey::from_bytes(&public.to_bytes()).unwrap();
    let mut rng = seeded(ikm[0].into());
    let (encapped, mut sender) =
        ::hpke::setup_sender_with_rng::<A, F, S>(&OpModeS::Base, &public, INFO, &mut rng).unwrap();
    let encapped = R::EncappedKey::from_bytes(&encapped.to_bytes()).unwrap();
    let mut recipient = ::hpke::setup_receiver::<A, F, R>(&OpModeR::Base, &private, &encapped, INFO).unwrap();
    for message in 0..4_u8 {
        let ciphertext = sender.seal(&[message; 20], &[message]).unwrap();
        assert_eq!(recipient.open(&ciphertext, &[message]).unwrap(), [message; 20]);
        let (mut sent, mut received) = ([0; 50], [0; 50]);
        sender.export(&[message], &mut sent).unwrap();
        recipient.export(&[message], &mut received).unwrap();
        assert_eq!(sent, received);
    }
}

#[test]
fn the_suites_encrypt_as_the_crate_decrypts() {
    suite_to_crate::<X25519HkdfSha256, HkdfSha256, AesGcm128>(1);
    suite_to_crate::<DhP256HkdfSha256, HkdfSha256, AesGcm128>(2);
    suite_to_crate::<X25519HkdfSha256, HkdfSha256, ChaCha20Poly1305>(3);
    suite_to_crate::<DhP521HkdfSha512, HkdfSha512, AesGcm256>(5);
    suite_to_crate::<DhP384HkdfSha384, HkdfSha384, AesGcm256>(7);
}

/// Encrypts with a cipher suite, and decrypts with the crate `hpke` and its own KEM.
fn suite_to_crate<K: Kem, F: Kdf, A: Aead>(number: u16) {
    let (private, public) = K::derive_keypair(b"recipient");
    let public = HpkePublicKey::from(public.to_bytes().as_slice());
    let receive = |kem_output: &KemOutput| {
        let encapped = K::EncappedKey::from_bytes(kem_output).unwrap();
        ::hpke::setup_receiver::<A, F, K>(&OpModeR::Base, &private, &encapped, INFO).unwrap()
    };
    for suite in each(number) {
        let mut rng = seeded(1);
        let sealed = suite.hpke_seal(&public, INFO, AAD, PLAINTEXT, &mut rng).unwrap();
        assert_eq!(receive(&sealed.kem_output).open(&sealed.ciphertext, AAD).unwrap(), PLAINTEXT);
        let (kem_output, sent) = suite.hpke_send_export(&public, INFO, b"context", 50, &mut rng).unwrap();
        let mut received = [0; 50];
        receive(&kem_output).export(b"context", &mut received).unwrap();
        assert_eq!(sent.expose(), received);
    }
}

/// The authenticated modes are not implemented, because MLS does not use them.
#[test]
fn the_authenticated_modes_are_refused() {
    type Ours = Dhkem<x25519::X25519>;
    let recipient = PrivateKey::<x25519::X25519>::derive(b"recipient").unwrap();
    let sender = PrivateKey::<x25519::X25519>::derive(b"sender").unwrap();
    let sender_pair = Some((&sender, &sender.public));
    assert!(Ours::encap_with_rng(&recipient.public, sender_pair, &mut seeded(1)).is_err());
    let (_, encapped) = Ours::encap_with_rng(&recipient.public, None, &mut seeded(1)).unwrap();
    assert!(Ours::decap(&recipient, Some(&sender.public), &encapped).is_err());
}

/// Returns a recipient, and a ciphertext that is encrypted to it.
fn sealed(suite: Suite) -> (HpkeKeyPair, HpkeCiphertext) {
    let recipient = suite.hpke_derive_key_pair(b"recipient").unwrap();
    let ciphertext = suite.hpke_seal(&recipient.public, INFO, AAD, PLAINTEXT, &mut seeded(1)).unwrap();
    (recipient, ciphertext)
}

fn open(suite: Suite, recipient: &HpkeKeyPair, ciphertext: &HpkeCiphertext) -> Result<Vec<u8>, CryptoError> {
    suite.hpke_open(recipient, INFO, AAD, ciphertext).map(|plaintext| plaintext.expose().to_vec())
}

#[test]
fn what_is_sealed_can_be_opened() {
    for suite in all_suites() {
        let mut rng = seeded(1);
        for len in [0, 1, 15, 16, 17, 1000] {
            let recipient = suite.hpke_generate_key_pair(&mut rng).unwrap();
            let plaintext = vec![len as u8; len];
            let ciphertext = suite.hpke_seal(&recipient.public, INFO, AAD, &plaintext, &mut rng).unwrap();
            assert_eq!(ciphertext.ciphertext.len(), len + 16);
            assert_eq!(open(suite, &recipient, &ciphertext), Ok(plaintext.clone()));

            // A labelled ciphertext can be decrypted only with the same label and context.
            let ciphertext = suite
                .encrypt_with_label(&recipient.public, "label", b"context", &plaintext, &mut rng)
                .unwrap();
            let decrypt = |label: &str, context: &[u8]| {
                let plaintext = suite.decrypt_with_label(&recipient, label, context, &ciphertext);
                plaintext.map(|plaintext| plaintext.expose().to_vec())
            };
            assert_eq!(decrypt("label", b"context"), Ok(plaintext));
            assert_eq!(decrypt("Label", b"context"), Err(CryptoError::DecryptionFailed));
            assert_eq!(decrypt("label", b""), Err(CryptoError::DecryptionFailed));
        }
    }
}

#[test]
fn every_byte_of_what_was_sealed_matters() {
    for suite in all_suites() {
        let (recipient, good) = sealed(suite);
        assert_eq!(open(suite, &recipient, &good), Ok(PLAINTEXT.to_vec()));
        for kem_output in with_each_byte_changed(&good.kem_output) {
            let bad = HpkeCiphertext { kem_output: kem_output.into(), ..good.clone() };
            assert_eq!(open(suite, &recipient, &bad), Err(CryptoError::DecryptionFailed));
        }
        for ciphertext in with_each_byte_changed(&good.ciphertext) {
            let bad = HpkeCiphertext { ciphertext: ciphertext.into(), ..good.clone() };
            assert_eq!(open(suite, &recipient, &bad), Err(CryptoError::DecryptionFailed));
        }
    }
}

#[test]
fn what_was_cut_off_or_extended_cannot_be_opened() {
    for suite in all_suites() {
        let (recipient, good) = sealed(suite);
        for len in (0..good.ciphertext.len()).chain([good.ciphertext.len() + 1]) {
            let mut ciphertext = good.ciphertext.to_vec();
            ciphertext.resize(len, 0);
            let bad = HpkeCiphertext { ciphertext: ciphertext.into(), ..good.clone() };
            assert_eq!(open(suite, &recipient, &bad), Err(CryptoError::DecryptionFailed));
        }
        for len in (0..good.kem_output.len()).chain([good.kem_output.len() + 1]) {
            let mut kem_output = good.kem_output.to_vec();
            kem_output.resize(len, 0);
            let bad = HpkeCiphertext { kem_output: kem_output.into(), ..good.clone() };
            assert_eq!(open(suite, &recipient, &bad), Err(CryptoError::DecryptionFailed));
        }
    }
}

#[test]
fn another_context_or_key_does_not_open() {
    for suite in all_suites() {
        let (recipient, ciphertext) = sealed(suite);
        for (info, aad) in
            [(b"".as_slice(), AAD), (b"other", AAD), (INFO, b""), (INFO, b"other"), (AAD, INFO)]
        {
            let opened = suite.hpke_open(&recipient, info, aad, &ciphertext);
            assert_eq!(opened, Err(CryptoError::DecryptionFailed));
        }
        let other = suite.hpke_derive_key_pair(b"other").unwrap();
        assert_eq!(open(suite, &other, &ciphertext), Err(CryptoError::DecryptionFailed));
        // The private key and the public key must belong together.
        let HpkeKeyPair { private, public } = other;
        let mixed = HpkeKeyPair { private, public: recipient.public.clone() };
        assert_eq!(open(suite, &mixed, &ciphertext), Err(CryptoError::DecryptionFailed));
        let mixed = HpkeKeyPair { private: recipient.private, public };
        assert_eq!(open(suite, &mixed, &ciphertext), Err(CryptoError::DecryptionFailed));
    }
}

#[test]
fn both_sides_export_the_same() {
    for suite in all_suites() {
        let recipient = suite.hpke_derive_key_pair(b"recipient").unwrap();
        let longest = 255 * suite.hash_len();
        let send = |info, context, len| {
            suite.hpke_send_export(&recipient.public, info, context, len, &mut seeded(1))
        };
        let (kem_output, good) = send(INFO, b"context".as_slice(), 32).unwrap();
        let receive = |kem_output: &KemOutput, info: &[u8], context: &[u8], len| {
            suite.hpke_receive_export(&recipient, kem_output, info, context, len)
        };
        for (info, context, len) in [
            (INFO, b"context".as_slice(), 32),
            (INFO, b"context", 0),
            (INFO, b"context", 1),
            (INFO, b"", 32),
            (b"", b"context", 32),
            (INFO, b"context", longest),
        ] {
            let (sent_kem_output, sent) = send(info, context, len).unwrap();
            // The ephemeral key depends on `info` and the context, but not on the length.
            assert_eq!(sent_kem_output == kem_output, (info, context) == (INFO, b"context".as_slice()));
            assert_eq!(sent.expose().len(), len);
            assert_eq!(receive(&sent_kem_output, info, context, len).unwrap(), sent);
            // The secret depends on all inputs, even with the same ephemeral key.
            let received = receive(&kem_output, info, context, len).unwrap();
            for secret in [sent, received] {
                assert_eq!(secret == good, (info, context, len) == (INFO, b"context".as_slice(), 32));
            }
        }
        assert_eq!(send(INFO, b"", longest + 1), Err(CryptoError::InvalidLength));
        assert_eq!(receive(&kem_output, INFO, b"", longest + 1), Err(CryptoError::InvalidLength));
        // The first of these lengths becomes 0 if it is truncated to 16 bits. The second exceeds
        // the available memory.
        for len in [0x1_0000, usize::MAX] {
            assert_eq!(send(INFO, b"", len), Err(CryptoError::InvalidLength));
            assert_eq!(receive(&kem_output, INFO, b"", len), Err(CryptoError::InvalidLength));
        }

        for bad in with_each_byte_changed(&kem_output).take(20).map(KemOutput::from) {
            let received = receive(&bad, INFO, b"context", 32);
            assert!(received.map_or_else(|error| error == CryptoError::DecryptionFailed, |it| it != good));
        }
    }
}

#[test]
fn bad_public_keys_are_refused_everywhere() {
    for suite in all_suites() {
        let (recipient, ciphertext) = sealed(suite);
        assert_eq!(suite.check_hpke_public_key(&recipient.public), Ok(()));
        for (problem, bad) in Curve::of_kem(suite.cipher_suite().0).bad_public_keys(&recipient.public) {
            let public = HpkePublicKey::from(bad.as_slice());
            let error = Err(CryptoError::InvalidPublicKey);
            assert_eq!(suite.check_hpke_public_key(&public), error, "{problem}");
            let sealed = suite.hpke_seal(&public, INFO, AAD, PLAINTEXT, &mut seeded(1));
            assert_eq!(sealed.map(|_| ()), error, "{problem}");
            let sent = suite.hpke_send_export(&public, INFO, b"", 32, &mut seeded(1));
            assert_eq!(sent.map(|_| ()), error, "{problem}");

            let kem_output = KemOutput::from(bad);
            let ciphertext = HpkeCiphertext { kem_output: kem_output.clone(), ..ciphertext.clone() };
            assert_eq!(open(suite, &recipient, &ciphertext), Err(CryptoError::DecryptionFailed), "{problem}");
            let received = suite.hpke_receive_export(&recipient, &kem_output, INFO, b"", 32);
            assert_eq!(received, Err(CryptoError::DecryptionFailed), "{problem}");
        }
    }
}

#[test]
fn malformed_key_pairs_are_refused() {
    for suite in all_suites() {
        let (HpkeKeyPair { private, public }, ciphertext) = sealed(suite);
        let mut bad: Vec<Vec<u8>> = (0..private.expose().len() + 3)
            .filter(|&len| len != private.expose().len())
            .map(|len| vec![1; len])
            .collect();
        if ![1, 3, 4, 6].contains(&suite.cipher_suite().0) {
            // On a NIST curve, a private key is a number that is at least 1 and below the order of
            // the group.
            bad.extend([0x00, 0xff].map(|byte| vec![byte; private.expose().len()]));
        }
        for bad in bad {
            let key_pair = suite.hpke_key_pair(HpkePrivateKey::from(bad.as_slice()));
            assert_eq!(key_pair, Err(CryptoError::InvalidPrivateKey));
            let key_pair =
                HpkeKeyPair { private: HpkePrivateKey::from(bad.as_slice()), public: public.clone() };
            assert_eq!(open(suite, &key_pair, &ciphertext), Err(CryptoError::InvalidPrivateKey));
            let received = suite.hpke_receive_export(&key_pair, &ciphertext.kem_output, INFO, b"", 32);
            assert_eq!(received, Err(CryptoError::InvalidPrivateKey));
        }
        let key_pair = HpkeKeyPair { private, public: vec![0; public.len() - 1].into() };
        assert_eq!(open(suite, &key_pair, &ciphertext), Err(CryptoError::InvalidPrivateKey));
    }
}

/// Private keys are kept only in their clamped form (RFC 9180, section 7.1.2, and RFC 7748, section
/// 5).
#[test]
fn montgomery_private_keys_are_clamped() {
    for (number, byte, first, last) in
        [(1, 0xff, 0xf8, 0x7f), (1, 0x00, 0x00, 0x40), (4, 0xff, 0xfc, 0xff), (4, 0x00, 0x00, 0x80)]
    {
        for suite in each(number) {
            let len = suite.hpke_derive_key_pair(b"").unwrap().private.expose().len();
            let mut clamped = vec![byte; len];
            (clamped[0], clamped[len - 1]) = (first, last);
            let key_pair = suite.hpke_key_pair(HpkePrivateKey::from(vec![byte; len])).unwrap();
            assert_eq!(key_pair.private.expose(), clamped);
            assert_eq!(suite.hpke_key_pair(HpkePrivateKey::from(clamped)).unwrap(), key_pair);

            // A key pair with an unclamped private key is accepted too.
            let ciphertext = suite.hpke_seal(&key_pair.public, INFO, AAD, PLAINTEXT, &mut seeded(1)).unwrap();
            let not_clamped =
                HpkeKeyPair { private: HpkePrivateKey::from(vec![byte; len]), public: key_pair.public };
            assert_eq!(open(suite, &not_clamped, &ciphertext), Ok(PLAINTEXT.to_vec()));

            for input in 0..50_u8 {
                let key_pair = suite.hpke_derive_key_pair(&[input]).unwrap();
                let again = suite.hpke_key_pair(HpkePrivateKey::from(key_pair.private.expose())).unwrap();
                assert_eq!(again, key_pair);
            }
        }
    }
}

/// A candidate is invalid with a probability of at most 2^-32, so no test vector contains an
/// invalid one. This test creates invalid candidates itself.
#[test]
fn a_candidate_that_is_no_private_key_is_passed_over() {
    fn candidates<G: Group>(counter_of_success: u8) {
        let derived = G::derive(|label, info, out| {
            assert_eq!(label, b"candidate");
            out.fill(0xff);
            if info == [counter_of_success] {
                out.fill(0x01);
            }
        });
        let (derived, _) = derived.unwrap();
        assert!(derived.iter().all(|&byte| byte == 0x01));
        assert!(PrivateKey::<G>::from_bytes(&derived).is_ok());
    }
    for counter in [0, 1, 7, 255] {
        candidates::<nist::P256>(counter);
        candidates::<nist::P384>(counter);
        candidates::<nist::P521>(counter);
        #[cfg(feature = "aws-lc")]
        {
            candidates::<crate::aws_lc::nist::P256>(counter);
            candidates::<crate::aws_lc::nist::P384>(counter);
            candidates::<crate::aws_lc::nist::P521>(counter);
        }
    }
    assert!(nist::P256::derive(|_, _, out| out.fill(0xff)).is_none());
    assert!(nist::P256::derive(|_, _, out| out.fill(0x00)).is_none());
}

#[test]
fn keys_and_ciphertexts_come_from_the_generator_alone() {
    for suite in all_suites() {
        let run = |seed| {
            let mut rng = seeded(seed);
            let recipient = suite.hpke_generate_key_pair(&mut rng).unwrap();
            let ciphertext = suite.hpke_seal(&recipient.public, INFO, AAD, PLAINTEXT, &mut rng).unwrap();
            (recipient, ciphertext)
        };
        assert_eq!(run(1), run(1));
        let ((recipient, ciphertext), (other_recipient, other_ciphertext)) = (run(1), run(2));
        assert_ne!(recipient.public, other_recipient.public);
        assert_ne!(recipient.private, other_recipient.private);
        assert_ne!(ciphertext.kem_output, other_ciphertext.kem_output);
        assert_ne!(ciphertext.ciphertext, other_ciphertext.ciphertext);
        // The key is derived from the output of the generator by the KDF, so even the worst
        // generator leads to valid keys.
        for byte in [0x00, 0xff] {
            let key_pair = suite.hpke_generate_key_pair(&mut Repeating::new(&[byte])).unwrap();
            assert_eq!(suite.check_hpke_public_key(&key_pair.public), Ok(()));
            assert!(key_pair.private.expose().iter().any(|&other| other != byte));
        }
    }
}

#[test]
fn a_key_pair_is_derived_from_all_of_its_input() {
    for suite in all_suites() {
        let derived = suite.hpke_derive_key_pair(b"input").unwrap();
        assert_eq!(suite.hpke_derive_key_pair(b"input").unwrap(), derived);
        for changed in with_each_byte_changed(b"input") {
            assert_ne!(suite.hpke_derive_key_pair(&changed).unwrap().public, derived.public);
        }
        assert_ne!(suite.hpke_derive_key_pair(b"input\0").unwrap().public, derived.public);
        let HpkeKeyPair { private, public } = derived;
        assert_eq!(suite.hpke_key_pair(private).unwrap().public, public);
    }
}
