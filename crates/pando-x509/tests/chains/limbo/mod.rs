//! The public test cases of x509-limbo, as far as they are about the signature schemes of MLS.
//!
//! x509-limbo (<https://github.com/C2SP/x509-limbo>) collects chains with the result that a
//! validator should give. Its file is not part of this project, so there are two tests. One
//! generates the cases here, with the original names. The other runs the file itself if the
//! environment variable `PANDO_X509_LIMBO` names it. [`deviations`] lists every case for which the
//! policy gives another result, with the reason. Both tests fail if the list is incomplete or has
//! too many cases.
//!
//! x509-limbo gives a validator a set of certificates, but the policy takes chains in order. So the
//! [`runner`] tries the chains that the set allows. The expected name of a case must be one of the
//! names of the identity.

mod cases;
mod deviations;
mod format;
mod runner;

use deviations::{DEVIATIONS, deviation};
use format::{Expected, Limbo, Testcase};
use runner::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// The number of cases with each result.
#[derive(Debug, Default, PartialEq)]
struct Report {
    as_expected: usize,
    deviating: usize,
    skipped: BTreeMap<&'static str, usize>,
    /// Cases with another result than x509-limbo and the list of deviations expect.
    wrong: Vec<String>,
}

fn report(limbo: &Limbo) -> Report {
    let mut report = Report::default();
    for case in &limbo.testcases {
        let listed = deviation(&case.id);
        let result = match runner::run(case) {
            Outcome::Skipped(reason) => {
                *report.skipped.entry(reason).or_default() += 1;
                continue;
            }
            Outcome::Accepted => Expected::Success,
            Outcome::Refused => Expected::Failure,
        };
        match (result == case.expected_result, listed) {
            (true, None) => report.as_expected += 1,
            (false, Some(listed)) if listed.expected == case.expected_result => report.deviating += 1,
            _ => report.wrong.push(format!("{}: expected {:?}", case.id, case.expected_result)),
        }
    }
    report
}

fn generated() -> Limbo {
    Limbo { version: 1, testcases: cases::all() }
}

#[test]
fn generated_cases() {
    let limbo = generated();
    let ids: BTreeSet<_> = limbo.testcases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), limbo.testcases.len(), "a case is there twice");
    let expected = Report { as_expected: 126, deviating: 41, ..Report::default() };
    assert_eq!(report(&limbo), expected);
    let accepted = limbo.testcases.iter().filter(|case| runner::run(case) == Outcome::Accepted);
    assert_eq!(accepted.count(), 57);
}

#[test]
fn deviations_have_a_reason() {
    let ids: Vec<_> = DEVIATIONS.iter().flat_map(|deviation| deviation.cases).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "a case is there twice");
    assert!(DEVIATIONS.iter().all(|deviation| !deviation.reason.is_empty()));
    // All other cases are generated.
    let generated: BTreeSet<_> = generated().testcases.into_iter().map(|case| case.id).collect();
    let others: Vec<_> = ids.into_iter().filter(|id| !generated.contains(**id)).collect();
    assert_eq!(
        others,
        [
            &"rfc5280::nc::nc-permits-email-literal-double-asterisk",
            &"rfc5280::nc::nc-permits-email-literal-mid-asterisk",
            &"webpki::cn::ipv4-leading-zeros-mismatch",
            &"webpki::cn::ipv6-uncompressed-mismatch",
            &"webpki::cn::ipv6-non-rfc5952-mismatch",
            &"webpki::cn::utf8-vs-punycode-mismatch",
        ]
    );
}

fn run_file(text: &str) -> Report {
    let limbo: Limbo = serde_json::from_str(text).unwrap();
    assert_eq!(limbo.version, 1);
    report(&limbo)
}

/// The generated cases as a file, with cases that are skipped and with fields that are ignored.
#[test]
fn a_file_of_cases() {
    let mut limbo = generated();
    let text = serde_json::to_string(&limbo).unwrap();
    assert_eq!(serde_json::from_str::<Limbo>(&text).unwrap().testcases, limbo.testcases);
    let of_all = report(&limbo);
    assert_eq!(run_file(&text), of_all);

    let case = limbo.testcases.iter().find(|case| case.id == "rfc5280::no-keyusage").unwrap().clone();
    let foreign = {
        let root =
            crate::pki::Template::authority("root").key_algorithm("1.2.840.113549.1.1.1").self_signed();
        vec![format::Pem::new(&root.der)]
    };
    let skipped = [
        Testcase { id: "bettertls::pathbuilding::tc1".into(), ..case.clone() },
        Testcase { id: "crl::one".into(), crls: vec!["?".into()], ..case.clone() },
        Testcase { id: "one".into(), key_usage: vec!["keyAgreement".into()], ..case.clone() },
        Testcase { id: "two".into(), signature_algorithms: vec!["RSASSA_PSS".into()], ..case.clone() },
        Testcase { id: "three".into(), trusted_certs: foreign, ..case.clone() },
    ];
    limbo.testcases.extend(skipped);
    let with_skipped = run_file(&serde_json::to_string(&limbo).unwrap());
    let counts: Vec<_> = with_skipped.skipped.values().copied().collect();
    assert_eq!(counts, [1, 1, 2, 1], "{with_skipped:?}");
    assert_eq!(Report { skipped: BTreeMap::new(), ..with_skipped }, of_all);

    // A file without the fields that have defaults, and with other fields.
    let mut value = serde_json::to_value(Limbo { version: 1, testcases: vec![case.clone()] }).unwrap();
    let fields = value["testcases"][0].as_object_mut().unwrap();
    fields.remove("max_chain_depth");
    fields.remove("crls");
    fields.insert("description".into(), "A case.".into());
    assert_eq!(run_file(&value.to_string()), Report { as_expected: 1, ..Report::default() });
}

/// A wrong result must not pass, and neither may a deviation that is not one.
#[test]
fn wrong_results_are_reported() {
    let limbo = generated();
    let turned = |case: &Testcase| {
        let expected_result = match case.expected_result {
            Expected::Success => Expected::Failure,
            Expected::Failure => Expected::Success,
        };
        Testcase { expected_result, ..case.clone() }
    };
    let all = limbo.testcases.len();
    let turned = Limbo { version: 1, testcases: limbo.testcases.iter().map(turned).collect() };
    let report = report(&turned);
    assert_eq!((report.as_expected, report.deviating, report.wrong.len()), (0, 0, all));
}

/// Runs all cases of the x509-limbo file that `PANDO_X509_LIMBO` names.
#[test]
fn the_public_cases() {
    let Some(path) = std::env::var_os("PANDO_X509_LIMBO") else { return };
    let report = run_file(&std::fs::read_to_string(path).unwrap());
    println!("{report:#?}");
    assert_eq!(report.wrong, Vec::<String>::new());
    assert!(report.as_expected >= 100, "this is not the whole file");
    assert!(report.deviating >= 40, "this is not the whole file");
}
