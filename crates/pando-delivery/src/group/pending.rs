//! The pending proposals of the current epoch.

use super::append::EntryRow;
use super::environment::Environment;
use super::key::{last_number, proposals};
use super::proposal::{check_leaf, new_leaf};
use crate::error::Refusal;
use crate::store::{ScanLimit, Snapshot};
use pando_api::{DeviceCertificate, PendingProposal, ProblemCode};
use pando_mls::wire::Content;
use pando_mls::{Decode, MlsMessage, MlsMessageBody};

/// The most proposals that a group can have in one epoch.
const MAX_PROPOSALS: usize = 100_000;

/// Reads the pending proposals.
pub(crate) fn read(rows: &dyn Snapshot) -> Result<Vec<PendingProposal>, Refusal> {
    let page = rows.scan(&proposals(), ScanLimit::rows(MAX_PROPOSALS))?;
    let mut pending = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let seq = last_number(&row.key).ok_or_else(|| Refusal::corrupt("proposal"))?;
        let entry = EntryRow::find(rows, seq)?.ok_or_else(|| Refusal::corrupt("proposal"))?;
        pending.push(PendingProposal { seq, message: entry.message });
    }
    Ok(pending)
}

/// The certificates of pending proposals, which the server may have accepted when they were still
/// admitted.
#[derive(Debug)]
pub struct PendingCertificates(Vec<PendingProposal>);

/// The sequence number of a proposal, and its certificate or the reason why it is refused.
pub type CheckedCertificate = (u64, Result<DeviceCertificate, Refusal>);

impl PendingCertificates {
    /// Returns whether the refusal of a Commit may be caused by a pending proposal.
    #[must_use]
    pub fn may_cause(refusal: &Refusal) -> bool {
        use ProblemCode::{CertificateInvalid, CertificateRevoked, CertificateSuperseded};
        [CertificateInvalid, CertificateRevoked, CertificateSuperseded].iter().any(|code| refusal.is(*code))
    }

    /// Reads the pending proposals.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn read(rows: &dyn Snapshot) -> Result<Self, Refusal> {
        read(rows).map(Self)
    }

    /// Checks the certificates of the leaves that the proposals add or change. Returns the result
    /// with the sequence number of each such proposal.
    ///
    /// # Errors
    /// [`ProblemCode::Malformed`] if a stored proposal is damaged.
    pub fn check(&self, env: &Environment<'_>) -> Result<Vec<CheckedCertificate>, Refusal> {
        let mut checked = Vec::new();
        for PendingProposal { seq, message } in &self.0 {
            let MlsMessageBody::PublicMessage(message) = MlsMessage::decode(message)?.body else { continue };
            let Content::Proposal(proposal) = &message.content.content else { continue };
            if let Some(leaf) = new_leaf(proposal) {
                checked.push((*seq, check_leaf(env, leaf)));
            }
        }
        Ok(checked)
    }
}
