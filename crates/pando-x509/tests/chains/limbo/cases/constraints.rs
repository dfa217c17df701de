//! Cases about nameConstraints.

use super::{FAILURE, SUCCESS, below, ca, case, direct, leaf};
use crate::constraints::{constraints, subtree};
use crate::limbo::format::{Expected, Testcase};
use crate::names::{directory, dns, email, other};
use crate::pki::{P384, Template};
use der::asn1::OctetString;
use std::net::IpAddr;
use std::str::FromStr;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};
use x509_cert::name::Name;

pub(super) fn cases() -> Vec<Testcase> {
    [domains(), addresses(), directories(), kinds(), malformed(), leaves(), several(), emails(), attacks()]
        .concat()
}

fn subtrees(permitted: &[GeneralName], excluded: &[GeneralName]) -> NameConstraints {
    let list =
        |names: &[GeneralName]| (!names.is_empty()).then(|| names.iter().cloned().map(subtree).collect());
    constraints(list(permitted), list(excluded))
}

fn bound(name: &str, permitted: &[GeneralName], excluded: &[GeneralName]) -> Template {
    ca(name).with(true, &subtrees(permitted, excluded))
}

fn named(names: &[GeneralName]) -> Template {
    leaf().names(names.to_vec())
}

/// Creates a case with a root that has constraints and a leaf that has names.
fn in_root(
    id: &str,
    expected: Expected,
    permitted: &[GeneralName],
    excluded: &[GeneralName],
    names: &[GeneralName],
) -> Testcase {
    direct(id, expected, bound("root", permitted, excluded), named(names))
}

/// Creates a case with a root without constraints, an intermediate CA with constraints, and a leaf
/// with names.
fn in_intermediate(
    id: &str,
    expected: Expected,
    permitted: &[GeneralName],
    excluded: &[GeneralName],
    names: &[GeneralName],
) -> Testcase {
    below(id, expected, ca("root"), bound("ca", permitted, excluded), named(names))
}

fn address(text: &str) -> GeneralName {
    GeneralName::from(IpAddr::from_str(text).unwrap())
}

/// Returns an IP address with its mask.
fn range(bytes: &[&[u8]]) -> GeneralName {
    GeneralName::IpAddress(OctetString::new(bytes.concat()).unwrap())
}

fn domains() -> Vec<Testcase> {
    let domain = || [dns("example.com")];
    let noncritical = || ca("root").with(false, &subtrees(&domain(), &[]));
    let wildcard = || named(&[dns("*.example.com")]);
    let wildcards = |id, permitted: &[GeneralName]| {
        below(id, FAILURE, ca("root"), bound("ca", permitted, &[dns("bar.example.com")]), wildcard())
            .named("DNS", "bar.example.com")
    };
    let only_foo = bound("ca", &[dns("foo.example.com")], &[]);
    vec![
        in_root("rfc5280::nc::permitted-dns-mismatch", FAILURE, &domain(), &[], &[dns("not-example.com")])
            .named("DNS", "not-example.com"),
        in_intermediate("rfc5280::nc::excluded-dns-match", FAILURE, &[], &domain(), &domain()),
        in_root("rfc5280::nc::permitted-dns-match", SUCCESS, &domain(), &[], &domain()),
        direct("rfc5280::nc::permitted-dns-match-noncritical", FAILURE, noncritical(), leaf()),
        direct("webpki::nc::permitted-dns-match-noncritical", SUCCESS, noncritical(), leaf()),
        in_root(
            "rfc5280::nc::permitted-dns-match-more",
            SUCCESS,
            &domain(),
            &[],
            &[dns("foo.bar.example.com")],
        )
        .named("DNS", "foo.bar.example.com"),
        in_root(
            "rfc5280::nc::excluded-dns-match-second",
            FAILURE,
            &[],
            &[dns("not-allowed.example.com")],
            &[dns("example.com"), dns("not-allowed.example.com")],
        ),
        in_root(
            "rfc5280::nc::excluded-match-permitted-and-excluded",
            FAILURE,
            &domain(),
            &domain(),
            &domain(),
        ),
        wildcards("rfc5280::nc::nc-forbids-dnsname-wildcard-san", &domain()),
        wildcards("cve::cve-2025-61727", &domain()),
        below("cve::cve-2025-61727-nc-permits-variant", FAILURE, ca("root"), only_foo, wildcard())
            .named("DNS", "foo.example.com"),
        below(
            "webpki::nc::nc-permits-dns-san-pattern",
            SUCCESS,
            ca("root"),
            bound("ca", &domain(), &[]),
            wildcard(),
        )
        .named("DNS", "foo.example.com"),
    ]
}

fn addresses() -> Vec<Testcase> {
    let v4 = || [range(&[&[192, 0, 2, 0], &[255, 255, 255, 0]])];
    let one: [u8; 16] = std::net::Ipv6Addr::LOCALHOST.octets();
    let v6 = || [range(&[&one, &[255; 16]])];
    let [inside, outside, local] =
        [address("192.0.2.1"), address("192.0.3.1"), address("::1")].map(|name| [name]);
    let invalid = |id, base: GeneralName, name: &[GeneralName]| {
        let NameConstraints { permitted_subtrees, .. } = subtrees(&[base], &[]);
        direct(id, FAILURE, ca("root").with(true, &constraints(permitted_subtrees, None)), named(name))
    };
    let permits_invalid = [range(&[&[192, 0, 2, 0], &[255, 255, 255, 0]]), address("192.0.2.1")];
    vec![
        in_root("rfc5280::nc::permitted-ip-mismatch", FAILURE, &v4(), &[], &outside).named("IP", "192.0.3.1"),
        in_root("rfc5280::nc::excluded-ipv4-match", FAILURE, &[], &v4(), &inside).named("IP", "192.0.2.1"),
        in_root("rfc5280::nc::excluded-ipv6-match", FAILURE, &[], &v6(), &local).named("IP", "::1"),
        in_root("rfc5280::nc::permitted-ipv4-match", SUCCESS, &v4(), &[], &inside).named("IP", "192.0.2.1"),
        in_root("rfc5280::nc::permitted-ipv6-match", SUCCESS, &v6(), &[], &local).named("IP", "::1"),
        invalid("rfc5280::nc::invalid-ipv4-address", address("192.0.2.1"), &inside).named("IP", "192.0.2.1"),
        invalid("rfc5280::nc::invalid-ipv6-address", address("::1"), &local).named("IP", "::1"),
        in_intermediate("rfc5280::nc::nc-permits-invalid-ip-san", FAILURE, &v4(), &[], &permits_invalid)
            .named("IP", "192.0.2.1"),
    ]
}

fn directories() -> Vec<Testcase> {
    let [one, other] = [[directory("CN=foo")], [directory("CN=not-foo")]];
    let with = |id,
                expected,
                permitted: &[GeneralName],
                excluded: &[GeneralName],
                subject,
                names: &[GeneralName]| {
        let leaf = named(names).subject(Name::from_str(subject).unwrap());
        direct(id, expected, bound("root", permitted, excluded), leaf)
    };
    let not_foo = "CN=not-foo";
    vec![
        with("rfc5280::nc::permitted-dn-mismatch", FAILURE, &one, &[], not_foo, &other),
        with("rfc5280::nc::excluded-dn-match", FAILURE, &[], &one, "CN=foo", &one),
        with("rfc5280::nc::permitted-dn-match", SUCCESS, &one, &[], "CN=foo", &one).nameless(),
        with("rfc5280::nc::permitted-dn-match-subject-san-mismatch", FAILURE, &one, &[], not_foo, &one),
        with("rfc5280::nc::excluded-dn-match-sub-mismatch", FAILURE, &[], &one, "CN=foo", &other),
    ]
}

/// Returns cases with constraints on a kind of name that the leaf does not have.
fn kinds() -> Vec<Testcase> {
    let v4 = || [range(&[&[192, 0, 2, 0], &[255, 255, 255, 0]])];
    let domain = || [dns("example.com")];
    let of_other_type = || [other("private")];
    let both = [dns("example.com"), other("private")];
    vec![
        in_root("rfc5280::nc::permitted-different-constraint-type", SUCCESS, &v4(), &[], &domain()),
        in_root("rfc5280::nc::excluded-different-constraint-type", SUCCESS, &[], &v4(), &domain()),
        in_intermediate("rfc5280::nc::nc-forbids-othername", FAILURE, &domain(), &of_other_type(), &both),
        in_intermediate(
            "rfc5280::nc::nc-forbids-othername-noop",
            SUCCESS,
            &domain(),
            &of_other_type(),
            &domain(),
        ),
    ]
}

fn malformed() -> Vec<Testcase> {
    let name = || [dns("foo.example.com")];
    let with = |id, base| in_root(id, FAILURE, &[base], &[], &name()).named("DNS", "foo.example.com");
    let address = [email("example@example.com")];
    let nothing = |id, empty: Option<Vec<_>>| {
        below(id, FAILURE, ca("root"), ca("ca").with(true, &constraints(empty.clone(), empty)), leaf())
    };
    vec![
        with("rfc5280::nc::invalid-dnsname-wildcard", dns("*.example.com")),
        with("rfc5280::nc::invalid-dnsname-leading-period", dns(".example.com")),
        in_root(
            "rfc5280::nc::invalid-email-address",
            FAILURE,
            &[email("invalid@invalid@example.com")],
            &[],
            &address,
        )
        .client(&["example@example.com"]),
        nothing("webpki::nc::intermediate-permitted-excluded-subtrees-both-null", None),
        nothing("webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences", Some(vec![])),
        in_intermediate(
            "rfc5280::nc::nc-permits-invalid-dns-san",
            FAILURE,
            &[dns("example.com")],
            &[],
            &[dns(".example.com"), dns("foo.example.com")],
        )
        .named("DNS", "foo.example.com"),
    ]
}

/// Returns cases with constraints in a leaf, and cases with self-issued certificates in the path.
fn leaves() -> Vec<Testcase> {
    let constrained = |critical| leaf().with(critical, &subtrees(&[dns("example.com")], &[]));
    let outside = || vec![dns("not-example.com")];
    let root = bound("root", &[dns("example.com")], &[]).names(outside()).self_signed();
    let again = ca("root").suite(P384).names(outside()).signed_by(&root);
    let authority = ca("ca").names(outside()).signed_by(&root);
    let own_leaf = leaf().subject(authority.name.clone()).names(outside());
    vec![
        direct("rfc5280::nc::not-allowed-in-ee-noncritical", FAILURE, ca("root"), constrained(false)),
        direct("rfc5280::nc::not-allowed-in-ee-critical", FAILURE, ca("root"), constrained(true)),
        case("rfc5280::nc::permitted-self-issued", SUCCESS, &[&root], &[&again], &leaf().signed_by(&again)),
        case(
            "rfc5280::nc::excluded-self-issued-leaf",
            FAILURE,
            &[&root],
            &[&authority],
            &own_leaf.signed_by(&authority),
        )
        .named("DNS", "not-example.com"),
    ]
}

/// Creates a case with two intermediate CAs below a root.
fn two(id: &str, root: Template, above: Template, below: Template, name: &str) -> Testcase {
    let root = root.self_signed();
    let above = above.signed_by(&root);
    let below = below.signed_by(&above);
    let client = named(&[dns(name)]).signed_by(&below);
    case(id, FAILURE, &[&root], &[&above, &below], &client).named("DNS", name)
}

fn several() -> Vec<Testcase> {
    let [one, other, permitted, forbidden] =
        ["foo", "bar", "permitted", "forbidden"].map(|name| dns(&format!("{name}.example.com")));
    let both = [one, other.clone()];
    let limits = |name| bound(name, std::slice::from_ref(&permitted), std::slice::from_ref(&forbidden));
    let forbidden_ca = || ca("below").names(vec![forbidden.clone()]);
    let only_other = || std::slice::from_ref(&other);

    // The same CA has certificates from two other CAs. The certificate that contains a forbidden
    // name is not part of the path.
    let key = || ca("below").self_signed().signer;
    let (root, discarded) = (ca("root").self_signed(), ca("discarded root").self_signed());
    let above = limits("above").signed_by(&root);
    let discarded_ca = forbidden_ca().for_key(key(), &discarded);
    let free_ca = ca("below").without::<SubjectAltName>().for_key(key(), &above);
    let client = named(std::slice::from_ref(&permitted)).signed_by(&free_ca);
    let alternate = case(
        "rfc5280::nc::nc-forbids-alternate-chain-ica",
        SUCCESS,
        &[&root],
        &[&above, &discarded_ca, &free_ca],
        &client,
    );
    let strict = bound("strict", &[], std::slice::from_ref(&forbidden)).signed_by(&root);
    let below_strict = forbidden_ca().for_key(key(), &strict);
    let below_free = ca("below").names(vec![dns("ca.example.com")]).for_key(key(), &discarded);
    let client = named(&[dns("unconstrained.example.com")]).signed_by(&below_free);
    let same = case(
        "rfc5280::nc::nc-forbids-same-chain-ica",
        SUCCESS,
        &[&root, &discarded],
        &[&strict, &below_strict, &below_free],
        &client,
    );
    vec![
        two(
            "rfc5280::nc::intermediate-with-san-rejected-by-intermediate-nc",
            ca("root"),
            limits("above"),
            forbidden_ca(),
            "permitted.example.com",
        ),
        two(
            "rfc5280::nc::intermediate-with-san-rejected-by-root-nc",
            limits("root"),
            ca("above"),
            forbidden_ca(),
            "permitted.example.com",
        ),
        two(
            "rfc5280::nc::restrictive-permits-in-intermediates-narrows",
            ca("root"),
            bound("above", &both, &[]),
            bound("below", only_other(), &[]),
            "foo.example.com",
        ),
        two(
            "rfc5280::nc::restrictive-permits-in-intermediates-widens",
            ca("root"),
            bound("above", only_other(), &[]),
            bound("below", &both, &[]),
            "foo.example.com",
        ),
        alternate.named("DNS", "permitted.example.com"),
        same.named("DNS", "unconstrained.example.com"),
    ]
}

fn emails() -> Vec<Testcase> {
    let with = |id, expected, base, name| {
        in_intermediate(id, expected, &[email(base)], &[], &[email(name)]).client(&[name])
    };
    let invalid = ["good@example.com", "alsogood@example.com", "invalid@address@example.com"].map(email);
    vec![
        with("rfc5280::nc::nc-permits-email-exact", SUCCESS, "foo@example.com", "foo@example.com"),
        with("rfc5280::nc::nc-permits-email-domain", SUCCESS, "example.com", "foo@example.com"),
        with(
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            SUCCESS,
            "*@example.com",
            "*@example.com",
        ),
        with(
            "rfc5280::nc::nc-permits-email-literal-asterisk-rejects-user",
            FAILURE,
            "*@example.com",
            "user@example.com",
        ),
        with(
            "rfc5280::nc::nc-permits-email-literal-asterisk-rejects-subdomain",
            FAILURE,
            "*@example.com",
            "*@subdomain.example.com",
        ),
        in_intermediate(
            "rfc5280::nc::nc-permits-invalid-email-san",
            FAILURE,
            &[email("example.com")],
            &[],
            &invalid,
        )
        .client(&["good@example.com", "alsogood@example.com"]),
    ]
}

/// Returns cases with many constraints and many names.
fn attacks() -> Vec<Testcase> {
    let many =
        |letter: &str| (0..1100).map(|number| dns(&format!("{letter}{number}.test"))).collect::<Vec<_>>();
    let permitted = [many("t"), vec![dns("test")]].concat();
    let root = || bound("root", &permitted, &many("x"));
    let subject = (0..200).map(|number| format!("emailAddress=t{number}@test")).collect::<Vec<_>>().join(",");
    let subject = || Name::from_str(&subject).unwrap();
    vec![
        direct("pathological::nc-dos-1", FAILURE, root(), named(&many("t")).subject(subject()))
            .named("DNS", "t0.test"),
        direct("pathological::nc-dos-2", FAILURE, root(), named(&many("t")).subject(Name::default()))
            .named("DNS", "t0.test"),
        direct(
            "pathological::nc-dos-3",
            FAILURE,
            root(),
            leaf().without::<SubjectAltName>().subject(subject()),
        )
        .named("DNS", "t0.test"),
    ]
}
