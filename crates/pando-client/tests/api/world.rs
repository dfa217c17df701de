//! A server and MLS clients with API clients.

use crate::clients::{Clients, Device, NOW, SUITE, group_id, message, policy};
use crate::server::{Server, TestClock};
use pando_api::{ClaimId, ClaimKeyPackages, ClaimTarget, CreateGroup, EntryKind, Receipt, SubmitCommit};
use pando_client::{DeliveryClient, HttpTransport, Transport};
use pando_mls::wire::{RequiredCapabilities, ResumptionPskUsage};
use pando_mls::{
    CommitBuilder, CryptoError, Encode, Group, GroupId, KeyPackage, Psk, PskStore, PskValue, Signature,
    SignaturePublicKey, Signer, SourceError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Arc;

/// A signature key that an MLS client and an API client share.
struct Shared(Arc<dyn Signer>);

impl Signer for Shared {
    fn public_key(&self) -> &SignaturePublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.0.sign(message)
    }
}

/// A device with its API client.
pub(crate) struct Member<T = HttpTransport> {
    pub(crate) device: Device,
    pub(crate) identity: pando_client::Device,
    pub(crate) api: DeliveryClient<T>,
    pub(crate) clock: TestClock,
}

/// Arbitrary resumption PSKs, because the server cannot tell them from others.
struct AnyPsk;

impl PskStore for AnyPsk {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(PskValue::from(vec![7; 32])))
    }
}

pub(crate) fn api<T: Transport>(
    server: &Server,
    identity: &pando_client::Device,
    transport: T,
) -> (DeliveryClient<T>, TestClock) {
    let (clock, rng) = (TestClock::new(), ChaCha20Rng::seed_from_u64(7));
    (DeliveryClient::new(server.authority.clone(), identity.clone(), transport, clock.clone(), rng), clock)
}

/// A server and its clients.
pub(crate) struct World {
    pub(crate) clients: Clients,
    pub(crate) server: Server,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clients = Clients::new();
        let server = Server::start(&clients).await;
        Self { clients, server }
    }

    /// Returns a device that has not logged in.
    pub(crate) fn member(&mut self, name: &str, version: u64) -> Member {
        let transport = self.server.transport();
        self.member_over(name, version, transport)
    }

    /// Returns a device that uses a transport.
    pub(crate) fn member_over<T: Transport>(&mut self, name: &str, version: u64, transport: T) -> Member<T> {
        let device = self.clients.device(name, version);
        let signer: Arc<dyn Signer> = device.signer.into();
        let device = Device { signer: Box::new(Shared(Arc::clone(&signer))), ..device };
        let credential = device.credential.clone();
        let identity = pando_client::Device { cipher_suite: SUITE, credential, signer };
        let (api, clock) = api(&self.server, &identity, transport);
        Member { device, identity, api, clock }
    }

    /// Lets a client create the group of the tests.
    pub(crate) async fn create<T: Transport>(&mut self, creator: &mut Member<T>) -> Receipt {
        let extensions = self.clients.extensions(&policy());
        let group_info = self.clients.build_group(&mut creator.device, extensions).into();
        let request = CreateGroup { group_info, first_commit: None };
        let receipt = creator.api.create_group(request).await.unwrap();
        creator.device.seq = receipt.head.head.seq;
        receipt
    }

    /// Lets a member add clients, which join by the Welcomes in their inboxes.
    pub(crate) async fn add(
        &mut self,
        member: &mut Member,
        key_packages: Vec<KeyPackage>,
        joiners: &mut [&mut Member],
    ) {
        let request = self.clients.build_commit(&mut member.device, None, |commit| {
            key_packages.into_iter().fold(commit, CommitBuilder::add)
        });
        let receipt = member.api.submit_commit(group_id(), request).await.unwrap();
        assert_eq!(receipt.kind, EntryKind::Commit);
        self.follow(member).await;
        self.server.run_due().await;
        for joiner in joiners {
            let page = joiner.api.read_inbox(0, 60).await.unwrap();
            let entry = &page.entries[0];
            let suite = Some(crate::clients::suite());
            let tree = joiner.api.read_tree(group_id(), entry.tree_hash.clone(), suite).await.unwrap();
            assert!(tree.is_whole());
            self.clients.join_with(&mut joiner.device, &entry.welcome, &tree.bytes);
            joiner.device.seq = entry.group_seq;
            joiner.api.remove_inbox_entry(entry.seq).await.unwrap();
            assert!(joiner.api.read_inbox(0, 0).await.unwrap().entries.is_empty());
        }
    }

    /// Lets a member process the log to its end.
    pub(crate) async fn follow(&mut self, member: &mut Member) {
        let page = member.api.read_log(group_id(), member.device.seq, 0).await.unwrap();
        for entry in page.entries {
            if entry.kind != EntryKind::Application {
                self.clients.process(&mut member.device, &entry.message);
            }
            member.device.seq = entry.seq;
        }
    }

    /// Sends an empty Commit of a member. Returns its bytes.
    pub(crate) async fn refresh(&mut self, member: &mut Member) -> SubmitCommit {
        self.follow(member).await;
        let head = member.api.read_state(group_id()).await.unwrap().head;
        let request = self.clients.build_commit(&mut member.device, Some(head), |commit| commit);
        member.api.submit_commit(group_id(), request.clone()).await.unwrap();
        self.follow(member).await;
        request
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
    let capabilities = RequiredCapabilities::default();
    ClaimKeyPackages { claim_id: ClaimId([id; 16]), target, cipher_suite: SUITE, capabilities }
}

/// The time at which the blobs of the tests expire.
pub(crate) const EXPIRES: u64 = NOW + 60_000;
