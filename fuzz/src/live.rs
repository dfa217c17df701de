//! A group of four that is alive, what its members send in one epoch, and what is needed to be one of them.

use crate::secrets::secrets;
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Client, Credential, CredentialType, CryptoProvider, Decode,
    Delta, Encode, Extensions, ExternalJoin, Group, GroupConfig, GroupInfo, KeyPackageBundle,
    KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, MlsMessage, Processed, Proposal, Psk, PskStore,
    PskValue, Rows, RustCrypto, Signer, Suite, propose_own_add,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

/// Whose group takes what the fuzzer has.
pub(crate) const VICTIM: usize = 1;

pub(crate) struct Live {
    pub(crate) suite: Suite,
    pub(crate) signers: Vec<Box<dyn Signer>>,
    /// What each member has stored.
    pub(crate) stores: Vec<Rows>,
    /// What was sent in this epoch, encoded. The victim takes each of them, if it has taken none before.
    pub(crate) honest: Vec<Vec<u8>>,
    /// A description of the group, with its tree.
    pub(crate) group_info: GroupInfo,
    /// Somebody who is outside.
    pub(crate) newcomer: KeyPackageBundle,
    pub(crate) newcomer_signer: Box<dyn Signer>,
    pub(crate) membership_key: Vec<u8>,
}

/// The value of every PSK is its identifier.
struct Psks;

impl PskStore for Psks {
    fn external(&self, psk_id: &[u8]) -> Option<PskValue> {
        Some(psk_id.into())
    }

    fn resumption(&self, _: &pando_mls::GroupId, _: u64) -> Option<PskValue> {
        None
    }
}

pub(crate) fn client(signer: &dyn Signer, encrypt_handshakes: bool) -> Client<'_> {
    Client {
        crypto: &RustCrypto,
        signer,
        policy: &BasicIdentities,
        psks: &Psks,
        is_in_group: &|_| false,
        now: None,
        config: GroupConfig { encrypt_handshakes, ..GroupConfig::default() },
    }
}

fn template(suite: Suite) -> LeafTemplate {
    LeafTemplate {
        credential: Credential::Basic { identity: b"somebody".as_slice().into() },
        capabilities: Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]),
        extensions: Extensions::default(),
    }
}

fn bundle(suite: Suite, signer: &dyn Signer, rng: &mut ChaCha20Rng) -> KeyPackageBundle {
    let LeafTemplate { credential, capabilities, extensions } = template(suite);
    let template = KeyPackageTemplate {
        credential,
        capabilities,
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: extensions,
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(suite, template, signer, rng).expect("a good template")
}

pub(crate) static LIVE: LazyLock<Live> = LazyLock::new(Live::new);

impl Live {
    fn new() -> Self {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).expect("every backend has it");
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let mut signer = || {
            let key = suite.signature_generate_key(&mut rng).expect("good randomness");
            suite.signer(&key).expect("a good key")
        };
        let signers: Vec<_> = (0..4).map(|_| signer()).collect();
        let newcomer_signer = signer();
        let clients: Vec<_> =
            signers.iter().enumerate().map(|(at, signer)| client(&**signer, at != 2)).collect();
        let bundles: Vec<_> = signers.iter().map(|signer| bundle(suite, &**signer, &mut rng)).collect();
        let newcomer = bundle(suite, &*newcomer_signer, &mut rng);

        let mut bundles = bundles.into_iter();
        let (id, extensions) = (b"live".as_slice().into(), Extensions::default());
        let first = bundles.next().expect("four");
        let (mut creator, _) =
            Group::create(suite, id, extensions, first, &clients[0], &mut rng).expect("creates");
        let bundles: Vec<_> = bundles.collect();
        let add =
            bundles.iter().fold(creator.commit(), |commit, bundle| commit.add(bundle.key_package.clone()));
        let welcome = add.build(&clients[0], &mut rng).expect("adds").welcome.expect("a Welcome");
        let _ = creator.merge_pending().expect("merges");
        let mut groups = vec![creator];
        for (bundle, client) in bundles.iter().zip(&clients[1..]) {
            groups.push(Group::join(&welcome, bundle, None, client).expect("joins").0);
        }
        for by in [3, 1, 0] {
            let commit = groups[by].commit().build(&clients[by], &mut rng).expect("commits").message;
            for (at, group) in groups.iter_mut().enumerate() {
                match group.process(commit.clone(), &clients[at]).expect("takes").0 {
                    Processed::Commit(staged) => drop(group.merge(*staged).expect("merges")),
                    _ => drop(group.merge_pending().expect("merges")),
                }
            }
        }
        let stores: Vec<_> = groups.iter().map(|group| group.rows().expect("rows")).collect();
        let group_info = groups[0].group_info(true, &clients[0]).expect("a GroupInfo");
        let key = secrets(&stores[0]).into_iter().find(|stored| stored.name == "membership_key");
        let membership_key = key.expect("a member has it").secret.expose().to_vec();

        let mut honest = Vec::new();
        let load = |by: usize| Group::load(&stores[by], &clients[by]).expect("loads");
        for by in [0, 2, 3] {
            let (mut group, client) = (load(by), &clients[by]);
            for data in [&b"hello"[..], b"", &[7; 100]] {
                honest.push(group.encrypt(data, b"aad", client, &mut rng).expect("encrypts").0);
            }
            let mut group = load(by);
            honest.push(group.propose_update(None, b"", client, &mut rng).expect("proposes").0);
            honest.push(group.propose(remove(3 - by as u32), b"", client, &mut rng).expect("proposes").0);
            honest.push(load(by).commit().build(client, &mut rng).expect("commits").message);
            let psk = Psk::External { psk_id: vec![1].into() };
            let added = newcomer.key_package.clone();
            let mut group = load(by);
            let commit = group.commit().add(added).psk(psk).remove(LeafIndex(3 - by as u32));
            honest.push(commit.build(client, &mut rng).expect("commits").message);
        }
        let outside = client(&*newcomer_signer, false);
        let join = ExternalJoin {
            group_info: &group_info,
            tree: None,
            template: template(suite),
            resync: None,
            psks: vec![],
            authenticated_data: b"",
        };
        honest.push(join.build(&outside, &mut rng).expect("joins").1);
        let context = groups[0].public().context();
        honest.push(propose_own_add(context, newcomer.key_package.clone(), &outside).expect("asks"));
        drop(clients);
        let honest = honest.iter().map(|message| message.encode().expect("encodes")).collect();
        let live =
            Self { suite, signers, stores, honest, group_info, newcomer, newcomer_signer, membership_key };
        for message in &live.honest {
            let message = MlsMessage::decode(message).expect("decodes");
            let taken = live.victim().process(message, &live.client(VICTIM));
            drop(taken.expect("is taken"));
        }
        live
    }

    pub(crate) fn client(&self, at: usize) -> Client<'_> {
        client(&*self.signers[at], at != 2)
    }

    pub(crate) fn load(&self, at: usize) -> Group {
        Group::load(&self.stores[at], &self.client(at)).expect("loads")
    }

    pub(crate) fn victim(&self) -> Group {
        self.load(VICTIM)
    }
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(pando_mls::wire::Remove { removed: LeafIndex(leaf) })
}

/// A group with its store, which must be the same after whatever happened.
pub(crate) struct Kept {
    pub(crate) group: Group,
    rows: Rows,
}

impl Kept {
    pub(crate) fn new(group: Group) -> Self {
        Self { rows: group.rows().expect("rows"), group }
    }

    pub(crate) fn store(&mut self, delta: Delta) {
        delta.apply(&mut self.rows);
    }

    /// What was stored is the group, and gives it back.
    pub(crate) fn check(mut self, client: &Client<'_>) {
        self.group.take_delta().apply(&mut self.rows);
        let rows = self.group.rows().expect("rows");
        assert!(self.rows == rows, "what was stored is not what there is");
        let loaded = Group::load(&self.rows, client).expect("loads");
        assert!(loaded.rows().expect("rows") == rows, "what is loaded is something else");
    }
}

/// Changes bytes as some others say: each four of them are what to do, where (two of them), and with which byte.
pub(crate) fn edited(bytes: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[1], edit[2]])) % (bytes.len() + 1);
        match edit[0] % 4 {
            0 => bytes.insert(at, edit[3]),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] ^= edit[3],
            _ => {}
        }
    }
    bytes
}
