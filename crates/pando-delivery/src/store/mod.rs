//! Storage of the delivery service.
//!
//! A [`Store`] is an ordered map of rows in partitions. All rows of a group are in one partition,
//! and all rows of a client are in another one. A write transaction touches exactly one partition.
//! The layers above give the rows a meaning. The store knows only bytes, so an implementation is
//! small, and partitions can be spread over any number of files or servers without distributed
//! transactions.
//!
//! ```
//! use pando_delivery::store::{KeyRange, ScanLimit, SqliteConfig, SqliteStore, Store, StoreError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("store");
//! let store = SqliteStore::open(folder, &SqliteConfig::default())?;
//!
//! // Append an entry to the log of a group. When `write` returns, the entry is durable.
//! let entry = b"hello".to_vec();
//! let number = store
//!     .write(b"g/tea", entry.len(), move |transaction| {
//!         let last = transaction.last(&KeyRange::prefix(*b"log/"))?;
//!         let number = last.map_or(0, |row| row.key.last().copied().unwrap_or_default() + 1);
//!         transaction.put(&[&b"log/"[..], &[number]].concat(), &entry)?;
//!         Ok::<_, StoreError>(number)
//!     })
//!     .await?;
//! assert_eq!(number, 0);
//!
//! // Read a page of the log.
//! let limit = ScanLimit { rows: 100, bytes: 1 << 20 };
//! let log = KeyRange::prefix(*b"log/");
//! let page = store.read(b"g/tea", move |rows| rows.scan(&log, limit)).await?;
//! assert_eq!(page.rows.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Implementations
//!
//! [`SqliteStore`] stores partitions in one or more SQLite files. [`MemoryStore`] is for tests. The
//! function `conformance::run`, which requires the feature `conformance`, tests any implementation
//! against the requirements of [`Store`].
//!
//! # After an error
//!
//! [`StoreError::may_have_taken_effect`] tells whether a request may have taken effect. If it may
//! have, the caller must not assume either outcome. The caller repeats the request, which must
//! therefore be idempotent: `work` first looks for the result of an earlier attempt. Alternatively,
//! the caller reads the rows within a write request that also writes a row. A read request is not
//! enough, because a request with an unknown outcome can still take effect at the next start of the
//! process, until a later write to the same partition has succeeded.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod faults;
mod interface;
mod memory;
mod range;
mod sqlite;

pub use error::{Failure, FailureKind, Limit, StoreError};
#[cfg(feature = "failpoints")]
pub use faults::FAILPOINTS;
pub use interface::{Snapshot, Store, Transaction};
pub use memory::MemoryStore;
pub use range::{Due, KeyRange, Page, Row, ScanLimit};
pub use sqlite::{Counters, OpenError, QueueLimits, SqliteConfig, SqliteStore};
