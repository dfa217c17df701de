//! Tests that verifying a batch of Ed25519 signatures gives the same result as verifying them one
//! by one.

use super::ed25519_criterion::{Point, Signed, TestSignature, cases};
use super::seeded;
use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ed25519::{Ed25519, batch_holds};
use crate::{CryptoError, SignedMessage};
use curve25519_dalek::Scalar;
use pando_wire::Signature;
use rand_core::Rng;

fn honest(count: usize) -> Vec<Signed> {
    let mut rng = seeded(1);
    (0..count)
        .map(|number| {
            let signer = Ed25519::signer(&Ed25519::generate(&mut rng).unwrap()).unwrap();
            let message = vec![number as u8; number % 50];
            let signature = signer.sign(&message).unwrap();
            Signed { public: signer.public_key().clone(), message, signature }
        })
        .collect()
}

fn verify_batch(batch: &[Signed]) -> Result<(), (usize, CryptoError)> {
    let messages: Vec<SignedMessage<'_>> = batch.iter().map(Signed::as_message).collect();
    let verdict = Ed25519::verify_batch(&messages);
    #[cfg(feature = "aws-lc")]
    assert_eq!(crate::aws_lc::ed25519::Ed25519::verify_batch(&messages), verdict);
    verdict
}

/// Returns the result of verifying the signatures of a batch one by one.
fn one_by_one(batch: &[Signed]) -> Result<(), (usize, CryptoError)> {
    batch
        .iter()
        .enumerate()
        .try_for_each(|(position, signed)| signed.verify().map_err(|error| (position, error)))
}

#[test]
fn an_empty_batch_is_accepted() {
    assert_eq!(verify_batch(&[]), Ok(()));
}

#[test]
fn honest_batches_of_any_length_are_accepted() {
    let honest = honest(200);
    for len in 1..=honest.len() {
        assert_eq!(verify_batch(&honest[..len]), Ok(()), "{len}");
    }
}

#[test]
fn one_signature_may_be_there_many_times() {
    let honest = honest(1);
    assert_eq!(verify_batch(&vec![honest[0].clone(); 10]), Ok(()));
}

#[test]
fn a_bad_signature_is_found_at_its_position() {
    for len in (1..=12).chain([64, 200]) {
        let mut batch = honest(len);
        for position in 0..len {
            let good = batch[position].clone();
            batch[position].message.push(0);
            assert_eq!(verify_batch(&batch), Err((position, CryptoError::InvalidSignature)), "{len}");
            batch[position] = good;
        }
        assert_eq!(verify_batch(&batch), Ok(()));
    }
}

/// Tests a batch that is split into parts for several threads, with bad signatures near the
/// boundaries of the parts.
#[test]
fn bad_signatures_are_found_at_their_positions_in_large_batches() {
    let honest = honest(64);
    let mut batch: Vec<Signed> = honest.iter().cycle().take(3_000).cloned().collect();
    assert_eq!(verify_batch(&batch), Ok(()));
    // Go from the last position to the first, so the first bad signature is always the one that was
    // just changed.
    for position in [2_999, 2_047, 1_024, 1_023, 600, 511, 256, 255, 0] {
        batch[position].message.push(0);
        assert_eq!(verify_batch(&batch), Err((position, CryptoError::InvalidSignature)));
    }
}

#[test]
fn the_first_of_several_bad_signatures_is_reported() {
    let mut batch = honest(16);
    batch[11].message.push(0);
    batch[7].signature = Signature::from(vec![0xff; 64]);
    batch[13].public = vec![0; 32].into();
    assert_eq!(verify_batch(&batch), Err((7, CryptoError::InvalidSignature)));
    batch[3].public = vec![0; 31].into();
    assert_eq!(verify_batch(&batch), Err((3, CryptoError::InvalidPublicKey)));
    batch[2].signature = Signature::from(vec![0; 63]);
    assert_eq!(verify_batch(&batch), Err((2, CryptoError::InvalidSignature)));
}

#[test]
fn each_of_the_twelve_cases_gets_its_verdict_in_a_batch() {
    for len in [4, 5, 8, 16, 33, 64] {
        for case in cases() {
            for position in [0, 1, len / 2, len - 1] {
                let mut batch = honest(len);
                batch[position] = case.test_signature.signed();
                let verdict = case.verdict.clone().map_err(|error| (position, error));
                assert_eq!(verify_batch(&batch), verdict, "case {} at {position} of {len}", case.number);
            }
        }
    }
}

#[test]
fn a_batch_of_all_acceptable_cases_is_accepted() {
    let acceptable: Vec<Signed> =
        cases().iter().filter(|case| case.verdict.is_ok()).map(|case| case.test_signature.signed()).collect();
    assert_eq!(acceptable.len(), 4);
    for times in 1..6 {
        assert_eq!(verify_batch(&vec![acceptable.clone(); times].concat()), Ok(()));
    }
}

/// This test uses the equation of the batch alone. If a batch fails, its signatures are verified
/// one by one, so an equation that is too strict would remain undetected and only cause a slowdown.
#[test]
fn the_equation_of_the_batch_has_the_same_verdict_by_itself() {
    let holds = |batch: &[Signed]| batch_holds(&batch.iter().map(Signed::as_message).collect::<Vec<_>>());
    assert_eq!(holds(&[]), Some(true));
    let good = honest(8);
    assert_eq!(holds(&good), Some(true));
    for case in cases() {
        // Test the signature also as a batch of one, because the equation must work for any length.
        let (mut batch, alone) = (good.clone(), [case.test_signature.signed()]);
        batch[3] = case.test_signature.signed();
        // All rejected cases have an invalid encoding or an invalid key, so they do not reach the
        // equation.
        let expected = case.verdict.is_ok().then_some(true);
        assert_eq!(holds(&batch), expected, "case {}", case.number);
        assert_eq!(holds(&alone), expected, "case {}", case.number);
    }
    for position in 0..good.len() {
        let mut batch = good.clone();
        batch[position].message.push(0);
        assert_eq!(holds(&batch), Some(false));
    }
}

/// Without the cofactor, such signatures would be rejected one by one, but accepted in a batch if
/// their components of small order cancel out. Two members could then disagree.
#[test]
fn parts_of_small_order_change_nothing_whether_they_cancel_out_or_not() {
    for first in 0..8 {
        for second in 0..8 {
            let mut batch = honest(6);
            batch[1] = TestSignature::any(Point::large(5, 0), Point::large(6, first)).signed();
            batch[4] = TestSignature::any(Point::large(7, 0), Point::large(8, second)).signed();
            assert_eq!(one_by_one(&batch), Ok(()));
            assert_eq!(verify_batch(&batch), Ok(()), "{first} and {second} in R");

            batch[1] = TestSignature::any(Point::large(5, first), Point::large(6, 0)).signed();
            batch[4] = TestSignature::any(Point::large(7, second), Point::large(8, second)).signed();
            assert_eq!(one_by_one(&batch), Ok(()));
            assert_eq!(verify_batch(&batch), Ok(()), "{first} and {second} in A");
        }
    }
}

/// If the equations were added without random coefficients, the errors of two signatures could
/// cancel out.
#[test]
fn two_wrongs_do_not_make_a_right() {
    let add = |signed: &mut Signed, number: Scalar| {
        let s = Scalar::from_canonical_bytes(signed.signature[32..].try_into().unwrap()).unwrap();
        let s = (s + number).to_bytes();
        signed.signature = Signature::from([&signed.signature[..32], s.as_slice()].concat());
    };
    for number in [1_u8, 8, 200].map(Scalar::from) {
        let mut batch = honest(8);
        add(&mut batch[2], number);
        add(&mut batch[5], -number);
        assert_eq!(verify_batch(&batch), Err((2, CryptoError::InvalidSignature)));
        add(&mut batch[2], -number);
        assert_eq!(verify_batch(&batch), Err((5, CryptoError::InvalidSignature)));
        add(&mut batch[5], number);
        assert_eq!(verify_batch(&batch), Ok(()));
    }

    // Swapping the signatures of two messages must not make their errors cancel out.
    let mut batch = honest(8);
    let signature = batch[2].signature.clone();
    batch[2].signature = batch[5].signature.clone();
    batch[5].signature = signature;
    assert_eq!(verify_batch(&batch), Err((2, CryptoError::InvalidSignature)));
}

#[test]
fn random_mixtures_get_the_verdict_that_they_get_one_by_one() {
    let mut rng = seeded(2);
    let cases = cases();
    let honest = honest(64);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..300 {
        let len = 1 + rng.next_u32() as usize % 64;
        let mut batch = honest[..len].to_vec();
        for signed in &mut batch {
            match rng.next_u32() % 100 {
                0 => signed.message.push(1),
                1 => *signed = cases[rng.next_u32() as usize % cases.len()].test_signature.signed(),
                2..8 => *signed = cases[2 + rng.next_u32() as usize % 4].test_signature.signed(),
                _ => {}
            }
        }
        let verdict = one_by_one(&batch);
        *(if verdict.is_ok() { &mut accepted } else { &mut refused }) += 1;
        assert_eq!(verify_batch(&batch), verdict);
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}
