//! A store in SQLite.

mod backup;
mod checkpointer;
mod config;
mod connection;
mod folder;
mod gate;
mod job;
mod open_error;
mod queue;
mod reader;
mod rows;
mod shard;
mod signal;
mod sqlite_store;
mod wal;
mod writer;

pub use config::{QueueLimits, SqliteConfig};
pub use open_error::OpenError;
pub use sqlite_store::{Counters, SqliteStore};
