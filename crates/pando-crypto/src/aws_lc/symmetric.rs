//! Hash functions with HMAC and HKDF over them, and AEADs.

use crate::algorithms::{Aead, Kdf, Secret};
use crate::{AeadKey, AeadNonce, CryptoError, Digest, SecretBytes};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac};
use hpke::hybrid_array::typenum::{U32, U48, U64};
use zeroize::Zeroize;

macro_rules! hash {
    ($name:ident, $len:ty, $id:literal, $digest:ident, $hmac:ident) => {
        pub(crate) struct $name;

        impl Kdf for $name {
            type HashLen = $len;
            type Prk = hmac::Key;
            const KDF_ID: u16 = $id;

            fn hash(parts: &[&[u8]]) -> Digest {
                if let [only] = parts {
                    return Digest::of_output(digest::digest(&digest::$digest, only).as_ref());
                }
                let mut context = digest::Context::new(&digest::$digest);
                for part in parts {
                    context.update(part);
                }
                Digest::of_output(context.finish().as_ref())
            }

            fn mac(key: &[u8], parts: &[&[u8]]) -> Digest {
                Digest::of_output(authenticate(&hmac::Key::new(hmac::$hmac, key), parts).as_ref())
            }

            fn extract(salt: &[u8], ikm: &[&[u8]]) -> Secret<$len> {
                let tag = authenticate(&hmac::Key::new(hmac::$hmac, salt), ikm);
                let mut prk = Secret::<$len>::default();
                prk.copy_from_slice(tag.as_ref());
                prk
            }

            fn prk(prk: &[u8]) -> Result<hmac::Key, CryptoError> {
                if prk.len() < digest::$digest.output_len() {
                    return Err(CryptoError::InvalidLength);
                }
                Ok(hmac::Key::new(hmac::$hmac, prk))
            }

            fn expand(prk: &hmac::Key, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
                expand(prk, info, out)
            }
        }
    };
}

hash!(Sha256, U32, 1, SHA256, HMAC_SHA256);
hash!(Sha384, U48, 2, SHA384, HMAC_SHA384);
hash!(Sha512, U64, 3, SHA512, HMAC_SHA512);

fn authenticate(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// HKDF-Expand (RFC 5869, section 2.3). The library's own takes no secret above 64 bytes.
fn expand(prk: &hmac::Key, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
    let mut previous: Option<hmac::Tag> = None;
    for (block, counter) in out.chunks_mut(prk.algorithm().tag_len()).zip(1_u16..) {
        let counter = u8::try_from(counter).map_err(|_| CryptoError::InvalidLength)?;
        let mut context = hmac::Context::with_key(prk);
        context.update(previous.as_ref().map_or(&[], AsRef::as_ref));
        for part in info {
            context.update(part);
        }
        context.update(&[counter]);
        let tag = context.sign();
        block.iter_mut().zip(tag.as_ref()).for_each(|(out, byte)| *out = *byte);
        previous = Some(tag);
    }
    Ok(())
}

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

/// The length of a tag of every AEAD.
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
