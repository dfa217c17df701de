//! Tests the runner with clients whose errors are known. The clients are toy clients whose groups
//! consist of a number and a secret. Some of the toy clients return wrong responses.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic fails the test")]

mod toy_client;

use pando_interop::run::{Arguments, Handshakes, Report, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use toy_client::{Lie, ToyClient};

/// A script with the actors Ada, Ben and Cleo. Step 1 is the Commit and step 2 is the message.
const STORY: &str = r#"{"scripts": {"story": [
    {"action": "createGroup", "actor": "ada", "members": ["ben", "cleo"]},
    {"action": "fullCommit", "actor": "ben", "members": ["ada", "cleo"]},
    {"action": "protect", "actor": "ada", "authenticatedData": "to all", "plaintext": "hello"},
    {"action": "unprotect", "actor": "cleo", "ciphertext": 2}
]}}"#;

fn arguments(config: &Path, clients: Vec<String>) -> Arguments {
    Arguments {
        configs: vec![config.to_owned()],
        clients,
        random: false,
        repeat: 1,
        seed: 0,
        handshakes: Handshakes::Public,
        suites: vec![1],
        scripts: Vec::new(),
        fail_fast: false,
        only_script: false,
        json: None,
    }
}

/// Runs a configuration with one toy client for each of `lies`.
fn with(
    text: &str,
    lies: &[Lie],
    change: impl FnOnce(&mut Arguments),
) -> (Result<Report, String>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("toys.json");
    std::fs::write(&config, text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let mut clients = Vec::new();
        for lie in lies {
            clients.push(ToyClient::serve(*lie).await);
        }
        let mut arguments = arguments(&config, clients);
        change(&mut arguments);
        run(&arguments).await
    });
    (result, folder)
}

fn json_in(folder: &tempfile::TempDir) -> (PathBuf, impl Fn() -> Value) {
    let path = folder.path().join("results.json");
    let read = path.clone();
    (path, move || serde_json::from_slice(&std::fs::read(&read).unwrap()).unwrap())
}

#[test]
fn honest_clients_pass_in_all_combinations() {
    let report = with(STORY, &[Lie::None, Lie::None], |arguments| {
        arguments.handshakes = Handshakes::All;
        arguments.suites.clear();
    })
    .0
    .unwrap();
    // There are two suites, two kinds of handshake messages, and two clients for each of three
    // actors.
    assert_eq!((report.passed, report.failed), (2 * 2 * 8, 0));
    assert!(report.table.contains("toys/story  private         8/8      8/8"), "{}", report.table);
    assert!(report.table.ends_with("32 passed, 0 failed\n"));
}

#[test]
fn one_assignment_is_drawn_by_lot() {
    let report = with(STORY, &[Lie::None, Lie::None], |arguments| {
        arguments.random = true;
        arguments.repeat = 3;
    })
    .0
    .unwrap();
    assert_eq!((report.passed, report.failed), (3, 0));
}

#[test]
fn a_wrong_epoch_authenticator_is_found_where_it_is_given() {
    let report = with(STORY, &[Lie::Authenticator], |_| {}).0.unwrap();
    assert_eq!((report.passed, report.failed), (0, 1));
    let expected = "FAILED toys/story, suite 1, public handshakes, step 1 {\"action\":\"fullCommit\"";
    assert!(report.table.contains(expected), "{}", report.table);
    let expected = "ada and ben are in the same epoch but have different epoch authenticators";
    assert!(report.table.contains(expected), "{}", report.table);
}

#[test]
fn a_wrong_exported_secret_is_found_although_no_step_asks_for_it() {
    let report = with(STORY, &[Lie::Export], |_| {}).0.unwrap();
    assert!(report.table.contains("different exported secrets"), "{}", report.table);
    let report = with(STORY, &[Lie::Export], |arguments| arguments.only_script = true).0.unwrap();
    assert_eq!((report.passed, report.failed), (1, 0));
}

#[test]
fn a_client_that_cannot_export_is_not_asked_to() {
    let report = with(STORY, &[Lie::NoExport, Lie::None], |_| {}).0.unwrap();
    assert_eq!((report.passed, report.failed), (8, 0), "{}", report.table);
}

#[test]
fn wrong_texts_are_found() {
    let report = with(STORY, &[Lie::Plaintext], |_| {}).0.unwrap();
    assert!(report.table.contains("step 3 {\"action\":\"unprotect\""), "{}", report.table);
    assert!(report.table.contains("cleo has a wrong plaintext"), "{}", report.table);
}

#[test]
fn an_answer_that_is_an_error_is_reported_with_all_that_is_known() {
    let (result, _folder) = with(STORY, &[Lie::None, Lie::Refuse], |arguments| arguments.fail_fast = true);
    let report = result.unwrap();
    // The first run assigns the clients (0, 0, 0) to Ada, Ben and Cleo. The second run assigns (0,
    // 0, 1), so that Cleo refuses the Commit.
    assert_eq!((report.passed, report.failed), (1, 1));
    assert!(report.table.contains("step 1 "), "{}", report.table);
    assert!(report.table.contains("cleo (toy Refuse at 127.0.0.1:"), "{}", report.table);
    assert!(
        report.table.contains("HandleCommit: FailedPrecondition: I would rather not"),
        "{}",
        report.table
    );
    assert!(
        report.table.contains("ada is toy None, ben is toy None, cleo is toy Refuse"),
        "{}",
        report.table
    );
}

#[test]
fn an_error_at_the_end_is_one_after_the_last_step() {
    let report = with(STORY, &[Lie::Free], |_| {}).0.unwrap();
    assert!(report.table.contains("after the last step"), "{}", report.table);
    assert!(report.table.contains("Free: Internal: not mine"), "{}", report.table);
}

#[test]
fn results_have_the_official_format() {
    let output = tempfile::tempdir().unwrap();
    let (path, read) = json_in(&output);
    let (result, _folder) = with(STORY, &[Lie::Plaintext], |arguments| {
        arguments.handshakes = Handshakes::All;
        arguments.json = Some(path);
    });
    assert_eq!(result.unwrap().failed, 2);
    let results = read();
    let runs = results["scripts"]["toys/story"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let last = &runs[1];
    assert_eq!(last["cipher_suite"], 1);
    assert_eq!(last["encrypt_flag"], true);
    assert_eq!(last["actors"]["cleo"], "toy Plaintext");
    assert_eq!(last["failed_step"], 3);
    assert_eq!(last["error"], "cleo has a wrong plaintext");
    let source: Value = serde_json::from_str(last["failed_step_json"].as_str().unwrap()).unwrap();
    assert_eq!(source["ciphertext"], 2);
    let transcript = last["transcript"].as_array().unwrap();
    let rpcs: Vec<&str> = transcript.iter().map(|entry| entry["rpc"].as_str().unwrap()).collect();
    assert_eq!(
        rpcs,
        [
            "CreateGroup",
            "CreateKeyPackage",
            "CreateKeyPackage",
            "Commit",
            "HandlePendingCommit",
            "JoinGroup",
            "JoinGroup",
            "Commit",
            "HandlePendingCommit",
            "HandleCommit",
            "HandleCommit",
            "Protect",
            "Unprotect",
        ]
    );
    let protect = &transcript[11];
    assert_eq!(protect["actor"], "ada");
    assert_eq!(protect["request"]["plaintext"], "aGVsbG8=");
}

#[test]
fn what_cannot_be_run_is_said_before_anything_is() {
    let wrong = STORY.replace("\"ciphertext\": 2", "\"ciphertext\": 1");
    let error = with(&wrong, &[Lie::None], |_| {}).0.unwrap_err();
    assert!(error.contains("toys.json: script story, step 3: ciphertext refers to step 1"), "{error}");
    let error = with(STORY, &[Lie::None], |arguments| arguments.suites = vec![7]).0.unwrap_err();
    assert_eq!(error, "none of the clients supports cipher suite 7");
    let error = with(STORY, &[Lie::None], |arguments| arguments.scripts = vec!["tale".into()]).0.unwrap_err();
    assert_eq!(error, "unknown script tale");
}

#[test]
fn a_client_that_is_not_there_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let expected = format!("no connection to {address}: ");
    let error = with(STORY, &[], |arguments| arguments.clients = vec![address]).0.unwrap_err();
    assert!(error.starts_with(&expected), "{error}");
}
