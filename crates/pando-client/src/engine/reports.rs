//! Reports about Commits that the client cannot process (docs/protocol.md, section 15).

use super::lanes::Lane;
use super::purpose::Purpose;
use super::rows::ReportRow;
use super::{Engine, EngineError};
use crate::operation::Operation;
use pando_api::{Digest, Failure, LogEntry, ReportStatement};
use pando_mls::{Group, GroupError, TreeError, Violation};
use pando_store::Backend;
use pando_store::session::{Received, Rejection};

impl<B: Backend> Engine<B> {
    /// Returns the next report. It is signed here and not when the Commit is read, so that reading
    /// does not fail if the key cannot sign.
    pub(super) fn next_report(
        &mut self,
        now: u64,
    ) -> Result<Option<(Lane, Purpose, Operation)>, EngineError> {
        let is_free = |number| self.lanes.is_free(&Lane::Report(number), now);
        let free = self.state.reports.iter().find(|(number, _)| is_free(*number));
        let Some((number, row)) = free.map(|(number, row)| (number, row.clone())) else { return Ok(None) };
        let ReportRow { group_id, seq, digest, failure, leaf, cipher_suite, key } = row;
        let signer = match self.session.client().crypto().suite(cipher_suite) {
            Some(suite) => self.session.store().signer(suite, &key)?,
            None => None,
        };
        let domain = self.domain.clone();
        let statement = ReportStatement { domain, group_id: group_id.clone(), seq, digest, leaf, failure };
        match signer.map(|signer| statement.sign(&*signer)) {
            Some(Ok(report)) => {
                let operation = Operation::FileReport(group_id, report);
                Ok(Some((Lane::Report(number), Purpose::Report(number), operation)))
            }
            // The application has removed the key, so the report cannot be made.
            Some(Err(_)) | None => self.end_report(number).map(|()| None),
        }
    }

    /// Forgets a report that the server has accepted or refused.
    pub(super) fn end_report(&mut self, number: u64) -> Result<(), EngineError> {
        self.state.reports.remove(number);
        self.write()
    }
}

/// Returns the report about a Commit, in case the client cannot process it. `group` is the group in
/// the epoch before.
pub(super) fn report_about(entry: &LogEntry, group: &Group) -> Result<ReportRow, TreeError> {
    let (public, leaf) = (group.public(), group.own_leaf());
    let key = public.tree().signature_key(leaf)?.unwrap_or_default();
    Ok(ReportRow {
        group_id: group.group_id().clone(),
        seq: entry.seq,
        digest: Digest::of(&entry.message),
        failure: Failure::Other,
        leaf,
        cipher_suite: public.suite().cipher_suite(),
        key,
    })
}

/// Returns whether other members refuse a Commit for the same reason. A limit of this client, or an
/// object that it lacks, is no reason to report the committer.
pub(super) const fn concerns_all(received: &Received) -> bool {
    match received {
        Received::Rejected(Rejection::Group(error)) => {
            !matches!(error, GroupError::Exceeded(_) | GroupError::Missing(_))
        }
        _ => false,
    }
}

/// Returns why the client cannot process a Commit.
pub(super) const fn failure_of(received: &Received) -> Failure {
    let Received::Rejected(Rejection::Group(error)) = received else { return Failure::Other };
    match error {
        GroupError::Violation(Violation::ConfirmationTag) => Failure::ConfirmationTag,
        GroupError::Tree(TreeError::Crypto(_) | TreeError::PathSecret(_)) | GroupError::Crypto(_) => {
            Failure::PathSecret
        }
        _ => Failure::Other,
    }
}
