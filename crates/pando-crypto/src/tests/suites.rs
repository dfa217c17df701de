//! Tests of complete cipher suites.

use super::{all_suites, each, seeded};
use crate::{
    AeadKey, AeadNonce, CryptoProvider, HpkePrivateKey, RustCrypto, SecretBytes, SignaturePrivateKey,
};
use pando_wire::CipherSuite;

#[test]
fn the_suites_of_the_rfc_are_there_and_no_other() {
    for number in 0..=u16::MAX {
        let found = RustCrypto.suite(CipherSuite(number));
        let is_expected = match number {
            4 | 6 => cfg!(feature = "curve448"),
            _ => (1..=7).contains(&number),
        };
        assert_eq!(found.is_some(), is_expected);
        if let Some(suite) = found {
            assert_eq!(suite.cipher_suite(), CipherSuite(number));
        }
        #[cfg(feature = "aws-lc")]
        {
            let found = crate::AwsLc.suite(CipherSuite(number));
            assert_eq!(found.is_some(), [1, 2, 3, 5, 7].contains(&number));
            assert!(found.is_none_or(|suite| suite.cipher_suite() == CipherSuite(number)));
        }
    }
}

/// The sizes are from RFC 9420, section 17.1, RFC 9180, sections 7.1 to 7.3, and, for the
/// signatures, RFC 8032 and RFC 8446.
#[test]
fn the_sizes_are_those_of_the_rfcs() {
    // Each row lists the suite, Nh, Nk, the KEM's Nsk and Npk (which is also Nenc), and the lengths
    // of the signature scheme's private and public key.
    let sizes = [
        (1, 32, 16, (32, 32), (32, 32)),
        (2, 32, 16, (32, 65), (32, 65)),
        (3, 32, 32, (32, 32), (32, 32)),
        (4, 64, 32, (56, 56), (57, 57)),
        (5, 64, 32, (66, 133), (66, 133)),
        (6, 64, 32, (56, 56), (57, 57)),
        (7, 48, 32, (48, 97), (48, 97)),
    ];
    for (number, hash_len, key_len, kem, signature) in sizes {
        for suite in each(number) {
            assert_eq!(suite.hash_len(), hash_len);
            assert_eq!(suite.aead_key_len(), key_len);
            assert_eq!(suite.aead_nonce_len(), 12);
            let (key, nonce) = (vec![0; key_len].into(), vec![0; 12].into());
            for plaintext in [&b""[..], b"a", &[7; 100]] {
                let sealed = suite.aead_seal(&key, &nonce, b"", plaintext).unwrap();
                assert_eq!(sealed.len(), plaintext.len() + suite.aead_tag_len());
            }
            assert_eq!(suite.hash(&[b"a"]).len(), hash_len);
            assert_eq!(suite.mac(b"key", &[b"a"]).len(), hash_len);
            assert_eq!(suite.extract(b"salt", b"ikm").expose().len(), hash_len);
            assert_eq!(suite.zero_secret().expose(), vec![0; hash_len]);

            let pair = suite.hpke_derive_key_pair(b"ikm").unwrap();
            assert_eq!((pair.private.expose().len(), pair.public.len()), kem);
            let (kem_output, _) = suite.hpke_send_export(&pair.public, b"", b"", 1, &mut seeded(1)).unwrap();
            assert_eq!(kem_output.len(), kem.1);

            let key = suite.signature_generate_key(&mut seeded(1)).unwrap();
            let public_len = suite.signer(&key).unwrap().public_key().len();
            assert_eq!((key.expose().len(), public_len), signature);
        }
    }
    for (number, len) in [(1, 64), (3, 64), (4, 114), (6, 114)] {
        for suite in each(number) {
            let key = suite.signature_generate_key(&mut seeded(1)).unwrap();
            assert_eq!(suite.signer(&key).unwrap().sign(b"").unwrap().len(), len);
        }
    }
}

#[test]
fn no_secret_is_printed() {
    fn assert_hidden(secret: &[u8], printed: &str) {
        assert!(printed.contains("[redacted]"), "{printed}");
        let printed = printed.to_lowercase().replace([' ', ',', '\n'], "");
        // The secret must be printed neither in hexadecimal nor as a list of numbers.
        assert!(!printed.contains(&hex::encode(&secret[..4])), "{printed}");
        let decimal: String = secret[..4].iter().map(u8::to_string).collect();
        assert!(!printed.contains(&decimal), "{printed}");
    }

    let secret = [0xab; 32];
    for printed in [
        format!("{:?}", SecretBytes::from(secret.as_slice())),
        format!("{:?}", HpkePrivateKey::from(secret.as_slice())),
        format!("{:?}", SignaturePrivateKey::from(secret.as_slice())),
        format!("{:?}", AeadKey::from(secret.as_slice())),
        format!("{:?}", AeadNonce::from(secret.as_slice())),
        format!("{:#?}", AeadNonce::from(secret.as_slice())),
    ] {
        assert_hidden(&secret, &printed);
    }

    for suite in all_suites() {
        let pair = suite.hpke_generate_key_pair(&mut seeded(1)).unwrap();
        for printed in [format!("{pair:?}"), format!("{pair:#?}")] {
            assert_hidden(pair.private.expose(), &printed);
        }
        // The public key may be printed.
        assert!(format!("{pair:?}").contains(&hex::encode(&*pair.public)));
        let key = suite.signature_generate_key(&mut seeded(1)).unwrap();
        assert_hidden(key.expose(), &format!("{key:?}"));
        let (key, nonce) = suite.expand_key_and_nonce(&vec![1; suite.hash_len()], b"").unwrap();
        assert_hidden(key.expose(), &format!("{key:?}"));
        assert_hidden(nonce.expose(), &format!("{nonce:?}"));
        let opened = suite.hpke_derive_key_pair(b"").and_then(|recipient| {
            let mut rng = seeded(1);
            let ciphertext = suite.hpke_seal(&recipient.public, b"", b"", b"secret", &mut rng)?;
            suite.hpke_open(&recipient, b"", b"", &ciphertext)
        });
        assert_hidden(b"secret", &format!("{:?}", opened.unwrap()));
    }
}
