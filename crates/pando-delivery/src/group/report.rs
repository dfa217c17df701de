//! Reports about Commits that members cannot process (docs/protocol.md, section 15).
//!
//! [`ReportSnapshot::read`] reads the rows, [`CheckedReport::check`] verifies the signature outside
//! of any transaction, and [`CheckedReport::write`] stores the report.
//!
//! # Left out on purpose
//!
//! The server cannot tell whether a report is true. A reset therefore needs a report of another
//! user.

use super::append::EntryRow;
use super::caller::Caller;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::handshake::read_certificate;
use super::key::{Key, reports};
use super::members::{check_member, readable_after};
use super::past_epoch::PastEpoch;
use super::public_rows;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, Digest, Domain, EntryKind, LogId, Policy, ProblemCode, Report, Reports};
use pando_mls::{CipherSuite, LeafNode};

/// The most reports that are listed.
const MAX_REPORTS: usize = 1_000;

/// The rows that the check of a report needs.
#[derive(Debug, Clone)]
pub struct ReportSnapshot {
    suite: CipherSuite,
    /// The leaf that the report names, in the epoch before the Commit.
    leaf: Option<LeafNode>,
}

/// A report whose signature was checked.
#[derive(Debug)]
pub struct CheckedReport {
    report: Report,
    reporter: ClientId,
    domain: Domain,
}

impl ReportSnapshot {
    /// Reads the rows for a report of the client `caller`. Checks that the report is about a Commit
    /// in the log, and that the caller was a member before and after it.
    ///
    /// # Errors
    /// - [`ProblemCode::NotFound`] if there is no such group, or the caller may not read the entry.
    /// - [`ProblemCode::InvalidReport`] if the report is not about a Commit of this log, if the
    ///   epoch before the Commit is no longer kept, or if the Commit added or removed the caller.
    pub fn read(rows: &dyn Snapshot, log: &LogId, caller: &Caller, report: &Report) -> Result<Self, Refusal> {
        let invalid = |why: &str| Refusal::new(ProblemCode::InvalidReport, why);
        let (statement, group) = (&report.statement, GroupRow::read(rows)?);
        let seq = statement.seq;
        let membership = readable_after(rows, &caller.client, seq.saturating_sub(1))?;
        let membership = membership.filter(|membership| membership.start <= seq);
        let membership = membership.ok_or_else(|| Refusal::new(ProblemCode::NotFound, ""))?;
        // A client that the Commit adds or removes has none of the secrets by which it could
        // check the Commit.
        if membership.start == seq || membership.end == Some(seq) {
            return Err(invalid("the Commit adds or removes the reporter"));
        }
        if (&statement.domain, &statement.group_id) != (&log.domain, &log.group_id) {
            return Err(invalid("the report is about another group"));
        }
        let entry = EntryRow::find(rows, seq)?.filter(|entry| entry.kind == EntryKind::Commit);
        let entry = entry.ok_or_else(|| invalid("the log has no Commit with this sequence number"))?;
        if statement.digest != Digest::of(&entry.message) {
            return Err(invalid("the Commit has another digest"));
        }
        let epoch = PastEpoch::find(rows, entry.epoch, group.epoch)?;
        let epoch = epoch.ok_or_else(|| invalid("the epoch before the Commit is no longer kept"))?;
        let leaf = epoch.leaf(rows, statement.leaf)?;
        Ok(Self { suite: epoch.context(rows)?.cipher_suite, leaf })
    }
}

impl CheckedReport {
    /// Checks that `caller` has signed the report with the leaf that the report names.
    ///
    /// # Errors
    /// - [`ProblemCode::SenderMismatch`] if the leaf is that of another client.
    /// - [`ProblemCode::CertificateSuperseded`] if the leaf has a higher version than the session.
    /// - [`ProblemCode::InvalidReport`] if the leaf is blank, or the signature is wrong.
    pub fn check(
        report: Report,
        snapshot: &ReportSnapshot,
        (env, caller): (&Environment<'_>, &Caller),
    ) -> Result<Self, Refusal> {
        let invalid = |why: String| Refusal::new(ProblemCode::InvalidReport, why);
        let leaf = snapshot.leaf.as_ref().ok_or_else(|| invalid("the leaf is blank".to_owned()))?;
        let certificate = read_certificate(&leaf.credential)?;
        if certificate.client != caller.client {
            return Err(Refusal::new(ProblemCode::SenderMismatch, "the leaf is that of another client"));
        }
        if caller.version < certificate.version {
            return Err(Refusal::new(ProblemCode::CertificateSuperseded, "the leaf has a higher version"));
        }
        let suite = env.crypto.suite(snapshot.suite);
        let suite = suite.ok_or_else(|| Refusal::corrupt("cipher suite"))?;
        report.verify(&leaf.signature_key, suite).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { report, reporter: caller.client.clone(), domain: env.domain.clone() })
    }

    /// Stores the report. Does nothing if the client has filed a report about the Commit before.
    ///
    /// # Errors
    /// [`ProblemCode::GroupEnded`] if the group has ended.
    pub fn write(&self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        let group = GroupRow::read(rows)?;
        let key = Key::Report(self.report.statement.seq, &self.reporter).encode();
        if rows.get(&key)?.is_some() {
            return Ok(());
        }
        group.check_active(&self.domain)?;
        Ok(rows.put(&key, &encode(&self.report)?)?)
    }
}

/// Returns the reports about the latest Commits.
///
/// # Errors
/// - [`ProblemCode::NotFound`] if there is no such group, or the caller is not a member.
/// - [`ProblemCode::Policy`] if the caller's user is not an admin.
pub fn read_reports(rows: &dyn Snapshot, caller: &Caller) -> Result<Reports, Refusal> {
    GroupRow::read(rows)?;
    check_member(rows, &caller.client)?;
    let refused = |why: String| Refusal::new(ProblemCode::Policy, why);
    let policy = Policy::of(&public_rows::context(rows)?.extensions);
    if !policy.map_err(|error| refused(error.to_string()))?.is_admin(&caller.user()) {
        return Err(refused("only admins see reports".to_owned()));
    }
    let page = rows.scan(&reports(), ScanLimit::rows(MAX_REPORTS))?;
    let reports = page.rows.iter().map(|row| decode(&row.value)).collect::<Result<_, _>>()?;
    Ok(Reports { reports })
}
