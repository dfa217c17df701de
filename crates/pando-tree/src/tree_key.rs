//! Keys of the rows of a stored tree.

use pando_wire::NodeIndex;

/// The key of a row of a stored tree. A store sorts rows by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreeKey {
    /// The row with the size of the tree and its capability counts.
    Shape,
    /// The row of a node: a leaf that is not blank, or a parent with a member below.
    Node(NodeIndex),
    /// The row of a key index entry, which consists of the fingerprint of a key and the node that
    /// has the key.
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
    /// keys, but their index has the same form.
    Client,
}

/// A change of a row: its new contents, or `None` if the row is deleted.
pub type RowChange = (TreeKey, Option<Vec<u8>>);
