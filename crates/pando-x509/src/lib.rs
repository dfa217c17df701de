//! Identities from X.509 certificates: an identity policy for credentials of the type x509 (RFC
//! 9420, sections 5.3 and 5.3.1).
//!
//! [`X509Identities`] accepts a credential if it is a chain of certificates from the signature key
//! to a trust anchor. An [`Identity`] consists of the trust anchor and the client's names in the
//! first certificate.
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
//! - A chain has at least one certificate, and each certifies the one before it. The order matters,
//!   and the chain has no certificate that the path does not need. The certificate of the trust
//!   anchor may be the last one or be left out.
//! - The first certificate is for the leaf's signature key and does not belong to a CA. The others
//!   belong to CAs. Their signature schemes are schemes of MLS's cipher suites, but need not be the
//!   group's.
//! - The path is valid by RFC 5280, section 6.1: signatures, validity, basicConstraints, path
//!   lengths, nameConstraints, and no unknown critical extension. The crate `webpki` checks that.
//! - If there is a keyUsage, it includes digitalSignature in the first certificate, and keyCertSign
//!   in the others and in trust anchors.
//! - If there is an extKeyUsage, it includes id-kp-imUri (RFC 9734), anyExtendedKeyUsage, or
//!   another purpose in [`X509Config::key_purposes`]. MLS does not define a purpose, so none is
//!   required. But a certificate that is only for web servers is not accepted.
//! - The first certificate has a name of a kind that [identifies
//!   clients](X509Config::identity_kinds), and no malformed one. If a CA on the path has
//!   nameConstraints, there are permitted subtrees for each identifying kind of name in the
//!   certificate.
//! - No certificate is contradictory about its rights. A CA and a trust anchor have a subject, and
//!   their nameConstraints are not empty. A leaf has no keyCertSign, no nameConstraints and no path
//!   length. No extension occurs twice.
//!
//! The caller gives a time when it validates new members: all certificates must be valid at that
//! time. Without a time, there must be a time at which all of them were valid. A member whose
//! certificate has expired stays in the group, and the validity of a Commit does not depend on a
//! clock.
//!
//! # Identities
//!
//! A member may replace its credential by one with the same identity: below the same trust anchor,
//! with the same names, and below the same issuers unless the names are
//! [global](NameKind::is_global). So one trusted authority cannot replace the clients of another. A
//! CA below an authority can do so only for global names that its constraints allow. [`Name`] has
//! the rules by which names compare.
//!
//! By default, clients are distinguished by their signature keys, as in any group: a person may
//! have several in a group. [`X509Config::unique_identities`] changes that.
//!
//! # Rules that are not enforced
//!
//! RFC 5280 has rules for CAs whose violation does not make the meaning of a certificate ambiguous.
//! Deployed CAs violate them, and this policy accepts their certificates:
//!
//! - Known extensions may be critical or not: basicConstraints and nameConstraints always apply,
//!   and an alternative name is a name, even if the subject is empty.
//! - authorityKeyIdentifier and subjectKeyIdentifier help to search for a path. There is no search
//!   here, so they may be missing or disagree. If they are critical, they are rejected like any
//!   unknown critical extension.
//! - Serial numbers may be zero or negative, as section 4.1.2.2 asks of receivers. They have at
//!   most 21 bytes.
//! - Validity may be in GeneralizedTime before 2050.
//! - Unknown extensions that are not critical may have any contents.
//!
//! Two rules are stricter than RFC 5280:
//!
//! - The issuer in one certificate and the subject in the next are the same bytes, in the same
//!   string type. By section 7.1, names are also equal if they differ in case, spaces or string
//!   type. But a CA must always write its name in the same way (section 4.1.2.6). The comparison of
//!   section 7.1 also needs Unicode tables: members with different tables would not accept the same
//!   Commits.
//! - nameConstraints apply to the alternative names of all issuers, including self-issued
//!   certificates.
//!
//! The cases of the public collection x509-limbo run as a test. `tests/chains/limbo/deviations.rs`
//! lists each case for which the policy gives another result.
//!
//! # Left out on purpose
//!
//! - Revocation, by lists or by OCSP. Members would learn of it at different times, and would
//!   disagree about which Commits are valid. An application that learns of a revocation removes the
//!   member.
//! - RSA, and hashes that no cipher suite of MLS has.
//! - nameConstraints on names other than domain names and IP addresses. Below such constraints, a
//!   certificate with a name of that kind is rejected; below constraints on directory names, every
//!   certificate is. Constraints on email addresses also apply to an address in the subject of an
//!   issuer that has no subjectAltName.
//! - Certificate policies. A critical extension about them is rejected.
//! - Two issuers with the same name in a chain. Otherwise members would have to search for the
//!   right one.
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
