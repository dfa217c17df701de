//! The partition of an account: everything that the server stores for the clients of one user.
//!
//! - [`sessions`]: logins, and the highest certificate version of each client (docs/protocol.md,
//!   sections 3 and 6.1).
//! - [`CheckedUpload`], [`count()`] and [`Claim`]: KeyPackages (sections 6.2 and 12).
//! - [`inbox`]: pointers to Welcomes (section 13).
//! - [`group_list`]: the groups in which a client of the user is a member (section 10).
//! - [`expire`]: deletes the rows whose time has passed.
//!
//! All clients of a user share a partition, so that one transaction claims KeyPackages of all of
//! them. As in [`group`](crate::group), all functions are pure. Signatures are verified before the
//! transaction.
//!
//! # Left out on purpose
//!
//! - Rates and quotas of requests, for example of claims by one claimer. The layer above limits
//!   them before it calls a function of this module.
//! - The contents of Welcomes and the state of groups, which are in the partitions of the groups.
//! - The deletion of an account.

mod claim;
mod client_row;
mod count;
mod expiry;
pub mod group_list;
pub mod inbox;
mod key;
mod key_package_rows;
pub mod sessions;
mod upload;

pub use claim::{CLAIM_RETENTION, Claim};
pub use client_row::MAX_CLIENTS;
pub use count::count;
pub use expiry::expire;
pub use key::partition;
pub use key_package_rows::MIN_REMAINING;
pub use upload::{CheckedUpload, MAX_KEY_PACKAGE_BYTES, MAX_STORED, MAX_UPLOADED};
