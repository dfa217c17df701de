//! A server, clients with sessions, and the requests of a group.

use crate::clients::{Clients, Device, NOW, SUITE, group_id, policy};
use crate::recorder::Recorder;
use crate::requests::{Answer, Draft, Session};
use crate::server::{Server, authority};
use ed25519_dalek::SigningKey;
use pando_api::{
    Challenge, CreateGroup, EntryKind, GroupAddress, GroupState, InboxEntry, InboxPage, Login, Receipt,
    SignedHead, SubmitCommit, SubmitMessage,
};
use pando_mls::wire::Remove;
use pando_mls::{CommitBuilder, Encode, GroupId, KeyPackage, LeafIndex, Proposal};
use std::sync::Arc;

/// A client with its session.
pub(crate) struct Member {
    pub(crate) device: Device,
    pub(crate) session: Arc<Session>,
}

/// A server with clients.
pub(crate) struct World {
    pub(crate) clients: Clients,
    pub(crate) recorder: Recorder,
    /// The seed of the next session key.
    seed: u8,
}

/// Returns the path of a group.
pub(crate) fn path_of(group_id: &GroupId) -> String {
    let address = GroupAddress::new(group_id, authority().domain()).unwrap();
    format!("/v1/groups/{}", address.path_segment())
}

/// Returns the path of an object of the group of the tests.
pub(crate) fn path(below: &str) -> String {
    format!("{}{below}", path_of(&group_id()))
}

impl World {
    /// Starts a server. If `alters` is set, altered requests are sent, too.
    pub(crate) fn new(alters: bool) -> Self {
        let clients = Clients::new();
        let server = Arc::new(Server::start(&clients));
        Self { clients, recorder: Recorder::new(server, alters), seed: 10 }
    }

    /// Returns a server with the group of Alice, Bob and Carol in epoch 1.
    pub(crate) async fn with_three() -> (Self, [Member; 3]) {
        let mut world = Self::new(false);
        let mut alice = world.log_in("alice@example.org/laptop", 1).await;
        let mut bob = world.log_in("bob@example.org/phone", 1).await;
        let mut carol = world.log_in("carol@example.org/phone", 1).await;
        world.create(&mut alice).await;
        world.add(&mut alice, &mut [&mut bob, &mut carol]).await;
        (world, [alice, bob, carol])
    }

    pub(crate) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.recorder.server)
    }

    /// Returns a client that has logged in.
    pub(crate) async fn log_in(&mut self, name: &str, version: u64) -> Member {
        let device = self.clients.device(name, version);
        let session = self.session(&device).await;
        Member { device, session }
    }

    /// Returns a new session of a client.
    pub(crate) async fn session(&mut self, device: &Device) -> Arc<Session> {
        self.seed += 1;
        let key = SigningKey::from_bytes(&[self.seed; 32]);
        let challenge = self.recorder.send(Draft::new(None, "POST", "/v1/sessions/challenges")).await;
        let login = login(device, challenge.decode(200), &key);
        let answer = self.recorder.send(Draft::new(None, "POST", "/v1/sessions").with(login)).await;
        let session: pando_api::Session = answer.decode(200);
        let authorization = format!("Bearer {}", session.token.as_str());
        Arc::new(Session { caller: device.caller.clone(), authorization, key })
    }

    /// Sends a request that reads.
    pub(crate) async fn get(&mut self, member: &Member, target: &str) -> Answer {
        self.recorder.send(Draft::new(Some(&member.session), "GET", target)).await
    }

    /// Sends a mutation with a body.
    pub(crate) async fn post<T>(&mut self, member: &Member, target: &str, body: T) -> Answer
    where
        T: std::fmt::Debug + tls_codec::Serialize + tls_codec::DeserializeBytes,
    {
        self.recorder.send(Draft::new(Some(&member.session), "POST", target).with(body)).await
    }

    /// Sends a Commit to the group.
    pub(crate) async fn commit(&mut self, member: &Member, request: SubmitCommit) -> Answer {
        self.post(member, &path("/commits"), request).await
    }

    /// Sends a proposal or an application message to the group.
    pub(crate) async fn message(&mut self, member: &Member, message: &[u8]) -> Answer {
        self.post(member, &path("/messages"), SubmitMessage { message: message.into() }).await
    }

    /// Lets a client create the group of the tests.
    pub(crate) async fn create(&mut self, creator: &mut Member) -> Receipt {
        let extensions = self.clients.extensions(&policy());
        let group_info = self.clients.build_group(&mut creator.device, extensions).into();
        let answer = self.post(creator, "/v1/groups", CreateGroup { group_info, first_commit: None }).await;
        let receipt: Receipt = answer.decode(201);
        creator.device.seq = receipt.head.head.seq;
        receipt
    }

    /// Lets a member add clients, which join by the Welcomes in their inboxes.
    pub(crate) async fn add(&mut self, member: &mut Member, joiners: &mut [&mut Member]) {
        let mut devices: Vec<_> = joiners.iter_mut().map(|joiner| &mut joiner.device).collect();
        let key_packages = self.clients.key_packages(&mut devices);
        self.add_by(member, key_packages, None).await;
        for joiner in joiners {
            let entry = self.invitation(joiner).await;
            self.join(joiner, &entry).await;
        }
    }

    /// Lets a member add clients with these KeyPackages.
    pub(crate) async fn add_by(
        &mut self,
        member: &mut Member,
        key_packages: Vec<KeyPackage>,
        head: Option<SignedHead>,
    ) {
        let request = self.clients.build_commit(&mut member.device, head, |commit| {
            key_packages.into_iter().fold(commit, CommitBuilder::add)
        });
        self.commit(member, request).await.decode::<Receipt>(200);
        self.follow(member).await;
        self.server().run_due().await;
    }

    /// Returns the first entry of a client's inbox.
    pub(crate) async fn invitation(&mut self, joiner: &Member) -> InboxEntry {
        let page: InboxPage = self.get(joiner, "/v1/inbox?after=0&wait=1").await.decode(200);
        page.entries[0].clone()
    }

    /// Lets a client join.
    pub(crate) async fn join(&mut self, joiner: &mut Member, entry: &InboxEntry) {
        let target = format!("{}/trees/{}", path_of(&entry.group_id), base64url(&entry.tree_hash));
        let tree = self.get(joiner, &target).await;
        assert_eq!(tree.status, 200);
        self.clients.join_with(&mut joiner.device, &entry.welcome, &tree.body);
        joiner.device.seq = entry.group_seq;
        let target = format!("/v1/inbox/{}", entry.seq);
        let removed = self.recorder.send(Draft::new(Some(&joiner.session), "DELETE", &target)).await;
        assert_eq!((removed.status, removed.body.len()), (204, 0));
    }

    /// Lets a member process the log to its end.
    pub(crate) async fn follow(&mut self, member: &mut Member) {
        let (server, caller) = (self.server(), member.session.caller.clone());
        let page = server.service.read_log(&caller, &group_id(), (member.device.seq, 1 << 20)).await.unwrap();
        for entry in page.entries {
            if entry.kind != EntryKind::Application {
                self.clients.process(&mut member.device, &entry.message);
            }
            member.device.seq = entry.seq;
        }
    }

    /// Returns the head of the group's log.
    pub(crate) async fn head(&self, member: &Member) -> SignedHead {
        let server = self.server();
        server.service.group_state(&member.session.caller, &group_id()).await.unwrap().head
    }

    /// Sends an empty Commit of a member. Returns its bytes.
    pub(crate) async fn refresh(&mut self, member: &mut Member) -> SubmitCommit {
        self.follow(member).await;
        let head = self.head(member).await;
        let request = self.clients.build_commit(&mut member.device, Some(head), |commit| commit);
        self.commit(member, request.clone()).await.decode::<Receipt>(200);
        self.follow(member).await;
        request
    }

    /// Builds a proposal of a member to remove the client at a leaf, with authenticated data.
    pub(crate) fn build_removal(&mut self, member: &mut Member, leaf: u32, data: &[u8]) -> Vec<u8> {
        let mut rng = self.clients.rng.clone();
        let Device { signer, group, .. } = &mut member.device;
        let cx = self.clients.context(&**signer);
        let remove = Proposal::Remove(Remove { removed: LeafIndex(leaf) });
        let proposal = group.as_mut().unwrap().propose(remove, data, &cx, &mut rng).unwrap();
        proposal.assume_persisted().encode().unwrap()
    }

    /// Builds the external Commit by which a client replaces its leaf.
    pub(crate) async fn rejoin(&mut self, member: &Member) -> SubmitCommit {
        let state: GroupState = self.get(member, &path("/info")).await.decode(200);
        let target = format!("{}/{}", path("/trees"), base64url(&state.tree_hash));
        let tree = self.get(member, &target).await.body;
        let old = Some(LeafIndex(1));
        self.clients.build_external_commit_with(&member.device, &state.group_info, (&tree, old))
    }
}

/// Signs a login.
pub(crate) fn login(device: &Device, challenge: Challenge, key: &SigningKey) -> Login {
    let session_key = (&key.verifying_key().to_bytes()).into();
    let credential = (SUITE, device.credential.clone());
    Login::sign(&authority(), challenge, session_key, credential, &*device.signer).unwrap()
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The time at which the blobs of the tests expire.
pub(crate) const EXPIRES: u64 = NOW + 60_000;
