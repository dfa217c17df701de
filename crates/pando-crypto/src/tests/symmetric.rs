//! Tests of the hash, MAC, KDF and AEAD of all seven cipher suites.

use super::{all_suites, with_each_byte_changed};
use crate::{AeadKey, AeadNonce, CryptoError, SecretBytes, Suite};

const MESSAGE: &[u8] = b"a message";

/// The expected values are from FIPS 180-2, appendices B.1 and C.1, and from its change notice.
#[test]
fn the_hashes_are_those_of_the_standard() {
    for suite in all_suites() {
        let expected = match suite.hash_len() {
            32 => "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            48 => {
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7"
            }
            _ => {
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            }
        };
        assert_eq!(hex::encode(&*suite.hash(&[b"abc"])), expected);
        assert_eq!(hex::encode(&*suite.hash(&[b"a", b"", b"bc"])), expected);
    }
}

/// A truncated MAC must not be accepted, because anyone can create a MAC of length 0 without the
/// key (GHSA-8x3w-qj7j-gqhf).
#[test]
fn only_the_whole_mac_is_accepted() {
    for suite in all_suites() {
        let mac = suite.mac(b"key", &[MESSAGE]);
        assert!(suite.verify_mac(b"key", &[MESSAGE], &mac));
        assert!(suite.verify_mac(b"key", &[&MESSAGE[..3], &MESSAGE[3..]], &mac));
        assert!(!suite.verify_mac(b"Key", &[MESSAGE], &mac));
        assert!(!suite.verify_mac(b"key", &[], &mac));
        for len in 0..mac.len() {
            assert!(!suite.verify_mac(b"key", &[MESSAGE], &mac[..len]));
        }
        for appended in [0, 1, 0xff] {
            assert!(!suite.verify_mac(b"key", &[MESSAGE], &[&*mac, &[appended]].concat()));
        }
        for changed in with_each_byte_changed(&mac) {
            assert!(!suite.verify_mac(b"key", &[MESSAGE], &changed));
        }
    }
}

#[test]
fn secrets_and_outputs_of_expand_have_bounds() {
    for suite in all_suites() {
        let (hash_len, longest) = (suite.hash_len(), 255 * suite.hash_len());
        let secret = vec![1; hash_len];
        for len in [0, 1, hash_len, hash_len + 1, longest] {
            assert_eq!(suite.expand(&secret, &[b"info"], len).unwrap().expose().len(), len);
            assert_eq!(suite.expand_with_label(&secret, "label", b"", len).unwrap().expose().len(), len);
        }
        for len in [longest + 1, 0x1_0000, 0x1_0020, usize::MAX] {
            assert_eq!(suite.expand(&secret, &[b"info"], len), Err(CryptoError::InvalidLength));
            let expanded = suite.expand_with_label(&secret, "label", b"", len);
            assert_eq!(expanded, Err(CryptoError::InvalidLength));
            let derived = suite.derive_tree_secret(&secret, "label", 1, len);
            assert_eq!(derived, Err(CryptoError::InvalidLength));
        }
        for len in 0..hash_len {
            assert_eq!(suite.expand(&secret[..len], &[], 1), Err(CryptoError::InvalidLength));
            assert_eq!(suite.derive_secret(&secret[..len], "label"), Err(CryptoError::InvalidLength));
            let keys = suite.expand_key_and_nonce(&secret[..len], b"");
            assert_eq!(keys, Err(CryptoError::InvalidLength));
        }
        assert!(suite.expand(&vec![1; hash_len + 1], &[], 1).is_ok());
        let (key, nonce) = suite.expand_key_and_nonce(&secret, b"").unwrap();
        assert_eq!(key.expose().len(), suite.aead_key_len());
        assert_eq!(nonce.expose().len(), suite.aead_nonce_len());
    }
}

/// The hash input includes the length, so a shorter output is not a prefix of a longer output.
#[test]
fn labels_contexts_and_lengths_separate_secrets() {
    for suite in all_suites() {
        let secret = vec![1; suite.hash_len()];
        let expand = |label: &str, context: &[u8], len| {
            suite.expand_with_label(&secret, label, context, len).unwrap().expose()[..16].to_vec()
        };
        let mut outputs = vec![
            expand("label", b"context", 16),
            expand("label", b"context", 17),
            expand("label", b"contexu", 16),
            expand("labelc", b"ontext", 16),
            expand("", b"", 16),
        ];
        outputs.sort();
        outputs.dedup();
        assert_eq!(outputs.len(), 5);
    }
}

/// Returns a key, a nonce, and the string "plaintext" encrypted with them.
fn sealed(suite: Suite) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (key, nonce) = (vec![1; suite.aead_key_len()], vec![2; suite.aead_nonce_len()]);
    let ciphertext =
        suite.aead_seal(&key.as_slice().into(), &nonce.as_slice().into(), b"aad", b"plaintext").unwrap();
    (key, nonce, ciphertext)
}

fn open(
    suite: Suite,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, CryptoError> {
    suite.aead_open(&key.into(), &nonce.into(), aad, ciphertext)
}

#[test]
fn every_byte_of_what_was_encrypted_matters() {
    for suite in all_suites() {
        let (key, nonce, good) = sealed(suite);
        assert_eq!(good.len(), b"plaintext".len() + 16);
        assert_eq!(open(suite, &key, &nonce, b"aad", &good).unwrap().expose(), b"plaintext");
        let error = Err(CryptoError::DecryptionFailed);
        for ciphertext in with_each_byte_changed(&good) {
            assert_eq!(open(suite, &key, &nonce, b"aad", &ciphertext), error);
        }
        for key in with_each_byte_changed(&key) {
            assert_eq!(open(suite, &key, &nonce, b"aad", &good), error);
        }
        for nonce in with_each_byte_changed(&nonce) {
            assert_eq!(open(suite, &key, &nonce, b"aad", &good), error);
        }
        for aad in with_each_byte_changed(b"aad").chain([vec![], b"aa".to_vec(), b"aad\0".to_vec()]) {
            assert_eq!(open(suite, &key, &nonce, &aad, &good), error);
        }
        for len in (0..good.len()).chain([good.len() + 1]) {
            let mut ciphertext = good.clone();
            ciphertext.resize(len, 0);
            assert_eq!(open(suite, &key, &nonce, b"aad", &ciphertext), error, "{len}");
        }
    }
}

#[test]
fn aead_keys_and_nonces_of_other_lengths_are_refused() {
    for suite in all_suites() {
        let (key, nonce, ciphertext) = sealed(suite);
        for key_len in 0..70 {
            for nonce_len in 0..30 {
                if (key_len, nonce_len) == (key.len(), nonce.len()) {
                    continue;
                }
                let (key, nonce) = (vec![1; key_len], vec![2; nonce_len]);
                let error = CryptoError::InvalidLength;
                assert_eq!(open(suite, &key, &nonce, b"aad", &ciphertext), Err(error.clone()));
                let sealed =
                    suite.aead_seal(&AeadKey::from(key), &AeadNonce::from(nonce), b"aad", b"plaintext");
                assert_eq!(sealed, Err(error));
            }
        }
    }
}
