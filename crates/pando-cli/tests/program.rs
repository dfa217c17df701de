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
    assert_eq!(
        stderr(&output),
        format!(
            "pando: {path}: the file name does not begin with a kind of test vectors, as in welcome-2.json; rename the file, or verify it alone with --kind\n"
        )
    );
    assert_eq!(pando(&["vectors", "verify", "--kind", "psk_secret", &path]).status.code(), Some(0));
}

#[test]
fn a_path_that_does_not_exist_is_told() {
    let folder = TempDir::new().unwrap();
    for name in ["nonexistent", "mine.json", "welcome.json"] {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let output = pando(&["vectors", "verify", &path]);
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        // The rest of the line is the operating system's text for a missing file.
        assert!(told.starts_with(&format!("pando: {path}: ")) && told.ends_with("(os error 2)\n"), "{told}");
    }
}

/// One misnamed file, or one with unreadable contents, does not keep the other files of a folder
/// from being verified.
#[test]
fn the_files_beside_an_unusable_one_are_verified() {
    let good = fs::read_to_string(psk_secrets()).unwrap();
    let count = serde_json::from_str::<Value>(&good).unwrap().as_array().unwrap().len();
    let (folder, _) = folder_with("psk_secret.json", &good);
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (misnamed, malformed) = (file("mine.json"), file("welcome.json"));
    fs::write(&misnamed, &good).unwrap();
    fs::write(&malformed, "nonsense").unwrap();
    let path = folder.path().to_str().unwrap();
    let output = pando(&["vectors", "verify", path]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stdout(&output),
        format!(
            "psk_secret.json: {count} passed, 0 failed, 0 skipped\n{count} passed, 0 failed, 0 skipped, 2 unusable\n"
        )
    );
    let told = stderr(&output);
    let (first, second) = told.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("pando: {misnamed}: the file name does not begin with ")), "{told}");
    assert!(second.starts_with(&format!("pando: {malformed}: not a JSON array")), "{told}");
    let output = pando(&["vectors", "verify", "--json", path]);
    assert_eq!(output.status.code(), Some(2));
    let total: Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    assert_eq!((&total["passed"], &total["unusable"]), (&count.into(), &2.into()));
    // With a kind, the misnamed file is one of that kind.
    let output = pando(&["vectors", "verify", "--kind", "psk_secret", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// A failed case and an unusable file: the exit code is that of the unusable file.
#[test]
fn an_unusable_file_decides_the_exit_code() {
    let mut cases: Value = serde_json::from_str(&fs::read_to_string(psk_secrets()).unwrap()).unwrap();
    cases[0]["psk_secret"] = "00".into();
    let (folder, _) = folder_with("psk_secret.json", &cases.to_string());
    fs::write(folder.path().join("mine.json"), "[]").unwrap();
    let output = pando(&["vectors", "verify", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).ends_with(", 1 failed, 0 skipped, 1 unusable\n"), "{}", stdout(&output));
}

#[test]
fn finding_nothing_is_no_success_and_has_a_reason() {
    let empty = TempDir::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    let (folder, no_cases) = folder_with("welcome.json", "[]");
    let folder = folder.path().to_str().unwrap();
    let unknown_suite = r#"[{"cipher_suite":99,"psks":[],"psk_secret":"00"}]"#;
    let (_other_folder, skipped) = folder_with("psk_secret.json", unknown_suite);
    let reasons: [(&[&str], String); 5] = [
        (&[empty], format!("{empty}: nothing was verified, because no file has the extension .json")),
        (
            &["--kind", "psk_secret", folder, empty],
            format!(
                "{folder}, {empty}: nothing was verified, because no .json file is of the kind psk_secret"
            ),
        ),
        (&[folder], "nothing was verified, because the files contain no cases".to_owned()),
        (&[&no_cases], "nothing was verified, because the files contain no cases".to_owned()),
        (&[&skipped], "nothing was verified, because the backend has none of the cipher suites".to_owned()),
    ];
    for (arguments, reason) in reasons {
        let output = pando(&[&["vectors", "verify"], arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        let told = stdout(&output);
        let total = told.lines().last().unwrap();
        assert!(total.starts_with("0 passed, 0 failed, "), "{total}");
        assert_eq!(stderr(&output), format!("pando: {reason}\n"));
    }
}

/// A backend that this program was built without is a known name, and the error tells its feature.
#[test]
fn a_backend_that_is_missing_is_told_with_its_feature() {
    let output = pando(&["vectors", "verify", "--crypto", "aws-lc", psk_secrets().to_str().unwrap()]);
    if cfg!(feature = "aws-lc") {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    } else {
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            stderr(&output),
            "pando: --crypto aws-lc: this program was built without the feature aws-lc; build it with `cargo build --release -p pando-cli --features aws-lc`\n"
        );
    }
    let output = pando(&["vectors", "verify", "--crypto", "openssl", psk_secrets().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("[possible values: rustcrypto, aws-lc]"), "{}", stderr(&output));
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
