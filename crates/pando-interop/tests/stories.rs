//! Runs our own scripts with two services of Pando as clients.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_interop::run::{Arguments, Handshakes, random, run};
use pando_interop::service::serve;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

/// Starts a service that runs until the test ends, and returns its address.
fn service() -> String {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        serve("127.0.0.1:0".parse().unwrap(), move |address| sender.send(address).unwrap())
    });
    receiver.recv().unwrap().to_string()
}

fn passes(config: PathBuf, suites: &[u32], repeat: usize) {
    let arguments = Arguments {
        configs: vec![config],
        clients: vec![service(), service()],
        random: true,
        repeat,
        seed: 9420,
        handshakes: Handshakes::All,
        suites: suites.to_vec(),
        scripts: Vec::new(),
        fail_fast: false,
        only_script: false,
        json: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(run(&arguments)).unwrap();
    assert!(report.failed == 0 && report.passed > 0, "{}", report.table);
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

#[test]
fn joining() {
    passes(ours("joining.json"), &[1, 2], 2);
}

#[test]
fn external_joins() {
    passes(ours("external-joins.json"), &[1, 2], 2);
}

#[test]
fn proposals() {
    passes(ours("proposals.json"), &[1, 2], 2);
}

#[test]
fn external_proposals() {
    passes(ours("external-proposals.json"), &[1, 2], 2);
}

#[test]
fn subgroups() {
    passes(ours("subgroups.json"), &[1, 2], 2);
}

#[test]
fn messages() {
    passes(ours("messages.json"), &[1, 2], 2);
}

#[test]
fn step_by_step() {
    passes(ours("step-by-step.json"), &[1, 2], 2);
}

#[test]
fn a_random_history() {
    passes(ours("random.json"), &[1, 2], 1);
}

#[test]
fn random_histories_that_nobody_has_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..4 {
        let path = folder.path().join(format!("{seed}.json"));
        std::fs::write(&path, random::script(&random::Arguments { steps: 150, members: 6, seed })).unwrap();
        passes(path, &[1], 1);
    }
}

/// A ReInit changes the cipher suite to the next one that the clients support.
#[test]
fn all_suites() {
    let suites = [1, 2, 3, 4, 5, 6, 7];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suites.json");
    let story = r#"{"scripts": {"suites": [
        {"action": "createGroup", "actor": "ada", "members": ["ben", "cleo"]},
        {"action": "reinit", "proposer": "ada", "committer": "ben", "welcomer": "cleo", "changeCipherSuite": true},
        {"action": "fullCommit", "actor": "cleo", "members": ["ada", "ben"]}
    ]}}"#;
    std::fs::write(&path, story).unwrap();
    passes(path, &suites, 1);
}
