//! Cases that vary the fields of single certificates and their extensions, except names and name
//! constraints.

use super::{FAILURE, SUCCESS, below, ca, case, direct, leaf};
use crate::limbo::format::Testcase;
use crate::names::dns;
use crate::pki::{P384, Template};
use der::asn1::{ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage,
    KeyUsage, KeyUsages, PolicyConstraints, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

pub(super) fn cases() -> Vec<Testcase> {
    [fields(), powers(), key_identifiers(), purposes(), unknown()].concat()
}

fn fields() -> Vec<Testcase> {
    let negative = leaf().serial_number(&[0xff]);
    let long: Vec<_> = (1..=22).collect();
    vec![
        direct("rfc5280::ee-empty-issuer", FAILURE, ca("root"), leaf().issuer(Name::default())),
        direct("rfc5280::ca-empty-subject", FAILURE, ca("root").subject(Name::default()), leaf()),
        direct("rfc5280::serial::zero", FAILURE, ca("root"), leaf().serial_number(&[0])),
        direct("rfc5280::serial::negative", FAILURE, ca("root"), negative),
        direct("rfc5280::serial::too-long", FAILURE, ca("root"), leaf().serial_number(&long)),
        direct("rfc5280::mismatching-signature-algorithm", FAILURE, ca("root"), leaf().signed_as(P384)),
        direct("webpki::v1-cert", FAILURE, ca("root"), leaf().version_1()),
    ]
}

fn powers() -> Vec<Testcase> {
    let basic = |template: Template, critical, ca| {
        template.with(critical, &BasicConstraints { ca, path_len_constraint: None })
    };
    let no_basic = |template: Template| template.without::<BasicConstraints>();
    let no_usage = |template: Template| template.with(false, &KeyUsage(KeyUsages::CRLSign.into()));
    let signs = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyCertSign);
    let ca_leaf = || ca("ca").names(vec![dns("ca.example.com")]);
    vec![
        below(
            "rfc5280::intermediate-ca-without-ca-bit",
            FAILURE,
            ca("root"),
            basic(ca("ca"), true, false),
            leaf(),
        ),
        below(
            "rfc5280::intermediate-ca-missing-basic-constraints",
            FAILURE,
            ca("root"),
            no_basic(ca("ca")),
            leaf(),
        ),
        direct("rfc5280::root-missing-basic-constraints", FAILURE, no_basic(ca("root")), leaf()),
        direct(
            "rfc5280::root-non-critical-basic-constraints",
            FAILURE,
            basic(ca("root"), false, true),
            leaf(),
        ),
        direct("rfc5280::root-inconsistent-ca-extensions", FAILURE, no_usage(ca("root")), leaf()),
        below(
            "rfc5280::ica-ku-keycertsign",
            FAILURE,
            ca("root"),
            no_usage(ca("ca").constraints(true, Some(0))),
            leaf(),
        ),
        direct(
            "rfc5280::leaf-ku-keycertsign",
            FAILURE,
            ca("root"),
            basic(leaf(), true, false).with(false, &signs),
        ),
        direct("rfc5280::no-keyusage", SUCCESS, ca("root"), leaf().without::<KeyUsage>()),
        direct("rfc5280::no-basicconstraints", SUCCESS, ca("root"), no_basic(leaf())),
        direct("rfc5280::ca-as-leaf", SUCCESS, ca("root"), ca_leaf()).named("DNS", "ca.example.com"),
        direct("rfc5280::ca-as-leaf-wrong-san", FAILURE, ca("root"), ca_leaf()),
        direct("webpki::ca-as-leaf", FAILURE, ca("root"), ca_leaf()).named("DNS", "ca.example.com"),
        direct("webpki::ee-basicconstraints-ca", FAILURE, ca("root"), basic(leaf(), true, true)),
    ]
}

fn key_identifiers() -> Vec<Testcase> {
    let without = |template: Template| template.without::<AuthorityKeyIdentifier>();
    let without_own = |template: Template| template.without::<SubjectKeyIdentifier>();
    let id = || OctetString::new([1; 20]).unwrap();
    let authority = |is_identified: bool, is_named: bool, is_numbered: bool| AuthorityKeyIdentifier {
        key_identifier: is_identified.then(id),
        authority_cert_issuer: is_named.then(|| vec![dns("example.com")]),
        authority_cert_serial_number: is_numbered.then(|| SerialNumber::from(1_u8)),
    };
    let other = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new([2; 20]).unwrap()),
        ..AuthorityKeyIdentifier::default()
    };
    let with = |critical, extension| ca("root").with(critical, &extension);
    let other_root = ca("other root").self_signed();
    let cross_signed = without(ca("root")).signed_by(&other_root);
    vec![
        direct("rfc5280::aki::critical-aki", FAILURE, with(true, authority(true, false, false)), leaf()),
        direct("rfc5280::aki::leaf-missing-aki", FAILURE, ca("root"), without(leaf())),
        below("rfc5280::aki::intermediate-missing-aki", FAILURE, ca("root"), without(ca("ca")), leaf()),
        direct("rfc5280::aki::self-signed-root-missing-aki", SUCCESS, without(ca("root")), leaf()),
        case(
            "rfc5280::aki::cross-signed-root-missing-aki",
            FAILURE,
            &[&cross_signed],
            &[],
            &leaf().signed_by(&cross_signed),
        ),
        direct(
            "rfc5280::ski::critical-ski",
            FAILURE,
            ca("root").with(true, &SubjectKeyIdentifier(id())),
            leaf(),
        ),
        direct("rfc5280::ski::root-missing-ski", FAILURE, without_own(ca("root")), leaf()),
        below("rfc5280::ski::intermediate-missing-ski", FAILURE, ca("root"), without_own(ca("ca")), leaf()),
        direct(
            "webpki::aki::root-with-aki-missing-keyidentifier",
            FAILURE,
            with(false, authority(false, false, false)),
            leaf(),
        ),
        direct(
            "webpki::aki::root-with-aki-authoritycertissuer",
            FAILURE,
            with(false, authority(true, true, false)),
            leaf(),
        ),
        direct(
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            FAILURE,
            with(false, authority(true, false, true)),
            leaf(),
        ),
        direct(
            "webpki::aki::root-with-aki-all-fields",
            FAILURE,
            with(false, authority(true, true, true)),
            leaf(),
        ),
        direct("webpki::aki::root-with-aki-ski-mismatch", FAILURE, with(false, other), leaf()),
    ]
}

fn purposes() -> Vec<Testcase> {
    let [any, client, server] =
        ["2.5.29.37.0", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"].map(ObjectIdentifier::new_unwrap);
    let with = |template: Template, critical, purposes: &[ObjectIdentifier]| {
        template.with(critical, &ExtendedKeyUsage(purposes.to_vec()))
    };
    let without = || leaf().without::<ExtendedKeyUsage>();
    let for_servers = |id, root, leaf| direct(id, FAILURE, root, leaf).purpose("serverAuth");
    vec![
        for_servers("rfc5280::eku::ee-wrong-eku", ca("root"), with(leaf(), false, &[client])),
        direct("rfc5280::eku::ee-without-eku", SUCCESS, ca("root"), without()),
        direct("rfc5280::eku::ee-eku-empty", FAILURE, ca("root"), with(leaf(), false, &[])),
        for_servers("webpki::eku::ee-anyeku", ca("root"), with(leaf(), false, &[server, any])),
        for_servers("webpki::eku::ee-critical-eku", ca("root"), with(leaf(), true, &[server])),
        direct("webpki::eku::ee-without-eku", FAILURE, ca("root"), without()),
        for_servers("webpki::eku::root-has-eku", with(ca("root"), false, &[server]), leaf()),
    ]
}

fn unknown() -> Vec<Testcase> {
    let unknown = |template: Template| {
        template.with_bytes(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.55738.666.1"), true, b"")
    };
    let access = |critical| {
        let location: GeneralName = dns("example.com");
        let access_method = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
        let access = AccessDescription { access_method, access_location: location };
        leaf().with(critical, &AuthorityInfoAccessSyntax(vec![access]))
    };
    let malformed = leaf().with_bytes(AuthorityInfoAccessSyntax::OID, false, b"malformed");
    let name = leaf().without::<SubjectAltName>();
    let names = name.names(vec![dns("example.com")]);
    let twice = names.with_bytes(SubjectAltName::OID, false, b"\x30\x0d\x82\x0bexample.com");
    let policies = PolicyConstraints { require_explicit_policy: Some(3), inhibit_policy_mapping: None };

    let (root, unrelated) = (ca("root").self_signed(), unknown(ca("unrelated root")).self_signed());
    let (above, beside) = (ca("ca").signed_by(&root), unknown(ca("unrelated ca")).signed_by(&root));
    let (direct_leaf, below_leaf) = (leaf().signed_by(&root), leaf().signed_by(&above));
    vec![
        direct("rfc5280::unknown-critical-extension-ee", FAILURE, ca("root"), unknown(leaf())),
        direct("rfc5280::unknown-critical-extension-root", FAILURE, unknown(ca("root")), leaf()),
        below(
            "rfc5280::unknown-critical-extension-intermediate",
            FAILURE,
            ca("root"),
            unknown(ca("ca")),
            leaf(),
        ),
        case(
            "rfc5280::unknown-critical-extension-unrelated-root",
            SUCCESS,
            &[&root, &unrelated],
            &[],
            &direct_leaf,
        ),
        case(
            "rfc5280::unknown-critical-extension-unrelated-intermediate",
            SUCCESS,
            &[&root],
            &[&above, &beside],
            &below_leaf,
        ),
        direct("rfc5280::ee-aia", SUCCESS, ca("root"), access(false)),
        direct("rfc5280::ee-critical-aia-invalid", FAILURE, ca("root"), access(true)),
        direct("webpki::malformed-aia", FAILURE, ca("root"), malformed),
        direct("rfc5280::duplicate-extensions", FAILURE, ca("root"), twice),
        below(
            "rfc5280::pc::ica-noncritical-pc",
            FAILURE,
            ca("root"),
            ca("ca").with(false, &policies),
            leaf(),
        ),
    ]
}
