//! Messaging Layer Security (RFC 9420): end-to-end encrypted groups of two to fifty thousand clients. This crate is
//! what an application imports; what is not here is not needed to use groups.
//!
//! # Two members
//!
//! Alice creates a group and adds Bob, who reads what she sends.
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
//! // What each call takes of a client: its settings, the time and its signature key.
//! let (alice, bob) = (client.at(now, &*alice_signer), client.at(now, &*bob_signer));
//! let alice_bundle = alice.key_package(SUITE, Credential::basic("alice")).build(rng)?;
//! let bob_bundle = bob.key_package(SUITE, Credential::basic("bob")).build(rng)?;
//!
//! // The result of an operation comes out when its changes are stored: here in memory, in a client in a database.
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
//! The folder `examples` has longer ones: many members, external joins, pre-shared keys, reinitialization, and a server
//! that follows a group.
//!
//! # What to call for what
//!
//! | To do this | call | RFC 9420 |
//! |---|---|---|
//! | publish a KeyPackage | [`Context::key_package`] | 10 |
//! | create a group | [`Group::builder`] | 11 |
//! | add, remove, replace extensions, mix keys in, end the group | [`Group::commit`], [`CommitBuilder`] | 12.4.1 |
//! | renew one's own keys | [`Group::commit`] without anything | 12.4 |
//! | change one's own credential or signature key | [`CommitBuilder::new_leaf`] | 7.3, 12.4.1 |
//! | propose something that another commits | [`Group::propose`], [`Group::propose_update`] | 12.1 |
//! | take a pending proposal back on this client | [`Group::withdraw_proposal`] | 12.1 |
//! | see which proposals a Commit leaves out, and why | [`CommitOutput::left_out`] | 12.2 |
//! | say what a group allows | [`GroupRules`] | 12.2 |
//! | take any message | [`Group::process`] | 6, 12.4.2, 15 |
//! | enter the next epoch | [`Group::merge`], [`Group::merge_pending`] | 12.4.2 |
//! | send data | [`Group::encrypt`] | 15 |
//! | join by a Welcome | [`Group::join`], or step by step from an [`Invitation`] | 12.4.3.1 |
//! | join without one, or come back after a loss | [`ExternalJoin`] with a [`Group::group_info`] | 12.4.3.2 |
//! | propose from outside | [`propose_as_external_sender`], [`propose_own_add`] | 12.1.8 |
//! | go on with another suite, or with some members | [`Group::reinitialize`], [`Group::branch`] | 11.2, 11.3 |
//! | join what goes on | [`Group::join_successor`] | 11.2, 11.3 |
//! | keys for the application | [`Group::export`], [`Group::resumption_psk`] | 8.5, 8.6 |
//! | compare with another member | [`Group::epoch_authenticator`] | 8.7 |
//! | follow a group without its secrets | [`PublicGroup`] | RFC 9750 |
//! | store, and load again | [`Unpersisted`], [`Delta`], [`Group::load`], [`Group::open`], [`PublicGroup::open`]; the crate `pando-store` | – |
//! | have identities by certificates | [`X509Identities`], [`x509`] | 5.3 |
//!
//! # Commits and the delivery service
//!
//! All members must take the same Commits in the same order, which the delivery service arranges: of the Commits of one
//! epoch it accepts one. So a Commit of one's own is *pending* when it was made. Then
//!
//! - it was accepted: [`Group::merge_pending`]. That it was may also be learned by its coming back
//!   ([`Processed::OwnCommit`]);
//! - another was accepted: [`Group::process`] and [`Group::merge`] that one. The own one is gone, and [`Group::merge`]
//!   gives back what it had proposed, to be tried again if it still makes sense: at a leaf that was to be removed,
//!   there may be somebody else by now;
//! - nothing was accepted: [`Group::clear_pending`].
//!
//! A [`Staged`] epoch is checked and complete. It changes nothing until it is merged. What a group allows is the subject of
//! its [`GroupRules`], which are the same for all members and servers: a Commit that one member refuses by rules of its own
//! divides the group. [`PublicStaged::leaf_changes`] lists who was added, removed or changed.
//!
//! # Servers
//!
//! A delivery service that gets handshakes as public messages follows a group with a [`PublicGroup`]. It
//! has none of the group's secrets, and **cannot verify the confirmation tag of a Commit**, nor tell the
//! committer's signature from another valid one. A Commit that is altered there on its way passes, the
//! members refuse it, and the server is in an epoch in which no member is. Therefore
//!
//! - the committer gives a GroupInfo of the new epoch with the Commit ([`CommitBuilder::with_group_info`],
//!   or [`Group::group_info`] after an external join), and the server passes both to
//!   [`PublicGroup::merge`], which refuses a Commit that was altered on its way;
//! - [`PublicGroup::merge_unconfirmed`] is for observers that get no GroupInfo. They notice an altered
//!   Commit one or two Commits later;
//! - [`PublicGroup::roll_back`] returns to the state before, from which the true Commit is merged.
//!
//! A GroupInfo proves what its signer says. Only the messages of other members show that they have
//! merged the Commit, too.
//!
//! # Storing
//!
//! The library does no input or output. The result of an operation comes as an [`Unpersisted`], with a [`Delta`]: rows to
//! write and to delete, O(log N) of them for a Commit. [`Unpersisted::persist`] gives the result when the Delta was stored, so
//! nothing is sent or shown before. A result that is dropped leaves its changes to the group: the next operation has them.
//! After an error, [`Group::take_delta`] has what changed nevertheless. [`Group::load`] gives the group back, and
//! [`Group::open`] gives it back without reading all of it.
//!
//! A Delta says what it follows ([`Delta::check`]). One that does not fit is stale: a Delta before it was lost, or another
//! object of the group has written. Load the group again then. A Delta that was stored already changes nothing.
//!
//! What is to be sent after our Commit is accepted, a Welcome for instance, waits in [`Group::outbox`], also after a restart.
//! Send it as it is, and then call [`Group::acknowledge`].
//!
//! # Coming back
//!
//! An [`ExternalJoin`] gives a group in the state [`GroupState::Joining`]. Nothing can be sent or received in it before its
//! Commit is accepted and [`Group::merge_pending`] called. Store it beside the group that the client had, which stays usable:
//! another Commit may be accepted instead, and then the new group is dropped with its rows.
//!
//! # Time, randomness, identities
//!
//! Time is an argument of [`Client::at`], in seconds since 1970; randomness is an argument, and must come from a cryptographic
//! generator. Who somebody is, the [`IdentityPolicy`] decides: [`BasicIdentities`] believes names, [`X509Identities`]
//! validates chains of certificates, and applications write their own. All members of a group must decide alike.
//!
//! # Threads
//!
//! What is work on many items, as are large Commits and joining, is spread over the cores by `rayon`, in the pool of the
//! process. A thread of that pool, should the library be called on one, does other work of the pool while it waits for the
//! rest: it must not hold a lock then that such work takes. A lock around a group is one.
//!
//! # Errors
//!
//! A [`GroupError`] tells whose fault it was: bytes that are malformed, a peer who broke a rule ([`Violation`], with the
//! section of the RFC), cryptography, something [`Missing`], a limit of one's own ([`Exceeded`]), or [`Misuse`] by the
//! caller. After an error the group is as it was, but that the key of a message is gone that was authentic and of no use.
//! A Commit that lacked a proposal or a PSK can be taken again.
//!
//! # Left out on purpose
//!
//! Networks, stores (`pando-store` is one), directories of users and user interfaces. Building blocks for those who study or extend the
//! protocol are in the crates below this one: `pando-wire`, `pando-crypto`, `pando-tree`, `pando-schedule`,
//! `pando-framing`, `pando-group`.

#[cfg(feature = "aws-lc")]
pub use pando_crypto::AwsLc;
// What clients sign, encrypt and derive with.
pub use pando_crypto::{
    CryptoError, CryptoProvider, CryptoRng, HpkeKeyPair, HpkePrivateKey, RustCrypto, SecretBytes,
    SignaturePrivateKey, Signer, Suite,
};
// Groups.
pub use pando_framing::{FramingError, Padding};
pub use pando_group::*;
pub use pando_schedule::{EpochAuthenticator, PskValue, RatchetLimits, RatchetType, ScheduleError, SecretId};
pub use pando_tree::{KeyKind, LeafTemplate, SourceError, Tree, TreeError, TreeKey};
pub use pando_x509::{X509Config, X509Identities};
// Whom certificates name, and what can be wrong with them.
pub use pando_x509 as x509;
// The structures of the protocol that applications meet most, and all of them.
pub use pando_wire as wire;
pub use pando_wire::{
    Add, Capabilities, CipherSuite, ContentType, Credential, CredentialType, Decode, DecodeError, Encode,
    EncodeError, Extension, ExtensionType, Extensions, GroupContext, GroupId, GroupInfo, KeyPackage,
    LeafIndex, LeafNode, Lifetime, MlsMessage, MlsMessageBody, Opaque, Proposal, ProposalRef, ProposalType,
    ProtocolVersion, Psk, ReInit, Remove, Sender, Signature, SignaturePublicKey, Update, Welcome,
};
