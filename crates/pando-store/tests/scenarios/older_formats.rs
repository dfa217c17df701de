//! A store of an older format is refused with an error that contains both format numbers, and stays
//! unchanged. The same holds for a store whose header was altered to look like an older header.

use crate::fixtures::{group_of, passphrase, sqlite, tea};
use pando_store::{Backend, FORMAT, Key, Sqlite, StoreError};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn set_header(path: &Path, header: &[u8]) {
    let mut database = Sqlite::open_existing(path).unwrap();
    database.begin().unwrap();
    database.put(&[0], header).unwrap();
    database.commit().unwrap();
}

#[test]
fn older_formats_are_refused() {
    let keys = [Key::None, Key::bytes(&[1; 32]).unwrap(), passphrase("a")];
    // In formats 1 and 2, the header contains the kind of wrapping and the wrapped data key.
    let old: [&[u8]; 3] = [&[0; 14], &[1; 14], &[2, 16]];
    for (key, old) in keys.iter().zip(old) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        drop(group_of(vec![sqlite(&path, key).unwrap()]));
        let header = Sqlite::open_existing(&path).unwrap().get(&[0]).unwrap().unwrap();
        for format in [1, 2] {
            let relabelled = [&[0, format], header.expose().split_at(2).1].concat();
            for header in [[&[0, format], old, &[7; 72]].concat(), relabelled, vec![0, format]] {
                set_header(&path, &header);
                let before = fs::read(&path).unwrap();
                let refused = sqlite(&path, key).unwrap_err();
                let StoreError::Older { found, known } = refused else { panic!("{refused:?}") };
                assert_eq!((found, known), (format.into(), FORMAT));
                let told = refused.to_string();
                assert!(told.contains(&format!("format {format}")) && told.contains("format 3"), "{told}");
                assert!(fs::read(&path).unwrap() == before);
            }
        }
        set_header(&path, header.expose());
        assert_eq!(sqlite(&path, key).unwrap().groups().unwrap(), [tea()]);
    }
}
