//! Tests that run `pando store` as a user does.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic fails the test")]

use pando_mls::{
    Capabilities, CipherSuite, Client, Credential, CredentialType, CryptoProvider, Extensions, Group,
    KeyPackageBundle, KeyPackageTemplate, Lifetime, RustCrypto,
};
use pando_store::{Argon2Cost, Argon2Limit, Backend, Key, Sqlite, SqliteStore};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

fn pando(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pando")).arg("store").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Creates a store that contains a group with one member and a KeyPackage.
fn make(path: &Path, key: &Key) {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = RustCrypto.suite(CipherSuite(1)).unwrap();
    let mut store = SqliteStore::open(path, key).unwrap();
    let private = suite.signature_generate_key(&mut rng).unwrap();
    let signer = suite.signer(&private).unwrap();
    let credential = Credential::Basic { identity: b"alice".as_slice().into() };
    let mut bundle = || {
        let template = KeyPackageTemplate {
            credential: credential.clone(),
            capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            leaf_extensions: Extensions::default(),
            extensions: Extensions::default(),
        };
        KeyPackageBundle::new(suite, template, &*signer, &mut rng).unwrap()
    };
    let (own, other) = (bundle(), bundle());
    let cx = CLIENT.without_clock(&*signer);
    let id = "tea";
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (_, delta) = Group::builder(id).build(own, &cx, &mut rng).unwrap().into_parts();
    let lock = store.lock(&b"tea".as_slice().into(), Duration::ZERO).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.put_signer(suite, &private, &credential).unwrap();
    transaction.insert_key_package(suite, &other, false).unwrap();
    transaction.apply(&lock, &delta).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn what_is_in_a_store_is_told_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (plain, sealed, phrase) = (file("plain"), file("sealed"), file("phrase"));
    let (cost, limit) = (Argon2Cost::FLOOR, Argon2Limit::default());
    let words = Key::Passphrase { passphrase: b"correct horse".as_slice().into(), cost, limit };
    make(Path::new(&plain), &Key::None);
    make(Path::new(&sealed), &Key::bytes(&[0xab; 32]).unwrap());
    make(Path::new(&phrase), &words);
    fs::write(file("raw"), [0xab; 32]).unwrap();
    fs::write(file("hex"), "ab".repeat(32) + "\n").unwrap();
    fs::write(file("short"), "abc").unwrap();
    fs::write(file("words"), "correct horse\n").unwrap();
    let (raw, hex, short, words) = (file("raw"), file("hex"), file("short"), file("words"));
    let right: [&[&str]; 4] = [
        &[&plain],
        &[&sealed, "--key-file", &raw],
        &[&sealed, "--key-file", &hex],
        &[&phrase, "--passphrase-file", &words],
    ];
    for arguments in right {
        let output = pando(&[&["inspect"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let told = text(&output.stdout);
        assert!(told.contains("group \"tea\": epoch 0, 1 members, "), "{told}");
        assert!(told.contains(
            "1 KeyPackages and 0 of last resort (used 0 times), 0 pre-shared keys, 1 signature keys"
        ));
        assert_eq!(told.contains("not encrypted"), arguments.len() == 1);
        let output = pando(&[&["inspect", "--json"], arguments].concat());
        let inventory: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(inventory["groups"][0]["group_id"], "746561");
        let group = &inventory["groups"][0];
        assert_eq!((&group["state"], &group["joining"]), (&Value::from("active"), &Value::from(false)));
        let output = pando(&[&["verify"], arguments].concat());
        assert_eq!((output.status.code(), &*text(&output.stdout)), (Some(0), "no problems found\n"));
        let output = pando(&[&["compact"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).ends_with(" after\n"));
    }
    // Without a key, the error tells how to give it.
    for encrypted in [&sealed, &phrase] {
        for command in ["inspect", "verify", "compact"] {
            let output = pando(&[command, encrypted]);
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(
                text(&output.stderr),
                format!(
                    "pando: {encrypted}: the store is encrypted; give its key with --key-file or --passphrase-file\n"
                )
            );
        }
    }
    let wrong: [&[&str]; 4] = [
        &[&plain, "--key-file", &raw],
        &[&phrase, "--key-file", &raw],
        &[&sealed, "--key-file", &short],
        &[&sealed, "--passphrase-file", "no-such-file"],
    ];
    for (arguments, told) in wrong.into_iter().zip(["does not open", "does not open", "not a key", "no-such"])
    {
        let output = pando(&[&["inspect"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

#[test]
fn what_does_not_hold_together_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    make(&path, &Key::None);
    let mut database = Sqlite::open_existing(&path).unwrap();
    database.begin().unwrap();
    database.put(&[9], &[]).unwrap();
    database.commit().unwrap();
    drop(database);
    let path = path.to_str().unwrap();
    let output = pando(&["verify", path]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "a record has an unknown key: [09]\n");
    let output = pando(&["verify", "--json", path]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_store_is_not_made_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let output = pando(&["inspect", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!path.exists());
    fs::write(&path, []).unwrap();
    let advice = "give the file in which a client keeps its store";
    let output = pando(&["verify", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let shown = path.display();
    assert_eq!(text(&output.stderr), format!("pando: {shown}: the database contains no store; {advice}\n"));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    for contents in ["a text\n".to_owned(), "many lines\n".repeat(1_000)] {
        fs::write(&path, &contents).unwrap();
        for command in ["inspect", "verify", "compact"] {
            let output = pando(&[command, path.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(
                text(&output.stderr),
                format!("pando: {shown}: the file is not a SQLite database; {advice}\n")
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        }
    }
}
