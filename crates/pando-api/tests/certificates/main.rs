//! Tests of device certificates and of the identity policy for them.

#![allow(clippy::disallowed_methods, reason = "nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod device_certificate;
mod group;
mod identities;
mod pinned;
#[allow(dead_code, reason = "the tests of pando-x509 use all of it")]
#[path = "../../../pando-x509/tests/chains/pki.rs"]
mod pki;
mod succession;

use pando_api::{ClientId, DeviceIdentities, Domain, certificate_uri};
use pando_mls::{Credential, RustCrypto};
use pki::{Certified, Template};
use x509_cert::ext::pkix::name::GeneralName;

fn client(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn uri(text: &str) -> GeneralName {
    GeneralName::UniformResourceIdentifier(text.to_owned().try_into().unwrap())
}

/// Returns the template of a certificate with this URI. `name` determines the key.
fn template_with_uri(name: &str, text: &str) -> Template {
    Template::client(name).suite(pki::ED25519).names(vec![uri(text)])
}

/// Returns the template of a certificate of a client. Each version has its own key.
fn template(text: &str, version: u64) -> Template {
    let name = certificate_uri(&client(text), version);
    template_with_uri(&name.replace(['/', '@', '?', ':', '='], "-"), &name)
}

/// Issues a certificate of a client.
fn certify(authority: &Certified, text: &str, version: u64) -> Certified {
    template(text, version).signed_by(authority)
}

/// Returns a trust anchor with the name of another one and another key.
fn namesake(anchor: &Certified) -> Certified {
    let other = Template::authority("namesake").self_signed();
    let template = Template::authority("namesake").subject(anchor.name.clone());
    template.for_key(Template::authority("namesake").self_signed().signer, &other)
}

fn credential(certified: &Certified) -> Credential {
    pki::credential(&[certified])
}

/// Returns the policy with these trust anchors.
fn pin(anchors: &[(&str, &Certified)]) -> DeviceIdentities {
    let anchors = anchors.iter().map(|(text, anchor)| (domain(text), &*anchor.der));
    DeviceIdentities::new(&RustCrypto, anchors).unwrap()
}
