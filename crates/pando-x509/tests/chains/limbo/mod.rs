//! Tests with the public cases of x509-limbo that use only the signature schemes of MLS.
//!
//! The project x509-limbo (<https://github.com/C2SP/x509-limbo>) collects certificate chains, each
//! with the result that a validator should return. The project's file of cases is not part of this
//! repository, so there are two tests. One test generates the cases, with their original names. The
//! other test runs the file itself if the environment variable `PANDO_X509_LIMBO` contains its
//! path. The module [`deviations`] lists every case for which the policy returns a different
//! result, together with the reason. Both tests fail if that list is incomplete or contains a case
//! that does not deviate.
//!
//! In x509-limbo, a validator receives a set of certificates, whereas the policy expects an ordered
//! chain. Therefore the [`runner`] tries the chains that can be built from the set. The expected
//! name of a case must be one of the names of the identity.

mod cases;
mod deviations;
mod format;
mod runner;

use deviations::{DEVIATIONS, deviation};
use format::{Expected, Limbo, Testcase};
use runner::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// The numbers of cases with each result.
#[derive(Debug, Default, PartialEq)]
struct Report {
    as_expected: usize,
    deviating: usize,
    skipped: BTreeMap<&'static str, usize>,
    /// The cases whose result contradicts both x509-limbo and the list of deviations.
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
    // All deviating cases except the following ones are generated.
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

/// The test runs the generated cases as a file, adding cases that are skipped and fields that are
/// ignored.
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

    // Run a file that omits the fields with defaults and contains an unknown field.
    let mut value = serde_json::to_value(Limbo { version: 1, testcases: vec![case.clone()] }).unwrap();
    let fields = value["testcases"][0].as_object_mut().unwrap();
    fields.remove("max_chain_depth");
    fields.remove("crls");
    fields.insert("description".into(), "A case.".into());
    assert_eq!(run_file(&value.to_string()), Report { as_expected: 1, ..Report::default() });
}

/// A wrong result must be reported, and so must a listed deviation that does not occur.
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
