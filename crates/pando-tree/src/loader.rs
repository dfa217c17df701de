//! Lazy loading of the rows of a stored tree.

use crate::TreeError;
use crate::source::TreeSource;
use crate::tree_key::{KeyKind, TreeKey};
use pando_crypto::Suite;
use pando_wire::NodeIndex;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Reads rows from a source. If a read fails, only the current call fails: the failure is not
/// cached.
#[derive(Clone)]
pub(crate) struct Loader {
    source: Arc<dyn TreeSource>,
    /// The cipher suite that is used to verify the hashes of loaded rows.
    pub(crate) suite: Suite,
}

impl Loader {
    pub(crate) const fn new(suite: Suite, source: Arc<dyn TreeSource>) -> Self {
        Self { source, suite }
    }

    /// Reads a row that must exist.
    pub(crate) fn row(&self, key: TreeKey) -> Result<Vec<u8>, TreeError> {
        self.source.row(key)?.ok_or(TreeError::Stored(key))
    }

    /// Reads the fingerprints in a range, together with their nodes.
    pub(crate) fn keys(
        &self,
        kind: KeyKind,
        fingerprints: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, NodeIndex)>, TreeError> {
        Ok(self.source.keys(kind, fingerprints)?)
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}
