//! Tests that the other libraries can process Pando's passive-client vectors.

use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use pando_mixed::member::Outcome;
use pando_mixed::replay::{Case, Passive, mls_rs, openmls};
use std::fs;
use std::path::Path;

/// Replays the cases whose cipher suites a library supports. Returns these cipher suites.
fn replay(has: impl Fn(u16) -> bool, join: impl Fn(&Case) -> Outcome<Box<dyn Passive>>) -> Vec<u16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-vectors/passive-client.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut suites = Vec::new();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| has(case.cipher_suite)) {
        let done = join(case).and_then(|client| case.replay(client));
        if let Err(refusal) = done {
            panic!("case {number}, suite {}: {refusal}", case.cipher_suite);
        }
        suites.push(case.cipher_suite);
    }
    suites.sort_unstable();
    suites.dedup();
    suites
}

#[test]
fn openmls_follows() {
    assert_eq!(replay(openmls::has, openmls::join), [1, 2, 3]);
}

#[test]
fn mls_rs_follows() {
    let provider = RustCryptoProvider::new();
    let suites = replay(|suite| mls_rs::has(&provider, suite), |case| mls_rs::join(provider.clone(), case));
    assert_eq!(suites, [1, 2, 3, 7]);
}

#[test]
fn mls_rs_follows_with_aws_lc() {
    let provider = AwsLcCryptoProvider::new();
    let suites = replay(|suite| mls_rs::has(&provider, suite), |case| mls_rs::join(provider.clone(), case));
    assert_eq!(suites, [1, 2, 3, 5, 7]);
}
