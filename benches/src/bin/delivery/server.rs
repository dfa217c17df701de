//! A delivery service over SQLite, in this process.

use crate::clients::{Clients, Device, Member, NOW};
use crate::recording::{RecordingStore, Written};
use pando_api::{CreateGroup, EntryKind, InboxEntry, Receipt, SubmitCommit, SubmitMessage};
use pando_delivery::group::partition;
use pando_delivery::service::Service;
use pando_delivery::store::{SqliteConfig, SqliteStore};
use std::sync::Arc;
use tempfile::TempDir;

/// The size of a page of a log, in bytes of messages.
const PAGE: usize = 1 << 20;

/// A server with its store, which is one file.
pub(crate) struct Server {
    pub(crate) service: Service<Arc<RecordingStore>>,
    _folder: TempDir,
}

impl Server {
    pub(crate) async fn new(clients: &Clients) -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("store"), &SqliteConfig::default()).unwrap();
        let service = Service::new(Arc::new(RecordingStore::new(store)), clients.settings());
        service.load_revocations().await.unwrap();
        Self { service, _folder: folder }
    }

    /// Returns a server with the same store, which has nothing in memory.
    pub(crate) async fn cold(&self, clients: &Clients) -> Service<Arc<RecordingStore>> {
        let service = Service::new(Arc::clone(self.service.store()), clients.settings());
        service.load_revocations().await.unwrap();
        service
    }

    /// Returns the number of write requests and the number of commits of the store so far.
    pub(crate) fn counters(&self) -> (u64, u64) {
        let counters = self.service.store().counters();
        assert_eq!((counters.failed_batches, counters.overloaded), (0, 0), "requests have failed");
        (counters.requests, counters.batches)
    }

    /// Lets a client create a group.
    pub(crate) async fn create_group(&self, clients: &mut Clients, creator: Device) -> Member {
        let (mut member, group_info) = clients.create_group(creator);
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        let receipt = self.service.create_group(&member.caller, request, NOW).await.unwrap();
        has_read(&mut member, &receipt);
        member
    }

    /// Sends the pending Commit of a member, which then enters the epoch of the Commit.
    pub(crate) async fn submit(&self, member: &mut Member, request: SubmitCommit) {
        let group_id = member.group_id();
        let receipt = self.service.submit_commit(&member.caller, &group_id, request, NOW).await.unwrap();
        member.merge();
        has_read(member, &receipt);
    }

    /// Sends a message of a member.
    pub(crate) async fn send(&self, member: &Member, message: Vec<u8>) -> Receipt {
        let request = SubmitMessage { message: message.into() };
        self.service.submit_message(&member.caller, &member.group_id(), request, NOW).await.unwrap()
    }

    /// Copies changes of membership to the accounts.
    pub(crate) async fn run_due(&self) {
        assert_eq!(self.service.run_due(NOW).await.unwrap(), 0, "work that is due has failed");
    }

    /// Reads the only entry of a client's inbox.
    pub(crate) async fn inbox_entry(&self, device: &Device) -> InboxEntry {
        let page = self.service.read_inbox(&device.caller, (0, usize::MAX), NOW).await.unwrap();
        let [entry] = <[InboxEntry; 1]>::try_from(page.entries).unwrap();
        entry
    }

    /// Lets a client join by the Welcome in its inbox.
    pub(crate) async fn join(&self, clients: &Clients, device: Device) -> Member {
        let entry = self.inbox_entry(&device).await;
        let tree = self.service.tree(&device.caller, &entry.group_id, &entry.tree_hash).await.unwrap();
        let mut member = clients.join(device, &entry.welcome, &tree);
        member.seq = entry.group_seq;
        member
    }

    /// Lets a member process the log to its end.
    pub(crate) async fn follow(&self, member: &mut Member) {
        loop {
            let position = (member.seq, PAGE);
            let page = self.service.read_log(&member.caller, &member.group_id(), position).await.unwrap();
            for entry in &page.entries {
                if entry.kind != EntryKind::Application {
                    member.process(&entry.message);
                }
            }
            (member.seq, member.head) = (page.head.head.seq, Some(page.head));
            if page.entries.is_empty() {
                return;
            }
        }
    }

    /// Returns the transactions that were recorded in the partition of a member's group.
    pub(crate) fn recorded(&self, member: &Member) -> Vec<Written> {
        self.service.store().recorded(&partition(&member.group_id()))
    }

    /// Returns the only transaction that was recorded in the partition of a member's group.
    pub(crate) fn recorded_one(&self, member: &Member) -> Written {
        let mut transactions = self.recorded(member);
        assert_eq!(transactions.len(), 1, "a message or a small Commit is one transaction");
        transactions.remove(0)
    }
}

/// Notes that a member has read the log up to its own entry.
fn has_read(member: &mut Member, receipt: &Receipt) {
    (member.seq, member.head) = (receipt.head.head.seq, Some(receipt.head.clone()));
}
