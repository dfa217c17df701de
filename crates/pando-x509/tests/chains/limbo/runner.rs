//! The runner, which applies the policy to a case of x509-limbo.

use super::format::{PeerName, Pem, Testcase};
use crate::pki::credential_of;
use der::asn1::ObjectIdentifier;
use der::{DateTime, Decode, Encode};
use pando_crypto::RustCrypto;
use pando_wire::SignaturePublicKey;
use pando_x509::{Identity, Name, NameKind, X509Config, X509Identities};
use std::net::IpAddr;
use std::str::FromStr;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;

/// The result of a case.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The case requires a feature that the policy does not have.
    Skipped(&'static str),
    Accepted,
    Refused,
}

/// The validation time for cases that do not specify one. The certificates of those cases are valid
/// at that time.
const NOW: &str = "2026-01-01T00:00:00Z";

/// The object identifiers of the key algorithms and signature algorithms in MLS's schemes.
const SCHEMES: [&str; 5] =
    ["1.3.101.112", "1.3.101.113", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"];
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];

/// The maximum number of chains to try for a case. Only cases that attack the search for paths
/// allow more.
const MAX_CHAINS: usize = 100;

pub(crate) fn run(case: &Testcase) -> Outcome {
    if case.id.starts_with("bettertls::") {
        return Outcome::Skipped("a separate test suite about path search");
    }
    if !case.crls.is_empty() {
        return Outcome::Skipped("revocation");
    }
    if !case.signature_algorithms.is_empty() || case.key_usage.iter().any(|usage| usage != "digitalSignature")
    {
        return Outcome::Skipped("a use that MLS does not have");
    }
    let peer = case.peer_certificate.der();
    let certificates = |list: &[Pem]| list.iter().map(Pem::der).collect::<Vec<_>>();
    let (trusted, pool) = (certificates(&case.trusted_certs), certificates(&case.untrusted_intermediates));
    if trusted.iter().chain(&pool).chain([&peer]).any(|der| is_foreign(der)) {
        return Outcome::Skipped("a signature scheme that MLS does not have");
    }

    // An invalid anchor is an error for applications, but in these cases it only counts as not
    // trusted.
    let is_anchor = |der: &&Vec<u8>| X509Identities::new(&RustCrypto, [der]).is_ok();
    let anchors: Vec<_> = trusted.iter().filter(is_anchor).collect();
    let Ok(policy) = X509Identities::new(&RustCrypto, anchors) else { return Outcome::Refused };
    let max_certificates = case.max_chain_depth.map_or(8, |depth| depth.saturating_add(1).min(8));
    let kinds = [NameKind::Uri, NameKind::Dns, NameKind::Email, NameKind::IpAddress];
    let config = X509Config::default()
        .with_max_certificates(max_certificates)
        .with_key_purposes(purposes(&case.extended_key_usage))
        .with_identity_kinds(kinds.into());
    let policy = policy.with_config(config);
    let Ok(leaf) = Certificate::from_der(&peer) else { return Outcome::Refused };
    let key = leaf.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
    let key = SignaturePublicKey::from(key);
    let now = seconds(case.validation_time.as_deref().unwrap_or(NOW));
    let names: Vec<_> = case.expected_peer_name.iter().chain(&case.expected_peer_names).collect();

    let mut chains = Vec::new();
    search(&mut vec![&peer], &pool, &mut chains);
    let is_accepted = chains.iter().any(|chain| {
        let credential = credential_of(chain.iter().map(|der| der.as_slice()));
        policy.check(&credential, &key, Some(now)).is_ok()
            && policy.identify(&credential).is_ok_and(|identity| identity_has(&identity, &names))
    });
    if is_accepted { Outcome::Accepted } else { Outcome::Refused }
}

/// Collects chains of certificates in which the subject of each certificate matches the issuer of
/// the preceding one. Each chain is listed before the longer chains that extend it.
fn search<'a>(chain: &mut Vec<&'a Vec<u8>>, pool: &'a [Vec<u8>], chains: &mut Vec<Vec<&'a Vec<u8>>>) {
    if chains.len() == MAX_CHAINS || chain.len() > 10 {
        return;
    }
    chains.push(chain.clone());
    let Some(issuer) = chain.last().and_then(|der| Certificate::from_der(der).ok()) else { return };
    let issuer = issuer.tbs_certificate().issuer();
    for candidate in pool {
        let is_issuer = |parsed: Certificate| parsed.tbs_certificate().subject() == issuer;
        if !chain.contains(&candidate) && Certificate::from_der(candidate).is_ok_and(is_issuer) {
            chain.push(candidate);
            search(chain, pool, chains);
            chain.pop();
        }
    }
}

/// Returns whether a well-formed certificate has a key or a signature that belongs to none of MLS's
/// schemes.
fn is_foreign(der: &[u8]) -> bool {
    let Ok(certificate) = Certificate::from_der(der) else { return false };
    let key = &certificate.tbs_certificate().subject_public_key_info().algorithm;
    let curve = key.parameters.as_ref().and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    let is_known = |list: &[&str], oid: ObjectIdentifier| list.contains(&oid.to_string().as_str());
    let is_curve =
        key.oid.to_string() == "1.2.840.10045.2.1" && curve.is_none_or(|curve| is_known(&CURVES, curve));
    !(is_curve || is_known(&SCHEMES, key.oid))
        || !is_known(&SCHEMES, certificate.tbs_certificate().signature().oid)
}

/// Returns the key purposes that a case requires, or all purposes for TLS if the case does not
/// specify any.
fn purposes(names: &[String]) -> Vec<ObjectIdentifier> {
    let all = [
        ("anyExtendedKeyUsage", "2.5.29.37.0"),
        ("serverAuth", "1.3.6.1.5.5.7.3.1"),
        ("clientAuth", "1.3.6.1.5.5.7.3.2"),
    ];
    let is_wanted = |name| names.is_empty() || names.iter().any(|wanted| wanted == name);
    all.into_iter().filter(|(name, _)| is_wanted(*name)).map(|(_, oid)| oid.parse().unwrap()).collect()
}

fn identity_has(identity: &Identity, names: &[&PeerName]) -> bool {
    names.iter().all(|PeerName { kind, value }| {
        let name = match kind.as_str() {
            "DNS" => Name::Dns(value.to_ascii_lowercase()),
            "RFC822" => Name::Email(value.clone()),
            "IP" => Name::Other(GeneralName::from(IpAddr::from_str(value).unwrap()).to_der().unwrap()),
            other => panic!("unknown kind of name: {other}"),
        };
        identity.names.contains(&name)
    })
}

/// Converts a time to seconds since 1970, ignoring fractions of a second.
fn seconds(time: &str) -> u64 {
    let time = format!("{}Z", time.get(..19).unwrap());
    DateTime::from_str(&time).unwrap().unix_duration().as_secs()
}
