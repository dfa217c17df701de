//! The removals that are due (docs/protocol.md, section 11).

use super::group_row::GroupRow;
use super::key::removals;
use crate::error::Refusal;
use crate::store::{ScanLimit, Snapshot};
use pando_api::ClientId;

/// The most removals that can be due in a group at the same time.
pub(crate) const MAX_REMOVALS: usize = 10_000;

/// A removal that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueRemoval {
    pub(crate) client: ClientId,
    /// The sequence number of the server's proposal in the current epoch.
    pub(crate) proposal: Option<u64>,
}

impl DueRemoval {
    /// Reads all removals that are due.
    pub(crate) fn read_all(rows: &dyn Snapshot, group: &GroupRow) -> Result<Vec<Self>, Refusal> {
        let page = rows.scan(&removals(), ScanLimit::rows(MAX_REMOVALS))?;
        let due = page.rows.into_iter().map(|row| {
            let client = row.key.get(1..).and_then(|client| std::str::from_utf8(client).ok());
            let client = client.and_then(|client| client.parse().ok());
            let seq = row.value.as_slice().try_into().ok().map(u64::from_be_bytes);
            let (client, seq) = client.zip(seq).ok_or_else(|| Refusal::corrupt("removal"))?;
            // A proposal of an earlier epoch has ended with its epoch.
            Ok(Self { client, proposal: (seq > group.epoch_seq).then_some(seq) })
        });
        due.collect()
    }
}
