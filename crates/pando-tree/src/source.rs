//! The interface through which a stored tree is read.

use crate::tree_key::{KeyKind, TreeKey};
use pando_wire::NodeIndex;
use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The rows of a stored tree, for [`Tree::open`](crate::Tree::open).
///
/// The source contains the rows of the tree as of the time when it was opened. The source may also
/// contain later changes that [`Tree::rows_since`](crate::Tree::rows_since) has returned. Changed
/// nodes are in memory and are not read again.
pub trait TreeSource: Send + Sync {
    /// Returns the row with this key, or `None` if there is none.
    ///
    /// # Errors
    /// Returns [`SourceError`] if the row cannot be read.
    fn row(&self, key: TreeKey) -> Result<Option<Vec<u8>>, SourceError>;

    /// Returns the fingerprints and nodes of all [`TreeKey::Key`] rows of one kind whose
    /// fingerprints are in a range.
    ///
    /// # Errors
    /// Returns [`SourceError`] if the rows cannot be read.
    fn keys(
        &self,
        kind: KeyKind,
        fingerprints: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, NodeIndex)>, SourceError>;
}

/// An error from a store that failed to read a row.
#[derive(Clone)]
pub struct SourceError(Arc<dyn Error + Send + Sync>);

impl SourceError {
    /// Wraps the error of a store.
    #[must_use]
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }

    /// Returns the error of the store.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Two errors are equal only if they are clones of the same error.
impl PartialEq for SourceError {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SourceError {}
