//! Messaging Layer Security (RFC 9420): end-to-end encrypted groups of two to fifty thousand
//! clients.
//!
//! This crate is the public API of Pando. The crate re-exports everything that an application needs
//! to use groups.
//!
//! # Two members
//!
//! Alice creates a group, adds Bob and sends a message. Bob joins and reads it.
//!
//! ```
//! use pando_mls::*;
//! # use rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (rng, now) = (&mut rand_chacha::ChaCha20Rng::seed_from_u64(1), 1_800_000_000);
//! const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
//! let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
//! let client = Client::new(BasicIdentities);
//! let alice_signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! let bob_signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! // Calls take a context: the client's settings, the current time and its signature key.
//! let (alice, bob) = (client.at(now, &*alice_signer), client.at(now, &*bob_signer));
//! let alice_bundle = alice.key_package(SUITE, Credential::basic("alice")).build(rng)?;
//! let bob_bundle = bob.key_package(SUITE, Credential::basic("bob")).build(rng)?;
//!
//! // An operation gives its result once its changes are stored: here in memory, usually in a
//! // database.
//! let (mut alices_rows, mut bobs_rows) = (Rows::new(), Rows::new());
//! let mut alices = Group::builder("tea").build(alice_bundle, &alice, rng)?.persist_to(&mut alices_rows)?;
//! let commit = alices.commit().add(bob_bundle.key_package.clone()).build(&alice, rng)?;
//! let commit = commit.persist_to(&mut alices_rows)?;
//! // Once the delivery service has accepted the Commit:
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
//!
//! The folder `examples` contains longer examples: many members, external joins, pre-shared keys,
//! reinitialization, and a server that follows a group.
//!
//! # Operations
//!
//! | Task | API | RFC 9420 |
//! |---|---|---|
//! | publish a KeyPackage | [`Context::key_package`] | 10 |
//! | check a KeyPackage before storing it for other clients | [`check_key_package`] | 10.1 |
//! | create a group | [`Group::builder`] | 11 |
//! | add or remove members, replace extensions, mix in PSKs, end the group | [`Group::commit`], [`CommitBuilder`] | 12.4.1 |
//! | renew our keys | [`Group::commit`] without proposals | 12.4 |
//! | change our credential or signature key | [`CommitBuilder::new_leaf`] | 7.3, 12.4.1 |
//! | propose a change for another member to commit | [`Group::propose`], [`Group::propose_update`] | 12.1 |
//! | discard a pending proposal on this client | [`Group::withdraw_proposal`] | 12.1 |
//! | list the proposals that a Commit leaves out, and why | [`CommitOutput::left_out`] | 12.2 |
//! | restrict the changes that a group allows | [`GroupRules`] | 12.2 |
//! | process any incoming message | [`Group::process`] | 6, 12.4.2, 15 |
//! | enter the next epoch | [`Group::merge`], [`Group::merge_pending`] | 12.4.2 |
//! | send application data | [`Group::encrypt`] | 15 |
//! | join by a Welcome | [`Group::join`], or step by step from an [`Invitation`] | 12.4.3.1 |
//! | join without a Welcome, or rejoin after losing the state | [`ExternalJoin`] with a [`Group::group_info`] | 12.4.3.2 |
//! | propose as an external sender or a new member | [`propose_as_external_sender`], [`propose_own_add`] | 12.1.8 |
//! | continue with another suite, or with some of the members | [`Group::reinitialize`], [`Group::branch`] | 11.2, 11.3 |
//! | join a reinitialized group or a branch | [`Group::join_successor`] | 11.2, 11.3 |
//! | derive keys for the application | [`Group::export`], [`Group::resumption_psk`] | 8.5, 8.6 |
//! | authenticate an epoch out of band | [`Group::epoch_authenticator`] | 8.7 |
//! | follow a group without its secrets | [`PublicGroup`] | RFC 9750 |
//! | store and load groups | [`Unpersisted`], [`Delta`], [`Group::load`], [`Group::open`], [`PublicGroup::open`]; the crate `pando-store` | – |
//! | authenticate members by X.509 certificates | [`X509Identities`], [`x509`] | 5.3 |
//!
//! # Commits and the delivery service
//!
//! All members must apply the same Commits in the same order. The delivery service ensures this by
//! accepting only one Commit per epoch. After [`CommitBuilder::build`], a Commit is therefore
//! *pending* until the delivery service has decided:
//!
//! - If it has accepted our Commit, call [`Group::merge_pending`]. A client may also learn this by
//!   receiving its own Commit ([`Processed::OwnCommit`]).
//! - If it has accepted another Commit, pass that Commit to [`Group::process`] and
//!   [`Group::merge`]. Our pending Commit is then discarded, and [`Group::merge`] returns its
//!   proposals. Before proposing them again, check that they still make sense: a leaf that we
//!   wanted to remove may belong to another member by then.
//! - If it has accepted no Commit, call [`Group::clear_pending`].
//!
//! A [`Staged`] epoch is completely verified, but changes nothing until it is merged. To restrict
//! which changes a group allows, use [`GroupRules`] that are the same for all members and servers.
//! A member that rejects a Commit because of rules of its own forks the group.
//! [`PublicStaged::leaf_changes`] lists the members that are added, removed or changed.
//!
//! # Servers
//!
//! A delivery service that receives handshake messages as PublicMessages can follow a group with a
//! [`PublicGroup`]. Such a server knows none of the group's secrets, so it **cannot verify the
//! confirmation tag of a Commit**. Nor can it distinguish the committer's signature from another
//! valid one. If a Commit for the server is altered in transit, the server accepts it but the
//! members reject it. The server is then in an epoch that no member is in. Therefore:
//!
//! - The committer sends a GroupInfo of the new epoch along with the Commit. The committer obtains
//!   the GroupInfo from [`CommitBuilder::with_group_info`], or from [`Group::group_info`] after an
//!   external join. The server passes the Commit and the GroupInfo to [`PublicGroup::merge`], which
//!   rejects a Commit that was altered in transit.
//! - [`PublicGroup::merge_unconfirmed`] is for observers that receive no GroupInfo. Such observers
//!   detect an altered Commit only one or two Commits later.
//! - [`PublicGroup::roll_back`] returns to the previous state, in which the original Commit can be
//!   merged.
//!
//! A GroupInfo proves only what its signer claims. If other members send messages in the new epoch,
//! these show that they have merged the Commit, too.
//!
//! # Storing
//!
//! The library performs no input or output. An operation returns its result in an [`Unpersisted`],
//! along with a [`Delta`], which lists the rows to write and to delete. For a Commit, there are
//! O(log N) such rows. [`Unpersisted::persist`] releases the result only after the Delta is stored,
//! so nothing is sent or displayed earlier. If a result is dropped, its changes stay in the group,
//! and the Delta of the next operation includes them. After an error, [`Group::take_delta`] returns
//! the state changes of the failed operation. [`Group::load`] reads a stored group completely;
//! [`Group::open`] reads its tree lazily.
//!
//! A Delta names the state that it applies to ([`Delta::check`]). A Delta does not match the stored
//! state if an earlier Delta was lost, or if another object of the same group has written. In this
//! case, load the group again. Storing the same Delta twice is harmless.
//!
//! Messages that must be sent after our Commit is accepted, such as a Welcome, wait in
//! [`Group::outbox`], which survives restarts. Send them unchanged, and then call
//! [`Group::acknowledge`].
//!
//! # Rejoining
//!
//! An [`ExternalJoin`] returns a group in the state [`GroupState::Joining`]. This group can neither
//! send nor receive until its Commit is accepted and [`Group::merge_pending`] is called. Store the
//! new group separately from the group that the client had before, which stays usable. If the
//! delivery service accepts another Commit instead, drop the new one and its rows.
//!
//! # Time, randomness, identities
//!
//! The time is an argument of [`Client::at`], in seconds since 1970. Randomness is also passed as
//! an argument, and must come from a cryptographically secure generator. The [`IdentityPolicy`]
//! authenticates members: [`BasicIdentities`] accepts every name, [`X509Identities`] validates
//! certificate chains, and applications can implement their own policies. All members of a group
//! must use policies that make the same decisions.
//!
//! # Threads
//!
//! Operations on many items, such as large Commits and joins, run in parallel on the global `rayon`
//! pool. If the library is called on a thread of that pool, the thread may execute other work of
//! the pool while it waits. Such a thread must not hold a lock that other work acquires, such as a
//! lock around a group.
//!
//! # Errors
//!
//! A [`GroupError`] names the cause: malformed bytes, a peer that broke a rule ([`Violation`], with
//! the section of the RFC), cryptography, a missing item ([`Missing`]), a limit of this client
//! ([`Exceeded`]), or a mistake of the caller ([`Misuse`]). On error the group is unchanged, except
//! that the key of an authentic but rejected private message has been deleted. A Commit that failed
//! because a proposal or a PSK was missing can be processed again.
//!
//! # Left out on purpose
//!
//! This crate does not provide networking, stores (`pando-store` is one), directories of users, or
//! user interfaces. The building blocks for studying or extending the protocol are in the crates
//! below this one: `pando-wire`, `pando-crypto`, `pando-tree`, `pando-schedule`, `pando-framing`,
//! `pando-group`.

#[cfg(feature = "aws-lc")]
pub use pando_crypto::AwsLc;
// Cryptographic types.
pub use pando_crypto::{
    CryptoError, CryptoProvider, CryptoRng, HpkeKeyPair, HpkePrivateKey, RustCrypto, SecretBytes,
    SignaturePrivateKey, Signer, Suite,
};
// Types for groups.
pub use pando_framing::{FramingError, Padding};
pub use pando_group::{
    AcceptedHandshakes, AdmitAll, Advice, ApplicationData, BasicIdentities, Client, CommitBuilder,
    CommitOutput, CommitView, Context, Created, DefaultRules, Delta, DeltaError, EpochRow, Exceeded,
    ExternalJoin, Fit, Group, GroupBuilder, GroupConfig, GroupError, GroupInfoBuilder, GroupRules,
    GroupState, IdentityError, IdentityPolicy, Instance, Invitation, KeyPackageBuilder, KeyPackageBundle,
    KeyPackageTemplate, KnownGroups, LeafChange, LeftOut, LeftOutReason, Limits, LocalPolicy, Member,
    Missing, Misuse, NewLeaf, NoGroups, NoPsks, NotContiguous, Offer, OutboxId, OutboxKind, PendingProposal,
    PersistError, Position, Processed, PskStore, PublicGroup, PublicProcessed, PublicStaged, PublicState,
    RowKey, RowSource, Rows, RuleError, Staged, StateRow, StateView, StoredGroup, Successor, Unpersisted,
    VerifiedOffer, Violation, check_key_package, propose_as_external_sender, propose_own_add,
};
pub use pando_schedule::{EpochAuthenticator, PskValue, RatchetLimits, RatchetType, ScheduleError, SecretId};
pub use pando_tree::{KeyKind, LeafTemplate, SourceError, Tree, TreeError, TreeKey};
pub use pando_x509::{X509Config, X509Identities};
// X.509 certificates: names, validation, and validation errors.
pub use pando_x509 as x509;
// The protocol's structures. The module `wire` contains all of them, and the common ones are
// re-exported here, too.
pub use pando_wire as wire;
pub use pando_wire::{
    Add, Capabilities, CipherSuite, ContentType, Credential, CredentialType, Decode, DecodeError, Encode,
    EncodeError, Extension, ExtensionType, Extensions, GroupContext, GroupId, GroupInfo, KeyPackage,
    LeafIndex, LeafNode, Lifetime, MlsMessage, MlsMessageBody, Opaque, Proposal, ProposalRef, ProposalType,
    ProtocolVersion, Psk, ReInit, Remove, Sender, Signature, SignaturePublicKey, Update, Welcome,
};
