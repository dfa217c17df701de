//! The log of a group, as the delivery service shows it (docs/protocol.md, section 7).
//!
//! The server chains the entries of a log by hashes and signs the newest hash, the *head*. A
//! [`Receipt`] proves that the server gave a message its place. A [`LogCursor`] is what a reader
//! remembers; it accepts only entries that continue the log. Two signed heads that contradict each
//! other are an [`Equivocation`], which convinces third parties.
//!
//! # Left out on purpose
//!
//! A reader cannot detect that the server withholds the newest entries.

mod cursor;
mod entry;
mod equivocation;
mod fork;
mod head;
mod key;
mod log_id;
mod receipt;

pub use cursor::{LogCursor, LogError};
pub use entry::{EntryError, EntryKind, LogEntry, LogPage};
pub use equivocation::Equivocation;
pub use fork::{EntrySummary, ForkEvidence};
pub use head::{Head, SignedHead};
pub use key::{HeadError, KeyId, ServerKey, ServerKeys, ServerPublicKey};
pub use log_id::LogId;
pub use receipt::{Receipt, ReceiptError};
