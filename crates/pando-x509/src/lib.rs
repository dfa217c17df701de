//! Identities by X.509 certificates: an identity policy for credentials of the type x509 (RFC 9420,
//! sections 5.3 and 5.3.1).
//!
//! [`X509Identities`] accepts a credential if it is a chain of certificates from the signature key
//! to a trust anchor. [`Identity`] is the trust anchor, and the names of the client in the first
//! certificate.
//!
//! ```
//! use pando_crypto::RustCrypto;
//! use pando_wire::{Certificate, Credential, SignaturePublicKey};
//! use pando_x509::{Name, X509Identities};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let root = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/root.der"));
//! # let intermediate = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/intermediate.der"));
//! # let leaf = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/leaf.der"));
//! # let signature_key = SignaturePublicKey::from(&leaf[138..170]);
//! // All members trust the same authority.
//! let policy = X509Identities::new(&RustCrypto, [root])?;
//!
//! // Alice's certificate, and the certificate of its issuer, which the authority has signed.
//! let certificates = [leaf.as_slice(), intermediate.as_slice()];
//! let certificates = certificates.map(|der| Certificate { cert_data: der.into() });
//! let credential = Credential::X509 { certificates: certificates.into() };
//!
//! let now = 1_800_000_000; // in seconds since 1970
//! policy.check(&credential, &signature_key, Some(now))?;
//! let name = Name::Uri("im:alice@example.org".into());
//! assert_eq!(policy.identify(&credential)?.names, [name].into());
//! # Ok(())
//! # }
//! ```
//!
//! # Accepted chains
//!
//! - A chain has at least one certificate, and each certifies the one before it. The order counts,
//!   and there is no certificate that the path does not need. The certificate of the trust anchor
//!   may be the last one or be left out.
//! - The first certificate is for the leaf's signature key, and not a CA's. The others are CAs'.
//!   Their signature schemes are schemes of MLS's cipher suites, but need not be the group's.
//! - The path is valid by RFC 5280, section 6.1: signatures, validity, basicConstraints, path
//!   lengths, nameConstraints, and no critical extension that is not understood. The crate `webpki`
//!   checks that.
//! - If there is a keyUsage, it includes digitalSignature in the first certificate and keyCertSign
//!   in the others and in trust anchors.
//! - If there is an extKeyUsage, it includes id-kp-imUri (RFC 9734), anyExtendedKeyUsage, or what
//!   [`X509Config::key_purposes`] says instead. MLS has no purpose of its own, so none is required;
//!   but a certificate that is for web servers alone says that it is not for this.
//! - The first certificate has a name of a kind that [identifies
//!   clients](X509Config::identity_kinds), and no malformed one. If a CA on the path has
//!   nameConstraints, they permit some names of each such kind that it has.
//! - No certificate contradicts itself about powers: a CA and a trust anchor have a subject, and
//!   nameConstraints that constrain something; a leaf has no keyCertSign, no nameConstraints and no
//!   path length; no extension is there twice.
//!
//! With a time, as it is given for new members, certificates must be valid at that time. Without
//! one, there must be a time at which all of them were valid: a member whose certificate has
//! expired since stays in the group, and whether a Commit is valid does not depend on a clock.
//!
//! # Identities
//!
//! A member may replace its credential by one with the same identity: below the same trust anchor,
//! with the same names, and below the same issuers unless the names are
//! [global](NameKind::is_global). So an authority among several that are trusted cannot replace the
//! clients of another, and a CA below an authority can only do so for global names that its
//! constraints allow. [`Name`] has the rules by which names compare.
//!
//! By default, clients are distinguished by their signature keys, as in any group: a person may
//! have several in a group. [`X509Config::unique_identities`] changes that.
//!
//! # Rules that are not enforced
//!
//! RFC 5280 has rules for CAs that leave no doubt about what a certificate means. Deployed CAs
//! break them, and their certificates are accepted:
//!
//! - Whether an extension that is understood is critical: basicConstraints and nameConstraints
//!   always apply, and an alternative name is a name, also if the subject is empty.
//! - authorityKeyIdentifier and subjectKeyIdentifier help to search for a path, and no path is
//!   searched for. They may be missing or disagree. They must not be critical; if they are, they
//!   are refused like any critical extension that is not understood.
//! - Serial numbers may be zero or negative, as section 4.1.2.2 asks of receivers. They have at
//!   most 21 bytes.
//! - Validity may be in GeneralizedTime before 2050.
//! - Extensions that are not understood and not critical may contain anything.
//!
//! Two rules are stricter than RFC 5280:
//!
//! - The issuer in one certificate and the subject in the next are the same bytes, in the same
//!   string type. Section 7.1 also calls names equal that differ in case, spaces or string type.
//!   But a CA has to write its name in one way (4.1.2.6), and that comparison needs tables of
//!   Unicode: members with different ones would not accept the same Commits.
//! - nameConstraints apply to the alternative names of all issuers, also of an issuer that
//!   certifies itself.
//!
//! The cases of the public collection x509-limbo run as a test. `tests/chains/limbo/deviations.rs`
//! lists each case of which the policy decides otherwise.
//!
//! # Left out on purpose
//!
//! - Revocation, by lists or by OCSP. Members would not learn of it at the same time, and so would
//!   disagree about which Commits are valid. An application that learns of it removes the member.
//! - RSA, and hashes that no cipher suite of MLS has.
//! - nameConstraints on anything but domain names and IP addresses: a certificate below them with a
//!   name of that kind is refused, and any certificate if they are on directory names. Constraints
//!   on email addresses apply to one in the subject of an issuer, too, if it has no subjectAltName.
//! - Certificate policies; a critical extension about them is refused.
//! - Two issuers with one name in a chain. No member should have to search for the one that was
//!   meant.
//! - The issuer, the signature and the validity of trust anchors, and how clients obtain their
//!   certificates.

mod algorithm;
mod anchor;
mod certificate;
mod config;
mod constraints;
mod error;
mod identity;
mod name;
mod name_kind;
mod path;
mod policy;
mod profile;
mod validity;

pub use config::X509Config;
pub use error::{AnchorError, ChainError};
pub use identity::{AnchorId, Identity};
pub use name::Name;
pub use name_kind::NameKind;
pub use policy::X509Identities;
pub use x509_cert::der::asn1::ObjectIdentifier;
