//! What a client of Messaging Layer Security keeps: its groups, KeyPackages, pre-shared keys and signature keys, in
//! SQLite or in memory, encrypted or not.
//!
//! The library below does no input or output: the result of each operation comes with a [`Delta`](pando_mls::Delta), rows to
//! write and to delete. This crate stores it, in one transaction with what the application writes itself, and then gives the
//! result ([`Store::persist`]). So no key is used twice and nothing that was acknowledged is lost, whenever the process ends.
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
//! let key = Key::bytes(&[7; 32])?; // From the operating system's store of keys.
//! let mut store = SqliteStore::open(&path, &key)?;
//! store.connection().execute_batch("CREATE TABLE IF NOT EXISTS outbox (message BLOB)")?;
//!
//! // The lock of a group is for one client at a time, across processes.
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
//! // The message is stored with the keys that it has used up, and sent after that.
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
//! This is the lower layer. A [`Session`] does it for all groups of a client, Commits included: `examples/first.rs` and
//! `examples/chat.rs` use it.
//!
//! # What to call for what
//!
//! | To do this | call |
//! |---|---|
//! | keep the groups of a client, and take any message | [`Session`] |
//! | do that in an asynchronous program | `session::AsyncSession`, with the feature `async` |
//! | open a store | [`SqliteStore::open`](Store::open), [`Store::new`] with a [`Backend`] |
//! | write a group | [`Store::lock`], [`Store::load`], [`Store::persist`] |
//! | write several things at once | [`Store::begin`], [`Transaction::apply`], [`Transaction::commit`] |
//! | read no more of a group than is needed | [`Store::lock`], [`Store::source`], [`Group::open`](pando_mls::Group::open) |
//! | forget a group | [`Transaction::delete_group`] |
//! | join, and use a KeyPackage up | [`Store::key_package_for`], [`Transaction::use_key_package`] |
//! | publish a KeyPackage | [`Transaction::insert_key_package`], [`Transaction::remove_expired`] |
//! | sign | [`Transaction::put_signer`], [`Store::signer`] |
//! | have pre-shared keys | [`Transaction::put_psk`]; the store is the [`PskStore`](pando_mls::PskStore) of a [`Context`](pando_mls::Context) |
//! | come back by an external Commit | [`Store::joining`], [`Store::load_joining`], [`Transaction::abandon_join`] |
//! | read rows one by one | [`Store::row`], [`Store::rows`] |
//! | change keys | [`Store::rewrap`], [`Store::rotate`], [`Store::shred`], and [`Store::erase`] after [`StoreError::NotErased`] |
//! | look inside | [`Store::inspect`], [`Store::verify`] |
//!
//! # After an error
//!
//! When [`Store::persist`] fails, its error has the result and the changes. Store them again, also if it is unknown whether they
//! were stored: what is stored already changes nothing, and the application's rows are not written twice. If the error is
//! dropped, the changes return to the [`Group`](pando_mls::Group), and the next operation has them; a message that was received
//! is lost then, because its key is deleted. Drop the group and load it again instead, and the message can be received again.
//! Whatever a group returns after a Delta that was taken from its result and lost is refused: [`StoreError::Stale`].
//!
//! # Encryption and deletion
//!
//! A [`Key`] encrypts a store. Each value is sealed by itself and bound to its place. `docs/storage.md` has the format, the
//! metadata that stays visible, what is not detected (an old state that comes back), and how deleted contents are made
//! unreadable ([`Erase`]). Secrets in this crate's memory are overwritten when they are dropped; those in SQLite's own
//! caches are not.
//!
//! # Without SQLite
//!
//! SQLite comes with the default feature `sqlite`. Without it, the crate has [`Memory`] and takes the application's own
//! [`Backend`]s, and compiles for `wasm32-unknown-unknown`.
//!
//! The store's keys and nonces are random bytes of the operating system, which the crate `getrandom` reads. On
//! `wasm32-unknown-unknown` there is none, so the application must choose a source for that crate: its feature `wasm_js` in
//! browsers and Node.js, a custom backend elsewhere. That target has no clock either: taking a lock that is held fails
//! at once with [`StoreError::Busy`], whatever the time to wait.
//!
//! # Left out on purpose
//!
//! Backups, synchronisation between devices, and queries into the library's rows. A store that is copied and used
//! twice uses keys twice.

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
