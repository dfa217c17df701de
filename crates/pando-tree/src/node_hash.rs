//! The tree hash that a node keeps.

use pando_crypto::Digest;
use std::ops::Deref;

/// A tree hash. Hashes of 32 bytes, as most cipher suites have, need no allocation.
#[derive(Debug, Clone)]
pub(crate) enum NodeHash {
    Short([u8; 32]),
    Long(Box<[u8]>),
}

impl Deref for NodeHash {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(hash) => hash,
            Self::Long(hash) => hash,
        }
    }
}

impl From<&[u8]> for NodeHash {
    fn from(hash: &[u8]) -> Self {
        hash.try_into().map_or_else(|_| Self::Long(hash.into()), Self::Short)
    }
}

impl From<Digest> for NodeHash {
    fn from(digest: Digest) -> Self {
        (&*digest).into()
    }
}
