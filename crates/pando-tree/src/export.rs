//! Encoding of trees (RFC 9420, section 12.4.3.3).

use crate::TreeError;
use crate::node_index::{children_of, first_leaf};
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::{LeafIndex, Node, NodeIndex, RatchetTree, vector_header};
use std::io::{self, Write};

/// The bytes of a leaf's `optional<Node>` that precede the LeafNode.
const LEAF: [u8; 2] = [1, 1];
/// The bytes of a parent's `optional<Node>` that precede the ParentNode.
const PARENT: [u8; 2] = [1, 2];
/// The encoding of a blank node as an `optional<Node>`.
const BLANK: [u8; 1] = [0];

impl Tree {
    /// Encodes the tree for transmission: all nodes up to the last non-blank one.
    ///
    /// # Errors
    /// Returns [`TreeError::Encode`] if the encoding exceeds the maximum length of a vector, and
    /// [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn export(&self) -> Result<Vec<u8>, TreeError> {
        let len = self.encoded_len()?;
        let header = vector_header(len)?;
        let mut bytes = Vec::with_capacity(len.saturating_add(4));
        bytes.extend_from_slice(header.as_ref());
        self.visit(&|error| error, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Writes the encoded tree node by node. If a node cannot be loaded, nothing is written.
    ///
    /// # Errors
    /// Returns the errors of the writer, and [`io::ErrorKind::InvalidData`] if the tree exceeds the
    /// maximum length of a vector. Any other error wraps a [`TreeError`], as described for
    /// [`Tree::export`].
    pub fn export_to<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let len = self.encoded_len().map_err(io::Error::other)?;
        let header = vector_header(len).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        writer.write_all(header.as_ref())?;
        self.visit(&io::Error::other, &mut |part| writer.write_all(part))
    }

    /// Converts the tree to a wire-format structure for the ratchet_tree extension.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn to_wire(&self) -> Result<RatchetTree, TreeError> {
        let last = self.last_node();
        Ok(RatchetTree((0..=last.0).map(|index| self.node(NodeIndex(index))).collect::<Result<_, _>>()?))
    }

    /// Returns a node as a wire-format structure, or `None` if the node is blank or does not exist.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn node(&self, node: NodeIndex) -> Result<Option<Node>, TreeError> {
        let Some(found) = self.find(node)? else { return Ok(None) };
        Ok(match found.kind()? {
            Kind::Leaf(content) => Some(Node::Leaf(Box::new(content.decode()?))),
            Kind::Parent { content: Some(content), .. } => Some(Node::Parent(Box::new(content.decode()?))),
            Kind::Parent { content: None, .. } | Kind::Blank(_) => None,
        })
    }

    /// Returns the last non-blank node. The last node is never a parent, because every non-blank
    /// parent has a non-blank leaf below its right child.
    fn last_node(&self) -> NodeIndex {
        let last = self.root.summary.last_member;
        self.size.node(last).unwrap_or(NodeIndex(0))
    }

    /// Returns the length of the encoding without the vector header. Loads all nodes.
    fn encoded_len(&self) -> Result<usize, TreeError> {
        let mut len = 0_usize;
        self.visit(&|error| error, &mut |part| {
            len = len.saturating_add(part.len());
            Ok(())
        })?;
        Ok(len)
    }

    /// Passes the pieces of the encoding, without the vector header, to `write` in order. If a node
    /// cannot be loaded, `not_loaded` converts the error.
    fn visit<E>(
        &self,
        not_loaded: &impl Fn(TreeError) -> E,
        write: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(&self.root, self.size.root(), self.root.summary.last_member, not_loaded, write)
    }
}

/// Writes the encodings of the nodes at and below `at`, but not of nodes after the leaf `last`.
fn visit<E>(
    subtree: &Subtree,
    at: NodeIndex,
    last: LeafIndex,
    not_loaded: &impl Fn(TreeError) -> E,
    write: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if first_leaf(at) > last {
        return Ok(());
    }
    match subtree.kind().map_err(not_loaded)? {
        Kind::Leaf(leaf) => {
            write(&LEAF)?;
            write(leaf.as_bytes())
        }
        Kind::Blank(_) => {
            // A blank node takes one byte. No nodes after the leaf `last` are written.
            let level = at.level();
            let end = at.0.saturating_add(1 << level).saturating_sub(1).min(last.0.saturating_mul(2));
            let start = first_leaf(at).0.saturating_mul(2);
            (start..=end).try_for_each(|_| write(&BLANK))
        }
        Kind::Parent { content, left, right } => {
            let (left_at, right_at) = children_of(at);
            visit(left, left_at, last, not_loaded, write)?;
            if first_leaf(right_at) > last {
                return Ok(());
            }
            match content {
                None => write(&BLANK)?,
                Some(content) => {
                    write(&PARENT)?;
                    write(content.as_bytes())?;
                }
            }
            visit(right, right_at, last, not_loaded, write)
        }
    }
}
