//! MLS groups: the validity rules of RFC 9420 (sections 5.3, 7.2, 7.3 and 10 to 13) and the state
//! machine of a group.
//!
//! - [`Group`] is a member's view of a group. A client creates a group with [`Group::builder`] or
//!   joins one with [`Group::join`]. The group then processes messages ([`Group::process`]) and
//!   creates Commits ([`Group::commit`]), proposals and application messages.
//! - Every Commit, whether received or created, results in a [`Staged`] epoch. The group stays in
//!   its current epoch until [`Group::merge`] enters the staged epoch. A merge fails only if the
//!   staged epoch is stale or the group is not active.
//! - [`Group::reinitialize`] and [`Group::branch`] create a successor of a group, and
//!   [`Group::join_successor`] joins such a successor.
//! - Every operation that changes a group returns an [`Unpersisted`]. An `Unpersisted` holds the
//!   result of the operation and the [`Delta`] that must be stored before the result is used.
//! - [`PublicGroup`] lets a server or an observer follow a group without its secrets, by the same
//!   rules as members. A `PublicGroup` cannot verify confirmation tags, so it requires a GroupInfo
//!   with each Commit ([`PublicGroup::merge`]).
//! - The module `rules` contains one function for each sentence of the RFC that requires rejection.
//!   Each rule has its own [`Violation`].
//!
//! # Example
//!
//! Alice creates a group, adds Bob, and sends a message that Bob reads.
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto};
//! use pando_group::{BasicIdentities, Client, Group, Processed, Rows};
//! use pando_wire::{CipherSuite, Credential};
//! # use rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (rng, now) = (&mut rand_chacha::ChaCha20Rng::seed_from_u64(1), 1_800_000_000);
//! const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
//! let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
//! let client = Client::new(BasicIdentities);
//! let alice_signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! let bob_signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! // The context of a call combines the client's settings, the time and the signature key.
//! let (alice, bob) = (client.at(now, &*alice_signer), client.at(now, &*bob_signer));
//! let alice_bundle = alice.key_package(SUITE, Credential::basic("alice")).build(rng)?;
//! let bob_bundle = bob.key_package(SUITE, Credential::basic("bob")).build(rng)?;
//!
//! // Each result is available after the operation's changes are stored, here in memory.
//! let (mut alices_rows, mut bobs_rows) = (Rows::new(), Rows::new());
//! let mut alices = Group::builder("tea").build(alice_bundle, &alice, rng)?.persist_to(&mut alices_rows)?;
//! let commit = alices.commit().add(bob_bundle.key_package.clone()).build(&alice, rng)?;
//! let commit = commit.persist_to(&mut alices_rows)?;
//! // Merge the Commit after the delivery service has accepted it.
//! alices.merge_pending()?.persist_to(&mut alices_rows)?;
//!
//! let welcome = commit.welcome.ok_or("a member was added")?;
//! let mut bobs = Group::join(&welcome, &bob_bundle, None, &bob)?.persist_to(&mut bobs_rows)?;
//! assert_eq!(alices.epoch_authenticator(), bobs.epoch_authenticator());
//!
//! let message = alices.encrypt("at five?", &alice, rng)?.persist_to(&mut alices_rows)?;
//! let processed = bobs.process(message, &bob)?.persist_to(&mut bobs_rows)?;
//! assert!(matches!(processed, Processed::Application { data, .. } if *data == *b"at five?"));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "an overflow fails the test"
    )
)]

mod client;
mod config;
mod context;
mod error;
mod group_rules;
mod identity;
mod known_groups;
mod operations;
mod psk;
mod public_group;
mod rules;
mod state;
mod storage;
mod violation;

pub use client::Client;
pub use config::{AcceptedHandshakes, GroupConfig, Limits};
pub use context::Context;
pub use error::{Exceeded, GroupError, Missing, Misuse};
pub use group_rules::{AdmitAll, Advice, DefaultRules, GroupRules, LocalPolicy, RuleError};
pub use identity::{BasicIdentities, IdentityError, IdentityPolicy};
pub use known_groups::{KnownGroups, NoGroups};
pub use operations::check_key_package::check_key_package;
pub use operations::commit::{CommitBuilder, CommitOutput};
pub use operations::create::GroupBuilder;
pub use operations::external_commit::ExternalJoin;
pub use operations::external_proposal::{propose_as_external_sender, propose_own_add};
pub use operations::group_info::GroupInfoBuilder;
pub use operations::join::{Invitation, Offer, VerifiedOffer};
pub use operations::key_package_bundle::{KeyPackageBuilder, KeyPackageBundle, KeyPackageTemplate};
pub use operations::new_leaf::NewLeaf;
pub use operations::process::Processed;
pub use operations::proposal_filter::{LeftOut, LeftOutReason};
pub use operations::resumption::{Created, Successor};
pub use operations::send::ApplicationData;
pub use psk::{NoPsks, PskStore};
pub use public_group::{PublicGroup, PublicProcessed};
pub use state::commit_view::{CommitView, StateView};
pub use state::group::Group;
pub use state::group_state::GroupState;
pub use state::leaf_change::LeafChange;
pub use state::pending_proposal::PendingProposal;
pub use state::public_state::{Member, PublicState};
pub use state::staged::{PublicStaged, Staged};
pub use storage::delta::{Delta, DeltaError, Fit};
pub use storage::position::{Instance, Position, StateRow};
pub use storage::row_key::{EpochRow, OutboxId, OutboxKind, RowKey, Rows};
pub use storage::row_source::RowSource;
pub use storage::stored_group::StoredGroup;
pub use storage::unpersisted::{NotContiguous, PersistError, Unpersisted};
pub use violation::Violation;

/// The error of a failed read from a store.
pub use pando_tree::SourceError;
