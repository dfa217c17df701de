//! A group of people who have certificates.

use crate::pki::{ED25519, END, NOW, Party, START, Template, credential};
use pando_crypto::{CryptoProvider, RustCrypto};
use pando_group::{
    Client, Group, GroupConfig, GroupError, KeyPackageBundle, KeyPackageTemplate, NoPsks, Processed,
    Violation,
};
use pando_wire::{Capabilities, CredentialType, Extensions, Lifetime, ProtocolVersion};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn bundle(chain: &[&Party], rng: &mut ChaCha20Rng) -> KeyPackageBundle {
    let template = KeyPackageTemplate {
        credential: credential(chain),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: vec![ED25519],
            extensions: vec![],
            proposals: vec![],
            credentials: vec![CredentialType::X509],
        },
        lifetime: Lifetime { not_before: START, not_after: END },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    };
    KeyPackageBundle::new(RustCrypto.suite(ED25519).unwrap(), template, &*chain[0].signer, rng).unwrap()
}

#[test]
fn members_have_certificates_of_one_authority() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let suite = RustCrypto.suite(ED25519).unwrap();
    let root = Template::authority("root").self_signed();
    let authority = Template::authority("authority").signed_by(&root);
    let certify = |name| Template::client(name).suite(ED25519).signed_by(&authority);
    let (alice, bob) = (certify("alice"), certify("bob"));
    let policy = &crate::pki::policy(&root);
    let (psks, config, now) = (&NoPsks, GroupConfig::default(), Some(NOW));
    let as_alice = Client {
        crypto: &RustCrypto,
        signer: &*alice.signer,
        policy,
        rules: &pando_group::DefaultRules,
        psks,
        is_in_group: &|_| false,
        now,
        config,
    };
    let as_bob = Client { signer: &*bob.signer, ..as_alice };

    let own = bundle(&[&alice, &authority], &mut rng);
    let id = b"group".as_slice().into();
    let (mut group, _) = Group::create(suite, id, Extensions::default(), own, &as_alice, &mut rng).unwrap();
    let bobs = bundle(&[&bob, &authority, &root], &mut rng);
    let commit = group.commit().add(bobs.key_package.clone()).build(&as_alice, &mut rng).unwrap();
    let _ = group.merge_pending().unwrap();
    let (mut bobs, _) = Group::join(&commit.welcome.unwrap(), &bobs, None, &as_bob).unwrap();
    let (message, _) = group.encrypt(b"hello", b"", &as_alice, &mut rng).unwrap();
    let (processed, _) = bobs.process(message, &as_bob).unwrap();
    assert!(matches!(processed, Processed::Application { data, .. } if &*data == b"hello"));

    // Eve's certificate is from somebody whom nobody here trusts.
    let other = Template::authority("another root").self_signed();
    let eve = Template::client("eve").suite(ED25519).signed_by(&other);
    // Carol's has expired.
    let carol = Template::client("carol").suite(ED25519).valid(START, NOW - 1).signed_by(&authority);
    for (chain, why) in [([&eve, &other], "trust anchor"), ([&carol, &authority], "expired")] {
        let commit = group.commit().add(bundle(&chain, &mut rng).key_package);
        let refused = commit.build(&as_alice, &mut rng).unwrap_err();
        assert!(
            matches!(&refused, GroupError::Violation(Violation::Credential(reason)) if reason.contains(why)),
            "{refused:?}"
        );
    }
}
