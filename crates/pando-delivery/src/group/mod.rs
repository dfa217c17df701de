//! The partition of a group: its log, its public state, its members, its Welcomes.
//!
//! Everything about a group is in one partition of the store, so that one transaction decides about
//! each message. Signatures and rules are checked before the transaction, on a snapshot
//! ([`CheckedCommit::check`], [`CheckedProposal::check`]). The transaction compares the epoch and
//! the position of the public state with those of the snapshot, and writes. A Commit with too many
//! rows for one transaction is decided by one transaction, too; see [`Parts`].
//!
//! All functions here are pure: they take rows, requests, the time and randomness, and neither read
//! a clock nor wait.
//!
//! # Left out on purpose
//!
//! The server has none of the group's secrets. It cannot verify the confirmation tag and the path
//! secrets of a Commit; see [`PublicGroup`](pando_mls::PublicGroup) and docs/protocol.md, section
//! 15.

pub mod acknowledgement;
mod append;
mod caller;
mod commit;
mod create;
mod due_removal;
mod environment;
mod expiry;
mod group_info;
mod group_row;
mod handshake;
mod key;
mod members;
mod message;
mod page;
mod parts;
mod past_epoch;
mod pending;
mod proposal;
pub(crate) mod public_rows;
mod relay;
mod removal;
mod report;
mod reservation;
mod reset;
mod state;
mod welcome;

pub use append::{Appended, Moment};
pub use caller::Caller;
pub use commit::CheckedCommit;
pub use create::{CheckedGroup, created_group, repeated_creation};
pub use environment::{Admission, Environment, RemoverKey};
pub use expiry::expire;
pub use handshake::{GroupSnapshot, Handshake};
pub use key::partition;
pub use message::ApplicationMessage;
pub use page::UnsignedPage;
pub use parts::{LargeWrite, Parts, apply_next, is_unfinished};
pub use pending::{CheckedCertificate, PendingCertificates};
pub use proposal::CheckedProposal;
pub use relay::{ChangeKind, MembershipChange, Relay};
pub use removal::{CheckedRemovals, RemovalSnapshot};
pub use report::{CheckedReport, ReportSnapshot, read_reports};
pub use reservation::reserve;
pub use reset::{CheckedReset, ResetSnapshot};
pub use state::{TreeRows, UnsignedState, summary};
pub use welcome::JoinerWelcome;
