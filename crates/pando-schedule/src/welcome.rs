//! The encryption of the GroupInfo in a Welcome (RFC 9420, section 12.4.3.1).

use crate::ScheduleError;
use pando_crypto::{Suite, secret_types};
use pando_wire::{Decode, Encode, GroupInfo, Opaque};

secret_types! {
    /// The secret that encrypts the GroupInfo in a Welcome. The secret must be used for only one
    /// GroupInfo, because the key and the nonce depend on nothing but this secret.
    WelcomeSecret
}

impl WelcomeSecret {
    /// Encrypts the GroupInfo of a Welcome.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Encode`] if the GroupInfo is too long.
    pub fn seal(self, suite: Suite, group_info: &GroupInfo) -> Result<Opaque, ScheduleError> {
        let (key, nonce) = suite.expand_key_and_nonce(self.expose(), &[])?;
        Ok(suite.aead_seal(&key, &nonce, &[], &group_info.encode()?)?.into())
    }

    /// Decrypts the GroupInfo of a Welcome.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Crypto`] if decryption fails, and [`ScheduleError::Decode`] if the
    /// plaintext is malformed.
    pub fn open(self, suite: Suite, encrypted_group_info: &[u8]) -> Result<GroupInfo, ScheduleError> {
        let (key, nonce) = suite.expand_key_and_nonce(self.expose(), &[])?;
        let group_info = suite.aead_open(&key, &nonce, &[], encrypted_group_info)?;
        Ok(GroupInfo::decode(group_info.expose())?)
    }
}
