//! Authorities and clients whose certificates can have any contents.

use der::asn1::{Any, BitString, OctetString};
use der::oid::AssociatedOid;
use der::{DateTime, Decode, Encode, Sequence, Tag};
use pando_crypto::{CryptoProvider, RustCrypto, Signer, Suite};
use pando_wire::{Certificate, CipherSuite, Credential, SignaturePublicKey};
use pando_x509::{ChainError, ObjectIdentifier, X509Identities};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::str::FromStr;
use std::time::Duration;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;
use x509_cert::{SubjectPublicKeyInfo, certificate::Version};

pub(crate) const ED25519: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
pub(crate) const P256: CipherSuite = CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
pub(crate) const P384: CipherSuite = CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384;
pub(crate) const P521: CipherSuite = CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521;
pub(crate) const ED448: CipherSuite = CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448;

/// The current time in the tests. This time lies between [`START`] and [`END`], which are the start
/// and the end of the validity of certificates.
pub(crate) const NOW: u64 = 1_500;
pub(crate) const START: u64 = 1_000;
pub(crate) const END: u64 = 2_000;

/// A certificate with a signer for the certified key.
pub(crate) struct Certified {
    pub(crate) der: Vec<u8>,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) name: Name,
    suite: Suite,
}

/// The contents of a certificate that is to be created.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) subject: Name,
    issuer: Option<Name>,
    valid: Validity,
    suite: CipherSuite,
    key_algorithm: Option<AlgorithmIdentifierOwned>,
    version: Option<Version>,
    serial_number: Any,
    signed_as: Option<AlgorithmIdentifierOwned>,
    extensions: Vec<Extension>,
}

/// The structure `TBSCertificate` (RFC 5280, section 4.1). The type of the same name in `x509-cert`
/// cannot be used, because its fields are private.
#[derive(Sequence)]
struct Tbs {
    #[asn1(context_specific = "0", optional = "true")]
    version: Option<Version>,
    serial_number: Any,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfo,
    #[asn1(context_specific = "3", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// The structure `Validity` (RFC 5280, section 4.1.2.5), which may contain times that `x509-cert`
/// does not support.
#[derive(Clone, Sequence)]
struct Validity {
    not_before: Any,
    not_after: Any,
}

#[derive(Sequence)]
struct Signed {
    tbs: Tbs,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Template {
    fn new(name: &str) -> Self {
        let subject = Name::from_str(&format!("CN={name},O=Test")).unwrap();
        let valid = Validity { not_before: time(START), not_after: time(END) };
        Self {
            subject,
            issuer: None,
            valid,
            suite: P256,
            key_algorithm: None,
            version: Some(Version::V3),
            serial_number: Any::new(Tag::Integer, [1]).unwrap(),
            signed_as: None,
            extensions: vec![],
        }
    }

    pub(crate) fn authority(name: &str) -> Self {
        Self::new(name).constraints(true, None).usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)
    }

    pub(crate) fn client(name: &str) -> Self {
        let uri =
            GeneralName::UniformResourceIdentifier(format!("im:{name}@example.org").try_into().unwrap());
        Self::new(name).usage(KeyUsages::DigitalSignature).names(vec![uri])
    }

    pub(crate) fn subject(self, subject: Name) -> Self {
        Self { subject, ..self }
    }

    /// Sets the issuer name in the certificate, which may differ from the subject of the issuer.
    pub(crate) fn issuer(self, issuer: Name) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    pub(crate) fn suite(self, suite: CipherSuite) -> Self {
        Self { suite, ..self }
    }

    /// Sets the algorithm identifier of the key, which may be wrong.
    pub(crate) fn key_algorithm(self, oid: &str) -> Self {
        let algorithm = AlgorithmIdentifierOwned { oid: oid.parse().unwrap(), parameters: None };
        Self { key_algorithm: Some(algorithm), ..self }
    }

    /// Sets the serial number, given in two's complement.
    pub(crate) fn serial_number(self, bytes: &[u8]) -> Self {
        Self { serial_number: Any::new(Tag::Integer, bytes).unwrap(), ..self }
    }

    /// Makes this a certificate of version 1, which has no extensions.
    pub(crate) fn version_1(self) -> Self {
        Self { version: None, extensions: vec![], ..self }
    }

    /// Sets a signature algorithm for the field next to the signature that differs from the one in
    /// the TBSCertificate.
    pub(crate) fn signed_as(self, suite: CipherSuite) -> Self {
        Self { signed_as: Some(identifiers(suite).1), ..self }
    }

    pub(crate) fn valid(self, from: u64, until: u64) -> Self {
        Self { valid: Validity { not_before: time(from), not_after: time(until) }, ..self }
    }

    /// Sets the validity times as text, which may be malformed. A text of 13 characters is encoded
    /// as UTCTime, and all others as GeneralizedTime.
    pub(crate) fn valid_as_written(self, from: &str, until: &str) -> Self {
        let time = |text: &str| {
            let tag = if text.len() == 13 { Tag::UtcTime } else { Tag::GeneralizedTime };
            Any::new(tag, text.as_bytes()).unwrap()
        };
        Self { valid: Validity { not_before: time(from), not_after: time(until) }, ..self }
    }

    pub(crate) fn constraints(self, ca: bool, path_len_constraint: Option<u8>) -> Self {
        self.with(true, &BasicConstraints { ca, path_len_constraint })
    }

    pub(crate) fn usage(self, usages: impl Into<der::flagset::FlagSet<KeyUsages>>) -> Self {
        self.with(true, &KeyUsage(usages.into()))
    }

    pub(crate) fn names(self, names: Vec<GeneralName>) -> Self {
        self.with(false, &SubjectAltName(names))
    }

    /// Sets an extension, replacing an existing one of the same type.
    pub(crate) fn with<E: AssociatedOid + Encode>(self, critical: bool, extension: &E) -> Self {
        self.without::<E>().with_bytes(E::OID, critical, &extension.to_der().unwrap())
    }

    pub(crate) fn with_bytes(mut self, extn_id: ObjectIdentifier, critical: bool, value: &[u8]) -> Self {
        self.extensions.push(Extension { extn_id, critical, extn_value: OctetString::new(value).unwrap() });
        self
    }

    pub(crate) fn without<E: AssociatedOid>(mut self) -> Self {
        self.extensions.retain(|extension| extension.extn_id != E::OID);
        self
    }

    /// Creates a self-signed certificate.
    pub(crate) fn self_signed(self) -> Certified {
        let signer = new_signer(self.suite, &self.subject);
        self.build(signer, None)
    }

    pub(crate) fn signed_by(self, issuer: &Certified) -> Certified {
        let signer = new_signer(self.suite, &self.subject);
        self.build(signer, Some(issuer))
    }

    /// Creates a certificate for an existing key.
    pub(crate) fn for_key(self, signer: Box<dyn Signer>, issuer: &Certified) -> Certified {
        self.build(signer, Some(issuer))
    }

    fn build(self, signer: Box<dyn Signer>, issuer: Option<&Certified>) -> Certified {
        let suite = RustCrypto.suite(self.suite).unwrap();
        let issuer_name = self.issuer.as_ref().or(issuer.map(|issuer| &issuer.name)).unwrap_or(&self.subject);
        let issuer_suite = issuer.map_or(self.suite, |issuer| issuer.suite.cipher_suite());
        let issuer_signer = issuer.map_or(&*signer, |issuer| &*issuer.signer);
        let (_, signature) = identifiers(issuer_suite);
        let (key, _) = identifiers(self.suite);
        let tbs = Tbs {
            version: self.version,
            serial_number: self.serial_number,
            signature: signature.clone(),
            issuer: issuer_name.clone(),
            validity: self.valid,
            subject: self.subject.clone(),
            subject_public_key_info: SubjectPublicKeyInfo {
                algorithm: self.key_algorithm.unwrap_or(key),
                subject_public_key: BitString::from_bytes(signer.public_key()).unwrap(),
            },
            extensions: (!self.extensions.is_empty()).then_some(self.extensions),
        };
        let bits = BitString::from_bytes(&issuer_signer.sign(&tbs.to_der().unwrap()).unwrap()).unwrap();
        let signature_algorithm = self.signed_as.unwrap_or(signature);
        let der = Signed { tbs, signature_algorithm, signature: bits }.to_der().unwrap();
        Certified { der, signer, name: self.subject, suite }
    }
}

impl Certified {
    pub(crate) fn key(&self) -> &SignaturePublicKey {
        self.signer.public_key()
    }
}

fn time(seconds: u64) -> Any {
    let time = Time::from(DateTime::from_unix_duration(Duration::from_secs(seconds)).unwrap());
    Any::from_der(&time.to_der().unwrap()).unwrap()
}

/// Returns the key for a name. Different names have different keys, and the same name always has
/// the same key.
fn new_signer(suite: CipherSuite, name: &Name) -> Box<dyn Signer> {
    let suite = RustCrypto.suite(suite).unwrap();
    let seed = suite.hash(&[&name.to_der().unwrap()]);
    let mut rng = ChaCha20Rng::from_seed(seed[..32].try_into().unwrap());
    suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap()
}

/// Returns the identifiers that certificates use for a cipher suite's signature scheme, which are
/// those of the key algorithm and of the signature algorithm.
fn identifiers(suite: CipherSuite) -> (AlgorithmIdentifierOwned, AlgorithmIdentifierOwned) {
    let identifier = |oid: &str, parameters: Option<&str>| AlgorithmIdentifierOwned {
        oid: oid.parse().unwrap(),
        parameters: parameters.map(|oid| {
            Decode::from_der(&oid.parse::<ObjectIdentifier>().unwrap().to_der().unwrap()).unwrap()
        }),
    };
    let ecdsa = |curve, hash| (identifier("1.2.840.10045.2.1", Some(curve)), identifier(hash, None));
    match suite {
        P256 => ecdsa("1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2"),
        P384 => ecdsa("1.3.132.0.34", "1.2.840.10045.4.3.3"),
        P521 => ecdsa("1.3.132.0.35", "1.2.840.10045.4.3.4"),
        ED25519 => (identifier("1.3.101.112", None), identifier("1.3.101.112", None)),
        ED448 => (identifier("1.3.101.113", None), identifier("1.3.101.113", None)),
        other => panic!("no such suite: {other}"),
    }
}

/// A root, an authority below it, and a client whose certificate was issued by the authority.
pub(crate) struct Pki {
    pub(crate) root: Certified,
    pub(crate) authority: Certified,
    pub(crate) client: Certified,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let root = Template::authority("root").self_signed();
        let authority = Template::authority("authority").signed_by(&root);
        let client = Template::client("alice").signed_by(&authority);
        Self { root, authority, client }
    }

    pub(crate) fn policy(&self) -> X509Identities {
        policy(&self.root)
    }

    /// Returns the policy's result for a chain, with this root as the trust anchor.
    pub(crate) fn check(&self, chain: &[&Certified]) -> Result<(), ChainError> {
        check(&self.root, chain)
    }
}

pub(crate) fn policy(root: &Certified) -> X509Identities {
    X509Identities::new(&RustCrypto, [&root.der]).unwrap()
}

/// Returns the result for a chain from a policy with one trust anchor. The result must be the same
/// with and without a time.
pub(crate) fn check(root: &Certified, chain: &[&Certified]) -> Result<(), ChainError> {
    let (with_time, without) = check_both(root, chain, NOW);
    assert_eq!(with_time, without, "the time makes no difference here");
    with_time
}

/// Returns the results for a chain, with a time and without one.
pub(crate) fn check_both(
    root: &Certified,
    chain: &[&Certified],
    now: u64,
) -> (Result<(), ChainError>, Result<(), ChainError>) {
    let (policy, credential, key) = (policy(root), credential(chain), chain[0].key());
    (policy.check(&credential, key, Some(now)), policy.check(&credential, key, None))
}

pub(crate) fn credential(chain: &[&Certified]) -> Credential {
    credential_of(chain.iter().map(|certified| &*certified.der))
}

pub(crate) fn credential_of<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Credential {
    let certificates = certificates.into_iter().map(|der| Certificate { cert_data: der.into() });
    Credential::X509 { certificates: certificates.collect() }
}
