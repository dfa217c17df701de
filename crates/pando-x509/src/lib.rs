//! Identities by X.509 certificates: an identity policy for credentials of the type x509 (RFC 9420, sections 5.3
//! and 5.3.1).
//!
//! [`X509Identities`] accepts a credential if it is a chain of certificates from the signature key to a trust
//! anchor. [`Identity`] is whom the first certificate names.
//!
//! ```
//! use pando_crypto::RustCrypto;
//! use pando_wire::{Certificate, Credential, SignaturePublicKey};
//! use pando_x509::{AlternativeName, Identity, X509Identities};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let root = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root.der"));
//! # let intermediate = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/intermediate.der"));
//! # let leaf = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/leaf.der"));
//! # let signature_key = SignaturePublicKey::from(&leaf[138..170]);
//! // All members trust the same authority.
//! let policy = X509Identities::new(&RustCrypto, [root])?;
//!
//! // Alice's certificate, and that of its issuer, for whom the authority has signed.
//! let certificates = [leaf.as_slice(), intermediate.as_slice()];
//! let certificates = certificates.map(|der| Certificate { cert_data: der.into() });
//! let credential = Credential::X509 { certificates: certificates.into() };
//!
//! let now = 1_800_000_000; // in seconds since 1970
//! policy.check(&credential, &signature_key, Some(now))?;
//! let name = AlternativeName::Uri("im:alice@example.org".into());
//! assert_eq!(Identity::of(&credential)?, Identity::AlternativeNames([name].into()));
//! # Ok(())
//! # }
//! ```
//!
//! # What is accepted
//!
//! - At least one certificate, and each certifies the one before it. The order counts, and there are none that
//!   the path does not need. The certificate of the trust anchor may be the last one or be left out.
//! - The first certificate is for the leaf's signature key, and not a CA's. The others are CAs'. Their signature
//!   schemes are those of MLS's cipher suites, but need not be the group's.
//! - The path is valid by RFC 5280, section 6.1: signatures, validity, basicConstraints, path lengths,
//!   nameConstraints, and no critical extension that is not understood. The crate `webpki` sees to that.
//! - If there is a keyUsage, it includes digitalSignature in the first certificate and keyCertSign in the others
//!   and in trust anchors.
//! - If there is an extKeyUsage, it includes id-kp-imUri (RFC 9734), anyExtendedKeyUsage, or what
//!   [`X509Config`] says instead. MLS has no purpose of its own, so none is required; but a certificate that is
//!   for web servers alone says that it is not for this.
//! - The first certificate has a subjectAltName or a subject.
//!
//! With a time, as it is given for new members, certificates must be valid at that time. Without one, there must
//! be a time at which all of them were valid: a member whose certificate has expired since stays in the group, and
//! whether a Commit is valid does not depend on anybody's clock.
//!
//! # Clients and their names
//!
//! Clients are told apart by their signature keys, as in any group. A member may replace its credential by one
//! that names the same. Names are compared as they are written.
//!
//! # Left out on purpose
//!
//! - Revocation, by lists or by OCSP. Members would not learn of it at the same time, and so would disagree about
//!   which Commits are valid. An application that learns of it removes the member.
//! - RSA, and hashes that are not those of MLS's cipher suites.
//! - nameConstraints on anything but domain names and IP addresses: a certificate below them with a name of that
//!   kind is refused, and any certificate if they are on directory names. Those on email addresses hold for one in the
//!   subject, too, if there is no subjectAltName. What is constrained is one kind of names only: a CA that is bound to
//!   some domain names may certify any URI, and any subject.
//! - Certificate policies; a critical extension about them is refused.
//! - Two issuers with one name in a chain. Nobody should have to search for which of them was meant.
//! - The validity of trust anchors, and how clients come by their certificates.

mod algorithm;
mod anchor;
mod certificate;
mod config;
mod constraints;
mod error;
mod identity;
mod name;
mod path;
mod policy;
mod profile;
mod validity;

pub use config::X509Config;
pub use error::{AnchorError, ChainError};
pub use identity::{AlternativeName, Identity};
pub use policy::X509Identities;
pub use x509_cert::der::asn1::ObjectIdentifier;
