//! The checks of a simulation's history (invariants I1 to I10 of the design).

use crate::authority::SUITE;
use crate::device::{Device, MIN_KEY_PACKAGES};
use crate::world::{Failure, World, describe};
use pando_api::{ClientId, DeviceCertificate, EntryKind, LogEntry, MessageId};
use pando_client::{Answer, Event, Operation};
use pando_mls::wire::Content;
use pando_mls::{Decode, GroupId, GroupState, MlsMessage, MlsMessageBody, Sender};
use std::collections::{BTreeMap, BTreeSet};

/// A violation of an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Collects violations.
#[derive(Default)]
struct Report(Vec<Violation>);

impl Report {
    fn check(&mut self, is_right: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(Violation { rule, what: what() });
        }
    }
}

impl World<'_> {
    /// Returns the violations of the invariants in the history. The simulation has settled.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn check(&mut self) -> Result<Vec<Violation>, Failure> {
        let mut report = Report::default();
        let mut logs = BTreeMap::new();
        // A group may exist although the user was told of a failure.
        let groups = self.devices.iter().filter_map(|device| device.engine.as_ref());
        let groups: BTreeSet<_> = groups.flat_map(pando_client::Engine::groups).collect();
        for group_id in groups {
            let log = self.read_log(&mut report, &group_id).await?;
            check_log(&mut report, &group_id, &log);
            logs.insert(group_id, log);
        }
        self.check_ends(&mut report);
        self.check_events(&mut report);
        self.check_groups(&mut report, &logs)?;
        self.check_messages(&mut report, &logs);
        self.check_requests(&mut report);
        self.check_joins(&mut report, &logs);
        self.check_key_packages(&mut report).await;
        Ok(report.0)
    }

    /// I2: no member finds a gap in its part of the log. Returns the entries that members can read.
    async fn read_log(&self, report: &mut Report, group_id: &GroupId) -> Result<Vec<LogEntry>, Failure> {
        let mut entries = Vec::new();
        // Members read from their own start, so the log is put together from all members.
        for device in &self.devices {
            let Some(engine) = &device.engine else { continue };
            let start = engine.start_of(group_id).unwrap_or_default();
            if start == 0 {
                continue;
            }
            let mut after = start.saturating_sub(1);
            loop {
                let read = Operation::ReadLog { group_id: group_id.clone(), after, limit: None, wait: 0 };
                let Ok(Answer::Log(page)) = device.api.call(&read).await else { break };
                if page.entries.is_empty() {
                    break;
                }
                for entry in &page.entries {
                    let is_next = entry.seq == after.saturating_add(1);
                    report.check(is_next, "I2", || {
                        format!("{} reads entry {} of {group_id} after {after}", device.client, entry.seq)
                    });
                    after = entry.seq;
                }
                entries.extend(page.entries);
            }
        }
        entries.sort_by_key(|entry: &LogEntry| entry.seq);
        let mut log: Vec<LogEntry> = Vec::new();
        for entry in entries {
            match log.last() {
                Some(last) if last.seq == entry.seq => {
                    if *last != entry {
                        return Err(format!("two entries {} of {group_id}", entry.seq).into());
                    }
                }
                _ => log.push(entry),
            }
        }
        Ok(log)
    }

    /// I10: what was acknowledged to the user ends exactly once.
    fn check_ends(&self, report: &mut Report) {
        for device in &self.devices {
            for (operation, what) in &device.application.operations {
                let ends = device.ends_of(*operation);
                report.check(ends == 1, "I10", || {
                    format!("{}: {operation:?} ({what}) has ended {ends} times", device.client)
                });
            }
            for message in device.application.messages.keys() {
                let ends = device.ends_of_message(*message);
                report.check(ends == 1, "I10", || {
                    format!("{}: message {message} has ended {ends} times", device.client)
                });
            }
            for contradiction in &device.application.contradictions {
                report.check(false, "stable events", || format!("{}: {contradiction}", device.client));
            }
        }
    }

    /// No client blames anyone, because server and members are honest.
    fn check_events(&self, report: &mut Report) {
        for device in &self.devices {
            for event in device.events(None) {
                let is_alarm = matches!(
                    event.event,
                    Event::HeadInvented { .. }
                        | Event::ServerEquivocated(_)
                        | Event::ServerForked(_)
                        | Event::LogRefused { .. }
                        | Event::Restored { .. }
                        | Event::Gap
                        | Event::CommitUnprocessable { .. }
                        | Event::ReplayedMessage { .. }
                );
                report.check(!is_alarm, "no false alarm", || format!("{}: {:?}", device.client, event.event));
            }
        }
    }

    /// I5, and all members are at the end of the log with the same state.
    fn check_groups(
        &mut self,
        report: &mut Report,
        logs: &BTreeMap<GroupId, Vec<LogEntry>>,
    ) -> Result<(), Failure> {
        let mut epochs = BTreeMap::new();
        for device in &mut self.devices {
            let (client, version) = (device.client.clone(), device.version);
            let Some(engine) = &mut device.engine else { continue };
            for group_id in engine.groups() {
                let end = logs.get(&group_id).and_then(|log| log.last()).map(|last| last.seq);
                let read = engine.read_until(&group_id);
                report.check(read == end, "progress", || {
                    format!("{client} has read {read:?} of {end:?} entries of {group_id}")
                });
                let group = engine.session().group(&group_id)?;
                if group.state() != GroupState::Active {
                    continue;
                }
                let authenticator = group.epoch_authenticator().map(|one| one.expose().to_vec());
                let mut members = Vec::new();
                for member in group.members() {
                    let member = member?;
                    let certificate = DeviceCertificate::read(&member.credential)?;
                    members.push((certificate.client, certificate.version));
                }
                let own = members.iter().filter(|(member, _)| *member == client).count();
                report.check(own == 1, "one leaf", || format!("{client} has {own} leaves in {group_id}"));
                let is_renewed = members.contains(&(client.clone(), version));
                report.check(is_renewed, "renewal", || {
                    format!("the leaf of {client} in {group_id} does not have certificate {version}")
                });
                let state = (group.epoch(), authenticator, members);
                let first = epochs.entry(group_id.clone()).or_insert_with(|| (client.clone(), state.clone()));
                report.check(first.1 == state, "I5", || {
                    format!("{client} and {} have different states of {group_id}", first.0)
                });
                let suite = group.public().suite().cipher_suite();
                report.check(suite == SUITE, "suite", || format!("{group_id} has another cipher suite"));
            }
        }
        for (group_id, (_, (_, _, members))) in epochs {
            for (client, version) in members {
                let is_owner = |device: &&Device| (&device.client, device.version) == (&client, version);
                let Some(device) = self.devices.iter().find(is_owner) else { continue };
                let Some(engine) = &device.engine else { continue };
                report.check(engine.groups().contains(&group_id), "no ghost", || {
                    format!("{client} has a leaf in {group_id} and is not a member")
                });
            }
        }
        Ok(())
    }

    /// Returns whether a present member has read an entry.
    fn is_readable(&self, group_id: &GroupId, seq: u64) -> bool {
        let mut engines = self.devices.iter().filter_map(|device| device.engine.as_ref());
        engines.any(|engine| match (engine.start_of(group_id), engine.read_until(group_id)) {
            (Some(start), Some(read)) => start <= seq && seq <= read,
            _ => false,
        })
    }

    /// No request is repeated whose success the client knows.
    fn check_requests(&self, report: &mut Report) {
        for (index, (device, operation)) in self.answered.iter().enumerate() {
            let earlier = self.answered.iter().take(index);
            let equal = earlier.filter(|(other, earlier)| other == device && is_equal(earlier, operation));
            let allowed = match (operation, self.devices.get(*device)) {
                // The user may try to leave more than once.
                (Operation::RequestRemoval(group_id, _), Some(device)) => {
                    device.application.leaves.get(group_id).copied().unwrap_or_default()
                }
                _ => 1,
            };
            report.check(equal.count() < allowed, "no needless request", || {
                format!("{} repeats {} after its receipt", self.name(*device), describe(operation))
            });
        }
    }

    /// Clients join by external Commits only if their users say so.
    fn check_joins(&self, report: &mut Report, logs: &BTreeMap<GroupId, Vec<LogEntry>>) {
        let mut joined: BTreeMap<(ClientId, GroupId), usize> = BTreeMap::new();
        for (group_id, log) in logs {
            for client in log.iter().filter_map(external_committer) {
                let count = joined.entry((client, group_id.clone())).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (join, count) in joined {
            let allowed = self.joins.get(&join).copied().unwrap_or_default();
            report.check(count <= allowed || self.rejoins, "no needless join", || {
                format!("{} has joined {} {count} times, and its user {allowed} times", join.0, join.1)
            });
        }
    }

    /// All clients have KeyPackages at the server.
    async fn check_key_packages(&self, report: &mut Report) {
        for device in self.devices.iter().filter(|device| device.engine.is_some()) {
            let count = match device.api.call(&Operation::CountKeyPackages).await {
                Ok(Answer::Counts(counts)) => {
                    let own = counts.counts.iter().find(|one| one.cipher_suite == SUITE);
                    own.map(|one| (one.count, one.has_last_resort))
                }
                _ => None,
            };
            let is_enough = count.is_some_and(|(count, has_last)| count >= MIN_KEY_PACKAGES && has_last);
            report.check(is_enough, "KeyPackages", || {
                format!("the server has {count:?} KeyPackages of {}", device.client)
            });
        }
    }

    /// I3: a message that was acknowledged is received once by every member that could read it.
    fn check_messages(&self, report: &mut Report, logs: &BTreeMap<GroupId, Vec<LogEntry>>) {
        let mut sent: BTreeMap<(GroupId, u64), MessageId> = BTreeMap::new();
        for device in &self.devices {
            for stored in device.events(None) {
                if let (Event::MessageSent { message, seq }, Some(group_id)) =
                    (&stored.event, &stored.group_id)
                {
                    let is_new = sent.insert((group_id.clone(), *seq), *message).is_none();
                    report.check(is_new, "I1", || {
                        format!("entry {seq} of {group_id} was given to two messages")
                    });
                }
            }
        }
        for ((group_id, seq), message) in &sent {
            let entry = logs.get(group_id).and_then(|log| log.iter().find(|entry| entry.seq == *seq));
            let is_right = match entry {
                Some(entry) => entry.kind == EntryKind::Application,
                // All present members have joined later.
                None => !self.is_readable(group_id, *seq),
            };
            report.check(is_right, "I3", || {
                format!("message {message} is not at its place {seq} in {group_id}")
            });
        }
        for device in &self.devices {
            let Some(engine) = &device.engine else { continue };
            for (group_id, log) in logs {
                let (Some(start), Some(read)) = (engine.start_of(group_id), engine.read_until(group_id))
                else {
                    continue;
                };
                let joined = log.iter().find(|entry| entry.seq == start).map(|entry| match entry.kind {
                    EntryKind::Creation => 0,
                    _ => entry.epoch.saturating_add(1),
                });
                let Some(joined) = joined else { continue };
                // A message may be stored although the user was told of a failure.
                let own = device.events(Some(group_id)).filter_map(|stored| match &stored.event {
                    Event::MessageSent { message, .. } => Some(*message),
                    _ => None,
                });
                let own: BTreeSet<_> = own.collect();
                let mut received: BTreeMap<u64, usize> = BTreeMap::new();
                for stored in device.events(Some(group_id)) {
                    if let Event::Message(message) = &stored.event {
                        let count = received.entry(message.seq).or_default();
                        *count = count.saturating_add(1);
                    }
                }
                for entry in log.iter().filter(|entry| entry.seq > start && entry.seq <= read) {
                    if entry.kind != EntryKind::Application || entry.epoch < joined {
                        continue;
                    }
                    let message = sent.get(&(group_id.clone(), entry.seq));
                    let is_own = message.is_some_and(|message| own.contains(message));
                    // A device that has lost its store does not know which messages it has sent.
                    let is_former = device.version > 1 && message.is_none();
                    let count = received.get(&entry.seq).copied().unwrap_or_default();
                    let expected = usize::from(!is_own);
                    report.check(count == expected || is_former, "I3", || {
                        format!(
                            "{} has received entry {} of {group_id} {count} times and not {expected}",
                            device.client, entry.seq
                        )
                    });
                }
            }
        }
    }
}

/// Returns the client that has joined by an entry.
fn external_committer(entry: &LogEntry) -> Option<ClientId> {
    let MlsMessageBody::PublicMessage(message) = MlsMessage::decode(&entry.message).ok()?.body else {
        return None;
    };
    let (Sender::NewMemberCommit, Content::Commit(commit)) =
        (message.content.sender, message.content.content)
    else {
        return None;
    };
    let leaf = commit.path?.leaf_node;
    DeviceCertificate::read(&leaf.credential).ok().map(|certificate| certificate.client)
}

/// Returns whether two mutations are the same request.
fn is_equal(a: &Operation, b: &Operation) -> bool {
    match (a, b) {
        (Operation::CreateGroup(a), Operation::CreateGroup(b)) => a == b,
        (Operation::SubmitCommit(group, a), Operation::SubmitCommit(other, b)) => (group, a) == (other, b),
        (Operation::SubmitMessage(group, a), Operation::SubmitMessage(other, b)) => (group, a) == (other, b),
        (Operation::RequestRemoval(group, a), Operation::RequestRemoval(other, b)) => {
            (group, a) == (other, b)
        }
        (Operation::UploadKeyPackages(a), Operation::UploadKeyPackages(b)) => a == b,
        (Operation::ClaimKeyPackages(a), Operation::ClaimKeyPackages(b)) => a == b,
        _ => false,
    }
}

/// I1: one Commit in an epoch.
fn check_log(report: &mut Report, group_id: &GroupId, log: &[LogEntry]) {
    let mut commits = BTreeSet::new();
    for entry in log {
        let message = MlsMessage::decode(&entry.message);
        let is_public = message.is_ok_and(|message| matches!(message.body, MlsMessageBody::PublicMessage(_)));
        if entry.kind == EntryKind::Commit {
            report.check(is_public, "mode", || format!("entry {} of {group_id} is encrypted", entry.seq));
            report.check(commits.insert(entry.epoch), "I1", || {
                format!("two Commits in epoch {} of {group_id}", entry.epoch)
            });
        }
    }
}
