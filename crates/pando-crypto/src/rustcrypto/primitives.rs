//! A cipher suite put together from its algorithms.

use super::dhkem::{Dhkem, Group, PrivateKey, PublicKey};
use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, HpkeKeyPair, HpkePrivateKey, Primitives, SecretBytes,
    SignaturePrivateKey, SignedMessage, Signer,
};
use aes_gcm::aead::{Aead as _, AeadCore, KeyInit, KeySizeUser, Nonce, Payload};
use hkdf::{Hkdf, HkdfExtract};
use hmac::{EagerHash, Hmac, Mac as _};
use hpke::aead::{Aead, AeadCtxR, AeadCtxS};
use hpke::hybrid_array::typenum::Unsigned;
use hpke::kdf::Kdf;
use hpke::{Deserializable, HpkeError, OpModeR, OpModeS, Serializable};
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use std::marker::PhantomData;
use zeroize::Zeroize;

/// A signature scheme; see [`Primitives`] for what each function does and accepts.
pub(super) trait SignatureScheme: 'static {
    fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError>;
    fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError>;
    fn check(public: &SignaturePublicKey) -> Result<(), CryptoError>;
    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError>;

    fn verify_batch(messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        messages.iter().enumerate().try_for_each(|(position, signed)| {
            Self::verify(signed.public, signed.message, signed.signature).map_err(|error| (position, error))
        })
    }
}

/// The cipher suite number `ID`: a KEM over the group `G`, the KDF `F` with the hash `H`, the AEAD `A`, and
/// the signature scheme `S`.
pub(super) struct RustCryptoSuite<const ID: u16, G, F, A, H, S> {
    kem: PhantomData<fn() -> G>,
    kdf: PhantomData<fn() -> (F, H)>,
    aead: PhantomData<fn() -> A>,
    signature: PhantomData<fn() -> S>,
}

impl<const ID: u16, G, F, A, H, S> RustCryptoSuite<ID, G, F, A, H, S> {
    pub(super) const NEW: Self =
        Self { kem: PhantomData, kdf: PhantomData, aead: PhantomData, signature: PhantomData };
}

impl<const ID: u16, G, F, A, H, S> Primitives for RustCryptoSuite<ID, G, F, A, H, S>
where
    G: Group,
    F: Kdf,
    A: Aead,
    H: EagerHash,
    S: SignatureScheme,
{
    fn cipher_suite(&self) -> CipherSuite {
        CipherSuite(ID)
    }

    fn hash_len(&self) -> usize {
        <H as sha2::Digest>::output_size()
    }

    fn aead_key_len(&self) -> usize {
        <A::AeadImpl as KeySizeUser>::key_size()
    }

    fn aead_nonce_len(&self) -> usize {
        <A::AeadImpl as AeadCore>::NonceSize::USIZE
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = H::new();
        for part in parts {
            sha2::Digest::update(&mut hash, part);
        }
        Digest::of_output(&hash.finalize())
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        let mut mac = hmac::<H>(key);
        for part in parts {
            mac.update(part);
        }
        Digest::of_output(&mac.finalize().into_bytes())
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes {
        let mut extract = HkdfExtract::<H>::new(Some(salt));
        extract.input_ikm(ikm);
        let (mut prk, _) = extract.finalize();
        let secret = SecretBytes::from(prk.as_slice());
        prk.zeroize();
        secret
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError> {
        if len > self.hash_len().saturating_mul(255) {
            return Err(CryptoError::InvalidLength);
        }
        let hkdf = Hkdf::<H>::from_prk(secret).map_err(|_| CryptoError::InvalidLength)?;
        let mut out = SecretBytes::from(vec![0; len]);
        hkdf.expand_multi_info(info, out.expose_mut()).map_err(|_| CryptoError::InvalidLength)?;
        Ok(out)
    }

    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (aead, nonce) = aead::<A>(key, nonce)?;
        aead.encrypt(nonce, Payload { msg: plaintext, aad }).map_err(|_| CryptoError::EncryptionFailed)
    }

    fn aead_open(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let (aead, nonce) = aead::<A>(key, nonce)?;
        let plaintext = aead.decrypt(nonce, Payload { msg: ciphertext, aad });
        plaintext.map(SecretBytes::from).map_err(|_| CryptoError::DecryptionFailed)
    }

    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        Dhkem::<G>::derive(ikm).map(|key| key_pair(&key)).map_err(|_| CryptoError::InvalidPrivateKey)
    }

    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError> {
        Dhkem::<G>::generate(rng).map(|key| key_pair(&key)).map_err(|_| CryptoError::InvalidPrivateKey)
    }

    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError> {
        // Not the bytes as they came: see `Group::clamp`.
        let key = PrivateKey::<G>::from_bytes(private.expose());
        key.map(|key| key_pair(&key)).map_err(|_| CryptoError::InvalidPrivateKey)
    }

    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        PublicKey::<G>::from_bytes(public).map(|_| ()).map_err(|_| CryptoError::InvalidPublicKey)
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (encapped, mut context) = setup_sender::<G, F, A>(public, info, rng)?;
        let ciphertext = context.seal(plaintext, aad).map_err(|_| CryptoError::EncryptionFailed)?;
        Ok(HpkeCiphertext {
            kem_output: encapped.to_bytes().as_slice().into(),
            ciphertext: ciphertext.into(),
        })
    }

    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        let mut context = setup_receiver::<G, F, A>(key_pair, &ciphertext.kem_output, info)?;
        let plaintext = context.open(&ciphertext.ciphertext, aad);
        plaintext.map(SecretBytes::from).map_err(|_| CryptoError::DecryptionFailed)
    }

    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError> {
        let mut secret = self.exported(len)?;
        let (encapped, context) = setup_sender::<G, F, A>(public, info, rng)?;
        context.export(exporter_context, secret.expose_mut()).map_err(|_| CryptoError::InvalidLength)?;
        Ok((encapped.to_bytes().as_slice().into(), secret))
    }

    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let mut secret = self.exported(len)?;
        let context = setup_receiver::<G, F, A>(key_pair, kem_output, info)?;
        context.export(exporter_context, secret.expose_mut()).map_err(|_| CryptoError::InvalidLength)?;
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

impl<const ID: u16, G, F, A, H, S> RustCryptoSuite<ID, G, F, A, H, S>
where
    Self: Primitives,
{
    /// Room for an exported secret of `len` bytes.
    fn exported(&self, len: usize) -> Result<SecretBytes, CryptoError> {
        if len > self.hash_len().saturating_mul(255) {
            return Err(CryptoError::InvalidLength);
        }
        Ok(SecretBytes::from(vec![0; len]))
    }
}

/// What a sender has after setting up a context: the encapsulated key and the context.
type Sending<G, F, A> = (PublicKey<G>, AeadCtxS<A, F, Dhkem<G>>);

fn setup_sender<G: Group, F: Kdf, A: Aead>(
    public: &HpkePublicKey,
    info: &[u8],
    mut rng: &mut dyn CryptoRng,
) -> Result<Sending<G, F, A>, CryptoError> {
    let recipient = PublicKey::<G>::from_bytes(public).map_err(|_| CryptoError::InvalidPublicKey)?;
    hpke::setup_sender_with_rng(&OpModeS::Base, &recipient, info, &mut rng).map_err(|error| match error {
        HpkeError::EncapError => CryptoError::InvalidPublicKey,
        _ => CryptoError::BrokenRandomness,
    })
}

fn setup_receiver<G: Group, F: Kdf, A: Aead>(
    key_pair: &HpkeKeyPair,
    kem_output: &KemOutput,
    info: &[u8],
) -> Result<AeadCtxR<A, F, Dhkem<G>>, CryptoError> {
    let private = PrivateKey::<G>::with_public(key_pair.private.expose(), &key_pair.public)
        .map_err(|_| CryptoError::InvalidPrivateKey)?;
    let encapped = PublicKey::<G>::from_bytes(kem_output).map_err(|_| CryptoError::DecryptionFailed)?;
    hpke::setup_receiver(&OpModeR::Base, &private, &encapped, info).map_err(|_| CryptoError::DecryptionFailed)
}

fn key_pair<G: Group>(private: &PrivateKey<G>) -> HpkeKeyPair {
    let mut bytes = private.to_bytes();
    let pair = HpkeKeyPair {
        private: HpkePrivateKey::from(bytes.as_slice()),
        public: private.public().to_bytes().as_slice().into(),
    };
    bytes.zeroize();
    pair
}

fn aead<'a, A: Aead>(
    key: &AeadKey,
    nonce: &'a AeadNonce,
) -> Result<(A::AeadImpl, &'a Nonce<A::AeadImpl>), CryptoError> {
    let aead = A::AeadImpl::new_from_slice(key.expose()).map_err(|_| CryptoError::InvalidLength)?;
    let nonce = nonce.expose().try_into().map_err(|_| CryptoError::InvalidLength)?;
    Ok((aead, nonce))
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac<H: EagerHash>(key: &[u8]) -> Hmac<H> {
    KeyInit::new_from_slice(key).expect("any length will do")
}
