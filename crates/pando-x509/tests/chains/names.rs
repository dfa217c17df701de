//! Whom certificates name, and who may follow whom.

use crate::pki::{Party, Template, World, credential, credential_of};
use der::{Decode, Encode};
use pando_group::IdentityPolicy;
use pando_wire::Credential;
use pando_x509::{AlternativeName, ChainError, Identity};
use std::collections::BTreeSet;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

fn names(uri: &str) -> Vec<GeneralName> {
    vec![
        GeneralName::UniformResourceIdentifier(uri.to_owned().try_into().unwrap()),
        GeneralName::DnsName("example.org".to_owned().try_into().unwrap()),
        GeneralName::Rfc822Name("alice@example.org".to_owned().try_into().unwrap()),
        GeneralName::from(std::net::IpAddr::from([192, 0, 2, 1])),
    ]
}

fn identity(party: &Party) -> Identity {
    Identity::of(&credential(&[party])).unwrap()
}

#[test]
fn alternative_names() {
    let World { root, .. } = World::new();
    let client = Template::client("alice").names(names("im:alice@example.org")).signed_by(&root);
    let expected = [
        AlternativeName::Uri("im:alice@example.org".into()),
        AlternativeName::Dns("example.org".into()),
        AlternativeName::Email("alice@example.org".into()),
        AlternativeName::Other(vec![0x87, 4, 192, 0, 2, 1]),
    ];
    assert_eq!(identity(&client), Identity::AlternativeNames(BTreeSet::from(expected)));
}

#[test]
fn the_subject_if_there_are_none() {
    let World { root, .. } = World::new();
    let template = Template::client("alice").without::<SubjectAltName>();
    let subject = template.subject.to_der().unwrap();
    assert_eq!(identity(&template.signed_by(&root)), Identity::Subject(subject));
}

#[test]
fn nobody() {
    let World { root, .. } = World::new();
    let client = Template::client("alice").names(vec![]).signed_by(&root);
    assert_eq!(Identity::of(&credential(&[&client])), Err(ChainError::NoIdentity));
    assert_eq!(Identity::of(&credential_of([])), Err(ChainError::Empty));
    assert_eq!(Identity::of(&credential_of([&b"?"[..]])), Err(ChainError::Malformed(0)));
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert!(matches!(Identity::of(&basic), Err(ChainError::Type(_))));
}

#[test]
fn who_may_succeed() {
    let World { root, authority, client } = World::new();
    let policy = crate::pki::policy(&root);
    let may = |old: &Party, new: &Party| policy.may_succeed(&credential(&[old]), &credential(&[new]));

    let mut reversed = names("im:alice@example.org");
    let old = Template::client("alice").names(reversed.clone()).signed_by(&root);
    reversed.reverse();
    // Another key, issuer, subject and order: the same names.
    let new = Template::client("another").names(reversed).signed_by(&authority);
    assert!(may(&old, &new) && may(&new, &old));

    let other = Template::client("alice").names(names("im:bob@example.org")).signed_by(&root);
    let capital = Template::client("alice").names(names("im:Alice@example.org")).signed_by(&root);
    let fewer = Template::client("alice").names(names("im:alice@example.org")[..3].to_vec()).signed_by(&root);
    let subject = Template::client("alice").without::<SubjectAltName>().signed_by(&root);
    for new in [&other, &capital, &fewer, &subject] {
        assert!(!may(&old, new) && !may(new, &old));
    }
    assert!(may(&subject, &subject));

    // Those who name nobody do not succeed each other.
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert!(!policy.may_succeed(&basic, &basic));
    assert!(!policy.may_succeed(&credential(&[&client]), &basic));
}

/// What a group that follows from another looks for its members by.
#[test]
fn those_who_may_succeed_each_other_have_the_same_identity_and_no_others() {
    let World { root, authority, .. } = World::new();
    let policy = crate::pki::policy(&root);
    let uri = |uri: &str| GeneralName::UniformResourceIdentifier(uri.to_owned().try_into().unwrap());
    let dns = |name: &str| GeneralName::DnsName(name.to_owned().try_into().unwrap());
    let email = |address: &str| GeneralName::Rfc822Name(address.to_owned().try_into().unwrap());
    let address = |last| GeneralName::from(std::net::IpAddr::from([192, 0, 2, last]));
    let mut parties: Vec<_> = [
        vec![uri("a"), uri("bc")],
        vec![uri("ab"), uri("c")],
        vec![uri("abc")],
        vec![dns("abc")],
        vec![email("abc")],
        vec![dns("a"), uri("bc")],
        vec![address(1)],
        vec![address(2)],
        names("im:alice@example.org"),
        names("im:Alice@example.org"),
    ]
    .into_iter()
    .flat_map(|names| {
        let mut reversed = names.clone();
        reversed.reverse();
        [
            Template::client("one").names(names).signed_by(&root),
            Template::client("another").names(reversed).signed_by(&authority),
        ]
    })
    .collect();
    for subject in ["alice", "alice", "bob"] {
        parties.push(Template::client(subject).without::<SubjectAltName>().signed_by(&root));
    }
    let mut credentials: Vec<_> = parties.iter().map(|party| credential(&[party])).collect();
    for old in &credentials {
        for new in &credentials {
            assert_eq!(policy.may_succeed(old, new), policy.identity(old) == policy.identity(new));
        }
    }
    // Who names nobody has an identity that nobody else has.
    credentials.retain(|credential| policy.identity(credential).is_empty());
    assert_eq!(credentials, []);
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert_eq!(policy.identity(&basic), []);
}

#[test]
fn the_certificates_of_these_tests_are_certificates() {
    let World { client, .. } = World::new();
    let parsed = x509_cert::Certificate::from_der(&client.der).unwrap();
    assert_eq!(parsed.to_der().unwrap(), client.der);
}
