//! X25519 (RFC 7748) for DHKEM(X25519, HKDF-SHA256).

use super::Sha256;
use crate::algorithms::{Group, Secret};
use hpke::hybrid_array::{Array, typenum::U32};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub(crate) struct X25519;

/// The canonical encodings of the points of low order on the curve and on its twist.
const LOW_ORDER: [[u8; 32]; 5] = [
    // The number 0, of order 2
    [0; 32],
    // The number 1, of order 4 on the curve
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // Two points of order 8
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    // The number -1, of order 4 on the twist
    {
        let mut minus_one = PRIME;
        minus_one[0] = 0xec;
        minus_one
    },
];

/// The number 2^255 - 19, in little-endian order.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

impl Group for X25519 {
    type PrivateLen = U32;
    type PublicLen = U32;
    type SharedLen = U32;
    type Kdf = Sha256;
    type Key = StaticSecret;
    const KEM_ID: u16 = 0x0020;

    fn clamp(private: &mut Array<u8, U32>) {
        let [first, .., last] = &mut private.0;
        *first &= 0b1111_1000;
        *last = *last & 0b0111_1111 | 0b0100_0000;
    }

    fn key(private: &Array<u8, U32>) -> Option<StaticSecret> {
        // Every clamped string of 32 bytes is a private key.
        Some(StaticSecret::from(private.0))
    }

    fn is_public(public: &Array<u8, U32>) -> bool {
        let canonical = public.iter().rev().lt(PRIME.iter().rev());
        canonical && !LOW_ORDER.iter().any(|point| point == public.as_slice())
    }

    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<U32>, StaticSecret)> {
        let mut private = Zeroizing::new(Array::default());
        expand(b"sk", &[], &mut private);
        Self::clamp(&mut private);
        Self::key(&private).map(|key| (private, key))
    }

    fn public(key: &StaticSecret) -> Option<Array<u8, U32>> {
        Some(PublicKey::from(key).to_bytes().into())
    }

    fn dh(key: &StaticSecret, public: &Array<u8, U32>) -> Option<Secret<U32>> {
        if !Self::is_public(public) {
            return None;
        }
        let shared = key.diffie_hellman(&PublicKey::from(public.0));
        shared.was_contributory().then(|| Zeroizing::new(Array(shared.to_bytes())))
    }
}
