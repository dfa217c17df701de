//! X448 (RFC 7748) for DHKEM(X448, HKDF-SHA512).

use super::Sha512;
use crate::algorithms::{Group, Secret};
use hpke::hybrid_array::{Array, typenum::U56};
use subtle::ConstantTimeEq;
use x448::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub(crate) struct X448;

/// The number 2^448 - 2^224 - 1, in little-endian order.
const PRIME: [u8; 56] = {
    let mut prime = [0xff; 56];
    prime[28] = 0xfe;
    prime
};

impl Group for X448 {
    type PrivateLen = U56;
    type PublicLen = U56;
    type SharedLen = U56;
    type Kdf = Sha512;
    type Key = StaticSecret;
    const KEM_ID: u16 = 0x0021;

    fn clamp(private: &mut Array<u8, U56>) {
        let [first, .., last] = &mut private.0;
        *first &= 0b1111_1100;
        *last |= 0b1000_0000;
    }

    fn key(private: &Array<u8, U56>) -> Option<StaticSecret> {
        // Every clamped string of 56 bytes is a private key.
        Some(StaticSecret::from(private.0))
    }

    fn is_public(public: &Array<u8, U56>) -> bool {
        let canonical = public.iter().rev().lt(PRIME.iter().rev());
        canonical && !is_low_order(public)
    }

    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<U56>, StaticSecret)> {
        let mut private = Zeroizing::new(Array::default());
        expand(b"sk", &[], &mut private);
        Self::clamp(&mut private);
        Self::key(&private).map(|key| (private, key))
    }

    fn public(key: &StaticSecret) -> Option<Array<u8, U56>> {
        Some(Array(*PublicKey::from(key).as_bytes()))
    }

    fn dh(key: &StaticSecret, public: &Array<u8, U56>) -> Option<Secret<U56>> {
        if !Self::is_public(public) {
            return None;
        }
        let shared = key.diffie_hellman(&PublicKey::from_bytes_unchecked(public)?);
        let zero: bool = shared.as_bytes().ct_eq(&[0; 56]).into();
        (!zero).then(|| Zeroizing::new(Array(*shared.as_bytes())))
    }
}

/// Returns whether the value is 0, 1 or -1. These values are the points of low order on the curve
/// and on its twist.
fn is_low_order(public: &Array<u8, U56>) -> bool {
    let mut one = [0; 56];
    one[0] = 1;
    let mut minus_one = PRIME;
    minus_one[0] = 0xfe;
    [[0; 56], one, minus_one].iter().any(|point| point == public.as_slice())
}
