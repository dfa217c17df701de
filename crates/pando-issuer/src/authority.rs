//! The authority: its keys, and the issuance and revocation of certificates.

use crate::certificate::{
    Issuer, Validity, authority_name, certify_authority, certify_device, read_authority,
};
use crate::error::IssuerError;
use crate::files::{Access, Folder};
use crate::state::{self, State};
use ed25519_dalek::{SigningKey, VerifyingKey};
use pando_api::{CertificateRequest, ClientId, Domain, MAX_VERSION, RevocationList, Revocations};
use pando_mls::wire::Certificate;
use pando_mls::{Credential, CryptoRng, Decode, Encode, RustCrypto};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

const ROOT: &str = "root.der";
const ROOT_KEY: &str = "root.key";
const INTERMEDIATE: &str = "intermediate.der";
const INTERMEDIATE_KEY: &str = "intermediate.key";
const FEED_KEY: &str = "feed.key";
const REVOCATIONS: &str = "revocations";

/// Days for which the root and the intermediate are valid.
const ROOT_DAYS: u64 = 20 * 365;
const INTERMEDIATE_DAYS: u64 = 10 * 365;

/// A certificate authority of one domain. Its folder is locked while this value exists.
pub struct Authority {
    folder: Folder,
    state: State,
    issuer: Issuer,
    validity: Validity,
    anchor: Vec<u8>,
    feed: SigningKey,
    revocations: Revocations,
    /// The number of the last list that was signed, even if the list could not be written.
    last_number: u64,
}

/// Prints no keys.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("domain", &self.state.domain).finish_non_exhaustive()
    }
}

impl Authority {
    /// Creates an authority in a new or empty folder. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`IssuerError::NotEmpty`] if the folder contains files, [`IssuerError::Io`] if it cannot be
    /// written.
    pub fn create(
        folder: impl AsRef<Path>,
        domain: Domain,
        now: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, IssuerError> {
        let folder = Folder::create(folder.as_ref())?;
        let mut issuer = |role| {
            let key = generate(rng);
            authority_name(role, &domain, &key).map(|name| Issuer { name, key })
        };
        let (root, intermediate) = (issuer("root")?, issuer("intermediate")?);
        let feed = generate(rng);
        let validity = Validity::days(now, ROOT_DAYS);
        let root_certificate = certify_authority(&root, 1, validity, &root, serial(rng))?;
        let validity = Validity::days(now, INTERMEDIATE_DAYS);
        let anchor = certify_authority(&intermediate, 0, validity, &root, serial(rng))?;
        let time = now.saturating_mul(1_000);
        let revocations = Revocations::new(domain.clone(), 0, time, BTreeMap::new())?;
        let list = encode(&sign(&revocations, &feed)?)?;

        folder.write(ROOT_KEY, root.key.as_bytes(), Access::Private)?;
        folder.write(ROOT, &root_certificate, Access::Public)?;
        folder.write(INTERMEDIATE_KEY, intermediate.key.as_bytes(), Access::Private)?;
        folder.write(INTERMEDIATE, &anchor, Access::Public)?;
        folder.write(FEED_KEY, feed.as_bytes(), Access::Private)?;
        folder.write(REVOCATIONS, &list, Access::Public)?;
        // The last file: a folder without it is not opened.
        let state = State::new(domain);
        state.write(&folder)?;
        let issuer = intermediate;
        Ok(Self { folder, state, issuer, validity, anchor, feed, revocations, last_number: 0 })
    }

    /// Opens the authority in a folder. The key of the root is not read.
    ///
    /// # Errors
    /// [`IssuerError::NotAnAuthority`] if the folder was not made by [`Authority::create`],
    /// [`IssuerError::InUse`] if it is open already, and other errors that name the file.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, IssuerError> {
        let folder = Folder::open(folder.as_ref(), state::FILE)?;
        let malformed = |name: &str, why: &dyn fmt::Display| IssuerError::Malformed {
            path: folder.path(name),
            why: why.to_string(),
        };
        let state = State::read(&folder)?;
        let anchor = folder.read(INTERMEDIATE, Access::Public)?.to_vec();
        let key = read_key(&folder, INTERMEDIATE_KEY)?;
        let (issuer, validity) = read_authority(&anchor, key)
            .map_err(|error| malformed(INTERMEDIATE, &error))?
            .ok_or_else(|| malformed(INTERMEDIATE, &format!("certificate is not for {INTERMEDIATE_KEY}")))?;
        let feed = read_key(&folder, FEED_KEY)?;
        let list = folder.read(REVOCATIONS, Access::Public)?;
        let list = RevocationList::decode(&list).map_err(|error| malformed(REVOCATIONS, &error))?;
        let revocations = list.verify(&state.domain, &feed.verifying_key());
        let revocations = revocations.map_err(|error| malformed(REVOCATIONS, &error))?;
        let last_number = revocations.number();
        Ok(Self { folder, state, issuer, validity, anchor, feed, revocations, last_number })
    }

    /// Returns the domain of the authority.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.state.domain
    }

    /// Returns the intermediate certificate in DER, which members pin for the domain.
    #[must_use]
    pub fn anchor(&self) -> &[u8] {
        &self.anchor
    }

    /// Reads the root certificate in DER.
    ///
    /// # Errors
    /// [`IssuerError::Io`] if the file cannot be read.
    pub fn root(&self) -> Result<Vec<u8>, IssuerError> {
        Ok(self.folder.read(ROOT, Access::Public)?.to_vec())
    }

    /// Returns the public key that verifies revocation lists.
    #[must_use]
    pub fn feed_key(&self) -> VerifyingKey {
        self.feed.verifying_key()
    }

    /// Returns the highest version that was issued for a client, or `None` if there is none.
    #[must_use]
    pub fn issued_version(&self, client: &ClientId) -> Option<u64> {
        self.state.versions.get(client).copied()
    }

    /// Returns the current revocations.
    #[must_use]
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Signs the current revocation list. The signature is always the same.
    ///
    /// # Errors
    /// [`IssuerError::Encoding`] if the list is too long.
    pub fn revocation_list(&self) -> Result<RevocationList, IssuerError> {
        sign(&self.revocations, &self.feed)
    }

    /// Issues a certificate, and returns the credential with it.
    ///
    /// # Errors
    /// [`IssuerError`] if the request is not valid, the version is not above the issued and the
    /// revoked versions of the client, the validity is not within that of the intermediate
    /// certificate, or the version cannot be recorded.
    pub fn issue(
        &mut self,
        request: &CertificateRequest,
        version: u64,
        validity: Validity,
        rng: &mut dyn CryptoRng,
    ) -> Result<Credential, IssuerError> {
        let credentials = self.issue_all(&[(request, version)], validity, rng)?;
        credentials.into_iter().next().ok_or(IssuerError::Version(version))
    }

    /// Issues certificates for many requests, each with its version. Either all are issued or none.
    ///
    /// The versions are recorded once, so this is faster than [`Authority::issue`] for each.
    ///
    /// # Errors
    /// As [`Authority::issue`], for the first request that is refused.
    pub fn issue_all(
        &mut self,
        requests: &[(&CertificateRequest, u64)],
        validity: Validity,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<Credential>, IssuerError> {
        if !validity.is_within(self.validity) {
            return Err(IssuerError::Validity);
        }
        let mut state = self.state.clone();
        let mut credentials = Vec::with_capacity(requests.len());
        for (request, version) in requests {
            request.verify(&RustCrypto, &self.state.domain)?;
            self.record(&mut state, &request.client, *version)?;
            let der = certify_device(
                &request.client,
                *version,
                request.cipher_suite,
                &request.signature_key,
                validity,
                &self.issuer,
                serial(rng),
            )?;
            credentials.push(Credential::X509 { certificates: vec![Certificate { cert_data: der.into() }] });
        }
        state.write(&self.folder)?;
        self.state = state;
        Ok(credentials)
    }

    /// Checks that a version may be issued, and adds it to the record.
    fn record(&self, state: &mut State, client: &ClientId, version: u64) -> Result<(), IssuerError> {
        check_version(version)?;
        if self.revocations.is_revoked(client, version) {
            return Err(IssuerError::Revoked { client: client.clone(), version });
        }
        match state.versions.insert(client.clone(), version) {
            Some(issued) if issued >= version => {
                Err(IssuerError::NotRising { client: client.clone(), version, issued })
            }
            _ => Ok(()),
        }
    }

    /// Revokes a version of a client and all lower ones, and returns the new list, which is also
    /// written to the folder. If this version is revoked already, nothing changes, and the list
    /// keeps its number. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// [`IssuerError`] if the client is of another domain, the version is not between 1 and
    /// 2^63 - 1, or the list cannot be written.
    pub fn revoke(
        &mut self,
        client: &ClientId,
        version: u64,
        now: u64,
    ) -> Result<RevocationList, IssuerError> {
        check_version(version)?;
        if self.revocations.is_revoked(client, version) {
            return self.revocation_list();
        }
        let mut versions = self.revocations.versions().clone();
        versions.insert(client.clone(), version);
        let number = self.last_number.saturating_add(1);
        let revocations = Revocations::new(self.state.domain.clone(), number, now, versions)?;
        let list = sign(&revocations, &self.feed)?;
        // If writing fails, the list may have been read nevertheless. So the number is used up.
        self.last_number = number;
        self.folder.write(REVOCATIONS, &encode(&list)?, Access::Public)?;
        self.revocations = revocations;
        Ok(list)
    }
}

fn check_version(version: u64) -> Result<(), IssuerError> {
    if (1..=MAX_VERSION).contains(&version) { Ok(()) } else { Err(IssuerError::Version(version)) }
}

fn sign(revocations: &Revocations, feed: &SigningKey) -> Result<RevocationList, IssuerError> {
    RevocationList::sign(revocations, feed).map_err(|error| IssuerError::Encoding(error.to_string()))
}

fn encode(list: &RevocationList) -> Result<Vec<u8>, IssuerError> {
    list.encode().map_err(|error| IssuerError::Encoding(error.to_string()))
}

fn generate(rng: &mut dyn CryptoRng) -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *seed);
    SigningKey::from_bytes(&seed)
}

fn read_key(folder: &Folder, name: &str) -> Result<SigningKey, IssuerError> {
    let bytes = folder.read(name, Access::Private)?;
    SigningKey::try_from(bytes.as_slice()).map_err(|_| IssuerError::Malformed {
        path: folder.path(name),
        why: format!("key has {} bytes instead of 32", bytes.len()),
    })
}

/// Returns a serial number of 126 random bits. Its first bit is 0, because it is positive, and its
/// second is 1, so that all serial numbers have the same length.
fn serial(rng: &mut dyn CryptoRng) -> [u8; 16] {
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    serial
}
