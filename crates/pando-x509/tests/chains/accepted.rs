//! Tests of chains that are accepted.

use crate::pki::{
    Certified, ED448, ED25519, END, NOW, P256, P384, P521, Pki, START, Template, check, check_both,
    credential, policy,
};
use der::asn1::ObjectIdentifier;
use pando_crypto::{CryptoProvider, RustCrypto, Suite};
use pando_group::IdentityPolicy;
use pando_wire::CipherSuite;
use pando_x509::{ChainError, X509Config, X509Identities};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

#[test]
fn no_intermediate() {
    let Pki { root, .. } = Pki::new();
    assert_eq!(check(&root, &[&Template::client("bob").signed_by(&root)]), Ok(()));
}

#[test]
fn one_intermediate() {
    let pki = Pki::new();
    assert_eq!(pki.check(&[&pki.client, &pki.authority]), Ok(()));
}

#[test]
fn two_intermediates() {
    let Pki { root, authority, .. } = Pki::new();
    let branch = Template::authority("branch").signed_by(&authority);
    let client = Template::client("bob").signed_by(&branch);
    assert_eq!(check(&root, &[&client, &branch, &authority]), Ok(()));
}

#[test]
fn the_trust_anchor_may_be_in_the_chain() {
    let pki = Pki::new();
    assert_eq!(pki.check(&[&pki.client, &pki.authority, &pki.root]), Ok(()));
}

#[test]
fn every_signature_scheme_below_every_other() {
    let suites = [ED25519, P256, P384, P521, ED448];
    for root_suite in suites {
        let root = Template::authority("root").suite(root_suite).self_signed();
        for suite in suites {
            let authority = Template::authority("authority").suite(suite).signed_by(&root);
            let client = Template::client("alice").suite(suite).signed_by(&authority);
            assert_eq!(check(&root, &[&client, &authority]), Ok(()), "{suite} below {root_suite}");
        }
    }
}

/// Members with different providers must agree, so the result for a chain must not depend on which
/// suites the provider supports.
#[test]
fn a_provider_without_some_of_the_suites() {
    let root = Template::authority("root").suite(P384).self_signed();
    let authority = Template::authority("authority").suite(ED448).signed_by(&root);
    let client = Template::client("alice").suite(P521).signed_by(&authority);
    let policy = X509Identities::new(&OneSuite, [&root.der]).unwrap();
    assert_eq!(policy.check(&credential(&[&client, &authority]), client.key(), Some(NOW)), Ok(()));
}

struct OneSuite;

impl CryptoProvider for OneSuite {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        (cipher_suite == ED25519).then(|| RustCrypto.suite(cipher_suite))?
    }
}

#[test]
fn extensions_that_may_be_absent() {
    let root = Template::authority("root").without::<KeyUsage>().self_signed();
    let authority = Template::authority("authority").without::<KeyUsage>().signed_by(&root);
    let client = Template::client("alice").without::<KeyUsage>().signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Ok(()));
}

#[test]
fn a_leaf_that_says_it_is_not_a_ca() {
    let Pki { root, .. } = Pki::new();
    let client =
        Template::client("alice").with(true, &BasicConstraints { ca: false, path_len_constraint: None });
    assert_eq!(check(&root, &[&client.signed_by(&root)]), Ok(()));
}

#[test]
fn further_key_usages_do_no_harm() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").usage(KeyUsages::DigitalSignature | KeyUsages::KeyAgreement);
    assert_eq!(check(&root, &[&client.signed_by(&root)]), Ok(()));
}

#[test]
fn extensions_that_are_unknown_and_not_critical() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").with_bytes(ObjectIdentifier::new_unwrap("1.2.3.4"), false, b"?");
    assert_eq!(check(&root, &[&client.signed_by(&root)]), Ok(()));
}

#[test]
fn key_purposes() {
    let Pki { root, .. } = Pki::new();
    let client = |purposes: &[&str]| {
        let purposes = purposes.iter().map(|oid| ObjectIdentifier::new_unwrap(oid)).collect();
        Template::client("alice").with(false, &ExtendedKeyUsage(purposes)).signed_by(&root)
    };
    let (any, messaging, servers) = ("2.5.29.37.0", "1.3.6.1.5.5.7.3.40", "1.3.6.1.5.5.7.3.1");
    for purposes in [&[any][..], &[messaging], &[servers, messaging]] {
        assert_eq!(check(&root, &[&client(purposes)]), Ok(()));
    }
    let for_servers = client(&[servers]);
    assert_eq!(check(&root, &[&for_servers]), Err(ChainError::KeyPurpose(0)));

    let key_purposes = vec![ObjectIdentifier::new_unwrap(servers)];
    let policy = policy(&root).with_config(X509Config::default().with_key_purposes(key_purposes));
    assert_eq!(policy.check(&credential(&[&for_servers]), for_servers.key(), None), Ok(()));
}

#[test]
fn the_bounds_of_validity_belong_to_it() {
    let pki = Pki::new();
    let chain: [&Certified; 2] = [&pki.client, &pki.authority];
    for now in [START, END] {
        assert_eq!(check_both(&pki.root, &chain, now), (Ok(()), Ok(())));
    }
}

#[test]
fn what_was_valid_once_is_valid_without_a_time() {
    let Pki { root, .. } = Pki::new();
    // The validity periods overlap for only one second.
    let authority = Template::authority("authority").valid(START, NOW).signed_by(&root);
    let client = Template::client("alice").valid(NOW, END).signed_by(&authority);
    let chain = [&client, &authority];
    assert_eq!(check_both(&root, &chain, NOW), (Ok(()), Ok(())));
    assert_eq!(check_both(&root, &chain, END), (Err(ChainError::Expired), Ok(())));
}

#[test]
fn the_validity_of_a_trust_anchor_does_not_count() {
    let root = Template::authority("root").valid(0, 1).self_signed();
    let client = Template::client("alice").signed_by(&root);
    assert_eq!(check(&root, &[&client]), Ok(()));
    assert_eq!(check(&root, &[&client, &root]), Ok(()));
}

#[test]
fn trust_anchors_may_share_a_name() {
    let old = Template::authority("root").self_signed();
    let new = Template::authority("root").suite(P384).self_signed();
    let policy = X509Identities::new(&RustCrypto, [&old.der, &new.der]).unwrap();
    for root in [&old, &new] {
        let client = Template::client("alice").signed_by(root);
        for chain in [&[&client][..], &[&client, root]] {
            assert_eq!(policy.check(&credential(chain), client.key(), None), Ok(()));
        }
    }
    // If the chain includes an anchor, that anchor must have signed the preceding certificate.
    let client = Template::client("alice").signed_by(&old);
    let chain = credential(&[&client, &new]);
    assert!(policy.check(&chain, client.key(), None).is_err());
}

#[test]
fn the_names_of_trust_anchors_may_change_hands() {
    // The new root has the same name as the old one, which has certified it.
    let old = Template::authority("root").self_signed();
    let new = Template::authority("root").suite(P384).signed_by(&old);
    let client = Template::client("alice").signed_by(&new);
    assert_eq!(check(&old, &[&client, &new]), Ok(()));
}

/// The certificates were created with OpenSSL, for a root with P-384, an authority with P-256, and
/// a client with Ed25519.
#[test]
fn certificates_of_another_implementation() {
    let root = include_bytes!("../data/root.der").as_slice();
    let intermediate = include_bytes!("../data/intermediate.der").as_slice();
    let leaf = include_bytes!("../data/leaf.der").as_slice();
    let policy = X509Identities::new(&RustCrypto, [root]).unwrap();
    let key = pando_wire::SignaturePublicKey::from(&leaf[138..170]);
    let credential = crate::pki::credential_of([leaf, intermediate]);
    assert_eq!(policy.validate(&credential, &key, Some(1_800_000_000)), Ok(()));
    assert_eq!(policy.check(&credential, &key, Some(1_900_000_000)), Err(ChainError::Expired));
}
