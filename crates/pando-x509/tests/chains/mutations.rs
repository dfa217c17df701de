//! Tests with mutated chains and with random certificates.

use crate::pki::{ED25519, NOW, Pki, Template, credential_of};
use pando_group::IdentityPolicy;
use pando_wire::SignaturePublicKey;
use pando_x509::X509Identities;
use proptest::prelude::*;

/// A chain that includes the trust anchor, as separate certificates. Mutating the encoded
/// credential instead could change the lengths of the certificates.
struct Original {
    policy: X509Identities,
    key: SignaturePublicKey,
    chain: [Vec<u8>; 3],
}

impl Original {
    fn new() -> Self {
        // Most keys use Ed25519, because it is fast, but one signature uses ECDSA.
        let root = Template::authority("root").suite(ED25519).self_signed();
        let authority = Template::authority("authority").signed_by(&root);
        let client = Template::client("alice").suite(ED25519).signed_by(&authority);
        let policy = crate::pki::policy(&root);
        Self { policy, key: client.key().clone(), chain: [client.der, authority.der, root.der] }
    }

    /// Returns whether the chain is accepted after one of its certificates has been replaced.
    fn accepts(&self, index: usize, certificate: &[u8]) -> bool {
        let chain = (0..).zip(&self.chain);
        let credential =
            credential_of(chain.map(|(at, original)| if at == index { certificate } else { original }));
        // These functions must not panic. The results of these functions for invalid certificates
        // do not matter.
        let _ = self.policy.identify(&credential);
        let _ = self.policy.may_succeed(&credential, &credential);
        [Some(NOW), None].into_iter().any(|now| self.policy.check(&credential, &self.key, now).is_ok())
    }
}

#[test]
fn every_truncation_is_refused() {
    let original = Original::new();
    for (index, certificate) in original.chain.iter().enumerate() {
        assert!(original.accepts(index, certificate));
        for len in 0..certificate.len() {
            assert!(!original.accepts(index, &certificate[..len]), "certificate {index} up to {len}");
        }
        assert!(!original.accepts(index, &[certificate, &[0][..]].concat()));
    }
}

/// A trust anchor in the chain is compared as a whole, so none of its bytes can be changed,
/// although its signature is not verified.
#[test]
fn every_changed_byte_is_noticed() {
    let original = Original::new();
    for (index, certificate) in original.chain.iter().enumerate() {
        for at in 0..certificate.len() {
            for mask in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = certificate.clone();
                changed[at] ^= mask;
                let accepted = original.accepts(index, &changed);
                assert!(!accepted, "certificate {index}, byte {at}, changed by {mask:#x}");
            }
        }
    }
}

#[test]
fn a_changed_trust_anchor_does_not_panic() {
    let Pki { root, .. } = Pki::new();
    for at in 0..root.der.len() {
        for mask in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = root.der.clone();
            changed[at] ^= mask;
            let _ = X509Identities::new(&pando_crypto::RustCrypto, [changed]);
        }
        let _ = X509Identities::new(&pando_crypto::RustCrypto, [&root.der[..at]]);
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused(
        certificates in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..10),
        key in prop::collection::vec(any::<u8>(), 0..70),
    ) {
        let Pki { root, .. } = Pki::new();
        let policy = crate::pki::policy(&root);
        let credential = credential_of(certificates.iter().map(Vec::as_slice));
        prop_assert!(policy.check(&credential, &key.into(), Some(NOW)).is_err());
        prop_assert!(policy.identify(&credential).is_err());
    }

    /// Random bytes inside a valid certificate reach deeper parts of the parser.
    #[test]
    fn random_bytes_within_certificates_are_refused(
        index in 0..3_usize,
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..20),
        removed in 0..20_usize,
    ) {
        let original = Original::new();
        let certificate = &original.chain[index];
        let start = at.index(certificate.len());
        let end = certificate.len().min(start + removed);
        let changed = [&certificate[..start], &bytes, &certificate[end..]].concat();
        prop_assume!(changed != *certificate);
        prop_assert!(!original.accepts(index, &changed));
    }

    /// The certificates in this test are signed and contain random extensions.
    #[test]
    fn random_extensions_do_not_panic(
        id in prop::sample::select(vec![14_u8, 15, 16, 17, 18, 19, 30, 31, 32, 35, 36, 37, 54]),
        critical in any::<bool>(),
        value in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let oid = pando_x509::ObjectIdentifier::new_unwrap(&format!("2.5.29.{id}"));
        let Pki { root, .. } = Pki::new();
        let authority = Template::authority("authority").with_bytes(oid, critical, &value).signed_by(&root);
        let client = Template::client("alice").with_bytes(oid, critical, &value).signed_by(&authority);
        let policy = crate::pki::policy(&root);
        let credential = crate::pki::credential(&[&client, &authority]);
        let _ = policy.check(&credential, client.key(), Some(NOW));
        let _ = X509Identities::new(&pando_crypto::RustCrypto, [&authority.der]);
    }
}
