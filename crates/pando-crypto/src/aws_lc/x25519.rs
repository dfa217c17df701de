//! X25519 (RFC 7748) for DHKEM(X25519, HKDF-SHA256).

use crate::algorithms::{Group, Secret};
use crate::rustcrypto::Sha256;
use crate::rustcrypto::x25519;
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use hpke::hybrid_array::{Array, typenum::U32};
use zeroize::Zeroizing;

pub(crate) struct X25519;

impl Group for X25519 {
    type PrivateLen = U32;
    type PublicLen = U32;
    type SharedLen = U32;
    type Kdf = Sha256;
    type Key = PrivateKey;
    const KEM_ID: u16 = x25519::X25519::KEM_ID;

    fn clamp(private: &mut Array<u8, U32>) {
        x25519::X25519::clamp(private);
    }

    fn key(private: &Array<u8, U32>) -> Option<PrivateKey> {
        PrivateKey::from_private_key(&agreement::X25519, private).ok()
    }

    fn is_public(public: &Array<u8, U32>) -> bool {
        x25519::X25519::is_public(public)
    }

    fn derive(expand: impl Fn(&[u8], &[u8], &mut [u8])) -> Option<(Secret<U32>, PrivateKey)> {
        let mut private = Zeroizing::new(Array::default());
        expand(b"sk", &[], &mut private);
        Self::clamp(&mut private);
        Self::key(&private).map(|key| (private, key))
    }

    fn public(key: &PrivateKey) -> Option<Array<u8, U32>> {
        Array::try_from(key.compute_public_key().ok()?.as_ref()).ok()
    }

    fn dh(key: &PrivateKey, public: &Array<u8, U32>) -> Option<Secret<U32>> {
        // The library would reduce a number that is not below the prime, so check the public key
        // first. The library itself checks that the result is not zero.
        if !Self::is_public(public) {
            return None;
        }
        let public = UnparsedPublicKey::new(&agreement::X25519, public);
        agreement::agree(key, public, (), |shared| {
            Array::try_from(shared).map(Zeroizing::new).map_err(|_| ())
        })
        .ok()
    }
}
