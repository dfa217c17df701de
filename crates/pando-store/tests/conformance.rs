//! Checks that the backends `Memory` and `Sqlite` meet the requirements of a backend.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_store::{Backend, Memory, conformance};

#[test]
fn memory_conforms() {
    conformance::run(Memory::new, |place| place.again().unwrap());
}

#[test]
#[cfg(feature = "sqlite")]
fn sqlite_conforms() {
    use pando_store::Sqlite;
    use std::time::Duration;
    use tempfile::TempDir;

    conformance::run(
        || TempDir::new().unwrap(),
        |folder| {
            let mut sqlite = Sqlite::open(folder.path().join("store")).unwrap();
            sqlite.set_wait(Duration::from_millis(5)).unwrap();
            sqlite
        },
    );
}
