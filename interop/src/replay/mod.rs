//! Pando's passive-client vectors, followed by the peers: a client joins by a Welcome with the private keys that the file
//! has, and takes what the others send.

pub mod mls_rs;
pub mod openmls;

use crate::member::{Bytes, Outcome};
use serde::Deserialize;

/// A case of the file; bytes are hexadecimal.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// The suite's number.
    pub cipher_suite: u16,
    /// The PSKs that the client has.
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
    /// What the client has to have when it has joined.
    pub initial_epoch_authenticator: Hex,
    /// What happens then.
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

/// What happens in an epoch.
#[derive(Debug, Deserialize)]
pub struct Epoch {
    /// Proposals.
    pub proposals: Vec<Hex>,
    /// The Commit.
    pub commit: Hex,
    /// What the client has to have after it.
    pub epoch_authenticator: Hex,
}

/// Bytes, hexadecimal in the file.
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
    /// Takes a proposal, or a Commit and enters its epoch.
    fn take(&mut self, message: &[u8]) -> Outcome;

    /// The epoch's authenticator.
    fn authenticator(&self) -> Outcome<Bytes>;
}

impl Case {
    /// Lets a client take everything, and compares the authenticators.
    ///
    /// # Errors
    /// What the client says, or where it has another authenticator.
    pub fn replay(&self, mut client: Box<dyn Passive>) -> Outcome {
        if client.authenticator()? != self.initial_epoch_authenticator.0 {
            return Err("another authenticator after the Welcome".into());
        }
        for (number, epoch) in self.epochs.iter().enumerate() {
            for message in epoch.proposals.iter().chain([&epoch.commit]) {
                client.take(&message.0).map_err(|refusal| format!("epochs[{number}]: {refusal}"))?;
            }
            if client.authenticator()? != epoch.epoch_authenticator.0 {
                return Err(format!("another authenticator after epochs[{number}]").into());
            }
        }
        Ok(())
    }
}
