//! The closure for calls without application rows.

use crate::backend::Backend;
use crate::session::error::AppError;
use crate::transaction::Transaction;

/// Writes nothing. This is the closure for calls of a [`Session`](crate::Session) for which the
/// application stores no rows.
///
/// # Errors
/// None.
pub const fn no_rows<B: Backend, T: ?Sized>(_: &mut Transaction<'_, B>, _: &T) -> Result<(), AppError> {
    Ok(())
}
