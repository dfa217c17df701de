//! An observer of the group that reads the whole log, and knows from it what the server must
//! answer.

use crate::clients::{Clients, group_id};
use pando_api::{
    ClientId, DeviceCertificate, DeviceIdentities, Digest, EntryKind, LogCursor, LogEntry, LogId,
    PolicyRules, ServerKeys,
};
use pando_delivery::Refusal;
use pando_delivery::group::Caller;
use pando_delivery::service::Service;
use pando_delivery::store::MemoryStore;
use pando_mls::wire::Content;
use pando_mls::{
    LeafChange, LeafIndex, Limits, MlsMessage, MlsMessageBody, Proposal, PublicGroup, PublicProcessed,
    RustCrypto, Sender,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A part of the log that a client may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    pub(super) start: u64,
    pub(super) end: Option<u64>,
}

#[derive(Clone)]
pub(super) struct Spectator {
    group: Option<PublicGroup>,
    cursor: LogCursor,
    identities: Arc<DeviceIdentities>,
    /// The entries of the log, from the first one on.
    pub(super) entries: Vec<LogEntry>,
    /// The client that has sent each handshake. `None` for messages of the server.
    pub(super) senders: BTreeMap<u64, Option<ClientId>>,
    memberships: BTreeMap<ClientId, Vec<Membership>>,
    /// The sequence number of the entry that began the epoch.
    pub(super) epoch_seq: u64,
}

impl Spectator {
    pub(super) fn new(clients: &Clients, creator: &ClientId) -> Self {
        let log = LogId { domain: clients.domain.clone(), group_id: group_id() };
        let anchors = [(clients.domain.clone(), &clients.anchor)];
        let identities = DeviceIdentities::new(&RustCrypto, anchors).expect("an anchor");
        let membership = Membership { start: 1, end: None };
        Self {
            group: None,
            cursor: LogCursor::before(log, 1),
            identities: Arc::new(identities),
            entries: Vec::new(),
            senders: BTreeMap::new(),
            memberships: [(creator.clone(), vec![membership])].into(),
            epoch_seq: 1,
        }
    }

    /// Returns the public group.
    pub(super) fn group(&self) -> &PublicGroup {
        self.group.as_ref().expect("the log has a creation")
    }

    /// Returns the last sequence number.
    pub(super) fn end(&self) -> u64 {
        self.cursor.seq()
    }

    /// Returns the clients that are members.
    pub(super) fn members(&self) -> impl Iterator<Item = &ClientId> {
        let present =
            self.memberships.iter().filter(|(_, all)| all.last().is_some_and(|last| last.end.is_none()));
        present.map(|(client, _)| client)
    }

    pub(super) fn is_member(&self, client: &ClientId) -> bool {
        self.members().any(|member| member == client)
    }

    /// Returns the present membership of a client.
    pub(super) fn since(&self, client: &ClientId) -> Option<u64> {
        let last = self.memberships.get(client)?.last()?;
        last.end.is_none().then_some(last.start)
    }

    /// Returns the part of the log in which a client may read the entry after `after`.
    pub(super) fn readable_after(&self, client: &ClientId, after: u64) -> Option<Membership> {
        let all = self.memberships.get(client)?;
        all.iter().copied().find(|membership| membership.end.is_none_or(|end| end > after))
    }

    /// Returns whether a client may read an entry.
    pub(super) fn may_read(&self, client: &ClientId, seq: u64) -> bool {
        self.readable_after(client, seq.saturating_sub(1)).is_some_and(|membership| membership.start <= seq)
    }

    /// Returns the leaf and the certificate of a member.
    pub(super) fn leaf(&self, client: &ClientId) -> Option<(LeafIndex, DeviceCertificate)> {
        let mut leaves = self.group().public().members().map(|member| {
            let member = member.expect("in memory");
            (member.leaf, certificate(&member.credential))
        });
        leaves.find(|(_, certificate)| certificate.client == *client)
    }

    /// Returns the leaves that the server proposes to remove in this epoch.
    pub(super) fn due(&self) -> BTreeSet<LeafIndex> {
        let pending = self.group().pending_proposals();
        let due = pending.filter_map(|pending| match (&pending.sender, &pending.proposal) {
            (Sender::External(_), Proposal::Remove(remove)) => Some(remove.removed),
            (Sender::External(_), other) => panic!("the server proposes {other:?}"),
            _ => None,
        });
        due.collect()
    }

    /// Reads the log to its end. Each of the pages chains from the page before.
    pub(super) async fn follow(
        &mut self,
        service: &Service<Arc<MemoryStore>>,
        keys: &ServerKeys,
    ) -> Result<(), Refusal> {
        loop {
            let client = self.members().next().expect("a group has a member").clone();
            // No certificate has a higher version.
            let reader = Caller { client, version: u64::MAX };
            let page = service.read_log(&reader, &group_id(), (self.end(), 1 << 14)).await?;
            self.cursor = self.cursor.advance(&page, keys).expect("the log is a chain");
            if page.entries.is_empty() {
                assert_eq!(page.end, 0);
                return Ok(());
            }
            for entry in page.entries {
                assert_eq!(usize::try_from(entry.seq), Ok(self.entries.len() + 1), "a gap");
                self.apply(&entry);
                self.entries.push(entry);
            }
        }
    }

    fn apply(&mut self, entry: &LogEntry) {
        let message = entry.decode_message(&group_id()).expect("an entry is a message of the group");
        match entry.kind {
            EntryKind::Creation => self.create(&message),
            EntryKind::Application => assert!(entry.epoch <= self.group().public().epoch()),
            EntryKind::Proposal | EntryKind::Commit => self.process(entry, message),
        }
    }

    fn create(&mut self, message: &MlsMessage) {
        let MlsMessageBody::GroupInfo(group_info) = &message.body else { panic!("not a GroupInfo") };
        assert!(self.entries.is_empty(), "a creation is the first entry");
        let suite = crate::clients::suite();
        let group = PublicGroup::new(suite, group_info, None, &*self.identities, Limits::default());
        self.group = Some(group.expect("a valid group").assume_persisted());
    }

    fn process(&mut self, entry: &LogEntry, message: MlsMessage) {
        let MlsMessageBody::PublicMessage(public) = &message.body else { panic!("not public") };
        assert_eq!(entry.epoch, self.group().public().epoch());
        let sender = match (public.content.sender, &public.content.content) {
            (Sender::Member(leaf), _) => {
                let credential = self.group().public().credential(leaf).expect("in memory");
                Some(certificate(&credential.expect("the sender is a member")).client)
            }
            (Sender::NewMemberCommit, Content::Commit(commit)) => {
                let path = commit.path.as_ref().expect("an external Commit has a path");
                Some(certificate(&path.leaf_node.credential).client)
            }
            (Sender::External(_), Content::Proposal(_)) => None,
            (other, _) => panic!("{other:?}"),
        };
        self.senders.insert(entry.seq, sender);
        let due = self.due();
        let group = self.group.as_mut().expect("the log has a creation");
        let processed = group.process(message, &*self.identities, &PolicyRules, None);
        let staged = match processed.expect("the handshake is valid").assume_persisted() {
            PublicProcessed::Commit(staged) => staged,
            PublicProcessed::Proposal(_) => {
                assert_eq!(entry.kind, EntryKind::Proposal);
                return;
            }
            PublicProcessed::NotAdmitted(_, why) => panic!("a proposal is in the log: {why}"),
        };
        assert_eq!(entry.kind, EntryKind::Commit);
        let changes = staged.leaf_changes().expect("in memory");
        if staged.committer() != Sender::NewMemberCommit {
            let removed: BTreeSet<_> = staged.removed().iter().copied().collect();
            assert!(due.is_subset(&removed), "a Commit leaves out a removal");
        }
        group.merge_unconfirmed(&staged).expect("it follows").assume_persisted();
        self.epoch_seq = entry.seq;
        self.change(entry.seq, &changes);
        self.check_members();
    }

    fn change(&mut self, seq: u64, changes: &[LeafChange]) {
        for change in changes {
            if let LeafChange::Removed { old, .. } = change {
                let all = self.memberships.get_mut(&certificate(&old.credential).client);
                let last = all.and_then(|all| all.last_mut()).expect("the removed client was a member");
                assert_eq!(last.end.replace(seq), None);
            }
        }
        for change in changes {
            if let LeafChange::Added { new, .. } = change {
                let all = self.memberships.entry(certificate(&new.credential).client).or_default();
                all.push(Membership { start: seq, end: None });
            }
        }
    }

    /// Checks that no client has two leaves, and that the members have not changed otherwise.
    fn check_members(&self) {
        let members = self.group().public().members();
        let leaves: Vec<_> =
            members.map(|member| certificate(&member.expect("in memory").credential).client).collect();
        let distinct: BTreeSet<_> = leaves.iter().collect();
        assert_eq!(distinct.len(), leaves.len(), "a client has two leaves");
        assert_eq!(distinct, self.members().collect());
    }

    /// Returns the digest of an entry.
    pub(super) fn digest(&self, seq: u64) -> Option<Digest> {
        let at = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.entries.get(at).map(|entry| Digest::of(&entry.message))
    }
}

/// Returns the certificate of a member.
pub(super) fn certificate(credential: &pando_mls::Credential) -> DeviceCertificate {
    DeviceCertificate::read(credential).expect("members have certificates")
}
