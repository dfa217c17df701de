//! Tests with messages that are built to be as expensive as possible.

use crate::counting::{Counting, Work, alone, suite, work};
use crate::grows_with_the_input;
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Client, CommitOutput, Context, Credential, CredentialType,
    Encode, Extension, ExtensionType, Extensions, Group, GroupConfig, KeyPackageBundle, KeyPackageTemplate,
    Lifetime, Limits, Padding, Processed, Proposal, Psk, PskStore, PskValue, PublicGroup, PublicProcessed,
    Signer, SourceError, Welcome,
};
use pando_wire::{Add, PreSharedKey, PreSharedKeyId};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

const SIZES: [usize; 3] = [16, 48, 144];

struct AnyPsk;

impl PskStore for AnyPsk {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(psk_id.into()))
    }

    fn resumption(&self, _: &pando_mls::GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

pub(crate) struct Newcomer {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) bundle: KeyPackageBundle,
}

pub(crate) fn client(signer: &dyn Signer) -> Context<'_> {
    CLIENT
        .without_clock(signer)
        .with_crypto(&Counting)
        .with_psks(&AnyPsk)
        .with_config(GroupConfig::default().with_encrypt_handshakes(false).with_padding(Padding::None))
}

pub(crate) fn newcomer(change: &dyn Fn(&mut KeyPackageTemplate), rng: &mut ChaCha20Rng) -> Newcomer {
    let suite = suite();
    let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
    let mut template = KeyPackageTemplate {
        credential: Credential::Basic { identity: b"somebody".as_slice().into() },
        capabilities: Capabilities::new([CipherSuite::ALL[0]], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    change(&mut template);
    let bundle = KeyPackageBundle::new(suite, template, &*signer, rng).unwrap();
    Newcomer { signer, bundle }
}

pub(crate) fn unchanged(_: &mut KeyPackageTemplate) {}

/// A group of two members. The second member receives the messages of the first.
pub(crate) struct Pair {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) signers: [Box<dyn Signer>; 2],
    pub(crate) groups: [Group; 2],
}

impl Pair {
    pub(crate) fn new(extensions: Extensions, change: &dyn Fn(&mut KeyPackageTemplate)) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (one, other) = (newcomer(change, &mut rng), newcomer(change, &mut rng));
        let id = "group";
        let first = client(&*one.signer);
        let created = Group::builder(id).extensions(extensions).build(one.bundle, &first, &mut rng);
        let mut group = created.unwrap().assume_persisted();
        let commit = group
            .commit()
            .add(other.bundle.key_package.clone())
            .build(&first, &mut rng)
            .unwrap()
            .assume_persisted();
        let _ = group.merge_pending().unwrap();
        let second = client(&*other.signer);
        let joined =
            Group::join(&commit.welcome.unwrap(), &other.bundle, None, &second).unwrap().assume_persisted();
        Self { rng, signers: [one.signer, other.signer], groups: [group, joined] }
    }

    /// Makes the first member commit these proposals, and makes the second member and an observer
    /// process the Commit.
    pub(crate) fn commit(
        &mut self,
        proposals: Vec<Proposal>,
        with_path: bool,
    ) -> (usize, Work, CommitOutput) {
        let [first, second] = &self.signers;
        let (first, second) = (client(&**first), client(&**second));
        let group_info = self.groups[0].group_info().build(&first).unwrap();
        let limits = Limits::default();
        let observed = PublicGroup::new(suite(), &group_info, None, &BasicIdentities, limits);
        let mut observer = observed.unwrap().assume_persisted();
        let mut builder = self.groups[0].commit();
        for proposal in proposals {
            builder = builder.proposal(proposal);
        }
        let builder = if with_path { builder } else { builder.without_path() };
        let output = builder.build(&first, &mut self.rng).unwrap().assume_persisted();
        let _ = self.groups[0].merge_pending().unwrap();
        let len = output.message.encode().unwrap().len();
        let (mut cost, processed) =
            work(|| self.groups[1].process(output.message.clone(), &second).unwrap().assume_persisted());
        let Processed::Commit(staged) = processed else { panic!("not a Commit") };
        let (merged, _) = work(|| self.groups[1].merge(*staged).unwrap());
        cost.allocated += merged.allocated;
        let (observed, processed) = work(|| {
            observer
                .process(output.message.clone(), &BasicIdentities, &pando_mls::AdmitAll, None)
                .unwrap()
                .into_parts()
                .0
        });
        assert!(matches!(processed, PublicProcessed::Commit(_)));
        cost.allocated += observed.allocated;
        cost.hashed += observed.hashed;
        cost.hashes += observed.hashes;
        cost.curve += observed.curve;
        (len, cost, output)
    }
}

pub(crate) fn adds(newcomers: &[Newcomer]) -> Vec<Proposal> {
    let add = |newcomer: &Newcomer| {
        Proposal::Add(Box::new(Add { key_package: newcomer.bundle.key_package.clone() }))
    };
    newcomers.iter().map(add).collect()
}

pub(crate) fn newcomers(count: usize, change: &dyn Fn(&mut KeyPackageTemplate)) -> Vec<Newcomer> {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    (0..count).map(|_| newcomer(change, &mut rng)).collect()
}

/// Joins as a newcomer by a Welcome that contains the tree and the secrets of all newcomers.
fn joined(welcome: &Welcome, newcomer: &Newcomer) -> (usize, Work) {
    let len = welcome.encode().unwrap().len();
    let cx = client(&*newcomer.signer);
    let (cost, joined) = work(|| Group::join(welcome, &newcomer.bundle, None, &cx));
    let _ = joined.unwrap();
    (len, cost)
}

#[test]
fn commits_with_many_adds_and_welcomes_with_many_secrets() {
    let _alone = alone();
    let (mut commits, mut joins) = (Vec::new(), Vec::new());
    for size in SIZES {
        let newcomers = newcomers(size, &unchanged);
        let mut pair = Pair::new(Extensions::default(), &unchanged);
        let (len, cost, output) = pair.commit(adds(&newcomers), true);
        commits.push((len, cost));
        joins.push(joined(&output.welcome.unwrap(), newcomers.last().unwrap()));
    }
    grows_with_the_input("a Commit with Adds", &commits);
    grows_with_the_input("a Welcome", &joins);
}

#[test]
fn commits_with_many_pre_shared_keys() {
    let _alone = alone();
    let mut costs = Vec::new();
    for size in SIZES.map(|size| 10 * size) {
        let psk = |number: usize| {
            let psk = Psk::External { psk_id: number.to_be_bytes().as_slice().into() };
            let psk = PreSharedKeyId { psk, psk_nonce: vec![1; suite().hash_len()].into() };
            Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
        };
        let mut pair = Pair::new(Extensions::default(), &unchanged);
        let (len, cost, _) = pair.commit((0..size).map(psk).collect(), false);
        costs.push((len, cost));
    }
    grows_with_the_input("a Commit with PSKs", &costs);
}

/// Shows that the cost of long paths stays within the bound. All parents are blank, so a path is
/// encrypted to each member separately.
#[test]
fn paths_with_many_ciphertexts() {
    let _alone = alone();
    let mut costs = Vec::new();
    for size in SIZES {
        let newcomers = newcomers(size, &unchanged);
        let mut pair = Pair::new(Extensions::default(), &unchanged);
        pair.commit(adds(&newcomers), false);
        let (len, cost, _) = pair.commit(vec![], true);
        costs.push((len, cost));
    }
    grows_with_the_input("a path", &costs);
}

#[test]
fn commits_with_many_references() {
    let _alone = alone();
    let mut costs = Vec::new();
    for size in SIZES {
        let mut pair = Pair::new(Extensions::default(), &unchanged);
        let mut sent = 0;
        let mut proposing = Work::default();
        for proposal in adds(&newcomers(size, &unchanged)) {
            let first = client(&*pair.signers[0]);
            let message =
                pair.groups[0].propose(proposal, b"", &first, &mut pair.rng).unwrap().assume_persisted();
            sent += message.encode().unwrap().len();
            let second = client(&*pair.signers[1]);
            let (cost, taken) = work(|| pair.groups[1].process(message.clone(), &second));
            let _ = taken.unwrap();
            proposing.allocated += cost.allocated;
            proposing.hashed += cost.hashed;
        }
        let first = client(&*pair.signers[0]);
        let output = pair.groups[0].commit().build(&first, &mut pair.rng).unwrap().assume_persisted();
        let second = client(&*pair.signers[1]);
        let len = output.message.encode().unwrap().len();
        let (mut cost, taken) = work(|| pair.groups[1].process(output.message.clone(), &second));
        assert!(matches!(taken.unwrap().assume_persisted(), Processed::Commit(_)));
        // The cost includes that of receiving the proposals, which were sent earlier.
        cost.allocated += proposing.allocated;
        cost.hashed += proposing.hashed;
        costs.push((len + sent, cost));
    }
    grows_with_the_input("a Commit with references", &costs);
}

/// Shows that the cost of long lists of capabilities stays within the bound. Each leaf contains
/// long lists, and so do the requirements of the group.
#[test]
fn long_lists_of_capabilities_in_every_leaf() {
    let _alone = alone();
    let mut costs = Vec::new();
    for size in SIZES {
        let count = (20 * size) as u16;
        let change = move |template: &mut KeyPackageTemplate| {
            let types =
                || (0..count).map(|kind| ExtensionType(0xb000 + kind % 0x1000)).filter(|k| !k.is_grease());
            template.capabilities.extensions = types().collect();
            let empty = |extension_type| Extension { extension_type, extension_data: vec![].into() };
            template.leaf_extensions = Extensions(types().map(empty).collect());
        };
        let required = RequiredCapabilities {
            extension_types: (0..count)
                .map(|kind| ExtensionType(0xb000 + kind % 16))
                .filter(|k| !k.is_grease())
                .collect(),
            ..RequiredCapabilities::default()
        };
        let newcomers = newcomers(4, &change);
        let extensions = Extensions(vec![Extension::new(&required).unwrap()]);
        let mut pair = Pair::new(extensions, &change);
        let (len, cost, output) = pair.commit(adds(&newcomers), true);
        costs.push((len, cost));
        let (len, cost) = joined(&output.welcome.unwrap(), &newcomers[1]);
        assert!(cost.allocated < 200 * len as u64);
    }
    grows_with_the_input("capabilities", &costs);
}

/// Shows that the group's requirements are not read again for each leaf. The requirements list one
/// type many times, and the group has many leaves.
#[test]
fn a_long_list_of_what_is_required_and_many_leaves() {
    let _alone = alone();
    let (mut commits, mut joins) = (Vec::new(), Vec::new());
    for size in SIZES {
        let kind = ExtensionType(0xf123);
        let change = move |template: &mut KeyPackageTemplate| template.capabilities.extensions = vec![kind];
        let required = RequiredCapabilities {
            extension_types: vec![kind; 150 * size],
            ..RequiredCapabilities::default()
        };
        let extensions = Extensions(vec![Extension::new(&required).unwrap()]);
        let newcomers = newcomers(size, &change);
        let mut pair = Pair::new(extensions.clone(), &change);
        let (len, cost, output) = pair.commit(adds(&newcomers), true);
        // The receiver already knows the group's extensions, so their length counts as input.
        commits.push((len + extensions.encode().unwrap().len(), cost));
        joins.push(joined(&output.welcome.unwrap(), newcomers.last().unwrap()));
    }
    grows_with_the_input("a Commit with long requirements", &commits);
    grows_with_the_input("a Welcome with long requirements", &joins);
}
