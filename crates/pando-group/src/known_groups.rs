//! The list of groups that a client is in.

use pando_tree::SourceError;
use pando_wire::GroupId;

/// The groups that a client is in.
///
/// The client does not join any of these groups a second time by a Welcome or an external Commit
/// (section 12.4.3), unless it resynchronizes. Nor does the client accept any of these groups as
/// the successor of another group.
///
/// Every closure that takes a [`GroupId`] and returns a `bool` implements this trait.
pub trait KnownGroups {
    /// Returns whether the client is in a group with this identifier.
    ///
    /// # Errors
    /// [`SourceError`] if the list cannot be read. In that case, the calling operation fails and
    /// changes nothing.
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError>;
}

/// An empty list of groups.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoGroups;

impl KnownGroups for NoGroups {
    fn is_in_group(&self, _: &GroupId) -> Result<bool, SourceError> {
        Ok(false)
    }
}

impl<F: Fn(&GroupId) -> bool> KnownGroups for F {
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError> {
        Ok(self(group_id))
    }
}
