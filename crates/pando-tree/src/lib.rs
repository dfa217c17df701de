//! The ratchet tree and TreeKEM (RFC 9420, sections 4, 7 and 12.4.3.3).
//!
//! A [`Tree`] is persistent: cloning it is cheap, an edit copies the nodes between one leaf and the
//! root, and older handles do not change. Each node keeps a summary of its subtree (number of
//! members, first blank leaf, length of its resolution, hash), so that everything that a Commit
//! needs costs O(log N).
//!
//! - [`Tree::add`], [`Tree::update`], [`Tree::remove`] and [`Tree::truncate`] apply proposals.
//! - [`Tree::create_path`] gives the committer a [`NewPath`]: the tree with new keys, and their
//!   secrets. [`NewPath::encrypt`] encrypts these to the other members.
//! - [`Tree::merge_path`] gives the receivers the tree with these keys.
//!   [`PrivateKeys::decrypt_path`] decrypts the secrets of a receiver.
//! - [`Tree::import`] decodes and validates a tree, [`UnverifiedTree`] does so in two steps, and
//!   [`Tree::export`] encodes it.
//! - [`Tree::rows_since`] returns the difference between two trees for a store. [`Tree::restore`]
//!   and [`Tree::patched`] make trees of stored rows, and [`Tree::open`] loads nodes on demand.
//!
//! # What costs more than O(log N)
//!
//! - Import and export.
//! - [`NewPath::encrypt`] below blank parents, because the secrets are encrypted to every member
//!   there.
//! - Doubling the tree, because the hashes of all its new blank leaves are computed once.
//! - Lists of unmerged leaves, in proportion to their length.
//!
//! # Left out on purpose
//!
//! Rules about the contents of leaves (section 7.3) other than their signatures and keys; the group
//! enforces them. [`Tree::find_signature_key`], [`Tree::find_encryption_key`] and
//! [`Tree::capability_counts`] support these rules without a scan of the tree.
//!
//! # Example
//!
//! Alice is at the first leaf of a tree and Bob at the second. Alice replaces her keys and those
//! above her, and both get the same secret.
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto};
//! use pando_tree::{LeafTemplate, PrivateKeys, Tree};
//! use pando_wire::{
//!     Capabilities, CipherSuite, Credential, Extensions, GroupContext, GroupId, LeafIndex, LeafNode,
//!     LeafNodeSource, Lifetime, Opaque, ProtocolVersion, Signature,
//! };
//! use rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let cipher_suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
//! let suite = RustCrypto.suite(cipher_suite).ok_or("no such cipher suite")?;
//! let mut client = |name: &[u8]| -> Result<_, Box<dyn std::error::Error>> {
//!     let signer = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
//!     let key_pair = suite.hpke_generate_key_pair(&mut rng)?;
//!     let leaf_node = LeafNode {
//!         encryption_key: key_pair.public.clone(),
//!         signature_key: signer.public_key().clone(),
//!         credential: Credential::Basic { identity: name.into() },
//!         capabilities: Capabilities::default(),
//!         leaf_node_source: LeafNodeSource::KeyPackage {
//!             lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
//!         },
//!         extensions: Extensions::default(),
//!         // The tree does not check the signature of a leaf that is added.
//!         signature: Signature::default(),
//!     };
//!     Ok((signer, key_pair, leaf_node))
//! };
//! let (alice_signs, _, alice) = client(b"alice")?;
//! let (_, bob_decrypts, bob) = client(b"bob")?;
//!
//! let mut tree = Tree::new(suite, &alice)?;
//! let bobs_leaf = tree.add(&bob)?;
//! let bobs_keys = PrivateKeys::new(&tree, bobs_leaf, bob_decrypts)?;
//!
//! // Alice, in a Commit.
//! let LeafNode { credential, capabilities, extensions, .. } = alice;
//! let template = LeafTemplate { credential, capabilities, extensions };
//! let group_id = GroupId::from(b"tea".as_slice());
//! let path = tree.create_path(LeafIndex(0), template, &group_id, &*alice_signs, &mut rng)?;
//! let provisional = GroupContext {
//!     version: ProtocolVersion::MLS_10,
//!     cipher_suite,
//!     group_id,
//!     epoch: 1,
//!     tree_hash: path.tree().tree_hash()?,
//!     confirmed_transcript_hash: Opaque::default(),
//!     extensions: Extensions::default(),
//! };
//! let update_path = path.encrypt(&provisional, &[], &mut rng)?;
//!
//! // Bob, who receives it.
//! let merged = tree.merge_path(LeafIndex(0), &update_path, &[])?;
//! let decrypted = bobs_keys.decrypt_path(&tree, &merged, &provisional, &[])?;
//! assert_eq!(decrypted.commit_secret, *path.commit_secret());
//! assert_eq!(merged.tree().tree_hash()?, path.tree().tree_hash()?);
//! // The tree of the previous epoch has not changed.
//! assert_eq!(tree.leaf(bobs_leaf)?, Some(bob));
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

mod capability_counts;
mod changes;
mod content;
mod create;
mod error;
mod export;
mod hash;
mod import;
mod key_index;
mod loader;
mod merge;
mod node_hash;
mod node_index;
mod parallelism;
mod parent_hash;
mod path_secret;
mod private;
mod resolution;
mod row;
mod source;
mod stored;
mod subtree;
mod summary;
mod tree;
mod tree_key;

#[cfg(test)]
mod counters;
#[cfg(test)]
mod growth;

pub use capability_counts::CapabilityCounts;
pub use changes::{NodeChange, NodeContent};
pub use create::{LeafTemplate, NewPath};
pub use error::TreeError;
pub use import::UnverifiedTree;
pub use key_index::KeyIndex;
pub use merge::MergedPath;
pub use private::{DecryptedPath, PrivateKeys};
pub use resolution::PathStep;
pub use source::{SourceError, TreeSource};
pub use stored::StoredRow;
pub use tree::Tree;
pub use tree_key::{KeyKind, RowChange, TreeKey};
