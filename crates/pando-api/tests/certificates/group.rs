//! Tests of groups whose members have device certificates.

use crate::pki::{Certified, ED25519, END, NOW, START, Template};
use crate::{certify, credential, pin};
use pando_api::DeviceIdentities;
use pando_mls::{
    Capabilities, Client, Context, Credential, CredentialType, CryptoProvider, Extensions, ExternalJoin,
    Group, GroupError, IdentityError, IdentityPolicy, KeyPackageBundle, KeyPackageTemplate, LeafIndex,
    LeafTemplate, Lifetime, ProtocolVersion, RustCrypto, SignaturePublicKey, Violation,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

const ALICE: &str = "alice@example.org/laptop";
const BOB: &str = "bob@example.org/laptop";

fn capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![ED25519],
        extensions: vec![],
        proposals: vec![],
        credentials: vec![CredentialType::X509],
    }
}

fn bundle(certified: &Certified, rng: &mut ChaCha20Rng) -> KeyPackageBundle {
    let template = KeyPackageTemplate {
        credential: credential(certified),
        capabilities: capabilities(),
        lifetime: Lifetime { not_before: START, not_after: END },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(RustCrypto.suite(ED25519).unwrap(), template, &*certified.signer, rng).unwrap()
}

fn context<'a>(certified: &'a Certified, policy: &'a dyn IdentityPolicy) -> Context<'a> {
    CLIENT.at(NOW, &*certified.signer).with_policy(policy)
}

/// An attacker's policy, which accepts everything.
#[derive(Debug)]
struct Anything;

impl IdentityPolicy for Anything {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

/// Authorities of two domains, and the group of alice and bob's third certificate.
struct Fixture {
    ours: Certified,
    theirs: Certified,
    policy: DeviceIdentities,
    alice: Certified,
    rng: ChaCha20Rng,
}

impl Fixture {
    fn new() -> Self {
        let [ours, theirs] = ["ours", "theirs"].map(|name| Template::authority(name).self_signed());
        let policy = pin(&[("example.org", &ours), ("example.com", &theirs)]);
        let alice = certify(&ours, ALICE, 1);
        Self { ours, theirs, policy, alice, rng: ChaCha20Rng::seed_from_u64(1) }
    }

    fn group(&mut self) -> Group {
        let (alice, bob) = (&self.alice, certify(&self.ours, BOB, 3));
        let cx = context(alice, &self.policy);
        let [own, other] = [alice, &bob].map(|certified| bundle(certified, &mut self.rng));
        let mut group = Group::builder("group").build(own, &cx, &mut self.rng).unwrap().assume_persisted();
        let _ = group.commit().add(other.key_package).build(&cx, &mut self.rng).unwrap();
        let _ = group.merge_pending().unwrap();
        group
    }

    /// Alice adds a client.
    fn add(&mut self, certified: &Certified) -> Result<(), GroupError> {
        let mut group = self.group();
        let commit = group.commit().add(bundle(certified, &mut self.rng).key_package);
        commit.build(&context(&self.alice, &self.policy), &mut self.rng).map(drop)
    }

    /// A client joins by an external Commit, which removes bob's leaf if `replaces` is set. Returns
    /// the result of processing the Commit as alice.
    fn join(&mut self, certified: &Certified, replaces: bool) -> Result<(), GroupError> {
        let mut group = self.group();
        let cx = context(&self.alice, &self.policy);
        let group_info = group.group_info().build(&cx).unwrap();
        let template = LeafTemplate {
            credential: credential(certified),
            capabilities: capabilities(),
            extensions: Extensions::default(),
        };
        let join = ExternalJoin::new(&group_info, template);
        let join = if replaces { join.replace_leaf(LeafIndex(1)) } else { join };
        let joined = join.build(&context(certified, &Anything), &mut self.rng).unwrap();
        let (_, message) = joined.assume_persisted();
        group.process(message, &cx).map(drop)
    }
}

fn violates(result: Result<(), GroupError>, rule: &Violation) {
    let refused = result.unwrap_err();
    assert_eq!(refused.violation(), Some(rule), "{refused:?}");
}

#[test]
fn a_group_has_one_leaf_of_each_client() {
    let mut fixture = Fixture::new();
    for version in [1, 2, 4] {
        let again = certify(&fixture.ours, BOB, version);
        violates(fixture.add(&again), &Violation::SameClient);
        violates(fixture.join(&again, false), &Violation::SameClient);
    }
    let phone = certify(&fixture.ours, "bob@example.org/phone", 1);
    fixture.add(&phone).unwrap();
    fixture.join(&phone, false).unwrap();
    let namesake = certify(&fixture.theirs, "bob@example.com/laptop", 1);
    fixture.add(&namesake).unwrap();
}

#[test]
fn a_client_is_replaced_only_by_its_own_higher_version() {
    let mut fixture = Fixture::new();
    let higher = certify(&fixture.ours, BOB, 4);
    fixture.join(&higher, true).unwrap();

    let lower = certify(&fixture.ours, BOB, 2);
    violates(fixture.join(&lower, true), &Violation::CredentialSuccession);
    let phone = certify(&fixture.ours, "bob@example.org/phone", 4);
    violates(fixture.join(&phone, true), &Violation::CredentialSuccession);
    let mallory = certify(&fixture.ours, "mallory@example.org/laptop", 4);
    violates(fixture.join(&mallory, true), &Violation::CredentialSuccession);
}

#[test]
fn another_domain_cannot_replace_a_client() {
    let mut fixture = Fixture::new();
    let forged = certify(&fixture.theirs, BOB, 4);
    let refused = fixture.join(&forged, true).unwrap_err();
    assert!(matches!(refused.violation(), Some(Violation::Credential(_))), "{refused:?}");
    let refused = fixture.add(&forged).unwrap_err();
    assert!(matches!(refused.violation(), Some(Violation::Credential(_))), "{refused:?}");
}
