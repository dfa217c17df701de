//! Ed25519 (RFC 8032, section 5.1), with one acceptance criterion for single signatures and
//! batches.
//!
//! [`Primitives::verify`](crate::Primitives::verify) defines the criterion, which requires
//! canonical encodings, a public key that is not of low order, and the equation with the cofactor.
//! With this equation, batch verification gives the same result as verifying each signature
//! separately. The components of small order of several signatures could cancel out in a batch, but
//! the cofactor eliminates these components in both kinds of verification.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "the operators here are those of a field and a group, which wrap by definition"
)]

use crate::algorithms::SignatureScheme;
use crate::{CryptoError, SignaturePrivateKey, SignedMessage, Signer, parallel};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use ed25519_dalek::SigningKey;
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha512};
use std::iter;
use zeroize::Zeroizing;

pub(crate) struct Ed25519;

/// The smallest number of signatures for which a batch is faster than separate verification.
const BATCH_PAYS: usize = 3;

/// The minimum and maximum number of signatures that one thread verifies as a batch. A smaller
/// batch is not worth a second thread, and a larger batch would not reduce the cost per signature.
const LEAST_TOGETHER: usize = 32;
const MOST_TOGETHER: usize = 1_024;

/// The encodings of the points of low order, without the sign bit of x.
pub(crate) const LOW_ORDER: [[u8; 32]; 5] = [
    // The encoding of y = 0, of order 4
    [0; 32],
    // The encoding of y = 1, the neutral element
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // Two encodings of points of order 8
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    // The encoding of y = -1, of order 2
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];

struct Key {
    signing_key: SigningKey,
    public: SignaturePublicKey,
}

impl Signer for Key {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = ed25519_dalek::Signer::sign(&self.signing_key, message);
        Ok(Signature::from(signature.to_bytes().as_slice()))
    }
}

impl SignatureScheme for Ed25519 {
    fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Ok(SignaturePrivateKey::from(seed.as_slice()))
    }

    fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        let seed = private.expose().try_into().map_err(|_| CryptoError::InvalidPrivateKey)?;
        let signing_key = SigningKey::from_bytes(seed);
        let public = signing_key.verifying_key().as_bytes().as_slice().into();
        Ok(Box::new(Key { signing_key, public }))
    }

    fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
        public_point(public).map(|_| ())
    }

    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        let equation = Equation::new(public, message, signature)?;
        // Compute R' = [S]B - [k]A. For an honest signature, R' equals R, so R does not have to be
        // decompressed.
        let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&equation.k, &-equation.a, &equation.s);
        if r.compress() == equation.r {
            return Ok(());
        }
        let difference = equation.r.decompress().map(|claimed| r - claimed);
        match difference {
            Some(difference) if difference.mul_by_cofactor().is_identity() => Ok(()),
            _ => Err(CryptoError::InvalidSignature),
        }
    }

    fn verify_batch(messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        verify_batch(messages, Self::verify)
    }
}

/// Verifies many signatures, and uses `verify` to check single ones. Large batches are distributed
/// over the cores, which is possible because the result does not depend on which signatures are
/// verified together.
pub(crate) fn verify_batch(
    messages: &[SignedMessage<'_>],
    verify: impl Fn(&SignaturePublicKey, &[u8], &Signature) -> Result<(), CryptoError> + Send + Sync,
) -> Result<(), (usize, CryptoError)> {
    if messages.len() <= LEAST_TOGETHER {
        return verify_together(messages, &verify);
    }
    let together = messages.len().div_ceil(parallel::threads()).clamp(LEAST_TOGETHER, MOST_TOGETHER);
    let parts: Vec<&[SignedMessage<'_>]> = messages.chunks(together).collect();
    let verdicts = parallel::map(&parts, |part| verify_together(part, &verify));
    for (part, verdict) in verdicts.into_iter().enumerate() {
        verdict
            .map_err(|(position, error)| (part.saturating_mul(together).saturating_add(position), error))?;
    }
    Ok(())
}

fn verify_together(
    messages: &[SignedMessage<'_>],
    verify: impl Fn(&SignaturePublicKey, &[u8], &Signature) -> Result<(), CryptoError>,
) -> Result<(), (usize, CryptoError)> {
    if messages.len() >= BATCH_PAYS && batch_holds(messages) == Some(true) {
        return Ok(());
    }
    // There are only a few signatures, or at least one of them is invalid. Verify them one by one
    // to find the first invalid one.
    messages.iter().enumerate().try_for_each(|(position, signed)| {
        verify(signed.public, signed.message, signed.signature).map_err(|error| (position, error))
    })
}

/// The equation that a valid signature satisfies: `[8][S]B = [8]R + [8][k]A`.
struct Equation {
    s: Scalar,
    r: CompressedEdwardsY,
    k: Scalar,
    a: EdwardsPoint,
}

impl Equation {
    fn new(public: &SignaturePublicKey, message: &[u8], signature: &[u8]) -> Result<Self, CryptoError> {
        let a = public_point(public)?;
        let signature: &[u8; 64] = signature.try_into().map_err(|_| CryptoError::InvalidSignature)?;
        let (r, s) = signature.split_first_chunk::<32>().ok_or(CryptoError::InvalidSignature)?;
        let s: [u8; 32] = s.try_into().map_err(|_| CryptoError::InvalidSignature)?;
        let s = Option::from(Scalar::from_canonical_bytes(s)).ok_or(CryptoError::InvalidSignature)?;
        if !is_canonical(r) {
            return Err(CryptoError::InvalidSignature);
        }
        let hash = Sha512::new().chain_update(r).chain_update(&**public).chain_update(message).finalize();
        Ok(Self { s, r: CompressedEdwardsY(*r), k: Scalar::from_bytes_mod_order_wide(&hash.into()), a })
    }
}

/// Returns whether a random linear combination of all equations holds, or `None` if an input cannot
/// be decoded.
///
/// The coefficients are derived from a hash of all inputs. To make an invalid batch pass, an
/// attacker would have to find an input for which a 128-bit coefficient has the required value.
pub(crate) fn batch_holds(messages: &[SignedMessage<'_>]) -> Option<bool> {
    let equations = messages
        .iter()
        .map(|signed| Equation::new(signed.public, signed.message, signed.signature).ok())
        .collect::<Option<Vec<_>>>()?;

    let mut transcript = Sha512::new();
    for equation in &equations {
        // The scalar k is a hash of R, A and the message, so hashing k covers all of them.
        transcript.update(equation.k.as_bytes());
        transcript.update(equation.s.as_bytes());
    }
    let seed = transcript.finalize();
    // Each hash output provides four coefficients.
    let coefficients: Vec<Scalar> = (0..equations.len().div_ceil(4) as u64)
        .map(|number| Sha512::new().chain_update(seed).chain_update(number.to_be_bytes()).finalize())
        .flat_map(|hash| <[u8; 64]>::from(hash).as_chunks::<16>().0.to_vec())
        .map(|quarter| Scalar::from(u128::from_le_bytes(quarter)))
        .take(equations.len())
        .collect();

    let sum_of_s: Scalar =
        equations.iter().zip(&coefficients).map(|(equation, coefficient)| equation.s * coefficient).sum();
    let scalars = iter::once(-sum_of_s)
        .chain(coefficients.iter().copied())
        .chain(equations.iter().zip(&coefficients).map(|(equation, coefficient)| equation.k * coefficient));
    let points = iter::once(Some(ED25519_BASEPOINT_POINT))
        .chain(equations.iter().map(|equation| equation.r.decompress()))
        .chain(equations.iter().map(|equation| Some(equation.a)));
    let sum = EdwardsPoint::optional_multiscalar_mul(scalars, points)?;
    Some(sum.mul_by_cofactor().is_identity())
}

/// Decodes a public key, which must be canonically encoded, on the curve, and not of low order.
fn public_point(public: &[u8]) -> Result<EdwardsPoint, CryptoError> {
    let bytes: &[u8; 32] = public.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
    if !is_acceptable_key(bytes) {
        return Err(CryptoError::InvalidPublicKey);
    }
    CompressedEdwardsY(*bytes).decompress().ok_or(CryptoError::InvalidPublicKey)
}

/// Returns whether a public key is canonically encoded and not of low order. The function does not
/// check whether the key is a point on the curve.
pub(crate) fn is_acceptable_key(public: &[u8; 32]) -> bool {
    let mut without_sign = *public;
    let [.., last] = &mut without_sign;
    *last &= 0x7f;
    is_canonical(public) && !LOW_ORDER.contains(&without_sign)
}

/// Returns whether a point is canonically encoded (RFC 8032, section 5.1.3). A canonical encoding
/// requires that y is below 2^255 - 19, and that the sign bit is not set if x is 0. The crate
/// `curve25519-dalek` checks neither condition, but reduces y and ignores the sign of 0.
fn is_canonical(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    let (y_last, negative) = (last & 0x7f, last & 0x80 != 0);
    let all_ones = y_last == 0x7f && middle.iter().all(|&byte| byte == 0xff);
    let all_zeros = y_last == 0 && middle.iter().all(|&byte| byte == 0);
    let y_is_reduced = !(all_ones && *first >= 0xed);
    // The coordinate x is 0 if y is 1 or -1.
    let x_is_zero = (all_zeros && *first == 1) || (all_ones && *first == 0xec);
    y_is_reduced && !(x_is_zero && negative)
}
