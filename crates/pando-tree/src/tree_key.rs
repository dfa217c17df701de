//! Row keys of a stored tree.

use pando_wire::NodeIndex;

/// The key of a row of a stored tree. Stores keep rows in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreeKey {
    /// The size of the tree and the capability counts.
    Shape,
    /// A node: a leaf that is not blank, or a parent with a member below.
    Node(NodeIndex),
    /// An entry of a key index: the fingerprint of a key and the node that has the key.
    Key(KeyKind, u64, NodeIndex),
}

/// The kind of keys in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The encryption keys of leaves and parents.
    Encryption,
    /// The signature keys of leaves.
    Signature,
    /// Identifiers that an application's policy assigns to clients. The tree itself has no such
    /// keys, but they use the same kind of index.
    Client,
}

/// A change of a row: its new contents, or `None` if it is deleted.
pub type RowChange = (TreeKey, Option<Vec<u8>>);
