//! The source from which a stored group is read.

use crate::storage::row_key::{RowKey, Rows};
use pando_crypto::SecretBytes;
use pando_tree::{KeyKind, SourceError, TreeKey, TreeSource};
use pando_wire::NodeIndex;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The stored rows of a group, which [`Group::open`](crate::Group::open) and
/// [`PublicGroup::open`](crate::PublicGroup::open) read.
///
/// The source contains the rows with which the group was opened. A prefix of the
/// [`Delta`](crate::Delta)s that the group has returned since then may have been applied to them.
/// The source contains no other rows. The group does not read rows that it has changed itself.
pub trait RowSource: Send + Sync {
    /// Returns the row with the given key, or `None` if there is no such row.
    ///
    /// # Errors
    /// [`SourceError`] if the row cannot be read.
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError>;

    /// Returns the rows with keys from `first` to `last`, in key order.
    ///
    /// # Errors
    /// [`SourceError`] if the rows cannot be read.
    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError>;
}

/// A snapshot of rows in memory. The group does not read rows that it has changed after the
/// snapshot.
impl RowSource for Rows {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        Ok(self.get(&key).map(|row| row.expose().into()))
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        let rows = if first <= last { Some(Self::range(self, first..=last)) } else { None };
        Ok(rows.into_iter().flatten().map(|(key, row)| (*key, row.expose().into())).collect())
    }
}

/// A view of the tree's rows among the rows of the group.
pub(crate) struct TreeRows(pub(crate) Arc<dyn RowSource>);

impl TreeSource for TreeRows {
    fn row(&self, key: TreeKey) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.row(RowKey::Tree(key))?.map(|row| row.expose().into()))
    }

    fn keys(
        &self,
        kind: KeyKind,
        fingerprints: RangeInclusive<u64>,
    ) -> Result<Vec<(u64, NodeIndex)>, SourceError> {
        let key = |fingerprint, node| RowKey::Tree(TreeKey::Key(kind, fingerprint, NodeIndex(node)));
        let (first, last) = fingerprints.into_inner();
        let rows = self.0.range(key(first, 0), key(last, u32::MAX))?.into_iter();
        let keys = rows.filter_map(|(key, _)| match key {
            RowKey::Tree(TreeKey::Key(_, fingerprint, node)) => Some((fingerprint, node)),
            _ => None,
        });
        Ok(keys.collect())
    }
}

/// Returns all rows that do not belong to the tree.
pub(crate) fn beside_the_tree(source: &dyn RowSource) -> Result<Rows, SourceError> {
    let (before, after) = (RowKey::Member, RowKey::PrivateKey(NodeIndex(0)));
    let mut rows = source.range(RowKey::Public, before)?;
    rows.extend(source.range(after, RowKey::State)?);
    Ok(rows.into_iter().collect())
}
