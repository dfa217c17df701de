//! Large groups with two active members: a committer and a receiver.

use crate::test_client::{TestClient, generator, key_packages};
use crate::warm_tree::{WarmTree, warm_tree};
use crate::{Crypto, rng};
use pando_mls::wire::{ExternalPub, HpkePublicKey, Mac, Opaque, Signature};
use pando_mls::{
    CommitBuilder, Decode, Delta, Encode, Extension, Extensions, ExternalJoin, Group, GroupContext, GroupId,
    GroupInfo, KeyPackage, KeyPackageBundle, LeafIndex, MlsMessage, MlsMessageBody, Processed,
    ProtocolVersion, Welcome,
};
use rand_chacha::ChaCha20Rng;
use std::time::{Duration, Instant};

/// Runs a function, and returns its result and its duration.
pub fn timed<T>(does: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = does();
    (result, start.elapsed())
}

/// Returns the number of bytes that a store writes for a Delta, which are the keys and contents of
/// rows.
#[must_use]
pub fn written(delta: &Delta) -> usize {
    delta.writes().map(|(key, row)| key.to_bytes().len() + row.len()).sum()
}

/// An active member of the group.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct Member {
    /// The client of the member.
    pub client: TestClient,
    /// The group as this member sees it.
    pub group: Group,
}

impl Member {
    /// Creates a group with client 0 as the only member.
    #[must_use]
    pub fn alone(crypto: Crypto, rng: &mut ChaCha20Rng) -> Self {
        let client = TestClient::new(crypto, 0);
        let (extensions, bundle, cx) = (Extensions::default(), client.bundle(), client.cx());
        let group = Group::builder(group_id())
            .extensions(extensions)
            .build(bundle, &cx, rng)
            .unwrap()
            .assume_persisted();
        Self { client, group }
    }

    /// Joins by a Welcome message. `tree` is needed unless the Welcome contains the tree. Also
    /// returns all rows of the group.
    pub fn join(
        client: TestClient,
        bundle: &KeyPackageBundle,
        welcome: &[u8],
        tree: Option<&[u8]>,
    ) -> (Self, Delta) {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else {
            panic!("not a Welcome")
        };
        let (group, delta) = Group::join(&welcome, bundle, tree, &client.cx()).unwrap().into_parts();
        (Self { client, group }, delta)
    }

    /// Joins by an external Commit, with the tree that belongs to the GroupInfo. `old` is the
    /// client's former leaf. Also returns the Commit and all rows of the group.
    pub fn join_externally(
        client: TestClient,
        group_info: &[u8],
        tree: &[u8],
        old: Option<LeafIndex>,
        rng: &mut ChaCha20Rng,
    ) -> (Self, Vec<u8>, Delta) {
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
            panic!("not a GroupInfo")
        };
        let template = client.template();
        let join = ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(old);
        let ((mut group, message), delta) = join.build(&client.cx(), rng).unwrap().into_parts();
        let delta = delta.then(group.merge_pending().unwrap().into_parts().1).unwrap();
        (Self { client, group }, message.encode().unwrap(), delta)
    }

    /// Creates a Commit and keeps it pending. Also returns the Welcome if the Commit adds members.
    pub fn commit(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
        rng: &mut ChaCha20Rng,
    ) -> (Vec<u8>, Option<Welcome>) {
        let output = fill(self.group.commit()).build(&self.client.cx(), rng).unwrap().assume_persisted();
        (output.message.encode().unwrap(), output.welcome)
    }

    /// Processes another member's Commit, and enters the epoch that it starts.
    pub fn process_commit(&mut self, message: &[u8]) -> Delta {
        let message = MlsMessage::decode(message).unwrap();
        let Processed::Commit(staged) =
            self.group.process(message, &self.client.cx()).unwrap().assume_persisted()
        else {
            panic!("not a Commit")
        };
        self.group.merge(*staged).unwrap().into_parts().1
    }

    /// Encrypts application data.
    pub fn encrypt(&mut self, data: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
        let message = self.group.encrypt(data, &self.client.cx(), rng).unwrap().assume_persisted();
        message.encode().unwrap()
    }

    /// Decrypts an application message from another member.
    pub fn decrypt(&mut self, message: &[u8]) -> (Opaque, Delta) {
        let message = MlsMessage::decode(message).unwrap();
        let (processed, delta) = self.group.process(message, &self.client.cx()).unwrap().into_parts();
        let Processed::Application { data, .. } = processed else { panic!("not data") };
        (data, delta)
    }

    /// Returns the GroupInfo as a message, with or without the ratchet tree.
    #[must_use]
    pub fn group_info(&self, with_tree: bool) -> Vec<u8> {
        let builder = self.group.group_info();
        let builder = if with_tree { builder } else { builder.without_tree() };
        let group_info = builder.build(&self.client.cx()).unwrap();
        MlsMessage::from(group_info).encode().unwrap()
    }

    /// Returns the encoded ratchet tree.
    #[must_use]
    pub fn tree(&self) -> Vec<u8> {
        self.group.public().tree().export().unwrap()
    }
}

/// A newly created group, to which a single Commit has added all other members.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct Created {
    /// The creator, at leaf 0.
    pub creator: Member,
    /// The time to create the Commit and the Welcome.
    pub build: Duration,
    /// The time to merge the Commit.
    pub merge: Duration,
    /// The size of the Commit in bytes.
    pub commit_bytes: usize,
    /// The Welcome, encoded as a message.
    pub welcome: Vec<u8>,
}

impl Created {
    /// Creates a group as client 0, and adds all clients whose KeyPackages are in `others`.
    #[must_use]
    pub fn new(crypto: Crypto, others: &[Vec<u8>], tree_in_welcome: bool, rng: &mut ChaCha20Rng) -> Self {
        let mut creator = Member::alone(crypto, rng);
        let ((commit, welcome), build) = timed(|| {
            let (commit, welcome) = creator.commit(
                |builder| {
                    let others = others.iter().map(|bytes| KeyPackage::decode(bytes).unwrap());
                    let builder = others.fold(builder, CommitBuilder::add);
                    if tree_in_welcome { builder } else { builder.without_tree() }
                },
                rng,
            );
            (commit, MlsMessage::from(welcome.unwrap()).encode().unwrap())
        });
        let (_, merge) = timed(|| creator.group.merge_pending().unwrap());
        Self { creator, build, merge, commit_bytes: commit.len(), welcome }
    }
}

/// A group in which two of the members are active.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct LargeGroup {
    /// The backend and the cipher suite of all members.
    pub crypto: Crypto,
    /// The committer, at the first leaf.
    pub committer: Member,
    /// The receiver, at the last of the initial leaves.
    pub receiver: Member,
    /// The random number generator for all further operations.
    pub rng: ChaCha20Rng,
    /// The number of the client that is the next newcomer.
    next: u32,
}

impl LargeGroup {
    /// Returns a group after a single Commit that added all members, so that nearly all parents are
    /// blank.
    #[must_use]
    pub fn fresh(crypto: Crypto, members: u32) -> Self {
        let created = Created::new(crypto, &key_packages(crypto, 1..members), false, &mut rng());
        Self::of(crypto, members, created)
    }

    /// Returns a fresh group from a newly created group whose Welcome does not contain the tree.
    /// The last added member joins.
    #[must_use]
    pub fn of(crypto: Crypto, members: u32, created: Created) -> Self {
        let Created { creator: committer, welcome, .. } = created;
        let receiver = TestClient::new(crypto, members - 1);
        let bundle = receiver.bundle();
        let (receiver, _) = Member::join(receiver, &bundle, &welcome, Some(&committer.tree()));
        Self::with(crypto, members, committer, receiver)
    }

    /// Returns a group after all members have made Commits, so that no parent between two members
    /// is blank. To obtain private keys, the active members rejoin by external Commits, as members
    /// do after losing their state.
    #[must_use]
    pub fn warm(crypto: Crypto, members: u32) -> Self {
        let (mut rng, group_id) = (rng(), group_id());
        let WarmTree { bytes, tree_hash } = warm_tree(crypto, members, &group_id);
        let client = |number| TestClient::new(crypto, number);
        let external_pub = crypto.suite.hpke_generate_key_pair(&mut rng).unwrap().public;
        let group_info = group_info(group_id, tree_hash, external_pub, &client(0), crypto, members);
        let (first, last) = (LeafIndex(0), LeafIndex(members - 1));
        let (mut committer, ..) =
            Member::join_externally(client(0), &group_info, &bytes, Some(first), &mut rng);
        drop(bytes);
        let (group_info, tree) = (committer.group_info(false), committer.tree());
        let (receiver, commit, _) =
            Member::join_externally(client(last.0), &group_info, &tree, Some(last), &mut rng);
        let _ = committer.process_commit(&commit);
        Self::with(crypto, members, committer, receiver)
    }

    fn with(crypto: Crypto, members: u32, committer: Member, receiver: Member) -> Self {
        let large_group = Self { crypto, committer, receiver, rng: generator(members, 5), next: members };
        assert_eq!(large_group.committer.group.public().tree().member_count(), members);
        large_group.assert_agreement(&large_group.receiver);
        large_group
    }

    /// Returns a client that is not in the group.
    pub fn newcomer(&mut self) -> TestClient {
        self.next += 1;
        TestClient::new(self.crypto, self.next - 1)
    }

    /// Checks that the committer and another member have the same secrets.
    pub fn assert_agreement(&self, other: &Member) {
        assert_eq!(self.committer.group.public().context(), other.group.public().context());
        assert_eq!(self.committer.group.epoch_authenticator(), other.group.epoch_authenticator());
    }
}

fn group_id() -> GroupId {
    vec![1; 16].into()
}

/// Returns a GroupInfo of a group whose secrets are unknown.
fn group_info(
    group_id: GroupId,
    tree_hash: Opaque,
    external_pub: HpkePublicKey,
    signer: &TestClient,
    crypto: Crypto,
    epoch: u32,
) -> Vec<u8> {
    let Crypto { suite, .. } = crypto;
    let any_hash = || vec![3; suite.hash_len()];
    let mut group_info = GroupInfo {
        group_context: GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id,
            epoch: epoch.into(),
            tree_hash,
            confirmed_transcript_hash: any_hash().into(),
            extensions: Extensions::default(),
        },
        extensions: Extensions(vec![Extension::new(&ExternalPub { external_pub }).unwrap()]),
        confirmation_tag: Mac(any_hash().into()),
        signer: LeafIndex(0),
        signature: Signature::default(),
    };
    let to_be_signed = group_info.to_be_signed().unwrap();
    group_info.signature = suite.sign_with_label(&*signer.signer, "GroupInfoTBS", &to_be_signed).unwrap();
    MlsMessage::from(group_info).encode().unwrap()
}
