//! Message framing (RFC 9420, section 6), which sends signed content as a PublicMessage or encrypts
//! it as a PrivateMessage.
//!
//! # Sending
//!
//! [`SignedContent::sign`] signs content for the wire format in which it will be sent. A Commit
//! also needs [`SignedContent::set_confirmation_tag`], because the tag depends on the key schedule
//! of the next epoch. Finally, [`SignedContent::seal_public`] or [`SignedContent::seal_private`]
//! creates the message.
//!
//! # Receiving
//!
//! [`open_public`] checks the membership tag and returns [`UnverifiedContent`], which names the
//! claimed sender. [`UnverifiedContent::verify`] verifies the signature with the sender's key from
//! the ratchet tree, and returns [`Authenticated`] content.
//!
//! [`open_private`] decrypts and verifies in one step. The function also returns the key of the
//! message, which the caller deletes after accepting the message. Therefore only the keys of
//! authentic messages can be deleted.
//!
//! No other function returns received content as [`Authenticated`], so a function that requires
//! this type cannot be called with unverified content.
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto};
//! use pando_framing::{SignedContent, open_public};
//! use pando_schedule::MembershipKey;
//! use pando_wire::*;
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//! # let suite = RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap();
//! # let context = GroupContext {
//! #     version: ProtocolVersion::MLS_10, cipher_suite: suite.cipher_suite(), group_id: vec![1].into(), epoch: 0,
//! #     tree_hash: vec![].into(), confirmed_transcript_hash: vec![].into(), extensions: Extensions::default(),
//! # };
//! # let membership_key = MembershipKey::from(vec![7; 32]);
//! let signer = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
//! let content = FramedContent {
//!     group_id: context.group_id.clone(),
//!     epoch: context.epoch,
//!     sender: Sender::Member(LeafIndex(0)),
//!     authenticated_data: Opaque::default(),
//!     content: Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(1) })),
//! };
//!
//! let signed = SignedContent::sign(suite, &*signer, WireFormat::MLS_PUBLIC_MESSAGE, content, &context)?;
//! let message = signed.seal_public(suite, Some(&membership_key))?;
//!
//! let received = open_public(suite, message, &context, &membership_key)?;
//! assert_eq!(received.content().sender, Sender::Member(LeafIndex(0)));
//! let authenticated = received.verify(suite, signer.public_key())?;
//! assert!(matches!(authenticated.content.content, Content::Proposal(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Left out on purpose
//!
//! This crate does not decide which key belongs to a sender or whether the content is valid,
//! because that depends on the rules of the group. The crate also does not verify confirmation
//! tags, because their verification is part of processing a Commit.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "an overflow fails the test"
    )
)]

mod authenticated;
mod error;
mod padding;
mod private;
mod public;
mod signed;

pub use authenticated::{Authenticated, UnverifiedContent, reopen};
pub use error::FramingError;
pub use padding::Padding;
pub use private::open_private;
pub use public::{open_public, open_public_unchecked};
pub use signed::SignedContent;
