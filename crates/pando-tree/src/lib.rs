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
//! - [`Tree::import`] reads a tree and believes nothing; [`Tree::export`] writes it.
//! - [`Tree::changes_since`] tells which nodes differ between two trees, for those who store them.
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
//! [`Tree::find_encryption_key`] and [`Tree::support`].

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a test that overflows fails, which is what it is for"
    )
)]

mod changes;
mod content;
mod create;
mod error;
mod export;
mod hash;
mod import;
mod index;
mod merge;
mod parent_hash;
mod private;
mod resolution;
mod subtree;
mod support;
mod tree;

#[cfg(test)]
mod growth;

pub use changes::{NodeChange, NodeContent};
pub use create::{LeafTemplate, NewPath};
pub use error::TreeError;
pub use merge::MergedPath;
pub use private::{DecryptedPath, PrivateKeys};
pub use resolution::PathStep;
pub use support::Support;
pub use tree::Tree;
