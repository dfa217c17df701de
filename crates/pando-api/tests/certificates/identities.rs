//! Tests of the validation of device certificates below pinned trust anchors.

use crate::pki::{self, Certified, ED448, ED25519, END, NOW, P256, P384, P521, START, Template};
use crate::{certify, client, credential, domain, namesake, pin, template};
use pando_api::{CertificateError, DeviceIdentities};
use pando_mls::x509::ChainError;
use pando_mls::{Credential, IdentityPolicy, SignaturePublicKey};

const LAPTOP: &str = "alice@example.org/laptop";

fn authority() -> Certified {
    Template::authority("ca").self_signed()
}

/// Checks that a certificate is refused for a reason, with and without a time.
fn refuses(policy: &DeviceIdentities, certified: &Certified, why: &CertificateError) {
    let (credential, key) = (credential(certified), certified.key());
    for now in [Some(NOW), None] {
        assert_eq!(policy.check(&credential, key, now).unwrap_err(), *why);
        assert_eq!(policy.validate(&credential, key, now).unwrap_err().0, why.to_string());
    }
}

#[test]
fn certificates_of_all_signature_schemes_are_accepted() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    for suite in [ED25519, P256, P384, P521, ED448] {
        let certified = template(LAPTOP, 3).suite(suite).signed_by(&anchor);
        for now in [Some(START), Some(END), None] {
            let accepted = policy.check(&credential(&certified), certified.key(), now).unwrap();
            assert_eq!((accepted.client, accepted.version), (client(LAPTOP), 3));
            assert_eq!(accepted.signature_key, *certified.key());
        }
        assert_eq!(policy.validate(&credential(&certified), certified.key(), Some(NOW)), Ok(()));
    }
}

#[test]
fn certificates_of_other_keys_are_refused() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    let [one, other] = [1, 2].map(|version| certify(&anchor, LAPTOP, version));
    let refused = policy.check(&credential(&one), other.key(), Some(NOW));
    assert_eq!(refused, Err(CertificateError::Chain(ChainError::LeafKey)));
    let empty = SignaturePublicKey::default();
    let refused = policy.check(&credential(&one), &empty, Some(NOW));
    assert_eq!(refused, Err(CertificateError::Chain(ChainError::LeafKey)));
}

#[test]
fn certificates_are_valid_now_if_there_is_a_time() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    let certified = certify(&anchor, LAPTOP, 1);
    let check = |now| policy.check(&credential(&certified), certified.key(), now).map(drop);
    assert_eq!(check(Some(START - 1)), Err(CertificateError::Chain(ChainError::NotYetValid)));
    assert_eq!(check(Some(END + 1)), Err(CertificateError::Chain(ChainError::Expired)));
    assert_eq!(check(None), Ok(()));
    let never = template(LAPTOP, 1).valid(END, START).signed_by(&anchor);
    refuses(&policy, &never, &CertificateError::Chain(ChainError::NeverValid));
}

#[test]
fn certificates_by_others_are_refused() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    let stranger = Template::authority("stranger").self_signed();
    refuses(&policy, &certify(&stranger, LAPTOP, 1), &CertificateError::Chain(ChainError::UnknownIssuer));
    // The same name with another key.
    refuses(
        &policy,
        &certify(&namesake(&anchor), LAPTOP, 1),
        &CertificateError::Chain(ChainError::Signature),
    );
    let own = template(LAPTOP, 1).self_signed();
    refuses(&policy, &own, &CertificateError::Chain(ChainError::UnknownIssuer));
}

#[test]
fn a_chain_is_one_certificate() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    let certified = certify(&anchor, LAPTOP, 1);
    let long = pki::credential(&[&certified, &anchor]);
    let refused = policy.check(&long, certified.key(), Some(NOW));
    assert_eq!(refused, Err(CertificateError::Certificates(2)));

    let below = Template::authority("below").signed_by(&anchor);
    let deep = certify(&below, LAPTOP, 1);
    refuses(&policy, &deep, &CertificateError::Chain(ChainError::UnknownIssuer));
}

#[test]
fn certificates_of_authorities_and_too_long_ones_are_refused() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor)]);
    let ca = template(LAPTOP, 1).constraints(true, None).signed_by(&anchor);
    refuses(&policy, &ca, &CertificateError::Chain(ChainError::LeafIsCa));
    let oid = "1.3.6.1.4.1.99999.1".parse().unwrap();
    let critical = template(LAPTOP, 1).with_bytes(oid, true, &[5, 0]).signed_by(&anchor);
    refuses(&policy, &critical, &CertificateError::Chain(ChainError::CriticalExtension));

    // Signatures of Ed25519 have a fixed length.
    let anchor = Template::authority("other").suite(ED25519).self_signed();
    let policy = pin(&[("example.org", &anchor)]);
    let shortest = template(LAPTOP, 1).with_bytes(oid, false, &[]).signed_by(&anchor).der.len();
    let room = 4_096 - shortest;
    let padded = |length| template(LAPTOP, 1).with_bytes(oid, false, &vec![0; length]).signed_by(&anchor);
    let most = (0..room).rev().find(|length| padded(*length).der.len() <= 4_096).unwrap();
    let (fits, long) = (padded(most), padded(most + 1));
    assert_eq!((fits.der.len(), long.der.len()), (4_096, 4_097));
    assert!(policy.check(&credential(&fits), fits.key(), Some(NOW)).is_ok());
    refuses(&policy, &long, &CertificateError::Chain(ChainError::TooLarge(long.der.len())));
}

#[test]
fn an_anchor_vouches_only_for_its_domain() {
    let [ours, theirs] = ["ours", "theirs"].map(|name| Template::authority(name).self_signed());
    let policy = pin(&[("example.org", &ours), ("example.com", &theirs)]);
    for (anchor, own, other) in
        [(&ours, LAPTOP, "alice@example.com/laptop"), (&theirs, "alice@example.com/laptop", LAPTOP)]
    {
        let certified = certify(anchor, own, 1);
        assert!(policy.check(&credential(&certified), certified.key(), Some(NOW)).is_ok());
        let forged = certify(anchor, other, 1);
        refuses(&policy, &forged, &CertificateError::Chain(ChainError::UnknownIssuer));
    }
    for text in ["alice@sub.example.org/laptop", "alice@org/laptop", "alice@example.net/laptop"] {
        let unknown = certify(&ours, text, 1);
        refuses(&policy, &unknown, &CertificateError::UnknownDomain(client(text).domain()));
    }
}

#[test]
fn an_anchor_may_be_pinned_for_two_domains() {
    let anchor = authority();
    let policy = pin(&[("example.org", &anchor), ("example.com", &anchor)]);
    for text in [LAPTOP, "alice@example.com/laptop"] {
        let certified = certify(&anchor, text, 1);
        assert!(policy.check(&credential(&certified), certified.key(), Some(NOW)).is_ok());
    }
}

#[test]
fn the_client_identifies_a_credential() {
    let [ours, theirs] = ["ours", "theirs"].map(|name| Template::authority(name).self_signed());
    let policy = pin(&[("example.org", &ours), ("example.org", &theirs)]);
    let ids = |certified: &Certified| {
        let credential = credential(certified);
        (policy.client_id(&credential).unwrap(), policy.identity(&credential))
    };
    let expected = (LAPTOP.as_bytes().to_vec(), LAPTOP.as_bytes().to_vec());
    for (anchor, version) in [(&ours, 1), (&ours, 2), (&theirs, 2)] {
        assert_eq!(ids(&certify(anchor, LAPTOP, version)), expected);
    }
    for other in ["alice@example.org/phone", "bob@example.org/laptop", "alice@example.com/laptop"] {
        assert_ne!(ids(&certify(&ours, other, 1)), expected);
    }
    let basic = Credential::basic(LAPTOP);
    assert_eq!((policy.client_id(&basic), policy.identity(&basic)), (None, vec![]));
}

#[test]
fn the_credential_of_an_external_sender_is_a_domain() {
    let policy = pin(&[("example.org", &authority())]);
    let key = SignaturePublicKey::from([1; 32].as_slice());
    let check = |credential: &Credential| policy.validate_external_sender(credential, &key, Some(NOW));
    for text in ["example.org", "ds.example.net"] {
        assert_eq!(check(&Credential::basic(text)), Ok(()));
    }
    for (refused, why) in [
        (Credential::basic("Example.org"), "is not a domain"),
        (Credential::basic(""), "is not a domain"),
        (Credential::basic(LAPTOP), "is not a domain"),
        (Credential::basic([0xff].as_slice()), "is not ASCII"),
        (credential(&certify(&authority(), LAPTOP, 1)), "is not basic"),
    ] {
        assert!(check(&refused).unwrap_err().0.contains(why), "{refused}");
    }
    // A domain is not a member.
    let server = Credential::basic(domain("example.org").as_str());
    assert!(policy.validate(&server, &key, Some(NOW)).is_err());
}
