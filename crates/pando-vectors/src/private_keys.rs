//! Private keys in the encoding of the official files.

use crate::hex_bytes::Hex;
use pando_crypto::{HpkePrivateKey, SignaturePrivateKey, Suite};

/// Returns the signature key of a case.
pub(crate) fn signature_key(suite: Suite, key: &Hex) -> SignaturePrivateKey {
    padded(suite, key).into()
}

/// Returns the HPKE key of a case.
pub(crate) fn hpke_key(suite: Suite, key: &Hex) -> HpkePrivateKey {
    padded(suite, key).into()
}

/// Restores the leading zeros of a private key.
///
/// The format description says that private keys on NIST curves have the length of a field element
/// (Field-Element-to-Octet-String). In the official files many P-521 keys are one byte shorter,
/// because the leading zero was dropped. Adding the zeros gives the same number. The cipher suites
/// themselves reject keys of another length.
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
