//! The results of calls.

use super::event::Event;
use super::lanes::{CallId, Lane};
use super::operations::End;
use super::purpose::Progress;
use super::purpose::Purpose;
use super::rows::{GroupStage, Intent, Stage};
use super::{Engine, EngineError, Mistake};
use crate::error::{CallError, LoginFailure};
use crate::operation::Answer;
use pando_api::{GroupAddress, LogCursor, MessageId, ProblemCode, Receipt};
use pando_mls::GroupId;
use pando_store::Backend;
use pando_store::session::{SessionError, no_rows};
use std::time::Duration;

/// The least milliseconds between two reads without result.
const LEAST_READ_PAUSE: u64 = 100;

/// What a failed mutation means for its request.
enum Verdict {
    /// The request may have taken effect, or can be sent again: send it unchanged.
    Repeat,
    /// The server has decided something else: read the log first. The request stays until then.
    ReadFirst,
    /// The request was refused and had no effect: read the log, and build another.
    BuildAgain,
    /// No such request will be accepted.
    Refused,
}

impl<B: Backend> Engine<B> {
    /// Takes the result of a call. A result of a call that the engine does not expect is ignored,
    /// so it does no harm to pass a result twice.
    ///
    /// # Errors
    /// [`EngineError::Store`], [`EngineError::Session`]. Then the engine makes the call again.
    pub fn complete(&mut self, call: CallId, result: Result<Answer, CallError>) -> Result<(), EngineError> {
        self.step(|engine| {
            let Some((lane, purpose)) = engine.calls.remove(&call) else { return Ok(()) };
            match result {
                Ok(answer) => {
                    // Reading what a join needs does not end the wait between two attempts.
                    let is_part = matches!(purpose, Purpose::JoinState(_) | Purpose::JoinTree(..));
                    if is_part {
                        engine.lanes.release(&lane);
                    } else {
                        engine.lanes.end(&lane);
                    }
                    engine.take_answer(&lane, purpose, answer)
                }
                Err(error) => engine.take_error(&lane, purpose, &error),
            }
        })
    }

    fn take_answer(&mut self, lane: &Lane, purpose: Purpose, answer: Answer) -> Result<(), EngineError> {
        let now = self.now();
        match (purpose, answer) {
            (Purpose::DescribeServer, Answer::Description(description)) => {
                self.take_description(&description)
            }
            (Purpose::CountKeyPackages, Answer::Counts(counts)) => self.take_counts(&counts),
            (Purpose::UploadKeyPackages, Answer::Done) => self.end_upload(),
            (Purpose::Report(number), Answer::Done) => self.end_report(number),
            (Purpose::ListGroups, Answer::Groups(list)) => self.take_groups(&list),
            (Purpose::Claim(number), Answer::Claimed(claimed)) => {
                let group_id = match self.state.claims.get_mut(number) {
                    Some(row) => {
                        row.claimed = Some(claimed);
                        self.state.operations.get(row.operation).map(|row| row.group_id.clone())
                    }
                    None => return Ok(()),
                };
                if let Some(group_id) = group_id {
                    self.lanes.hasten(&Lane::Write(group_id));
                }
                self.write()
            }
            (Purpose::Operation(number), Answer::Receipt(receipt)) => self.take_receipt(number, &receipt),
            (Purpose::Message(number), Answer::Receipt(receipt)) => {
                if let Some(row) = self.state.remove_message(number) {
                    let head = &receipt.head.head;
                    let event = Event::MessageSent { message: row.id, seq: head.seq };
                    self.state.push_event(head.time, Some(&row.group_id), event);
                    self.keep_receipt(&row.group_id, &receipt);
                }
                self.write()
            }
            (Purpose::JoinState(number), Answer::State(state)) => {
                self.joins.insert(number, Progress::State(Box::new(state)));
                Ok(())
            }
            (Purpose::JoinTree(number, state), Answer::Contents(tree)) => {
                self.joins.insert(number, Progress::Tree(state, tree.bytes.to_vec()));
                Ok(())
            }
            (Purpose::ReadInbox, Answer::Inbox(page)) => {
                if page.entries.is_empty() {
                    self.lanes.delay(lane, now.saturating_add(self.read_pause()));
                }
                self.take_inbox(page);
                Ok(())
            }
            (Purpose::WelcomeTree(welcome), Answer::Contents(tree)) => {
                self.take_welcome(&welcome, &tree.bytes)
            }
            (Purpose::Acknowledge(group_id, seq), Answer::Done) => {
                self.acknowledged.insert(group_id, (seq, now));
                Ok(())
            }
            (Purpose::RemoveWelcome(seq), Answer::Done) => {
                self.forget_welcome(seq);
                Ok(())
            }
            (Purpose::Read(group_id), Answer::Log(page)) => {
                if page.entries.is_empty() {
                    self.lanes.delay(lane, now.saturating_add(self.read_pause()));
                }
                self.take_page(&group_id, &page)
            }
            // A client of the protocol does not return the answer to another operation.
            (_, _) => {
                self.lanes.fail(lane, now, None, &mut self.rng);
                Ok(())
            }
        }
    }

    /// Returns the milliseconds between two reads without result. There is a least pause, so that a
    /// server that does not hold back its answers does not keep the client busy.
    fn read_pause(&self) -> u64 {
        self.settings.read_interval.max(LEAST_READ_PAUSE)
    }

    /// Takes the receipt of an operation's request.
    fn take_receipt(&mut self, number: u64, receipt: &Receipt) -> Result<(), EngineError> {
        let Some(row) = self.state.operations.get_mut(number) else { return Ok(()) };
        let (group_id, intent) = (row.group_id.clone(), row.intent.clone());
        if row.stage == Stage::Waiting {
            // The log has decided before the answer came.
            return Ok(());
        }
        if intent == Intent::Join {
            return self.take_join_receipt(&group_id, number, receipt);
        }
        if self.settings.makes(Mistake::MergesByReceipt) && matches!(row.stage, Stage::Committing(_)) {
            self.session.accept_commit(&group_id, no_rows)?;
        }
        let is_alone = matches!(&row.stage, Stage::Creating(request) if request.first_commit.is_none());
        row.stage = if is_alone { Stage::Created } else { Stage::Accepted };
        if self.settings.makes(Mistake::RepeatsLeave) && intent == Intent::Leave {
            row.stage = Stage::Waiting;
        }
        match intent {
            Intent::Create(_) => {
                let log = self.log_id(&group_id);
                let time = self.now();
                if let Some(row) = self.state.group_mut(&group_id) {
                    row.stage = GroupStage::Member;
                    (row.start, row.skip, row.leaf_time) = (1, 1, time);
                    row.cursor = Some(LogCursor::before(log, 1));
                }
            }
            // The operation ends when the client is removed. Until then, it does not keep others
            // from being done.
            _ => self.keep_receipt(&group_id, receipt),
        }
        self.write()?;
        self.mark_behind(&group_id);
        Ok(())
    }

    /// Remembers the head of a receipt until it is compared with the log. If its entry was read
    /// before, it is compared after the next page.
    fn keep_receipt(&mut self, group_id: &GroupId, receipt: &Receipt) {
        if let Some(row) = self.state.group_mut(group_id) {
            row.put_later(&receipt.head, None, 0);
        }
    }

    fn take_error(&mut self, lane: &Lane, purpose: Purpose, error: &CallError) -> Result<(), EngineError> {
        let now = self.now();
        if let CallError::Login(failure) = error
            && failure.is_final()
        {
            self.lanes.end(lane);
            return self.lock(failure);
        }
        if let Some(failure) = end_of_session(&purpose, error) {
            self.lanes.end(lane);
            return self.lock(&failure);
        }
        let wait = match error {
            CallError::Problem(refusal) => refusal.retry_after,
            _ => None,
        };
        match purpose {
            Purpose::Operation(number) => self.take_operation_error(lane, number, error, wait),
            Purpose::Message(number) => self.take_message_error(lane, number, error, wait),
            Purpose::JoinState(number) | Purpose::JoinTree(number, _) if is_refused(error) => {
                self.lanes.end(lane);
                let group_id = self.state.operations.get(number).map(|row| row.group_id.clone());
                match group_id {
                    Some(group_id) => self.fail_join::<()>(&group_id, number, &error.to_string()).map(drop),
                    None => Ok(()),
                }
            }
            Purpose::WelcomeTree(welcome) if is_refused(error) => {
                self.lanes.end(lane);
                self.refuse_welcome(&welcome, error.to_string())
            }
            Purpose::UploadKeyPackages if is_refused(error) => {
                self.lanes.end(lane);
                self.drop_upload()
            }
            Purpose::Report(number) if is_refused(error) => {
                self.lanes.end(lane);
                self.end_report(number)
            }
            Purpose::Claim(number) if is_refused(error) => {
                self.lanes.end(lane);
                self.take_claim_error(number, error)
            }
            Purpose::Read(group_id) => {
                self.lanes.fail(lane, now, wait, &mut self.rng);
                self.take_read_error(&group_id, error)
            }
            _ => {
                self.lanes.fail(lane, now, wait, &mut self.rng);
                Ok(())
            }
        }
    }

    fn take_claim_error(&mut self, number: u64, error: &CallError) -> Result<(), EngineError> {
        let Some(row) = self.state.claims.get(number) else { return Ok(()) };
        let (operation, reason) = (row.operation, error.to_string());
        self.fail::<()>(operation, reason).map(drop)
    }

    fn take_operation_error(
        &mut self,
        lane: &Lane,
        number: u64,
        error: &CallError,
        wait: Option<Duration>,
    ) -> Result<(), EngineError> {
        let now = self.now();
        let Some(row) = self.state.operations.get(number) else {
            self.lanes.end(lane);
            return Ok(());
        };
        let (group_id, intent, is_commit) =
            (row.group_id.clone(), row.intent.clone(), matches!(row.stage, Stage::Committing(_)));
        let verdict = self.verdict(error, Mistake::BuildsUnknownAgain);
        if intent != Intent::Join && self.take_end(&group_id, error) {
            self.lanes.fail(lane, now, wait, &mut self.rng);
            return Ok(());
        }
        if intent == Intent::Join {
            self.lanes.fail(lane, now, wait, &mut self.rng);
            return match verdict {
                Verdict::Repeat => Ok(()),
                Verdict::ReadFirst | Verdict::BuildAgain => self.drop_join(&group_id, number),
                Verdict::Refused => self.abandon_join(&group_id, number, &error.to_string()),
            };
        }
        self.lanes.fail(lane, now, wait, &mut self.rng);
        match verdict {
            Verdict::Repeat => Ok(()),
            Verdict::ReadFirst if self.settings.makes(Mistake::RejoinsAfterConflict) => {
                self.put_join(&group_id, true);
                self.write()
            }
            Verdict::ReadFirst => {
                self.mark_behind(&group_id);
                Ok(())
            }
            Verdict::BuildAgain => {
                self.mark_behind(&group_id);
                let refused = refused_proposals(error);
                self.drop_request(&group_id, number, is_commit, Some(refused))
            }
            Verdict::Refused => {
                self.state.end_operation(number, End::Failed(error.to_string()), now);
                if matches!(intent, Intent::Create(_)) {
                    return self.drop_creation(&group_id);
                }
                self.drop_request(&group_id, number, is_commit, None)
            }
        }
    }

    /// Drops a request that had no effect. With `refused`, the operation is built again without
    /// these proposals.
    fn drop_request(
        &mut self,
        group_id: &GroupId,
        number: u64,
        is_commit: bool,
        refused: Option<Vec<u64>>,
    ) -> Result<(), EngineError> {
        if let (Some(refused), Some(row)) = (refused, self.state.operations.get_mut(number)) {
            row.stage = Stage::Waiting;
            row.attempts = row.attempts.saturating_add(1);
            row.refused.extend(refused);
        }
        if !is_commit {
            return self.write();
        }
        let Self { session, state, .. } = self;
        let dropped = session.drop_commit(group_id, |transaction, _| state.write(transaction));
        dropped?;
        Ok(())
    }

    /// Deletes a group that the server does not create.
    pub(super) fn drop_creation(&mut self, group_id: &GroupId) -> Result<(), EngineError> {
        let now = self.now();
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Removed;
        }
        self.state.end_group(group_id, "the group was not created", now);
        let Self { session, state, .. } = self;
        match session.delete_group(group_id, |transaction, _| state.write(transaction)) {
            Err(SessionError::NoGroup(_)) => self.write(),
            deleted => Ok(deleted?),
        }
    }

    /// Remembers that the server has ended a group, if it says so. The client writes nothing more,
    /// and first reads the rest of the log.
    fn take_end(&mut self, group_id: &GroupId, error: &CallError) -> bool {
        let CallError::Problem(refusal) = error else { return false };
        if error.code() != Some(ProblemCode::GroupEnded) {
            return false;
        }
        let successor = refusal.problem.successor.as_deref();
        let address = successor.and_then(|segment| GroupAddress::from_path(segment, &self.domain).ok());
        self.ended.insert(group_id.clone(), address.map(|address| address.group_id()));
        self.mark_behind(group_id);
        true
    }

    /// Ends a group whose log was read to its end.
    pub(super) fn end_group_at_server(&mut self, group_id: &GroupId) -> Result<(), EngineError> {
        let Some(successor) = self.ended.remove(group_id) else { return Ok(()) };
        let now = self.now();
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Ended;
        }
        self.state.end_group(group_id, "the group has ended", now);
        self.state.push_event(now, Some(group_id), Event::Ended { successor });
        self.write()
    }

    fn take_message_error(
        &mut self,
        lane: &Lane,
        number: u64,
        error: &CallError,
        wait: Option<Duration>,
    ) -> Result<(), EngineError> {
        let now = self.now();
        self.lanes.fail(lane, now, wait, &mut self.rng);
        let Some(row) = self.state.messages.get(number) else { return Ok(()) };
        let group_id = row.group_id.clone();
        if self.take_end(&group_id, error) {
            return Ok(());
        }
        match self.verdict(error, Mistake::EncryptsUnknownAgain) {
            Verdict::Repeat => Ok(()),
            Verdict::ReadFirst | Verdict::BuildAgain => {
                // The same message is encrypted again in the present epoch, with the same
                // identifier.
                if let Some(row) = self.state.messages.get_mut(number) {
                    row.is_encrypted = 0;
                    if self.settings.makes(Mistake::RenamesMessage) {
                        row.id = MessageId(self.rng.id());
                    }
                }
                self.state.remove_record(super::rows::ENCRYPTED, number);
                self.mark_behind(&group_id);
                self.write()
            }
            Verdict::Refused => self.fail_message::<()>(number, &error.to_string()).map(drop),
        }
    }

    /// Returns what a failed mutation means for its request. With the mistake, a request whose
    /// outcome is unknown is built again.
    fn verdict(&self, error: &CallError, mistake: Mistake) -> Verdict {
        if self.settings.makes(mistake) && error.may_have_taken_effect() {
            return Verdict::BuildAgain;
        }
        verdict(error)
    }

    /// Stops, because the server accepts no more logins with the certificate.
    fn lock(&mut self, failure: &LoginFailure) -> Result<(), EngineError> {
        // Several calls in flight may be refused for the same reason.
        if std::mem::replace(&mut self.is_locked, true) {
            return Ok(());
        }
        let now = self.now();
        self.state.push_event(now, None, Event::LoggedOut { reason: failure.to_string() });
        self.write()
    }
}

/// Returns why a session has ended for good before its token has expired: the certificate was
/// revoked or superseded since the login. The refusal of an operation with a certificate may
/// concern that certificate instead.
fn end_of_session(purpose: &Purpose, error: &CallError) -> Option<LoginFailure> {
    let concerns_session = matches!(
        purpose,
        Purpose::CountKeyPackages
            | Purpose::ListGroups
            | Purpose::Message(_)
            | Purpose::ReadInbox
            | Purpose::Read(_)
            | Purpose::Report(_)
    );
    match error.code() {
        Some(ProblemCode::CertificateRevoked) if concerns_session => Some(LoginFailure::Revoked),
        Some(ProblemCode::CertificateSuperseded) if concerns_session => Some(LoginFailure::Superseded),
        _ => None,
    }
}

/// Returns whether the server refuses a request for good.
fn is_refused(error: &CallError) -> bool {
    match error {
        CallError::Problem(refusal) => !refusal.is_retryable() && !is_about_session(error),
        CallError::Unencodable(_) | CallError::TooLarge(_) => true,
        _ => false,
    }
}

/// Returns whether a refusal concerns the session, which the next call renews.
fn is_about_session(error: &CallError) -> bool {
    matches!(
        error.code(),
        Some(
            ProblemCode::Unauthenticated
                | ProblemCode::TokenExpired
                | ProblemCode::BadRequestSignature
                | ProblemCode::LoginRefused
        )
    )
}

/// Returns what a failed mutation means for its request.
fn verdict(error: &CallError) -> Verdict {
    if error.may_have_taken_effect() || !is_refused(error) {
        return Verdict::Repeat;
    }
    match error.code() {
        Some(ProblemCode::EpochConflict | ProblemCode::FutureEpoch) => Verdict::ReadFirst,
        Some(
            ProblemCode::StaleEpoch
            | ProblemCode::StaleHead
            | ProblemCode::UnknownHead
            | ProblemCode::UnknownProposal
            | ProblemCode::PendingRemoval,
        ) => Verdict::BuildAgain,
        Some(
            ProblemCode::CertificateInvalid
            | ProblemCode::CertificateRevoked
            | ProblemCode::CertificateSuperseded,
        ) if !refused_proposals(error).is_empty() => Verdict::BuildAgain,
        _ => Verdict::Refused,
    }
}

/// Returns the proposals that the server refuses in a Commit.
fn refused_proposals(error: &CallError) -> Vec<u64> {
    let is_certificate = matches!(
        error.code(),
        Some(
            ProblemCode::CertificateInvalid
                | ProblemCode::CertificateRevoked
                | ProblemCode::CertificateSuperseded
        )
    );
    match error {
        CallError::Problem(refusal) if is_certificate => refusal.problem.proposals.clone(),
        _ => Vec::new(),
    }
}
