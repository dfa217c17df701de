//! The closure of an application without rows.

use crate::backend::Backend;
use crate::session::error::AppError;
use crate::transaction::Transaction;

/// Writes nothing: the closure for calls of a [`Session`](crate::Session) that the application has nothing to store for.
///
/// # Errors
/// None.
pub const fn no_rows<B: Backend, T: ?Sized>(_: &mut Transaction<'_, B>, _: &T) -> Result<(), AppError> {
    Ok(())
}
