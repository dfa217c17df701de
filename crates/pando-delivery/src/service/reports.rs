//! Reports about Commits that cannot be processed, and resets (docs/protocol.md, section 15).

use super::partition::Divided;
use super::{Service, Shared};
use crate::error::Refusal;
use crate::group::{
    Caller, CheckedReport, CheckedReset, ReportSnapshot, ResetSnapshot, created_group, read_reports,
    repeated_creation,
};
use crate::store::{Snapshot, Store, Transaction};
use pando_api::{Receipt, Report, Reports, Reset};
use pando_mls::GroupId;
use std::sync::Arc;

impl<S: Store> Service<S> {
    /// Files a report.
    ///
    /// # Errors
    /// See [`ReportSnapshot::read`], [`CheckedReport::check`] and [`CheckedReport::write`].
    pub async fn file_report(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        report: Report,
        now: u64,
    ) -> Result<(), Refusal> {
        self.check_session(caller).await?;
        let (log, reporter, read) = (self.log(group_id), caller.clone(), report.clone());
        let read = move |rows: &dyn Snapshot| ReportSnapshot::read(rows, &log, &reporter, &read);
        let snapshot = self.read_group(group_id, read).await?;
        let reporter = caller.clone();
        let check = move |shared: &Shared<S>| {
            CheckedReport::check(report, &snapshot, (&shared.environment(now), &reporter))
        };
        let checked = self.run_check(check).await?;
        let work = move |rows: &mut dyn Transaction| checked.write(rows);
        self.write_quietly(group_id, 500, work).await
    }

    /// Returns the reports about the latest Commits of a group.
    ///
    /// # Errors
    /// See [`read_reports`].
    pub async fn list_reports(&self, caller: &Caller, group_id: &GroupId) -> Result<Reports, Refusal> {
        self.check_session(caller).await?;
        let admin = caller.clone();
        let read = move |rows: &dyn Snapshot| read_reports(rows, &admin);
        self.read_group(group_id, read).await
    }

    /// Ends a group, and creates its successor. Returns the receipt of the successor's last entry.
    ///
    /// # Errors
    /// See [`ResetSnapshot::read`], [`CheckedReset::check`] and [`CheckedReset::write`]. For the
    /// successor, see [`Service::create_group`].
    pub async fn reset_group(
        &self,
        caller: &Caller,
        group_id: &GroupId,
        request: Reset,
        now: u64,
    ) -> Result<Receipt, Refusal> {
        self.check_session(caller).await?;
        let request = Arc::new(request);
        let (log, admin, read) = (self.log(group_id), caller.clone(), Arc::clone(&request));
        let read = move |rows: &dyn Snapshot| ResetSnapshot::read(rows, &log, &admin, &read);
        let snapshot = self.read_group(group_id, read).await?;
        if snapshot.is_repeated() {
            let successor = created_group(&request.successor)?;
            let (log, admin) = (self.log(&successor), caller.clone());
            let read = move |rows: &dyn Snapshot| repeated_creation(rows, &log, &admin, &request.successor);
            let appended = self.read_group(&successor, read).await?;
            let appended = appended.ok_or_else(|| Refusal::corrupt("successor"))?;
            return self.receipt(appended);
        }
        let admin = caller.clone();
        let check = move |shared: &Shared<S>| {
            let env = shared.environment(now);
            let checked = CheckedReset::check(&request, &snapshot, (&env, &admin))?.0;
            let divided = Divided::new(Arc::clone(checked.creation()), shared.settings.changes_at_once)?;
            Ok((checked, divided))
        };
        let (checked, divided) = self.run_check(check).await?;
        self.check_versions(checked.certificates()).await?;
        let appended = self.write_creation(checked.successor(), divided, now).await?;
        // A Commit that is being checked in the meantime finds that the group has ended when it is
        // written.
        let work = move |rows: &mut dyn Transaction| checked.write(rows);
        self.write_group_to_the_end(group_id, 500, work).await?;
        self.receipt(appended)
    }
}
