//! Diffie-Hellman on the NIST curves, for KEMs such as DHKEM(P-256, HKDF-SHA256).

use super::{Sha256, Sha384, Sha512};
use crate::algorithms::{Group, Secret, derive_candidate};
use hpke::hybrid_array::Array;
use hpke::hybrid_array::typenum::{U32, U48, U65, U66, U97, U133};
use zeroize::Zeroizing;

macro_rules! nist_group {
    ($name:ident, $curve:ident, $kdf:ident, $private:ty, $public:ty, $id:literal, $mask:literal) => {
        pub(crate) struct $name;

        impl Group for $name {
            type PrivateLen = $private;
            type PublicLen = $public;
            type SharedLen = $private;
            type Kdf = $kdf;
            type Key = $curve::SecretKey;
            const KEM_ID: u16 = $id;

            fn key(private: &Array<u8, $private>) -> Option<Self::Key> {
                $curve::SecretKey::from_bytes(private).ok()
            }

            fn is_public(public: &Array<u8, $public>) -> bool {
                Self::read(public).is_some()
            }

            fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<$private>, Self::Key)> {
                derive_candidate::<Self>($mask, expand)
            }

            fn public(key: &Self::Key) -> Option<Array<u8, $public>> {
                Array::try_from(&*key.public_key().to_sec1_bytes()).ok()
            }

            fn dh(key: &Self::Key, public: &Array<u8, $public>) -> Option<Secret<$private>> {
                // The result is never the neutral element, because the order of the group is prime.
                Some(Zeroizing::new(key.diffie_hellman(&Self::read(public)?).raw_secret_bytes().clone()))
            }
        }

        impl $name {
            fn read(public: &Array<u8, $public>) -> Option<$curve::PublicKey> {
                // An encoding of this length can only be the uncompressed form, whose first byte is
                // 4.
                if public.first() != Some(&4) {
                    return None;
                }
                $curve::PublicKey::from_sec1_bytes(public).ok()
            }
        }
    };
}

nist_group!(P256, p256, Sha256, U32, U65, 0x0010, 0xff);
nist_group!(P384, p384, Sha384, U48, U97, 0x0011, 0xff);
nist_group!(P521, p521, Sha512, U66, U133, 0x0012, 0x01);
