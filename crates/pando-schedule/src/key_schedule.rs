//! The key schedule (RFC 9420, section 8), external initialization (8.3), exporters (8.5), and the
//! values that are derived directly from the epoch's secrets (6.1, 6.2, 6.3.2, 8.6, 8.7).

use crate::{PskSecret, ScheduleError, WelcomeSecret};
use pando_crypto::{
    AeadKey, AeadNonce, CryptoError, CryptoRng, HpkeKeyPair, SecretBytes, Suite, secret_types,
};
use pando_wire::{Encode, GroupContext, HpkePublicKey, KemOutput, Mac};

secret_types! {
    /// The secret that links an epoch to the next one, or an external joiner to the group.
    InitSecret
    /// The contribution of a Commit's path to the key schedule, which is the path secret one step
    /// above the root (section 7.4).
    CommitSecret
    /// The secret that joiners receive in a Welcome.
    JoinerSecret
    /// The joiner secret combined with the pre-shared keys. RFC 9420 has no name for it.
    IntermediateSecret
    /// The secret from which all other secrets of an epoch are derived.
    EpochSecret
    /// The secret from which the keys for sender data are derived (section 6.3.2).
    SenderDataSecret
    /// The secret at the root of the secret tree (section 9).
    EncryptionSecret
    /// The secret from which exported secrets are derived (section 8.5).
    ExporterSecret
    /// The secret from which the group's external key pair is derived.
    ExternalSecret
    /// The MAC key of confirmation tags (section 6.1).
    ConfirmationKey
    /// The MAC key of membership tags (section 6.2).
    MembershipKey
    /// The secret that proves membership in this epoch (section 8.6).
    ResumptionPsk
    /// The value that two members compare to check that they are in the same epoch of the same
    /// group (section 8.7).
    EpochAuthenticator
}

/// The secrets of an epoch (section 8, table 4).
#[derive(Debug, PartialEq, Eq)]
pub struct EpochSecrets {
    /// The RFC's `sender_data_secret`.
    pub sender_data: SenderDataSecret,
    /// The RFC's `encryption_secret`.
    pub encryption: EncryptionSecret,
    /// The RFC's `exporter_secret`.
    pub exporter: ExporterSecret,
    /// The RFC's `external_secret`.
    pub external: ExternalSecret,
    /// The RFC's `confirmation_key`.
    pub confirmation_key: ConfirmationKey,
    /// The RFC's `membership_key`.
    pub membership_key: MembershipKey,
    /// The RFC's `resumption_psk`.
    pub resumption_psk: ResumptionPsk,
    /// The RFC's `epoch_authenticator`.
    pub epoch_authenticator: EpochAuthenticator,
    /// The RFC's `init_secret`, from which the next epoch is derived.
    pub init: InitSecret,
}

impl InitSecret {
    /// The label of the HPKE export in external initialization (section 8.3).
    const EXTERNAL_LABEL: &'static [u8] = b"MLS 1.0 external init secret";

    /// Creates the init secret that an external joiner shares with the group. Returns the secret,
    /// together with the KEM output for the ExternalInit proposal (section 8.3).
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if the group's external public key is not valid.
    pub fn send(
        suite: Suite,
        external_pub: &HpkePublicKey,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, Self), CryptoError> {
        let (kem_output, secret) =
            suite.hpke_send_export(external_pub, &[], Self::EXTERNAL_LABEL, suite.hash_len(), rng)?;
        Ok((kem_output, Self(secret)))
    }

    /// Derives the init secret that an external joiner shares with the group (section 8.3). The
    /// inputs are the KEM output of the ExternalInit proposal and the group's external key pair.
    ///
    /// # Errors
    /// Returns [`CryptoError::DecryptionFailed`] if the KEM output is malformed.
    pub fn receive(
        suite: Suite,
        external_key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
    ) -> Result<Self, CryptoError> {
        suite
            .hpke_receive_export(external_key_pair, kem_output, &[], Self::EXTERNAL_LABEL, suite.hash_len())
            .map(Self)
    }

    /// Derives the joiner secret of the epoch that `context` describes.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Encode`] if the context is too long.
    pub fn joiner_secret(
        &self,
        suite: Suite,
        commit_secret: &CommitSecret,
        context: &GroupContext,
    ) -> Result<JoinerSecret, ScheduleError> {
        let extracted = suite.extract(self.expose(), commit_secret.expose());
        let context = context.encode()?;
        Ok(suite.expand_with_label(extracted.expose(), "joiner", &context, suite.hash_len())?.into())
    }
}

impl CommitSecret {
    /// Returns the commit secret of a Commit without a path, which is all zeros (section 12.4.2).
    #[must_use]
    pub fn zero(suite: Suite) -> Self {
        Self(suite.zero_secret())
    }
}

impl JoinerSecret {
    /// Combines the joiner secret with the secret of the pre-shared keys.
    #[must_use]
    pub fn with_psk_secret(&self, suite: Suite, psk_secret: &PskSecret) -> IntermediateSecret {
        suite.extract(self.expose(), psk_secret.expose()).into()
    }
}

impl IntermediateSecret {
    /// Derives the secret that encrypts the GroupInfo of a Welcome.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if this secret has the wrong length for the suite.
    pub fn welcome_secret(&self, suite: Suite) -> Result<WelcomeSecret, CryptoError> {
        suite.derive_secret(self.expose(), "welcome").map(WelcomeSecret::from)
    }

    /// Derives the epoch secret of the epoch that `context` describes.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Encode`] if the context is too long.
    pub fn epoch_secret(&self, suite: Suite, context: &GroupContext) -> Result<EpochSecret, ScheduleError> {
        let context = context.encode()?;
        Ok(suite.expand_with_label(self.expose(), "epoch", &context, suite.hash_len())?.into())
    }
}

impl EpochSecret {
    /// Draws the random epoch secret of a new group (section 11).
    #[must_use]
    pub fn random(suite: Suite, rng: &mut dyn CryptoRng) -> Self {
        let mut secret = suite.zero_secret();
        rng.fill_bytes(secret.expose_mut());
        Self(secret)
    }

    /// Derives the secrets of the epoch.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if this secret has the wrong length for the suite.
    pub fn derive(self, suite: Suite) -> Result<EpochSecrets, CryptoError> {
        let labels = [
            "sender data",
            "encryption",
            "exporter",
            "external",
            "confirm",
            "membership",
            "resumption",
            "authentication",
            "init",
        ];
        let outputs = labels.map(|label| (label, [].as_slice(), suite.hash_len()));
        let [
            sender_data,
            encryption,
            exporter,
            external,
            confirmation_key,
            membership_key,
            resumption_psk,
            epoch_authenticator,
            init,
        ] = suite.expand_with_labels(self.expose(), outputs)?;
        Ok(EpochSecrets {
            sender_data: sender_data.into(),
            encryption: encryption.into(),
            exporter: exporter.into(),
            external: external.into(),
            confirmation_key: confirmation_key.into(),
            membership_key: membership_key.into(),
            resumption_psk: resumption_psk.into(),
            epoch_authenticator: epoch_authenticator.into(),
            init: init.into(),
        })
    }
}

impl SenderDataSecret {
    /// Derives the key and nonce that encrypt the sender data of the message with the given
    /// ciphertext. The key and nonce depend on the first `KDF.Nh` bytes of the ciphertext, or on
    /// all of it if it is shorter (section 6.3.2).
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if this secret has the wrong length for the suite.
    pub fn key_and_nonce(
        &self,
        suite: Suite,
        ciphertext: &[u8],
    ) -> Result<(AeadKey, AeadNonce), CryptoError> {
        let sample = ciphertext.get(..suite.hash_len()).unwrap_or(ciphertext);
        suite.expand_key_and_nonce(self.expose(), sample)
    }
}

impl ExporterSecret {
    /// Computes `MLS-Exporter(label, context, length)` (section 8.5), and returns `length` bytes
    /// for the application.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if `length` exceeds 65,535 or 255 times `KDF.Nh`.
    pub fn export(
        &self,
        suite: Suite,
        label: &str,
        context: &[u8],
        length: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let secret = suite.derive_secret(self.expose(), label)?;
        suite.expand_with_label(secret.expose(), "exported", &suite.hash(&[context]), length)
    }
}

impl ExternalSecret {
    /// Derives the group's external key pair, which lets clients join by an external Commit
    /// (section 8).
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPrivateKey`] if no key pair can be derived, which happens with
    /// negligible probability.
    pub fn key_pair(&self, suite: Suite) -> Result<HpkeKeyPair, CryptoError> {
        suite.hpke_derive_key_pair(self.expose())
    }
}

impl ConfirmationKey {
    /// Computes the confirmation tag of the Commit that starts this epoch (section 6.1).
    #[must_use]
    pub fn tag(&self, suite: Suite, confirmed_transcript_hash: &[u8]) -> Mac {
        Mac::from(&*suite.mac(self.expose(), &[confirmed_transcript_hash]))
    }

    /// Verifies a confirmation tag in constant time.
    #[must_use]
    pub fn verify(&self, suite: Suite, confirmed_transcript_hash: &[u8], tag: &Mac) -> bool {
        suite.verify_mac(self.expose(), &[confirmed_transcript_hash], tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::{CipherSuite, Extensions, ProtocolVersion};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn suites() -> impl Iterator<Item = Suite> {
        CipherSuite::ALL.into_iter().map(|id| RustCrypto.suite(id).unwrap())
    }

    fn context(suite: Suite) -> GroupContext {
        GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id: vec![1].into(),
            epoch: 7,
            tree_hash: vec![2; 32].into(),
            confirmed_transcript_hash: vec![3; 32].into(),
            extensions: Extensions::default(),
        }
    }

    #[test]
    fn an_external_joiner_and_the_group_agree_on_the_init_secret() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for suite in suites() {
            let secrets = EpochSecret::random(suite, &mut rng).derive(suite).unwrap();
            let key_pair = secrets.external.key_pair(suite).unwrap();
            let (kem_output, sent) = InitSecret::send(suite, &key_pair.public, &mut rng).unwrap();
            assert_eq!(InitSecret::receive(suite, &key_pair, &kem_output).unwrap(), sent);

            let other = EpochSecret::random(suite, &mut rng).derive(suite).unwrap();
            let other = other.external.key_pair(suite).unwrap();
            assert_ne!(InitSecret::receive(suite, &other, &kem_output).ok(), Some(sent));
            let short = KemOutput::from(&kem_output[1..]);
            assert_eq!(InitSecret::receive(suite, &key_pair, &short), Err(CryptoError::DecryptionFailed));
        }
    }

    #[test]
    fn each_input_changes_the_epoch() {
        for suite in suites() {
            let epoch =
                |init: &InitSecret, commit: &CommitSecret, psk: &PskSecret, context: &GroupContext| {
                    let joiner = init.joiner_secret(suite, commit, context).unwrap();
                    joiner.with_psk_secret(suite, psk).epoch_secret(suite, context).unwrap()
                };
            let secret = |byte| vec![byte; suite.hash_len()];
            let (init, commit, psk) = (secret(1).into(), secret(2).into(), secret(3).into());
            let reference = epoch(&init, &commit, &psk, &context(suite));
            assert_eq!(epoch(&init, &commit, &psk, &context(suite)), reference);
            assert_ne!(epoch(&secret(9).into(), &commit, &psk, &context(suite)), reference);
            assert_ne!(epoch(&init, &secret(9).into(), &psk, &context(suite)), reference);
            assert_ne!(epoch(&init, &commit, &secret(9).into(), &context(suite)), reference);
            let later = GroupContext { epoch: 8, ..context(suite) };
            assert_ne!(epoch(&init, &commit, &psk, &later), reference);
        }
    }

    #[test]
    fn confirmation_tags_of_other_lengths_are_refused() {
        for suite in suites() {
            let key = ConfirmationKey::from(vec![1; suite.hash_len()]);
            let tag = key.tag(suite, b"transcript");
            assert!(key.verify(suite, b"transcript", &tag));
            assert!(!key.verify(suite, b"another", &tag));
            for length in 0..tag.len() {
                assert!(!key.verify(suite, b"transcript", &Mac::from(&tag[..length])));
            }
            let longer = [&tag[..], &[0]].concat();
            assert!(!key.verify(suite, b"transcript", &Mac::from(longer)));
        }
    }

    #[test]
    fn exports_that_are_too_long_are_refused() {
        for suite in suites() {
            let exporter = ExporterSecret::from(vec![1; suite.hash_len()]);
            let longest = 255 * suite.hash_len();
            assert_eq!(exporter.export(suite, "l", b"c", longest).unwrap().expose().len(), longest);
            for length in [longest + 1, 65_535, 65_536, usize::MAX] {
                let result = exporter.export(suite, "l", b"c", length);
                assert_eq!(result, Err(CryptoError::InvalidLength));
            }
        }
    }

    #[test]
    fn secrets_of_the_wrong_length_are_errors() {
        for suite in suites() {
            let short = EpochSecret::from(vec![1; suite.hash_len() - 1]);
            assert_eq!(short.derive(suite), Err(CryptoError::InvalidLength));
        }
    }
}
