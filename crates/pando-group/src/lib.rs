//! Groups: the rules of RFC 9420 (sections 5.3, 7.2, 7.3, 10 to 13) and the state machine.
//!
//! - [`Group`] is a member's view of a group. It is created ([`Group::create`]) or joined
//!   ([`Group::join`]), takes messages ([`Group::process`]), and makes Commits ([`Group::commit`]),
//!   proposals and application messages.
//! - A Commit, received or made, becomes a [`Staged`] epoch; nothing of the group changes until it is merged
//!   ([`Group::merge`]), and merging cannot fail.
//! - [`PublicGroup`] follows a group without secrets, as a server or an observer does, by the same rules.
//! - Rules are functions in `rules`, one for each sentence of the RFC that says what must be refused, and
//!   each has its own [`Violation`].
//!
//! This crate is under construction: see the changelog for what works.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod commit;
mod config;
mod error;
mod external;
mod group;
mod identity;
mod join;
mod key_package;
mod keys;
mod process;
mod proposals;
mod psk;
mod public_group;
mod public_state;
mod rules;
mod transition;
mod violation;

pub use commit::{CommitBuilder, CommitOutput, Pending};
pub use config::GroupConfig;
pub use error::{GroupError, Missing, Misuse};
pub use external::ExternalJoin;
pub use group::Group;
pub use identity::{BasicIdentities, IdentityError, IdentityPolicy};
pub use key_package::{KeyPackageBundle, KeyPackageTemplate};
pub use process::Processed;
pub use proposals::PendingProposal;
pub use psk::{NoPsks, PskStore};
pub use public_group::{PublicGroup, PublicProcessed, PublicStaged};
pub use public_state::PublicState;
pub use transition::Staged;
pub use violation::Violation;
