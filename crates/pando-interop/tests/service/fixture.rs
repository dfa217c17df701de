//! A test fixture: a group whose members are distributed over three services.

use pando_interop::proto::mls_client_client::MlsClientClient;
use pando_interop::proto::*;
use pando_interop::service::serve;
use std::net::SocketAddr;
use std::sync::{LazyLock, mpsc};
use tonic::transport::Channel;

pub(crate) type Rpc = MlsClientClient<Channel>;

/// The addresses of the three services, which run until the process ends.
static SERVICES: LazyLock<[SocketAddr; 3]> = LazyLock::new(|| {
    std::array::from_fn(|_| {
        let (ready, address) = mpsc::channel();
        std::thread::spawn(move || serve("127.0.0.1:0".parse().unwrap(), |at| ready.send(at).unwrap()));
        address.recv().unwrap()
    })
});

/// Connects to the service with the given index modulo 3.
pub(crate) async fn connect(index: usize) -> Rpc {
    Rpc::connect(format!("http://{}", SERVICES[index % 3])).await.unwrap()
}

/// One of the settings that the runner combines in all possible ways.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) suite: u32,
    pub(crate) encrypt: bool,
}

/// Two cipher suites, one with encrypted and one with public handshake messages. The tests of the
/// lower crates cover the other cipher suites.
pub(crate) const SETTINGS: [Setting; 2] =
    [Setting { suite: 1, encrypt: true }, Setting { suite: 2, encrypt: false }];

pub(crate) struct Member {
    pub(crate) rpc: Rpc,
    pub(crate) name: &'static str,
    pub(crate) state: u32,
}

/// A client that has a KeyPackage but has not joined a group.
pub(crate) struct Joiner {
    pub(crate) rpc: Rpc,
    pub(crate) name: &'static str,
    pub(crate) transaction: u32,
    pub(crate) key_package: Vec<u8>,
}

pub(crate) struct GroupFixture {
    pub(crate) setting: Setting,
    pub(crate) members: Vec<Member>,
    joiners: usize,
}

impl Joiner {
    pub(crate) async fn join(mut self, setting: Setting, welcome: &[u8], tree: &[u8]) -> (Member, Vec<u8>) {
        let request = JoinGroupRequest {
            transaction_id: self.transaction,
            welcome: welcome.to_vec(),
            encrypt_handshake: setting.encrypt,
            identity: self.name.into(),
            ratchet_tree: tree.to_vec(),
        };
        let joined = self.rpc.join_group(request).await.unwrap().into_inner();
        (Member { rpc: self.rpc, name: self.name, state: joined.state_id }, joined.epoch_authenticator)
    }
}

impl Member {
    pub(crate) async fn authenticator(&mut self) -> Vec<u8> {
        let request = StateAuthRequest { state_id: self.state };
        self.rpc.state_auth(request).await.unwrap().into_inner().state_auth_secret
    }

    pub(crate) async fn group_info(&mut self, external_tree: bool) -> GroupInfoResponse {
        let request = GroupInfoRequest { state_id: self.state, external_tree };
        self.rpc.group_info(request).await.unwrap().into_inner()
    }

    pub(crate) async fn take(&mut self, proposal: &[Vec<u8>], commit: &[u8]) -> Vec<u8> {
        let (proposal, commit) = (proposal.to_vec(), commit.to_vec());
        let request = HandleCommitRequest { state_id: self.state, proposal, commit };
        let taken = self.rpc.handle_commit(request).await.unwrap().into_inner();
        self.state = taken.state_id;
        taken.epoch_authenticator
    }

    pub(crate) async fn store_psk(&mut self, psk_id: &[u8], psk_secret: &[u8]) {
        store_psk(&mut self.rpc, self.state, psk_id, psk_secret).await;
    }

    pub(crate) async fn protect(&mut self, authenticated_data: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (authenticated_data, plaintext) = (authenticated_data.to_vec(), plaintext.to_vec());
        let request = ProtectRequest { state_id: self.state, authenticated_data, plaintext };
        self.rpc.protect(request).await.unwrap().into_inner().ciphertext
    }

    pub(crate) async fn unprotect(&mut self, ciphertext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let request = UnprotectRequest { state_id: self.state, ciphertext: ciphertext.to_vec() };
        let opened = self.rpc.unprotect(request).await.unwrap().into_inner();
        (opened.authenticated_data, opened.plaintext)
    }
}

pub(crate) async fn store_psk(rpc: &mut Rpc, id: u32, psk_id: &[u8], psk_secret: &[u8]) {
    let (psk_id, psk_secret) = (psk_id.to_vec(), psk_secret.to_vec());
    let request = StorePskRequest { state_or_transaction_id: id, psk_id, psk_secret };
    rpc.store_psk(request).await.unwrap();
}

impl GroupFixture {
    /// Creates a group with the given members, in the same way as the runner.
    pub(crate) async fn of(setting: Setting, names: &[&'static str]) -> Self {
        let (mut rpc, name) = (connect(0).await, names[0]);
        let request = CreateGroupRequest {
            group_id: b"group".to_vec(),
            cipher_suite: setting.suite,
            encrypt_handshake: setting.encrypt,
            identity: name.into(),
        };
        let state = rpc.create_group(request).await.unwrap().into_inner().state_id;
        let mut fixture = Self { setting, members: vec![Member { rpc, name, state }], joiners: 0 };
        let mut joiners = Vec::new();
        for name in &names[1..] {
            joiners.push(fixture.joiner(name).await);
        }
        if !joiners.is_empty() {
            let adds = joiners.iter().map(|joiner| add(&joiner.key_package)).collect();
            fixture.commit(0, CommitRequest { by_value: adds, ..CommitRequest::default() }, joiners).await;
        }
        fixture
    }

    /// Creates a new client. Each call of this function uses the next of the three services.
    pub(crate) async fn joiner(&mut self, name: &'static str) -> Joiner {
        self.joiners = self.joiners.wrapping_add(1);
        self.joiner_at(connect(self.joiners).await, name).await
    }

    pub(crate) async fn joiner_at(&self, mut rpc: Rpc, name: &'static str) -> Joiner {
        let request = CreateKeyPackageRequest { cipher_suite: self.setting.suite, identity: name.into() };
        let made = rpc.create_key_package(request).await.unwrap().into_inner();
        Joiner { rpc, name, transaction: made.transaction_id, key_package: made.key_package }
    }

    /// Makes one member create a Commit, the other members process it, and the new members join.
    /// Afterwards, checks that all members agree.
    pub(crate) async fn commit(
        &mut self,
        by: usize,
        request: CommitRequest,
        joiners: Vec<Joiner>,
    ) -> CommitResponse {
        let committer = &mut self.members[by];
        let proposals = request.by_reference.clone();
        let request = CommitRequest { state_id: committer.state, ..request };
        let made = committer.rpc.commit(request).await.unwrap().into_inner();
        let merge = HandlePendingCommitRequest { state_id: committer.state };
        let merged = committer.rpc.handle_pending_commit(merge).await.unwrap().into_inner();
        committer.state = merged.state_id;
        for (index, member) in self.members.iter_mut().enumerate() {
            if index != by {
                assert_eq!(member.take(&proposals, &made.commit).await, merged.epoch_authenticator);
            }
        }
        for joiner in joiners {
            let (member, seen) = joiner.join(self.setting, &made.welcome, &made.ratchet_tree).await;
            assert_eq!(seen, merged.epoch_authenticator);
            self.members.push(member);
        }
        self.agree().await;
        made
    }

    /// Checks that all members export the same secret and can decrypt each other's messages.
    pub(crate) async fn agree(&mut self) {
        let mut exported = Vec::new();
        for member in &mut self.members {
            let (label, context) = ("label".to_owned(), b"context".to_vec());
            let request = ExportRequest { state_id: member.state, label, context, key_length: 32 };
            let secret = member.rpc.export(request).await.unwrap().into_inner().exported_secret;
            exported.push((member.authenticator().await, secret));
        }
        assert!(exported.iter().all(|seen| *seen == exported[0] && seen.1.len() == 32));
        for sender in 0..self.members.len() {
            let said = self.members[sender].name.as_bytes();
            let sent = self.members[sender].protect(b"authenticated", said).await;
            for (index, member) in self.members.iter_mut().enumerate() {
                if index != sender {
                    assert_eq!(member.unprotect(&sent).await, (b"authenticated".to_vec(), said.to_vec()));
                }
            }
        }
    }
}

/// Returns the description of a proposal by value. The caller sets the fields that the type of the
/// proposal requires.
pub(crate) fn description(proposal_type: &str) -> ProposalDescription {
    ProposalDescription { proposal_type: proposal_type.into(), ..ProposalDescription::default() }
}

pub(crate) fn add(key_package: &[u8]) -> ProposalDescription {
    ProposalDescription { key_package: key_package.to_vec(), ..description("add") }
}

pub(crate) fn remove(identity: &str) -> ProposalDescription {
    ProposalDescription { removed_id: identity.into(), ..description("remove") }
}

/// Returns an empty `required_capabilities` extension, as the runner's scripts use it.
pub(crate) fn required_capabilities() -> Extension {
    Extension { extension_type: 3, extension_data: vec![0, 0, 0] }
}
