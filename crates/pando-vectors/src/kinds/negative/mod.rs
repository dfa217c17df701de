//! Test vectors of the kind `negative`: messages that a client must reject, rule by rule (RFC 9420,
//! sections 2, 5 to 13 and 16.7). The format is specific to Pando;
//! `test-vectors/negative/README.md` describes it.
//!
//! A test case has two message sequences that differ in one respect. The client accepts all
//! messages of the first sequence. The client rejects a message of the second sequence for the
//! reason that the case names.
//!
//! # Left out on purpose
//!
//! There are no test cases for rules that no message alone can violate because they depend on the
//! application's policy or on the time.

mod cases;
mod fixture;
mod forger;
mod player;
mod rules;

pub(crate) use cases::generate;

use super::passive_client::{ExternalPsk, Keys};
use crate::hex_bytes::Hex;
use crate::report::{Outcome, must, must_equal, suite};
use pando_crypto::CryptoProvider;
use player::Player;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    /// The violated rule, in the notation of [`rules::identifier`].
    rule: String,
    section: String,
    description: String,
    client: State,
    /// The messages with which both sequences begin.
    given: Vec<Hex>,
    /// The messages that the client accepts.
    accept: Vec<Hex>,
    /// The epoch authenticator of the group that received the last accepted message.
    epoch_authenticator: Hex,
    /// The messages of which the client rejects one.
    reject: Vec<Hex>,
}

/// The client's state before the first message.
#[derive(Serialize, Deserialize)]
struct State {
    external_psks: Vec<ExternalPsk>,
    key_packages: Vec<Keys>,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let section = rules::section(&self.rule);
        must("rule", section.is_some(), "no such rule")?;
        must("section", section == Some(&self.section), "wrong section for the rule")?;
        must("reject", !self.reject.is_empty(), "no messages")?;

        let mut player = Player::new(crypto, suite, &self.client.external_psks, &self.client.key_packages)?;
        player.take_all("given", &self.given)?;
        player.take_all("accept", &self.accept)?;
        must_equal("epoch_authenticator", &player.epoch_authenticator(), &self.epoch_authenticator)?;

        let mut player = Player::new(crypto, suite, &self.client.external_psks, &self.client.key_packages)?;
        player.take_all("given", &self.given)?;
        for (index, bytes) in self.reject.iter().enumerate() {
            if let Err(error) = player.take(bytes) {
                let found = rules::identifier(&error);
                let otherwise = format!("refused because of {found}: {error}");
                return must(format!("reject[{index}]"), found == self.rule, &otherwise);
            }
        }
        must("reject", false, "nothing was refused")
    }
}
