//! Replay of Pando's passive-client vectors with the peers: a client joins by a Welcome with the
//! private keys of the file, and processes the messages of the other members.

pub mod mls_rs;
pub mod openmls;

use crate::member::{Bytes, Outcome};
use serde::Deserialize;

/// A case of the file, with bytes in hexadecimal.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// The suite's number.
    pub cipher_suite: u16,
    /// The PSKs of the client.
    pub external_psks: Vec<ExternalPsk>,
    /// The client's KeyPackage, an MLSMessage.
    pub key_package: Hex,
    /// Its signature key. A passive client never signs.
    pub signature_priv: Hex,
    /// The private key of its leaf.
    pub encryption_priv: Hex,
    /// The private init key.
    pub init_priv: Hex,
    /// The Welcome, an MLSMessage.
    pub welcome: Hex,
    /// The tree, unless it is in the Welcome.
    pub ratchet_tree: Option<Hex>,
    /// The expected epoch authenticator after joining.
    pub initial_epoch_authenticator: Hex,
    /// The epochs that follow.
    pub epochs: Vec<Epoch>,
}

/// A PSK.
#[derive(Debug, Deserialize)]
pub struct ExternalPsk {
    /// Its identifier.
    pub psk_id: Hex,
    /// The key.
    pub psk: Hex,
}

/// The messages of an epoch.
#[derive(Debug, Deserialize)]
pub struct Epoch {
    /// Proposals.
    pub proposals: Vec<Hex>,
    /// The Commit.
    pub commit: Hex,
    /// The expected epoch authenticator after the Commit.
    pub epoch_authenticator: Hex,
}

/// Bytes, in hexadecimal in the file.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Hex(pub Bytes);

impl TryFrom<String> for Hex {
    type Error = hex::FromHexError;

    fn try_from(digits: String) -> Result<Self, hex::FromHexError> {
        hex::decode(digits).map(Self)
    }
}

/// A client that follows a group.
pub trait Passive {
    /// Processes a proposal, or a Commit and enters its epoch.
    fn take(&mut self, message: &[u8]) -> Outcome;

    /// Returns the epoch authenticator.
    fn authenticator(&self) -> Outcome<Bytes>;
}

impl Case {
    /// Lets a client process all messages, and compares the authenticators.
    ///
    /// # Errors
    /// Returns the error of the client, or the epoch with a wrong authenticator.
    pub fn replay(&self, mut client: Box<dyn Passive>) -> Outcome {
        if client.authenticator()? != self.initial_epoch_authenticator.0 {
            return Err("wrong epoch authenticator after the Welcome".into());
        }
        for (number, epoch) in self.epochs.iter().enumerate() {
            for message in epoch.proposals.iter().chain([&epoch.commit]) {
                client.take(&message.0).map_err(|refusal| format!("epochs[{number}]: {refusal}"))?;
            }
            if client.authenticator()? != epoch.epoch_authenticator.0 {
                return Err(format!("wrong epoch authenticator after epochs[{number}]").into());
            }
        }
        Ok(())
    }
}
