//! The groups that a client is in.

use pando_tree::SourceError;
use pando_wire::GroupId;

/// The groups that a client is in. It joins none of them a second time, be it by a Welcome or by an external Commit (section
/// 12.4.3), unless it comes back, and lets none of them follow from another group.
///
/// A closure that takes a [`GroupId`] and returns a `bool` is one.
pub trait KnownGroups {
    /// Returns whether the client is in a group with this identifier.
    ///
    /// # Errors
    /// [`SourceError`] if that cannot be read. The operation fails, and changes nothing.
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError>;
}

/// No groups.
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
