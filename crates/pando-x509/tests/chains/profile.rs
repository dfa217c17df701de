//! Tests of certificates that violate the rules of RFC 5280, section 4, about the rights that a
//! certificate grants.

use crate::constraints::{constraints, subtree};
use crate::names::dns;
use crate::pki::{Certified, P384, Pki, Template, check};
use der::asn1::{ObjectIdentifier, OctetString};
use pando_crypto::RustCrypto;
use pando_x509::{AnchorError, ChainError, X509Identities};
use std::str::FromStr;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};
use x509_cert::name::Name;

/// Returns the result for a chain with a changed authority, and the result for a changed trust
/// anchor.
fn check_authority(
    change: impl Fn(Template) -> Template,
) -> (Result<(), ChainError>, Result<(), AnchorError>) {
    let Pki { root, .. } = Pki::new();
    let authority = change(Template::authority("authority")).signed_by(&root);
    let client = Template::client("alice").names(vec![dns("alice.example.org")]).signed_by(&authority);
    let anchor = change(Template::authority("anchor")).self_signed();
    let anchor = X509Identities::new(&RustCrypto, [&anchor.der]).map(|_| ());
    (check(&root, &[&client, &authority]), anchor)
}

fn check_client(change: impl Fn(Template) -> Template) -> Result<(), ChainError> {
    let Pki { root, .. } = Pki::new();
    check(&root, &[&change(Template::client("alice")).signed_by(&root)])
}

fn range(bytes: &[u8]) -> GeneralName {
    GeneralName::IpAddress(OctetString::new(bytes).unwrap())
}

#[test]
fn constraints_that_say_something() {
    let domain = || Some(vec![subtree(dns("example.org"))]);
    let other = || Some(vec![subtree(dns("example.com"))]);
    let any = || Some(vec![subtree(dns(""))]);
    let ranges = || {
        let v6 = [[0x20; 16], [0xff; 16]].concat();
        Some(vec![
            subtree(range(&[192, 0, 2, 0, 255, 255, 255, 0])),
            subtree(range(&[0; 8])),
            subtree(range(&v6)),
        ])
    };
    for constraints in
        [constraints(domain(), None), constraints(any(), other()), constraints(domain(), ranges())]
    {
        for critical in [false, true] {
            let result = check_authority(|template| template.with(critical, &constraints));
            assert_eq!(result, (Ok(()), Ok(())), "{constraints:?}");
        }
    }
}

#[test]
fn constraints_that_say_nothing() {
    let empty = || Some(vec![]);
    let some = || Some(vec![subtree(dns("example.org"))]);
    for (permitted, excluded) in [
        (None, None),
        (empty(), None),
        (None, empty()),
        (empty(), empty()),
        (some(), empty()),
        (empty(), some()),
    ] {
        let constraints = constraints(permitted, excluded);
        for critical in [false, true] {
            let result = check_authority(|template| template.with(critical, &constraints));
            let expected = (Err(ChainError::Constraints(1)), Err(AnchorError::Constraints(0)));
            assert_eq!(result, expected, "{constraints:?}");
        }
    }
}

#[test]
fn constraints_that_have_no_meaning() {
    let far = |minimum, maximum| GeneralSubtree { minimum, maximum, ..subtree(dns("example.org")) };
    for malformed in [
        subtree(dns(".example.org")),
        subtree(dns("*.example.org")),
        subtree(dns("example.org.")),
        subtree(dns("192.0.2.1")),
        subtree(range(&[192, 0, 2, 0])),
        subtree(range(&[0; 16])),
        subtree(range(&[192, 0, 2, 0, 255, 0, 255, 0])),
        subtree(range(&[192, 0, 2, 0, 255, 127, 0, 0])),
        far(1, None),
        far(0, Some(2)),
    ] {
        // Malformed constraints are rejected even if no name of the path is compared with them.
        let list = Some(vec![subtree(dns("example.org")), malformed]);
        for constraints in [constraints(list.clone(), None), constraints(Some(vec![subtree(dns(""))]), list)]
        {
            let result = check_authority(|template| template.with(true, &constraints));
            let expected = (Err(ChainError::Constraints(1)), Err(AnchorError::Constraints(0)));
            assert_eq!(result, expected, "{constraints:?}");
        }
    }
}

#[test]
fn an_authority_without_a_subject() {
    let result = check_authority(|template| template.subject(Name::default()));
    assert_eq!(result, (Err(ChainError::NoSubject(1)), Err(AnchorError::NoSubject(0))));
    // An empty subject is rejected even if there is an alternative name.
    let named = |template: Template| template.subject(Name::default()).names(vec![dns("example.org")]);
    assert_eq!(check_authority(named), (Err(ChainError::NoSubject(1)), Err(AnchorError::NoSubject(0))));
}

#[test]
fn a_client_without_an_issuer() {
    let Pki { root, .. } = Pki::new();
    let client = Template::client("alice").issuer(Name::default()).signed_by(&root);
    assert_eq!(check(&root, &[&client]), Err(ChainError::UnknownIssuer));
}

#[test]
fn a_client_that_constrains_names() {
    let constraints = constraints(Some(vec![subtree(dns("example.org"))]), None);
    for critical in [false, true] {
        assert_eq!(
            check_client(|template| template.with(critical, &constraints)),
            Err(ChainError::CaExtension)
        );
    }
}

#[test]
fn a_client_that_limits_paths() {
    let limits = BasicConstraints { ca: false, path_len_constraint: Some(0) };
    assert_eq!(check_client(|template| template.with(true, &limits)), Err(ChainError::CaExtension));
}

#[test]
fn a_client_that_may_sign_certificates() {
    let usage = |template: Template| template.usage(KeyUsages::DigitalSignature | KeyUsages::KeyCertSign);
    assert_eq!(check_client(usage), Err(ChainError::KeyUsage(0)));
    assert_eq!(
        check_client(|template| usage(template).constraints(false, None)),
        Err(ChainError::KeyUsage(0))
    );
    assert_eq!(check_client(|template| usage(template).constraints(true, None)), Err(ChainError::LeafIsCa));
}

#[test]
fn an_extension_twice() {
    let twice = |template: Template, critical| {
        let oid = ObjectIdentifier::new_unwrap("1.2.3.4");
        template.with_bytes(oid, critical, b"one").with_bytes(oid, critical, b"two")
    };
    let once = |template: Template| {
        let first = template.with_bytes(ObjectIdentifier::new_unwrap("1.2.3.4"), false, b"one");
        first.with_bytes(ObjectIdentifier::new_unwrap("1.2.3.5"), false, b"one")
    };
    assert_eq!((check_client(once), check_authority(once)), (Ok(()), (Ok(()), Ok(()))));
    for critical in [false, true] {
        assert_eq!(check_client(|template| twice(template, critical)), Err(ChainError::Malformed(0)));
        let refused = (Err(ChainError::Malformed(1)), Err(AnchorError::Malformed(0)));
        assert_eq!(check_authority(|template| twice(template, critical)), refused);
    }
}

/// According to RFC 5280, section 7.1, these names are equal. However, a CA must always encode its
/// name in the same way (section 4.1.2.6), so the policy compares bytes.
#[test]
fn an_issuer_in_another_string_type() {
    // The commonName is written as a PrintableString, as a UTF8String, with a capital letter, and
    // with a second space.
    let [printable, utf8, capital, spaced] = ["#1303612063", "#0c03612063", "#1303412063", "#130461202063"]
        .map(|value| Name::from_str(&format!("2.5.4.3={value}")).unwrap());
    let Pki { root, .. } = Pki::new();
    let authority = Template::authority("authority").subject(printable.clone()).signed_by(&root);
    let anchor = Template::authority("anchor").subject(printable.clone()).self_signed();
    let client =
        |issuer: &Certified, name: &Name| Template::client("alice").issuer(name.clone()).signed_by(issuer);
    assert_eq!(check(&root, &[&client(&authority, &printable), &authority]), Ok(()));
    assert_eq!(check(&anchor, &[&client(&anchor, &printable)]), Ok(()));
    for name in [&utf8, &capital, &spaced] {
        let below = client(&authority, name);
        assert_eq!(check(&root, &[&below, &authority]), Err(ChainError::Order(1)), "{name}");
        let below = client(&anchor, name);
        assert_eq!(check(&anchor, &[&below]), Err(ChainError::UnknownIssuer), "{name}");
        assert_eq!(check(&anchor, &[&below, &anchor]), Err(ChainError::Order(1)), "{name}");
    }
    // The string type does not turn one authority into two different ones.
    let above = Template::authority("authority").subject(utf8.clone()).signed_by(&root);
    let below = Template::authority("authority").subject(printable).suite(P384).signed_by(&above);
    let both = [&client(&below, &utf8), &below, &above];
    assert_eq!(check(&root, &both), Err(ChainError::Order(1)));
}
