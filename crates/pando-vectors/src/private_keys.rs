//! Decoding of private keys as the official test vector files encode them.

use crate::hex_bytes::Hex;
use pando_crypto::{HpkePrivateKey, SignaturePrivateKey, Suite};

/// Returns the private signature key of a test case.
pub(crate) fn signature_key(suite: Suite, key: &Hex) -> SignaturePrivateKey {
    padded(suite, key).into()
}

/// Returns the private HPKE key of a test case.
pub(crate) fn hpke_key(suite: Suite, key: &Hex) -> HpkePrivateKey {
    padded(suite, key).into()
}

/// Restores the leading zeros of a private key that were omitted in a test vector file.
///
/// According to the format description, private keys on NIST curves have the length of a field
/// element (Field-Element-to-Octet-String). In the official files, however, many P-521 keys are one
/// byte shorter, because the leading zero was omitted. Adding the zeros does not change the value
/// of the key. The zeros must be added here because the cipher suites reject keys of any other
/// length.
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
