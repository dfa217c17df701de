//! Tests which Ed448 signatures are accepted, with inputs that distinguish the criteria known from
//! the literature.

use crate::CryptoError;
use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ed448::Ed448;
use ed448_goldilocks::shake::Shake256;
use ed448_goldilocks::shake::digest::{ExtendableOutput, Update, XofReader};
use ed448_goldilocks::{CompressedEdwardsY, EdwardsPoint, EdwardsScalar, WideEdwardsScalarBytes};
use pando_wire::{Signature, SignaturePublicKey};

/// The order of the prime-order group, in big-endian order.
const ORDER: &str = "3fffffffffffffffffffffffffffffffffffffffffffffffffffffff\
    7cca23e9c44edb49aed63690216cc2728dc58f552378c292ab5844f3";

/// The field's prime, in big-endian order.
const PRIME: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
    ffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

const MESSAGE: &[u8] = b"message";

/// Converts a hexadecimal number to 57 bytes in little-endian order.
fn little_endian(number: &str) -> [u8; 57] {
    let mut bytes = [0; 57];
    for (byte, digits) in bytes.iter_mut().zip(hex::decode(number).unwrap().iter().rev()) {
        *byte = *digits;
    }
    bytes
}

/// Returns the sum of two little-endian numbers.
fn add(a: &[u8; 57], b: &[u8; 57]) -> [u8; 57] {
    let mut carry = 0;
    let mut sum = [0; 57];
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        (*sum, carry) = (digit as u8, digit >> 8);
    }
    assert_eq!(carry, 0);
    sum
}

/// Returns the hash of the encodings of R and A and of the message.
fn challenge(r: &[u8; 57], a: &[u8; 57]) -> EdwardsScalar {
    let mut hash = Shake256::default();
    for part in [b"SigEd448\0\0".as_slice(), r, a, MESSAGE] {
        hash.update(part);
    }
    let mut bytes = WideEdwardsScalarBytes::default();
    hash.finalize_xof().read(&mut bytes);
    EdwardsScalar::from_bytes_mod_order_wide(&bytes)
}

/// Returns `[scalar]B`.
fn point(scalar: EdwardsScalar) -> EdwardsPoint {
    EdwardsPoint::GENERATOR * scalar
}

fn encode(point: EdwardsPoint) -> [u8; 57] {
    point.to_affine().compress().0
}

/// Returns the points of small order, which are the neutral element, the point of order 2, and the
/// two points of order 4.
fn torsion() -> [EdwardsPoint; 4] {
    let mut one = [0; 57];
    one[0] = 1;
    let mut minus_one = little_endian(PRIME);
    minus_one[0] -= 1;
    let mut zero_negative = [0; 57];
    zero_negative[56] = 0x80;
    [one, minus_one, [0; 57], zero_negative]
        .map(|bytes| CompressedEdwardsY(bytes).decompress_unchecked().unwrap().to_edwards())
}

/// A signature with its public key.
struct TestSignature {
    a: [u8; 57],
    r: [u8; 57],
    s: [u8; 57],
}

impl TestSignature {
    /// Signs the message with the given key and nonce, and with the given encodings of their
    /// points. `S` satisfies the equation in the group of prime order.
    fn new((a, a_bytes): (EdwardsScalar, [u8; 57]), (r, r_bytes): (EdwardsScalar, [u8; 57])) -> Self {
        let s = r + challenge(&r_bytes, &a_bytes) * a;
        Self { a: a_bytes, r: r_bytes, s: s.to_bytes_rfc_8032().into() }
    }

    /// Returns an honest signature.
    fn honest() -> Self {
        let (a, r) = scalars();
        Self::new((a, encode(point(a))), (r, encode(point(r))))
    }

    fn verify(&self) -> Result<(), CryptoError> {
        let signature = Signature::from([self.r, self.s].concat());
        Ed448::verify(&SignaturePublicKey::from(self.a.as_slice()), MESSAGE, &signature)
    }
}

/// Returns a private key and a nonce.
fn scalars() -> (EdwardsScalar, EdwardsScalar) {
    (challenge(&[1; 57], &[1; 57]), challenge(&[2; 57], &[2; 57]))
}

fn refused_key(bytes: &[u8; 57]) -> bool {
    Ed448::check(&SignaturePublicKey::from(bytes.as_slice())) == Err(CryptoError::InvalidPublicKey)
}

#[test]
fn an_honest_signature_is_accepted() {
    assert_eq!(TestSignature::honest().verify(), Ok(()));
}

#[test]
fn a_part_of_small_order_is_refused() {
    let (a, r) = scalars();
    for number in 1..60_u32 {
        // Test many points, because each of them must be recognised.
        let (a, r) = (a * EdwardsScalar::from(number), r + EdwardsScalar::from(number));
        for torsion in &torsion()[1..] {
            let mixed_key = encode(point(a) + *torsion);
            let test_signature = TestSignature::new((a, mixed_key), (r, encode(point(r))));
            assert_eq!(test_signature.verify(), Err(CryptoError::InvalidPublicKey));
            assert!(refused_key(&mixed_key));

            let test_signature = TestSignature::new((a, encode(point(a))), (r, encode(point(r) + *torsion)));
            assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
        }
        let test_signature = TestSignature::new((a, encode(point(a))), (r, encode(point(r))));
        assert_eq!(test_signature.verify(), Ok(()));
    }
}

#[test]
fn a_point_of_small_order_is_refused() {
    let (a, r) = scalars();
    for torsion in torsion().map(encode) {
        // If the point is the neutral element, the equation holds even without the cofactor.
        let test_signature = TestSignature::new((EdwardsScalar::ZERO, torsion), (r, encode(point(r))));
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidPublicKey));
        assert!(refused_key(&torsion));

        let test_signature = TestSignature::new((a, encode(point(a))), (EdwardsScalar::ZERO, torsion));
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn the_last_byte_of_a_point_has_only_the_sign() {
    let (a, r) = scalars();
    for bits in 1..0x80 {
        let mut other = encode(point(a));
        other[56] |= bits;
        let test_signature = TestSignature::new((a, other), (r, encode(point(r))));
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidPublicKey));
        assert!(refused_key(&other));

        let mut other = encode(point(r));
        other[56] |= bits;
        let test_signature = TestSignature::new((a, encode(point(a))), (r, other));
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn a_coordinate_above_the_prime_is_refused() {
    let prime = little_endian(PRIME);
    let honest = TestSignature::honest();
    let mut on_the_curve = 0;
    for y in 0..=0xff {
        for sign in [0, 0x80] {
            let mut bytes = [0; 57];
            (bytes[0], bytes[56]) = (y, sign);
            let twice = add(&bytes, &prime);
            on_the_curve += usize::from(!refused_key(&bytes));
            assert!(refused_key(&twice));
            // The discrete logarithm of the point is unknown, so the equation does not hold in this
            // case.
            assert_eq!(TestSignature { r: twice, ..honest }.verify(), Err(CryptoError::InvalidSignature));
        }
    }
    assert!(on_the_curve > 50);
    assert!(refused_key(&prime));
    assert!(refused_key(&[0xff; 57]));
}

#[test]
fn s_must_be_below_the_order() {
    let order = little_endian(ORDER);
    let mut test_signature = TestSignature::honest();
    // Four times the order is just below 2^448, so larger multiples extend into the last byte.
    for times in 1..=8 {
        test_signature.s = add(&test_signature.s, &order);
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature), "S + {times} L");
    }
    let test_signature = TestSignature { s: order, ..TestSignature::honest() };
    assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
}

#[test]
fn the_last_byte_of_s_is_zero() {
    let mut test_signature = TestSignature::honest();
    for last in 1..=0xff {
        test_signature.s[56] = last;
        assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn s_must_not_be_zero() {
    let test_signature = TestSignature { s: [0; 57], ..TestSignature::honest() };
    assert_eq!(test_signature.verify(), Err(CryptoError::InvalidSignature));
}

#[test]
fn keys_and_signatures_of_other_lengths_are_refused() {
    let honest = TestSignature::honest();
    let public = SignaturePublicKey::from(honest.a.as_slice());
    for len in (0..114).chain(115..120) {
        let mut signature = [honest.r, honest.s].concat();
        signature.resize(len, 0);
        let verdict = Ed448::verify(&public, MESSAGE, &Signature::from(signature));
        assert_eq!(verdict, Err(CryptoError::InvalidSignature), "{len}");
    }
    let signature = Signature::from([honest.r, honest.s].concat());
    for len in (0..57).chain(58..64) {
        let mut public = honest.a.to_vec();
        public.resize(len, 0);
        let verdict = Ed448::verify(&SignaturePublicKey::from(public), MESSAGE, &signature);
        assert_eq!(verdict, Err(CryptoError::InvalidPublicKey), "{len}");
    }
}
