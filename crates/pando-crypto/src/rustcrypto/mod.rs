//! All seven cipher suites of RFC 9420 (section 17.1) in pure Rust.
//!
//! Own code here is DHKEM (RFC 9180, section 4.1) over curves from other crates, because `hpke` has none
//! over X448, and the rule for which Ed25519 signatures are accepted; everything else is called.

mod dhkem;
mod ecdsa;
mod ed25519;
mod ed448;
mod nist;
mod primitives;
mod x25519;
mod x448;

#[cfg(test)]
mod tests;

use crate::{CryptoProvider, Suite};
use hpke::aead::{AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::kdf::{HkdfSha256, HkdfSha384, HkdfSha512};
use pando_wire::CipherSuite;
use primitives::RustCryptoSuite;
use sha2::{Sha256, Sha384, Sha512};

/// The backend in pure Rust, on the crates of dalek and RustCrypto: all cipher suites of RFC 9420.
#[derive(Debug, Clone, Copy, Default)]
pub struct RustCrypto;

type Suite1 = RustCryptoSuite<1, x25519::X25519, HkdfSha256, AesGcm128, Sha256, ed25519::Ed25519>;
type Suite2 = RustCryptoSuite<2, nist::P256, HkdfSha256, AesGcm128, Sha256, ecdsa::P256>;
type Suite3 = RustCryptoSuite<3, x25519::X25519, HkdfSha256, ChaCha20Poly1305, Sha256, ed25519::Ed25519>;
type Suite4 = RustCryptoSuite<4, x448::X448, HkdfSha512, AesGcm256, Sha512, ed448::Ed448>;
type Suite5 = RustCryptoSuite<5, nist::P521, HkdfSha512, AesGcm256, Sha512, ecdsa::P521>;
type Suite6 = RustCryptoSuite<6, x448::X448, HkdfSha512, ChaCha20Poly1305, Sha512, ed448::Ed448>;
type Suite7 = RustCryptoSuite<7, nist::P384, HkdfSha384, AesGcm256, Sha384, ecdsa::P384>;

impl CryptoProvider for RustCrypto {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        Some(match cipher_suite.0 {
            1 => Suite::new(&Suite1::NEW),
            2 => Suite::new(&Suite2::NEW),
            3 => Suite::new(&Suite3::NEW),
            4 => Suite::new(&Suite4::NEW),
            5 => Suite::new(&Suite5::NEW),
            6 => Suite::new(&Suite6::NEW),
            7 => Suite::new(&Suite7::NEW),
            _ => return None,
        })
    }
}
