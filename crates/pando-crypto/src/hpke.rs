//! HPKE in base mode (RFC 9180, section 5.1.1), built from DHKEM and the algorithms of a cipher
//! suite.
//!
//! The other modes, and contexts with more than one message, are deliberately not implemented,
//! because MLS does not use them.
//!
//! Encryption is hedged against a random number generator that repeats its state, as
//! [`Info::hedged_ikm`] explains.

use crate::algorithms::{Aead, Group, Kdf, NONCE_LEN, Secret};
use crate::dhkem::{SharedSecret, encap, fresh_ikm, labeled_expand, labeled_extract};
use crate::{AeadKey, AeadNonce, CryptoError, HpkeMessage, SecretBytes, parallel};
use hpke::hybrid_array::Array;
use pando_wire::{HpkeCiphertext, KemOutput};
use rand_core::CryptoRng;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// The part of HPKE's key schedule that depends only on `info`. One value can be used for any
/// number of recipients.
pub(crate) struct Info<G, A> {
    key_schedule_context: Vec<u8>,
    algorithms: PhantomData<fn() -> (G, A)>,
}

/// The value of `mode_base` in RFC 9180.
const MODE_BASE: u8 = 0;

/// The label that distinguishes the hedge from all other uses of HMAC.
const HEDGE_LABEL: &[u8] = b"Pando HPKE ephemeral key";

impl<G: Group, A: Aead> Info<G, A> {
    /// Computes the part of the key schedule that depends on `info`.
    pub(crate) fn new(info: &[u8]) -> Self {
        let extract = |label, ikm| labeled_extract::<G::Kdf>(&suite_id::<G, A>(), &[], label, ikm);
        // The base mode has an empty PSK and an empty PSK identifier.
        let (psk_id_hash, info_hash) = (extract(b"psk_id_hash", &[]), extract(b"info_hash", info));
        let key_schedule_context = [&[MODE_BASE], psk_id_hash.as_slice(), &info_hash].concat();
        Self { key_schedule_context, algorithms: PhantomData }
    }

    /// Performs `SealBase` with a hedged ephemeral key, for which `rng` provides the random bytes.
    pub(crate) fn seal(
        &self,
        message: HpkeMessage<'_>,
        aad: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        self.seal_hedged(message, aad, &fresh_ikm::<G>(rng))
    }

    /// Performs `SealBase` on each message. The results are the same as those of calling
    /// [`Info::seal`] for one message after another.
    pub(crate) fn seal_many(
        &self,
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        // Draw all random bytes first, because the result must not depend on the order in which the
        // threads run.
        let drawn: Vec<_> = messages.iter().map(|message| (*message, fresh_ikm::<G>(rng))).collect();
        let sealed = parallel::map(&drawn, |(message, random)| self.seal_hedged(*message, &[], random));
        let positions = sealed.into_iter().enumerate();
        positions.map(|(position, sealed)| sealed.map_err(|error| (position, error))).collect()
    }

    /// Performs `SealBase` with a hedged ephemeral key, for which `random` provides the random
    /// bytes.
    fn seal_hedged(
        &self,
        message: HpkeMessage<'_>,
        aad: &[u8],
        random: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let ikm = self.hedged_ikm(random, [b"seal", message.public, aad, message.plaintext])?;
        self.seal_with(message, aad, &ikm)
    }

    /// Performs `SealBase` with the ephemeral key pair derived from `ikm`.
    pub(crate) fn seal_with(
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

    /// Performs `SendExportBase` with a hedged ephemeral key, for which `rng` provides the random
    /// bytes. Fills `out` and returns the encapsulated key.
    pub(crate) fn send_export(
        &self,
        public: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<KemOutput, CryptoError> {
        let ikm = self.hedged_ikm(&fresh_ikm::<G>(rng), [b"export", public, exporter_context, &[]])?;
        self.send_export_with(public, exporter_context, out, &ikm)
    }

    /// Performs `SendExportBase` with the ephemeral key pair derived from `ikm`.
    pub(crate) fn send_export_with(
        &self,
        public: &[u8],
        exporter_context: &[u8],
        out: &mut [u8],
        ikm: &[u8],
    ) -> Result<KemOutput, CryptoError> {
        let (shared_secret, encapped) = encap::<G>(public, ikm)?;
        self.export(&shared_secret, exporter_context, out)?;
        Ok(encapped.as_slice().into())
    }

    /// Derives the `ikm` of an ephemeral key pair from `Nsk` random bytes, `info`, and `sent`. The
    /// parts of `sent` are the operation, the recipient's public key, the additional data or
    /// exporter context, and the plaintext.
    ///
    /// HPKE derives the AEAD's key and nonce from the ephemeral key. If an ephemeral key is used
    /// twice with the same recipient and `info`, two messages are encrypted with the same nonce
    /// (RFC 9180, section 9.7.5). Random bytes can repeat, for example if a virtual machine is
    /// restored from a snapshot and its generator returns to an old state. With the hedge, an
    /// ephemeral key repeats only if the whole ciphertext repeats.
    ///
    /// The random bytes are the HMAC key. If they are unpredictable, the output is pseudorandom,
    /// and an attacker who knows the plaintext learns neither the ephemeral key nor the random
    /// bytes.
    pub(crate) fn hedged_ikm(
        &self,
        random: &[u8],
        sent: [&[u8]; 4],
    ) -> Result<Secret<G::PrivateLen>, CryptoError> {
        let [operation, public, context, plaintext] = sent;
        let parts = [operation, public, &self.key_schedule_context, context, plaintext];
        // The input starts with the lengths, each of a fixed size, so different lists of parts have
        // different encodings.
        let lengths = parts.map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        let [operation, public, info, context, plaintext] = parts;
        let suite_id = suite_id::<G, A>();
        let input =
            [HEDGE_LABEL, &suite_id, lengths.as_flattened(), operation, public, info, context, plaintext];
        let prk = G::Kdf::prk(&G::Kdf::extract(random, &input))?;
        let mut ikm = Zeroizing::new(Array::default());
        G::Kdf::expand(&prk, &[], &mut ikm)?;
        Ok(ikm)
    }

    /// Derives the AEAD key, and the nonce of the first message.
    pub(crate) fn key_and_nonce(
        &self,
        shared_secret: &SharedSecret<G>,
    ) -> Result<(AeadKey, AeadNonce), CryptoError> {
        let secret = self.secret(shared_secret)?;
        let mut key = SecretBytes::from(vec![0; A::KEY_LEN]);
        self.expand(&secret, b"key", key.expose_mut())?;
        // The sequence number is 0, so the nonce equals the base nonce (section 5.2).
        let mut nonce = SecretBytes::from(vec![0; NONCE_LEN]);
        self.expand(&secret, b"base_nonce", nonce.expose_mut())?;
        Ok((key.into(), nonce.into()))
    }

    /// Computes `Context.Export` (section 5.3).
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

    /// Computes `secret = LabeledExtract(shared_secret, "secret", psk)` with an empty PSK.
    fn secret(&self, shared_secret: &SharedSecret<G>) -> Result<<G::Kdf as Kdf>::Prk, CryptoError> {
        G::Kdf::prk(&labeled_extract::<G::Kdf>(&suite_id::<G, A>(), shared_secret, b"secret", &[]))
    }

    /// Computes `LabeledExpand(secret, label, key_schedule_context, out.len())`.
    fn expand(&self, secret: &<G::Kdf as Kdf>::Prk, label: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let context = [self.key_schedule_context.as_slice(), &[]];
        labeled_expand::<G::Kdf>(&suite_id::<G, A>(), secret, label, context, out)
    }
}

/// Returns the string "HPKE" followed by the identifiers of the KEM, the KDF and the AEAD (section
/// 5.1).
fn suite_id<G: Group, A: Aead>() -> [u8; 10] {
    let [kem, kdf, aead] = [G::KEM_ID, G::Kdf::KDF_ID, A::AEAD_ID].map(u16::to_be_bytes);
    [b'H', b'P', b'K', b'E', kem[0], kem[1], kdf[0], kdf[1], aead[0], aead[1]]
}
