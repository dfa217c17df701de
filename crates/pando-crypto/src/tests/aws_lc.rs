//! Tests that the two backends accept each other's outputs and return the same result for the same
//! input.

use super::{RustCrypto, seeded};
use crate::{
    AeadKey, AeadNonce, AwsLc, CryptoError, CryptoProvider, HpkeMessage, HpkePrivateKey, SignedMessage, Suite,
};
use pando_wire::{CipherSuite, HpkeCiphertext, Signature};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

/// Returns the cipher suites that both backends support, each in pure Rust and on AWS-LC.
fn both() -> impl Iterator<Item = (Suite, Suite)> {
    [1, 2, 3, 5, 7]
        .map(CipherSuite)
        .into_iter()
        .map(|id| (RustCrypto.suite(id).unwrap(), AwsLc.suite(id).unwrap()))
}

fn random(rng: &mut ChaCha20Rng, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Returns a copy of `bytes` that usually has one mutation and is sometimes unchanged.
fn mutated(rng: &mut ChaCha20Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let position = rng.next_u32() as usize % bytes.len();
    match rng.next_u32() % 6 {
        0 => {}
        1 => bytes[position] ^= 1 << (rng.next_u32() % 8),
        2 => bytes[position] = [0x00, 0x01, 0x7f, 0x80, 0xff][rng.next_u32() as usize % 5],
        3 => bytes.truncate(position),
        4 => bytes.insert(position, [0x00, 0x80][rng.next_u32() as usize % 2]),
        _ => bytes[position..].fill([0x00, 0xff][rng.next_u32() as usize % 2]),
    }
    bytes
}

#[test]
fn both_compute_the_same() {
    let mut rng = seeded(1);
    for (rust, aws) in both() {
        for len in [0, 1, 31, 32, 64, 65, 127, 128, 129, 1000] {
            let (data, other) = (random(&mut rng, len), random(&mut rng, 40));
            assert_eq!(rust.hash(&[&data]), aws.hash(&[&data]));
            assert_eq!(rust.hash(&[&data, &other]), aws.hash(&[&data, &other]));
            assert_eq!(rust.mac(&data, &[&other, &data]), aws.mac(&data, &[&other, &data]));
            assert_eq!(rust.extract(&data, &other), aws.extract(&data, &other));
            for out_len in [0, 1, 100, 255 * rust.hash_len(), 255 * rust.hash_len() + 1] {
                assert_eq!(rust.expand(&data, &[&other], out_len), aws.expand(&data, &[&other], out_len));
            }
            let key = AeadKey::from(random(&mut rng, rust.aead_key_len()));
            let nonce = AeadNonce::from(random(&mut rng, 12));
            let sealed = rust.aead_seal(&key, &nonce, &other, &data).unwrap();
            assert_eq!(aws.aead_seal(&key, &nonce, &other, &data).unwrap(), sealed);
            assert_eq!(aws.aead_open(&key, &nonce, &other, &sealed).unwrap().expose(), data);

            assert_eq!(rust.hpke_derive_key_pair(&data), aws.hpke_derive_key_pair(&data));
        }
    }
}

#[test]
fn what_one_seals_the_other_opens() {
    for (rust, aws) in both() {
        for (sender, recipient) in [(rust, aws), (aws, rust)] {
            let (mut rng, mut other_rng) = (seeded(2), seeded(2));
            let pair = recipient.hpke_generate_key_pair(&mut rng).unwrap();
            assert_eq!(sender.hpke_generate_key_pair(&mut other_rng).unwrap(), pair);

            let sealed = sender.hpke_seal(&pair.public, b"info", b"aad", b"text", &mut rng).unwrap();
            let same = recipient.hpke_seal(&pair.public, b"info", b"aad", b"text", &mut other_rng).unwrap();
            assert_eq!(sealed, same);
            assert_eq!(recipient.hpke_open(&pair, b"info", b"aad", &sealed).unwrap().expose(), b"text");
            let (kem_output, sent) =
                sender.hpke_send_export(&pair.public, b"info", b"context", 50, &mut rng).unwrap();
            let received = recipient.hpke_receive_export(&pair, &kem_output, b"info", b"context", 50);
            assert_eq!(received.unwrap(), sent);

            let messages = [HpkeMessage { public: &pair.public, plaintext: b"text" }; 3];
            let sealed = sender.hpke_seal_many(b"info", &messages, &mut seeded(3)).unwrap();
            assert_eq!(recipient.hpke_seal_many(b"info", &messages, &mut seeded(3)).unwrap(), sealed);
        }
    }
}

#[test]
fn what_one_signs_the_other_verifies() {
    for (rust, aws) in both() {
        let key = rust.signature_generate_key(&mut seeded(1)).unwrap();
        assert_eq!(aws.signature_generate_key(&mut seeded(1)).unwrap(), key);
        let (ours, theirs) = (rust.signer(&key).unwrap(), aws.signer(&key).unwrap());
        assert_eq!(ours.public_key(), theirs.public_key());
        for message in [b"".as_slice(), b"message", &[7; 1000]] {
            let signature = ours.sign(message).unwrap();
            assert_eq!(theirs.sign(message).unwrap(), signature);
            assert_eq!(aws.verify(ours.public_key(), message, &signature), Ok(()));
            assert_eq!(rust.verify(ours.public_key(), message, &signature), Ok(()));
        }
    }
}

#[test]
fn both_have_the_same_verdict_on_mutated_signatures_and_keys() {
    for (rust, aws) in both() {
        let mut rng = seeded(u64::from(rust.cipher_suite().0));
        let signer = rust.signer(&rust.signature_generate_key(&mut rng).unwrap()).unwrap();
        let (mut accepted, mut bad_keys, mut bad_signatures) = (0, 0, 0);
        for round in 0..400 {
            let message = random(&mut rng, round % 50);
            let mut signature = signer.sign(&message).unwrap();
            let mut public = signer.public_key().clone();
            if round % 2 == 0 {
                signature = Signature::from(mutated(&mut rng, &signature));
            } else {
                public = mutated(&mut rng, &public).into();
            }
            let verdict = rust.verify(&public, &message, &signature);
            assert_eq!(aws.verify(&public, &message, &signature), verdict, "{public:?}, {signature:?}");
            let signed = SignedMessage { public: &public, message: &message, signature: &signature };
            assert_eq!(aws.verify_batch(&[signed; 5]), rust.verify_batch(&[signed; 5]));
            match verdict {
                Ok(()) => accepted += 1,
                Err(CryptoError::InvalidPublicKey) => bad_keys += 1,
                Err(_) => bad_signatures += 1,
            }
            assert_eq!(aws.check_signature_public_key(&public), rust.check_signature_public_key(&public));
        }
        assert!(accepted > 20 && bad_keys > 20 && bad_signatures > 20);
    }
}

#[test]
fn both_have_the_same_verdict_on_mutated_ciphertexts_and_keys() {
    for (rust, aws) in both() {
        let mut rng = seeded(u64::from(rust.cipher_suite().0));
        let pair = rust.hpke_generate_key_pair(&mut rng).unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..200 {
            let sealed = rust.hpke_seal(&pair.public, b"info", b"", b"text", &mut rng).unwrap();
            let sealed = HpkeCiphertext {
                kem_output: mutated(&mut rng, &sealed.kem_output).into(),
                ciphertext: mutated(&mut rng, &sealed.ciphertext).into(),
            };
            let opened = rust.hpke_open(&pair, b"info", b"", &sealed);
            assert_eq!(aws.hpke_open(&pair, b"info", b"", &sealed), opened);
            *(if opened.is_ok() { &mut accepted } else { &mut refused }) += 1;

            let public = mutated(&mut rng, &pair.public).into();
            let verdict = rust.check_hpke_public_key(&public);
            assert_eq!(aws.check_hpke_public_key(&public), verdict);
            let sent = aws.hpke_seal(&public, b"info", b"", b"text", &mut seeded(1));
            assert_eq!(sent.map(|_| ()), verdict);

            let private = mutated(&mut rng, pair.private.expose());
            let read = |suite: Suite| suite.hpke_key_pair(HpkePrivateKey::from(private.as_slice()));
            assert_eq!(read(aws), read(rust));
        }
        assert!(accepted > 0 && refused > 0);
    }
}
