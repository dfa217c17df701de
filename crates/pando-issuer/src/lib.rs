//! A certificate authority in a folder, for development and tests until there is an authentication
//! service. It issues device certificates and publishes revocations (docs/protocol.md, section 3).
//!
//! ```
//! use pando_api::{CertificateRequest, DeviceIdentities};
//! use pando_issuer::{Authority, Validity};
//! use pando_mls::{CipherSuite, CryptoProvider, RustCrypto};
//! # use rand_core::SeedableRng;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (rng, now) = (&mut rand_chacha::ChaCha20Rng::seed_from_u64(1), 1_800_000_000);
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path().join("authority");
//! let mut authority = Authority::create(&folder, "example.org".parse()?, now, rng)?;
//!
//! // The client proves that it has the private key.
//! const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
//! let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
//! let signer = suite.signer(&suite.signature_generate_key(rng)?)?;
//! let request = CertificateRequest::sign(SUITE, "alice@example.org/laptop".parse()?, &*signer)?;
//! let credential = authority.issue(&request, 1, Validity::days(now, 30), rng)?;
//!
//! // Members pin the intermediate certificate.
//! let anchors = [(authority.domain().clone(), authority.anchor())];
//! let policy = DeviceIdentities::new(&RustCrypto, anchors)?;
//! assert_eq!(policy.check(&credential, signer.public_key(), Some(now))?.version, 1);
//!
//! // The delivery service learns of revocations from a signed list.
//! let list = authority.revoke(&request.client, 1, 1_000 * now)?;
//! let revocations = list.verify(authority.domain(), &authority.feed_key())?;
//! assert!(revocations.is_revoked(&request.client, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Files
//!
//! | File | Contents |
//! |---|---|
//! | `authority.json` | the domain, and the highest version that was issued for each client |
//! | `root.der`, `root.key` | the root, which certified the intermediate |
//! | `intermediate.der`, `intermediate.key` | the issuer of device certificates; members pin it |
//! | `feed.key` | the key that signs revocation lists |
//! | `revocations` | the current revocation list |
//! | `lock` | an empty file, locked while the folder is open |
//!
//! The key of the root is not needed after the folder is created, and can be kept offline. A key is
//! the 32 bytes of an Ed25519 private key, in a file that only the owner may read: it has the mode
//! 0600. On other systems than Unix, the user must protect the folder. A file is replaced by
//! writing another file, flushing it to the disk and renaming it, so that a crash leaves the old or
//! the new contents. A version is recorded before its certificate is returned.
//!
//! # Signature schemes
//!
//! The authority signs with Ed25519, so the certificate of an Ed25519 key takes about 400 bytes. It
//! certifies keys of all five signature schemes of MLS. The certificates are encoded with the ASN.1
//! types of `x509-cert`, and all cryptography is from the crates that Pando has anyway. The crate
//! `rcgen` cannot certify Ed448 keys, and P-521 keys only with the C library AWS-LC.
//!
//! # Left out on purpose
//!
//! Accounts, the authentication of users, the transparency log, renewal of the intermediate, and an
//! interface over the network. The authentication service will have them. A process that can
//! write to the folder can impersonate every user of its domain.

mod authority;
mod certificate;
mod error;
mod files;
mod state;

pub use authority::Authority;
pub use certificate::Validity;
pub use error::IssuerError;
