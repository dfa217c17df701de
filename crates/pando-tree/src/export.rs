//! Writing a tree (RFC 9420, section 12.4.3.3).

use crate::TreeError;
use crate::node_index::first_leaf;
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::{LeafIndex, Node, NodeIndex, RatchetTree, vector_header};
use std::io::{self, Write};

/// `optional<Node>` of a leaf, up to the leaf node.
const LEAF: [u8; 2] = [1, 1];
/// `optional<Node>` of a parent, up to the parent node.
const PARENT: [u8; 2] = [1, 2];
/// `optional<Node>` of a blank node.
const BLANK: [u8; 1] = [0];

impl Tree {
    /// The tree as it is sent: all nodes up to the last that is not blank.
    ///
    /// # Errors
    /// [`TreeError::Encode`] if it is longer than a vector can be, and what [`Tree::intact`] says.
    pub fn export(&self) -> Result<Vec<u8>, TreeError> {
        let len = self.encoded_len();
        let header = vector_header(len)?;
        let mut bytes = Vec::with_capacity(len.saturating_add(4));
        bytes.extend_from_slice(header.as_ref());
        self.visit(&mut |part| {
            bytes.extend_from_slice(part);
            Ok::<_, TreeError>(())
        })?;
        self.intact()?;
        Ok(bytes)
    }

    /// Writes the tree as it is sent, node by node.
    ///
    /// # Errors
    /// Those of the writer; [`io::ErrorKind::InvalidData`] if the tree is longer than a vector can be; what
    /// [`Tree::intact`] says.
    pub fn export_to<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let header = vector_header(self.encoded_len())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.intact().map_err(io::Error::other)?;
        writer.write_all(header.as_ref())?;
        self.visit(&mut |part| writer.write_all(part))
    }

    /// The tree as a structure of the wire format, for the ratchet_tree extension.
    #[must_use]
    pub fn to_wire(&self) -> RatchetTree {
        let last = self.last_node();
        RatchetTree((0..=last.0).map(|index| self.node(NodeIndex(index))).collect())
    }

    /// A node as a structure of the wire format; `None` if it is blank or does not exist.
    #[must_use]
    pub fn node(&self, node: NodeIndex) -> Option<Node> {
        match self.find(node)?.kind() {
            Kind::Leaf(content) => content.decode().map(|leaf| Node::Leaf(Box::new(leaf))),
            Kind::Parent { content, .. } => {
                content.as_ref()?.decode().map(|parent| Node::Parent(Box::new(parent)))
            }
            Kind::Blank(_) => None,
        }
    }

    /// The last node that is not blank. A parent is never the last: a leaf below it to the right is not
    /// blank.
    fn last_node(&self) -> NodeIndex {
        let last = self.root.summary.last_member;
        self.size.node(last).unwrap_or(NodeIndex(0))
    }

    fn encoded_len(&self) -> usize {
        let mut len = 0_usize;
        let counted: Result<(), std::convert::Infallible> = self.visit(&mut |part| {
            len = len.saturating_add(part.len());
            Ok(())
        });
        counted.map_or(0, |()| len)
    }

    /// Gives the pieces of the encoding, without the header, one after the other.
    fn visit<E>(&self, write: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        visit(&self.root, self.size.root(), self.root.summary.last_member, write)
    }
}

/// The nodes at and below `at`, up to the one of the leaf `last`.
fn visit<E>(
    subtree: &Subtree,
    at: NodeIndex,
    last: LeafIndex,
    write: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match subtree.kind() {
        _ if first_leaf(at) > last => Ok(()),
        Kind::Leaf(leaf) => {
            write(&LEAF)?;
            write(leaf.as_bytes())
        }
        Kind::Blank(_) => {
            // As many as there are nodes here, up to the last one that is written.
            let level = at.level();
            let end = at.0.saturating_add(1 << level).saturating_sub(1).min(last.0.saturating_mul(2));
            let start = first_leaf(at).0.saturating_mul(2);
            (start..=end).try_for_each(|_| write(&BLANK))
        }
        Kind::Parent { content, left, right } => {
            // A parent has children.
            let (left_at, right_at) = (at.left().unwrap_or(at), at.right().unwrap_or(at));
            visit(left, left_at, last, write)?;
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
            visit(right, right_at, last, write)
        }
    }
}
