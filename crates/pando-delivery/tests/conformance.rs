//! Checks that the stores meet the requirements of a store.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_delivery::store::{MemoryStore, SqliteConfig, SqliteStore, conformance};
use std::sync::Arc;
use tempfile::TempDir;

#[test]
fn memory_conforms() {
    conformance::run(|| Arc::new(MemoryStore::new()), Arc::clone);
}

#[test]
fn one_sqlite_file_conforms() {
    let config = SqliteConfig::default();
    conformance::run(|| TempDir::new().unwrap(), |place| SqliteStore::open(place, &config).unwrap());
}

/// Every request works with the rows of one file only, so a store of many files conforms, too.
#[test]
fn eight_sqlite_files_conform() {
    let mut config = SqliteConfig::default().with_shards(8);
    config.readers = 2;
    conformance::run(|| TempDir::new().unwrap(), |place| SqliteStore::open(place, &config).unwrap());
}
