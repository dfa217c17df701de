//! Verifies and generates files of test cases.

use crate::kinds::{
    crypto_basics, deserialization, key_schedule, message_protection, messages, negative, passive_client,
    psk_secret, secret_tree, transcript_hashes, tree_math, tree_operations, tree_validation, treekem,
    welcome,
};
use crate::report::{Outcome, Problem};
use crate::{Failure, InputError, Kind, Report};
use pando_crypto::{CryptoProvider, RustCrypto, Suite};
use pando_wire::CipherSuite;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error;

/// Verifies a file of one kind, given as text, with the cipher suites of a crypto backend.
/// `progress` receives the number of finished test cases and the total number of test cases.
///
/// # Errors
/// Returns an [`InputError`] if the text is not a file of this kind. A well-formed test case that
/// does not hold is not an error: it is reported as a [`Failure`].
pub fn verify(
    kind: Kind,
    crypto: &dyn CryptoProvider,
    text: &str,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report, InputError> {
    let cases: Vec<Value> = serde_json::from_str(text).map_err(InputError::NotAnArray)?;
    match kind {
        Kind::TreeMath => run(kind, cases, |case: &tree_math::Case| case.verify(), progress),
        Kind::CryptoBasics => run(kind, cases, |case: &crypto_basics::Case| case.verify(crypto), progress),
        Kind::SecretTree => run(kind, cases, |case: &secret_tree::Case| case.verify(crypto), progress),
        Kind::MessageProtection => {
            run(kind, cases, |case: &message_protection::Case| case.verify(crypto), progress)
        }
        Kind::KeySchedule => run(kind, cases, |case: &key_schedule::Case| case.verify(crypto), progress),
        Kind::PskSecret => run(kind, cases, |case: &psk_secret::Case| case.verify(crypto), progress),
        Kind::TranscriptHashes => {
            run(kind, cases, |case: &transcript_hashes::Case| case.verify(crypto), progress)
        }
        Kind::Welcome => run(kind, cases, |case: &welcome::Case| case.verify(crypto), progress),
        Kind::Messages => run(kind, cases, |case: &messages::Case| case.verify(), progress),
        Kind::Deserialization => run(kind, cases, |case: &deserialization::Case| case.verify(), progress),
        Kind::TreeOperations => {
            run(kind, cases, |case: &tree_operations::Case| case.verify(crypto), progress)
        }
        Kind::TreeValidation => {
            run(kind, cases, |case: &tree_validation::Case| case.verify(crypto), progress)
        }
        Kind::TreeKem => run(kind, cases, |case: &treekem::Case| case.verify(crypto), progress),
        Kind::PassiveClient => run(kind, cases, |case: &passive_client::Case| case.verify(crypto), progress),
        Kind::Negative => run(kind, cases, |case: &negative::Case| case.verify(crypto), progress),
    }
}

fn run<T: DeserializeOwned>(
    kind: Kind,
    cases: Vec<Value>,
    verify: impl Fn(&T) -> Outcome,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Report, InputError> {
    let total = cases.len();
    let mut report = Report::default();
    for (position, case) in cases.into_iter().enumerate() {
        progress(position, total);
        let case = serde_json::from_value(case).map_err(|error| InputError::WrongCase {
            case: position,
            kind,
            error,
        })?;
        match verify(&case) {
            Ok(()) => report.passed = report.passed.saturating_add(1),
            Err(Problem::UnknownSuite(number)) => {
                report.skipped = report.skipped.saturating_add(1);
                let _ = report.skipped_suites.insert(number);
            }
            Err(Problem::Failed { field, reason }) => {
                report.failures.push(Failure { case: position, field, reason });
            }
        }
    }
    progress(total, total);
    Ok(report)
}

/// An error that occurred while a file was generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The cipher suite is unknown.
    #[error("unknown cipher suite {0}")]
    UnknownSuite(u16),
    /// A step of the generator failed.
    #[error(transparent)]
    Failed(#[from] Box<dyn Error>),
}

/// Generates a file of one kind, for one cipher suite or for all of them. The output depends only
/// on the arguments.
///
/// # Errors
/// Returns a [`GenerateError`] if the cipher suite does not exist.
pub fn generate(kind: Kind, cipher_suite: Option<u16>, seed: u64) -> Result<String, GenerateError> {
    let suites = match cipher_suite {
        None => CipherSuite::ALL.into_iter().filter_map(|id| RustCrypto.suite(id)).collect(),
        Some(number) => {
            vec![RustCrypto.suite(CipherSuite(number)).ok_or(GenerateError::UnknownSuite(number))?]
        }
    };
    match kind {
        Kind::TreeMath => write(&tree_math::generate()),
        Kind::Deserialization => write(&deserialization::generate()?),
        Kind::Messages => write(&messages::generate(&mut ChaCha20Rng::seed_from_u64(seed))?),
        Kind::CryptoBasics => per_suite(&suites, seed, crypto_basics::generate),
        Kind::SecretTree => per_suite(&suites, seed, secret_tree::generate),
        Kind::MessageProtection => per_suite(&suites, seed, message_protection::generate),
        Kind::KeySchedule => per_suite(&suites, seed, key_schedule::generate),
        Kind::PskSecret => per_suite(&suites, seed, psk_secret::generate),
        Kind::TranscriptHashes => per_suite(&suites, seed, transcript_hashes::generate),
        Kind::Welcome => per_suite(&suites, seed, welcome::generate),
        Kind::TreeOperations => per_suite(&suites, seed, tree_operations::generate),
        Kind::TreeValidation => per_suite(&suites, seed, tree_validation::generate),
        Kind::TreeKem => per_suite(&suites, seed, treekem::generate),
        Kind::PassiveClient => per_suite(&suites, seed, passive_client::generate),
        Kind::Negative => per_suite(&suites, seed, negative::generate),
    }
}

/// The test cases that a generator creates for one cipher suite.
pub(crate) type Generated<T> = Result<Vec<T>, Box<dyn Error>>;

fn per_suite<T: Serialize>(
    suites: &[Suite],
    seed: u64,
    generate: impl Fn(Suite, &mut ChaCha20Rng) -> Generated<T>,
) -> Result<String, GenerateError> {
    let mut cases = Vec::new();
    for &suite in suites {
        // Each suite has its own random number generator, so that its test cases do not depend on
        // which other suites are requested.
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        rng.set_stream(suite.cipher_suite().0.into());
        cases.extend(generate(suite, &mut rng)?);
    }
    write(&cases)
}

fn write<T: Serialize>(cases: &[T]) -> Result<String, GenerateError> {
    let mut text = serde_json::to_string_pretty(cases).map_err(|error| Box::new(error) as Box<dyn Error>)?;
    text.push('\n');
    Ok(text)
}
