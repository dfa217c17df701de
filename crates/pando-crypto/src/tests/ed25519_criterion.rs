//! Tests which Ed25519 signatures are accepted, with inputs that distinguish the criteria known
//! from the literature.
//!
//! The twelve cases are from Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (2020).
//! The cases are not copied. Each case is built from the properties in the paper's table, and the
//! test checks these properties before it checks the result.

use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ed25519::{Ed25519, LOW_ORDER, is_acceptable_key};
use crate::{CryptoError, SignedMessage};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::IsIdentity;
use pando_wire::{Signature, SignaturePublicKey};
use sha2::{Digest, Sha512};

/// The order of the prime-order group, in little-endian order.
pub(super) const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A non-canonical encoding of the point of order 2, with y = -1 and a negative sign although x is
/// 0.
const MINUS_ONE_NEGATIVE: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes
};

/// An owned signature, with its message and public key.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) public: SignaturePublicKey,
    pub(super) message: Vec<u8>,
    pub(super) signature: Signature,
}

impl Signed {
    pub(super) fn as_message(&self) -> SignedMessage<'_> {
        SignedMessage { public: &self.public, message: &self.message, signature: &self.signature }
    }

    pub(super) fn verify(&self) -> Result<(), CryptoError> {
        verify(&self.public, &self.message, &self.signature)
    }
}

/// Returns the result of verifying a signature, which must be the same in all backends.
fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
    let verdict = Ed25519::verify(public, message, signature);
    #[cfg(feature = "aws-lc")]
    assert_eq!(crate::aws_lc::ed25519::Ed25519::verify(public, message, signature), verdict);
    verdict
}

/// Returns the result of checking a public key, which must be the same in all backends.
fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
    let verdict = Ed25519::check(public);
    #[cfg(feature = "aws-lc")]
    assert_eq!(crate::aws_lc::ed25519::Ed25519::check(public), verdict);
    verdict
}

/// A point with an encoding. The point is `[scalar]B` plus a multiple of a point of order 8, and
/// its encoding is canonical unless another one is given.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) scalar: Scalar,
    pub(super) torsion: usize,
    pub(super) encoding: Option<[u8; 32]>,
}

impl Point {
    /// Returns a point of small order.
    fn small(torsion: usize) -> Self {
        Self { scalar: Scalar::ZERO, torsion, encoding: None }
    }

    /// Returns a point of prime order if `torsion` is 0, and a point of mixed order otherwise.
    pub(super) fn large(scalar: u64, torsion: usize) -> Self {
        // Use a scalar that is far from any special value.
        let hash = Sha512::digest(scalar.to_le_bytes());
        Self { scalar: Scalar::from_bytes_mod_order_wide(&hash.into()), torsion, encoding: None }
    }

    /// Returns the point of order 2 with a non-canonical encoding.
    fn not_canonical() -> Self {
        Self { encoding: Some(MINUS_ONE_NEGATIVE), ..Self::small(4) }
    }

    fn point(self) -> EdwardsPoint {
        ED25519_BASEPOINT_POINT * self.scalar + EIGHT_TORSION[self.torsion]
    }

    fn bytes(self) -> [u8; 32] {
        self.encoding.unwrap_or_else(|| self.point().compress().0)
    }
}

/// The encoding in which the points enter the hash.
#[derive(Clone, Copy, PartialEq)]
enum Hashed {
    AsWritten,
    Canonical,
}

/// All parts of a signature, namely the two points, the message, the hash `k`, and the number `S`.
pub(super) struct TestSignature {
    a: Point,
    r: Point,
    message: Vec<u8>,
    k: Scalar,
    s: [u8; 32],
}

impl TestSignature {
    /// Signs messages until the hash `k` has the `wanted` property. `S` satisfies the equation in
    /// the group of prime order, so only the components of small order can make the equation fail.
    fn search(a: Point, r: Point, hashed: Hashed, wanted: impl Fn(&Scalar) -> bool) -> Self {
        let write = |point: Point| match hashed {
            Hashed::AsWritten => point.bytes(),
            Hashed::Canonical => point.point().compress().0,
        };
        (0_u64..)
            .map(|number| {
                let message = number.to_be_bytes().to_vec();
                let hash = Sha512::new().chain_update(write(r)).chain_update(write(a)).chain_update(&message);
                let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
                Self { a, r, message, k, s: (r.scalar + k * a.scalar).to_bytes() }
            })
            .find(|test_signature| wanted(&test_signature.k))
            .unwrap()
    }

    /// Returns the signature of the first message, whatever its hash is.
    pub(super) fn any(a: Point, r: Point) -> Self {
        Self::search(a, r, Hashed::AsWritten, |_| true)
    }

    /// Adds the order of the group to `S` the given number of times.
    fn add_order(mut self, times: usize) -> Self {
        for _ in 0..times {
            let mut carry = 0;
            for (byte, summand) in self.s.iter_mut().zip(ORDER) {
                let sum = u16::from(*byte) + u16::from(summand) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            assert_eq!(carry, 0);
        }
        self
    }

    /// Returns whether `[S]B = R + [k]A` holds, and whether it holds after both sides are
    /// multiplied by 8. The encodings of the points do not matter.
    fn equations(&self) -> (bool, bool) {
        let a = CompressedEdwardsY(self.a.bytes()).decompress().unwrap();
        let r = CompressedEdwardsY(self.r.bytes()).decompress().unwrap();
        let difference = ED25519_BASEPOINT_POINT * Scalar::from_bytes_mod_order(self.s) - (r + a * self.k);
        (difference.is_identity(), difference.mul_by_cofactor().is_identity())
    }

    pub(super) fn signed(&self) -> Signed {
        Signed {
            public: self.a.bytes().as_slice().into(),
            message: self.message.clone(),
            signature: [self.r.bytes(), self.s].concat().into(),
        }
    }
}

/// Returns a scalar modulo 8, which determines its product with a point of order 8.
fn modulo_8(scalar: &Scalar) -> usize {
    usize::from(scalar.as_bytes()[0] & 7)
}

/// Returns the order of a point, in the notation of the paper's table.
fn order(point: Point) -> &'static str {
    let point = CompressedEdwardsY(point.bytes()).decompress().unwrap();
    match (point.is_small_order(), point.is_torsion_free()) {
        (true, _) => "small",
        (false, true) => "L",
        (false, false) => "mixed",
    }
}

/// A row of the paper's table, with the orders of A and R, whether the equation holds without and
/// with the cofactor, and the expected result.
pub(super) struct Case {
    pub(super) number: usize,
    pub(super) test_signature: TestSignature,
    orders: (&'static str, &'static str),
    equations: (bool, bool),
    pub(super) verdict: Result<(), CryptoError>,
}

/// Returns the twelve cases of the paper.
pub(super) fn cases() -> Vec<Case> {
    use Hashed::{AsWritten, Canonical};
    let (key, nonce) = (Point::large(1, 1), Point::large(2, 1));
    let (honest_key, honest_nonce) = (Point::large(1, 0), Point::large(2, 0));
    let bad_key = || Err(CryptoError::InvalidPublicKey);
    let bad = || Err(CryptoError::InvalidSignature);
    // Selects hashes for which the components of small order cancel out, which means that R's
    // component plus k times A's component is 0 modulo 8.
    let cancels =
        |a: Point, r: Point| move |k: &Scalar| (r.torsion + modulo_8(k) * a.torsion).is_multiple_of(8);
    let cancelling = |a: Point, r: Point, hashed: Hashed| TestSignature::search(a, r, hashed, cancels(a, r));

    let rows = [
        // The key is rejected, because one signature under a key of small order is valid for many
        // messages.
        (cancelling(Point::small(1), Point::small(2), AsWritten), ("small", "small"), true, bad_key()),
        (cancelling(Point::small(1), nonce, AsWritten), ("small", "mixed"), true, bad_key()),
        // A signature whose R has small order reveals the private key, but only the owner of the
        // key can create it.
        (cancelling(key, Point::small(1), AsWritten), ("mixed", "small"), true, Ok(())),
        (cancelling(key, nonce, AsWritten), ("mixed", "mixed"), true, Ok(())),
        // In this case, only the equation with the cofactor holds.
        (
            TestSignature::search(key, nonce, AsWritten, |k| !cancels(key, nonce)(k)),
            ("mixed", "mixed"),
            false,
            Ok(()),
        ),
        // Implementations that compute [8][k]A as [8k mod L]A reject this case, because A's
        // component of small order remains.
        (
            TestSignature::search(key, honest_nonce, AsWritten, |k| {
                modulo_8(k) != 0 && modulo_8(&(Scalar::from(8_u8) * k)) != 0
            }),
            ("mixed", "L"),
            false,
            Ok(()),
        ),
        // S is not below the order of the group. In the second case, S also has bits set that must
        // be zero.
        (TestSignature::any(honest_key, honest_nonce).add_order(1), ("L", "L"), true, bad()),
        (TestSignature::any(honest_key, honest_nonce).add_order(14), ("L", "L"), true, bad()),
        // R is not canonically encoded. The hash covers the canonical encoding in the first case,
        // and the given encoding in the second.
        (cancelling(key, Point::not_canonical(), Canonical), ("mixed", "small"), true, bad()),
        (cancelling(key, Point::not_canonical(), AsWritten), ("mixed", "small"), true, bad()),
        // A is not canonically encoded. The canonical encoding of A would be rejected too.
        (
            cancelling(Point::not_canonical(), Point::large(2, 4), Canonical),
            ("small", "mixed"),
            true,
            bad_key(),
        ),
        (
            cancelling(Point::not_canonical(), Point::large(2, 4), AsWritten),
            ("small", "mixed"),
            true,
            bad_key(),
        ),
    ];
    let case = |(number, (test_signature, orders, cofactorless, verdict))| {
        // All cases satisfy the equation with the cofactor.
        Case { number, test_signature, orders, equations: (cofactorless, true), verdict }
    };
    rows.into_iter().enumerate().map(case).collect()
}

#[test]
fn the_twelve_cases_get_the_verdict_of_the_criterion() {
    let cases = cases();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let Case { number, test_signature, orders, equations, verdict } = case;
        assert_eq!((order(test_signature.a), order(test_signature.r)), orders, "case {number}");
        assert_eq!(test_signature.equations(), equations, "case {number}");
        let s_is_reduced = bool::from(Scalar::from_canonical_bytes(test_signature.s).is_some());
        assert_eq!(s_is_reduced, ![6, 7].contains(&number), "case {number}");
        assert_eq!(test_signature.s[31] & 0xe0 != 0, number == 7, "case {number}");

        let signed = test_signature.signed();
        assert_eq!(signed.verify(), verdict, "case {number}");
        let key = if verdict == Err(CryptoError::InvalidPublicKey) { verdict } else { Ok(()) };
        assert_eq!(check(&signed.public), key, "case {number}");
    }
}

#[test]
fn any_part_of_small_order_is_accepted_beside_a_large_one() {
    for a_torsion in 0..8 {
        for r_torsion in 0..8 {
            let test_signature = TestSignature::any(Point::large(3, a_torsion), Point::large(4, r_torsion));
            assert!(test_signature.equations().1);
            assert_eq!(test_signature.signed().verify(), Ok(()), "{a_torsion} and {r_torsion}");
        }
    }
}

#[test]
fn any_point_of_small_order_is_accepted_as_r_and_refused_as_a_key() {
    for torsion in 0..8 {
        let test_signature = TestSignature::any(Point::large(3, 0), Point::small(torsion));
        assert_eq!(test_signature.signed().verify(), Ok(()));

        let test_signature = TestSignature::any(Point::small(torsion), Point::large(4, 0));
        assert!(test_signature.equations().1);
        assert_eq!(test_signature.signed().verify(), Err(CryptoError::InvalidPublicKey));
        assert_eq!(check(&test_signature.signed().public), Err(CryptoError::InvalidPublicKey));
    }
}

/// Returns all non-canonical encodings (RFC 8032, section 5.1.3) that the crate `curve25519-dalek`
/// decodes. In these encodings, y lies between the prime and 2^255, or x is 0 and has a negative
/// sign.
fn not_canonical() -> Vec<[u8; 32]> {
    let mut one_negative = [0; 32];
    (one_negative[0], one_negative[31]) = (1, 0x80);
    let above_the_prime = (0xed..=0xff).flat_map(|first| {
        [0x7f, 0xff].map(|last| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (first, last);
            bytes
        })
    });
    let all: Vec<[u8; 32]> = above_the_prime
        .chain([one_negative, MINUS_ONE_NEGATIVE])
        .filter(|bytes| CompressedEdwardsY(*bytes).decompress().is_some())
        .collect();
    for bytes in &all {
        assert_ne!(CompressedEdwardsY(*bytes).decompress().unwrap().compress().0, *bytes);
    }
    assert_eq!(all.len(), 26);
    all
}

#[test]
fn a_public_key_has_only_one_encoding() {
    for bytes in not_canonical() {
        let public = SignaturePublicKey::from(bytes.as_slice());
        assert_eq!(check(&public), Err(CryptoError::InvalidPublicKey));
    }
}

#[test]
fn r_has_only_one_encoding() {
    let mut of_small_order = 0;
    for bytes in not_canonical() {
        let point = CompressedEdwardsY(bytes).decompress().unwrap();
        let torsion = EIGHT_TORSION.iter().position(|torsion| *torsion == point);
        // The discrete logarithms of the other points are unknown, so they can only be tested with
        // an equation that does not hold.
        of_small_order += usize::from(torsion.is_some());
        let r = Point { encoding: Some(bytes), ..Point::small(torsion.unwrap_or(0)) };
        for hashed in [Hashed::AsWritten, Hashed::Canonical] {
            let test_signature = TestSignature::search(Point::large(3, 0), r, hashed, |_| true);
            assert_eq!(test_signature.equations().1, torsion.is_some());
            assert_eq!(test_signature.signed().verify(), Err(CryptoError::InvalidSignature));
        }
    }
    assert_eq!(of_small_order, 6);
}

#[test]
fn a_number_that_is_no_point_is_refused() {
    let mut not_on_the_curve = 0;
    for y in 0..=0xff {
        let mut bytes = [0; 32];
        bytes[0] = y;
        let public = SignaturePublicKey::from(bytes.as_slice());
        if CompressedEdwardsY(bytes).decompress().is_none() {
            not_on_the_curve += 1;
            assert_eq!(check(&public), Err(CryptoError::InvalidPublicKey));
        }
        let good = TestSignature::any(Point::large(3, 0), Point::large(4, 0)).signed();
        let signature = Signature::from([&bytes, &good.signature[32..]].concat());
        let verdict = verify(&good.public, &good.message, &signature);
        assert_eq!(verdict, Err(CryptoError::InvalidSignature));
    }
    assert!(not_on_the_curve > 100);
}

#[test]
fn s_must_be_below_the_order() {
    let good = TestSignature::any(Point::large(3, 0), Point::large(4, 0));
    assert_eq!(good.signed().verify(), Ok(()));
    for times in 1..=14 {
        let test_signature = TestSignature::any(Point::large(3, 0), Point::large(4, 0)).add_order(times);
        assert_eq!(test_signature.equations(), (true, true));
        assert_eq!(test_signature.signed().verify(), Err(CryptoError::InvalidSignature), "S + {times} L");
    }
}

#[test]
fn keys_and_signatures_of_other_lengths_are_refused() {
    let good = TestSignature::any(Point::large(3, 0), Point::large(4, 0)).signed();
    for len in (0..64).chain(65..70) {
        let mut signature = good.signature.to_vec();
        signature.resize(len, 0);
        let verdict = verify(&good.public, &good.message, &Signature::from(signature));
        assert_eq!(verdict, Err(CryptoError::InvalidSignature));
    }
    for len in (0..32).chain(33..40) {
        let mut public = good.public.to_vec();
        public.resize(len, 0);
        let verdict = verify(&SignaturePublicKey::from(public), &good.message, &good.signature);
        assert_eq!(verdict, Err(CryptoError::InvalidPublicKey));
    }
}

#[test]
fn the_points_of_low_order_are_those_of_the_curve() {
    let mut found: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    for encoding in &mut found {
        assert!(!is_acceptable_key(encoding));
        encoding[31] &= 0x7f;
    }
    found.sort_unstable();
    found.dedup();
    let mut listed = LOW_ORDER.to_vec();
    listed.sort_unstable();
    assert_eq!(found, listed);
}
