//! Tests that run the program `pando` as a user does.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn pando(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pando")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn committed() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors").to_str().unwrap().to_owned()
}

fn psk_secrets() -> std::path::PathBuf {
    Path::new(&committed()).join("psk_secret.json")
}

/// Creates a folder that contains one file.
fn folder_with(name: &str, text: &str) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_folder_is_verified_file_by_file_with_the_total_last() {
    let output = pando(&["vectors", "verify", &committed()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("key-schedule.json: 7 passed, 0 failed, 0 skipped\n"));
    let passed = |line: &str| {
        let (_, counts) = line.rsplit_once(": ").unwrap_or(("", line));
        counts.split(' ').next().unwrap().parse::<usize>().unwrap()
    };
    let lines: Vec<_> = text.lines().collect();
    let (total, files) = lines.split_last().unwrap();
    assert_eq!(passed(total), files.iter().map(|line| passed(line)).sum::<usize>());
    assert!(total.ends_with(" passed, 0 failed, 0 skipped"));
}

#[test]
fn json_has_a_line_for_each_file_and_one_for_the_total() {
    let output = pando(&["vectors", "verify", "--json", "--kind", "psk_secret", &committed()]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["kind"], "psk_secret");
    assert_eq!(lines[0]["failures"], Value::Array(vec![]));
    assert_eq!((&lines[1]["passed"], &lines[1]["failed"]), (&lines[0]["passed"], &0.into()));
}

#[test]
fn a_failure_names_the_case_and_the_field() {
    let text = fs::read_to_string(psk_secrets()).unwrap();
    let mut cases: Value = serde_json::from_str(&text).unwrap();
    cases[2]["psk_secret"] = "00".into();
    let (_folder, path) = folder_with("psk_secret.json", &cases.to_string());
    let output = pando(&["vectors", "verify", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("\n  case 2, psk_secret: computed "), "{}", stdout(&output));
    let output = pando(&["vectors", "verify", "--json", &path]);
    let line: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["failures"][0]["case"], &line["failures"][0]["field"]),
        (&2.into(), &"psk_secret".into())
    );
}

#[test]
fn the_kind_can_be_given_when_the_name_does_not_tell() {
    let text = fs::read_to_string(psk_secrets()).unwrap();
    let (_folder, path) = folder_with("mine.json", &text);
    let output = pando(&["vectors", "verify", &path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("mine.json") && stderr(&output).contains("--kind"));
    assert_eq!(pando(&["vectors", "verify", "--kind", "psk_secret", &path]).status.code(), Some(0));
}

#[test]
fn finding_nothing_is_no_success() {
    let empty = TempDir::new().unwrap();
    let output = pando(&["vectors", "verify", empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "0 passed, 0 failed, 0 skipped\n");
    let (_folder, path) = folder_with("welcome.json", "[]");
    assert_eq!(pando(&["vectors", "verify", &path]).status.code(), Some(1));
}

#[test]
fn bad_input_is_told_with_the_file_and_the_case() {
    let missing = pando(&["vectors", "verify", "no-such-folder/welcome.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("no-such-folder/welcome.json"));

    for (name, text, told) in [
        ("welcome.json", "nonsense", "not a JSON array"),
        ("welcome.json", "[{}]", "case 0 is not a welcome case: missing field"),
        (
            "psk_secret.json",
            r#"[{"cipher_suite":1,"psks":[],"psk_secret":"00"}, {"cipher_suite":1,"psks":[],"psk_secret":"xx"}]"#,
            "case 1 is not a psk_secret case: \"xx\" is not hexadecimal",
        ),
    ] {
        let (_folder, path) = folder_with(name, text);
        let output = pando(&["vectors", "verify", &path]);
        assert_eq!(output.status.code(), Some(2));
        let error = stderr(&output);
        assert!(error.contains(name) && error.contains(told), "{error}");
    }
    assert_eq!(pando(&["vectors", "verify"]).status.code(), Some(2));
    assert_eq!(pando(&["vectors", "verify", "--kind", "nonsense", "x.json"]).status.code(), Some(2));
}

#[test]
fn what_is_generated_can_be_verified_and_is_the_same_for_the_same_seed() {
    let folder = TempDir::new().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        let arguments =
            ["vectors", "generate", "--out", &out(name), "--kind", "welcome", "--suite", "3", "--seed", seed];
        let output = pando(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).ends_with("welcome.json\n"));
        let verified = pando(&["vectors", "verify", &out(name)]);
        assert_eq!(stdout(&verified).lines().last(), Some("1 passed, 0 failed, 0 skipped"));
    }
    let read = |name: &str| fs::read(folder.path().join(name).join("welcome.json")).unwrap();
    assert!(read("a") == read("b") && read("a") != read("c"));
}

/// The negative vectors are in a folder of their own, with one file for each cipher suite.
/// Verifying the parent folder finds these files.
#[test]
fn folders_below_are_looked_into() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = pando(&["vectors", "generate", "--out", out, "--kind", "negative", "--suite", "4"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(folder.path().join("negative/negative-4.json").is_file());
    for arguments in [&["vectors", "verify", out][..], &["vectors", "verify", "--kind", "negative", out]] {
        let output = pando(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        assert!(stdout(&output).starts_with("negative-4.json: "));
    }
    let others = pando(&["vectors", "verify", "--kind", "welcome", out]);
    assert_eq!(stdout(&others), "0 passed, 0 failed, 0 skipped\n");
}

/// An unreadable file is an error, even if it was found by searching a folder.
#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_told() {
    let (folder, _) = folder_with("psk_secret.json", &fs::read_to_string(psk_secrets()).unwrap());
    let link = folder.path().join("welcome.json");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    for path in [folder.path(), &link] {
        let output = pando(&["vectors", "verify", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert!(stderr(&output).contains("welcome.json"), "{}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_generated_is_told() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = pando(&["vectors", "generate", "--out", out, "--suite", "99"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unknown cipher suite 99"));
    let (_folder, file) = folder_with("file", "");
    let output = pando(&["vectors", "generate", "--out", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(&file));
}
