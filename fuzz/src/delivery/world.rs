//! The clients and the servers of a script, and what must be true of each answer.

use super::base::{Base, CLIENTS};
use super::requests::{Answer, Request};
use super::spectator::Spectator;
use crate::clients::{Clients, Device, NOW, group_id};
use pando_api::{
    ClaimStatus, ClaimedKeyPackages, ClientId, DeviceCertificate, Digest, EntryKind, ProblemCode, Receipt,
    ServerKeys, SignedHead,
};
use pando_delivery::Refusal;
use pando_delivery::group::Caller;
use pando_delivery::service::Service;
use pando_delivery::store::{MemoryStore, Store};
use pando_mls::{Decode, GroupId, KeyPackage, KeyPackageBundle};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An hour in milliseconds.
pub(super) const HOUR: u64 = 60 * 60 * 1_000;

/// A client with what it remembers.
pub(super) struct Participant {
    pub(super) device: Device,
    /// The KeyPackages that the client has made.
    pub(super) bundles: Vec<KeyPackageBundle>,
    /// The head of the last page that the client has read.
    pub(super) head: Option<SignedHead>,
}

/// The group, the incarnation and the sequence number of an entry.
type EntryName = (Vec<u8>, u64, u64);

pub(super) struct World<'a> {
    pub(super) clients: &'a mut Clients,
    pub(super) keys: ServerKeys,
    /// Two server processes with the same store.
    pub(super) services: [Service<Arc<MemoryStore>>; 2],
    pub(super) people: Vec<Participant>,
    pub(super) spectator: Spectator,
    pub(super) rng: ChaCha20Rng,
    /// The requests that clients have made.
    pub(super) made: Vec<(usize, Request)>,
    /// KeyPackages that were claimed.
    pub(super) claimed: Vec<KeyPackage>,
    /// The revoked versions.
    pub(super) revoked: BTreeMap<ClientId, u64>,
    /// The highest version that each client has logged in with.
    pub(super) versions: BTreeMap<ClientId, u64>,
    /// The number of requests that needed a new identifier.
    pub(super) count: u8,
    /// The Commits whose requests were altered by others than their makers.
    pub(super) altered: BTreeSet<u64>,
    heads: BTreeMap<EntryName, SignedHead>,
    served: BTreeMap<Vec<u8>, (ClientId, Digest)>,
    claims: BTreeMap<(ClientId, Digest), (u64, ClaimedKeyPackages)>,
}

impl<'a> World<'a> {
    pub(super) async fn new(base: &'a mut Base) -> Self {
        base.clients.rng = ChaCha20Rng::seed_from_u64(2);
        base.clients.now = NOW;
        base.clients.group_id = group_id();
        let store = Arc::new(base.store().await);
        let services = [(); 2].map(|()| Service::new(Arc::clone(&store), base.settings()));
        let people = (0..CLIENTS.len()).map(|which| Participant {
            device: base.device(which),
            bundles: Vec::new(),
            head: None,
        });
        let people = people.collect();
        Self {
            keys: base.keys.clone(),
            services,
            people,
            spectator: base.spectator(),
            rng: ChaCha20Rng::seed_from_u64(3),
            made: Vec::new(),
            claimed: Vec::new(),
            revoked: BTreeMap::new(),
            versions: BTreeMap::new(),
            count: 0,
            altered: BTreeSet::new(),
            heads: BTreeMap::new(),
            served: BTreeMap::new(),
            claims: BTreeMap::new(),
            clients: &mut base.clients,
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.clients.now
    }

    pub(super) fn caller(&self, who: usize) -> Caller {
        self.people[who].device.caller.clone()
    }

    /// Returns a fresh identifier of 16 bytes.
    pub(super) fn identifier(&mut self) -> [u8; 16] {
        self.count += 1;
        [self.count; 16]
    }

    /// Sends a request as a client, and checks the answer. Returns the receipt if there is one, and
    /// `None` if the request was refused. `is_altered` tells whether no client has made the
    /// request.
    pub(super) async fn send(
        &mut self,
        request: Request,
        (who, group, server): (usize, &GroupId, usize),
        is_altered: bool,
    ) -> Option<Option<Receipt>> {
        let caller = self.caller(who);
        let service = self.services[server].clone();
        // The HTTP layer refuses the sessions of revoked clients.
        if service.is_revoked(&caller) {
            return None;
        }
        let end = self.spectator.end();
        let was_member = self.spectator.is_member(&caller.client);
        let answer = request.clone().send(&service, (&caller, group), self.now()).await;
        let is_ours = request.new_group().as_ref().unwrap_or(group) == &group_id();
        self.follow_log().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => {
                check_refusal(&refusal);
                assert_eq!(self.spectator.end(), end, "a refused request was appended: {refusal}");
                return None;
            }
        };
        match answer {
            Answer::Receipt(receipt, message) => {
                self.check_receipt(&receipt, message.as_deref());
                // A client may remove the other clients of its user although it is no member.
                let is_removal = matches!(request, Request::Removal(_));
                if is_ours && !is_removal {
                    self.check_sender(&receipt, (&caller, was_member, end));
                    if is_altered && receipt.head.head.seq > end {
                        self.altered.insert(receipt.head.head.seq);
                    }
                }
                Some(Some(receipt))
            }
            Answer::Claimed(answer) => {
                self.check_claim(&request, &caller, &answer);
                Some(None)
            }
            Answer::Nothing => {
                if let Request::Upload(_) = &request {
                    self.logged_in(&caller);
                }
                Some(None)
            }
        }
    }

    /// Records that the server knows a version of a client.
    pub(super) fn logged_in(&mut self, caller: &Caller) {
        let known = self.versions.entry(caller.client.clone()).or_default();
        assert!(*known <= caller.version, "a superseded certificate was accepted");
        *known = caller.version;
    }

    /// Lets the observer read the log to its end.
    pub(super) async fn follow_log(&mut self) {
        let followed = self.spectator.follow(&self.services[0], &self.keys).await;
        followed.expect("a member reads the log");
    }

    /// Checks that no two signed heads of one entry differ.
    pub(super) fn record(&mut self, head: &SignedHead) {
        head.verify(&self.keys).expect("a signed head");
        let name = (head.head.group_id.to_vec(), head.head.incarnation, head.head.seq);
        let known = self.heads.entry(name).or_insert_with(|| head.clone());
        assert_eq!(known.head, head.head, "two heads of one entry differ");
    }

    fn check_receipt(&mut self, receipt: &Receipt, message: Option<&[u8]>) {
        self.record(&receipt.head);
        if let Some(message) = message {
            receipt.verify(message, &self.keys).expect("a receipt of the message");
        }
        if receipt.head.head.group_id == group_id() {
            let seq = receipt.head.head.seq;
            assert_eq!(self.spectator.digest(seq), Some(receipt.digest), "the log has another message");
            let at = usize::try_from(seq - 1).expect("there are few entries");
            let entry = &self.spectator.entries[at];
            assert_eq!((receipt.kind, receipt.epoch), (entry.kind, entry.epoch));
            assert_eq!(
                (receipt.head.head.time, receipt.head.head.incarnation),
                (entry.time, entry.incarnation)
            );
        }
    }

    /// Checks that the caller may send the message, or that it had the receipt of an earlier one.
    fn check_sender(&self, receipt: &Receipt, (caller, was_member, end): (&Caller, bool, u64)) {
        let seq = receipt.head.head.seq;
        if seq <= end {
            // A member may repeat the application messages of all members, because their senders
            // are encrypted.
            assert!(was_member || self.spectator.may_read(&caller.client, seq), "a stranger has a receipt");
            return;
        }
        match receipt.kind {
            EntryKind::Application => assert!(was_member, "a stranger sends"),
            EntryKind::Creation => panic!("the group was created again"),
            EntryKind::Proposal | EntryKind::Commit => {
                let sender = &self.spectator.senders[&seq];
                assert!(sender.as_ref().is_none_or(|sender| *sender == caller.client), "another sender");
            }
        }
    }

    /// Checks that no KeyPackage is served to two claims, and that each can be used.
    fn check_claim(&mut self, request: &Request, caller: &Caller, answer: &ClaimedKeyPackages) {
        let Request::Claim(claim) = request else { panic!("not a claim") };
        let now = self.now();
        let id = Digest::of(&claim.claim_id.0);
        let name = (caller.client.clone(), id);
        let serves = answer.clients.iter().any(|claimed| claimed.status.key_package().is_some());
        match self.claims.get(&name) {
            Some((until, known)) if now < *until => {
                assert_eq!(known, answer, "a repeated claim has another answer");
                return;
            }
            _ if serves => drop(self.claims.insert(name.clone(), (now + 24 * HOUR, answer.clone()))),
            _ => {}
        }
        for claimed in &answer.clients {
            let Some(bytes) = claimed.status.key_package() else { continue };
            let key_package = KeyPackage::decode(bytes).expect("a KeyPackage");
            let certificate =
                DeviceCertificate::read(&key_package.leaf_node.credential).expect("a certificate");
            assert_eq!(certificate.client, claimed.client);
            let known = self.versions.get(&certificate.client).copied();
            assert_eq!(Some(certificate.version), known, "not the highest known version");
            let revoked = self.revoked.get(&certificate.client).copied().unwrap_or_default();
            assert!(certificate.version > revoked, "a revoked KeyPackage is served");
            if let ClaimStatus::KeyPackage(bytes) = &claimed.status {
                let first = self.served.insert(bytes.to_vec(), name.clone());
                assert!(first.is_none(), "a KeyPackage was served twice");
            }
            self.claimed.push(key_package);
        }
    }

    /// Runs the work that is due, which must not fail, and after which there is none.
    pub(super) async fn run_due(&mut self, server: usize) {
        let service = self.services[server].clone();
        let failed = service.run_due(self.now()).await.expect("the store works");
        assert_eq!(failed, 0, "work that is due fails");
        let due = service.store().due(self.now(), 10).await.expect("the store works");
        assert!(due.is_empty(), "work remains: {due:?}");
        self.follow_log().await;
        let leaves = self.spectator.members().filter_map(|client| self.spectator.leaf(client));
        let leaves: BTreeSet<_> = leaves.map(|(leaf, _)| leaf).collect();
        assert!(self.spectator.due().is_subset(&leaves), "a removal of a client that is no member");
    }
}

/// Checks a refusal: its code is known, it is no fault of the server, and names no client.
pub(super) fn check_refusal(refusal: &Refusal) {
    let problem = refusal.problem();
    let code = problem.known_code().expect("a known code");
    let is_fault =
        matches!(code, ProblemCode::Internal | ProblemCode::Overloaded | ProblemCode::OutcomeUnknown);
    assert!(!is_fault, "a fault of the server: {refusal}");
    assert!(!problem.detail.contains("@example.org"), "a detail names a client: {}", problem.detail);
}
