//! The delivery service. Every sent message is appended to a file outside of the process, which
//! stands for the network. The service accepts one Commit in each epoch, and accepts a repeated
//! message only once.

use pando_mls::wire::ContentType;
use pando_mls::{Decode, MlsMessage, MlsMessageBody};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Application = 0,
    Proposal = 1,
    Commit = 2,
    Welcome = 3,
    KeyPackage = 4,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) from: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    /// Returns the kind of a message and its epoch.
    pub(crate) fn of(bytes: &[u8]) -> (Kind, u64) {
        match MlsMessage::decode(bytes).unwrap().body {
            MlsMessageBody::PrivateMessage(private) => {
                let kind = match private.content_type {
                    ContentType::Commit => Kind::Commit,
                    ContentType::Proposal => Kind::Proposal,
                    _ => Kind::Application,
                };
                (kind, private.epoch)
            }
            // External Commits are the only public messages.
            MlsMessageBody::PublicMessage(public) => (Kind::Commit, public.content.epoch),
            MlsMessageBody::KeyPackage(_) => (Kind::KeyPackage, 0),
            MlsMessageBody::Welcome(_) => (Kind::Welcome, 0),
            other => panic!("{other:?} is not sent"),
        }
    }

    /// Returns whether the entry is an external Commit.
    pub(crate) fn is_external(&self) -> bool {
        matches!(MlsMessage::decode(&self.bytes).unwrap().body, MlsMessageBody::PublicMessage(_))
    }
}

pub(crate) struct Delivery {
    path: PathBuf,
    pub(crate) log: Vec<Entry>,
    seen: HashSet<Vec<u8>>,
    /// The required epoch of the next Commit.
    pub(crate) epoch: u64,
}

impl Delivery {
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("log");
        let bytes = fs::read(&path).unwrap_or_default();
        let mut delivery = Self { path, log: Vec::new(), seen: HashSet::new(), epoch: 1 };
        let mut rest = bytes.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<6>() {
            let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            // An entry that was not completely written was not accepted.
            let Some((entry, behind)) = behind.split_at_checked(len) else { break };
            let kinds = [Kind::Application, Kind::Proposal, Kind::Commit, Kind::Welcome, Kind::KeyPackage];
            delivery.take(Entry { kind: kinds[usize::from(head[4])], from: head[5], bytes: entry.to_vec() });
            rest = behind;
        }
        let whole = bytes.len() - rest.len();
        if !rest.is_empty() {
            File::options().write(true).open(&delivery.path).unwrap().set_len(whole as u64).unwrap();
        }
        delivery
    }

    fn take(&mut self, entry: Entry) {
        if entry.kind == Kind::Commit {
            self.epoch += 1;
        }
        // All messages must differ, which shows that nothing was encrypted twice with the same key
        // and nonce.
        assert!(self.seen.insert(entry.bytes.clone()));
        self.log.push(entry);
    }

    /// Accepts a message, with the Welcome of a Commit. Refuses Commits and proposals of a past
    /// epoch. Returns whether the message is in the log.
    pub(crate) fn accept(&mut self, from: u8, bytes: &[u8], welcome: Option<&[u8]>) -> bool {
        let (kind, epoch) = Entry::of(bytes);
        if self.seen.contains(bytes) {
            return true;
        }
        if matches!(kind, Kind::Commit | Kind::Proposal) && epoch != self.epoch {
            return false;
        }
        let mut entries = vec![Entry { kind, from, bytes: bytes.to_vec() }];
        entries.extend(welcome.map(|bytes| Entry { kind: Kind::Welcome, from, bytes: bytes.to_vec() }));
        let mut appended = Vec::new();
        for Entry { kind, from, bytes } in &entries {
            appended.extend((bytes.len() as u32).to_be_bytes());
            appended.extend([*kind as u8, *from]);
            appended.extend(bytes);
        }
        let mut file = File::options().append(true).create(true).open(&self.path).unwrap();
        file.write_all(&appended).unwrap();
        entries.into_iter().for_each(|entry| self.take(entry));
        true
    }
}
