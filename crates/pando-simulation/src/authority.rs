//! The certificates of all simulations.

use crate::clock::START;
use pando_api::{CertificateRequest, ClientId, DeviceIdentities, Domain};
use pando_issuer::{Authority, Validity};
use pando_mls::{CipherSuite, Credential, CryptoProvider, RustCrypto, SignaturePrivateKey, Signer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

/// The cipher suite of the simulations.
pub const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// The users of the simulations. Each has the devices of [`DEVICES`].
pub const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The devices of each user.
pub const DEVICES: [&str; 2] = ["laptop", "phone"];

/// The number of certificates of each device.
pub const VERSIONS: u64 = 6;

/// A certificate with its signature key.
#[derive(Clone)]
pub struct Certified {
    /// The credential with the certificate.
    pub credential: Credential,
    /// The private key.
    pub private_key: Arc<SignaturePrivateKey>,
    /// The signer.
    pub signer: Arc<dyn Signer>,
}

/// The certificates that simulations use. They are issued once, because an authority records each
/// version on a disk.
pub struct Certificates {
    anchor: Vec<u8>,
    certificates: BTreeMap<(ClientId, u64), Certified>,
    remover: SignaturePrivateKey,
}

impl Certificates {
    /// Issues the certificates of all devices.
    ///
    /// # Errors
    /// An error of the authority, whose folder is temporary.
    pub fn issue() -> Result<Self, Box<dyn Error>> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
        let folder = tempfile::tempdir()?;
        let now = START.div_euclid(1_000);
        let path = folder.path().join("authority");
        let mut authority = Authority::create(path, domain()?, now.saturating_sub(3_600), &mut rng)?;
        let mut certificates = BTreeMap::new();
        for version in 1..=VERSIONS {
            let (mut keys, mut requests) = (Vec::new(), Vec::new());
            for (user, device) in
                USERS.iter().flat_map(|user| DEVICES.iter().map(move |device| (user, device)))
            {
                let client: ClientId = format!("{user}@example.org/{device}").parse()?;
                let private_key = suite.signature_generate_key(&mut rng)?;
                let signer: Arc<dyn Signer> = suite.signer(&private_key)?.into();
                requests.push(CertificateRequest::sign(SUITE, client.clone(), &*signer)?);
                keys.push((client, private_key, signer));
            }
            let numbered: Vec<_> = requests.iter().map(|request| (request, version)).collect();
            let validity = Validity::days(now.saturating_sub(3_600), 60);
            let credentials = authority.issue_all(&numbered, validity, &mut rng)?;
            for ((client, private_key, signer), credential) in keys.into_iter().zip(credentials) {
                let private_key = Arc::new(private_key);
                certificates.insert((client, version), Certified { credential, private_key, signer });
            }
        }
        let remover = suite.signature_generate_key(&mut rng)?;
        Ok(Self { anchor: authority.anchor().to_vec(), certificates, remover })
    }

    /// Returns a certificate of a client.
    #[must_use]
    pub fn get(&self, client: &ClientId, version: u64) -> Option<&Certified> {
        self.certificates.get(&(client.clone(), version))
    }

    /// Returns all clients.
    pub fn clients(&self) -> impl Iterator<Item = &ClientId> {
        self.certificates.keys().filter(|(_, version)| *version == 1).map(|(client, _)| client)
    }

    /// Returns an identity policy that accepts the certificates.
    ///
    /// # Errors
    /// [`pando_api::PinError`] if the trust anchor is not valid.
    pub fn identities(&self) -> Result<DeviceIdentities, Box<dyn Error>> {
        Ok(DeviceIdentities::new(&RustCrypto, [(domain()?, &self.anchor)])?)
    }

    /// Returns the signer of the server's proposals.
    ///
    /// # Errors
    /// An error of the cryptographic backend.
    pub fn remover(&self) -> Result<Box<dyn Signer>, Box<dyn Error>> {
        let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
        Ok(suite.signer(&self.remover)?)
    }
}

/// Returns the domain of the simulations.
///
/// # Errors
/// None: the domain is valid.
pub fn domain() -> Result<Domain, Box<dyn Error>> {
    Ok("example.org".parse()?)
}
