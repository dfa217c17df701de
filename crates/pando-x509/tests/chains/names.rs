//! Tests of the names that identify clients and of their normal forms.

use crate::pki::{Certified, Pki, Template, check, credential, credential_of, policy};
use der::asn1::{Any, Ia5String, ObjectIdentifier};
use der::{Decode, Encode, Tag};
use pando_wire::Credential;
use pando_x509::{ChainError, Name, NameKind, X509Config, X509Identities};
use std::collections::BTreeSet;
use std::str::FromStr;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};

/// All kinds of names.
pub(crate) const KINDS: [NameKind; 8] = [
    NameKind::Uri,
    NameKind::Dns,
    NameKind::Email,
    NameKind::IpAddress,
    NameKind::DirectoryName,
    NameKind::RegisteredId,
    NameKind::OtherName,
    NameKind::Subject,
];

pub(crate) fn with_kinds(policy: X509Identities, kinds: &[NameKind]) -> X509Identities {
    let identity_kinds = kinds.iter().copied().collect();
    policy.with_config(X509Config::default().with_identity_kinds(identity_kinds))
}

pub(crate) fn uri(uri: &str) -> GeneralName {
    GeneralName::UniformResourceIdentifier(Ia5String::new(uri).unwrap())
}

pub(crate) fn dns(name: &str) -> GeneralName {
    GeneralName::DnsName(Ia5String::new(name).unwrap())
}

pub(crate) fn email(address: &str) -> GeneralName {
    GeneralName::Rfc822Name(Ia5String::new(address).unwrap())
}

pub(crate) fn address(last: u8) -> GeneralName {
    GeneralName::from(std::net::IpAddr::from([192, 0, 2, last]))
}

pub(crate) fn directory(name: &str) -> GeneralName {
    GeneralName::DirectoryName(x509_cert::name::Name::from_str(name).unwrap())
}

pub(crate) fn other(value: &str) -> GeneralName {
    let value = Any::new(Tag::Utf8String, value.as_bytes()).unwrap();
    GeneralName::OtherName(OtherName { type_id: ObjectIdentifier::new_unwrap("1.2.3.4"), value })
}

/// Returns a name of each kind that can occur in subjectAltName.
pub(crate) fn one_of_each(name: &str) -> Vec<(NameKind, GeneralName)> {
    let number = name.bytes().fold(0, u8::wrapping_add);
    vec![
        (NameKind::Uri, uri(&format!("im:{name}@example.org"))),
        (NameKind::Dns, dns(&format!("{name}.example.org"))),
        (NameKind::Email, email(&format!("{name}@example.org"))),
        (NameKind::IpAddress, address(number)),
        (NameKind::DirectoryName, directory(&format!("CN={name}"))),
        (NameKind::RegisteredId, GeneralName::RegisteredId(format!("1.2.{number}").parse().unwrap())),
        (NameKind::OtherName, other(name)),
    ]
}

fn identified_names(
    kinds: &[NameKind],
    root: &Certified,
    client: &Certified,
) -> Result<BTreeSet<Name>, ChainError> {
    let policy = with_kinds(policy(root), kinds);
    let credential = credential(&[client]);
    let identity = policy.identify(&credential).map(|identity| identity.names);
    assert_eq!(policy.check(&credential, client.key(), None), identity.clone().map(drop));
    identity
}

#[test]
fn only_names_of_the_kinds_that_the_application_has_chosen_count() {
    let Pki { root, .. } = Pki::new();
    let all = one_of_each("alice");
    let template = Template::client("alice").names(all.iter().map(|(_, name)| name.clone()).collect());
    let subject = template.subject.to_der().unwrap();
    let client = template.signed_by(&root);

    let default = [
        Name::Uri("im:alice@example.org".into()),
        Name::Dns("alice.example.org".into()),
        Name::Email("alice@example.org".into()),
    ];
    let names = policy(&root).identify(&credential(&[&client])).unwrap().names;
    assert_eq!(names, BTreeSet::from(default.clone()));
    for (kind, name) in &all {
        let expected = match kind {
            NameKind::Uri => default[0].clone(),
            NameKind::Dns => default[1].clone(),
            NameKind::Email => default[2].clone(),
            _ => Name::Other(name.to_der().unwrap()),
        };
        assert_eq!(identified_names(&[*kind], &root, &client), Ok([expected.clone()].into()), "{kind}");
        // The subject identifies the client only if there are no other identifying names.
        assert_eq!(identified_names(&[*kind, NameKind::Subject], &root, &client), Ok([expected].into()));
        // This certificate contains no name of the required kind.
        let others = all.iter().filter(|(other, _)| other != kind).map(|(_, name)| name.clone());
        let client = Template::client("alice").names(others.collect()).signed_by(&root);
        assert_eq!(identified_names(&[*kind], &root, &client), Err(ChainError::NoIdentity), "{kind}");
        let expected = Ok([Name::Subject(subject.clone())].into());
        assert_eq!(identified_names(&[*kind, NameKind::Subject], &root, &client), expected, "{kind}");
    }
    assert_eq!(identified_names(&KINDS, &root, &client).unwrap().len(), 7);
    assert_eq!(identified_names(&[], &root, &client), Err(ChainError::NoIdentity));
}

#[test]
fn the_subject_is_not_an_identity_unless_the_application_says_so() {
    let Pki { root, .. } = Pki::new();
    let template = Template::client("alice").without::<SubjectAltName>();
    let subject = Name::Subject(template.subject.to_der().unwrap());
    let client = template.signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::NoIdentity));
    assert_eq!(identified_names(&KINDS, &root, &client), Ok([subject].into()));
    // If subjectAltName contains no names, there is no identity, no matter what the subject is.
    let client = Template::client("alice").names(vec![]).signed_by(&root);
    assert_eq!(identified_names(&KINDS, &root, &client), Err(ChainError::NoIdentity));
    let client = Template::client("").subject(x509_cert::name::Name::default());
    let client = client.without::<SubjectAltName>().signed_by(&root);
    assert_eq!(identified_names(&KINDS, &root, &client), Err(ChainError::NoIdentity));
}

#[test]
fn names_in_normal_form() {
    let Pki { root, .. } = Pki::new();
    for (name, expected) in [
        (dns("Alice.EXAMPLE.org"), Name::Dns("alice.example.org".into())),
        (email("Alice@EXAMPLE.org"), Name::Email("Alice@example.org".into())),
        (uri("IM:Alice@EXAMPLE.org"), Name::Uri("IM:Alice@EXAMPLE.org".into())),
    ] {
        let client = Template::client("alice").names(vec![name]).signed_by(&root);
        assert_eq!(identified_names(&KINDS, &root, &client), Ok([expected].into()));
    }
}

#[test]
fn malformed_names() {
    let Pki { root, .. } = Pki::new();
    let range = GeneralName::IpAddress(der::asn1::OctetString::new([0; 8]).unwrap());
    for (kind, malformed) in [
        (NameKind::Dns, dns("")),
        (NameKind::Dns, dns("*.example.org")),
        (NameKind::Dns, dns("example.org.")),
        (NameKind::Dns, dns("a_b.example.org")),
        (NameKind::Dns, dns("192.0.2.1")),
        (NameKind::Dns, dns("alice\0.example.org")),
        (NameKind::Email, email("alice")),
        (NameKind::Email, email("alice@")),
        (NameKind::Email, email("alice@mallory@example.org")),
        (NameKind::Email, email("\"alice\"@example.org")),
        (NameKind::Email, email("alice@*.example.org")),
        (NameKind::Uri, uri("alice")),
        (NameKind::Uri, uri("im:")),
        (NameKind::Uri, uri("//example.org/alice")),
        (NameKind::Uri, uri("im:alice mallory")),
        (NameKind::IpAddress, range),
    ] {
        // A malformed name is also rejected if the certificate contains a valid one.
        for names in [vec![malformed.clone()], vec![uri("im:alice@example.org"), malformed]] {
            let client = Template::client("alice").names(names.clone()).signed_by(&root);
            assert_eq!(
                identified_names(&KINDS, &root, &client),
                Err(ChainError::MalformedName(kind)),
                "{names:?}"
            );
            let ignored: Vec<_> = KINDS.into_iter().filter(|other| *other != kind).collect();
            let result = identified_names(&ignored, &root, &client);
            assert!(!matches!(result, Err(ChainError::MalformedName(_))), "{names:?}");
        }
    }
}

#[test]
fn credentials_without_an_identity() {
    let pki = Pki::new();
    let policy = pki.policy();
    let client = Template::client("alice").names(vec![]).signed_by(&pki.root);
    assert_eq!(policy.identify(&credential(&[&client])), Err(ChainError::NoIdentity));
    assert_eq!(policy.identify(&credential_of([])), Err(ChainError::Empty));
    assert_eq!(policy.identify(&credential_of([&b"?"[..]])), Err(ChainError::Malformed(0)));
    assert_eq!(policy.identify(&credential(&[&pki.client])), Err(ChainError::UnknownIssuer));
    let basic = Credential::Basic { identity: b"alice".as_slice().into() };
    assert!(matches!(policy.identify(&basic), Err(ChainError::Type(_))));
}

#[test]
fn the_certificates_of_these_tests_are_certificates() {
    let Pki { client, .. } = Pki::new();
    let parsed = x509_cert::Certificate::from_der(&client.der).unwrap();
    assert_eq!(parsed.to_der().unwrap(), client.der);
}
