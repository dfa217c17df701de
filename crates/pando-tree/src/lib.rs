//! The ratchet tree and TreeKEM (RFC 9420, sections 4, 7 and 12.4.3.3).
//!
//! A [`Tree`] is persistent: cloning it costs nothing worth mentioning, an edit copies the nodes between one
//! leaf and the root, and every older handle stays as it was. What a node's subtree amounts to (how many
//! members, the first blank leaf, the length of its resolution, its hash) is kept in the node itself, so it
//! cannot be out of date, and everything that a Commit needs costs O(log N).
//!
//! - [`Tree::add`], [`Tree::update`], [`Tree::remove`] and [`Tree::truncate`] do what proposals ask for.
//! - [`Tree::create_path`] gives the committer a [`NewPath`]: the tree with new keys, and their secrets, which
//!   are then encrypted to the others by [`NewPath::encrypt`].
//! - [`Tree::merge_path`] gives the receivers the tree with these keys; [`PrivateKeys::decrypt_path`] finds
//!   the secrets that the receiver is meant to have.
//! - [`Tree::import`] reads a tree and believes nothing, [`UnverifiedTree`] in two steps; [`Tree::export`] writes it.
//! - [`Tree::rows_since`] tells what differs between two trees, for those who store them; [`Tree::restore`] and
//!   [`Tree::patched`] give back what was stored, and [`Tree::open`] reads nodes when they are needed.
//!
//! # What costs more than O(log N)
//!
//! Import and export, of course; [`Tree::create_path`] followed by [`NewPath::encrypt`], where parents are
//! blank, since the secrets have to be encrypted to every member below; doubling the tree, since the hashes
//! of all its new blank leaves are needed once; and lists of unmerged leaves, which are as long as they are.
//!
//! # Left out on purpose
//!
//! Rules about what is in a leaf (section 7.3), beyond its signature and its keys: the group's rules decide.
//! They find here what they would otherwise have to scan the tree for: [`Tree::find_signature_key`],
//! [`Tree::find_encryption_key`] and [`Tree::capability_counts`].
//!
//! # Example
//!
//! Alice is at the first leaf of a tree and Bob at the second. Alice replaces her keys and those above her, and
//! both end up with the same secret.
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
//!         // Whoever adds a leaf to a tree has checked its signature.
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
//! // The tree of the epoch before is what it was.
//! assert_eq!(tree.leaf(bobs_leaf), Some(bob));
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
