//! Logins (docs/protocol.md, section 6.1). The server accepts a nonce once, and refuses a
//! certificate after it has seen a higher version (section 3).
//!
//! Left out on purpose: whether the server has issued the nonce, the signature of the login, and
//! tokens. They need no row.

use super::client_row::ClientRow;
use super::expiry::{expire, schedule};
use super::key::Key;
use crate::error::Refusal;
use crate::group::Caller;
use crate::store::{Snapshot, Transaction};
use pando_api::{ClientId, Digest, ProblemCode};

/// The most expired rows that a login deletes. A login adds one row, so expired nonces do not
/// accumulate.
const EXPIRED_ROWS: usize = 8;

/// Records a login whose signature was verified: its nonce is used, and a lower version of the
/// client's certificate is superseded. `expires` is the time at which the nonce expires, in
/// milliseconds since 1970, like `now`.
///
/// # Errors
/// - [`ProblemCode::LoginRefused`] if the nonce was used before or has expired.
/// - [`ProblemCode::CertificateSuperseded`] if the client has logged in with a higher version.
/// - [`ProblemCode::Limit`] if the user has too many clients.
pub fn record_login(
    rows: &mut dyn Transaction,
    caller: &Caller,
    (nonce, expires): (&[u8], u64),
    now: u64,
) -> Result<(), Refusal> {
    expire(rows, now, EXPIRED_ROWS)?;
    // The row of a nonce is deleted when the nonce expires.
    if expires <= now {
        return Err(Refusal::new(ProblemCode::LoginRefused, "the nonce has expired"));
    }
    let nonce = Key::Nonce(Digest::of(nonce)).encode();
    if rows.get(&nonce)?.is_some() {
        return Err(Refusal::new(ProblemCode::LoginRefused, "the nonce was used before"));
    }
    ClientRow::of_caller(rows, caller)?.write(rows, &caller.client)?;
    rows.put(&nonce, &[])?;
    schedule(rows, expires, &nonce, None)
}

/// Returns the highest certificate version with which a client has logged in. Certificates of lower
/// versions are superseded.
///
/// # Errors
/// [`ProblemCode::Internal`] if a row is damaged.
pub fn known_version(rows: &dyn Snapshot, client: &ClientId) -> Result<Option<u64>, Refusal> {
    Ok(ClientRow::find(rows, client)?.map(|row| row.version))
}
