//! Tests of the negative vectors. The committed files are up to date and valid, they cover every
//! rule that a message can violate, and the verification detects cases with wrong expectations.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use pando_crypto::{CryptoProvider, RustCrypto};
use pando_group::Violation;
use pando_vectors::{Kind, Report, generate, verify};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The seed of the committed files, which `pando vectors generate --out test-vectors` writes.
const SEED: u64 = 0;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/negative")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn committed(suite: u16) -> String {
    read(&format!("negative-{suite}.json"))
}

fn check(crypto: &dyn CryptoProvider, text: &str) -> Report {
    verify(Kind::Negative, crypto, text, &mut |_, _| {}).unwrap()
}

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// Verifies a single test case that must fail. Returns the field and the reason for its failure.
fn failure(case: &Value) -> (String, String) {
    let report = check(&RustCrypto, &Value::Array(vec![case.clone()]).to_string());
    assert_eq!(report.failures.len(), 1, "the case holds: {}", case["description"]);
    let failure = report.failures[0].clone();
    (failure.field, failure.reason)
}

#[test]
fn the_committed_files_are_what_is_generated_and_hold() {
    for suite in 1..=7 {
        let text = committed(suite);
        let generated = generate(Kind::Negative, Some(suite), SEED).unwrap();
        // `assert_eq!` would print both files in full.
        assert!(generated == text, "negative-{suite}.json is out of date");
        let report = check(&RustCrypto, &text);
        assert_eq!((report.failures, report.skipped), (vec![], 0));
        assert_eq!(report.passed, cases(&text).len());
    }
}

#[test]
fn another_seed_gives_other_cases_that_hold_too() {
    let text = generate(Kind::Negative, Some(3), 1).unwrap();
    assert!(text != committed(3));
    assert_eq!(check(&RustCrypto, &text).failures, []);
}

#[test]
fn every_suite_has_cases() {
    for suite in 1..=7 {
        let cases = cases(&committed(suite));
        assert!(cases.iter().all(|case| case["cipher_suite"] == suite));
        assert!(cases.len() >= 20);
    }
}

/// Every test case refers to a section that docs/conformance lists as implemented.
#[test]
fn every_section_is_one_whose_rules_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    let texts: String = texts.map(|path| fs::read_to_string(path).unwrap()).collect();
    let entries = texts.lines().filter_map(|line| {
        let (kind, rest) = line.split_once(' ')?;
        let (section, _) = rest.split_once(' ')?;
        matches!(kind, "MUST" | "SHOULD").then_some(section)
    });
    let kept: BTreeSet<&str> = entries.collect();
    for case in cases(&committed(1)) {
        assert!(kept.contains(case["section"].as_str().unwrap()), "{}: {}", case["rule"], case["section"]);
    }
}

/// No two test cases have the same rule and the same description.
#[test]
fn no_two_cases_are_alike() {
    let cases = cases(&committed(1));
    let mut seen = BTreeSet::new();
    assert!(cases.iter().all(|case| seen.insert((case["rule"].as_str(), case["description"].as_str()))));
}

#[cfg(feature = "aws-lc")]
#[test]
fn the_files_hold_on_aws_lc() {
    for suite in [1, 2, 5] {
        let report = check(&pando_crypto::AwsLc, &committed(suite));
        assert_eq!((report.failures, report.skipped), (vec![], 0));
    }
}

/// Each `Violation` has a test case, or the README gives a reason why it has none.
#[test]
fn every_rule_has_a_case_or_a_reason() {
    let readme = read("README.md");
    let (_, list) = readme.split_once("## Rules without a case").unwrap();
    let rows =
        list.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let without: BTreeMap<&str, &str> = rows.collect();
    assert!(without.values().all(|reason| reason.len() > 20));
    for suite in [1, 2, 3] {
        let cases = cases(&committed(suite));
        let with: BTreeSet<&str> = cases.iter().map(|case| case["rule"].as_str().unwrap()).collect();
        for (name, section) in Violation::ALL {
            let rule = format!("Violation::{name}");
            let listed = without.contains_key(&*rule);
            assert!(with.contains(&*rule) != listed, "{rule}, cipher suite {suite}");
            let of_rule = cases.iter().filter(|case| case["rule"] == *rule);
            of_rule.for_each(|case| assert_eq!(case["section"], **section, "{rule}"));
        }
        for rule in without.keys() {
            let name = rule.strip_prefix("Violation::").unwrap();
            assert!(Violation::ALL.iter().any(|(known, _)| *known == name), "{rule} is not a rule");
        }
    }
}

/// Swapping the two message sequences of a case makes it fail, and so does an accepted sequence in
/// place of the rejected one.
#[test]
fn a_case_the_wrong_way_round_is_noticed() {
    for case in cases(&committed(1)) {
        let mut swapped = case.clone();
        (swapped["accept"], swapped["reject"]) = (case["reject"].clone(), case["accept"].clone());
        let (field, _) = failure(&swapped);
        assert!(field.starts_with("accept"), "{field}: {}", case["description"]);

        let mut harmless = case.clone();
        harmless["reject"] = case["accept"].clone();
        assert_eq!(failure(&harmless), ("reject".into(), "nothing was refused".into()));
    }
}

#[test]
fn wrong_expectations_are_noticed() {
    let all = cases(&committed(1));
    let case = |rule: &str| all.iter().find(|case| case["rule"] == rule).unwrap().clone();
    let path_required = case("Violation::PathRequired");

    let mut other_rule = path_required.clone();
    (other_rule["rule"], other_rule["section"]) = ("Violation::ConfirmationTag".into(), "6.1".into());
    let (field, reason) = failure(&other_rule);
    assert_eq!(field, "reject[0]");
    assert!(reason.starts_with("refused because of Violation::PathRequired: "), "{reason}");

    let mut no_rule = path_required.clone();
    no_rule["rule"] = "Violation::Unheard".into();
    assert_eq!(failure(&no_rule).0, "rule");

    let mut elsewhere = path_required.clone();
    elsewhere["section"] = "12.5".into();
    assert_eq!(failure(&elsewhere).0, "section");

    let mut disagreeing = path_required.clone();
    disagreeing["epoch_authenticator"] = "00".repeat(32).into();
    assert_eq!(failure(&disagreeing).0, "epoch_authenticator");

    let mut nothing = path_required.clone();
    nothing["reject"] = Value::Array(vec![]);
    assert_eq!(failure(&nothing).0, "reject");

    let mut homeless = path_required;
    homeless["given"] = Value::Array(vec![]);
    assert_eq!(failure(&homeless).0, "accept[0]");
}
