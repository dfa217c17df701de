//! A server with one log.

use pando_api::{
    Digest, EntryKind, Head, LogCursor, LogEntry, LogId, LogPage, Receipt, ServerKey, ServerKeys, SignedHead,
};
use pando_mls::Opaque;
use zeroize::Zeroizing;

/// Returns a server's key. Each number gives another key.
pub(crate) fn key(number: u8) -> ServerKey {
    ServerKey::from_secret(&Zeroizing::new([number; 32]))
}

/// Returns the keys by which readers verify heads: only the key 1.
pub(crate) fn keys() -> ServerKeys {
    [key(1).public()].into_iter().collect()
}

pub(crate) fn log_id() -> LogId {
    LogId { domain: "example.org".parse().unwrap(), group_id: "a group of 16 by".into() }
}

/// A server that keeps one log, and signs with the key 1.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) log: LogId,
    pub(crate) incarnation: u64,
    pub(crate) time: u64,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) hashes: Vec<Digest>,
}

impl Server {
    /// Returns a server whose log is empty.
    pub(crate) fn new() -> Self {
        Self { log: log_id(), incarnation: 1, time: 1_000, entries: Vec::new(), hashes: Vec::new() }
    }

    /// Returns a server with a creation and further messages.
    pub(crate) fn with_entries(count: u64) -> Self {
        let mut server = Self::new();
        for number in 0..count {
            let kind = if number == 0 { EntryKind::Creation } else { EntryKind::Application };
            server.append(kind, number / 2, format!("message {number}").as_bytes());
        }
        server
    }

    pub(crate) fn append(&mut self, kind: EntryKind, epoch: u64, message: &[u8]) {
        self.time += 10;
        let entry = LogEntry {
            incarnation: self.incarnation,
            seq: self.entries.len() as u64 + 1,
            time: self.time,
            kind,
            epoch,
            message: message.into(),
        };
        self.append_as_is(entry);
    }

    /// Appends an entry that may violate rules.
    pub(crate) fn append_as_is(&mut self, entry: LogEntry) {
        let previous = self.previous(self.entries.len() as u64);
        self.hashes.push(self.log.entry_hash(&entry, &previous).unwrap());
        self.entries.push(entry);
    }

    /// Restores a backup that has the first `count` entries, and raises the incarnation.
    pub(crate) fn restore(&mut self, count: usize) {
        self.entries.truncate(count);
        self.hashes.truncate(count);
        self.incarnation += 1;
    }

    /// Returns the hash of the entry `seq`, or an empty string for 0.
    pub(crate) fn previous(&self, seq: u64) -> Opaque {
        match seq {
            0 => Opaque::default(),
            _ => self.hashes[seq as usize - 1].as_ref().into(),
        }
    }

    /// Returns the head of the entry `seq`, not signed.
    pub(crate) fn unsigned_head(&self, seq: u64) -> Head {
        let entry = &self.entries[seq as usize - 1];
        Head {
            domain: self.log.domain.clone(),
            group_id: self.log.group_id.clone(),
            incarnation: entry.incarnation,
            seq,
            time: entry.time,
            hash: self.hashes[seq as usize - 1],
        }
    }

    pub(crate) fn head(&self, seq: u64) -> SignedHead {
        self.unsigned_head(seq).sign(&key(1)).unwrap()
    }

    /// Returns a page with at most `count` entries after `after`.
    pub(crate) fn page(&self, after: u64, count: usize) -> LogPage {
        let entries: Vec<_> = self.entries.iter().skip(after as usize).take(count).cloned().collect();
        let head = self.head(after + entries.len() as u64);
        LogPage { previous: self.previous(after), entries, head, end: 0 }
    }

    pub(crate) fn receipt(&self, seq: u64) -> Receipt {
        let entry = &self.entries[seq as usize - 1];
        Receipt {
            kind: entry.kind,
            epoch: entry.epoch,
            digest: Digest::of(&entry.message),
            previous: self.previous(seq - 1),
            head: self.head(seq),
        }
    }

    /// Returns a reader that has read the log up to `seq`.
    pub(crate) fn reader_at(&self, seq: u64) -> LogCursor {
        let reader = LogCursor::before(self.log.clone(), 1);
        if seq == 0 { reader } else { reader.advance(&self.page(0, seq as usize), &keys()).unwrap() }
    }
}

/// Returns the bytes with one bit changed.
pub(crate) fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bit / 8 % bytes.len();
    bytes[at] ^= 1 << (bit % 8);
    bytes
}
