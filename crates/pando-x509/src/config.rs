//! The configuration of the identity policy.

use crate::NameKind;
use std::collections::BTreeSet;
use x509_cert::der::asn1::ObjectIdentifier;

/// The object identifier `anyExtendedKeyUsage` (RFC 5280, section 4.2.1.12).
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// The object identifier `id-kp-imUri` (RFC 9734, section 3) for certificates that prove the
/// identity of an instant messaging client.
const INSTANT_MESSAGING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.40");

/// The rules that an application can choose. As with every identity policy, all members of a group
/// must use the same rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct X509Config {
    /// The maximum number of certificates in a chain, including that of the trust anchor if the
    /// chain contains it. Regardless of this limit, at most six certificates are allowed between
    /// that of the leaf and that of the trust anchor.
    pub max_certificates: usize,
    /// The maximum total number of bytes of the certificates in a chain.
    pub max_bytes: usize,
    /// The accepted key purposes. If a certificate contains an extKeyUsage extension, the extension
    /// must list at least one of them.
    pub key_purposes: Vec<ObjectIdentifier>,
    /// The kinds of names that identify clients, which are URIs, domain names and email addresses
    /// by default. A client's certificate must contain a name of one of these kinds. Names of other
    /// kinds are ignored.
    pub identity_kinds: BTreeSet<NameKind>,
    /// Whether all members of a group must have different identities. If this is set, [`client_id`]
    /// returns the identity. By default, signature keys distinguish clients, and a person may have
    /// several clients in a group.
    ///
    /// [`client_id`]: pando_group::IdentityPolicy::client_id
    pub unique_identities: bool,
}

impl Default for X509Config {
    fn default() -> Self {
        Self {
            max_certificates: 8,
            max_bytes: 64 * 1024,
            key_purposes: vec![ANY_PURPOSE, INSTANT_MESSAGING],
            identity_kinds: [NameKind::Uri, NameKind::Dns, NameKind::Email].into(),
            unique_identities: false,
        }
    }
}

impl X509Config {
    /// Sets [`X509Config::max_certificates`].
    #[must_use]
    pub const fn with_max_certificates(mut self, max_certificates: usize) -> Self {
        self.max_certificates = max_certificates;
        self
    }

    /// Sets [`X509Config::max_bytes`].
    #[must_use]
    pub const fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Sets [`X509Config::key_purposes`].
    #[must_use]
    pub fn with_key_purposes(mut self, key_purposes: Vec<ObjectIdentifier>) -> Self {
        self.key_purposes = key_purposes;
        self
    }

    /// Sets [`X509Config::identity_kinds`].
    #[must_use]
    pub fn with_identity_kinds(mut self, identity_kinds: BTreeSet<NameKind>) -> Self {
        self.identity_kinds = identity_kinds;
        self
    }

    /// Sets [`X509Config::unique_identities`].
    #[must_use]
    pub const fn with_unique_identities(mut self, unique_identities: bool) -> Self {
        self.unique_identities = unique_identities;
        self
    }
}
