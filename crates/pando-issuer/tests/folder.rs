//! Tests of the folder: its files, and folders that are refused.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_api::Domain;
use pando_issuer::{Authority, IssuerError};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000;

fn domain() -> Domain {
    "example.org".parse().unwrap()
}

fn create(folder: &Path, seed: u64) -> Result<Authority, IssuerError> {
    Authority::create(folder, domain(), NOW, &mut ChaCha20Rng::seed_from_u64(seed))
}

/// Returns a folder with an authority that is closed.
fn closed() -> (TempDir, PathBuf) {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path().join("authority");
    drop(create(&folder, 1).unwrap());
    (temporary, folder)
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_files_are_as_documented() {
    let (_temporary, folder) = closed();
    let expected = [
        "authority.json",
        "feed.key",
        "intermediate.der",
        "intermediate.key",
        "lock",
        "revocations",
        "root.der",
        "root.key",
    ];
    assert_eq!(files(&folder), expected.map(String::from).into());
    for key in ["feed.key", "intermediate.key", "root.key"] {
        assert_eq!(fs::read(folder.join(key)).unwrap().len(), 32);
    }
}

#[cfg(unix)]
#[test]
fn private_files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_temporary, folder) = closed();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for key in ["feed.key", "intermediate.key", "root.key"] {
        assert_eq!(mode(&folder.join(key)), 0o600, "{key}");
    }
    for key in ["feed.key", "intermediate.key"] {
        let path = folder.join(key);
        for shared in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(shared)).unwrap();
            match Authority::open(&folder) {
                Err(IssuerError::Permissions { path: refused, mode }) => {
                    assert_eq!((&refused, mode), (&path, shared));
                }
                other => panic!("{other:?}"),
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    Authority::open(&folder).unwrap();
}

#[test]
fn an_authority_is_created_in_an_empty_folder() {
    let temporary = TempDir::new().unwrap();
    drop(create(temporary.path(), 1).unwrap());

    let other = TempDir::new().unwrap();
    fs::write(other.path().join("thesis.txt"), "years of work").unwrap();
    for folder in [temporary.path(), other.path()] {
        let before = files(folder);
        let refused = create(folder, 2).unwrap_err();
        assert!(matches!(&refused, IssuerError::NotEmpty(path) if path == folder), "{refused}");
        assert_eq!(files(folder), before);
    }
    let missing = temporary.path().join("missing").join("authority");
    let refused = create(&missing, 1).unwrap_err();
    assert!(matches!(&refused, IssuerError::Io { path, .. } if *path == missing), "{refused}");
}

#[test]
fn other_folders_are_not_opened_and_not_changed() {
    let temporary = TempDir::new().unwrap();
    let file = temporary.path().join("thesis.txt");
    fs::write(&file, "years of work").unwrap();
    for path in [temporary.path(), &temporary.path().join("missing"), &file] {
        let refused = Authority::open(path).unwrap_err();
        assert!(matches!(&refused, IssuerError::NotAnAuthority(it) if it == path), "{refused}");
    }
    assert_eq!(files(temporary.path()), ["thesis.txt".into()].into());

    // A folder whose creation was interrupted.
    let (_temporary, folder) = closed();
    fs::remove_file(folder.join("authority.json")).unwrap();
    let refused = Authority::open(&folder).unwrap_err();
    assert!(matches!(refused, IssuerError::NotAnAuthority(_)), "{refused}");
    let refused = create(&folder, 1).unwrap_err();
    assert!(matches!(refused, IssuerError::NotEmpty(_)), "{refused}");
}

#[test]
fn an_authority_is_open_once() {
    let (_temporary, folder) = closed();
    let open = Authority::open(&folder).unwrap();
    let refused = Authority::open(&folder).unwrap_err();
    assert!(matches!(&refused, IssuerError::InUse(path) if *path == folder), "{refused}");
    drop(open);
    Authority::open(&folder).unwrap();
}

#[test]
fn the_key_of_the_root_can_be_kept_elsewhere() {
    let (_temporary, folder) = closed();
    fs::remove_file(folder.join("root.key")).unwrap();
    let mut authority = Authority::open(&folder).unwrap();
    authority.revoke(&"alice@example.org/laptop".parse().unwrap(), 1, 0).unwrap();
}

/// A crash may leave a file that was not renamed yet.
#[test]
fn files_that_a_crash_left_are_replaced() {
    let (_temporary, folder) = closed();
    fs::write(folder.join("revocations.new"), "half a li").unwrap();
    let mut authority = Authority::open(&folder).unwrap();
    authority.revoke(&"alice@example.org/laptop".parse().unwrap(), 1, 0).unwrap();
    drop(authority);
    assert!(!files(&folder).contains("revocations.new"));
    assert_eq!(Authority::open(&folder).unwrap().revocations().number(), 1);
}

#[test]
fn an_error_names_the_missing_file() {
    for name in ["feed.key", "intermediate.der", "intermediate.key", "revocations"] {
        let (_temporary, folder) = closed();
        let path = folder.join(name);
        fs::remove_file(&path).unwrap();
        let refused = Authority::open(&folder).unwrap_err();
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
        assert!(matches!(refused, IssuerError::Io { action: "open", .. }), "{refused}");
    }
}

#[test]
fn an_error_names_the_malformed_file() {
    let (_other, other) = closed();
    let (temporary, _) = closed();
    let second = temporary.path().join("second");
    drop(create(&second, 2).unwrap());
    let json = fs::read_to_string(other.join("authority.json")).unwrap();
    let of_second = |name: &str| fs::read(second.join(name)).unwrap();
    for (written, contents, named, why) in [
        ("authority.json", b"".to_vec(), "authority.json", "EOF"),
        ("authority.json", b"{}".to_vec(), "authority.json", "missing field"),
        ("authority.json", json.replace(": 1,", ": 2,").into(), "authority.json", "format 2 is unknown"),
        ("authority.json", json.replace("{}", "{\"A\": 1}").into(), "authority.json", "no / between"),
        (
            "authority.json",
            json.replace("\"format\"", "\"x\": 1, \"format\"").into(),
            "authority.json",
            "unknown",
        ),
        ("authority.json", json.replace("example.org", "example.com").into(), "revocations", "example.org"),
        ("intermediate.der", b"junk".to_vec(), "intermediate.der", ""),
        ("intermediate.der", of_second("intermediate.der"), "intermediate.der", "not for intermediate.key"),
        ("intermediate.key", vec![1; 31], "intermediate.key", "31 bytes instead of 32"),
        ("intermediate.key", vec![1; 33], "intermediate.key", "33 bytes instead of 32"),
        ("intermediate.key", of_second("intermediate.key"), "intermediate.der", "not for intermediate.key"),
        ("feed.key", vec![], "feed.key", "0 bytes instead of 32"),
        ("feed.key", of_second("feed.key"), "revocations", "not signed by the feed key"),
        ("revocations", vec![], "revocations", "truncated"),
        ("revocations", of_second("revocations"), "revocations", "not signed by the feed key"),
    ] {
        let (_temporary, folder) = closed();
        // The contents change and the permissions stay.
        fs::write(folder.join(written), &contents).unwrap();
        let refused = Authority::open(&folder).unwrap_err();
        let text = refused.to_string();
        let IssuerError::Malformed { path, .. } = refused else { panic!("{written}: {refused}") };
        assert_eq!(path, folder.join(named), "{written}: {text}");
        assert!(text.contains(why), "{written}: {text}");
    }
}
