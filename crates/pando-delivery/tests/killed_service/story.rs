//! The actions of the clients, and the properties that must hold.

use crate::clients::{Clients, Device, SUITE, group_id, policy};
use crate::pipe::{Failure, Kind, Request, Server};
use crate::server::{decode, encode, server_key};
use pando_api::{
    ClaimId, ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackages, CreateGroup, Digest, EntryKind,
    InboxPage, LogCursor, LogId, LogPage, ProblemCode, Receipt, ServerKeys, SignedHead, SubmitCommit,
    SubmitMessage, UploadKeyPackages,
};
use pando_delivery::group::Caller;
use pando_mls::Encode;
use pando_mls::wire::RequiredCapabilities;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The number of rounds in a life, unless the server is killed before.
const ROUNDS: usize = 12;

/// The clients, and everything that the server has acknowledged.
pub(crate) struct Story {
    clients: Clients,
    keys: ServerKeys,
    members: Vec<Device>,
    /// Requests with an unknown outcome.
    unknown: Vec<Request>,
    /// The sequence numbers of acknowledged messages, by their digests.
    acknowledged: BTreeMap<Digest, u64>,
    heads: BTreeMap<u64, SignedHead>,
    /// Clients that a Commit would add, by the digest of the Commit.
    guests: BTreeMap<Digest, Device>,
    /// The number of guests that were found in the inboxes.
    invited: usize,
    claims: u128,
    /// The claim that was served with each KeyPackage.
    served: BTreeMap<Vec<u8>, u128>,
    resent: usize,
    number: u64,
}

impl Story {
    pub(crate) fn new() -> Self {
        let mut clients = Clients::new();
        let members = ["alice", "bob", "carol"];
        let members = members.map(|name| clients.device(&format!("{name}@example.org/phone"), 1)).into();
        Self {
            clients,
            keys: [server_key().public()].into_iter().collect(),
            members,
            unknown: Vec::new(),
            acknowledged: BTreeMap::new(),
            heads: BTreeMap::new(),
            guests: BTreeMap::new(),
            invited: 0,
            claims: 0,
            served: BTreeMap::new(),
            resent: 0,
            number: 0,
        }
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{} acknowledged messages, {} requests sent again, {} Welcomes, {} KeyPackages",
            self.acknowledged.len(),
            self.resent,
            self.invited,
            self.served.len()
        )
    }

    /// Lives until the server is gone, or for some rounds.
    pub(crate) async fn live(&mut self, server: &Arc<Server>) {
        for _ in 0..ROUNDS {
            if self.round(server).await.is_err() {
                return;
            }
        }
    }

    /// Checks everything with a server that is not killed.
    pub(crate) async fn end(&mut self, server: &Arc<Server>) {
        self.round(server).await.unwrap();
        self.recover(server).await.unwrap();
        let epoch = self.members[0].group().epoch();
        self.round(server).await.unwrap();
        self.recover(server).await.unwrap();
        assert!(self.members[0].group().epoch() > epoch, "the group goes on");
        self.check_welcomes(server).await.unwrap();
    }

    /// Sends requests with an unknown outcome again, brings all members to the end of the log, and
    /// sends new requests of all members at the same time.
    async fn round(&mut self, server: &Arc<Server>) -> Result<(), Failure> {
        self.recover(server).await?;
        let mut requests = Vec::new();
        for index in 0..self.members.len() {
            requests.extend(self.requests_of(index));
        }
        requests.push(self.claim());
        requests.push(Request { caller: self.members[0].caller.clone(), kind: Kind::Due, body: Vec::new() });
        self.send(server, requests).await
    }

    async fn recover(&mut self, server: &Arc<Server>) -> Result<(), Failure> {
        if self.members[0].group.is_none() {
            return self.found(server).await;
        }
        while !self.unknown.is_empty() {
            let unknown = std::mem::take(&mut self.unknown);
            self.resent += unknown.len();
            self.send(server, unknown).await?;
        }
        for index in 0..self.members.len() {
            self.follow(server, index).await?;
        }
        self.check_log(server).await
    }

    /// Creates the group with all members, in requests that may have to be repeated.
    async fn found(&mut self, server: &Arc<Server>) -> Result<(), Failure> {
        let (clients, members) = (&mut self.clients, &mut self.members);
        let extensions = clients.extensions(&policy());
        let [alice, bob, carol] = &mut members[..] else { panic!("three members") };
        let group_info = clients.build_group(alice, extensions);
        let key_packages = clients.key_packages(&mut [bob, carol]);
        let first = clients.build_commit(alice, None, |commit| {
            key_packages.into_iter().fold(commit, pando_mls::CommitBuilder::add)
        });
        let (commit, welcome) = (first.commit.to_vec(), first.welcome.to_vec());
        let body = encode(&CreateGroup { group_info: group_info.into(), first_commit: Some(first) });
        clients.process(alice, &commit);
        let tree = alice.group().public().tree().export().unwrap();
        clients.join_with(bob, &welcome, &tree);
        clients.join_with(carol, &welcome, &tree);
        members.iter_mut().for_each(|member| member.seq = 2);
        let caller = members[0].caller.clone();
        self.send(server, vec![Request { caller, kind: Kind::Create, body }]).await
    }

    /// Returns a message, an upload and a Commit of a member. Some of the Commits add a guest.
    fn requests_of(&mut self, index: usize) -> Vec<Request> {
        self.number += 1;
        let number = self.number;
        let mut guest = number
            .is_multiple_of(4)
            .then(|| self.clients.device(&format!("guest{number}@example.org/phone"), 1));
        let (clients, member) = (&mut self.clients, &mut self.members[index]);
        let caller = member.caller.clone();
        let request = |kind, body| Request { caller: caller.clone(), kind, body };
        let message = clients.encrypt(member, &format!("message {number}"));
        let key_package = clients.bundle(member).key_package.encode().unwrap();
        let upload =
            UploadKeyPackages { key_packages: vec![key_package.into()], last_resort: Vec::new().into() };
        let key_packages = guest.as_mut().map(|guest| clients.key_packages(&mut [guest]));
        let commit = clients.build_commit(member, None, |commit| {
            key_packages.into_iter().flatten().fold(commit, pando_mls::CommitBuilder::add)
        });
        if let Some(guest) = guest {
            self.guests.insert(Digest::of(&commit.commit), guest);
        }
        vec![
            request(Kind::Message, encode(&SubmitMessage { message: message.into() })),
            request(Kind::Upload, encode(&upload)),
            request(Kind::Commit, encode(&commit)),
        ]
    }

    fn claim(&mut self) -> Request {
        self.claims += 1;
        let claim = ClaimKeyPackages {
            claim_id: ClaimId(self.claims.to_be_bytes()),
            target: ClaimTarget::Client(self.members[1].caller.client.clone()),
            cipher_suite: SUITE,
            capabilities: RequiredCapabilities::default(),
        };
        Request { caller: self.members[0].caller.clone(), kind: Kind::Claim, body: encode(&claim) }
    }

    /// Sends requests at the same time, and remembers what the server has acknowledged and which
    /// outcomes are unknown.
    async fn send(&mut self, server: &Arc<Server>, requests: Vec<Request>) -> Result<(), Failure> {
        let answers = call_all(server, &requests).await;
        let mut is_gone = false;
        for (request, answer) in requests.into_iter().zip(answers) {
            match answer {
                Ok(body) => self.acknowledge(&request, &body),
                Err(Failure::Gone) => {
                    is_gone = true;
                    self.unknown.push(request);
                }
                Err(Failure::Refused(problem)) => match problem.known_code().unwrap() {
                    ProblemCode::EpochConflict if request.kind == Kind::Commit => {}
                    // The pool of a client is bounded.
                    ProblemCode::Limit if request.kind == Kind::Upload => {}
                    ProblemCode::OutcomeUnknown | ProblemCode::Overloaded => self.unknown.push(request),
                    // A message that was sent again too late.
                    ProblemCode::StaleEpoch if request.kind == Kind::Message => {}
                    _ => panic!("{:?}: {problem}", request.kind),
                },
            }
        }
        if is_gone { Err(Failure::Gone) } else { Ok(()) }
    }

    fn acknowledge(&mut self, request: &Request, body: &[u8]) {
        let message = match request.kind {
            Kind::Create => decode::<CreateGroup>(&request.body).first_commit.unwrap().commit,
            Kind::Commit => decode::<SubmitCommit>(&request.body).commit,
            Kind::Message => decode::<SubmitMessage>(&request.body).message,
            Kind::Claim => return self.acknowledge_claim(request, &decode(body)),
            _ => return,
        };
        let receipt: Receipt = decode(body);
        receipt.verify(&message, &self.keys).unwrap();
        let seq = receipt.head.head.seq;
        let known = self.acknowledged.insert(receipt.digest, seq);
        assert!(known.is_none_or(|known| known == seq), "a second place for one message");
        let known = self.heads.insert(seq, receipt.head.clone());
        assert!(known.is_none_or(|known| known.head == receipt.head.head), "two heads of one entry");
    }

    fn acknowledge_claim(&mut self, request: &Request, answer: &ClaimedKeyPackages) {
        let claim: ClaimKeyPackages = decode(&request.body);
        let number = u128::from_be_bytes(claim.claim_id.0);
        for claimed in &answer.clients {
            if let ClaimStatus::KeyPackage(key_package) = &claimed.status {
                let earlier = self.served.insert(key_package.to_vec(), number);
                assert!(earlier.is_none_or(|earlier| earlier == number), "a KeyPackage is served twice");
            }
        }
    }

    /// Lets a member process the log to its end.
    async fn follow(&mut self, server: &Arc<Server>, index: usize) -> Result<(), Failure> {
        loop {
            let (caller, after) = (self.members[index].caller.clone(), self.members[index].seq);
            let page = self.page(server, &caller, after).await?;
            if page.entries.is_empty() {
                return Ok(());
            }
            for entry in page.entries {
                let member = &mut self.members[index];
                if entry.kind != EntryKind::Application {
                    self.clients.process(member, &entry.message);
                }
                member.seq = entry.seq;
            }
            // The pending Commit of a member has either won, or is dropped.
            self.clients.clear(&mut self.members[index]);
        }
    }

    async fn page(&self, server: &Arc<Server>, caller: &Caller, after: u64) -> Result<LogPage, Failure> {
        let body = after.to_be_bytes().to_vec();
        let answer = server.call(&Request { caller: caller.clone(), kind: Kind::Log, body }).await;
        match answer {
            Err(Failure::Refused(problem)) => panic!("{problem}"),
            answer => Ok(decode(&answer?)),
        }
    }

    /// Checks that the log has no gap, and every acknowledged message in its place.
    async fn check_log(&mut self, server: &Arc<Server>) -> Result<(), Failure> {
        let log = LogId { domain: self.clients.domain.clone(), group_id: group_id() };
        let mut cursor = LogCursor::before(log, 1);
        let mut found = BTreeMap::new();
        loop {
            let page = self.page(server, &self.members[0].caller, cursor.seq()).await?;
            if page.entries.is_empty() {
                break;
            }
            cursor = cursor.advance(&page, &self.keys).unwrap();
            found.extend(page.entries.iter().map(|entry| (Digest::of(&entry.message), entry.seq)));
        }
        for (digest, seq) in &self.acknowledged {
            assert_eq!(found.get(digest), Some(seq), "an acknowledged message is missing");
        }
        Ok(())
    }

    /// Checks that a guest has a Welcome exactly if the Commit that adds it is in the log.
    async fn check_welcomes(&mut self, server: &Arc<Server>) -> Result<(), Failure> {
        let caller = self.members[0].caller.clone();
        server.call(&Request { caller: caller.clone(), kind: Kind::Due, body: Vec::new() }).await?;
        let mut commits = BTreeSet::new();
        let mut after = 0;
        loop {
            let page = self.page(server, &caller, after).await?;
            let Some(last) = page.entries.last() else { break };
            after = last.seq;
            commits.extend(page.entries.iter().map(|entry| Digest::of(&entry.message)));
        }
        for (digest, guest) in &self.guests {
            let request = Request { caller: guest.caller.clone(), kind: Kind::Inbox, body: Vec::new() };
            let page: InboxPage = decode(&server.call(&request).await?);
            let is_invited = commits.contains(digest);
            assert_eq!(page.entries.len(), usize::from(is_invited));
            self.invited += usize::from(is_invited);
            if let Some(entry) = page.entries.first() {
                let body = entry.tree_hash.to_vec();
                let request = Request { caller: guest.caller.clone(), kind: Kind::Tree, body };
                assert!(!server.call(&request).await?.is_empty());
            }
        }
        assert!(self.invited > 0, "some guests were invited");
        Ok(())
    }
}

/// Sends requests at the same time, and returns their answers in order.
async fn call_all(server: &Arc<Server>, requests: &[Request]) -> Vec<Result<Vec<u8>, Failure>> {
    let calls: Vec<_> = requests
        .iter()
        .map(|request| {
            let (server, request) = (Arc::clone(server), request.clone());
            tokio::spawn(async move { server.call(&request).await })
        })
        .collect();
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}
