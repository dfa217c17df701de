//! Test vectors of the kind `secret-tree`: the keys that encrypt messages (RFC 9420, sections 6.3.2
//! and 9).

use crate::hex_bytes::Hex;
use crate::random::bytes;
use crate::report::{MustSucceed, Outcome, Problem, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Suite};
use pando_schedule::{
    EncryptionSecret, MessageKey, RatchetLimits, RatchetType, ScheduleError, SecretTree, SenderDataSecret,
};
use pando_wire::{LeafIndex, TreeSize};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    sender_data: SenderData,
    encryption_secret: Hex,
    leaves: Vec<Vec<Generation>>,
}

#[derive(Serialize, Deserialize)]
struct SenderData {
    sender_data_secret: Hex,
    ciphertext: Hex,
    key: Hex,
    nonce: Hex,
}

#[derive(Serialize, Deserialize)]
struct Generation {
    generation: u32,
    handshake_key: Hex,
    handshake_nonce: Hex,
    application_key: Hex,
    application_nonce: Hex,
}

/// The largest generation that a file may contain. The limit exists because the verifier derives
/// and keeps a key for each earlier generation.
const LAST_GENERATION: u32 = 65_535;

/// Returns all leaf indices in ascending order, to pair each leaf with its list of generations.
fn leaf_indices() -> impl Iterator<Item = LeafIndex> {
    (0..).map(LeafIndex)
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let secret = SenderDataSecret::from(&*self.sender_data.sender_data_secret);
        let (key, nonce) =
            secret.key_and_nonce(suite, &self.sender_data.ciphertext).in_field("sender_data")?;
        must_equal("sender_data.key", key.expose(), &self.sender_data.key)?;
        must_equal("sender_data.nonce", nonce.expose(), &self.sender_data.nonce)?;

        let mut generations = self.leaves.iter().flatten();
        must("leaves", generations.next().is_some(), "no generations")?;
        let mut receiving = self.tree()?;
        let mut sending = self.tree()?;
        for (leaf, generations) in leaf_indices().zip(&self.leaves) {
            for expected in generations {
                for ratchet in [RatchetType::Handshake, RatchetType::Application] {
                    let field = format!("leaves[{}], generation {}", leaf.0, expected.generation);
                    let (outcome, used) = receiving
                        .open(suite, leaf, ratchet, expected.generation, |key| -> Result<_, ScheduleError> {
                            Ok(expected.compare(&field, ratchet, key))
                        })
                        .in_field(&field)?;
                    outcome?;
                    receiving.delete_key(used);
                    // The sender must derive the same key. Discard its keys until it reaches this
                    // generation.
                    let (mut generation, mut key) =
                        sending.take_next(suite, leaf, ratchet).in_field(&field)?;
                    while generation < expected.generation {
                        (generation, key) = sending.take_next(suite, leaf, ratchet).in_field(&field)?;
                    }
                    expected.compare(&field, ratchet, &key)?;
                }
            }
        }
        Ok(())
    }

    fn tree(&self) -> Result<SecretTree, Problem> {
        let leaves = u32::try_from(self.leaves.len()).in_field("leaves")?;
        let size = TreeSize::with_leaves(leaves).ok_or("not the size of a tree").in_field("leaves")?;
        let secret = EncryptionSecret::from(&*self.encryption_secret);
        // Set the limits so that the generations of the file can be used in any order.
        let generations = self.leaves.iter().flatten().map(|generation| generation.generation);
        let last = generations.max().unwrap_or(0);
        must("leaves", last <= LAST_GENERATION, "a generation is too large")?;
        let limits = RatchetLimits::default().with_forward(last).with_backward(u32::MAX);
        Ok(SecretTree::new(size, secret, limits))
    }
}

impl Generation {
    fn compare(&self, field: &str, ratchet: RatchetType, computed: &MessageKey) -> Outcome {
        let (name, key, nonce) = match ratchet {
            RatchetType::Handshake => ("handshake", &self.handshake_key, &self.handshake_nonce),
            RatchetType::Application => ("application", &self.application_key, &self.application_nonce),
        };
        must_equal(format!("{field}, {name}_key"), computed.key.expose(), key)?;
        must_equal(format!("{field}, {name}_nonce"), computed.nonce.expose(), nonce)
    }
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let mut cases = Vec::new();
    for leaves in [1, 8] {
        let sender_data_secret = bytes(rng, suite.hash_len());
        let ciphertext = bytes(rng, 77);
        let secret = SenderDataSecret::from(&*sender_data_secret);
        let (key, nonce) = secret.key_and_nonce(suite, &ciphertext)?;
        let sender_data = SenderData {
            sender_data_secret: Hex(sender_data_secret),
            ciphertext: Hex(ciphertext),
            key: key.expose().into(),
            nonce: nonce.expose().into(),
        };

        let encryption_secret = bytes(rng, suite.hash_len());
        let size = TreeSize::with_leaves(leaves).ok_or("no such tree")?;
        let limits = RatchetLimits::default();
        let mut tree = SecretTree::new(size, encryption_secret.as_slice().into(), limits);
        let mut key = |leaf, ratchet, generation| {
            let opened = tree.open(suite, leaf, ratchet, generation, |key| -> Result<_, ScheduleError> {
                Ok((Hex::from(key.key.expose()), Hex::from(key.nonce.expose())))
            });
            opened.map(|(key, used)| {
                tree.delete_key(used);
                key
            })
        };
        let leaves = leaf_indices().take(leaves.try_into()?).map(|leaf| {
            let generations = [0, 3, 7].into_iter().map(|generation| {
                let (handshake_key, handshake_nonce) = key(leaf, RatchetType::Handshake, generation)?;
                let (application_key, application_nonce) = key(leaf, RatchetType::Application, generation)?;
                Ok(Generation {
                    generation,
                    handshake_key,
                    handshake_nonce,
                    application_key,
                    application_nonce,
                })
            });
            generations.collect::<Result<Vec<_>, ScheduleError>>()
        });
        cases.push(Case {
            cipher_suite: suite.cipher_suite().0,
            sender_data,
            encryption_secret: Hex(encryption_secret),
            leaves: leaves.collect::<Result<_, _>>()?,
        });
    }
    Ok(cases)
}
