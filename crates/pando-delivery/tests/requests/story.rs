//! The recording: a script in which each operation of docs/protocol.md succeeds (sections 5 to 15).

use crate::clients::{SUITE, group_id, message, policy};
use crate::requests::{BYTES_MEDIA_TYPE, Draft};
use crate::world::{EXPIRES, Member, World, base64url, path};
use pando_api::{
    Acknowledgement, Blob, ClaimId, ClaimKeyPackages, ClaimTarget, ClaimedKeyPackages, CreateGroup, Digest,
    Failure, GroupList, GroupState, KeyPackageCounts, LastResort, LogPage, Receipt, RemovalIntent, Report,
    ReportStatement, Reports, Reset, SubmitCommit, SubmitMessage, UploadKeyPackages,
};
use pando_mls::wire::{RequiredCapabilities, ResumptionPskUsage};
use pando_mls::{
    Decode, Encode, Extension, Extensions, Group, GroupId, KeyPackage, LeafIndex, Psk, PskStore, PskValue,
    SourceError,
};

/// Arbitrary pre-shared keys, because the server cannot tell them from others.
struct AnyPsk;

impl PskStore for AnyPsk {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(PskValue::from(vec![7; 32])))
    }
}

impl World {
    /// Runs the script. If the recorder alters requests, each request is sent in all its
    /// alterations before.
    pub(crate) async fn tell(&mut self) {
        let outsider = self.clients.device("mallory@example.org/phone", 1);
        self.recorder.outsider = Some(self.session(&outsider).await);
        for target in ["/healthz", "/.well-known/pando"] {
            let answer = self.recorder.send(Draft::new(None, "GET", target)).await;
            assert_eq!(answer.status, 200);
        }
        let mut alice = self.log_in("alice@example.org/laptop", 1).await;
        let mut bob = self.log_in("bob@example.org/phone", 1).await;
        let mut carol = self.log_in("carol@example.org/phone", 1).await;
        self.upload(&mut bob, true).await;
        self.upload(&mut carol, false).await;
        let bobs = self.claim(&alice, 1, ClaimTarget::User(bob.device.caller.client.user())).await;
        let carols = self.claim(&alice, 2, ClaimTarget::Client(carol.device.caller.client.clone())).await;
        self.create_with_commit(&mut alice).await;
        let creation = self.create(&mut alice).await;
        self.add_by(&mut alice, vec![bobs, carols], Some(creation.head)).await;
        for joiner in [&mut bob, &mut carol] {
            let entry = self.invitation(joiner).await;
            self.join(joiner, &entry).await;
        }
        self.talk(&mut alice, &mut bob).await;
        self.read(&alice).await;
        self.leave(&mut alice, &carol).await;
        self.store_blob(&alice).await;
        let resync = self.rejoin(&bob).await;
        self.commit(&bob, resync).await.decode::<Receipt>(200);
        let bad = self.refresh(&mut alice).await;
        self.reset(&mut alice, &bob, &bad).await;
    }

    /// Uploads a KeyPackage of a client, and one of last resort.
    async fn upload(&mut self, member: &mut Member, has_last_resort: bool) {
        let bundle = self.clients.bundle(&member.device);
        let key_packages = vec![bundle.key_package.encode().unwrap().into()];
        member.device.bundle = Some(bundle);
        let last_resort = if has_last_resort { self.last_resort(member) } else { Vec::new() };
        let upload = UploadKeyPackages { key_packages, last_resort: last_resort.into() };
        let answer = self.post(member, "/v1/key-packages", upload).await;
        assert_eq!(answer.status, 204, "{answer}");
        let counts: KeyPackageCounts = self.get(member, "/v1/key-packages").await.decode(200);
        assert_eq!((counts.counts[0].count, counts.counts[0].has_last_resort), (1, has_last_resort));
    }

    /// Returns a KeyPackage of last resort.
    pub(crate) fn last_resort(&mut self, member: &Member) -> Vec<u8> {
        let extension = Extensions(vec![Extension::new(&LastResort).unwrap()]);
        self.clients.bundle_with(&member.device, SUITE, extension).key_package.encode().unwrap()
    }

    async fn claim(&mut self, member: &Member, id: u8, target: ClaimTarget) -> KeyPackage {
        let claim = claim(id, target);
        let claimed: ClaimedKeyPackages =
            self.post(member, "/v1/key-packages/claims", claim).await.decode(200);
        KeyPackage::decode(claimed.clients[0].status.key_package().unwrap()).unwrap()
    }

    /// Creates another group together with a Commit that adds a client.
    async fn create_with_commit(&mut self, member: &mut Member) {
        let mut dave = self.clients.device("dave@example.org/phone", 1);
        let key_packages = self.clients.key_packages(&mut [&mut dave]);
        let extensions = self.clients.extensions(&policy());
        let id = std::mem::replace(&mut self.clients.group_id, "a second group of 16 bytes".into());
        let group_info = self.clients.build_group(&mut member.device, extensions).into();
        self.clients.group_id = id;
        let first =
            self.clients.build_commit(&mut member.device, None, |commit| commit.add(key_packages[0].clone()));
        member.device.group = None;
        let request = CreateGroup { group_info, first_commit: Some(first) };
        assert_eq!(self.post(member, "/v1/groups", request).await.decode::<Receipt>(201).head.head.seq, 2);
        self.server().run_due().await;
    }

    /// Sends a proposal, a message that a reader waits for, and a Commit.
    async fn talk(&mut self, alice: &mut Member, bob: &mut Member) {
        let update = self.clients.build_update(&mut bob.device);
        self.message(bob, &update).await.decode::<Receipt>(200);
        let hello = self.clients.encrypt(&mut alice.device, "hello");
        self.message(alice, &hello).await.decode::<Receipt>(200);
        let (server, end) = (self.server(), self.head(alice).await.head.seq);
        let draft = Draft::new(Some(&bob.session), "GET", &format!("{}?after={end}&wait=60", path("/log")));
        let (wire, mut polled) = (draft.sign(), server.service.watch_group(&group_id()));
        let (waiting, request) = (self.server(), wire.clone());
        let reading = tokio::spawn(async move { waiting.send(&request).await });
        tokio::task::yield_now().await;
        let awaited = self.clients.encrypt(&mut alice.device, "is anybody there?");
        // Not altered, because the reader would receive the first alteration.
        let send = Draft::new(Some(&alice.session), "POST", &path("/messages"));
        let send = send.with(SubmitMessage { message: awaited.into() });
        self.recorder.send_plain(send).await.decode::<Receipt>(200);
        polled.changed().await.unwrap();
        let answer = reading.await.unwrap();
        assert_eq!(answer.decode::<LogPage>(200).entries.len(), 1);
        self.recorder.record(draft, wire, answer);
        self.refresh(alice).await;
        self.follow(bob).await;
        let late = self.clients.encrypt(&mut bob.device, "good night");
        self.message(bob, &late).await.decode::<Receipt>(200);
    }

    /// Reads everything that a member may read.
    async fn read(&mut self, member: &Member) {
        let page: LogPage =
            self.get(member, &format!("{}?after=0&limit=10000&wait=0", path("/log"))).await.decode(200);
        let end = page.head.head.seq;
        let answer = self.post(member, &path("/acknowledgements"), Acknowledgement { seq: end }).await;
        assert_eq!(answer.status, 204);
        let state: GroupState = self.get(member, &path("/info")).await.decode(200);
        let target = format!("{}/{}", path("/trees"), base64url(&state.tree_hash));
        let part = Draft::new(Some(&member.session), "GET", &target).with_range("bytes=5-9");
        assert_eq!(self.recorder.send(part).await.status, 206);
        self.server().run_due().await;
        let list: GroupList = self.get(member, "/v1/groups").await.decode(200);
        assert_eq!(list.groups.len(), 2);
    }

    /// Lets a client ask for its removal, and another member commit it.
    async fn leave(&mut self, alice: &mut Member, carol: &Member) {
        let intent = RemovalIntent { client: carol.device.caller.client.clone(), since: 2 };
        self.post(carol, &path("/removals"), intent).await.decode::<Receipt>(200);
        self.refresh(alice).await;
    }

    async fn store_blob(&mut self, member: &Member) {
        // Longer than a chunk.
        let contents: Vec<u8> = (0..70_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
        let target = format!("/v1/blobs/{}", Digest::of(&contents));
        let put = Draft::new(Some(&member.session), "PUT", &format!("{target}?expires={EXPIRES}"));
        let answer = self.recorder.send(put.with_bytes(BYTES_MEDIA_TYPE, contents)).await;
        assert_eq!(answer.decode::<Blob>(200), Blob { expires: EXPIRES, bytes: 70_000 });
        assert_eq!(self.get(member, &target).await.status, 200);
        let part = Draft::new(Some(&member.session), "GET", &target).with_range("bytes=-7");
        assert_eq!(self.recorder.send(part).await.status, 206);
    }

    /// Lets Bob report Alice's last Commit, and Alice reset the group.
    async fn reset(&mut self, alice: &mut Member, bob: &Member, bad: &SubmitCommit) {
        let report = report(bob, alice.device.seq, &bad.commit);
        assert_eq!(self.post(bob, &path("/reports"), report.clone()).await.status, 204);
        let reports: Reports = self.get(alice, &path("/reports")).await.decode(200);
        assert_eq!(reports.reports, [report]);
        let epoch = alice.device.group().epoch() - 1;
        let reset = Reset { last_good_epoch: epoch, successor: self.branch(alice, epoch) };
        self.post(alice, &path("/reset"), reset).await.decode::<Receipt>(201);
        self.server().run_due().await;
        let state: GroupState = self.get(alice, &path("/info")).await.decode(200);
        assert_eq!(state.successor, Some(successor_id()));
    }

    /// Builds a branch of an epoch of the group.
    pub(crate) fn branch(&mut self, creator: &Member, epoch: u64) -> CreateGroup {
        let extensions = self.clients.extensions(&policy());
        let bundle = self.clients.bundle(&creator.device);
        let mut rng = self.clients.rng.clone();
        let cx = self.clients.context(&*creator.device.signer).with_psks(&AnyPsk);
        let group = Group::builder(successor_id()).extensions(extensions).build(bundle, &cx, &mut rng);
        let mut group = group.unwrap().assume_persisted();
        let group_info = message(group.group_info().build(&cx).unwrap()).into();
        let usage = ResumptionPskUsage::Branch;
        let psk = Psk::Resumption { usage, psk_group_id: group_id(), psk_epoch: epoch };
        let output = group.commit().psk(psk).with_group_info().build(&cx, &mut rng).unwrap();
        let output = output.assume_persisted();
        let first_commit = SubmitCommit {
            commit: output.message.encode().unwrap().into(),
            welcome: Vec::new().into(),
            group_info: message(output.group_info.unwrap()).into(),
        };
        CreateGroup { group_info, first_commit: Some(first_commit) }
    }
}

/// Returns the identifier of the group that a reset creates.
pub(crate) fn successor_id() -> GroupId {
    "a successor of 16 bytes".into()
}

/// Returns a claim of any KeyPackage of the tests' cipher suite.
pub(crate) fn claim(id: u8, target: ClaimTarget) -> ClaimKeyPackages {
    ClaimKeyPackages {
        claim_id: ClaimId([id; 16]),
        target,
        cipher_suite: SUITE,
        capabilities: RequiredCapabilities::default(),
    }
}

/// Signs a report of the member at leaf 1 about a Commit.
pub(crate) fn report(reporter: &Member, seq: u64, commit: &[u8]) -> Report {
    let statement = ReportStatement {
        domain: "example.org".parse().unwrap(),
        group_id: group_id(),
        seq,
        digest: Digest::of(commit),
        leaf: LeafIndex(1),
        failure: Failure::PathSecret,
    };
    statement.sign(&*reporter.device.signer).unwrap()
}
