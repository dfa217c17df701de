//! Groups with several members, including the keys and stores of these members.

use crate::honest_messages::honest_messages;
use crate::names::Names;
use crate::secrets::secrets;
use pando_mls::wire::{ExternalSender, ExternalSenders, RequiredCapabilities};
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Client, Context, Credential, CredentialType, CryptoProvider,
    Extension, ExtensionType, Extensions, Group, GroupConfig, GroupId, GroupInfo, IdentityPolicy,
    KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, Processed, ProposalType,
    PskStore, PskValue, Rows, RustCrypto, SecretBytes, Signer, SourceError, Suite, Tree, Unpersisted,
    Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

/// The leaf index of the member under attack, which processes the input.
pub(crate) const VICTIM: u32 = 1;

/// Returns the index of the group that the highest bit of an input's first byte selects.
pub(crate) const fn which(first: u8) -> usize {
    (first >> 7) as usize
}

/// For each group, a value of an input's first byte that selects the group. All lower bits may be
/// chosen freely.
pub(crate) const GROUPS: [u8; 2] = [0, 0x80];

/// The two groups: a plain group of four members, and a group of five members with extensions. The
/// second group uses a different cipher suite, external senders, required capabilities, and an
/// identity policy that compares names. The tree of the second group has a blank leaf and an
/// unmerged leaf.
static FIXTURES: [LazyLock<GroupFixture>; 2] = [
    LazyLock::new(|| GroupFixture::new(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519, false)),
    LazyLock::new(|| {
        GroupFixture::new(CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519, true)
    }),
];

/// Returns the group that the first byte of an input selects.
pub(crate) fn fixture(first: u8) -> &'static GroupFixture {
    &FIXTURES[which(first)]
}

pub(crate) struct GroupFixture {
    pub(crate) suite: Suite,
    with_extensions: bool,
    /// The signers of the members at leaves 0 to 3, and of further clients.
    pub(crate) signers: Vec<Box<dyn Signer>>,
    /// The stored rows of the members at leaves 0 to 3.
    stores: Vec<Rows>,
    /// The encoded messages that honest clients send in the current epoch and in the next one.
    pub(crate) honest: Vec<Vec<u8>>,
    /// The GroupInfo of the group, which contains its ratchet tree.
    pub(crate) group_info: GroupInfo,
    pub(crate) tree: Tree,
    /// A client that is not in the group.
    pub(crate) newcomer: KeyPackageBundle,
    pub(crate) newcomer_signer: Box<dyn Signer>,
    /// The signer of the external sender, if the group has one.
    pub(crate) external: Box<dyn Signer>,
}

/// A PSK store that derives the value of each PSK from its identifier.
pub(crate) struct Psks;

impl PskStore for Psks {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(psk_id.into()))
    }

    fn resumption(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(Some([group_id, &epoch.to_be_bytes()[..]].concat().into()))
    }
}

/// Returns the credential, capabilities and extensions for a leaf with the given name.
pub(crate) fn template(suite: Suite, name: &str) -> LeafTemplate {
    let mut capabilities = Capabilities::new([suite.cipher_suite()], [CredentialType::BASIC]);
    capabilities.extensions.push(ExtensionType(0xf00e));
    capabilities.proposals.push(ProposalType(0xf001));
    let credential = Credential::Basic { identity: name.as_bytes().into() };
    LeafTemplate { credential, capabilities, extensions: Extensions::default() }
}

fn bundle(suite: Suite, name: &str, signer: &dyn Signer, rng: &mut ChaCha20Rng) -> KeyPackageBundle {
    let LeafTemplate { credential, capabilities, extensions } = template(suite, name);
    let template = KeyPackageTemplate {
        credential,
        capabilities,
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: extensions,
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(suite, template, signer, rng).expect("a good template")
}

/// Returns the extensions of the second group.
fn extensions(external: &dyn Signer) -> Extensions {
    let credential = Credential::Basic { identity: b"external".as_slice().into() };
    let sender = ExternalSender { signature_key: external.public_key().clone(), credential };
    let required = RequiredCapabilities {
        extension_types: vec![ExtensionType(0xf00e)],
        proposal_types: vec![ProposalType(0xf001)],
        credential_types: vec![CredentialType::BASIC],
    };
    let senders = Extension::new(&ExternalSenders(vec![sender]));
    Extensions(vec![senders.expect("short"), Extension::new(&required).expect("short")])
}

/// The groups of the members, indexed by leaf index.
type Groups = BTreeMap<u32, Group>;

impl GroupFixture {
    fn new(suite: CipherSuite, with_extensions: bool) -> Self {
        let suite = RustCrypto.suite(suite).expect("every backend has it");
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        let mut signers: Vec<_> = (0..9)
            .map(|_| suite.signature_generate_key(&mut rng).expect("good randomness"))
            .map(|key| suite.signer(&key).expect("a good key"))
            .collect();
        let (newcomer_signer, external) = (signers.remove(8), signers.remove(7));
        let newcomer = bundle(suite, "newcomer", &*newcomer_signer, &mut rng);
        let mut groups = Groups::new();
        let act = |leaf: u32| client(&*signers[leaf as usize], leaf != 2, with_extensions);

        // The creator adds all other members. In the group with extensions, two of the added
        // clients do not join. Those clients are removed later, so that their leaves become blank.
        let count = if with_extensions { 6 } else { 4 };
        let mut bundles: Vec<_> =
            (0..count).map(|at| bundle(suite, &format!("{at}"), &*signers[at], &mut rng)).collect();
        let with = if with_extensions { extensions(&*external) } else { Extensions::default() };
        let id = "live";
        let first = bundles.remove(0);
        let mut creator = Group::builder(id)
            .extensions(with)
            .build(first, &act(0), &mut rng)
            .expect("creates")
            .assume_persisted();
        let add = bundles.iter().fold(creator.commit(), |commit, one| commit.add(one.key_package.clone()));
        let welcome =
            add.build(&act(0), &mut rng).expect("adds").assume_persisted().welcome.expect("a Welcome");
        creator.merge_pending().expect("merges").assume_persisted();
        groups.insert(0, creator);
        for (bundle, leaf) in
            bundles.iter().zip(1..).filter(|(_, leaf)| !with_extensions || ![2, 4].contains(leaf))
        {
            groups.insert(
                leaf,
                Group::join(&welcome, bundle, None, &act(leaf)).expect("joins").assume_persisted(),
            );
        }
        // Let members send Commits, so that the parent nodes obtain keys.
        let mut commit = |groups: &mut Groups, by: u32, added: Option<&KeyPackageBundle>| {
            let builder = groups.get_mut(&by).expect("a member").commit();
            let builder = match added {
                // Because this Commit has no path, the added member stays unmerged.
                Some(added) => builder.add(added.key_package.clone()).without_path(),
                None if with_extensions && by == 5 => builder.remove(LeafIndex(2)).remove(LeafIndex(4)),
                None => builder,
            };
            let output = builder.build(&act(by), &mut rng).expect("commits").assume_persisted();
            for (leaf, group) in groups {
                match group.process(output.message.clone(), &act(*leaf)).expect("takes").assume_persisted() {
                    Processed::Commit(staged) => drop(group.merge(*staged).expect("merges")),
                    _ => drop(group.merge_pending().expect("merges")),
                }
            }
            output.welcome
        };
        let committers = if with_extensions { &[5, 3, 1, 0][..] } else { &[3, 1, 0] };
        for by in committers {
            commit(&mut groups, *by, None);
        }
        if with_extensions {
            let late = bundle(suite, "late", &*signers[2], &mut ChaCha20Rng::seed_from_u64(9));
            let welcome: Welcome = commit(&mut groups, 0, Some(&late)).expect("a Welcome");
            groups.insert(2, Group::join(&welcome, &late, None, &act(2)).expect("joins").assume_persisted());
            let tree = groups[&0].public().tree();
            assert!(!tree.is_member(LeafIndex(4)).unwrap(), "a leaf is blank");
            let root = tree.parent(tree.size().root()).unwrap().expect("the root is not blank");
            assert_eq!(root.unmerged_leaves, [LeafIndex(2)]);
        }
        let group_info = groups[&0].group_info().build(&act(0)).expect("a GroupInfo");
        let tree = groups[&0].public().tree().clone();
        let stores = (0..4).map(|leaf| groups[&leaf].rows().expect("rows")).collect();
        let mut fixture = Self {
            suite,
            with_extensions,
            signers,
            stores,
            honest: vec![],
            group_info,
            tree,
            newcomer,
            newcomer_signer,
            external,
        };
        fixture.honest = honest_messages(&fixture, with_extensions);
        fixture
    }

    /// Returns the context of a member's client. All members except one encrypt their proposals and
    /// Commits.
    pub(crate) fn client(&self, leaf: u32) -> Context<'_> {
        client(&*self.signers[leaf as usize], leaf != 2, self.with_extensions)
    }

    /// Returns the context of a client that is not a member.
    pub(crate) fn outside<'a>(&self, signer: &'a dyn Signer) -> Context<'a> {
        client(signer, false, self.with_extensions)
    }

    pub(crate) fn load(&self, leaf: u32) -> Group {
        Group::load(&self.stores[leaf as usize], &self.client(leaf)).expect("loads")
    }

    /// Returns a member's secret of the current epoch that has the given name.
    pub(crate) fn secret(&self, leaf: u32, name: &str) -> SecretBytes {
        let found = secrets(&self.stores[leaf as usize]).into_iter().find(|stored| stored.name == name);
        found.expect("a member has it").secret
    }

    pub(crate) fn rows(&self, leaf: u32) -> &Rows {
        &self.stores[leaf as usize]
    }

    /// Signs a GroupInfo as the member at leaf 0, regardless of its contents.
    pub(crate) fn sign_group_info(&self, group_info: &mut GroupInfo) {
        group_info.signer = LeafIndex(0);
        let tbs = group_info.to_be_signed().expect("it was decoded");
        let signed = self.suite.sign_with_label(&*self.signers[0], "GroupInfoTBS", &tbs);
        group_info.signature = signed.expect("signs");
    }

    pub(crate) fn policy(&self) -> &'static dyn IdentityPolicy {
        policy(self.with_extensions)
    }
}

fn policy(with_extensions: bool) -> &'static dyn IdentityPolicy {
    if with_extensions { &Names } else { &BasicIdentities }
}

fn client(signer: &dyn Signer, encrypt_handshakes: bool, with_extensions: bool) -> Context<'_> {
    CLIENT
        .without_clock(signer)
        .with_policy(policy(with_extensions))
        .with_psks(&Psks)
        .with_config(GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes))
}

/// A group and its stored rows, which must remain equal to the rows of the group.
pub(crate) struct StoredGroup {
    pub(crate) group: Group,
    rows: Rows,
}

impl StoredGroup {
    pub(crate) fn new(group: Group) -> Self {
        Self { rows: group.rows().expect("rows"), group }
    }

    pub(crate) fn store<T>(&mut self, result: Unpersisted<T>) -> T {
        result.persist_to(&mut self.rows).expect("it follows")
    }

    /// Reopens the group from its rows with lazy loading.
    pub(crate) fn reopen(&mut self, cx: &Context<'_>) {
        self.group.take_delta().persist_to(&mut self.rows).expect("it follows");
        let rows: Rows = self.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
        self.group = Group::open(Arc::new(rows), cx).expect("opens");
    }

    /// Checks that the stored rows equal the rows of the group, and that loading or opening them
    /// yields the same group.
    pub(crate) fn check(mut self, cx: &Context<'_>) {
        self.group.take_delta().persist_to(&mut self.rows).expect("it follows");
        let rows = self.group.rows().expect("rows");
        same(&self.rows, &rows, "the stored rows differ from the group");
        let loaded = Group::load(&self.rows, cx).expect("loads");
        same(&loaded.rows().expect("rows"), &rows, "the loaded group differs");
        self.reopen(cx);
        same(&self.group.rows().expect("rows"), &rows, "the opened group differs");
    }
}

/// Asserts that two sets of rows are equal.
pub(crate) fn same(these: &Rows, those: &Rows, what: &str) {
    let keys: BTreeSet<_> = these.keys().chain(those.keys()).collect();
    let differing: Vec<_> = keys.into_iter().filter(|key| these.get(key) != those.get(key)).collect();
    assert!(differing.is_empty(), "{what}: {differing:?}");
}

/// Applies edits to bytes. An edit consists of four bytes: the operation, the position (two bytes)
/// and the operand.
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
