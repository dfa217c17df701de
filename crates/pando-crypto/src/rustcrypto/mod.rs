//! All seven cipher suites of RFC 9420 (section 17.1) in pure Rust. Suites 4 and 6 need the feature
//! `curve448`.
//!
//! The only code that is specific to this backend decides which encodings of keys and which EdDSA
//! signatures are accepted. Libraries do everything else, except HPKE encryption, whose code all
//! backends share. HPKE decryption uses the crate `hpke`.

pub(crate) mod ecdsa;
pub(crate) mod ed25519;
#[cfg(feature = "curve448")]
pub(crate) mod ed448;
pub(crate) mod hpke;
pub(crate) mod nist;
mod symmetric;
pub(crate) mod x25519;
#[cfg(feature = "curve448")]
pub(crate) mod x448;

use crate::composed::Composed;
use crate::{CryptoProvider, Suite};
use ::hpke::{aead, kdf};
use pando_wire::CipherSuite;
use symmetric::{Cipher, Hash};

/// The pure Rust backend, which implements all cipher suites of RFC 9420 with the dalek and
/// RustCrypto crates.
///
/// Suites 4 and 6 need the feature `curve448`, which is on by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct RustCrypto;

pub(crate) type Sha256 = Hash<1, sha2::Sha256>;
pub(crate) type Sha384 = Hash<2, sha2::Sha384>;
pub(crate) type Sha512 = Hash<3, sha2::Sha512>;

pub(crate) type Aes128Gcm = Cipher<1, aes_gcm::Aes128Gcm>;
pub(crate) type Aes256Gcm = Cipher<2, aes_gcm::Aes256Gcm>;
pub(crate) type ChaCha20Poly1305 = Cipher<3, chacha20poly1305::ChaCha20Poly1305>;

type Hpke1 = hpke::Crate<x25519::X25519, Aes128Gcm, kdf::HkdfSha256, aead::AesGcm128>;
type Hpke2 = hpke::Crate<nist::P256, Aes128Gcm, kdf::HkdfSha256, aead::AesGcm128>;
type Hpke3 = hpke::Crate<x25519::X25519, ChaCha20Poly1305, kdf::HkdfSha256, aead::ChaCha20Poly1305>;
#[cfg(feature = "curve448")]
type Hpke4 = hpke::Crate<x448::X448, Aes256Gcm, kdf::HkdfSha512, aead::AesGcm256>;
type Hpke5 = hpke::Crate<nist::P521, Aes256Gcm, kdf::HkdfSha512, aead::AesGcm256>;
#[cfg(feature = "curve448")]
type Hpke6 = hpke::Crate<x448::X448, ChaCha20Poly1305, kdf::HkdfSha512, aead::ChaCha20Poly1305>;
type Hpke7 = hpke::Crate<nist::P384, Aes256Gcm, kdf::HkdfSha384, aead::AesGcm256>;

type Suite1 = Composed<1, Hpke1, ed25519::Ed25519>;
type Suite2 = Composed<2, Hpke2, ecdsa::P256>;
type Suite3 = Composed<3, Hpke3, ed25519::Ed25519>;
#[cfg(feature = "curve448")]
type Suite4 = Composed<4, Hpke4, ed448::Ed448>;
type Suite5 = Composed<5, Hpke5, ecdsa::P521>;
#[cfg(feature = "curve448")]
type Suite6 = Composed<6, Hpke6, ed448::Ed448>;
type Suite7 = Composed<7, Hpke7, ecdsa::P384>;

impl CryptoProvider for RustCrypto {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        Some(match cipher_suite.0 {
            1 => Suite::new(&Suite1::NEW),
            2 => Suite::new(&Suite2::NEW),
            3 => Suite::new(&Suite3::NEW),
            #[cfg(feature = "curve448")]
            4 => Suite::new(&Suite4::NEW),
            5 => Suite::new(&Suite5::NEW),
            #[cfg(feature = "curve448")]
            6 => Suite::new(&Suite6::NEW),
            7 => Suite::new(&Suite7::NEW),
            _ => return None,
        })
    }
}
