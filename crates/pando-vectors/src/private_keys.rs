//! Private keys as the official files have them.

use crate::hex_bytes::Hex;
use pando_crypto::{HpkePrivateKey, SignaturePrivateKey, Suite};

/// A signature key of a case.
pub(crate) fn signature_key(suite: Suite, key: &Hex) -> SignaturePrivateKey {
    padded(suite, key).into()
}

/// An HPKE key of a case.
pub(crate) fn hpke_key(suite: Suite, key: &Hex) -> HpkePrivateKey {
    padded(suite, key).into()
}

/// The description of the formats says that private keys on NIST curves are numbers of the field's length
/// (Field-Element-to-Octet-String). In the official files many P-521 keys are a byte shorter: their
/// leading zero was dropped. They mean the same number, so the zeros are put back. The cipher suites
/// themselves insist on the length.
fn padded(suite: Suite, key: &[u8]) -> Vec<u8> {
    let field_len: usize = match suite.cipher_suite().0 {
        2 => 32,
        5 => 66,
        7 => 48,
        _ => 0,
    };
    let mut padded = vec![0; field_len.saturating_sub(key.len())];
    padded.extend_from_slice(key);
    padded
}
