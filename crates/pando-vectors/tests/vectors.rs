//! Verifies the official test vectors, our own, and those of other implementations. Also tests that
//! the verification detects errors. The negative vectors have tests of their own.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_crypto::RustCrypto;
use pando_vectors::{InputError, Kind, Report, generate, verify};
use serde_json::Value;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The seed of the committed files, which `pando vectors generate --out test-vectors` writes.
const SEED: u64 = 0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the official kinds of test vectors.
fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Negative)
}

fn committed(kind: Kind) -> PathBuf {
    root().join("test-vectors").join(format!("{kind}.json"))
}

/// Returns the folder of the official test vector files: the value of `PANDO_TEST_VECTORS`, or a
/// folder next to the project.
fn official() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("PANDO_TEST_VECTORS") {
        let folder = PathBuf::from(folder);
        assert!(folder.is_dir(), "PANDO_TEST_VECTORS is {}, which is not a folder", folder.display());
        return Some(folder);
    }
    let folder = root().join("../shared/test-vectors/official");
    folder.is_dir().then_some(folder)
}

fn check(kind: Kind, path: &Path) -> Report {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let report = verify(kind, &RustCrypto, &text, &mut |_, _| {}).unwrap();
    assert_eq!(report.failures, [], "{}", path.display());
    assert_eq!(report.skipped, 0);
    assert!(report.passed > 0);
    report
}

#[test]
fn the_official_files() {
    let Some(folder) = official() else {
        println!("No official vectors found; verifying the committed ones instead.");
        kinds().for_each(|kind| drop(check(kind, &committed(kind))));
        return;
    };
    for (kind, cases) in [
        (Kind::CryptoBasics, 7),
        (Kind::Deserialization, 14),
        (Kind::KeySchedule, 7),
        (Kind::MessageProtection, 7),
        (Kind::Messages, 300),
        (Kind::PskSecret, 77),
        (Kind::SecretTree, 21),
        (Kind::TranscriptHashes, 7),
        (Kind::TreeKem, 77),
        (Kind::TreeMath, 10),
        (Kind::TreeOperations, 5),
        (Kind::TreeValidation, 98),
        (Kind::Welcome, 7),
    ] {
        let report = check(kind, &folder.join(format!("{kind}.json")));
        assert_eq!(report.passed, cases, "{kind}");
    }
    for (name, cases) in [("handling-commit", 91), ("random", 1), ("welcome", 56)] {
        let report = check(Kind::PassiveClient, &folder.join(format!("passive-client-{name}.json")));
        assert_eq!(report.passed, cases, "{name}");
    }
}

/// Verifies files of other implementations, such as recorded traces. The files are in the folder
/// `others` next to the folder of the official files.
#[test]
fn the_files_of_other_implementations() {
    let others = official().map(|folder| folder.join("../others")).filter(|folder| folder.is_dir());
    let Some(folder) = others else {
        println!("No files of other implementations found.");
        return;
    };
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.file_stem().and_then(|name| Kind::of_file(name.to_str()?));
        check(kind.unwrap_or_else(|| panic!("{}: not a kind of test vectors", path.display())), &path);
    }
}

/// Verifies the test vectors with AWS-LC, which does not support all cipher suites. Uses the
/// official files if they exist, and the committed files otherwise.
#[cfg(feature = "aws-lc")]
#[test]
fn the_files_hold_on_aws_lc() {
    let folder = official().unwrap_or_else(|| root().join("test-vectors"));
    let mut skipped_suites = BTreeSet::new();
    let mut passed = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(kind) = path.file_stem().and_then(|name| Kind::of_file(name.to_str()?)) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let report = verify(kind, &pando_crypto::AwsLc, &text, &mut |_, _| {}).unwrap();
        assert_eq!(report.failures, [], "{}", path.display());
        passed += report.passed;
        skipped_suites.extend(report.skipped_suites);
    }
    assert!(passed > 0);
    // AWS-LC supports neither X448 nor Ed448, so it skips cipher suites 4 and 6.
    assert_eq!(skipped_suites, BTreeSet::from([4, 6]));
}

#[test]
fn the_committed_files_are_what_is_generated() {
    for kind in kinds() {
        check(kind, &committed(kind));
        let text = fs::read_to_string(committed(kind)).unwrap();
        // `assert_eq!` would print both files in full.
        assert!(generate(kind, None, SEED).unwrap() == text, "{kind} is out of date");
    }
}

#[test]
fn another_seed_gives_other_files_that_hold_too() {
    for kind in kinds() {
        let text = generate(kind, None, 1).unwrap();
        let report = verify(kind, &RustCrypto, &text, &mut |_, _| {}).unwrap();
        assert_eq!((report.failures, report.skipped), (vec![], 0));
        let has_no_randomness = matches!(kind, Kind::TreeMath | Kind::Deserialization);
        assert_eq!(text == generate(kind, None, SEED).unwrap(), has_no_randomness, "{kind}");
    }
}

#[test]
fn a_suite_alone_gives_the_same_cases_as_among_all() {
    let cases = |suite| -> Vec<Value> {
        serde_json::from_str(&generate(Kind::CryptoBasics, suite, SEED).unwrap()).unwrap()
    };
    let all = cases(None);
    assert_eq!(all.len(), 7);
    for (suite, case) in (1..).zip(&all) {
        assert_eq!(cases(Some(suite)), std::slice::from_ref(case));
    }
    assert!(generate(Kind::CryptoBasics, Some(8), SEED).is_err());
}

/// Calls `change` on every nested value that is a hexadecimal string.
fn hex_strings(value: &mut Value, path: &str, change: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                hex_strings(value, &format!("{path}[{index}]"), change);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                hex_strings(value, &format!("{path}.{name}"), change);
            }
        }
        Value::String(text) if !text.is_empty() && text.chars().all(|digit| digit.is_ascii_hexdigit()) => {
            change(path, text);
        }
        _ => {}
    }
}

fn strings_in(case: &Value) -> usize {
    let mut count = 0;
    hex_strings(&mut case.clone(), "", &mut |_, _| count += 1);
    count
}

/// Flips the lowest bit of the string with the index `target` and returns the path of that string.
fn tamper(case: &mut Value, target: usize) -> String {
    let (mut index, mut place) = (0, String::new());
    hex_strings(case, "", &mut |path, text| {
        if index == target {
            let digit = text.pop().unwrap().to_digit(16).unwrap();
            text.push(char::from_digit(digit ^ 1, 16).unwrap());
            place = path.to_owned();
        }
        index += 1;
    });
    place
}

#[test]
fn every_changed_field_is_noticed() {
    for kind in [
        Kind::CryptoBasics,
        Kind::SecretTree,
        Kind::MessageProtection,
        Kind::KeySchedule,
        Kind::PassiveClient,
        Kind::PskSecret,
        Kind::TranscriptHashes,
        Kind::TreeKem,
        Kind::TreeOperations,
        Kind::TreeValidation,
        Kind::Welcome,
    ] {
        for suite in [1, 2, 4] {
            let cases: Vec<Value> =
                serde_json::from_str(&generate(kind, Some(suite), SEED).unwrap()).unwrap();
            let case = cases.last().unwrap();
            // Change a sample of at most 60 strings per test case.
            let step = strings_in(case).div_ceil(60);
            for target in (0..strings_in(case)).step_by(step) {
                let mut changed = case.clone();
                let place = tamper(&mut changed, target);
                let text = Value::Array(vec![changed]).to_string();
                let report = verify(kind, &RustCrypto, &text, &mut |_, _| {}).unwrap();
                assert_eq!(report.failures.len(), 1, "{kind}, cipher suite {suite}: {place}");
            }
        }
    }
}

#[test]
fn encodings_with_trailing_bytes_are_noticed() {
    let cases: Vec<Value> = serde_json::from_str(&generate(Kind::Messages, None, SEED).unwrap()).unwrap();
    for target in 0..strings_in(&cases[0]) {
        let mut changed = cases[0].clone();
        let mut index = 0;
        hex_strings(&mut changed, "", &mut |_, text| {
            if index == target {
                text.push_str("00");
            }
            index += 1;
        });
        let report =
            verify(Kind::Messages, &RustCrypto, &Value::Array(vec![changed]).to_string(), &mut |_, _| {});
        assert_eq!(report.unwrap().failures.len(), 1);
    }
}

#[test]
fn wrong_numbers_are_noticed() {
    for (kind, changes) in [
        (
            Kind::TreeMath,
            &[("/0/root", 1), ("/1/n_nodes", 4), ("/2/left/3", 2), ("/2/right/3", 6), ("/2/parent/0", 3)][..],
        ),
        (Kind::TreeMath, &[("/2/sibling/0", 4), ("/2/n_leaves", 3), ("/2/n_leaves", 0)]),
        (Kind::Deserialization, &[("/3/length", 62), ("/3/length", 64), ("/0/length", 0x7fff_ffff)]),
        // Deriving that many keys would exhaust the memory, so the verification must reject the
        // generation.
        (Kind::SecretTree, &[("/0/leaves/0/0/generation", 1), ("/0/leaves/0/2/generation", u32::MAX)]),
    ] {
        for (pointer, number) in changes {
            let mut cases: Value = serde_json::from_str(&generate(kind, None, SEED).unwrap()).unwrap();
            *cases.pointer_mut(pointer).unwrap() = (*number).into();
            let report = verify(kind, &RustCrypto, &cases.to_string(), &mut |_, _| {}).unwrap();
            assert_eq!(report.failures.len(), 1, "{pointer}");
        }
    }
}

#[test]
fn a_case_that_says_nothing_is_noticed() {
    for (kind, pointer) in [
        (Kind::KeySchedule, "/0/epochs"),
        (Kind::SecretTree, "/0/leaves"),
        (Kind::SecretTree, "/0/leaves/0"),
        (Kind::TreeKem, "/0/update_paths"),
        (Kind::TreeKem, "/0/update_paths/0/path_secrets"),
    ] {
        let text = generate(kind, Some(1), SEED).unwrap();
        let mut cases: Value = serde_json::from_str(&text).unwrap();
        *cases.pointer_mut(pointer).unwrap() = Value::Array(vec![]);
        let report = verify(kind, &RustCrypto, &cases.to_string(), &mut |_, _| {}).unwrap();
        assert_eq!(report.failures.len(), 1, "{pointer}");
    }
}

/// Each member must have a decrypted path secret in the test case, even if the tree has more leaves
/// than members.
#[test]
fn a_path_secret_that_is_not_there_is_noticed() {
    let text = generate(Kind::TreeKem, Some(1), SEED).unwrap();
    let mut cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let paths = cases.last_mut().unwrap().pointer_mut("/update_paths").unwrap().as_array_mut().unwrap();
    assert_eq!(
        paths[0]["path_secrets"].as_array_mut().unwrap().pop().map(|last| last.is_string()),
        Some(true)
    );
    let report = verify(Kind::TreeKem, &RustCrypto, &Value::from(cases).to_string(), &mut |_, _| {});
    assert_eq!(report.unwrap().failures.len(), 1);
}

#[test]
fn a_cipher_suite_that_nobody_knows_is_skipped() {
    let text = generate(Kind::PskSecret, Some(1), SEED).unwrap();
    let text = text.replace("\"cipher_suite\": 1", "\"cipher_suite\": 2570");
    let report = verify(Kind::PskSecret, &RustCrypto, &text, &mut |_, _| {}).unwrap();
    assert_eq!((report.passed, report.failures.len()), (0, 0));
    assert!(report.skipped > 0);
    assert_eq!(report.skipped_suites, BTreeSet::from([2_570]));
}

#[test]
fn what_is_not_of_the_kind_is_an_error_that_names_the_case() {
    let attempt = |text: &str| verify(Kind::PskSecret, &RustCrypto, text, &mut |_, _| {}).unwrap_err();
    for text in ["", "{", "{}", "17"] {
        assert!(matches!(attempt(text), InputError::NotAnArray(_)), "{text}");
    }
    let good = r#"{"cipher_suite": 1, "psks": [], "psk_secret": "00"}"#;
    for (bad, message) in [
        ("17", "invalid type"),
        (r#"{"cipher_suite": 1, "psks": []}"#, "missing field `psk_secret`"),
        (r#"{"cipher_suite": 70000, "psks": [], "psk_secret": "00"}"#, "70000"),
        (r#"{"cipher_suite": 1, "psks": [], "psk_secret": "0g"}"#, "not hexadecimal"),
        (r#"{"cipher_suite": 1, "psks": [], "psk_secret": "000"}"#, "not hexadecimal"),
    ] {
        let error = attempt(&format!("[{good}, {bad}]"));
        assert!(matches!(error, InputError::WrongCase { case: 1, kind: Kind::PskSecret, .. }));
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn progress_goes_from_nothing_to_all() {
    let text = generate(Kind::PskSecret, Some(1), SEED).unwrap();
    let mut seen = Vec::new();
    verify(Kind::PskSecret, &RustCrypto, &text, &mut |done, of| seen.push((done, of))).unwrap();
    assert_eq!(seen, [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]);
}
