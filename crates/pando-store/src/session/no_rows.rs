//! The closure for calls without application rows.

use crate::backend::Backend;
use crate::session::error::AppError;
use crate::transaction::Transaction;

/// Writes nothing. This is the closure for calls of a [`Session`](crate::Session) for which the
/// application stores no rows.
///
/// Write other closures in the call itself, or with all types, `|tx: &mut Transaction<'_, B>,
/// value: &T|`. Otherwise the compiler finds a closure in a variable "not general enough".
///
/// # Errors
/// None.
pub const fn no_rows<B: Backend, T: ?Sized>(_: &mut Transaction<'_, B>, _: &T) -> Result<(), AppError> {
    Ok(())
}
