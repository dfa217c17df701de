//! Leaf and node indices of a ratchet tree (RFC 9420, section 4.1.1 and appendix C).

use std::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The index of a leaf, counted from 0 at the leftmost leaf. A decoded index may be any number, so
/// use a [`TreeSize`](crate::TreeSize) to check whether the leaf exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LeafIndex(pub u32);

impl crate::Encode for LeafIndex {}

/// The index of a node in the array representation (appendix C). Leaves have even indices, and
/// parent nodes have odd ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leaf {}", self.0)
    }
}

impl fmt::Debug for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

impl fmt::Debug for NodeIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
