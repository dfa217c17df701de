//! Tests of issuing and revoking certificates.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_api::{
    CertificateRequest, CertificateRequestError, ClientId, DeviceCertificate, DeviceIdentities, Domain,
    MAX_VERSION, RevocationError, RevocationList,
};
use pando_issuer::{Authority, IssuerError, Validity};
use pando_mls::wire::Certificate;
use pando_mls::x509::ChainError;
use pando_mls::{
    CipherSuite, Credential, CryptoError, CryptoProvider, Decode, Encode, IdentityPolicy, RustCrypto, Signer,
    X509Identities,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000;
const LAPTOP: &str = "alice@example.org/laptop";
const ED25519: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

struct Fixture {
    temporary: TempDir,
    rng: ChaCha20Rng,
}

impl Fixture {
    fn new() -> Self {
        Self { temporary: TempDir::new().unwrap(), rng: ChaCha20Rng::seed_from_u64(1) }
    }

    fn folder(&self) -> PathBuf {
        self.temporary.path().join("authority")
    }

    fn create(&mut self) -> Authority {
        Authority::create(self.folder(), domain(), NOW, &mut self.rng).unwrap()
    }

    fn open(&self) -> Result<Authority, IssuerError> {
        Authority::open(self.folder())
    }

    fn signer(&mut self, suite: CipherSuite) -> Box<dyn Signer> {
        let suite = RustCrypto.suite(suite).unwrap();
        suite.signer(&suite.signature_generate_key(&mut self.rng).unwrap()).unwrap()
    }

    fn request(&mut self, text: &str) -> CertificateRequest {
        CertificateRequest::sign(ED25519, client(text), &*self.signer(ED25519)).unwrap()
    }

    fn issue(&mut self, authority: &mut Authority, version: u64) -> Result<Credential, IssuerError> {
        let request = self.request(LAPTOP);
        authority.issue(&request, version, Validity::days(NOW, 30), &mut self.rng)
    }
}

fn domain() -> Domain {
    "example.org".parse().unwrap()
}

fn client(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn policy(authority: &Authority) -> DeviceIdentities {
    let anchors = [(authority.domain().clone(), authority.anchor())];
    DeviceIdentities::new(&RustCrypto, anchors).unwrap()
}

fn der(credential: &Credential) -> &[u8] {
    let Credential::X509 { certificates } = credential else { panic!("{credential}") };
    &certificates[0].cert_data
}

#[test]
fn keys_of_all_signature_schemes_are_certified() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let policy = policy(&authority);
    for (suite, version) in (1..=7).map(CipherSuite).zip(1..) {
        let signer = fixture.signer(suite);
        let request = CertificateRequest::sign(suite, client(LAPTOP), &*signer).unwrap();
        let validity = Validity::days(NOW, 30);
        let credential = authority.issue(&request, version, validity, &mut fixture.rng).unwrap();
        let check = |now| policy.check(&credential, signer.public_key(), Some(now));

        let certificate = check(NOW).unwrap();
        assert_eq!((certificate.client, certificate.version), (client(LAPTOP), version));
        assert!(check(validity.not_after).is_ok());
        for outside in [NOW - 1, validity.not_after + 1] {
            assert!(check(outside).is_err());
        }
        let (rest, key) = (der(&credential).len() - signer.public_key().len(), signer.public_key().len());
        assert!(rest < 390, "{suite}: {rest} bytes and a key of {key}");
    }
}

#[test]
fn the_root_certifies_the_intermediate() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let credential = fixture.issue(&mut authority, 1).unwrap();
    let key = DeviceCertificate::read(&credential).unwrap().signature_key;
    let chain = [der(&credential), authority.anchor()].map(|der| Certificate { cert_data: der.into() });
    let chain = Credential::X509 { certificates: chain.into() };

    let root = authority.root().unwrap();
    let policy = X509Identities::new(&RustCrypto, [&root]).unwrap();
    assert_eq!(policy.check(&chain, &key, Some(NOW)), Ok(()));
    // Members do not pin the root: a credential has one certificate.
    let pinned = DeviceIdentities::new(&RustCrypto, [(domain(), &root)]).unwrap();
    assert!(pinned.check(&credential, &key, Some(NOW)).is_err());

    // Another authority with the same domain is unknown.
    let other = Authority::create(fixture.temporary.path().join("other"), domain(), NOW, &mut fixture.rng);
    let other = policy_of_root(&other.unwrap());
    assert_eq!(other.check(&chain, &key, Some(NOW)), Err(ChainError::UnknownIssuer));
}

fn policy_of_root(authority: &Authority) -> X509Identities {
    X509Identities::new(&RustCrypto, [authority.root().unwrap()]).unwrap()
}

#[test]
fn domains_of_any_length_have_authorities() {
    let mut fixture = Fixture::new();
    let label = "a".repeat(63);
    let long = [&*label, &*label, &*label, &label[..61]].join(".");
    for (place, text) in ["localhost", "a-b.xn--p1ai", &long].into_iter().enumerate() {
        let folder = fixture.temporary.path().join(place.to_string());
        let mut authority = Authority::create(folder, text.parse().unwrap(), NOW, &mut fixture.rng).unwrap();
        let request = fixture.request(&format!("{}@{text}/{}", "u".repeat(64), "d".repeat(64)));
        let credential =
            authority.issue(&request, MAX_VERSION, Validity::days(NOW, 30), &mut fixture.rng).unwrap();
        assert!(policy(&authority).check(&credential, &request.signature_key, Some(NOW)).is_ok(), "{text}");
    }
}

#[test]
fn versions_only_rise() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    assert_eq!(authority.issued_version(&client(LAPTOP)), None);
    let first = fixture.issue(&mut authority, 3).unwrap();
    let refuse = |fixture: &mut Fixture, authority: &mut Authority, issued| {
        for lower in [issued, issued - 1, 1] {
            match fixture.issue(authority, lower) {
                Err(IssuerError::NotRising { client, version, issued: known }) => {
                    assert_eq!((client.as_str(), version, known), (LAPTOP, lower, issued));
                }
                other => panic!("{other:?}"),
            }
        }
    };
    refuse(&mut fixture, &mut authority, 3);
    drop(authority);

    let mut authority = fixture.open().unwrap();
    assert_eq!(authority.issued_version(&client(LAPTOP)), Some(3));
    refuse(&mut fixture, &mut authority, 3);
    let second = fixture.issue(&mut authority, 4).unwrap();
    refuse(&mut fixture, &mut authority, 4);
    assert!(policy(&authority).may_succeed(&first, &second));
    assert!(!policy(&authority).may_succeed(&second, &first));

    for version in [0, MAX_VERSION + 1, u64::MAX] {
        let refused = fixture.issue(&mut authority, version).unwrap_err();
        assert!(matches!(refused, IssuerError::Version(refused) if refused == version), "{refused}");
    }
    let phone = fixture.request("alice@example.org/phone");
    authority.issue(&phone, 1, Validity::days(NOW, 30), &mut fixture.rng).unwrap();
}

#[test]
fn requests_without_proof_are_refused() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let stolen = fixture.request(LAPTOP).signature_key;
    let request = CertificateRequest { signature_key: stolen, ..fixture.request(LAPTOP) };
    let refused = authority.issue(&request, 1, Validity::days(NOW, 30), &mut fixture.rng).unwrap_err();
    let IssuerError::Request(why) = refused else { panic!("{refused}") };
    assert_eq!(why, CertificateRequestError::Proof(CryptoError::InvalidSignature));

    let foreign = fixture.request("alice@example.com/laptop");
    let refused = authority.issue(&foreign, 1, Validity::days(NOW, 30), &mut fixture.rng).unwrap_err();
    let IssuerError::Request(why) = refused else { panic!("{refused}") };
    assert_eq!(why, CertificateRequestError::OtherDomain(foreign.client));
    assert_eq!(authority.issued_version(&client(LAPTOP)), None);
}

#[test]
fn a_validity_is_within_that_of_the_issuer() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let request = fixture.request(LAPTOP);
    let end = NOW + 10 * 365 * 86_400;
    for (not_before, not_after) in [(NOW + 1, NOW), (NOW - 1, NOW + 1), (NOW, end + 1), (NOW, u64::MAX)] {
        let validity = Validity { not_before, not_after };
        let refused = authority.issue(&request, 1, validity, &mut fixture.rng).unwrap_err();
        assert!(matches!(refused, IssuerError::Validity), "{refused}");
    }
    drop(authority);
    let mut authority = fixture.open().unwrap();
    let validity = Validity { not_before: NOW, not_after: end };
    let credential = authority.issue(&request, 1, validity, &mut fixture.rng).unwrap();
    assert!(policy(&authority).check(&credential, &request.signature_key, Some(end)).is_ok());
}

#[test]
fn either_all_certificates_are_issued_or_none() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let requests = ["a", "b", "c"].map(|name| fixture.request(&format!("{name}@example.org/x")));
    let validity = Validity::days(NOW, 30);
    let all = [(&requests[0], 1), (&requests[1], 1), (&requests[0], 1)];
    let refused = authority.issue_all(&all, validity, &mut fixture.rng).unwrap_err();
    assert!(matches!(refused, IssuerError::NotRising { version: 1, issued: 1, .. }), "{refused}");
    assert!(!refused.to_string().contains('@'), "{refused}");
    assert_eq!(authority.issued_version(&requests[0].client), None);

    let all = requests.each_ref().map(|request| (request, 1));
    let credentials = authority.issue_all(&all, validity, &mut fixture.rng).unwrap();
    assert_eq!(credentials.len(), 3);
    for (request, credential) in requests.iter().zip(&credentials) {
        let checked = policy(&authority).check(credential, &request.signature_key, Some(NOW)).unwrap();
        assert_eq!(checked.client, request.client);
    }
    assert!(authority.issue_all(&[], validity, &mut fixture.rng).unwrap().is_empty());
}

fn read_list(folder: &Path) -> RevocationList {
    RevocationList::decode(&fs::read(folder.join("revocations")).unwrap()).unwrap()
}

#[test]
fn revocations_are_published() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let key = authority.feed_key();
    let first = read_list(&fixture.folder()).verify(&domain(), &key).unwrap();
    assert_eq!((first.number(), first.time(), first.versions().len()), (0, NOW * 1_000, 0));

    let list = authority.revoke(&client(LAPTOP), 3, 5_000).unwrap();
    assert_eq!(read_list(&fixture.folder()), list);
    let mut known = list.verify(&domain(), &key).unwrap();
    assert_eq!((known.number(), known.time()), (1, 5_000));
    assert!(known.is_revoked(&client(LAPTOP), 3) && !known.is_revoked(&client(LAPTOP), 4));

    // This version is revoked already.
    let again = authority.revoke(&client(LAPTOP), 2, 6_000).unwrap().verify(&domain(), &key).unwrap();
    assert_eq!(again, known);
    for version in [1, 3] {
        let refused = fixture.issue(&mut authority, version).unwrap_err();
        assert!(matches!(refused, IssuerError::Revoked { version: it, .. } if it == version), "{refused}");
        assert!(!refused.to_string().contains('@'), "{refused}");
    }
    fixture.issue(&mut authority, 4).unwrap();
    drop(authority);

    let mut authority = fixture.open().unwrap();
    assert_eq!(authority.revocations(), &known);
    let phone = client("alice@example.org/phone");
    let newer = authority.revoke(&phone, MAX_VERSION, 7_000).unwrap().verify(&domain(), &key).unwrap();
    assert_eq!((newer.number(), newer.versions().len()), (2, 2));
    known.replace(newer).unwrap();
    assert!(known.is_revoked(&client(LAPTOP), 3) && known.is_revoked(&phone, MAX_VERSION));
}

#[test]
fn impossible_revocations_are_refused() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let foreign = client("alice@example.com/laptop");
    let refused = authority.revoke(&foreign, 1, 0).unwrap_err();
    let IssuerError::Revocation(why) = refused else { panic!("{refused}") };
    assert_eq!(why, RevocationError::OtherClient(foreign));
    authority.revoke(&client(LAPTOP), 1, 0).unwrap();
    for version in [0, MAX_VERSION + 1] {
        let refused = authority.revoke(&client(LAPTOP), version, 0).unwrap_err();
        assert!(matches!(refused, IssuerError::Version(it) if it == version), "{refused}");
    }
}

/// A list that could not be written completely may have been read nevertheless.
#[test]
fn no_two_revocation_lists_have_one_number() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let obstacle = fixture.folder().join("revocations.new");
    fs::create_dir(&obstacle).unwrap();
    let refused = authority.revoke(&client(LAPTOP), 1, 0).unwrap_err();
    assert!(refused.to_string().contains("revocations.new"), "{refused}");
    assert_eq!(authority.revocations().number(), 0);
    fs::remove_dir(&obstacle).unwrap();
    let key = authority.feed_key();
    let list = authority.revoke(&client(LAPTOP), 1, 0).unwrap().verify(&domain(), &key).unwrap();
    assert_eq!(list.number(), 2);
}

#[test]
fn a_version_that_cannot_be_recorded_is_not_issued() {
    let mut fixture = Fixture::new();
    let mut authority = fixture.create();
    let obstacle = fixture.folder().join("authority.json.new");
    fs::create_dir(&obstacle).unwrap();
    let refused = fixture.issue(&mut authority, 1).unwrap_err();
    assert!(refused.to_string().contains("authority.json.new"), "{refused}");
    assert_eq!(authority.issued_version(&client(LAPTOP)), None);
    fs::remove_dir(&obstacle).unwrap();
    fixture.issue(&mut authority, 1).unwrap();
}

#[test]
fn nothing_prints_a_key() {
    let mut fixture = Fixture::new();
    let printed = format!("{:?}", fixture.create());
    assert_eq!(printed, "Authority { domain: Domain(example.org), .. }");
}

#[test]
fn lists_survive_encoding() {
    let mut fixture = Fixture::new();
    let authority = fixture.create();
    let list = authority.revocation_list().unwrap();
    assert_eq!(list.encode().unwrap(), fs::read(fixture.folder().join("revocations")).unwrap());
}
