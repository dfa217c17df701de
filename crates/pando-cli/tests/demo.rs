//! Tests that run `pando demo` as a user does.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic fails the test")]

use std::process::{Command, Output, Stdio};

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pando")).arg("demo").args(arguments).output().unwrap()
}

/// Returns the lines about the epoch, which do not depend on the duration of the steps.
fn epoch(arguments: &[&str]) -> Vec<String> {
    let output = demo(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(str::to_owned);
    lines.skip_while(|line| !line.contains("agree on epoch")).collect()
}

#[test]
fn all_members_agree_and_the_seed_decides() {
    let first = epoch(&["--members", "20", "--seed", "7"]);
    assert!(first[0].starts_with("10 of 10 members agree on epoch "), "{first:?}");
    assert!(first[1].starts_with("epoch authenticator: "));
    assert_eq!(epoch(&["--members", "20", "--seed", "7"]), first);
    let other = epoch(&["--members", "20", "--seed", "8"]);
    assert_eq!(other[0], first[0]);
    assert_ne!(other[1], first[1]);
}

#[test]
fn a_few_members_and_another_suite() {
    for suite in ["2", "3", "7"] {
        let lines = epoch(&["--members", "3", "--suite", suite]);
        assert!(lines[0].starts_with("2 of 2 members agree"), "{lines:?}");
    }
}

/// Closes the output early, as `pando demo | head -1` does.
#[test]
fn nobody_reads_the_output() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pando"))
        .args(["demo", "--members", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.starts_with("pando: ") && !told.contains("panicked"), "{told}");
}

#[test]
fn what_cannot_be_is_refused() {
    for arguments in [["--members", "2"], ["--members", "2001"], ["--suite", "0"], ["--suite", "8"]] {
        let output = demo(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("is not in"), "{arguments:?}");
    }
}
