//! Tests that HPKE encryption to many recipients gives the same results as separate encryption to
//! each of them.

use super::{all_suites, seeded};
use crate::{CryptoError, HpkeKeyPair, HpkeMessage, Suite};
use pando_wire::HpkePublicKey;

const INFO: &[u8] = b"info";

/// Returns recipients with a message for each of them. The messages have different lengths.
fn recipients(suite: Suite, count: usize) -> Vec<(HpkeKeyPair, Vec<u8>)> {
    (0..count).map(|number| (suite.hpke_derive_key_pair(&[number as u8]).unwrap(), vec![7; number])).collect()
}

fn messages(recipients: &[(HpkeKeyPair, Vec<u8>)]) -> Vec<HpkeMessage<'_>> {
    recipients
        .iter()
        .map(|(recipient, plaintext)| HpkeMessage { public: &recipient.public, plaintext })
        .collect()
}

#[test]
fn sealing_to_many_is_sealing_to_one_after_the_other() {
    for suite in all_suites() {
        for count in [0, 1, 2, 3, 9] {
            let recipients = recipients(suite, count);
            let (mut rng, mut other_rng) = (seeded(1), seeded(1));
            let sealed = suite.hpke_seal_many(INFO, &messages(&recipients), &mut rng).unwrap();
            assert_eq!(sealed.len(), count);
            for ((recipient, plaintext), sealed) in recipients.iter().zip(&sealed) {
                let alone = suite.hpke_seal(&recipient.public, INFO, b"", plaintext, &mut other_rng).unwrap();
                assert_eq!(*sealed, alone);
                let opened = suite.hpke_open(recipient, INFO, b"", sealed).unwrap();
                assert_eq!(opened.expose(), *plaintext);
            }
            // Both ways of encrypting have drawn the same number of random bytes.
            assert_eq!(rng, other_rng);
        }
    }
}

#[test]
fn two_messages_for_one_recipient_have_nothing_in_common() {
    for suite in all_suites() {
        let recipient = suite.hpke_derive_key_pair(b"recipient").unwrap();
        let message = HpkeMessage { public: &recipient.public, plaintext: &[7; 32] };
        let sealed = suite.hpke_seal_many(INFO, &[message; 2], &mut seeded(1)).unwrap();
        assert_ne!(sealed[0].kem_output, sealed[1].kem_output);
        assert_ne!(sealed[0].ciphertext, sealed[1].ciphertext);
    }
}

#[test]
fn the_first_recipient_that_nothing_can_be_sealed_to_is_named() {
    for suite in all_suites() {
        let recipients = recipients(suite, 8);
        let bad = HpkePublicKey::from(vec![0; recipients[0].0.public.len()]);
        for positions in [vec![0], vec![3], vec![7], vec![5, 2, 6], vec![0, 1, 2, 3, 4, 5, 6, 7]] {
            let mut messages = messages(&recipients);
            for &position in &positions {
                messages[position].public = &bad;
            }
            let first = *positions.iter().min().unwrap();
            let sealed = suite.hpke_seal_many(INFO, &messages, &mut seeded(1));
            assert_eq!(sealed, Err((first, CryptoError::InvalidPublicKey)));
        }
    }
}
