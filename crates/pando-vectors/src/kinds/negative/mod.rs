//! negative: what a client must refuse, rule by rule (RFC 9420, sections 2, 5 to 13 and 16.7). This format is our own;
//! `test-vectors/negative/README.md` describes it.
//!
//! A case has two stories that differ in one thing. The client takes all messages of the one; of the other it refuses a
//! message, and for the reason that the case names.
//!
//! # Left out on purpose
//!
//! Rules that no message breaks: what only the policy of an application decides, or what depends on the time.

mod forger;
mod player;
mod plots;
mod rules;
mod scene;

pub(crate) use plots::generate;

use super::passive_client::{ExternalPsk, Keys};
use crate::hex_bytes::Hex;
use crate::report::{Outcome, must, must_equal, suite};
use pando_crypto::CryptoProvider;
use player::Player;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    /// The rule that is broken, as errors name it.
    rule: String,
    section: String,
    description: String,
    client: State,
    /// Messages that come first, in both stories.
    given: Vec<Hex>,
    /// Messages that are all taken.
    accept: Vec<Hex>,
    /// Of the group in which the last of them was.
    epoch_authenticator: Hex,
    /// Messages of which one is refused.
    reject: Vec<Hex>,
}

/// What the client has before the first message.
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
        must("section", section == Some(&self.section), "not the section of the rule")?;
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
