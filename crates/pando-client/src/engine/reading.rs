//! Reading the logs of groups (docs/protocol.md, section 7).
//!
//! Each entry is processed in one transaction with the cursor and its events. The log decides: an
//! own Commit is merged when it is read, and dropped when another Commit of its epoch is read.

use super::commits::client_of;
use super::event::{Event, Message};
use super::heads::{Compared, Heads, Lookup, head_of_handshake, history_row};
use super::lanes::Lane;
use super::operations::End;
use super::reports::{concerns_all, failure_of, report_about};
use super::rows::{
    ENCRYPTED, GroupStage, Intent, LaterHead, PlacedProposal, ReportRow, SEEN, Stage, table_of,
};
use super::state::State;
use super::{Engine, EngineError, Mistake};
use crate::error::CallError;
use pando_api::{
    ClientId, Digest, EntryKind, LogCursor, LogEntry, LogError, LogId, LogPage, MessageContent, MessageId,
    ProblemCode, ServerKeys, SignedHead,
};
use pando_mls::wire::Content;
use pando_mls::{
    Credential, Decode, Encode, GroupError, GroupId, Missing, MlsMessage, MlsMessageBody, Sender,
};
use pando_store::session::{AppError, Event as GroupEvent, Held, Received, SessionError, no_rows};
use pando_store::{Backend, Transaction};

impl<B: Backend> Engine<B> {
    /// Processes a page of the log of a group.
    pub(super) fn take_page(&mut self, group_id: &GroupId, page: &LogPage) -> Result<(), EngineError> {
        let keys = self.server_keys();
        let Some(cursor) = self.reading_cursor(group_id) else { return Ok(()) };
        let (last, places) = match cursor.places(page, &keys) {
            Ok(places) => places,
            Err(error) => return self.take_bad_page(group_id, page, (&error, &cursor), &keys),
        };
        if last.incarnation() > cursor.incarnation() && cursor.incarnation() > 0 {
            let event = Event::Restored { incarnation: last.incarnation() };
            self.state.push_event(page.head.head.time, Some(group_id), event);
        }
        if self.settings.makes(Mistake::AdvancesCursorFirst) {
            self.pass(group_id, last.clone())?;
        }
        for (entry, place) in page.entries.iter().zip(places) {
            self.take_entry(group_id, entry, place, &keys)?;
            if self.reading_cursor(group_id).is_none() {
                // The client was removed, or the group has ended or is broken.
                return Ok(());
            }
        }
        self.take_head(group_id, last, &keys)?;
        if self.settings.makes(Mistake::SkipsOnReconnect) {
            self.state.skip_entries(false);
        }
        // The outcome of a request that was refused as too late is in the entries that were read.
        self.behind.remove(group_id);
        if page.entries.is_empty() { self.end_group_at_server(group_id) } else { Ok(()) }
    }

    /// Handles a page that does not continue the log from the cursor. If the head of the page is
    /// evidence against the server, it is reported.
    fn take_bad_page(
        &mut self,
        group_id: &GroupId,
        page: &LogPage,
        (error, cursor): (&LogError, &LogCursor),
        keys: &ServerKeys,
    ) -> Result<(), EngineError> {
        let now = self.now();
        // A page without entries is new if it is of the place of the cursor.
        let is_late = match page.entries.first() {
            Some(first) => first.seq <= cursor.seq(),
            None => page.head.head.seq < cursor.seq(),
        };
        let log = self.log_id(group_id);
        let own = self.state.group(group_id).and_then(|row| row.head.clone());
        let store = self.session.store();
        let lookup = |table: &[u8], number| store.record(table, number);
        let heads = Heads { lookup: &lookup, log, keys, seq: cursor.seq(), own: own.as_ref() };
        match heads.compare(&page.head)? {
            Compared::UnknownKey => {
                // The server may have a new key.
                self.must_describe = true;
                self.lanes.fail(&Lane::Read(group_id.clone()), now, None, &mut self.rng);
                Ok(())
            }
            Compared::Forked(event) => {
                self.state.push_event(now, Some(group_id), *event);
                self.refuse_log(group_id, &error.to_string())
            }
            // An answer to a call of an earlier membership.
            Compared::Consistent | Compared::Later if is_late => {
                self.lanes.fail(&Lane::Read(group_id.clone()), now, None, &mut self.rng);
                Ok(())
            }
            Compared::Consistent | Compared::Later | Compared::Invented => {
                self.refuse_log(group_id, &error.to_string())
            }
        }
    }

    /// Returns the cursor of a group that is read.
    pub(super) fn reading_cursor(&self, group_id: &GroupId) -> Option<LogCursor> {
        let row = self.state.group(group_id)?;
        if row.stage == GroupStage::Member { row.cursor.clone() } else { None }
    }

    /// Processes an entry, and stores its place.
    fn take_entry(
        &mut self,
        group_id: &GroupId,
        entry: &LogEntry,
        place: LogCursor,
        keys: &ServerKeys,
    ) -> Result<(), EngineError> {
        let message = match entry.decode_message(group_id) {
            Ok(message) => message,
            Err(error) => return self.refuse_log(group_id, &error.to_string()),
        };
        let skip = self.state.group(group_id).map(|row| row.skip).unwrap_or_default();
        let log = self.log_id(group_id);
        let heads = head_of_handshake(&message);
        if let Some(reason) = self.misplaced(group_id, entry)? {
            return self.refuse_log(group_id, &reason);
        }
        let start = self.state.group(group_id).map(|row| row.start).unwrap_or_default();
        if entry.kind == EntryKind::Commit
            && entry.seq == start
            && entry.seq == skip
            && !self.has_tag_of(group_id, &message)?
        {
            return self.refuse_start(group_id, entry);
        }
        let report = match entry.kind {
            EntryKind::Commit if entry.seq > skip => {
                let group = self.session.group(group_id)?;
                Some(report_about(entry, group).map_err(GroupError::from).map_err(SessionError::from)?)
            }
            _ => None,
        };
        let mut step = Step {
            entry,
            place,
            group_id,
            keys,
            log,
            now: self.now(),
            head: heads,
            report,
            is_own: false,
            is_unprocessable: false,
            must_describe: false,
        };
        let first_epoch = self.state.group(group_id).map(|row| row.first_epoch).unwrap_or_default();
        let is_earlier = entry.kind == EntryKind::Application && entry.epoch < first_epoch;
        if entry.kind == EntryKind::Creation || entry.seq <= skip || is_earlier {
            let Self { session, state, .. } = self;
            let mut transaction = session.store_mut().begin()?;
            step.skip(state, &mut transaction).map_err(SessionError::Application)?;
            return Ok(transaction.commit()?);
        }
        let committer = self.committer(group_id, &message)?;
        if self.settings.makes(Mistake::TakesOwnCommitAsForeign) && entry.kind == EntryKind::Commit {
            self.session.drop_commit(group_id, no_rows)?;
        }
        let Self { session, state, .. } = self;
        let received = session.receive(&entry.message, |transaction, received| {
            step.apply(state, transaction, received, committer)
        });
        let (is_own, is_unprocessable) = (step.is_own, step.is_unprocessable);
        self.must_describe |= step.must_describe;
        if self.settings.makes(Mistake::SkipsFailedCommit)
            && entry.kind == EntryKind::Commit
            && received.is_err()
        {
            self.is_stale = true;
            return self.pass(group_id, step.place);
        }
        drop(received?);
        if is_own {
            self.forget_outbox(group_id)?;
        }
        if entry.kind == EntryKind::Commit {
            self.commit_times.remove(group_id);
            self.update_times.remove(group_id);
        }
        if self.settings.rejoins && is_unprocessable {
            self.put_join(group_id, true);
            self.write()?;
        }
        // Messages of others do not shorten the wait after a failure.
        let lane = Lane::Write(group_id.clone());
        if entry.kind == EntryKind::Application {
            self.lanes.hasten_if_well(&lane);
        } else {
            self.lanes.hasten(&lane);
        }
        Ok(())
    }

    /// Returns why the server has given a Commit a wrong place, if it has. Each epoch has one
    /// Commit, so an entry that is missing, repeated or in another order is the server's fault and
    /// not the committer's. The entry by which the client became a member begins the epoch that it
    /// joined.
    fn misplaced(&mut self, group_id: &GroupId, entry: &LogEntry) -> Result<Option<String>, EngineError> {
        let Some(row) = self.state.group(group_id) else { return Ok(None) };
        let (start, skip) = (row.start, row.skip);
        let is_start = entry.seq == start && entry.seq == skip;
        let wrong = match entry.kind {
            EntryKind::Creation if is_start => entry.seq != 1 || self.session.group(group_id)?.epoch() != 0,
            EntryKind::Creation => entry.seq != 1,
            EntryKind::Commit if is_start || entry.seq > skip => {
                let began = self.session.group(group_id)?.epoch();
                let epoch = entry.epoch.saturating_add(u64::from(is_start));
                epoch != began
            }
            EntryKind::Commit => false,
            EntryKind::Proposal | EntryKind::Application => is_start,
        };
        Ok(wrong.then(|| format!("entry {} is not of the epoch at its place", entry.seq)))
    }

    /// Returns whether a Commit has begun the epoch of a group: the confirmation tags are equal.
    fn has_tag_of(&mut self, group_id: &GroupId, message: &MlsMessage) -> Result<bool, EngineError> {
        let MlsMessageBody::PublicMessage(commit) = &message.body else { return Ok(false) };
        #[allow(clippy::redundant_closure_for_method_calls, reason = "a path is not general enough")]
        let info = self.session.group_info(group_id, |info| info.without_tree())?;
        let Ok(MlsMessage { body: MlsMessageBody::GroupInfo(info) }) = MlsMessage::decode(&info) else {
            return Ok(false);
        };
        Ok(commit.auth.confirmation_tag.as_ref() == Some(&info.confirmation_tag))
    }

    /// Stops reading a log whose Commit does not belong to the Welcome by which the client joined.
    /// Later Commits would seem to be invalid, and their committers would be blamed.
    fn refuse_start(&mut self, group_id: &GroupId, entry: &LogEntry) -> Result<(), EngineError> {
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Broken;
        }
        let reason = "the Welcome does not belong to the Commit in the log".to_owned();
        self.state.push_event(entry.time, Some(group_id), Event::WelcomeRefused { reason });
        if self.settings.rejoins {
            self.put_join(group_id, true);
        }
        self.write()
    }

    /// Returns the sender of a handshake, as a client.
    fn committer(
        &mut self,
        group_id: &GroupId,
        message: &MlsMessage,
    ) -> Result<Option<ClientId>, EngineError> {
        let MlsMessageBody::PublicMessage(message) = &message.body else { return Ok(None) };
        let leaf = match (message.content.sender, &message.content.content) {
            (Sender::Member(leaf), _) => leaf,
            (Sender::NewMemberCommit, Content::Commit(commit)) => {
                return Ok(commit.path.as_ref().and_then(|path| client_of(&path.leaf_node.credential)));
            }
            _ => return Ok(None),
        };
        let group = self.session.group(group_id)?;
        let credential = group.public().credential(leaf).map_err(GroupError::from);
        Ok(credential.map_err(SessionError::from)?.as_ref().and_then(client_of))
    }

    /// Stores the place after a page with its signed head, and compares the heads that have waited
    /// for it.
    fn take_head(
        &mut self,
        group_id: &GroupId,
        last: LogCursor,
        keys: &ServerKeys,
    ) -> Result<(), EngineError> {
        let Some(row) = self.state.group(group_id) else { return Ok(()) };
        if row.head.as_ref() == last.signed_head() && row.later_heads.is_empty() {
            return Ok(());
        }
        let will_ask = self.must_describe;
        let (seq, own) = (last.seq(), last.signed_head().cloned());
        let reached = match self.state.group_mut(group_id) {
            Some(row) => {
                row.head.clone_from(&own);
                row.cursor = Some(last);
                row.take_reached(seq, keys, will_ask)
            }
            None => Vec::new(),
        };
        let log = self.log_id(group_id);
        let store = self.session.store();
        let lookup = |table: &[u8], number| store.record(table, number);
        let heads = Heads { lookup: &lookup, log, keys, seq, own: own.as_ref() };
        let time = own.as_ref().map(|own| own.head.time).unwrap_or_default();
        for LaterHead { head, sender, seq } in reached {
            let event = match heads.compare(&head)? {
                Compared::Forked(event) => *event,
                // The server has just said which keys it has. It does not blame itself.
                Compared::Invented | Compared::UnknownKey if seq > 0 => Event::HeadInvented { sender, seq },
                _ => continue,
            };
            self.state.push_event(time, Some(group_id), event);
        }
        self.write()
    }

    /// Stops reading a log that the server has falsified.
    fn refuse_log(&mut self, group_id: &GroupId, reason: &str) -> Result<(), EngineError> {
        let now = self.now();
        if let Some(row) = self.state.group_mut(group_id) {
            row.stage = GroupStage::Broken;
        }
        self.state.push_event(now, Some(group_id), Event::LogRefused { reason: reason.to_owned() });
        self.write()
    }

    /// Handles the refusal of a read.
    pub(super) fn take_read_error(
        &mut self,
        group_id: &GroupId,
        error: &CallError,
    ) -> Result<(), EngineError> {
        let now = self.now();
        if self.reading_cursor(group_id).is_none() {
            // The client was removed, or the group has ended, while the call was in flight.
            return Ok(());
        }
        match error.code() {
            Some(ProblemCode::Gap) => {
                if let Some(row) = self.state.group_mut(group_id) {
                    row.stage = GroupStage::Broken;
                }
                self.state.push_event(now, Some(group_id), Event::Gap);
                if self.settings.rejoins {
                    self.put_join(group_id, true);
                }
                self.write()
            }
            Some(ProblemCode::NotFound) => self.refuse_log(group_id, &error.to_string()),
            _ => Ok(()),
        }
    }
}

/// The processing of one entry.
struct Step<'a> {
    entry: &'a LogEntry,
    place: LogCursor,
    group_id: &'a GroupId,
    keys: &'a ServerKeys,
    log: LogId,
    /// The time by our clock.
    now: u64,
    /// The head in the authenticated data.
    head: Option<SignedHead>,
    /// The report about the entry, if it is a Commit that the client cannot process.
    report: Option<ReportRow>,
    /// Whether the entry is our own Commit.
    is_own: bool,
    /// Whether the entry is a Commit that the client cannot process.
    is_unprocessable: bool,
    /// Whether the server must be asked for its keys.
    must_describe: bool,
}

impl Step<'_> {
    /// Stores the place of an entry that has no effects.
    fn skip<B: Backend>(
        &mut self,
        state: &mut State,
        transaction: &mut Transaction<'_, B>,
    ) -> Result<(), AppError> {
        self.advance(state);
        // The operation that has created the group without adding a client ends with the creation.
        let created = state.started(self.group_id).map(|(number, row)| (number, row.intent.clone()));
        if let (EntryKind::Creation, Some((number, Intent::Create(_)))) = (self.entry.kind, created)
            && state.operations.get(number).is_some_and(|row| row.stage == Stage::Created)
            && state.group(self.group_id).is_some_and(|row| row.start == self.entry.seq)
        {
            state.end_operation(number, End::Done, self.entry.time);
        }
        state.write(transaction)
    }

    /// Stores the effects of an entry.
    fn apply<B: Backend>(
        &mut self,
        state: &mut State,
        transaction: &mut Transaction<'_, B>,
        received: &Received,
        sender: Option<ClientId>,
    ) -> Result<(), AppError> {
        let (seq, time) = (self.entry.seq, self.entry.time);
        let refused = match received {
            Received::Applied { events, .. } => {
                if let Some(head) = self.head.take() {
                    self.compare(state, transaction, &head, sender.clone())?;
                }
                for event in events {
                    self.take_event(state, transaction, event, sender.as_ref())?;
                }
                None
            }
            Received::Held(held) => Some(held.to_string()),
            Received::Rejected(rejection) => Some(rejection.to_string()),
        };
        match (refused, self.entry.kind) {
            (Some(reason), EntryKind::Commit) => {
                // The cursor stays before the Commit.
                if let Some(row) = state.group_mut(self.group_id) {
                    row.stage = GroupStage::Broken;
                }
                // The server accepts a Commit only if the log has the proposals before it.
                let lacks_proposal = matches!(received, Received::Held(Held::Missing(Missing::Proposal(_))));
                let event = if lacks_proposal {
                    Event::LogRefused { reason }
                } else {
                    self.is_unprocessable = true;
                    if let Some(report) = self.report.take().filter(|_| concerns_all(received)) {
                        let number = state.next_number();
                        let failure = failure_of(received);
                        state.reports.insert(number, ReportRow { failure, ..report });
                    }
                    Event::CommitUnprocessable { seq, committer: sender, reason }
                };
                state.push_event(time, Some(self.group_id), event);
                return state.write(transaction);
            }
            (Some(reason), EntryKind::Application) => {
                state.push_event(time, Some(self.group_id), Event::MessageRefused { seq, reason });
            }
            (Some(_) | None, _) => {}
        }
        self.advance(state);
        state.write(transaction)
    }

    /// Puts the place of the entry and its summary into the rows.
    fn advance(&self, state: &mut State) {
        let (table, history, forgotten) = history_row(self.group_id, self.entry, &self.place);
        if let Some(row) = history.and_then(|row| row.encode().ok()) {
            state.put_record(&table, self.entry.seq, row);
        }
        if let Some(forgotten) = forgotten {
            state.remove_record(&table, forgotten);
        }
        if let Some(row) = state.group_mut(self.group_id) {
            row.cursor = Some(self.place.clone());
        }
    }

    /// Compares a head that a member has sent with the log.
    fn compare<B: Backend>(
        &mut self,
        state: &mut State,
        transaction: &Transaction<'_, B>,
        head: &SignedHead,
        sender: Option<ClientId>,
    ) -> Result<(), AppError> {
        let own = state.group(self.group_id).and_then(|row| row.head.clone());
        let lookup: &Lookup<'_> = &|table: &[u8], number| transaction.record(table, number);
        let (log, keys) = (self.log.clone(), self.keys);
        // The entry itself is not in the history yet, and no sender can know its hash.
        let seq = self.entry.seq.saturating_sub(1);
        let heads = Heads { lookup, log, keys, seq, own: own.as_ref() };
        match heads.compare(head)? {
            Compared::Consistent => {}
            compared @ (Compared::Later | Compared::UnknownKey) => {
                self.must_describe |= matches!(compared, Compared::UnknownKey);
                if let Some(row) = state.group_mut(self.group_id) {
                    row.put_later(head, sender, self.entry.seq);
                }
            }
            Compared::Invented => {
                let event = Event::HeadInvented { sender, seq: self.entry.seq };
                state.push_event(self.entry.time, Some(self.group_id), event);
            }
            Compared::Forked(event) => state.push_event(self.entry.time, Some(self.group_id), *event),
        }
        Ok(())
    }

    fn take_event<B: Backend>(
        &mut self,
        state: &mut State,
        transaction: &Transaction<'_, B>,
        event: &GroupEvent,
        sender: Option<&ClientId>,
    ) -> Result<(), AppError> {
        let (seq, time, group_id) = (self.entry.seq, self.entry.time, self.group_id);
        let event = match event {
            GroupEvent::Message(message) => return self.take_message(state, transaction, message),
            GroupEvent::OwnMessage => return self.end_own_message(state, transaction),
            GroupEvent::ProposalsLeftOut(_) => return Ok(()),
            GroupEvent::Proposal(pending) => {
                let reference = pending.reference.clone();
                if let Some(row) = state.group_mut(group_id) {
                    row.proposals.push(PlacedProposal { seq, reference });
                }
                return Ok(());
            }
            GroupEvent::ProposalNotAdmitted(..) | GroupEvent::OwnProposal(_) => return Ok(()),
            GroupEvent::Epoch { epoch, is_own, .. } => {
                self.begin_epoch(state, *is_own);
                Event::EpochBegan { epoch: *epoch, committer: sender.cloned() }
            }
            GroupEvent::Added { credential, .. } | GroupEvent::JoinedExternally { credential, .. } => {
                Event::Added { client: client_of(credential) }
            }
            GroupEvent::Removed { credential, .. } => Event::Removed { client: client_of(credential) },
            GroupEvent::IdentityChanged { new, .. } => {
                let credential: &Credential = &new.0;
                Event::IdentityChanged { client: client_of(credential) }
            }
            GroupEvent::ExtensionsChanged(_) => Event::ExtensionsChanged,
            GroupEvent::OwnCommitLost(_) => {
                let lost = state.started(group_id).map(|(number, _)| number);
                if let Some(row) = lost.and_then(|number| state.operations.get_mut(number)) {
                    row.stage = Stage::Waiting;
                    row.refused.clear();
                    row.attempts = row.attempts.saturating_add(1);
                }
                return Ok(());
            }
            // A Welcome is not in the log.
            GroupEvent::Joined { .. } => return Ok(()),
            // The client has joined by a Welcome while its external Commit was on its way.
            GroupEvent::JoinAccepted { epoch } => {
                if let Some(row) = state.group_mut(group_id) {
                    (row.start, row.skip, row.leaf_time) = (seq, seq, self.now);
                    row.first_epoch = *epoch;
                    row.proposals.clear();
                }
                state.restart_operations(group_id);
                state.end_join(group_id, false, time);
                Event::Joined { epoch: *epoch }
            }
            GroupEvent::JoinLost => {
                state.end_join(group_id, false, time);
                return Ok(());
            }
            GroupEvent::RemovedUs { .. } => {
                if let Some(row) = state.group_mut(group_id) {
                    row.stage = GroupStage::Removed;
                }
                state.end_group(group_id, "the client is not a member any more", time);
                Event::RemovedUs
            }
            GroupEvent::Reinitialized(reinit) => {
                if let Some(row) = state.group_mut(group_id) {
                    row.stage = GroupStage::Ended;
                }
                state.end_group(group_id, "the group has ended", time);
                Event::Ended { successor: Some(reinit.group_id.clone()) }
            }
        };
        state.push_event(time, Some(group_id), event);
        Ok(())
    }

    /// Forgets what belongs to the epoch before. Ends the operation of our own Commit.
    fn begin_epoch(&mut self, state: &mut State, is_own: bool) {
        let time = self.entry.time;
        if let Some(row) = state.group_mut(self.group_id) {
            row.proposals.clear();
            if is_own {
                row.leaf_time = self.now;
            }
        }
        self.is_own = is_own;
        let started = state.started(self.group_id).map(|(number, _)| number);
        if let (true, Some(number)) = (is_own, started) {
            state.end_operation(number, End::Done, time);
        }
    }

    /// Ends the sending of the message of this entry. Its receipt may never come, for instance if
    /// the client is removed from the group before it can repeat the request.
    fn end_own_message<B: Backend>(
        &self,
        state: &mut State,
        transaction: &Transaction<'_, B>,
    ) -> Result<(), AppError> {
        let sent: Vec<_> = state
            .messages_of(self.group_id)
            .filter(|(_, row)| row.is_encrypted == 1)
            .map(|(number, row)| (number, row.id))
            .collect();
        let own = Digest::of(&self.entry.message);
        for (number, message) in sent {
            let encrypted = transaction.record(ENCRYPTED, number)?;
            let encrypted = encrypted.map(|encrypted| Digest::of(encrypted.expose()));
            if encrypted == Some(own) {
                state.remove_message(number);
                let event = Event::MessageSent { message, seq: self.entry.seq };
                state.push_event(self.entry.time, Some(self.group_id), event);
            }
        }
        Ok(())
    }

    fn take_message<B: Backend>(
        &mut self,
        state: &mut State,
        transaction: &Transaction<'_, B>,
        message: &pando_store::session::Message,
    ) -> Result<(), AppError> {
        let (seq, time, group_id) = (self.entry.seq, self.entry.time, self.group_id);
        let sender = client_of(&message.credential);
        let event = match MessageContent::read(&message.data) {
            Err(error) => Event::MessageRefused { seq, reason: error.to_string() },
            Ok(None) => Event::Message(Message {
                seq,
                sender,
                id: None,
                media_type: String::new(),
                expires: 0,
                body: message.data.clone(),
            }),
            Ok(Some(content)) => {
                if let Some(head) = &content.head {
                    self.compare(state, transaction, head, sender.clone())?;
                }
                let media_type = str::from_utf8(&content.media_type).map(str::to_owned);
                match (is_new(state, transaction, group_id, sender.as_ref(), content.id)?, media_type) {
                    (false, _) => Event::ReplayedMessage { sender, message: content.id, seq },
                    (true, Err(_)) => {
                        Event::MessageRefused { seq, reason: "media type is not UTF-8".to_owned() }
                    }
                    (true, Ok(media_type)) => Event::Message(Message {
                        seq,
                        sender,
                        id: Some(content.id),
                        media_type,
                        expires: content.expires,
                        body: content.body,
                    }),
                }
            }
        };
        state.push_event(time, Some(group_id), event);
        Ok(())
    }
}

/// Returns whether a message of a client is received for the first time, and remembers it.
///
/// The number of a record is the beginning of a hash, because the sender chooses the identifier.
/// Messages with the same number share a record.
fn is_new<B: Backend>(
    state: &mut State,
    transaction: &Transaction<'_, B>,
    group_id: &GroupId,
    sender: Option<&ClientId>,
    id: MessageId,
) -> Result<bool, AppError> {
    let name = sender.map(ClientId::as_str).unwrap_or_default();
    let digest = Digest::of(&[&id.0, name.as_bytes()].concat());
    let digest: &[u8] = digest.as_ref();
    let number = digest.first_chunk().map(|first| u64::from_be_bytes(*first)).unwrap_or_default();
    let table = table_of(SEEN, group_id);
    let seen = transaction.record(&table, number)?;
    let mut seen = seen.map(|seen| seen.expose().to_vec()).unwrap_or_default();
    if seen.chunks(digest.len()).any(|one| one == digest) {
        return Ok(false);
    }
    seen.extend_from_slice(digest);
    state.put_record(&table, number, seen);
    Ok(true)
}
