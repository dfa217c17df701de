//! Tests of groups whose members have certificates.

use crate::names::{KINDS, uri, with_kinds};
use crate::pki::{Certified, ED25519, END, NOW, START, Template, credential};
use pando_crypto::{CryptoProvider, RustCrypto};
use pando_group::{
    Client, Context, ExternalJoin, Group, GroupError, IdentityError, IdentityPolicy, KeyPackageBundle,
    KeyPackageTemplate, Processed, Violation,
};
use pando_tree::LeafTemplate;
use pando_wire::{
    Capabilities, Credential, CredentialType, Extensions, LeafIndex, Lifetime, ProtocolVersion,
    SignaturePublicKey,
};
use pando_x509::{X509Config, X509Identities};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::str::FromStr;
use std::sync::LazyLock;
use x509_cert::ext::pkix::SubjectAltName;

static CLIENT: LazyLock<Client> = LazyLock::new(Client::default);

fn capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![ED25519],
        extensions: vec![],
        proposals: vec![],
        credentials: vec![CredentialType::X509],
    }
}

fn bundle(chain: &[&Certified], rng: &mut ChaCha20Rng) -> KeyPackageBundle {
    let template = KeyPackageTemplate {
        credential: credential(chain),
        capabilities: capabilities(),
        lifetime: Lifetime { not_before: START, not_after: END },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(RustCrypto.suite(ED25519).unwrap(), template, &*chain[0].signer, rng).unwrap()
}

#[test]
fn members_have_certificates_of_one_authority() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let root = Template::authority("root").self_signed();
    let authority = Template::authority("authority").signed_by(&root);
    let certify = |name| Template::client(name).suite(ED25519).signed_by(&authority);
    let (alice, bob) = (certify("alice"), certify("bob"));
    let policy = &crate::pki::policy(&root);
    let as_alice = CLIENT.at(NOW, &*alice.signer).with_policy(policy);
    let as_bob = as_alice.with_signer(&*bob.signer);

    let own = bundle(&[&alice, &authority], &mut rng);
    let id = "group";
    let mut group = Group::builder(id).build(own, &as_alice, &mut rng).unwrap().assume_persisted();
    let bobs = bundle(&[&bob, &authority, &root], &mut rng);
    let commit =
        group.commit().add(bobs.key_package.clone()).build(&as_alice, &mut rng).unwrap().assume_persisted();
    let _ = group.merge_pending().unwrap();
    let mut bobs = Group::join(&commit.welcome.unwrap(), &bobs, None, &as_bob).unwrap().assume_persisted();
    let message = group.encrypt(b"hello", &as_alice, &mut rng).unwrap().assume_persisted();
    let processed = bobs.process(message, &as_bob).unwrap().assume_persisted();
    assert!(matches!(processed, Processed::Application { data, .. } if &*data == b"hello"));

    // Eve's certificate was issued by an authority that is not trusted in this test.
    let other = Template::authority("another root").self_signed();
    let eve = Template::client("eve").suite(ED25519).signed_by(&other);
    // Carol's certificate has expired.
    let carol = Template::client("carol").suite(ED25519).valid(START, NOW - 1).signed_by(&authority);
    for (chain, why) in [([&eve, &other], "trust anchor"), ([&carol, &authority], "expired")] {
        let commit = group.commit().add(bundle(&chain, &mut rng).key_package);
        let refused = commit.build(&as_alice, &mut rng).unwrap_err();
        assert!(
            matches!(refused.violation(), Some(Violation::Credential(reason)) if reason.contains(why)),
            "{refused:?}"
        );
    }
}

/// The policy of an attacker, which accepts all credentials.
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

fn client<'a>(certified: &'a Certified, policy: &'a dyn IdentityPolicy) -> Context<'a> {
    CLIENT.at(NOW, &*certified.signer).with_policy(policy)
}

/// Creates a group of two clients.
fn group_of_two(
    certificates: [&[&Certified]; 2],
    policy: &dyn IdentityPolicy,
    rng: &mut ChaCha20Rng,
) -> Group {
    let [own, other] = certificates.map(|chain| bundle(chain, rng));
    let cx = client(certificates[0][0], policy);
    let id = "group";
    let mut group = Group::builder(id).build(own, &cx, rng).unwrap().assume_persisted();
    let _ = group.commit().add(other.key_package).build(&cx, rng).unwrap();
    let _ = group.merge_pending().unwrap();
    group
}

/// Joins by an external Commit that removes the second member. Returns the result when the first
/// member processes that Commit.
fn replace_second_member(
    mut group: Group,
    first: &Context<'_>,
    chain: &[&Certified],
    rng: &mut ChaCha20Rng,
) -> Result<(), GroupError> {
    let group_info = group.group_info().build(first).unwrap();
    let template = LeafTemplate {
        credential: credential(chain),
        capabilities: capabilities(),
        extensions: Extensions::default(),
    };
    let join = ExternalJoin::new(&group_info, template).replace_leaf(LeafIndex(1));
    let (_, message) = join.build(&client(chain[0], &Anything), rng).unwrap().assume_persisted();
    group.process(message, first).map(drop)
}

/// In this test, two authorities are trusted. Each of them has a client called John Smith, which is
/// identified by a URI or by its subject.
#[test]
fn no_authority_replaces_the_client_of_another() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let [ours, theirs] = ["ours", "theirs"].map(|name| Template::authority(name).self_signed());
    let policy = X509Identities::new(&RustCrypto, [&ours.der, &theirs.der]).unwrap();
    let policy = with_kinds(policy, &KINDS);
    let [sales, research] = ["sales", "research"].map(|name| Template::authority(name).signed_by(&ours));
    let alice = Template::client("alice").suite(ED25519).signed_by(&ours);
    let first = client(&alice, &policy);
    for by_subject in [false, true] {
        let template = |serial: &str| {
            let subject = x509_cert::name::Name::from_str("CN=John Smith").unwrap();
            let template = Template::client(serial).suite(ED25519);
            let key = template.clone().signed_by(&ours).signer;
            let template = template.names(vec![uri("im:john@example.org")]).subject(subject);
            (if by_subject { template.without::<SubjectAltName>() } else { template }, key)
        };
        let john = |serial, issuer: &Certified| {
            let (template, key) = template(serial);
            template.for_key(key, issuer)
        };
        let [old, renewed, other_issuer, other_anchor] =
            [("old", &sales), ("renewed", &sales), ("other", &research), ("foreign", &theirs)]
                .map(|(serial, issuer)| john(serial, issuer));
        let mut replace = |chain: &[&Certified]| {
            let group = group_of_two([&[&alice], &[&old, &sales]], &policy, &mut rng);
            replace_second_member(group, &first, chain, &mut rng)
        };

        replace(&[&renewed, &sales]).unwrap();
        let refused = replace(&[&other_anchor]).unwrap_err();
        assert!(matches!(refused, GroupError::Violation(Violation::CredentialSuccession)), "{refused:?}");
        let result = replace(&[&other_issuer, &research]);
        if by_subject {
            let refused = result.unwrap_err();
            assert!(matches!(refused, GroupError::Violation(Violation::CredentialSuccession)), "{refused:?}");
        } else {
            result.unwrap();
        }
    }
}

#[test]
fn two_clients_with_one_identity() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let root = Template::authority("root").self_signed();
    let alice = Template::client("alice").suite(ED25519).signed_by(&root);
    let bob = Template::client("bob").suite(ED25519).signed_by(&root);
    let phone = Template::client("phone").names(vec![uri("im:bob@example.org")]);
    let phone = phone.suite(ED25519).signed_by(&root);
    for unique_identities in [false, true] {
        let policy = crate::pki::policy(&root)
            .with_config(X509Config::default().with_unique_identities(unique_identities));
        let mut group = group_of_two([&[&alice], &[&bob]], &policy, &mut rng);
        let commit = group.commit().add(bundle(&[&phone], &mut rng).key_package);
        let result = commit.build(&client(&alice, &policy), &mut rng);
        let is_refused = matches!(result, Err(GroupError::Violation(Violation::SameClient)));
        assert_eq!((result.is_err(), is_refused), (unique_identities, unique_identities));
    }
}
