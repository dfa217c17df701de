//! Ed448 (RFC 8032, section 5.2).

use crate::algorithms::SignatureScheme;
use crate::{CryptoError, SignaturePrivateKey, Signer};
use ed448_goldilocks::{SigningKey, VerifyingKey};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub(crate) struct Ed448;

const KEY_LEN: usize = 57;

/// The number 2^448 - 2^224 - 1, in little-endian order.
const PRIME: [u8; 56] = {
    let mut prime = [0xff; 56];
    prime[28] = 0xfe;
    prime
};

struct Key {
    signing_key: SigningKey,
    public: SignaturePublicKey,
}

impl Signer for Key {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        Ok(Signature::from(self.signing_key.sign_raw(message).to_bytes().as_slice()))
    }
}

impl SignatureScheme for Ed448 {
    fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        let mut seed = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *seed);
        Ok(SignaturePrivateKey::from(seed.as_slice()))
    }

    fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        let signing_key =
            SigningKey::try_from(private.expose()).map_err(|_| CryptoError::InvalidPrivateKey)?;
        let public = signing_key.verifying_key().as_bytes().as_slice().into();
        Ok(Box::new(Key { signing_key, public }))
    }

    fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
        verifying_key(public).map(|_| ())
    }

    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        let key = verifying_key(public)?;
        let r = signature.first_chunk::<KEY_LEN>().ok_or(CryptoError::InvalidSignature)?;
        if !is_canonical(r) {
            return Err(CryptoError::InvalidSignature);
        }
        let signature = ed448_goldilocks::Signature::try_from(&signature[..])
            .map_err(|_| CryptoError::InvalidSignature)?;
        key.verify_raw(&signature, message).map_err(|_| CryptoError::InvalidSignature)
    }
}

fn verifying_key(public: &SignaturePublicKey) -> Result<VerifyingKey, CryptoError> {
    let bytes: &[u8; KEY_LEN] = (&**public).try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
    if !is_canonical(bytes) {
        return Err(CryptoError::InvalidPublicKey);
    }
    // The library rejects points outside of the subgroup of prime order, and the neutral element.
    VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::InvalidPublicKey)
}

/// Returns whether a point is canonically encoded (RFC 8032, section 5.2.3). A canonical encoding
/// requires that y is below the prime, and that the last byte contains only the sign of x. The
/// crate `ed448-goldilocks` checks neither condition, but reduces y and ignores the other bits of
/// the last byte.
fn is_canonical(point: &[u8; KEY_LEN]) -> bool {
    let [y @ .., sign] = point;
    sign & 0x7f == 0 && y.iter().rev().lt(PRIME.iter().rev())
}
