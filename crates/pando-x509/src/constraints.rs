//! The nameConstraints extension (RFC 5280, section 4.2.1.10).
//!
//! The crate `webpki` applies constraints to the domain names and IP addresses in subjectAltName.
//! `webpki` rejects names of all other kinds that the constraints mention. `webpki` checks only the
//! constraints that it compares with a name, whereas this module always requires well-formed
//! constraints.
//!
//! If there is no subjectAltName, constraints on email addresses apply to an address in the
//! subject, which `webpki` does not check. This module rejects a certificate with such an address
//! without comparing it.
//!
//! RFC 5280 allows a CA that is limited to certain domain names to certify any URI and any subject.
//! The clients of that CA could then claim every identity of another kind, so the constraint would
//! have no effect. Therefore, below a CA with constraints, a name is an identity only if there are
//! permitted subtrees for its kind. Excluded subtrees do not count, because a list of excluded
//! names is never complete. Subjects cannot have permitted subtrees, because `webpki` rejects all
//! certificates below constraints on directory names.

use crate::ChainError;
use crate::certificate::Parsed;
use crate::name::{Name, is_host};
use crate::name_kind::NameKind;
use std::collections::{BTreeMap, BTreeSet};
use x509_cert::TbsCertificate;
use x509_cert::der::{self, asn1::ObjectIdentifier};
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};

/// The object identifier of the attribute `emailAddress` (RFC 5280, section 4.1.2.6).
const EMAIL_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1");

/// The constraints that a CA imposes on the names in certificates below it.
#[derive(Debug)]
pub(crate) struct Constraints {
    /// The kinds of names for which the constraints contain permitted subtrees.
    permitted: BTreeSet<NameKind>,
    /// Whether the constraints mention email addresses.
    addresses: bool,
}

impl Constraints {
    /// Returns a summary of the extension, or `None` if it is malformed. A well-formed extension
    /// contains at least one constraint, and each constraint must be meaningful.
    pub(crate) fn new(extension: &NameConstraints) -> Option<Self> {
        let lists = [&extension.permitted_subtrees, &extension.excluded_subtrees];
        let mut lists = lists.into_iter().flatten().peekable();
        lists.peek()?;
        let mut addresses = false;
        for list in lists {
            if list.is_empty() || !list.iter().all(is_well_formed) {
                return None;
            }
            addresses |= list.iter().any(|subtree| matches!(subtree.base, GeneralName::Rfc822Name(_)));
        }
        let permitted = extension.permitted_subtrees.iter().flatten();
        let permitted = permitted.filter_map(|subtree| NameKind::of(&subtree.base)).collect();
        Some(Self { permitted, addresses })
    }
}

fn is_well_formed(subtree: &GeneralSubtree) -> bool {
    let has_meaning = match &subtree.base {
        // The empty domain name covers all domain names. A leading dot and a wildcard have a
        // meaning only in other kinds of names.
        GeneralName::DnsName(name) => name.is_empty() || is_host(name.as_ref()),
        GeneralName::IpAddress(range) => is_range(range.as_bytes()),
        _ => true,
    };
    has_meaning && subtree.minimum == 0 && subtree.maximum.is_none()
}

/// Returns whether the bytes are an IP address followed by a mask that consists of ones followed by
/// zeros.
fn is_range(range: &[u8]) -> bool {
    let mut has_ended = false;
    let continues = |byte: &u8| {
        let is_prefix = byte.leading_ones().saturating_add(byte.trailing_zeros()) == u8::BITS;
        let continues = is_prefix && (*byte == 0 || !has_ended);
        has_ended |= *byte != u8::MAX;
        continues
    };
    matches!(range.len(), 8 | 32) && range.iter().skip(range.len() / 2).all(continues)
}

/// Returns whether a certificate contains an email address in its subject and has no
/// subjectAltName.
fn is_addressed_by_subject(certificate: &TbsCertificate) -> der::Result<bool> {
    let is_address = certificate.subject().iter().any(|attribute| attribute.oid == EMAIL_ADDRESS);
    Ok(is_address && certificate.get_extension::<SubjectAltName>()?.is_none())
}

/// Checks that no constraint applies to an email address in a subject. The argument `constraints`
/// contains one entry for each certificate of the chain, followed by one for the trust anchor.
pub(crate) fn check_addresses(
    chain: &[Parsed<'_>],
    constraints: &[Option<&Constraints>],
) -> Result<(), ChainError> {
    let mut is_addressed = false;
    for (index, (Parsed { tbs, .. }, above)) in chain.iter().zip(constraints.iter().skip(1)).enumerate() {
        // Constraints do not apply to self-issued certificates.
        let applies = tbs.issuer() != tbs.subject();
        is_addressed |= applies && is_addressed_by_subject(tbs).map_err(|_| ChainError::Malformed(index))?;
        if is_addressed && above.is_some_and(|constraints| constraints.addresses) {
            return Err(ChainError::NameConstraint);
        }
    }
    Ok(())
}

/// Checks that the constraints on the path, if any, contain permitted subtrees for each kind of
/// name that identifies the client.
pub(crate) fn check_kinds(
    names: &BTreeMap<Name, NameKind>,
    constraints: &[Option<&Constraints>],
) -> Result<(), ChainError> {
    let constraints = || constraints.iter().copied().flatten();
    let is_open = |kind| constraints().all(|constraints| !constraints.permitted.contains(kind));
    match names.values().find(|kind| is_open(kind)) {
        Some(kind) if constraints().next().is_some() => Err(ChainError::UnconstrainedName(*kind)),
        _ => Ok(()),
    }
}
