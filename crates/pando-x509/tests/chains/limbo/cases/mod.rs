//! Generated cases of x509-limbo. Each case has the same name and the same error as the original,
//! but uses keys of MLS's signature schemes.

mod certificates;
mod constraints;
mod names;
mod paths;
mod validity;

use super::format::{Expected, PeerName, Pem, Testcase};
use crate::names::dns;
use crate::pki::{Certified, Template};
use der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, ExtendedKeyUsage, SubjectKeyIdentifier};

const SUCCESS: Expected = Expected::Success;
const FAILURE: Expected = Expected::Failure;

const SERVER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

pub(crate) fn all() -> Vec<Testcase> {
    [certificates::cases(), constraints::cases(), names::cases(), paths::cases(), validity::cases()].concat()
}

/// Returns the template of a CA with all recommended extensions.
fn ca(name: &str) -> Template {
    identified(Template::authority(name))
}

/// Returns the template of a server with all recommended extensions.
fn leaf() -> Template {
    let template = identified(Template::client("example.com"));
    template.with(false, &ExtendedKeyUsage(vec![SERVER])).names(vec![dns("example.com")])
}

fn identified(template: Template) -> Template {
    let id = || OctetString::new([1; 20]).unwrap();
    let authority =
        AuthorityKeyIdentifier { key_identifier: Some(id()), ..AuthorityKeyIdentifier::default() };
    template.with(false, &SubjectKeyIdentifier(id())).with(false, &authority)
}

fn case(
    id: &str,
    expected: Expected,
    trusted: &[&Certified],
    pool: &[&Certified],
    peer: &Certified,
) -> Testcase {
    let list =
        |certificates: &[&Certified]| certificates.iter().map(|certified| Pem::new(&certified.der)).collect();
    let case = Testcase {
        id: id.into(),
        validation_kind: "SERVER".into(),
        trusted_certs: list(trusted),
        untrusted_intermediates: list(pool),
        peer_certificate: Pem::new(&peer.der),
        validation_time: None,
        signature_algorithms: vec![],
        key_usage: vec![],
        extended_key_usage: vec![],
        expected_result: expected,
        expected_peer_name: None,
        expected_peer_names: vec![],
        max_chain_depth: None,
        crls: vec![],
    };
    case.named("DNS", "example.com").at("1970-01-01T00:25:00+00:00")
}

/// Creates a case with a root and a leaf.
fn direct(id: &str, expected: Expected, root: Template, leaf: Template) -> Testcase {
    let root = root.self_signed();
    case(id, expected, &[&root], &[], &leaf.signed_by(&root))
}

/// Creates a case with a root, an intermediate CA and a leaf.
fn below(id: &str, expected: Expected, root: Template, intermediate: Template, leaf: Template) -> Testcase {
    let root = root.self_signed();
    let intermediate = intermediate.signed_by(&root);
    case(id, expected, &[&root], &[&intermediate], &leaf.signed_by(&intermediate))
}

impl Testcase {
    fn named(self, kind: &str, value: &str) -> Self {
        let name = PeerName { kind: kind.into(), value: value.into() };
        Self { expected_peer_name: Some(name), ..self }
    }

    /// Converts this to a case about a TLS client that is identified by its email addresses.
    fn client(self, addresses: &[&str]) -> Self {
        let name = |address: &&str| PeerName { kind: "RFC822".into(), value: (*address).into() };
        Self {
            validation_kind: "CLIENT".into(),
            extended_key_usage: vec!["serverAuth".into(), "clientAuth".into()],
            expected_peer_name: None,
            expected_peer_names: addresses.iter().map(name).collect(),
            ..self
        }
    }

    fn nameless(self) -> Self {
        Self { expected_peer_name: None, ..self }
    }

    fn at(self, time: &str) -> Self {
        Self { validation_time: Some(time.into()), ..self }
    }

    fn max_depth(self, depth: usize) -> Self {
        Self { max_chain_depth: Some(depth), ..self }
    }

    fn purpose(self, purpose: &str) -> Self {
        Self { extended_key_usage: vec![purpose.into()], ..self }
    }
}
