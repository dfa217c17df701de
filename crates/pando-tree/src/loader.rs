//! Where the nodes of a tree come from that is not all in memory.

use crate::TreeError;
use crate::source::TreeSource;
use crate::tree_key::{KeyKind, TreeKey};
use pando_wire::NodeIndex;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

/// A source, and whether it has failed.
///
/// Whoever looks at a node does not ask each time whether it could be read. A node that could not be read seems blank,
/// and the first failure stays: [`Loader::intact`] is asked before anything is believed that came of it.
pub(crate) struct Loader {
    source: Arc<dyn TreeSource>,
    failure: OnceLock<TreeError>,
}

impl Loader {
    pub(crate) fn new(source: Arc<dyn TreeSource>) -> Arc<Self> {
        Arc::new(Self { source, failure: OnceLock::new() })
    }

    /// Whether everything could be read so far.
    pub(crate) fn intact(&self) -> Result<(), TreeError> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// The fingerprints in a range, and the nodes that have keys with them.
    pub(crate) fn keys(&self, kind: KeyKind, fingerprints: RangeInclusive<u64>) -> Vec<(u64, NodeIndex)> {
        self.source.keys(kind, fingerprints).unwrap_or_else(|error| {
            self.fail(error.into());
            Vec::new()
        })
    }

    /// The row with a key, which must be there.
    pub(crate) fn row(&self, key: TreeKey) -> Result<Vec<u8>, TreeError> {
        self.source.row(key)?.ok_or(TreeError::Stored(key))
    }

    /// Keeps a failure, unless there was one before.
    pub(crate) fn fail(&self, failure: TreeError) {
        let _ = self.failure.set(failure);
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("failure", &self.failure.get()).finish_non_exhaustive()
    }
}
