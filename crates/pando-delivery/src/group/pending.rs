//! The pending proposals of the current epoch.

use super::append::EntryRow;
use super::environment::Environment;
use super::group_info::GroupInfoRow;
use super::key::{last_number, proposals};
use super::proposal::{check_leaf, new_leaf};
use crate::error::Refusal;
use crate::store::{ScanLimit, Snapshot};
use pando_api::{DeviceCertificate, PendingProposal, ProblemCode};
use pando_mls::wire::{AuthenticatedContent, Content, LeafNode, WireFormat};
use pando_mls::{CryptoProvider, Decode, Encode, MlsMessage, MlsMessageBody, ProposalRef};

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

/// The leaves of proposals to which a Commit refers. The server may have accepted a proposal when
/// the certificate of its leaf was still admitted.
#[derive(Debug)]
pub struct PendingCertificates(Vec<(u64, LeafNode)>);

/// The sequence number of a proposal, and its certificate or the reason why it is refused.
pub type CheckedCertificate = (u64, Result<DeviceCertificate, Refusal>);

impl PendingCertificates {
    /// Returns whether the refusal of a Commit may be caused by a pending proposal.
    #[must_use]
    pub fn may_cause(refusal: &Refusal) -> bool {
        use ProblemCode::{CertificateInvalid, CertificateRevoked, CertificateSuperseded};
        [CertificateInvalid, CertificateRevoked, CertificateSuperseded].iter().any(|code| refusal.is(*code))
    }

    /// Reads the proposals that have these references.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn read(
        rows: &dyn Snapshot,
        crypto: &dyn CryptoProvider,
        references: &[ProposalRef],
    ) -> Result<Self, Refusal> {
        let suite = crypto.suite(GroupInfoRow::read(rows)?.cipher_suite);
        let suite = suite.ok_or_else(|| Refusal::corrupt("cipher suite"))?;
        let mut leaves = Vec::new();
        for PendingProposal { seq, message } in read(rows)? {
            let message = MlsMessage::decode(&message).map_err(|error| Refusal::internal(&error))?;
            let MlsMessageBody::PublicMessage(message) = message.body else { continue };
            let Content::Proposal(proposal) = &message.content.content else { continue };
            let Some(leaf) = new_leaf(proposal).cloned() else { continue };
            let (content, auth) = (message.content, message.auth);
            let wire_format = WireFormat::MLS_PUBLIC_MESSAGE;
            let content = AuthenticatedContent { wire_format, content, auth }.encode()?;
            let reference = suite.proposal_ref(&content).map_err(|error| Refusal::internal(&error))?;
            if references.contains(&reference) {
                leaves.push((seq, leaf));
            }
        }
        Ok(Self(leaves))
    }

    /// Checks the leaves as for a Commit. Returns the result for each proposal.
    #[must_use]
    pub fn check(&self, env: &Environment<'_>) -> Vec<CheckedCertificate> {
        self.0.iter().map(|(seq, leaf)| (*seq, check_leaf(env, leaf))).collect()
    }
}
