//! Test vectors of the kind `key-schedule`: the secrets of a sequence of epochs (RFC 9420, section
//! 8).

use crate::hex_bytes::Hex;
use crate::random::bytes;
use crate::report::{MustSucceed, Outcome, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_schedule::{CommitSecret, EpochSecrets, InitSecret, PskSecret, ScheduleError};
use pando_wire::{Encode, Extensions, GroupContext, ProtocolVersion};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    group_id: Hex,
    initial_init_secret: Hex,
    epochs: Vec<Epoch>,
}

#[derive(Serialize, Deserialize)]
struct Epoch {
    tree_hash: Hex,
    commit_secret: Hex,
    psk_secret: Hex,
    confirmed_transcript_hash: Hex,
    group_context: Hex,
    joiner_secret: Hex,
    welcome_secret: Hex,
    init_secret: Hex,
    sender_data_secret: Hex,
    encryption_secret: Hex,
    exporter_secret: Hex,
    epoch_authenticator: Hex,
    external_secret: Hex,
    confirmation_key: Hex,
    membership_key: Hex,
    resumption_psk: Hex,
    external_pub: Hex,
    exporter: Exporter,
}

#[derive(Serialize, Deserialize)]
struct Exporter {
    label: String,
    context: Hex,
    length: usize,
    secret: Hex,
}

/// The inputs to an epoch's key schedule that the generator chooses.
struct Chosen {
    tree_hash: Hex,
    commit_secret: Hex,
    psk_secret: Hex,
    confirmed_transcript_hash: Hex,
    exporter_label: String,
    exporter_context: Hex,
    exporter_length: usize,
}

impl Epoch {
    /// Computes the secrets of an epoch and the init secret of the next epoch.
    fn new(
        suite: Suite,
        group_id: &Hex,
        epoch: u64,
        init_secret: &InitSecret,
        chosen: Chosen,
    ) -> Result<(Self, InitSecret), ScheduleError> {
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            group_id: (&**group_id).into(),
            epoch,
            tree_hash: (&*chosen.tree_hash).into(),
            confirmed_transcript_hash: (&*chosen.confirmed_transcript_hash).into(),
            extensions: Extensions::default(),
        };
        let commit_secret = CommitSecret::from(&*chosen.commit_secret);
        let joiner = init_secret.joiner_secret(suite, &commit_secret, &context)?;
        let intermediate = joiner.with_psk_secret(suite, &PskSecret::from(&*chosen.psk_secret));
        let welcome = intermediate.welcome_secret(suite)?;
        let secrets: EpochSecrets = intermediate.epoch_secret(suite, &context)?.derive(suite)?;
        let exported = secrets.exporter.export(
            suite,
            &chosen.exporter_label,
            &chosen.exporter_context,
            chosen.exporter_length,
        )?;
        let epoch = Self {
            tree_hash: chosen.tree_hash,
            commit_secret: chosen.commit_secret,
            psk_secret: chosen.psk_secret,
            confirmed_transcript_hash: chosen.confirmed_transcript_hash,
            group_context: Hex(context.encode()?),
            joiner_secret: joiner.expose().into(),
            welcome_secret: welcome.expose().into(),
            init_secret: secrets.init.expose().into(),
            sender_data_secret: secrets.sender_data.expose().into(),
            encryption_secret: secrets.encryption.expose().into(),
            exporter_secret: secrets.exporter.expose().into(),
            epoch_authenticator: secrets.epoch_authenticator.expose().into(),
            external_secret: secrets.external.expose().into(),
            confirmation_key: secrets.confirmation_key.expose().into(),
            membership_key: secrets.membership_key.expose().into(),
            resumption_psk: secrets.resumption_psk.expose().into(),
            external_pub: Hex(secrets.external.key_pair(suite)?.public.to_vec()),
            exporter: Exporter {
                label: chosen.exporter_label,
                context: chosen.exporter_context,
                length: chosen.exporter_length,
                secret: exported.expose().into(),
            },
        };
        Ok((epoch, secrets.init))
    }

    fn chosen(&self) -> Chosen {
        Chosen {
            tree_hash: self.tree_hash.clone(),
            commit_secret: self.commit_secret.clone(),
            psk_secret: self.psk_secret.clone(),
            confirmed_transcript_hash: self.confirmed_transcript_hash.clone(),
            exporter_label: self.exporter.label.clone(),
            exporter_context: self.exporter.context.clone(),
            exporter_length: self.exporter.length,
        }
    }

    fn compare(&self, number: u64, computed: &Self) -> Outcome {
        for (field, expected, computed) in [
            ("group_context", &self.group_context, &computed.group_context),
            ("joiner_secret", &self.joiner_secret, &computed.joiner_secret),
            ("welcome_secret", &self.welcome_secret, &computed.welcome_secret),
            ("init_secret", &self.init_secret, &computed.init_secret),
            ("sender_data_secret", &self.sender_data_secret, &computed.sender_data_secret),
            ("encryption_secret", &self.encryption_secret, &computed.encryption_secret),
            ("exporter_secret", &self.exporter_secret, &computed.exporter_secret),
            ("epoch_authenticator", &self.epoch_authenticator, &computed.epoch_authenticator),
            ("external_secret", &self.external_secret, &computed.external_secret),
            ("confirmation_key", &self.confirmation_key, &computed.confirmation_key),
            ("membership_key", &self.membership_key, &computed.membership_key),
            ("resumption_psk", &self.resumption_psk, &computed.resumption_psk),
            ("external_pub", &self.external_pub, &computed.external_pub),
            ("exporter.secret", &self.exporter.secret, &computed.exporter.secret),
        ] {
            must_equal(format!("epochs[{number}].{field}"), computed, expected)?;
        }
        Ok(())
    }
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        must("epochs", !self.epochs.is_empty(), "none")?;
        let mut init_secret = InitSecret::from(&*self.initial_init_secret);
        for (number, epoch) in (0..).zip(&self.epochs) {
            let (computed, next) = Epoch::new(suite, &self.group_id, number, &init_secret, epoch.chosen())
                .in_field(&format!("epochs[{number}]"))?;
            epoch.compare(number, &computed)?;
            init_secret = next;
        }
        Ok(())
    }
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let group_id = Hex(bytes(rng, 32));
    let initial_init_secret = Hex(bytes(rng, suite.hash_len()));
    let mut init_secret = InitSecret::from(&*initial_init_secret);
    let mut epochs = Vec::new();
    for number in 0..4 {
        let length = 16_usize.saturating_add(rng.next_u32().to_le_bytes()[0].into());
        let mut random = || Hex(bytes(rng, suite.hash_len()));
        // The first epoch has no pre-shared keys.
        let psk_secret = if number == 0 { Hex(suite.zero_secret().expose().to_vec()) } else { random() };
        let chosen = Chosen {
            tree_hash: random(),
            commit_secret: random(),
            psk_secret,
            confirmed_transcript_hash: random(),
            exporter_label: hex::encode(&*random()),
            exporter_context: random(),
            exporter_length: length,
        };
        let (epoch, next) = Epoch::new(suite, &group_id, number, &init_secret, chosen)?;
        epochs.push(epoch);
        init_secret = next;
    }
    Ok(vec![Case { cipher_suite: suite.cipher_suite().0, group_id, initial_init_secret, epochs }])
}
