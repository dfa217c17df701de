//! What a client of Messaging Layer Security keeps: its groups, KeyPackages, pre-shared keys and signature keys.
//!
//! x

mod backend;
mod cipher;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod faults;
#[cfg(test)]
mod golden;
mod group;
mod inspect;
mod key;
mod key_packages;
mod memory;
mod migrate;
mod psks;
mod rotate;
mod signers;
mod slots;
mod source;
mod sqlite;
mod store;
mod transaction;

pub use backend::{Backend, Each, Guard};
pub use error::{IoKind, Misuse, Record, StoreError};
#[cfg(feature = "failpoints")]
pub use faults::FAILPOINTS;
pub use group::GroupLock;
pub use inspect::{Amount, Finding, Inventory, StoredGroupEntry};
pub use key::{Argon2Cost, FORMAT, Key};
pub use key_packages::StoredKeyPackage;
pub use memory::Memory;
pub use psks::StorePsks;
pub use rusqlite;
pub use signers::StoredSigner;
pub use sqlite::Sqlite;
pub use store::{Erase, Store};
pub use transaction::Transaction;

/// A store in a file.
pub type SqliteStore = Store<Sqlite>;

/// A store in memory.
pub type MemoryStore = Store<Memory>;
