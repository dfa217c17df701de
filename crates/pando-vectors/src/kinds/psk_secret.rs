//! Test vectors of the kind `psk_secret`: the secret derived from a list of pre-shared keys (RFC
//! 9420, section 8.4).

use crate::hex_bytes::Hex;
use crate::random::bytes;
use crate::report::{MustSucceed, Outcome, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_schedule::{PskSecret, PskValue, ScheduleError};
use pando_wire::{PreSharedKeyId, Psk as PskKind};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    psks: Vec<Psk>,
    psk_secret: Hex,
}

#[derive(Serialize, Deserialize)]
struct Psk {
    psk_id: Hex,
    psk: Hex,
    psk_nonce: Hex,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let secret = psk_secret(suite, &self.psks).in_field("psks")?;
        must_equal("psk_secret", secret.expose(), &self.psk_secret)
    }
}

fn psk_secret(suite: Suite, psks: &[Psk]) -> Result<PskSecret, ScheduleError> {
    let psks: Vec<_> = psks
        .iter()
        .map(|psk| {
            let kind = PskKind::External { psk_id: (&*psk.psk_id).into() };
            let id = PreSharedKeyId { psk: kind, psk_nonce: (&*psk.psk_nonce).into() };
            (id, PskValue::from(&*psk.psk))
        })
        .collect();
    PskSecret::new(suite, psks.iter().map(|(id, value)| (id, value)))
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    [0, 1, 2, 5]
        .into_iter()
        .map(|count| {
            let mut random = || Hex(bytes(rng, suite.hash_len()));
            let psks: Vec<Psk> =
                (0..count).map(|_| Psk { psk_id: random(), psk: random(), psk_nonce: random() }).collect();
            let psk_secret = psk_secret(suite, &psks)?.expose().into();
            Ok(Case { cipher_suite: suite.cipher_suite().0, psks, psk_secret })
        })
        .collect()
}
