//! The AEADs of the cipher suites.

use crate::algorithms::Aead;
use crate::{AeadKey, AeadNonce, CryptoError, SecretBytes};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize;

macro_rules! cipher {
    ($name:ident, $id:literal, $key_len:literal, $algorithm:ident) => {
        pub(crate) struct $name;

        impl Aead for $name {
            const AEAD_ID: u16 = $id;
            const KEY_LEN: usize = $key_len;

            fn seal(
                key: &AeadKey,
                nonce: &AeadNonce,
                aad: &[u8],
                plaintext: &[u8],
            ) -> Result<Vec<u8>, CryptoError> {
                let (key, nonce) = ready(&aead::$algorithm, key, nonce)?;
                seal(&key, nonce, aad, plaintext)
            }

            fn open(
                key: &AeadKey,
                nonce: &AeadNonce,
                aad: &[u8],
                ciphertext: &[u8],
            ) -> Result<SecretBytes, CryptoError> {
                let (key, nonce) = ready(&aead::$algorithm, key, nonce)?;
                open(&key, nonce, aad, ciphertext)
            }
        }
    };
}

cipher!(Aes128Gcm, 1, 16, AES_128_GCM);
cipher!(Aes256Gcm, 2, 32, AES_256_GCM);
cipher!(ChaCha20Poly1305, 3, 32, CHACHA20_POLY1305);

/// The length in bytes of the tags of every AEAD.
const TAG_LEN: usize = 16;

fn ready(
    algorithm: &'static aead::Algorithm,
    key: &AeadKey,
    nonce: &AeadNonce,
) -> Result<(LessSafeKey, Nonce), CryptoError> {
    let key = UnboundKey::new(algorithm, key.expose()).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce.expose()).map_err(|_| CryptoError::InvalidLength)?;
    Ok((LessSafeKey::new(key), nonce))
}

fn seal(key: &LessSafeKey, nonce: Nonce, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(TAG_LEN));
    sealed.extend_from_slice(plaintext);
    match key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed) {
        Ok(()) => Ok(sealed),
        Err(_) => {
            sealed.zeroize();
            Err(CryptoError::EncryptionFailed)
        }
    }
}

fn open(key: &LessSafeKey, nonce: Nonce, aad: &[u8], sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(CryptoError::DecryptionFailed)?;
    let mut plaintext = SecretBytes::from(vec![0; ciphertext.len()]);
    key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext.expose_mut())
        .map_err(|_| CryptoError::DecryptionFailed)?;
    Ok(plaintext)
}
