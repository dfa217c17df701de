//! What the application decides.

use x509_cert::der::asn1::ObjectIdentifier;

/// `anyExtendedKeyUsage` (RFC 5280, section 4.2.1.12).
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// `id-kp-imUri` (RFC 9734, section 3): to prove the identity of a client for instant messaging.
const INSTANT_MESSAGING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.40");

/// What chains are accepted. All members of a group must have the same, as with everything in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Config {
    /// How many certificates a chain may have, with the trust anchor's if it is there. There are never more
    /// than six between the leaf's and the trust anchor's.
    pub max_certificates: usize,
    /// How many bytes the certificates of a chain may have together.
    pub max_bytes: usize,
    /// The key purposes of which a certificate must have one if it has an extKeyUsage extension.
    pub key_purposes: Vec<ObjectIdentifier>,
}

impl Default for X509Config {
    fn default() -> Self {
        Self { max_certificates: 8, max_bytes: 64 * 1024, key_purposes: vec![ANY_PURPOSE, INSTANT_MESSAGING] }
    }
}
