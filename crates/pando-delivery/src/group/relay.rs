//! Copies of changes of membership for the partitions of accounts.
//!
//! A Commit changes the partition of its group alone. It leaves a row with the clients that it has
//! added and removed. The service copies this row to the partitions of their accounts and then
//! deletes the row. A change that is copied twice has no further effect, so a crash between the two
//! steps does no harm.

use super::key::{Key, last_number, relays};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::ClientId;
use pando_wire::list;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The changes of membership of one log entry, which are not copied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// The sequence number of the entry.
    pub seq: u64,
    /// The time of the entry, in milliseconds since 1970.
    pub time: u64,
    /// The changes. If an entry removes a client and adds it again, only the addition is listed.
    pub changes: Vec<MembershipChange>,
}

/// A change of membership.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MembershipChange {
    /// The client.
    pub client: ClientId,
    /// The kind of the change.
    pub kind: ChangeKind,
}

/// The kind of a change of membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ChangeKind {
    /// The client was removed.
    Removed = 1,
    /// The client has created the group or joined by an external Commit.
    Joined = 2,
    /// The client was added, and finds a Welcome in its inbox.
    Invited = 3,
}

/// The value of a row.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct RelayRow {
    time: u64,
    #[tls_codec(with = "list")]
    changes: Vec<MembershipChange>,
}

impl Relay {
    /// Returns the changes of the earliest entry that are still to be copied.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if the row is damaged.
    pub fn first(rows: &dyn Snapshot) -> Result<Option<Self>, Refusal> {
        let page = rows.scan(&relays(), ScanLimit::rows(1))?;
        let Some(row) = page.rows.first() else { return Ok(None) };
        let seq = last_number(&row.key).ok_or_else(|| Refusal::corrupt("relay"))?;
        let RelayRow { time, changes } = decode(&row.value)?;
        Ok(Some(Self { seq, time, changes }))
    }

    /// Returns whether there are changes that are still to be copied.
    ///
    /// # Errors
    /// An error of the store.
    pub fn exist(rows: &dyn Snapshot) -> Result<bool, Refusal> {
        Ok(!rows.scan(&relays(), ScanLimit::rows(1))?.rows.is_empty())
    }

    /// Records changes that must be copied.
    pub(crate) fn write(self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        let Self { seq, time, changes } = self;
        if changes.is_empty() {
            return Ok(());
        }
        Ok(rows.put(&Key::Relay(seq).encode(), &encode(&RelayRow { time, changes })?)?)
    }

    /// Records that the changes of an entry have been copied.
    ///
    /// # Errors
    /// An error of the store.
    pub fn delete(rows: &mut dyn Transaction, seq: u64) -> Result<(), Refusal> {
        Ok(rows.delete(&Key::Relay(seq).encode())?)
    }
}
