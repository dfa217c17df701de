//! The encryption of the GroupInfo in a Welcome (RFC 9420, section 12.4.3.1).

use crate::ScheduleError;
use pando_crypto::{Suite, secret_types};
use pando_wire::{Decode, Encode, GroupInfo, Opaque};

secret_types! {
    /// The secret that encrypts the GroupInfo in a Welcome. It must be used for one GroupInfo only,
    /// because the key and the nonce depend only on this secret.
    WelcomeSecret
}

impl WelcomeSecret {
    /// Encrypts the GroupInfo.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Encode`] if it is too long.
    pub fn seal(self, suite: Suite, group_info: &GroupInfo) -> Result<Opaque, ScheduleError> {
        let (key, nonce) = suite.expand_key_and_nonce(self.expose(), &[])?;
        Ok(suite.aead_seal(&key, &nonce, &[], &group_info.encode()?)?.into())
    }

    /// Decrypts the GroupInfo.
    ///
    /// # Errors
    /// Returns [`ScheduleError::Crypto`] if it does not decrypt, [`ScheduleError::Decode`] if the
    /// plaintext is malformed.
    pub fn open(self, suite: Suite, encrypted_group_info: &[u8]) -> Result<GroupInfo, ScheduleError> {
        let (key, nonce) = suite.expand_key_and_nonce(self.expose(), &[])?;
        let group_info = suite.aead_open(&key, &nonce, &[], encrypted_group_info)?;
        Ok(GroupInfo::decode(group_info.expose())?)
    }
}
