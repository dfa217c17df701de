//! Tests of trust anchors.

use crate::domain;
use crate::pki::{NOW, Template};
use crate::{certify, credential};
use pando_api::{DeviceIdentities, PinError};
use pando_mls::RustCrypto;
use pando_mls::x509::AnchorError;

#[test]
fn there_is_a_trust_anchor() {
    let none: [(pando_api::Domain, Vec<u8>); 0] = [];
    assert_eq!(DeviceIdentities::new(&RustCrypto, none).unwrap_err(), PinError::None);
}

#[test]
fn trust_anchors_are_authorities() {
    let anchor = Template::authority("ca").self_signed();
    let leaf = certify(&anchor, "alice@example.org/laptop", 1);
    for (der, reason) in [(&*leaf.der, AnchorError::NotCa(1)), (&[1, 2, 3], AnchorError::Malformed(1))] {
        let anchors = [
            (domain("example.com"), &*anchor.der),
            (domain("example.org"), &*anchor.der),
            (domain("example.org"), der),
        ];
        let refused = DeviceIdentities::new(&RustCrypto, anchors).unwrap_err();
        assert_eq!(refused, PinError::Anchor { domain: domain("example.org"), reason });
        assert!(refused.to_string().starts_with("example.org: trust anchor 1 "), "{refused}");
    }
}

#[test]
fn the_order_of_trust_anchors_does_not_matter() {
    let anchors = ["one", "two", "three"].map(|name| Template::authority(name).self_signed());
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let pinned = order.map(|place| (domain("example.org"), &*anchors[place].der));
        let policy = DeviceIdentities::new(&RustCrypto, pinned).unwrap();
        for anchor in &anchors {
            let certified = certify(anchor, "alice@example.org/laptop", 1);
            assert!(policy.check(&credential(&certified), certified.key(), Some(NOW)).is_ok());
        }
    }
}
