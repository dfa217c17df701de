//! A server that makes another log than the true one, with valid hashes and signatures.

use crate::fixture::{Tale, server_key};
use pando_api::{Digest, Head, LogEntry, LogId, LogPage, Receipt, SignedHead};
use pando_client::{Answer, Operation};
use pando_mls::{GroupId, Opaque};
use pando_simulation::{CallResult, domain};
use std::cell::RefCell;
use std::rc::Rc;

struct Log {
    id: LogId,
    entries: Vec<LogEntry>,
    hashes: Vec<Digest>,
    /// How many entries are shown.
    shown: usize,
}

/// A false log. Clones are the same log.
#[derive(Clone)]
pub(crate) struct Forger(Rc<RefCell<Log>>);

impl Forger {
    /// Returns the log with these entries, which get consecutive numbers and times in their order.
    pub(crate) fn new(group_id: &GroupId, entries: impl IntoIterator<Item = LogEntry>) -> Self {
        let id = LogId { domain: domain().unwrap(), group_id: group_id.clone() };
        let log = Log { id, entries: Vec::new(), hashes: Vec::new(), shown: usize::MAX };
        let forger = Self(Rc::new(RefCell::new(log)));
        for entry in entries {
            forger.push(entry);
        }
        forger
    }

    /// Returns the log with these entries of the true log, by their numbers.
    pub(crate) fn of(story: &mut Tale, group_id: &GroupId, reader: &str, order: &[usize]) -> Self {
        let log = story.read_log(reader, group_id, 0).unwrap();
        Self::new(group_id, order.iter().map(|seq| log[seq - 1].clone()))
    }

    /// Appends an entry.
    pub(crate) fn push(&self, mut entry: LogEntry) {
        let mut log = self.0.borrow_mut();
        entry.seq = log.entries.len() as u64 + 1;
        entry.time = entry.time.max(log.entries.last().map_or(0, |last| last.time));
        let previous = log.hashes.last().map(Digest::as_ref).unwrap_or_default().to_vec();
        let hash = log.id.entry_hash(&entry, &previous).unwrap();
        log.hashes.push(hash);
        log.entries.push(entry);
    }

    /// Shows only the first entries.
    pub(crate) fn show(&self, count: usize) {
        self.0.borrow_mut().shown = count;
    }

    fn hash(&self, seq: u64) -> Opaque {
        match seq.checked_sub(1) {
            None => Opaque::default(),
            Some(index) => self.0.borrow().hashes[index as usize].as_ref().into(),
        }
    }

    pub(crate) fn head(&self, seq: u64) -> SignedHead {
        let log = self.0.borrow();
        let (entry, hash) = (&log.entries[seq as usize - 1], log.hashes[seq as usize - 1]);
        let LogId { domain, group_id } = log.id.clone();
        let LogEntry { incarnation, time, .. } = *entry;
        Head { domain, group_id, incarnation, seq, time, hash }.sign(&server_key()).unwrap()
    }

    pub(crate) fn page(&self, after: u64) -> LogPage {
        let log = self.0.borrow();
        let rest = log.entries.iter().take(log.shown).skip(after as usize);
        let entries: Vec<_> = rest.cloned().collect();
        let head = self.head(after + entries.len() as u64);
        LogPage { previous: self.hash(after), entries, head, end: 0 }
    }

    pub(crate) fn receipt(&self, seq: u64) -> Receipt {
        let log = self.0.borrow();
        let entry = &log.entries[seq as usize - 1];
        let (kind, epoch, digest) = (entry.kind, entry.epoch, Digest::of(&entry.message));
        Receipt { kind, epoch, digest, previous: self.hash(seq - 1), head: self.head(seq) }
    }

    /// Shows this log to a device.
    pub(crate) fn serve(&self, story: &mut Tale, name: &str) {
        let forger = self.clone();
        story.falsify(name, move |operation, perform| forger.answer(operation, perform));
    }

    /// Answers a read from this log, and performs other operations.
    pub(crate) fn answer(
        &self,
        operation: &Operation,
        perform: &mut dyn FnMut(&Operation) -> CallResult,
    ) -> CallResult {
        match operation {
            Operation::ReadLog { after, .. } => Ok(Answer::Log(self.page(*after))),
            _ => perform(operation),
        }
    }
}
