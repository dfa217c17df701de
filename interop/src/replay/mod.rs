//! Replays Pando's passive-client vectors with the other libraries. A client joins by a Welcome
//! with the private keys from the file, and processes the messages of the other members.

pub mod mls_rs;
pub mod openmls;

use crate::member::{Bytes, Outcome};
use serde::Deserialize;

/// A test case of the file, in which bytes are encoded in hexadecimal.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// The number of the cipher suite.
    pub cipher_suite: u16,
    /// The external PSKs that the client knows.
    pub external_psks: Vec<ExternalPsk>,
    /// The client's KeyPackage, encoded as an MLSMessage.
    pub key_package: Hex,
    /// The client's private signature key, which is not used because a passive client never signs.
    pub signature_priv: Hex,
    /// The private encryption key of the client's leaf.
    pub encryption_priv: Hex,
    /// The private init key of the KeyPackage.
    pub init_priv: Hex,
    /// The Welcome, encoded as an MLSMessage.
    pub welcome: Hex,
    /// The ratchet tree, unless the Welcome contains it.
    pub ratchet_tree: Option<Hex>,
    /// The expected epoch authenticator after the client has joined.
    pub initial_epoch_authenticator: Hex,
    /// The messages of the epochs that follow.
    pub epochs: Vec<Epoch>,
}

/// An external PSK.
#[derive(Debug, Deserialize)]
pub struct ExternalPsk {
    /// The identifier of the PSK.
    pub psk_id: Hex,
    /// The value of the PSK.
    pub psk: Hex,
}

/// The messages of an epoch, up to and including the Commit that ends it.
#[derive(Debug, Deserialize)]
pub struct Epoch {
    /// The proposals to which the Commit refers.
    pub proposals: Vec<Hex>,
    /// The Commit that ends the epoch.
    pub commit: Hex,
    /// The expected epoch authenticator after the Commit.
    pub epoch_authenticator: Hex,
}

/// Bytes that the file contains in hexadecimal.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Hex(pub Bytes);

impl TryFrom<String> for Hex {
    type Error = hex::FromHexError;

    fn try_from(digits: String) -> Result<Self, hex::FromHexError> {
        hex::decode(digits).map(Self)
    }
}

/// A client that processes the messages of a group without sending any.
pub trait Passive {
    /// Processes a proposal or a Commit. If it is a Commit, the client enters the epoch that it
    /// starts.
    fn take(&mut self, message: &[u8]) -> Outcome;

    /// Returns the epoch authenticator of the current epoch.
    fn authenticator(&self) -> Outcome<Bytes>;
}

impl Case {
    /// Makes a client process all messages, and compares its epoch authenticators with the expected
    /// ones.
    ///
    /// # Errors
    /// Returns the error of the client, or the epoch in which its authenticator is wrong.
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
