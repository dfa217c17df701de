//! The cipher suites of RFC 9420 (section 17.1) whose curves AWS-LC has: 1, 2, 3, 5 and 7.
//!
//! What is accepted is what [`Primitives`](crate::Primitives) says, as in all backends. Where the library has
//! another rule, or nothing to offer, the backend in pure Rust steps in:
//!
//! - Ed25519: the library decides by the equation without the cofactor. Whatever it refuses is decided anew, as are
//!   batches and the check of a public key.
//! - ECDSA: the library draws the nonce of a signature from a generator of its own. Signatures here depend on the key
//!   and the message alone (RFC 6979), so keys are made, kept and signed with in pure Rust. The forms of public keys
//!   and signatures are read there, too.
//!
//! - Hashes, HMAC and HKDF are those of the backend in pure Rust. MLS hashes little at a time, mostly one or two blocks,
//!   and the library takes about twice as long to get going as to hash them.
//!
//! HPKE is composed, for receiving as for sending. The library wipes its own keys when they are freed.
//!
//! Built without its default features, the library needs a C compiler and nothing else on the platforms for which
//! its bindings come ready-made (on Windows, NASM besides).

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

/// The backend on AWS-LC: cipher suites 1, 2, 3, 5 and 7.
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
