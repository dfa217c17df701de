//! The delivery service of Messaging Layer Security (RFC 9750, section 5): a durable, ordered and
//! validated log for each group.
//!
//! - [`store`]: rows in partitions, in SQLite or in memory.
//! - [`group`]: the rules by which the partition of a group changes.
//! - [`account`]: the rules by which the partition of a user changes: sessions, KeyPackages, the
//!   inbox, and the list of groups.
//! - [`blob`]: the rules by which the partition of a blob changes.
//! - [`service`]: the requests of docs/protocol.md, over a store.
//! - [`http`]: these requests over HTTP and TLS.
//!
//! Only [`http`] reads a clock. All other modules take the time and randomness as arguments.

pub mod account;
pub mod blob;
mod error;
pub mod group;
pub mod http;
mod rows;
pub mod service;
pub mod store;

pub use error::Refusal;
