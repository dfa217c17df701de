//! Cases about the names in the leaf and the expected name.

use super::{FAILURE, SUCCESS, ca, direct, leaf};
use crate::limbo::format::{Expected, Testcase};
use crate::names::dns;
use std::net::IpAddr;
use std::str::FromStr;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

pub(super) fn cases() -> Vec<Testcase> {
    [alternative_names(), common_names()].concat()
}

/// Creates a case with a leaf that has one domain name, and with an expected domain name.
fn domain(id: &str, expected: Expected, name: &str, wanted: &str) -> Testcase {
    direct(id, expected, ca("root"), leaf().names(vec![dns(name)])).named("DNS", wanted)
}

fn alternative_names() -> Vec<Testcase> {
    let malformed = leaf().without::<SubjectAltName>();
    let malformed = malformed.with_bytes("2.5.29.17".parse().unwrap(), false, b"example.com");
    let subject = |name| Name::from_str(name).unwrap();
    let names = || SubjectAltName(vec![dns("example.com")]);
    // The name is an IA5String that contains UTF-8 bytes.
    let emoji = leaf().without::<SubjectAltName>();
    let emoji = emoji.with_bytes(
        "2.5.29.17".parse().unwrap(),
        false,
        b"\x30\x12\x82\x10\xf0\x9f\x98\x9c.example.com",
    );
    let local = GeneralName::from(IpAddr::from([127, 0, 0, 1]));
    vec![
        direct("rfc5280::san::malformed", FAILURE, ca("root"), malformed),
        direct(
            "rfc5280::san::noncritical-with-empty-subject",
            FAILURE,
            ca("root"),
            leaf().subject(Name::default()),
        ),
        domain("rfc5280::san::underscore-dns", FAILURE, "foo_bar.example.com", "foo_bar.example.com"),
        domain("rfc5280::san::ip-in-dns", FAILURE, "8.8.8.8", "8.8.8.8").named("IP", "8.8.8.8"),
        domain("webpki::san::exact-dns-san", SUCCESS, "example.com", "example.com"),
        direct("webpki::san::exact-localhost-ip-san", SUCCESS, ca("root"), leaf().names(vec![local]))
            .named("IP", "127.0.0.1"),
        domain("webpki::san::mismatch-domain-san", FAILURE, "example.com", "example2.com"),
        domain("webpki::san::mismatch-subdomain-san", FAILURE, "abc.example.com", "def.example.com"),
        domain("webpki::san::mismatch-subdomain-apex-san", FAILURE, "example.com", "abc.example.com"),
        domain("webpki::san::mismatch-apex-subdomain-san", FAILURE, "abc.example.com", "example.com"),
        domain("webpki::san::public-suffix-wildcard-san", FAILURE, "*.com", "example.com"),
        domain("webpki::san::public-suffix-multi-label-wildcard-san", FAILURE, "*.co.uk", "example.co.uk"),
        domain(
            "webpki::san::public-suffix-private-namespace-wildcard-san",
            FAILURE,
            "*.s3.amazonaws.com",
            "bucket.s3.amazonaws.com",
        ),
        domain("webpki::san::leftmost-wildcard-san", SUCCESS, "*.example.com", "foo.example.com"),
        domain("webpki::san::wildcard-embedded-leftmost-san", FAILURE, "ba*.example.com", "baz.example.com"),
        domain(
            "webpki::san::wildcard-not-in-leftmost-san",
            FAILURE,
            "foo.*.example.com",
            "foo.bar.example.com",
        ),
        domain(
            "webpki::san::wildcard-match-across-labels-san",
            FAILURE,
            "*.example.com",
            "foo.bar.example.com",
        ),
        domain(
            "webpki::san::wildcard-embedded-ulabel-san",
            FAILURE,
            "xn--*-1b3c148a.example.com",
            "xn--bliss-1b3c148a.example.com",
        ),
        direct("webpki::san::unicode-emoji-san", FAILURE, ca("root"), emoji)
            .named("DNS", "xn--628h.example.com"),
        direct("webpki::san::no-san", FAILURE, ca("root"), leaf().without::<SubjectAltName>()),
        direct(
            "webpki::san::san-critical-with-nonempty-subject",
            FAILURE,
            ca("root"),
            leaf().subject(subject("CN=example.com")).with(true, &names()),
        ),
        domain("webpki::san::san-wildcard-only", FAILURE, "*", "example.com"),
        domain("webpki::san::san-wildcard-only-tld", FAILURE, "*", "com"),
    ]
}

fn common_names() -> Vec<Testcase> {
    let named = |id, common_name: &str, name: GeneralName| {
        let subject = Name::from_str(&format!("CN={common_name}")).unwrap();
        direct(id, FAILURE, ca("root"), leaf().subject(subject).names(vec![name]))
    };
    let address = |text| GeneralName::from(IpAddr::from_str(text).unwrap());
    vec![
        named("webpki::cn::not-in-san", "foo.example.com", dns("example.com")),
        named("webpki::cn::case-mismatch", "eXaMpLe.com", dns("example.com")),
        named("webpki::cn::punycode-not-in-san", "xn--628h.example.com", dns("example.com")),
        named("webpki::cn::ipv4-hex-mismatch", "0x7f000001", address("127.0.0.1")).named("IP", "127.0.0.1"),
        named("webpki::cn::ipv6-uppercase-mismatch", "2001:DB8::1", address("2001:db8::1"))
            .named("IP", "2001:db8::1"),
    ]
}
