//! HPKE in its base mode (RFC 9180, section 5.1.1), over DHKEM and the algorithms of a cipher suite.
//!
//! Left out on purpose: the other modes, and more than one message in a context, for which MLS has no use.

use crate::algorithms::{Aead, Group, Kdf, NONCE_LEN};
use crate::dhkem::{SharedSecret, encap, fresh_ikm, labeled_expand, labeled_extract};
use crate::{AeadKey, AeadNonce, CryptoError, HpkeMessage, SecretBytes, parallel};
use pando_wire::{HpkeCiphertext, KemOutput};
use rand_core::CryptoRng;
use std::marker::PhantomData;

/// What of the key schedule depends on `info` alone, be it for one recipient or for many.
pub(crate) struct Info<G, A> {
    key_schedule_context: Vec<u8>,
    algorithms: PhantomData<fn() -> (G, A)>,
}

/// `mode_base`.
const MODE_BASE: u8 = 0;

impl<G: Group, A: Aead> Info<G, A> {
    /// Hashes `info`.
    pub(crate) fn new(info: &[u8]) -> Self {
        let extract = |label, ikm| labeled_extract::<G::Kdf>(&suite_id::<G, A>(), &[], label, ikm);
        // There is no PSK, and it has no name.
        let (psk_id_hash, info_hash) = (extract(b"psk_id_hash", &[]), extract(b"info_hash", info));
        let key_schedule_context = [&[MODE_BASE], psk_id_hash.as_slice(), &info_hash].concat();
        Self { key_schedule_context, algorithms: PhantomData }
    }

    /// `SealBase`, with an ephemeral key from the generator.
    pub(crate) fn seal(
        &self,
        message: HpkeMessage<'_>,
        aad: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.seal_with(message, aad, &fresh_ikm::<G>(rng))
    }

    /// `SealBase` of each message, with the results that [`Info::seal`] would give one after the other.
    pub(crate) fn seal_many(
        &self,
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        // What is drawn must not depend on which thread comes first.
        let drawn: Vec<_> = messages.iter().map(|message| (*message, fresh_ikm::<G>(rng))).collect();
        let sealed = parallel::map(&drawn, |(message, ikm)| self.seal_with(*message, &[], ikm));
        let positions = sealed.into_iter().enumerate();
        positions.map(|(position, sealed)| sealed.map_err(|error| (position, error))).collect()
    }

    /// `SealBase`, with the ephemeral key pair that is derived from `ikm`.
    fn seal_with(
        &self,
        message: HpkeMessage<'_>,
        aad: &[u8],
        ikm: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (shared_secret, encapped) = encap::<G>(message.public, ikm)?;
        let (key, nonce) = self.key_and_nonce(&shared_secret)?;
        let ciphertext = A::seal(&key, &nonce, aad, message.plaintext)?;
        Ok(HpkeCiphertext { kem_output: encapped.as_slice().into(), ciphertext: ciphertext.into() })
    }

    /// `SendExportBase`: the encapsulated key, and as many bytes as `out` has room for.
    pub(crate) fn send_export(
        &self,
        public: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<KemOutput, CryptoError> {
        let (shared_secret, encapped) = encap::<G>(public, &fresh_ikm::<G>(rng))?;
        self.export(&shared_secret, exporter_context, out)?;
        Ok(encapped.as_slice().into())
    }

    /// The AEAD's key and the nonce of the first message.
    pub(crate) fn key_and_nonce(
        &self,
        shared_secret: &SharedSecret<G>,
    ) -> Result<(AeadKey, AeadNonce), CryptoError> {
        let secret = self.secret(shared_secret)?;
        let mut key = SecretBytes::from(vec![0; A::KEY_LEN]);
        self.expand(&secret, b"key", key.expose_mut())?;
        // The sequence number is 0, so this is the nonce itself (section 5.2).
        let mut nonce = SecretBytes::from(vec![0; NONCE_LEN]);
        self.expand(&secret, b"base_nonce", nonce.expose_mut())?;
        Ok((key.into(), nonce.into()))
    }

    /// `Context.Export` (section 5.3).
    pub(crate) fn export(
        &self,
        shared_secret: &SharedSecret<G>,
        exporter_context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let mut exporter_secret = SharedSecret::<G>::default();
        self.expand(&self.secret(shared_secret)?, b"exp", &mut exporter_secret)?;
        let prk = G::Kdf::prk(&exporter_secret)?;
        labeled_expand::<G::Kdf>(&suite_id::<G, A>(), &prk, b"sec", [exporter_context, &[]], out)
    }

    /// `secret = LabeledExtract(shared_secret, "secret", psk)`, where the PSK is empty.
    fn secret(&self, shared_secret: &SharedSecret<G>) -> Result<<G::Kdf as Kdf>::Prk, CryptoError> {
        G::Kdf::prk(&labeled_extract::<G::Kdf>(&suite_id::<G, A>(), shared_secret, b"secret", &[]))
    }

    /// `LabeledExpand(secret, label, key_schedule_context, out.len())`.
    fn expand(&self, secret: &<G::Kdf as Kdf>::Prk, label: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let context = [self.key_schedule_context.as_slice(), &[]];
        labeled_expand::<G::Kdf>(&suite_id::<G, A>(), secret, label, context, out)
    }
}

/// "HPKE" and the numbers of the KEM, the KDF and the AEAD (section 5.1).
fn suite_id<G: Group, A: Aead>() -> [u8; 10] {
    let [kem, kdf, aead] = [G::KEM_ID, G::Kdf::KDF_ID, A::AEAD_ID].map(u16::to_be_bytes);
    [b'H', b'P', b'K', b'E', kem[0], kem[1], kdf[0], kdf[1], aead[0], aead[1]]
}
