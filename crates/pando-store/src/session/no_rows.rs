//! The closure for calls without application rows.

use crate::backend::Backend;
use crate::session::error::AppError;
use crate::transaction::Transaction;

/// Writes nothing. Pass this function as the closure to calls of a [`Session`](crate::Session) for
/// which the application stores no rows.
///
/// Write other closures directly in the call, or declare all types of their arguments: `|tx: &mut
/// Transaction<'_, B>, value: &T|`. Otherwise, the compiler rejects a closure in a variable as "not
/// general enough".
///
/// # Errors
/// This function never fails.
pub const fn no_rows<B: Backend, T: ?Sized>(_: &mut Transaction<'_, B>, _: &T) -> Result<(), AppError> {
    Ok(())
}
