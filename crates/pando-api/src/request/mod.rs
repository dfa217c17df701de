//! The bodies of requests and responses about groups, KeyPackages, the inbox, blobs, removals and
//! reports (docs/protocol.md, sections 7 and 10 to 15).
//!
//! # Left out on purpose
//!
//! Messages, KeyPackages and GroupInfos stay encoded in `Opaque` fields: a server stores and serves
//! exactly the bytes that it received, and decodes them with its own limits.

mod blobs;
mod groups;
mod inbox;
mod key_packages;
mod log;
mod removals;
mod reports;

pub use blobs::Blob;
pub use groups::{
    CreateGroup, GroupList, GroupState, GroupSummary, PendingProposal, SubmitCommit, SubmitMessage,
};
pub use inbox::{InboxEntry, InboxPage};
pub use key_packages::{
    ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackage, ClaimedKeyPackages, KeyPackageCount,
    KeyPackageCounts, UploadKeyPackages,
};
pub use log::Acknowledgement;
pub use removals::RemovalIntent;
pub use reports::{Failure, Report, ReportError, ReportStatement, Reports, Reset};
