//! Tests of the names that nameConstraints allow, and of the kinds of names that they do not
//! mention (RFC 5280, section 4.2.1.10).

use crate::names::{KINDS, dns, email, one_of_each, uri, with_kinds};
use crate::pki::{Certified, P384, Template, check, credential, policy};
use pando_x509::{ChainError, NameKind};
use std::str::FromStr;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};
use x509_cert::name::Name;

pub(crate) const fn subtree(base: GeneralName) -> GeneralSubtree {
    GeneralSubtree { base, minimum: 0, maximum: None }
}

pub(crate) const fn constraints(
    permitted_subtrees: Option<Vec<GeneralSubtree>>,
    excluded_subtrees: Option<Vec<GeneralSubtree>>,
) -> NameConstraints {
    NameConstraints { permitted_subtrees, excluded_subtrees }
}

fn permitted(bases: Vec<GeneralName>) -> NameConstraints {
    constraints(Some(bases.into_iter().map(subtree).collect()), None)
}

fn excluded(bases: Vec<GeneralName>) -> NameConstraints {
    constraints(None, Some(bases.into_iter().map(subtree).collect()))
}

/// Returns two pairs of a trust anchor and an authority below it. In each pair, only one of the two
/// has constraints.
fn authorities(constraints: &NameConstraints) -> [(Certified, Certified); 2] {
    let free = |name| Template::authority(name);
    let bound = |name| Template::authority(name).with(true, constraints);
    [(free("root"), bound("authority")), (bound("root"), free("authority"))].map(|(root, authority)| {
        let root = root.self_signed();
        let authority = authority.signed_by(&root);
        (root, authority)
    })
}

/// Returns the result for a client if names of the given kinds identify clients. The result must be
/// the same whether the anchor or the authority has the constraints.
fn check_kinds(
    constraints: &NameConstraints,
    kinds: &[NameKind],
    client: &Template,
) -> Result<(), ChainError> {
    let [in_authority, in_root] = authorities(constraints).map(|(root, authority)| {
        let client = client.clone().signed_by(&authority);
        let policy = with_kinds(policy(&root), kinds);
        policy.check(&credential(&[&client, &authority]), client.key(), None)
    });
    assert_eq!(in_authority, in_root);
    in_authority
}

#[test]
fn domains() {
    let constraints = permitted(vec![dns("example.org")]);
    let check = |name| check_kinds(&constraints, &KINDS, &Template::client("alice").names(vec![dns(name)]));
    for name in ["example.org", "alice.example.org", "ALICE.Example.ORG"] {
        assert_eq!(check(name), Ok(()));
    }
    for name in ["alice.example.com", "badexample.org", "org"] {
        assert_eq!(check(name), Err(ChainError::NameConstraint));
    }
    let excluded = constraints_with_excluded("private.example.org");
    let check = |name| check_kinds(&excluded, &KINDS, &Template::client("alice").names(vec![dns(name)]));
    assert_eq!(check("alice.example.org"), Ok(()));
    assert_eq!(check("alice.private.example.org"), Err(ChainError::NameConstraint));
}

fn constraints_with_excluded(name: &str) -> NameConstraints {
    constraints(Some(vec![subtree(dns("example.org"))]), Some(vec![subtree(dns(name))]))
}

/// If `webpki` cannot compare a name with a constraint on its kind, the name is rejected.
#[test]
fn other_kinds_of_names() {
    let bases = [
        (NameKind::Uri, uri("example.org")),
        (NameKind::Email, email("example.org")),
        (NameKind::DirectoryName, crate::names::directory("CN=alice")),
        (NameKind::OtherName, crate::names::other("alice")),
    ];
    let names = one_of_each("alice");
    for (kind, base) in bases {
        let (_, name) = names.iter().find(|(other, _)| *other == kind).unwrap();
        let client = Template::client("alice").names(vec![name.clone()]);
        let result = check_kinds(&permitted(vec![base]), &KINDS, &client);
        assert_eq!(result, Err(ChainError::NameConstraint), "{kind}");
    }
}

#[test]
fn kinds_that_constraints_leave_open() {
    let range =
        GeneralName::IpAddress(der::asn1::OctetString::new([192, 0, 2, 0, 255, 255, 255, 0]).unwrap());
    let domain = permitted(vec![dns("example.org")]);
    let addresses = permitted(vec![range.clone()]);
    let other_domain = excluded(vec![dns("example.com")]);
    let other_range = excluded(vec![range]);
    let mut count = 0;
    for (kind, name) in one_of_each("alice") {
        let client = Template::client("alice").names(vec![name]);
        for (constraints, limited) in [
            (&domain, Some(NameKind::Dns)),
            (&addresses, Some(NameKind::IpAddress)),
            // Excluded names do not limit the other names of their kind.
            (&other_domain, None),
            (&other_range, None),
        ] {
            if limited == Some(kind) {
                continue;
            }
            let result = check_kinds(constraints, &[kind], &client);
            assert_eq!(result, Err(ChainError::UnconstrainedName(kind)), "{constraints:?}");
            count += 1;
        }
    }
    assert_eq!(count, 7 * 4 - 2);
    for constraints in
        [domain, addresses, other_domain, other_range, permitted(vec![crate::names::directory("CN=alice")])]
    {
        let client = Template::client("alice").without::<SubjectAltName>();
        let result = check_kinds(&constraints, &KINDS, &client);
        assert_eq!(result, Err(ChainError::UnconstrainedName(NameKind::Subject)), "{constraints:?}");
    }
}

#[test]
fn names_that_do_not_identify_may_be_of_kinds_that_are_open() {
    let client = Template::client("alice").names(vec![dns("alice.example.org"), uri("im:alice@example.org")]);
    let constraints = permitted(vec![dns("example.org")]);
    assert_eq!(check_kinds(&constraints, &[NameKind::Dns], &client), Ok(()));
    let both = check_kinds(&constraints, &[NameKind::Dns, NameKind::Uri], &client);
    assert_eq!(both, Err(ChainError::UnconstrainedName(NameKind::Uri)));
}

/// At least one CA on the path must limit the kind of name. Other CAs with constraints do not have
/// to mention it.
#[test]
fn constraints_of_several_authorities() {
    let root = Template::authority("root").with(true, &permitted(vec![dns("example.org")])).self_signed();
    let authority = Template::authority("authority").with(true, &excluded(vec![dns("private.example.org")]));
    let authority = authority.signed_by(&root);
    let client = |name| Template::client("alice").names(vec![name]).signed_by(&authority);
    let check = |name| check(&root, &[&client(name), &authority]);
    assert_eq!(check(dns("alice.example.org")), Ok(()));
    assert_eq!(check(dns("private.example.org")), Err(ChainError::NameConstraint));
    assert_eq!(check(uri("im:alice@example.org")), Err(ChainError::UnconstrainedName(NameKind::Uri)));
}

/// Constraints on email addresses apply to an address in the subject of a certificate without a
/// subjectAltName.
#[test]
fn email_addresses_in_the_subjects_of_issuers() {
    let domain = || dns("example.org");
    let address = || subtree(email("example.org"));
    let addressed = |name: &str| {
        let subject = format!("emailAddress={name}@example.com,CN={name},O=Test");
        Template::authority(name).subject(Name::from_str(&subject).unwrap())
    };
    let client = || Template::client("alice").names(vec![dns("alice.example.org")]);
    let check_below = |constraints: &NameConstraints, authority: &Template| {
        // Check constraints in the trust anchor and in the authority above.
        let bound = Template::authority("bound").with(true, constraints).self_signed();
        let below = authority.clone().signed_by(&bound);
        let in_root = check(&bound, &[&client().signed_by(&below), &below]);
        let root = Template::authority("root").self_signed();
        let bound = Template::authority("bound").with(true, constraints).signed_by(&root);
        let below = authority.clone().signed_by(&bound);
        let above = check(&root, &[&client().signed_by(&below), &below, &bound]);
        assert_eq!(in_root, above);
        above
    };
    let on_addresses = [
        constraints(Some(vec![subtree(domain()), address()]), None),
        constraints(Some(vec![subtree(domain())]), Some(vec![address()])),
    ];
    for constraints in &on_addresses {
        assert_eq!(check_below(constraints, &addressed("authority")), Err(ChainError::NameConstraint));
        let named = addressed("authority").names(vec![dns("ca.example.org")]);
        assert_eq!(check_below(constraints, &named), Ok(()), "the subject is not its name");
        assert_eq!(
            check_below(constraints, &Template::authority("authority")),
            Ok(()),
            "there is no address"
        );
        // A self-issued certificate, here with another key, is exempt from constraints on the
        // address in its subject.
        let old = addressed("root").with(true, constraints).self_signed();
        let new = addressed("root").suite(P384).signed_by(&old);
        assert_eq!(check(&old, &[&client().signed_by(&new), &new]), Ok(()));
        // The constraints of an issuer do not apply to the issuer itself.
        let root = Template::authority("root").self_signed();
        let own = addressed("authority").with(true, constraints).signed_by(&root);
        assert_eq!(check(&root, &[&client().signed_by(&own), &own]), Ok(()));
    }
    assert_eq!(check_below(&permitted(vec![domain()]), &addressed("authority")), Ok(()));
}
