//! Tests of the program `large-group`: it runs every operation in the smallest groups, and writes
//! the files for other implementations.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_benches::large_group::Member;
use pando_benches::test_client::TestClient;
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use pando_mls::{Encode, MlsMessage};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn large_group(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_large-group")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_operation_is_measured_in_the_smallest_groups() {
    let help = large_group(&["--help"]);
    let (_, listed) = help.split_once("Operations:").unwrap();
    let listed: BTreeSet<_> =
        listed.lines().filter_map(|line| Some(line.split_once(": ")?.0.trim())).collect();
    for size in ["2", "3"] {
        let results = large_group(&["--size", size, "--runs", "1", "--json"]);
        let objects = results.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let measured: BTreeSet<String> =
            objects.map(|object| object["op"].as_str().unwrap().to_owned()).collect();
        assert_eq!(measured.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    }
}

/// Checks that a client whose KeyPackage is in a file can join by the Welcome and process the
/// Commits.
fn follows(folder: &Path, warm: &[&str]) {
    let stranger = TestClient::new(Crypto { provider: &RustCrypto, suite: suite() }, 1_000);
    let bundle = stranger.bundle();
    let key_package = MlsMessage::from(bundle.key_package.clone()).encode().unwrap();
    fs::write(folder.join("stranger.kp"), key_package).unwrap();
    let arguments = ["--size", "5", "--runs", "3", "--fixture", folder.to_str().unwrap()];
    large_group(&[&arguments, warm].concat());

    let (mut member, _) =
        Member::join(stranger, &bundle, &fs::read(folder.join("welcome.mls")).unwrap(), None);
    let epoch = member.group.epoch();
    for commit in ["commit-0.mls", "commit-1.mls", "commit-2.mls"] {
        let commit = fs::read(folder.join(commit)).unwrap();
        // These bytes encode the start of an MLSMessage: `mls10` and `mls_public_message`.
        assert_eq!(commit.get(..4), Some(&[0, 1, 0, 1][..]));
        let _ = member.process_commit(&commit);
    }
    assert_eq!(member.group.epoch(), epoch.saturating_add(3));
    assert_eq!(member.group.public().tree().member_count(), 6);
}

#[test]
fn a_stranger_follows_what_the_fixture_holds() {
    for warm in [&[][..], &["--warm"]] {
        follows(tempfile::tempdir().unwrap().path(), warm);
    }
}
