//! Groups: the rules of RFC 9420 (sections 5.3, 7.2, 7.3, 10 to 13) and the state machine.
//!
//! - [`Group`] is a member's view of a group. It is created ([`Group::create`]) or joined
//!   ([`Group::join`]), takes messages ([`Group::process`]), and makes Commits ([`Group::commit`]),
//!   proposals and application messages.
//! - A Commit, received or made, becomes a [`Staged`] epoch; nothing of the group changes until it is merged
//!   ([`Group::merge`]), which fails only if it is stale.
//! - [`Group::reinitialize`] and [`Group::branch`] make groups that follow from another,
//!   [`Group::join_successor`] joins them.
//! - Every operation that changes a group gives an [`Unpersisted`]: its result, and the [`Delta`] that is to be stored first.
//! - [`PublicGroup`] follows a group without secrets, as a server or an observer does, by the same rules. It
//!   cannot verify confirmation tags, so a GroupInfo comes with each Commit ([`PublicGroup::merge`]).
//! - Rules are functions in `rules`, one for each sentence of the RFC that says what must be refused, and
//!   each has its own [`Violation`].
//!
//! # Example
//!
//! Alice creates a group and adds Bob, who reads what she sends.
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto, Signer};
//! use pando_group::{
//!     BasicIdentities, Client, DefaultRules, Group, GroupConfig, KeyPackageBundle, KeyPackageTemplate, NoPsks, Processed, Rows,
//! };
//! use pando_wire::{
//!     Capabilities, CipherSuite, Credential, CredentialType, Extensions, Lifetime,
//! };
//! use rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // An application takes a generator that the operating system has seeded.
//! let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let suite_id = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
//! let suite = RustCrypto.suite(suite_id).ok_or("no such cipher suite")?;
//! let template = |name: &[u8]| KeyPackageTemplate {
//!     credential: Credential::Basic { identity: name.into() },
//!     capabilities: Capabilities::new([suite_id], [CredentialType::BASIC]),
//!     lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
//!     leaf_extensions: Extensions::default(),
//!     extensions: Extensions::default(),
//! };
//! let alice_signs = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
//! let bob_signs = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
//! let alice_bundle = KeyPackageBundle::new(suite, template(b"alice"), &*alice_signs, &mut rng)?;
//! let bob_bundle = KeyPackageBundle::new(suite, template(b"bob"), &*bob_signs, &mut rng)?;
//! fn client(signer: &dyn Signer) -> Client<'_> {
//!     let (policy, rules, psks) = (&BasicIdentities, &DefaultRules, &NoPsks);
//!     let (is_in_group, config) = (&|_: &_| false, GroupConfig::default());
//!     Client { crypto: &RustCrypto, signer, policy, rules, psks, is_in_group, now: None, config }
//! }
//! let (alice, bob) = (client(&*alice_signs), client(&*bob_signs));
//!
//! let id = b"tea".as_slice().into();
//! let (mut alices_rows, mut bobs_rows) = (Rows::new(), Rows::new());
//! let created = Group::create(suite, id, Extensions::default(), alice_bundle, &alice, &mut rng)?;
//! let mut alices = created.persist_to(&mut alices_rows)?;
//! let commit = alices.commit().add(bob_bundle.key_package.clone()).build(&alice, &mut rng)?;
//! let commit = commit.persist_to(&mut alices_rows)?;
//! // Once the delivery service has accepted the Commit:
//! alices.merge_pending()?.persist_to(&mut alices_rows)?;
//!
//! let welcome = commit.welcome.ok_or("a member was added")?;
//! let mut bobs = Group::join(&welcome, &bob_bundle, None, &bob)?.persist_to(&mut bobs_rows)?;
//! assert_eq!(alices.epoch_authenticator(), bobs.epoch_authenticator());
//!
//! let message = alices.encrypt(b"at five?", b"", &alice, &mut rng)?.persist_to(&mut alices_rows)?;
//! let processed = bobs.process(message, &bob)?.persist_to(&mut bobs_rows)?;
//! match processed {
//!     Processed::Application { data, .. } => assert_eq!(&*data, b"at five?"),
//!     other => return Err(format!("not a message: {other:?}").into()),
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod client_context;
mod config;
mod error;
mod group_rules;
mod identity;
mod operations;
mod psk;
mod public_group;
mod rules;
mod state;
mod storage;
mod violation;

pub use client_context::Client;
pub use config::{AcceptedHandshakes, GroupConfig, Limits};
pub use error::{Exceeded, GroupError, Missing, Misuse};
pub use group_rules::{AdmitAll, Advice, DefaultRules, GroupRules, LocalPolicy, RuleError};
pub use identity::{BasicIdentities, IdentityError, IdentityPolicy};
pub use operations::commit::{CommitBuilder, CommitOutput};
pub use operations::external_commit::ExternalJoin;
pub use operations::external_proposal::{propose_as_external_sender, propose_own_add};
pub use operations::key_package_bundle::{KeyPackageBundle, KeyPackageTemplate};
pub use operations::new_leaf::NewLeaf;
pub use operations::process::Processed;
pub use operations::proposal_filter::{LeftOut, LeftOutReason};
pub use operations::resumption::{Created, Successor};
pub use psk::{NoPsks, PskStore};
pub use public_group::{PublicGroup, PublicProcessed};
pub use state::commit_view::{CommitView, StateView};
pub use state::group::Group;
pub use state::group_state::GroupState;
pub use state::leaf_change::LeafChange;
pub use state::pending_proposal::PendingProposal;
pub use state::public_state::PublicState;
pub use state::staged::{PublicStaged, Staged};
pub use storage::delta::{Delta, DeltaError, Fit};
pub use storage::position::{Instance, Position, StateRow};
pub use storage::row_key::{EpochRow, OutboxId, OutboxKind, RowKey, Rows};
pub use storage::row_source::RowSource;
pub use storage::stored_group::StoredGroup;
pub use storage::unpersisted::{NotContiguous, PersistError, Unpersisted};
pub use violation::Violation;
