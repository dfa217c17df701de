//! An identity policy that derives identities from X.509 certificates, for credentials of the type
//! `x509` (RFC 9420, sections 5.3 and 5.3.1).
//!
//! [`X509Identities`] accepts a credential if it is a certificate chain that leads from the
//! signature key to a trust anchor. An [`Identity`] consists of the trust anchor, the client's
//! names in the first certificate, and sometimes the names of the issuers.
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
//! // The chain consists of Alice's certificate and that of its issuer, which the authority signed.
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
//! - A chain contains at least one certificate, and each certificate certifies the preceding one.
//!   The order matters, and certificates that the path does not need are not allowed. The
//!   certificate of the trust anchor may be the last one or be omitted.
//! - The first certificate certifies the leaf's signature key and does not belong to a CA. All
//!   other certificates belong to CAs. Each certificate uses a signature scheme of one of MLS's
//!   cipher suites, which may differ from that of the group.
//! - The path is valid according to RFC 5280, section 6.1. The crate `webpki` checks signatures,
//!   validity, basicConstraints, path lengths and nameConstraints, and rejects unknown critical
//!   extensions.
//! - A keyUsage extension, if present, includes digitalSignature in the first certificate, and
//!   keyCertSign in all other certificates and in trust anchors.
//! - An extKeyUsage extension, if present, includes one of the purposes in
//!   [`X509Config::key_purposes`], which are id-kp-imUri (RFC 9734) and anyExtendedKeyUsage by
//!   default. MLS does not define a purpose, so none is required, but a certificate that is only
//!   for web servers is not accepted.
//! - The first certificate contains a name of a kind that [identifies
//!   clients](X509Config::identity_kinds), and no malformed name of such a kind. If CAs on the path
//!   have nameConstraints, these include permitted subtrees for each identifying kind of name in
//!   the certificate.
//! - No certificate contradicts itself about its rights. CAs and trust anchors have a subject, and
//!   their nameConstraints, if present, are not empty. A leaf has no keyCertSign, no
//!   nameConstraints and no path length. No extension occurs twice.
//!
//! When the caller validates a new member, it specifies a time at which all certificates must be
//! valid. If no time is specified, the validity periods of all certificates must overlap. A member
//! whose certificate has expired stays in the group, and the validity of a Commit does not depend
//! on a clock.
//!
//! # Identities
//!
//! A member may replace its credential with another one that has the same identity. The same
//! identity requires the same trust anchor, the same names and, unless all names are
//! [global](NameKind::is_global), the same issuers. Therefore, one trusted authority cannot replace
//! the clients of another. A CA below an authority can replace the clients of another CA below the
//! same authority only if their names are global and the first CA's constraints allow these names.
//! The documentation of [`Name`] defines when names are equal.
//!
//! By default, clients are distinguished by their signature keys, as in any group, so a person may
//! have several clients in a group. [`X509Config::unique_identities`] changes that.
//!
//! # Rules that are not enforced
//!
//! Some rules of RFC 5280 for CAs can be violated without making the meaning of a certificate
//! ambiguous. Deployed CAs do violate them, and this policy accepts their certificates:
//!
//! - Known extensions may be critical or not. The extensions basicConstraints and nameConstraints
//!   always apply, and alternative names always count, even if the subject is empty.
//! - The extensions authorityKeyIdentifier and subjectKeyIdentifier may be missing or disagree,
//!   because they only help to search for a path, and this policy does not search. If they are
//!   critical, they are rejected like any unknown critical extension.
//! - Serial numbers may be zero or negative, because section 4.1.2.2 requires receivers to accept
//!   such numbers. A serial number may have at most 21 bytes.
//! - Validity times before 2050 may be encoded as GeneralizedTime.
//! - Unknown non-critical extensions may have any contents.
//!
//! Two rules are stricter than RFC 5280:
//!
//! - The issuer in a certificate and the subject in the next one must consist of the same bytes,
//!   including the string type. According to section 7.1, names are also equal if they differ only
//!   in case, spaces or string type, but a CA must always encode its name in the same way (section
//!   4.1.2.6). The comparison of section 7.1 also needs Unicode tables, and members with different
//!   tables would not accept the same Commits.
//! - Name constraints apply to the alternative names in the certificates of all issuers, including
//!   self-issued certificates.
//!
//! A test runs the cases of the public collection x509-limbo. The file
//! `tests/chains/limbo/deviations.rs` lists each case for which the result of this policy differs
//! from the expected one.
//!
//! # Left out on purpose
//!
//! - Revocation by lists or by OCSP is not supported. Members would learn of a revocation at
//!   different times and would disagree about which Commits are valid. Instead, an application that
//!   learns of a revocation removes the member.
//! - RSA is not supported, and neither are hashes that no cipher suite of MLS uses.
//! - Name constraints are supported only for domain names and IP addresses. If constraints mention
//!   another kind of name, every certificate below them with a name of that kind is rejected.
//!   Constraints on directory names reject every certificate below them. Constraints on email
//!   addresses also apply to an address in the subject of an issuer that has no subjectAltName.
//! - Certificate policies are not supported, so a critical extension that concerns them is
//!   rejected.
//! - A chain must not contain two issuers with the same name; otherwise, members would have to
//!   search for the right one.
//! - The issuer, the signature and the validity of trust anchors are not checked. How clients
//!   obtain their certificates is also outside the scope of this crate.

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
