//! Storage for clients of Messaging Layer Security (MLS). A store keeps groups, KeyPackages,
//! pre-shared keys and signature keys in SQLite or in memory, and can encrypt them.
//!
//! The library `pando-mls` performs no input or output. Each of its operations returns a result
//! together with a [`Delta`](pando_mls::Delta), which lists the rows to write and to delete.
//! [`Store::persist`] stores the Delta and the application's own rows in one transaction, and then
//! returns the result. Therefore, a client never uses a key twice and never loses an acknowledged
//! message, no matter when its process ends.
//!
//! # Example
//!
//! ```
//! # use pando_mls::{BasicIdentities, CipherSuite, Client, Credential, CryptoProvider, Encode, Group, GroupId, RustCrypto};
//! use pando_store::{Key, SqliteStore, StoreError};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use rand_core::SeedableRng;
//! # let folder = tempfile::tempdir()?;
//! # let (path, rng) = (folder.path().join("store"), &mut rand_chacha::ChaCha20Rng::seed_from_u64(1));
//! # let suite = RustCrypto.suite(CipherSuite(1)).ok_or("no such cipher suite")?;
//! # let signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! # let client = Client::new(BasicIdentities);
//! # let cx = client.at(1_800_000_000, &*signer);
//! # let bundle = cx.key_package(suite.cipher_suite(), Credential::basic("alice")).build(rng)?;
//! let key = Key::bytes(&[7; 32])?; // A real key comes from the operating system's key store.
//! let mut store = SqliteStore::open(&path, &key)?;
//! store.connection().execute_batch("CREATE TABLE IF NOT EXISTS outbox (message BLOB)")?;
//!
//! // Only one client at a time can hold a group's lock, even across processes.
//! let id = GroupId::from("tea");
//! let lock = store.lock(&id, Duration::from_secs(1))?;
//! let mut group = match store.load(&lock)? {
//!     Some(rows) => Group::load(&rows, &cx)?,
//!     None => {
//!         let created = Group::builder(id).build(bundle, &cx, rng)?;
//!         store.persist(&lock, created, |_, _| Ok::<_, StoreError>(()))?
//!     }
//! };
//!
//! // The message is stored together with the changed keys, and can be sent afterwards.
//! let encrypted = group.encrypt("at five?", &cx, rng)?;
//! let message = store.persist(&lock, encrypted, |transaction, message| {
//!     transaction.connection().execute("INSERT INTO outbox VALUES (?1)", [message.encode()?])?;
//!     Ok::<_, StoreError>(())
//! })?;
//! # drop(message);
//! # Ok(())
//! # }
//! ```
//!
//! This crate has two layers. The lower layer is [`Store`]. The upper layer is [`Session`], which
//! locks, loads and stores all groups of a client, and merges Commits. The programs
//! `examples/first.rs` and `examples/chat.rs` use sessions.
//!
//! # Functions by purpose
//!
//! | Purpose | Functions |
//! |---|---|
//! | keep the groups of a client, and process all messages | [`Session`] |
//! | use a session in an asynchronous program | `session::AsyncSession`, with the feature `async` |
//! | open a store | [`SqliteStore::open`](Store::open), [`Store::new`] with a [`Backend`] |
//! | load and write a group | [`Store::lock`], [`Store::load`], [`Store::persist`] |
//! | write several records in one transaction | [`Store::begin`], [`Transaction::apply`], [`Transaction::commit`] |
//! | load parts of a group on demand | [`Store::lock`], [`Store::source`], [`Group::open`](pando_mls::Group::open) |
//! | delete a group | [`Transaction::delete_group`] |
//! | join by a Welcome, and delete its KeyPackage | [`Store::key_package_for`], [`Transaction::use_key_package`] |
//! | publish a KeyPackage | [`Transaction::insert_key_package`], [`Transaction::remove_expired`] |
//! | store and use signature keys | [`Transaction::put_signer`], [`Store::signer`] |
//! | store and use pre-shared keys | [`Transaction::put_psk`]; the store is the [`PskStore`](pando_mls::PskStore) of a [`Context`](pando_mls::Context) |
//! | rejoin by an external Commit | [`Store::joining`], [`Store::load_joining`], [`Transaction::abandon_join`] |
//! | read single rows | [`Store::row`], [`Store::rows`] |
//! | change keys | [`Store::rewrap`], [`Store::rotate`], [`Store::shred`], and [`Store::erase`] after [`StoreError::NotErased`] |
//! | inspect and check a store | [`Store::inspect`], [`Store::verify`] |
//!
//! # After an error
//!
//! When [`Store::persist`] fails, its error contains the result and the changes. Persist the result
//! and the changes again, even if it is unknown whether they were stored. Rows that are already
//! stored do not change, and the application's rows are not written twice. If the error is dropped,
//! the changes return to the [`Group`](pando_mls::Group), and the next operation includes them. In
//! that case, a received message is lost, because its key is deleted. To be able to receive the
//! message again, drop the group and load it from the store.
//!
//! If the application separates a Delta from its result and loses the Delta, the store refuses all
//! later Deltas of the group with [`StoreError::Stale`].
//!
//! # Encryption and deletion
//!
//! A [`Key`] encrypts a store. Each value is encrypted separately and bound to its place in the
//! store. `docs/storage.md` describes the format, the metadata that stays visible, the attacks that
//! are not detected (such as the replacement of the store by an older copy), and the erasure of
//! deleted contents ([`Erase`]). This crate overwrites secrets in its memory when it drops them;
//! SQLite does not overwrite its caches.
//!
//! # Without SQLite
//!
//! The SQLite backend requires the default feature `sqlite`. Without that feature, the crate
//! provides [`Memory`], supports the application's own [`Backend`]s, and compiles for
//! `wasm32-unknown-unknown`.
//!
//! The store's keys and nonces are random bytes, which the crate `getrandom` reads from the
//! operating system. On `wasm32-unknown-unknown`, there is no operating system, so the application
//! must choose a source for `getrandom`: the feature `wasm_js` in browsers and Node.js, or a custom
//! backend elsewhere. The target `wasm32-unknown-unknown` has no clock either. Acquiring a lock
//! that is already held therefore fails immediately with [`StoreError::Busy`], whatever the
//! timeout.
//!
//! # Non-goals
//!
//! This crate does not provide backups, synchronisation between devices, or queries on the
//! library's rows. If two clients use copies of the same store, they use the same keys twice.

mod backend;
mod cipher;
#[cfg(feature = "sqlite")]
mod compact;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod faults;
mod former_groups;
#[cfg(test)]
mod golden;
mod group;
mod inspect;
mod instance;
mod key;
mod key_packages;
#[cfg(feature = "sqlite")]
mod log;
mod memory;
mod no_signer;
mod psks;
mod records;
mod rotate;
pub mod session;
mod signers;
#[cfg(feature = "sqlite")]
mod slots;
mod source;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod transaction;

pub use backend::{Backend, Each, Guard};
pub use error::{IoKind, Misuse, Record, StoreError};
#[cfg(feature = "failpoints")]
pub use faults::FAILPOINTS;
pub use former_groups::OldWelcome;
pub use group::GroupLock;
pub use inspect::{Amount, Finding, Inventory, StoredGroupEntry};
pub use key::{Argon2Cost, Argon2Limit, FORMAT, Key};
pub use key_packages::{KEY_PACKAGE_GRACE, StoredKeyPackage};
pub use memory::Memory;
#[cfg(feature = "sqlite")]
pub use rusqlite;
pub use session::Session;
pub use signers::StoredSigner;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
pub use store::{Erase, Store};
pub use transaction::Transaction;

/// A store in a file.
#[cfg(feature = "sqlite")]
pub type SqliteStore = Store<Sqlite>;

/// A store in memory.
pub type MemoryStore = Store<Memory>;
