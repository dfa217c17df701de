//! Tests of chains that are rejected, each for a single reason.

use crate::pki::{
    ED25519, END, NOW, P384, Pki, START, Template, check, check_both, credential, credential_of, policy,
};
use der::asn1::ObjectIdentifier;
use pando_group::IdentityPolicy;
use pando_wire::{Credential, CredentialType, SignaturePublicKey};
use pando_x509::{ChainError, X509Config};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

#[test]
fn wrong_root() {
    let pki = Pki::new();
    let other = Template::authority("another root").self_signed();
    let chain = [&pki.client, &pki.authority];
    assert_eq!(check(&other, &chain), Err(ChainError::UnknownIssuer));
    // The chain is rejected even if it includes its own root.
    let chain = [&pki.client, &pki.authority, &pki.root];
    assert_eq!(check(&other, &chain), Err(ChainError::UnknownIssuer));
}

#[test]
fn wrong_root_of_the_same_name() {
    let pki = Pki::new();
    let other = Template::authority("root").suite(P384).self_signed();
    let chain = [&pki.client, &pki.authority];
    assert_eq!(check(&other, &chain), Err(ChainError::Algorithm));
    // The chain is also rejected if the key of the wrong root uses the same scheme.
    let other = Template::client("forger").signed_by(&pki.root);
    let other = Template::authority("root").for_key(other.signer, &pki.root);
    assert_eq!(check(&other, &chain), Err(ChainError::Signature));
}

#[test]
fn expired() {
    let Pki { root, .. } = Pki::new();
    for (client_until, authority_until) in [(NOW - 1, END), (END, NOW - 1)] {
        let authority = Template::authority("authority").valid(START, authority_until).signed_by(&root);
        let client = Template::client("alice").valid(START, client_until).signed_by(&authority);
        assert_eq!(check_both(&root, &[&client, &authority], NOW), (Err(ChainError::Expired), Ok(())));
    }
}

#[test]
fn not_yet_valid() {
    let Pki { root, .. } = Pki::new();
    for (client_from, authority_from) in [(NOW + 1, START), (START, NOW + 1)] {
        let authority = Template::authority("authority").valid(authority_from, END).signed_by(&root);
        let client = Template::client("alice").valid(client_from, END).signed_by(&authority);
        assert_eq!(check_both(&root, &[&client, &authority], NOW), (Err(ChainError::NotYetValid), Ok(())));
    }
}

#[test]
fn never_valid_at_once() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").valid(START, NOW - 1).signed_by(&root);
    let client = Template::client("alice").valid(NOW, END).signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::NeverValid));
    let client = Template::client("alice").valid(END, START).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::NeverValid));
}

#[test]
fn intermediate_that_is_not_a_ca() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").constraints(false, None).signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::NotCa));
}

#[test]
fn intermediate_without_basic_constraints() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").without::<BasicConstraints>().signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::NotCa));
}

#[test]
fn client_as_an_intermediate() {
    let pki = Pki::new();
    let client = Template::client("bob").signed_by(&pki.client);
    let chain = [&client, &pki.client, &pki.authority];
    assert_eq!(pki.check(&chain), Err(ChainError::KeyUsage(1)));
}

#[test]
fn ca_as_a_leaf() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").constraints(true, None).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::LeafIsCa));
}

#[test]
fn trust_anchor_as_a_leaf() {
    let root = Template::authority("root").usage(KeyUsages::KeyCertSign | KeyUsages::DigitalSignature);
    let root = root.self_signed();
    assert_eq!(check(&root, &[&root]), Err(ChainError::LeafIsCa));
}

#[test]
fn path_length_exceeded() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").constraints(true, Some(0)).signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Ok(()));
    let branch = Template::authority("branch").signed_by(&authority);
    let client = Template::client("bob").signed_by(&branch);
    assert_eq!(check(&root, &[&client, &branch, &authority]), Err(ChainError::PathLength));
}

#[test]
fn path_length_of_a_trust_anchor_exceeded() {
    let root = Template::authority("root").constraints(true, Some(0)).self_signed();
    assert_eq!(check(&root, &[&Template::client("alice").signed_by(&root)]), Ok(()));
    let authority = Template::authority("authority").signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::PathLength));
}

#[test]
fn ca_that_may_not_sign_certificates() {
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").usage(KeyUsages::CRLSign).signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::KeyUsage(1)));
}

#[test]
fn leaf_that_may_not_sign() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").usage(KeyUsages::KeyAgreement).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::KeyUsage(0)));
}

#[test]
fn intermediate_for_another_purpose() {
    let Pki { root, .. } = Pki::new();
    let servers = ExtendedKeyUsage(vec![ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1")]);
    let authority = Template::authority("authority").with(false, &servers).signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::KeyPurpose(1)));
}

#[test]
fn another_signature_key() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").suite(ED25519).signed_by(&root);
    let (policy, chain) = (policy(&root), credential(&[&client]));
    assert_eq!(policy.check(&chain, client.key(), None), Ok(()));
    let shorter = SignaturePublicKey::from(&client.key()[1..]);
    for key in [root.key(), &shorter, &SignaturePublicKey::default()] {
        assert_eq!(policy.check(&chain, key, None), Err(ChainError::LeafKey));
    }
}

#[test]
fn key_of_another_algorithm() {
    let Pki { root, .. } = Pki::new();
    // The key algorithm is X25519, whose keys have the same length as those of Ed25519.
    let client = Template::client("alice").suite(ED25519).key_algorithm("1.3.101.110").signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::LeafKey));
}

#[test]
fn key_that_is_none() {
    let Pki { root, .. } = Pki::new();
    // The key is a point on P-256, which both the certificate and the leaf claim to be an Ed25519
    // key.
    let client = Template::client("alice").key_algorithm("1.3.101.112").signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::LeafKey));
}

#[test]
fn out_of_order() {
    let Pki { root, authority, .. } = Pki::new();
    let branch = Template::authority("branch").signed_by(&authority);
    let client = Template::client("bob").signed_by(&branch);
    assert_eq!(check(&root, &[&client, &authority, &branch]), Err(ChainError::Order(1)));
    assert_eq!(check(&root, &[&client, &branch, &root, &authority]), Err(ChainError::Order(2)));
}

#[test]
fn a_gap() {
    let Pki { root, authority, .. } = Pki::new();
    let branch = Template::authority("branch").signed_by(&authority);
    let client = Template::client("bob").signed_by(&branch);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::Order(1)));
    assert_eq!(check(&root, &[&client, &branch]), Err(ChainError::UnknownIssuer));
    assert_eq!(check(&root, &[&client, &branch, &root]), Err(ChainError::Order(2)));
}

#[test]
fn an_unrelated_certificate() {
    let pki = Pki::new();
    let other = Template::authority("other").self_signed();
    let (client, authority, root) = (&pki.client, &pki.authority, &pki.root);
    assert_eq!(pki.check(&[client, authority, &other]), Err(ChainError::Order(2)));
    assert_eq!(pki.check(&[client, &other, authority]), Err(ChainError::Order(1)));
    assert_eq!(pki.check(&[client, authority, root, &other]), Err(ChainError::Order(3)));
}

#[test]
fn a_certificate_twice() {
    let pki = Pki::new();
    let (client, authority, root) = (&pki.client, &pki.authority, &pki.root);
    assert_eq!(pki.check(&[client, authority, authority]), Err(ChainError::Order(2)));
    // Although the root is self-signed, it may occur only once in the chain.
    assert_eq!(pki.check(&[client, authority, root, root]), Err(ChainError::NameTwice(3)));
}

#[test]
fn an_issuer_by_name_only() {
    // The pretender has the name of the root, but the path does not lead to it.
    let pki = Pki::new();
    let pretender = Template::authority("root").suite(P384).self_signed();
    let chain = [&pki.client, &pki.authority, &pretender];
    assert!(pki.check(&chain).is_err());
    // An issuer with the right name that did not sign the client's certificate is also rejected.
    let pretender = Template::authority("authority").suite(P384).signed_by(&pki.root);
    assert!(pki.check(&[&pki.client, &pretender]).is_err());
}

#[test]
fn more_than_the_path_needs() {
    // The authority is itself the trust anchor, so the certificate above it is not needed, and a
    // path that includes that certificate does not end at the trust anchor.
    let Pki { root, authority, client } = Pki::new();
    assert_eq!(check(&authority, &[&client]), Ok(()));
    assert_eq!(check(&authority, &[&client, &authority]), Ok(()));
    assert_eq!(check(&authority, &[&client, &authority, &root]), Err(ChainError::UnknownIssuer));
}

#[test]
fn two_issuers_of_the_same_name() {
    let Pki { root, .. } = Pki::new();
    let above = Template::authority("authority").signed_by(&root);
    let below = Template::authority("authority").suite(P384).signed_by(&above);
    let client = Template::client("alice").signed_by(&below);
    assert_eq!(check(&root, &[&client, &below, &above]), Err(ChainError::NameTwice(2)));
}

#[test]
fn tampered_signature() {
    let pki = Pki::new();
    for index in 0..2 {
        let mut chain = [pki.client.der.clone(), pki.authority.der.clone()];
        *chain[index].last_mut().unwrap() ^= 1;
        let credential = credential_of(chain.iter().map(Vec::as_slice));
        let result = pki.policy().check(&credential, pki.client.key(), Some(NOW));
        assert_eq!(result, Err(ChainError::Signature), "of certificate {index}");
    }
}

#[test]
fn signed_by_somebody_else() {
    let pki = Pki::new();
    // The forger uses the name of the authority, with its own key.
    let forger = Template::client("forger").signed_by(&pki.root);
    let forger = Template::authority("authority").for_key(forger.signer, &pki.root);
    let client = Template::client("alice").signed_by(&forger);
    assert_eq!(pki.check(&[&client, &pki.authority]), Err(ChainError::Signature));
}

#[test]
fn unknown_critical_extension() {
    let Pki { root, .. } = Pki::new();
    let unknown = ObjectIdentifier::new_unwrap("1.2.3.4");
    let client = Template::client("alice").with_bytes(unknown, true, b"!").signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::CriticalExtension));
    let authority = Template::authority("authority").with_bytes(unknown, true, b"!").signed_by(&root);
    let client = Template::client("alice").signed_by(&authority);
    assert_eq!(check(&root, &[&client, &authority]), Err(ChainError::CriticalExtension));
}

#[test]
fn an_extension_twice() {
    let Pki { root, .. } = Pki::new();
    let usage = ObjectIdentifier::new_unwrap("2.5.29.15");
    let client = Template::client("alice").with_bytes(usage, true, &[0x03, 0x02, 0x07, 0x80]);
    assert_eq!(check(&root, &[&client.signed_by(&root)]), Err(ChainError::Malformed(0)));
}

#[test]
fn nobody_is_named() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").subject(Name::default()).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Ok(()), "there is an alternative name");
    let client =
        Template::client("alice").subject(Name::default()).without::<SubjectAltName>().signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::NoIdentity));
    let client = Template::client("alice").names(vec![]).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::NoIdentity));
}

#[test]
fn empty_chain() {
    let pki = Pki::new();
    let credential = credential_of([]);
    assert_eq!(pki.policy().check(&credential, pki.client.key(), None), Err(ChainError::Empty));
}

#[test]
fn empty_certificate() {
    let pki = Pki::new();
    let credential = credential_of([&*pki.client.der, b""]);
    assert_eq!(pki.policy().check(&credential, pki.client.key(), None), Err(ChainError::Malformed(1)));
}

#[test]
fn too_many_certificates() {
    let Pki { root, .. } = Pki::new();
    let mut chain = vec![root];
    for depth in 0..7 {
        let authority = Template::authority(&format!("authority {depth}")).signed_by(&chain[0]);
        chain.insert(0, authority);
    }
    let policy = policy(&chain[7]);
    let check = |depth: usize| {
        let client = Template::client("alice").signed_by(&chain[depth]);
        let chain: Vec<_> = [&client].into_iter().chain(&chain[depth..]).collect();
        policy.check(&credential(&chain), client.key(), None)
    };
    assert_eq!(check(1), Ok(()));
    assert_eq!(check(0), Err(ChainError::TooMany(9)));
}

#[test]
fn too_deep() {
    // The chain contains more issuers than `webpki` follows, no matter what the configuration
    // allows.
    let Pki { root, .. } = Pki::new();
    let mut chain = vec![root];
    for depth in 0..7 {
        let authority = Template::authority(&format!("authority {depth}")).signed_by(&chain[0]);
        chain.insert(0, authority);
    }
    let client = Template::client("alice").signed_by(&chain[0]);
    let policy = policy(&chain[7]).with_config(X509Config::default().with_max_certificates(100));
    let chain: Vec<_> = [&client].into_iter().chain(&chain).collect();
    let result = policy.check(&credential(&chain), client.key(), None);
    assert!(matches!(result, Err(ChainError::Path(_))), "{result:?}");
}

#[test]
fn too_large() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").signed_by(&root);
    let size = client.der.len();
    let check = |max_bytes| {
        let policy = policy(&root).with_config(X509Config::default().with_max_bytes(max_bytes));
        policy.check(&credential(&[&client]), client.key(), None)
    };
    assert_eq!(check(size), Ok(()));
    assert_eq!(check(size - 1), Err(ChainError::TooLarge(size)));

    let credential = credential_of([&[0; 64 * 1024 + 1][..]]);
    let result = policy(&root).check(&credential, client.key(), None);
    assert_eq!(result, Err(ChainError::TooLarge(64 * 1024 + 1)));
}

#[test]
fn credentials_that_are_not_certificates() {
    let pki = Pki::new();
    let (policy, key) = (pki.policy(), pki.client.key());
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert_eq!(policy.check(&basic, key, None), Err(ChainError::Type(CredentialType::BASIC)));
    let error = policy.validate(&basic, key, Some(NOW)).unwrap_err();
    assert!(error.to_string().contains("5.3"), "{error}");
    assert!(policy.validate_external_sender(&basic, key, Some(NOW)).is_err());
    let other = Credential::Other { credential_type: CredentialType(7), data: b"alice".as_slice().into() };
    assert_eq!(policy.check(&other, key, None), Err(ChainError::Type(CredentialType(7))));
}
