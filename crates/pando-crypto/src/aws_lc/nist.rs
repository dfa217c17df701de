//! Diffie-Hellman on the NIST curves, for KEMs such as DHKEM(P-256, HKDF-SHA256).

use crate::algorithms::{Group, Secret, derive_candidate};
use crate::rustcrypto::nist;
use crate::rustcrypto::{Sha256, Sha384, Sha512};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use hpke::hybrid_array::Array;
use hpke::hybrid_array::typenum::{U32, U48, U65, U66, U97, U133};
use zeroize::Zeroizing;

macro_rules! nist_group {
    ($name:ident, $algorithm:ident, $kdf:ident, $private:ty, $public:ty, $mask:literal) => {
        pub(crate) struct $name;

        impl Group for $name {
            type PrivateLen = $private;
            type PublicLen = $public;
            type SharedLen = $private;
            type Kdf = $kdf;
            type Key = PrivateKey;
            const KEM_ID: u16 = nist::$name::KEM_ID;

            fn key(private: &Array<u8, $private>) -> Option<PrivateKey> {
                PrivateKey::from_private_key(&agreement::$algorithm, private).ok()
            }

            fn is_public(public: &Array<u8, $public>) -> bool {
                nist::$name::is_public(public)
            }

            fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<$private>, PrivateKey)> {
                derive_candidate::<Self>($mask, expand)
            }

            fn public(key: &PrivateKey) -> Option<Array<u8, $public>> {
                Array::try_from(key.compute_public_key().ok()?.as_ref()).ok()
            }

            fn dh(key: &PrivateKey, public: &Array<u8, $public>) -> Option<Secret<$private>> {
                // The library checks that the point is on the curve, but it also accepts the hybrid
                // form, which must be rejected.
                if public.first() != Some(&4) {
                    return None;
                }
                let public = UnparsedPublicKey::new(&agreement::$algorithm, public);
                let copy = |shared: &[u8]| Array::try_from(shared).map(Zeroizing::new).map_err(|_| ());
                agreement::agree(key, public, (), copy).ok()
            }
        }
    };
}

nist_group!(P256, ECDH_P256, Sha256, U32, U65, 0xff);
nist_group!(P384, ECDH_P384, Sha384, U48, U97, 0xff);
nist_group!(P521, ECDH_P521, Sha512, U66, U133, 0x01);
