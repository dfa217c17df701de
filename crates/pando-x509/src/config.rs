//! The configuration of the policy.

use crate::NameKind;
use std::collections::BTreeSet;
use x509_cert::der::asn1::ObjectIdentifier;

/// `anyExtendedKeyUsage` (RFC 5280, section 4.2.1.12).
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// `id-kp-imUri` (RFC 9734, section 3): proof of the identity of an instant messaging client.
const INSTANT_MESSAGING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.40");

/// The rules that an application chooses. All members of a group must use the same rules, as for
/// every policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct X509Config {
    /// The maximum number of certificates in a chain, including the trust anchor's if present. In
    /// any case, there are at most six certificates between the leaf's and the trust anchor's.
    pub max_certificates: usize,
    /// The maximum number of bytes of all certificates in a chain.
    pub max_bytes: usize,
    /// The accepted key purposes. A certificate with an extKeyUsage extension must have one of
    /// them.
    pub key_purposes: Vec<ObjectIdentifier>,
    /// The kinds of names that identify clients: URIs, domain names and email addresses by default.
    /// A certificate must have a name of one of these kinds. Names of other kinds are ignored.
    pub identity_kinds: BTreeSet<NameKind>,
    /// Whether two members of a group must have different identities. If set, [`client_id`] is the
    /// identity. By default a client is its signature key, and a person may have several clients in
    /// a group.
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
