//! Hash functions, with HMAC and HKDF, and AEADs.

use crate::algorithms::{Aead, Kdf, Secret};
use crate::{AeadKey, AeadNonce, CryptoError, Digest, SecretBytes};
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadCore, KeyInit, KeySizeUser, Nonce, Payload};
use hkdf::{Hkdf, HkdfExtract};
use hmac::{EagerHash, Hmac, Mac as _};
use sha2::digest::OutputSizeUser;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// The hash function `H`, whose HKDF has the identifier `ID`.
pub(crate) struct Hash<const ID: u16, H>(PhantomData<fn() -> H>);

impl<const ID: u16, H: EagerHash + 'static> Kdf for Hash<ID, H> {
    type HashLen = <H::Core as OutputSizeUser>::OutputSize;
    type Prk = Hkdf<H>;
    const KDF_ID: u16 = ID;

    fn hash(parts: &[&[u8]]) -> Digest {
        let mut hash = H::new();
        for part in parts {
            sha2::Digest::update(&mut hash, part);
        }
        Digest::of_output(&hash.finalize())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(key: &[u8], parts: &[&[u8]]) -> Digest {
        let mut mac: Hmac<H> = KeyInit::new_from_slice(key).expect("any length will do");
        for part in parts {
            mac.update(part);
        }
        Digest::of_output(&mac.finalize().into_bytes())
    }

    fn extract(salt: &[u8], ikm: &[&[u8]]) -> Secret<Self::HashLen> {
        let mut extract = HkdfExtract::<H>::new(Some(salt));
        for part in ikm {
            extract.input_ikm(part);
        }
        Zeroizing::new(extract.finalize().0)
    }

    fn prk(prk: &[u8]) -> Result<Hkdf<H>, CryptoError> {
        Hkdf::from_prk(prk).map_err(|_| CryptoError::InvalidLength)
    }

    fn expand(prk: &Hkdf<H>, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        prk.expand_multi_info(info, out).map_err(|_| CryptoError::InvalidLength)
    }
}

/// The AEAD `A`, which has the identifier `ID` in HPKE.
pub(crate) struct Cipher<const ID: u16, A>(PhantomData<fn() -> A>);

impl<const ID: u16, A> Aead for Cipher<ID, A>
where
    A: aes_gcm::aead::Aead + AeadCore<NonceSize = U12> + KeyInit + 'static,
{
    const AEAD_ID: u16 = ID;
    const KEY_LEN: usize = <<A as KeySizeUser>::KeySize as aes_gcm::aead::array::typenum::Unsigned>::USIZE;

    fn seal(key: &AeadKey, nonce: &AeadNonce, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = ready::<A>(key, nonce)?;
        cipher.encrypt(nonce, Payload { msg: plaintext, aad }).map_err(|_| CryptoError::EncryptionFailed)
    }

    fn open(
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let (cipher, nonce) = ready::<A>(key, nonce)?;
        let plaintext = cipher.decrypt(nonce, Payload { msg: ciphertext, aad });
        plaintext.map(SecretBytes::from).map_err(|_| CryptoError::DecryptionFailed)
    }
}

fn ready<'a, A: AeadCore + KeyInit>(
    key: &AeadKey,
    nonce: &'a AeadNonce,
) -> Result<(A, &'a Nonce<A>), CryptoError> {
    let cipher = A::new_from_slice(key.expose()).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = nonce.expose().try_into().map_err(|_| CryptoError::InvalidLength)?;
    Ok((cipher, nonce))
}
