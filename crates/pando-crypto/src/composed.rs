//! A cipher suite that is composed of separate algorithms.

use crate::algorithms::{Aead, Group, Kdf, NONCE_LEN, SignatureScheme, TAG_LEN};
use crate::dhkem::{PrivateKey, PublicKey, fresh_ikm};
use crate::hpke::Info;
use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, HpkeKeyPair, HpkeMessage, HpkePrivateKey, Primitives,
    SecretBytes, SignaturePrivateKey, SignedMessage, Signer,
};
use hpke::hybrid_array::typenum::Unsigned;
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use std::marker::PhantomData;

/// The HPKE operations of a recipient. [`Primitives::hpke_open`] and
/// [`Primitives::hpke_receive_export`] describe them.
pub(crate) trait Receiver: 'static {
    type Group: Group;
    type Aead: Aead;

    fn open(
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError>;

    /// Exports as many bytes as `out` holds.
    fn receive_export(
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError>;
}

/// The cipher suite with the number `ID`. The suite consists of the group and the AEAD of the
/// receiver `R`, the KDF of that group, and the signature scheme `S`.
pub(crate) struct Composed<const ID: u16, R, S> {
    receiver: PhantomData<fn() -> R>,
    signature: PhantomData<fn() -> S>,
}

impl<const ID: u16, R: Receiver, S> Composed<ID, R, S> {
    pub(crate) const NEW: Self = Self { receiver: PhantomData, signature: PhantomData };

    const HASH_LEN: usize = <KdfOf<R> as Kdf>::HashLen::USIZE;

    /// Allocates a buffer for `len` bytes of output from `Expand`.
    fn expanded(len: usize) -> Result<SecretBytes, CryptoError> {
        if len > Self::HASH_LEN.saturating_mul(255) {
            return Err(CryptoError::InvalidLength);
        }
        Ok(SecretBytes::from(vec![0; len]))
    }
}

type KdfOf<R> = <<R as Receiver>::Group as Group>::Kdf;

impl<const ID: u16, R: Receiver, S: SignatureScheme> Primitives for Composed<ID, R, S> {
    fn cipher_suite(&self) -> CipherSuite {
        CipherSuite(ID)
    }

    fn hash_len(&self) -> usize {
        Self::HASH_LEN
    }

    fn aead_key_len(&self) -> usize {
        R::Aead::KEY_LEN
    }

    fn aead_nonce_len(&self) -> usize {
        NONCE_LEN
    }

    fn aead_tag_len(&self) -> usize {
        TAG_LEN
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        KdfOf::<R>::hash(parts)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        KdfOf::<R>::mac(key, parts)
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes {
        SecretBytes::from(KdfOf::<R>::extract(salt, &[ikm]).as_slice())
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError> {
        let mut out = Self::expanded(len)?;
        KdfOf::<R>::expand(&KdfOf::<R>::prk(secret)?, info, out.expose_mut())?;
        Ok(out)
    }

    fn expand_many(&self, secret: &[u8], infos: &[(&[u8], usize)]) -> Result<Vec<SecretBytes>, CryptoError> {
        let prk = KdfOf::<R>::prk(secret)?;
        let expand = |(info, len): &(&[u8], usize)| {
            let mut out = Self::expanded(*len)?;
            KdfOf::<R>::expand(&prk, &[info], out.expose_mut())?;
            Ok(out)
        };
        infos.iter().map(expand).collect()
    }

    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        R::Aead::seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        R::Aead::open(key, nonce, aad, ciphertext)
    }

    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        PrivateKey::<R::Group>::derive(ikm).map(|key| key.to_key_pair())
    }

    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError> {
        self.hpke_derive_key_pair(&fresh_ikm::<R::Group>(rng))
    }

    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError> {
        // The returned key pair contains the clamped private key (see `Group::clamp`).
        PrivateKey::<R::Group>::read(private.expose()).map(|key| key.to_key_pair())
    }

    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        PublicKey::<R::Group>::read(public).map(|_| ())
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        Info::<R::Group, R::Aead>::new(info).seal(HpkeMessage { public, plaintext }, aad, rng)
    }

    fn hpke_seal_many(
        &self,
        info: &[u8],
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        Info::<R::Group, R::Aead>::new(info).seal_many(messages, rng)
    }

    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        R::open(key_pair, info, aad, ciphertext)
    }

    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError> {
        let mut secret = Self::expanded(len)?;
        let info = Info::<R::Group, R::Aead>::new(info);
        let kem_output = info.send_export(public, exporter_context, secret.expose_mut(), rng)?;
        Ok((kem_output, secret))
    }

    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let mut secret = Self::expanded(len)?;
        R::receive_export(key_pair, kem_output, info, exporter_context, secret.expose_mut())?;
        Ok(secret)
    }

    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        S::generate(rng)
    }

    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        S::signer(private)
    }

    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        S::check(public)
    }

    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError> {
        S::verify(public, message, signature)
    }

    fn verify_batch(&self, messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        S::verify_batch(messages)
    }
}
