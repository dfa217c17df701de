//! A server with accounts in memory, and clients with certificates.

use pando_api::{
    CertificateRequest, ClaimId, ClaimKeyPackages, ClaimStatus, ClaimTarget, ClaimedKeyPackages, ClientId,
    DeviceCertificate, DeviceIdentities, Domain, KeyPackageCounts, LAST_RESORT_EXTENSION, LastResort,
    PolicyRules, ProblemCode, ServerKeys, UploadKeyPackages, UserId,
};
use pando_delivery::Refusal;
use pando_delivery::account::{CheckedUpload, Claim, count, expire, partition, sessions};
use pando_delivery::group::{Admission, Caller, Environment};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Snapshot, Store, Transaction};
use pando_issuer::{Authority, Validity};
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{
    Capabilities, CipherSuite, Credential, CredentialType, CryptoProvider, Encode, Extension, ExtensionType,
    Extensions, KeyPackage, KeyPackageBundle, KeyPackageTemplate, Lifetime, Limits, Opaque, ProtocolVersion,
    RustCrypto, Signer, Suite,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// The time of the tests, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000_000;
pub(crate) const HOUR: u64 = 60 * 60 * 1_000;
pub(crate) const DAY: u64 = 24 * HOUR;

pub(crate) const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
/// Another cipher suite with the same signature scheme.
pub(crate) const OTHER_SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519;

/// An extension type that some KeyPackages support.
pub(crate) const RARE: ExtensionType = ExtensionType(0xf123);

pub(crate) fn suite(id: CipherSuite) -> Suite {
    RustCrypto.suite(id).unwrap()
}

/// Certificates that the server does not admit: all versions of a client up to the given one.
#[derive(Default)]
pub(crate) struct Revoked(Mutex<BTreeMap<ClientId, u64>>);

impl Revoked {
    pub(crate) fn insert(&self, client: &ClientId, version: u64) {
        self.0.lock().unwrap().insert(client.clone(), version);
    }

    fn contains(&self, client: &ClientId, version: u64) -> bool {
        self.0.lock().unwrap().get(client).is_some_and(|revoked| version <= *revoked)
    }
}

impl Admission for Revoked {
    fn check(&self, certificate: &DeviceCertificate) -> Result<(), Refusal> {
        if self.contains(&certificate.client, certificate.version) {
            return Err(Refusal::new(ProblemCode::CertificateRevoked, ""));
        }
        Ok(())
    }
}

/// A client with a certificate.
pub(crate) struct Device {
    pub(crate) caller: Caller,
    pub(crate) credential: Credential,
    pub(crate) signer: Box<dyn Signer>,
}

impl Device {
    pub(crate) fn client(&self) -> &ClientId {
        &self.caller.client
    }
}

/// The properties of a KeyPackage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) suite: CipherSuite,
    /// The lifetime in milliseconds since 1970.
    pub(crate) lifetime: (u64, u64),
    pub(crate) is_rare: bool,
    pub(crate) is_last_resort: bool,
}

impl Default for Spec {
    fn default() -> Self {
        let lifetime = (NOW - HOUR, NOW + 10 * DAY);
        Self { suite: SUITE, lifetime, is_rare: false, is_last_resort: false }
    }
}

impl Spec {
    pub(crate) fn until(not_after: u64) -> Self {
        Self { lifetime: (NOW - HOUR, not_after), ..Self::default() }
    }

    pub(crate) fn last_resort() -> Self {
        Self { is_last_resort: true, ..Self::default() }
    }
}

/// The server, and what all clients share.
pub(crate) struct World {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) revoked: Arc<Revoked>,
    pub(crate) now: u64,
    store: Arc<MemoryStore>,
    domain: Domain,
    keys: ServerKeys,
    identities: DeviceIdentities,
    authority: Authority,
    _folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let folder = TempDir::new().unwrap();
        let domain: Domain = "example.org".parse().unwrap();
        let authority =
            Authority::create(folder.path().join("authority"), domain.clone(), NOW / 1_000 - 60, &mut rng)
                .unwrap();
        let anchors = [(domain.clone(), authority.anchor())];
        let identities = DeviceIdentities::new(&RustCrypto, anchors).unwrap();
        Self {
            rng,
            revoked: Arc::default(),
            now: NOW,
            store: Arc::default(),
            domain,
            keys: ServerKeys::default(),
            identities,
            authority,
            _folder: folder,
        }
    }

    /// Returns a client with a certificate for 30 days.
    pub(crate) fn device(&mut self, name: &str, version: u64) -> Device {
        let signer =
            suite(SUITE).signer(&suite(SUITE).signature_generate_key(&mut self.rng).unwrap()).unwrap();
        let client: ClientId = name.parse().unwrap();
        let request = CertificateRequest::sign(SUITE, client.clone(), &*signer).unwrap();
        let validity = Validity::days(self.now / 1_000, 30);
        let credential = self.authority.issue(&request, version, validity, &mut self.rng).unwrap();
        Device { caller: Caller { client, version }, credential, signer }
    }

    pub(crate) fn environment(&self) -> Environment<'_> {
        Environment {
            domain: &self.domain,
            keys: &self.keys,
            removers: &[],
            crypto: &RustCrypto,
            identities: &self.identities,
            rules: &PolicyRules,
            limits: Limits::default(),
            admission: &*self.revoked,
            now: self.now,
        }
    }

    /// Returns a KeyPackage.
    pub(crate) fn key_package(&mut self, device: &Device, spec: Spec) -> KeyPackage {
        let Spec { suite: id, lifetime: (not_before, not_after), is_rare, is_last_resort } = spec;
        let rare = is_rare.then_some(RARE);
        let template = KeyPackageTemplate {
            credential: device.credential.clone(),
            capabilities: Capabilities {
                versions: vec![ProtocolVersion::MLS_10],
                cipher_suites: vec![id],
                // The list is not sorted.
                extensions: rare.into_iter().chain([LAST_RESORT_EXTENSION]).collect(),
                proposals: Vec::new(),
                credentials: vec![CredentialType::X509],
            },
            lifetime: Lifetime { not_before: not_before / 1_000, not_after: not_after / 1_000 },
            leaf_extensions: Extensions::default(),
            extensions: Extensions(
                is_last_resort.then(|| Extension::new(&LastResort).unwrap()).into_iter().collect(),
            ),
        };
        KeyPackageBundle::new(suite(id), template, &*device.signer, &mut self.rng).unwrap().key_package
    }

    /// Returns an encoded KeyPackage.
    pub(crate) fn encoded(&mut self, device: &Device, spec: Spec) -> Opaque {
        self.key_package(device, spec).encode().unwrap().into()
    }

    /// Runs a write transaction on the partition of a user.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        user: &UserId,
        work: impl FnOnce(&mut dyn Transaction, u64) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let now = self.now;
        block_on(self.store.write(&partition(user), 0, move |rows| work(rows, now)))
    }

    /// Runs a read request on the partition of a user.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        user: &UserId,
        work: impl FnOnce(&dyn Snapshot, u64) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let now = self.now;
        block_on(self.store.read(&partition(user), move |rows| work(rows, now)))
    }

    /// Returns all rows of a user's partition.
    pub(crate) fn rows(&self, user: &UserId) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let rows = self.read(user, |rows, _| Ok(rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?));
        rows.unwrap().rows.into_iter().map(|row| (row.key, row.value)).collect()
    }

    /// Returns the due time of a user's partition.
    pub(crate) fn due(&self, user: &UserId) -> Option<u64> {
        self.read(user, |rows, _| Ok(rows.due()?)).unwrap()
    }

    /// Deletes expired rows of a user's partition.
    pub(crate) fn expire(&self, user: &UserId, limit: usize) {
        self.write(user, move |rows, now| expire(rows, now, limit)).unwrap();
    }

    /// Records a login with a nonce that expires after a minute.
    pub(crate) fn login(&self, caller: &Caller, nonce: &'static [u8]) -> Result<(), Refusal> {
        let caller = caller.clone();
        self.write(&caller.user(), move |rows, now| {
            sessions::record_login(rows, &caller, (nonce, now + 60_000), now)
        })
    }

    /// Uploads KeyPackages and, if it is not empty, a KeyPackage of last resort.
    pub(crate) fn upload(
        &self,
        device: &Device,
        key_packages: &[Opaque],
        last_resort: &Opaque,
    ) -> Result<(), Refusal> {
        let checked = self.check_upload(device, key_packages, last_resort)?;
        self.write_upload(device, checked)
    }

    pub(crate) fn check_upload(
        &self,
        device: &Device,
        key_packages: &[Opaque],
        last_resort: &Opaque,
    ) -> Result<CheckedUpload, Refusal> {
        let (key_packages, last_resort) = (key_packages.to_vec(), last_resort.clone());
        let request = UploadKeyPackages { key_packages, last_resort };
        CheckedUpload::check((&self.environment(), &device.caller), &request)
    }

    pub(crate) fn write_upload(&self, device: &Device, checked: CheckedUpload) -> Result<(), Refusal> {
        self.write(&device.caller.user(), move |rows, now| checked.write(rows, now))
    }

    /// Uploads KeyPackages with these properties. Returns them in their order.
    pub(crate) fn publish(&mut self, device: &Device, specs: &[Spec]) -> Vec<Opaque> {
        let key_packages: Vec<_> = specs.iter().map(|spec| self.encoded(device, *spec)).collect();
        for (spec, bytes) in specs.iter().zip(&key_packages) {
            let uploaded = if spec.is_last_resort {
                self.upload(device, &[], bytes)
            } else {
                self.upload(device, std::slice::from_ref(bytes), &Opaque::default())
            };
            uploaded.unwrap();
        }
        key_packages
    }

    pub(crate) fn count(&self, device: &Device) -> KeyPackageCounts {
        let client = device.client().clone();
        self.read(&client.user(), move |rows, now| count(rows, &client, now)).unwrap()
    }

    /// Claims KeyPackages. Returns the status of each client.
    pub(crate) fn claim(
        &self,
        claimer: &Caller,
        request: &ClaimKeyPackages,
    ) -> Result<Vec<(String, ClaimStatus)>, Refusal> {
        let claim = Claim::new(claimer, request.clone())?;
        let (user, revoked) = (claim.user(), self.revoked.clone());
        let answer: ClaimedKeyPackages = self.write(&user, move |rows, now| {
            claim.write(rows, &|client, version| revoked.contains(client, version), now)
        })?;
        let statuses = answer.clients.into_iter().map(|claimed| (claimed.client.to_string(), claimed.status));
        Ok(statuses.collect())
    }

    /// Claims a KeyPackage of one client.
    pub(crate) fn claim_one(&self, claimer: &Caller, id: u8, device: &Device) -> ClaimStatus {
        let request = request(id, ClaimTarget::Client(device.client().clone()));
        let mut answer = self.claim(claimer, &request).unwrap();
        assert_eq!((answer.len(), &*answer[0].0), (1, device.client().as_str()));
        answer.remove(0).1
    }
}

/// Returns a claim without required capabilities.
pub(crate) fn request(id: u8, target: ClaimTarget) -> ClaimKeyPackages {
    let capabilities = RequiredCapabilities::default();
    ClaimKeyPackages { claim_id: ClaimId([id; 16]), target, cipher_suite: SUITE, capabilities }
}

/// Returns a client that claims KeyPackages of others.
pub(crate) fn claimer(name: &str) -> Caller {
    Caller { client: name.parse().unwrap(), version: 1 }
}

/// Returns the first bytes of the keys, which are the kinds of the rows.
pub(crate) fn kinds(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeSet<char> {
    rows.keys().map(|key| char::from(key[0])).collect()
}

/// Returns the code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> ProblemCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.problem().known_code().unwrap(),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
