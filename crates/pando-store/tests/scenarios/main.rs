//! Scenarios of stores as applications use them. Each file contains one scenario.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    reason = "a panic fails the test; some methods are not general enough"
)]

#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../../../pando-mls/tests/support/names.rs"]
mod names;

mod application_records;
mod application_rows;
mod erasure;
mod external_joins;
mod group_lifecycle;
mod group_locks;
mod inspect;
mod journal_mode;
mod key_changes;
mod key_packages;
mod moved_records;
mod old_welcomes;
mod older_formats;
mod outdated_rows;
mod pre_shared_keys;
mod rejoining;
mod rows_per_operation;
mod signature_keys;
mod stale_deltas;
mod wrong_keys;

use fixtures::sqlite;
use pando_store::{Backend, Key, Memory, Store};
use tempfile::TempDir;

/// Runs a scenario with stores of each kind: in memory and in a file, both unencrypted and
/// encrypted.
macro_rules! for_each_store {
    ($scenario:path) => {
        $scenario(&crate::InMemory(Default::default(), pando_store::Key::None));
        $scenario(&crate::InMemory(Default::default(), pando_store::Key::bytes(&[7; 32]).unwrap()));
        $scenario(&crate::InFile(tempfile::TempDir::new().unwrap(), pando_store::Key::None));
        $scenario(&crate::InFile(
            tempfile::TempDir::new().unwrap(),
            pando_store::Key::bytes(&[7; 32]).unwrap(),
        ));
    };
}
pub(crate) use for_each_store;

/// A place in which several stores exist, each with its own name.
pub(crate) trait Place {
    type Backend: Backend;

    /// Opens a store, or creates it if it does not exist.
    fn open(&self, name: &str) -> Store<Self::Backend>;
}

pub(crate) struct InMemory(
    pub(crate) std::cell::RefCell<std::collections::BTreeMap<String, Memory>>,
    pub(crate) Key,
);

impl Place for InMemory {
    type Backend = Memory;

    fn open(&self, name: &str) -> Store<Memory> {
        let mut databases = self.0.borrow_mut();
        Store::new(databases.entry(name.into()).or_default().again().unwrap(), &self.1).unwrap()
    }
}

pub(crate) struct InFile(pub(crate) TempDir, pub(crate) Key);

impl Place for InFile {
    type Backend = pando_store::Sqlite;

    fn open(&self, name: &str) -> Store<pando_store::Sqlite> {
        sqlite(&self.0.path().join(name), &self.1).unwrap()
    }
}
