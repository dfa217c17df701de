//! The row of a client: the versions of its certificates (docs/protocol.md, section 3).

use super::key::{Key, clients};
use crate::error::Refusal;
use crate::group::Caller;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, ProblemCode};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The most clients of a user. A claim for all clients of a user reads the rows of each.
pub const MAX_CLIENTS: usize = 1_000;

/// The versions of a client's certificates. The row is never deleted, so that a superseded
/// certificate is refused for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ClientRow {
    /// The highest version with which the client has logged in.
    pub(crate) version: u64,
    /// The version of the certificate in the stored KeyPackages, or 0 if there never were any.
    pub(crate) key_packages: u64,
}

impl ClientRow {
    /// Reads the row of a client, if the client has logged in before.
    pub(crate) fn find(rows: &dyn Snapshot, client: &ClientId) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::Client(client).encode())?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Reads the rows of all clients.
    pub(crate) fn all(rows: &dyn Snapshot) -> Result<Vec<(ClientId, Self)>, Refusal> {
        let page = rows.scan(&clients(), ScanLimit::rows(MAX_CLIENTS))?;
        let clients = page.rows.iter().map(|row| {
            let client = row.key.get(1..).and_then(|client| std::str::from_utf8(client).ok());
            let client = client.and_then(|client| client.parse().ok());
            Ok((client.ok_or_else(|| Refusal::corrupt("client"))?, decode(&row.value)?))
        });
        clients.collect()
    }

    /// Returns the row of the caller with the caller's version. The function that calls this one
    /// writes the row.
    ///
    /// # Errors
    /// - [`ProblemCode::CertificateSuperseded`] if the client has logged in with a higher version.
    /// - [`ProblemCode::Limit`] if the user has [`MAX_CLIENTS`] clients without this one.
    pub(crate) fn of_caller(rows: &dyn Snapshot, caller: &Caller) -> Result<Self, Refusal> {
        match Self::find(rows, &caller.client)? {
            Some(row) if caller.version < row.version => {
                Err(Refusal::new(ProblemCode::CertificateSuperseded, ""))
            }
            Some(row) => Ok(Self { version: caller.version, ..row }),
            None if rows.scan(&clients(), ScanLimit::rows(MAX_CLIENTS))?.rows.len() >= MAX_CLIENTS => {
                Err(Refusal::new(ProblemCode::Limit, "the user has too many clients"))
            }
            None => Ok(Self { version: caller.version, key_packages: 0 }),
        }
    }

    /// Returns whether the stored KeyPackages have the highest known version. Otherwise, a Commit
    /// that adds the client with one of them is refused.
    pub(crate) const fn has_current_key_packages(&self) -> bool {
        self.key_packages == self.version
    }

    /// Writes the row of a client.
    pub(crate) fn write(&self, rows: &mut dyn Transaction, client: &ClientId) -> Result<(), Refusal> {
        Ok(rows.put(&Key::Client(client).encode(), &encode(self)?)?)
    }
}
