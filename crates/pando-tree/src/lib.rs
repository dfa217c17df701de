//! The ratchet tree and TreeKEM (RFC 9420, sections 4, 7 and 12.4.3.3).
//!
//! A [`Tree`] is persistent: cloning it is cheap, an edit copies only the nodes between one leaf
//! and the root, and clones do not change. Each node keeps a summary of its subtree: the number of
//! members, the first blank leaf, the length of its resolution, and its hash. Therefore almost all
//! steps of a Commit cost O(log N).
//!
//! - [`Tree::add`], [`Tree::update`], [`Tree::remove`] and [`Tree::truncate`] apply proposals.
//! - [`Tree::create_path`] returns a [`NewPath`] to the committer: the tree with new keys, and the
//!   secrets of these keys. [`NewPath::encrypt`] encrypts the secrets to the other members.
//! - [`Tree::merge_path`] returns the tree with the new keys to a receiver.
//!   [`PrivateKeys::decrypt_path`] decrypts the secrets for that receiver.
//! - [`Tree::import`] decodes and validates a tree, [`UnverifiedTree`] does so in two steps, and
//!   [`Tree::export`] encodes it.
//! - [`Tree::rows_since`] returns the difference between two trees for a store. [`Tree::restore`]
//!   and [`Tree::patched`] create trees from stored rows. [`Tree::open`] returns a tree that loads
//!   its nodes on demand.
//!
//! # What costs more than O(log N)
//!
//! - Importing and exporting a tree.
//! - [`NewPath::encrypt`] below blank parents, because each secret is encrypted to every member
//!   below them.
//! - Doubling the tree, because the hashes of all new blank leaves are computed once.
//! - Updating lists of unmerged leaves, which costs time in proportion to their length.
//!
//! # Left out on purpose
//!
//! This crate checks the signatures and keys of leaves, but not the other rules about their
//! contents (section 7.3), which the group enforces. [`Tree::find_signature_key`],
//! [`Tree::find_encryption_key`] and [`Tree::capability_counts`] support these rules without a scan
//! of the tree.
//!
//! # Example
//!
//! Alice has the first leaf of a tree, and Bob has the second. Alice replaces the keys of her leaf
//! and of the nodes above it, and both members obtain the same secret.
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
//!         // The tree does not check the signature of an added leaf.
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
//! // Alice creates a path for a Commit.
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
//! // Bob receives the path.
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
