//! The cipher suites of RFC 9420 (section 17.1) whose curves AWS-LC supports, which are 1, 2, 3, 5
//! and 7.
//!
//! As for all backends, [`Primitives`](crate::Primitives) defines which inputs are accepted. Where
//! the library follows a different rule or lacks a function, this backend uses the pure Rust
//! backend:
//!
//! - Ed25519: the library verifies the equation without the cofactor. If the library rejects a
//!   signature, the pure Rust backend verifies that signature again. The pure Rust backend also
//!   verifies batches and checks public keys.
//! - ECDSA: the library draws the nonce of a signature from its own random number generator, but
//!   Pando's signatures depend only on the key and the message (RFC 6979). Therefore the pure Rust
//!   backend generates the keys, holds them, and signs with them. The pure Rust backend also
//!   decodes public keys and signatures.
//! - Hashes, HMAC and HKDF: the pure Rust backend computes them. MLS mostly hashes one or two
//!   blocks, for which the overhead of calling the library takes about twice as long as the hashing
//!   itself.
//!
//! HPKE encryption and decryption are composed from these primitives. The library zeroizes its keys
//! when it frees them.
//!
//! Because its default features are disabled, the library needs only a C compiler on platforms with
//! prebuilt bindings, and additionally NASM on Windows.

pub(crate) mod ecdsa;
pub(crate) mod ed25519;
mod hpke;
pub(crate) mod nist;
pub(crate) mod symmetric;
pub(crate) mod x25519;

use crate::composed::Composed;
use crate::{CryptoProvider, Suite};
use hpke::Hpke;
use pando_wire::CipherSuite;
use symmetric::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};

/// The backend based on AWS-LC, which implements the cipher suites 1, 2, 3, 5 and 7.
#[derive(Debug, Clone, Copy, Default)]
pub struct AwsLc;

type Suite1 = Composed<1, Hpke<x25519::X25519, Aes128Gcm>, ed25519::Ed25519>;
type Suite2 = Composed<2, Hpke<nist::P256, Aes128Gcm>, ecdsa::P256>;
type Suite3 = Composed<3, Hpke<x25519::X25519, ChaCha20Poly1305>, ed25519::Ed25519>;
type Suite5 = Composed<5, Hpke<nist::P521, Aes256Gcm>, ecdsa::P521>;
type Suite7 = Composed<7, Hpke<nist::P384, Aes256Gcm>, ecdsa::P384>;

impl CryptoProvider for AwsLc {
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite> {
        Some(match cipher_suite.0 {
            1 => Suite::new(&Suite1::NEW),
            2 => Suite::new(&Suite2::NEW),
            3 => Suite::new(&Suite3::NEW),
            5 => Suite::new(&Suite5::NEW),
            7 => Suite::new(&Suite7::NEW),
            _ => return None,
        })
    }
}
