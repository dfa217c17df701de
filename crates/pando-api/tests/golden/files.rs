//! The golden files are what the crate encodes and decodes.

use crate::values::goldens;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Returns the bytes in a file. Lines end after 32 bytes.
fn read(path: &Path) -> Option<Vec<u8>> {
    let text = fs::read_to_string(path).ok()?;
    Some(hex::decode(text.split_whitespace().collect::<String>()).unwrap())
}

fn write(path: &Path, bytes: &[u8]) {
    let lines = bytes.chunks(32).map(|line| hex::encode(line) + "\n");
    fs::write(path, lines.collect::<String>()).unwrap();
}

#[test]
fn each_golden_decodes_to_its_value_and_encodes_again() {
    for golden in goldens() {
        let path = folder().join(format!("{}.hex", golden.name));
        if !path.exists() && env::var_os("WRITE_GOLDEN").is_some() {
            write(&path, &golden.encoded);
        }
        let Some(bytes) = read(&path) else { panic!("{} does not exist", path.display()) };
        assert_eq!(hex::encode(&golden.encoded), hex::encode(&bytes), "{}", golden.name);
        let decoded = (golden.decode)(&bytes).unwrap_or_else(|| panic!("{} is malformed", golden.name));
        assert!(decoded.is_the_value, "{}", golden.name);
        assert_eq!(decoded.encoded_again, bytes, "{}", golden.name);
    }
}

#[test]
fn each_file_has_a_value() {
    let names = goldens().into_iter().map(|golden| golden.name.to_owned());
    let files = fs::read_dir(folder()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_golden = path.extension().is_some_and(|extension| extension == "hex");
        is_golden.then(|| path.file_stem().unwrap().to_str().unwrap().to_owned())
    });
    assert_eq!(files.collect::<BTreeSet<_>>(), names.collect::<BTreeSet<_>>());
}
