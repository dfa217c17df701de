//! Each operation of docs/protocol.md succeeds in the recording (sections 5 to 15). An altered
//! request has no effect, unless it is named as valid.

use crate::outcome::outcome;
use crate::recorder::Altered;
use crate::requests::Wire;
use crate::specification::{operations, statuses};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// The statuses of the answers to requests that succeed.
const SUCCESSES: [(&str, &[u16]); 23] = [
    ("DELETE /inbox/{seq}", &[204]),
    ("GET /.well-known/pando", &[200]),
    ("GET /blobs/{digest}", &[200, 206]),
    ("GET /groups", &[200]),
    ("GET /groups/{group}/info", &[200]),
    ("GET /groups/{group}/log", &[200]),
    ("GET /groups/{group}/reports", &[200]),
    ("GET /groups/{group}/trees/{hash}", &[200, 206]),
    ("GET /healthz", &[200]),
    ("GET /inbox", &[200]),
    ("GET /key-packages", &[200]),
    ("POST /groups", &[201]),
    ("POST /groups/{group}/acknowledgements", &[204]),
    ("POST /groups/{group}/commits", &[200]),
    ("POST /groups/{group}/messages", &[200]),
    ("POST /groups/{group}/removals", &[200]),
    ("POST /groups/{group}/reports", &[204]),
    ("POST /groups/{group}/reset", &[201]),
    ("POST /key-packages", &[204]),
    ("POST /key-packages/claims", &[200]),
    ("POST /sessions", &[200]),
    ("POST /sessions/challenges", &[200]),
    ("PUT /blobs/{digest}", &[200]),
];

/// A new operation in the document fails this test until the recording has it.
#[tokio::test]
async fn every_documented_operation_succeeds() {
    let mut recorded: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
    for exchange in &outcome().await.exchanges {
        recorded.entry(exchange.operation.clone()).or_default().insert(exchange.answer.status);
    }
    let expected: BTreeMap<_, BTreeSet<u16>> =
        SUCCESSES.iter().map(|(name, list)| ((*name).to_owned(), list.iter().copied().collect())).collect();
    assert_eq!(recorded, expected);
    assert_eq!(expected.keys().cloned().collect::<BTreeSet<_>>(), operations());
    let documented = statuses();
    assert_eq!(documented.len(), 6);
    for (operation, status) in documented {
        assert!(expected[&operation].contains(&status), "{operation}");
    }
}

/// The header `Allow` names the methods of the document and no others.
#[tokio::test]
async fn every_path_has_the_documented_methods() {
    let (world, mut methods) = (World::new(false), BTreeMap::<_, BTreeSet<String>>::new());
    for operation in operations() {
        let (method, path) = operation.split_once(' ').unwrap();
        let known = methods.entry(path.to_owned()).or_default();
        known.insert(method.to_owned());
        if method == "GET" {
            known.insert("HEAD".to_owned());
        }
    }
    for (path, expected) in methods {
        let prefix = if path.starts_with("/healthz") || path.starts_with("/.") { "" } else { "/v1" };
        let target = format!("{prefix}{}", path.replace(['{', '}'], ""));
        let wire = Wire { method: "BREW".to_owned(), target, headers: Vec::new(), body: Vec::new() };
        let answer = world.recorder.server.send(&wire).await;
        let allowed = answer.headers["allow"].to_str().unwrap().split(',').map(str::to_owned);
        assert_eq!(allowed.collect::<BTreeSet<_>>(), expected, "{path}");
    }
}

/// The recording has altered each request in many ways. The recorder has checked that none of these
/// had an effect.
#[tokio::test]
async fn every_operation_is_altered() {
    let outcome = outcome().await;
    let altered = &outcome.altered;
    assert_eq!(altered.keys().cloned().collect::<BTreeSet<_>>(), operations());
    for (operation, altered) in altered {
        let is_read = operation.starts_with("GET");
        let has_session = !["/sessions", "/sessions/challenges", "/healthz", "/.well-known/pando"]
            .contains(&operation.split_once(' ').unwrap().1);
        let tokens = if has_session { 18 } else { 0 };
        let signatures = if has_session && !is_read { 80 } else { 0 };
        assert!(altered.authentication >= tokens + signatures, "{operation}: {altered:?}");
        assert!(altered.targets >= 15, "{operation}: {altered:?}");
        let bodies = match operation.as_str() {
            _ if is_read => 0,
            "POST /sessions/challenges" | "DELETE /inbox/{seq}" => 4,
            _ => 100,
        };
        assert!(altered.bodies >= bodies, "{operation}: {altered:?}");
    }
    let sum = |part: fn(&Altered) -> u64| altered.values().map(part).sum::<u64>();
    assert!(sum(|altered| altered.bodies) >= 20_000);
    assert!(sum(|altered| altered.targets) >= 1_200);
    assert!(sum(|altered| altered.authentication) >= 2_300);
}

/// Alterations that the server cannot recognise, or that are other valid requests.
#[tokio::test]
async fn valid_alterations_are_named() {
    let valid = &outcome().await.valid;
    let named: BTreeSet<_> = valid.keys().map(|(operation, reason)| (operation.as_str(), *reason)).collect();
    let expected = [
        ("POST /groups", "ciphertexts of a Welcome"),
        ("POST /groups", "membership tag"),
        ("POST /groups/{group}/acknowledgements", "earlier acknowledgement"),
        ("POST /groups/{group}/commits", "ciphertexts of a Welcome"),
        ("POST /groups/{group}/commits", "membership tag"),
        ("POST /groups/{group}/messages", "contents of an application message"),
        ("POST /groups/{group}/messages", "membership tag"),
        ("POST /groups/{group}/messages", "past epoch of an application message"),
        ("POST /groups/{group}/reset", "membership tag"),
        ("POST /key-packages/claims", "another claim"),
    ];
    assert_eq!(named, expected.into());
}
