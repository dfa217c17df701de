//! Stores as applications use them, with one scenario in each file.

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

#[path = "../../../pando-mls/tests/support/names.rs"]
mod names;
#[path = "../people/mod.rs"]
mod people;

mod a_delta_is_stored_once;
mod a_group_lives_in_its_store;
mod a_key_package_is_used_once;
mod an_external_join_is_pending;
mod an_old_welcome_revives_nobody;
mod applications_write_along;
mod deleted_secrets_are_nowhere;
mod keys_are_changed;
mod older_formats;
mod one_writer_for_a_group;
mod pre_shared_keys;
mod records_stay_in_their_place;
mod rows_of_another_time;
mod rows_per_operation;
mod signature_keys;
mod the_journal_is_a_log;
mod the_key_must_be_right;
mod what_is_in_a_store;
mod who_was_removed_comes_back;

use pando_store::{Backend, Key, Memory, Store};
use people::sqlite;
use tempfile::TempDir;

/// Runs a scenario with stores of each kind: in memory and in a file, both in clear and encrypted.
macro_rules! for_each_store {
    ($story:path) => {
        $story(&crate::InMemory(Default::default(), pando_store::Key::None));
        $story(&crate::InMemory(Default::default(), pando_store::Key::bytes(&[7; 32]).unwrap()));
        $story(&crate::InFile(tempfile::TempDir::new().unwrap(), pando_store::Key::None));
        $story(&crate::InFile(tempfile::TempDir::new().unwrap(), pando_store::Key::bytes(&[7; 32]).unwrap()));
    };
}
pub(crate) use for_each_store;

/// A place for several stores, by name.
pub(crate) trait Place {
    type Backend: Backend;

    /// Opens a store, or creates it.
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
