//! Diffie-Hellman on the NIST curves, for DHKEM(P-256, HKDF-SHA256) and its siblings.

use super::dhkem::Group;
use hpke::hybrid_array::Array;
use hpke::hybrid_array::typenum::{U32, U48, U65, U66, U97, U133};

macro_rules! nist_group {
    ($name:ident, $curve:ident, $hash:ident, $private:ty, $public:ty, $id:literal, $mask:literal) => {
        pub(super) struct $name;

        impl Group for $name {
            type PrivateLen = $private;
            type PublicLen = $public;
            type SharedLen = $private;
            type Hash = sha2::$hash;
            const KEM_ID: u16 = $id;

            fn is_private(private: &Array<u8, $private>) -> bool {
                $curve::SecretKey::from_bytes(private).is_ok()
            }

            fn is_public(public: &Array<u8, $public>) -> bool {
                // The length is that of the uncompressed form, which begins with 4.
                public.first() == Some(&4) && $curve::PublicKey::from_sec1_bytes(public).is_ok()
            }

            fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<Array<u8, $private>> {
                (0..=u8::MAX).find_map(|counter| {
                    let mut candidate = Array::<u8, $private>::default();
                    expand(b"candidate", &[counter], &mut candidate);
                    if let Some(first) = candidate.first_mut() {
                        *first &= $mask;
                    }
                    Self::is_private(&candidate).then_some(candidate)
                })
            }

            fn public(private: &Array<u8, $private>) -> Option<Array<u8, $public>> {
                let public = $curve::SecretKey::from_bytes(private).ok()?.public_key();
                Array::try_from(&*public.to_sec1_bytes()).ok()
            }

            fn dh(private: &Array<u8, $private>, public: &Array<u8, $public>) -> Option<Array<u8, $private>> {
                let private = $curve::SecretKey::from_bytes(private).ok()?;
                let public = $curve::PublicKey::from_sec1_bytes(public).ok()?;
                // Never the neutral element: the order of the group is prime.
                Some(private.diffie_hellman(&public).raw_secret_bytes().clone())
            }
        }
    };
}

nist_group!(P256, p256, Sha256, U32, U65, 0x0010, 0xff);
nist_group!(P384, p384, Sha384, U48, U97, 0x0011, 0xff);
nist_group!(P521, p521, Sha512, U66, U133, 0x0012, 0x01);
