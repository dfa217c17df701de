//! HPKE decryption by the crate `hpke`, with our DHKEM as its KEM.
//!
//! The module `crate::hpke` implements encryption. The two implementations are independent so that
//! a mistake in one of them is detected.

use crate::algorithms::{Aead, Group, Kdf};
use crate::composed::Receiver;
use crate::dhkem::{PrivateKey, PublicKey, decap, encap, fresh_ikm, read_private};
use crate::{CryptoError, HpkeKeyPair, SecretBytes};
use hpke::aead::AeadCtxR;
use hpke::kem::{Kem, SharedSecret};
use hpke::{Deserializable, HpkeError, OpModeR, Serializable};
use pando_wire::{HpkeCiphertext, KemOutput};
use rand_core::CryptoRng;
use std::fmt;
use std::marker::PhantomData;
use subtle::{Choice, ConstantTimeEq};

/// HPKE as implemented by the crate `hpke`, with DHKEM over the group `G`, the crate's KDF `F`, and
/// its AEAD `B`, which corresponds to `A`.
pub(crate) struct Crate<G, A, F, B>(PhantomData<(G, A, F, B)>);

impl<G: Group, A: Aead, F: hpke::kdf::Kdf + 'static, B: hpke::aead::Aead + 'static> Receiver
    for Crate<G, A, F, B>
{
    type Group = G;
    type Aead = A;

    fn open(
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        let mut context = setup_receiver::<G, F, B>(key_pair, &ciphertext.kem_output, info)?;
        let plaintext = context.open(&ciphertext.ciphertext, aad);
        plaintext.map(SecretBytes::from).map_err(|_| CryptoError::DecryptionFailed)
    }

    fn receive_export(
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let context = setup_receiver::<G, F, B>(key_pair, kem_output, info)?;
        context.export(exporter_context, out).map_err(|_| CryptoError::InvalidLength)
    }
}

fn setup_receiver<G: Group, F: hpke::kdf::Kdf, B: hpke::aead::Aead>(
    key_pair: &HpkeKeyPair,
    kem_output: &KemOutput,
    info: &[u8],
) -> Result<AeadCtxR<B, F, Dhkem<G>>, CryptoError> {
    let private = read_private::<G>(key_pair.private.expose())?;
    let public = PublicKey::<G>::read(&key_pair.public).map_err(|_| CryptoError::InvalidPrivateKey)?;
    if G::key(&private).is_none() {
        return Err(CryptoError::InvalidPrivateKey);
    }
    let private = PrivateKey { private: (*private).clone(), public };
    let encapped = PublicKey::<G>::read(kem_output).map_err(|_| CryptoError::DecryptionFailed)?;
    hpke::setup_receiver(&OpModeR::Base, &private, &encapped, info).map_err(|_| CryptoError::DecryptionFailed)
}

/// DHKEM over `G`, as a KEM for the crate `hpke`.
pub(crate) struct Dhkem<G>(PhantomData<G>);

impl<G: Group> Kem for Dhkem<G> {
    type PublicKey = PublicKey<G>;
    type PrivateKey = PrivateKey<G>;
    type EncappedKey = PublicKey<G>;
    type NSecret = <G::Kdf as Kdf>::HashLen;

    const KEM_ID: u16 = G::KEM_ID;

    fn sk_to_pk(private: &PrivateKey<G>) -> PublicKey<G> {
        private.public.clone()
    }

    #[expect(clippy::expect_used, reason = "fails with a probability below 2^-8000, and is never called")]
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey<G>, PublicKey<G>) {
        let private = PrivateKey::derive(ikm).expect("one of 256 candidates is a private key");
        let public = private.public.clone();
        (private, public)
    }

    fn encap_with_rng(
        recipient: &PublicKey<G>,
        sender: Option<(&PrivateKey<G>, &PublicKey<G>)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, PublicKey<G>), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        // The ephemeral key is not hedged, because only tests encrypt through the crate, and they
        // use known random bytes.
        let sent = encap::<G>(&recipient.0, &fresh_ikm::<G>(rng));
        let (secret, encapped) = sent.map_err(|_| HpkeError::EncapError)?;
        Ok((SharedSecret((*secret).clone()), PublicKey(encapped)))
    }

    fn decap(
        recipient: &PrivateKey<G>,
        sender: Option<&PublicKey<G>>,
        encapped: &PublicKey<G>,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let key = G::key(&recipient.private).ok_or(HpkeError::DecapError)?;
        let secret = decap::<G>(&key, &recipient.public.0, &encapped.0).map_err(|_| HpkeError::DecapError)?;
        Ok(SharedSecret((*secret).clone()))
    }
}

impl<G: Group> Serializable for PrivateKey<G> {
    type OutputSize = G::PrivateLen;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.private);
    }
}

impl<G: Group> Deserializable for PrivateKey<G> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        Self::read(bytes).map_err(|_| HpkeError::ValidationError)
    }
}

impl<G: Group> ConstantTimeEq for PrivateKey<G> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.private.as_slice().ct_eq(other.private.as_slice())
    }
}

impl<G: Group> Serializable for PublicKey<G> {
    type OutputSize = G::PublicLen;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl<G: Group> Deserializable for PublicKey<G> {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        Self::read(bytes).map_err(|_| HpkeError::ValidationError)
    }
}

impl<G: Group> fmt::Debug for PublicKey<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<G: Group> PartialEq for PublicKey<G> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<G: Group> Eq for PublicKey<G> {}
