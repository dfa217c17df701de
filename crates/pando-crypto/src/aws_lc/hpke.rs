//! HPKE decryption, which uses the same components as encryption.

use crate::algorithms::{Aead, Group};
use crate::composed::Receiver;
use crate::dhkem::{PublicKey, SharedSecret, decap, read_private};
use crate::hpke::Info;
use crate::{CryptoError, HpkeKeyPair, SecretBytes};
use pando_wire::{HpkeCiphertext, KemOutput};
use std::marker::PhantomData;

/// HPKE over the group `G`, with the AEAD `A`.
pub(super) struct Hpke<G, A>(PhantomData<(G, A)>);

impl<G: Group, A: Aead> Receiver for Hpke<G, A> {
    type Group = G;
    type Aead = A;

    fn open(
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        let shared_secret = receive::<G>(key_pair, &ciphertext.kem_output)?;
        let (key, nonce) = Info::<G, A>::new(info).key_and_nonce(&shared_secret)?;
        A::open(&key, &nonce, aad, &ciphertext.ciphertext)
    }

    fn receive_export(
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let shared_secret = receive::<G>(key_pair, kem_output)?;
        Info::<G, A>::new(info).export(&shared_secret, exporter_context, out)
    }
}

/// Performs `Decap` with a key pair that the caller provides.
fn receive<G: Group>(key_pair: &HpkeKeyPair, kem_output: &KemOutput) -> Result<SharedSecret<G>, CryptoError> {
    let public = PublicKey::<G>::read(&key_pair.public).map_err(|_| CryptoError::InvalidPrivateKey)?;
    let private = read_private::<G>(key_pair.private.expose())?;
    let key = G::key(&private).ok_or(CryptoError::InvalidPrivateKey)?;
    decap::<G>(&key, &public.0, kem_output)
}
