//! Tests that compare the labelled operations of RFC 9420 with structures that are encoded by hand.

use super::{all_suites, seeded};
use crate::HpkeMessage;
use pando_wire::Signature;

/// Encodes `opaque<V>` (RFC 9420, section 2.1.2), which is the length in 1, 2 or 4 bytes followed
/// by the bytes.
fn opaque(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u32;
    let header = match len {
        0..0x40 => vec![len as u8],
        0x40..0x4000 => (len as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (len | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [&header, bytes].concat()
}

/// Returns contents whose lengths are close to those at which the header grows.
fn contents() -> impl Iterator<Item = Vec<u8>> {
    [0, 1, 0x3f, 0x40, 0x3fff, 0x4000].into_iter().map(|len| vec![7; len])
}

/// Returns labels that, together with the prefix "MLS 1.0 ", have lengths close to those at which
/// the header grows.
fn labels() -> impl Iterator<Item = String> {
    [0, 1, 0x37, 0x38, 0x100].into_iter().map(|len| "l".repeat(len))
}

/// Encodes `SignContent` (section 5.1.2) or `EncryptContext` (section 5.1.3), which have the same
/// form.
fn labelled(label: &str, content: &[u8]) -> Vec<u8> {
    [opaque(format!("MLS 1.0 {label}").as_bytes()), opaque(content)].concat()
}

#[test]
fn sign_with_label_signs_sign_content() {
    for suite in all_suites() {
        let signer = suite.signer(&suite.signature_generate_key(&mut seeded(1)).unwrap()).unwrap();
        for (label, content) in labels().zip(contents()).chain([("l".into(), vec![7; 0x4000])]) {
            let by_hand = signer.sign(&labelled(&label, &content)).unwrap();
            let signature: Signature = suite.sign_with_label(&*signer, &label, &content).unwrap();
            assert_eq!(signature, by_hand);
            assert_eq!(suite.verify_with_label(signer.public_key(), &label, &content, &by_hand), Ok(()));
        }
    }
}

#[test]
fn encrypt_with_label_has_encrypt_context_as_info() {
    for suite in all_suites() {
        let recipient = suite.hpke_derive_key_pair(b"recipient").unwrap();
        for (label, context) in labels().zip(contents()) {
            let info = labelled(&label, &context);
            let by_hand = suite.hpke_seal(&recipient.public, &info, b"", b"text", &mut seeded(1)).unwrap();
            let sealed = suite
                .encrypt_with_label(&recipient.public, &label, &context, b"text", &mut seeded(1))
                .unwrap();
            assert_eq!(sealed, by_hand);
            let message = HpkeMessage { public: &recipient.public, plaintext: b"text" };
            let to_many = suite.encrypt_with_label_to_many(&label, &context, &[message], &mut seeded(1));
            assert_eq!(to_many.unwrap(), std::slice::from_ref(&by_hand));
            let opened = suite.decrypt_with_label(&recipient, &label, &context, &by_hand).unwrap();
            assert_eq!(opened.expose(), b"text");
        }
    }
}

/// The test covers `ExpandWithLabel` and `DeriveSecret` (section 8), and `DeriveTreeSecret`
/// (section 9.1).
#[test]
fn expand_with_label_expands_kdf_label() {
    for suite in all_suites() {
        let secret = vec![3; suite.hash_len()];
        let by_hand = |label: &str, context: &[u8], len: usize| {
            let info = [(len as u16).to_be_bytes().to_vec(), labelled(label, context)].concat();
            suite.expand(&secret, &[&info], len).unwrap()
        };
        for label in labels() {
            for context in contents() {
                for len in [0, 1, 32, 300] {
                    let expanded = suite.expand_with_label(&secret, &label, &context, len).unwrap();
                    assert_eq!(expanded, by_hand(&label, &context, len));
                }
            }
            assert_eq!(suite.derive_secret(&secret, &label).unwrap(), by_hand(&label, b"", suite.hash_len()));
            let outputs = [(label.as_str(), b"context".as_slice(), 7), ("other", b"", 100)];
            let expanded = suite.expand_with_labels(&secret, outputs).unwrap();
            assert_eq!(expanded, [by_hand(&label, b"context", 7), by_hand("other", b"", 100)]);
            let derived = suite.derive_tree_secret(&secret, &label, 0x0102_0304, 20).unwrap();
            assert_eq!(derived, by_hand(&label, &[1, 2, 3, 4], 20));
        }
        let (key, nonce) = suite.expand_key_and_nonce(&secret, b"context").unwrap();
        assert_eq!(key.expose(), by_hand("key", b"context", suite.aead_key_len()).expose());
        assert_eq!(nonce.expose(), by_hand("nonce", b"context", 12).expose());
    }
}

/// The function `ref_hash` (section 5.2) adds no prefix to the label.
#[test]
fn ref_hash_hashes_ref_hash_input() {
    for suite in all_suites() {
        for value in contents() {
            for label in labels() {
                let by_hand = suite.hash(&[&opaque(label.as_bytes()), &opaque(&value)]);
                assert_eq!(*suite.ref_hash(&label, &value).unwrap(), *by_hand);
            }
            let label = opaque(b"MLS 1.0 Proposal Reference");
            let by_hand = suite.hash(&[&label, &opaque(&value)]);
            assert_eq!(*suite.proposal_ref(&value).unwrap(), *by_hand);
        }
    }
}
