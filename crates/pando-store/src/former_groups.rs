//! Records of former groups, which prevent an old Welcome from restoring such a group.
//!
//! A KeyPackage of last resort can open the same Welcome any number of times. After the client was
//! removed from a group or has deleted it, the Welcome with which it joined could make the client a
//! member of an old epoch again. The client would then accept old messages a second time.
//!
//! For each former group, a record therefore keeps the client's last epoch and the sequence of the
//! newest KeyPackage at that time. A Welcome is refused if its epoch is not higher and its
//! KeyPackage is not newer. A Welcome for a newer KeyPackage is accepted at any epoch, because no
//! earlier Welcome could have used that KeyPackage. A limit by epoch alone would not suffice,
//! because anyone can create a group with the same identifier and a huge epoch. The record is
//! deleted when all stored KeyPackages are newer than the one in the record.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, all, alone, tagged};
use crate::error::Record;
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::{Decode, Encode, GroupId};
use sha2::{Digest, Sha256};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The treatment of a Welcome to a former group in [`Transaction::use_key_package`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldWelcome {
    /// Refuses the Welcome if its epoch is not higher than the client's last epoch, and if the
    /// client already had the Welcome's KeyPackage at that time.
    Refuse,
    /// Accepts the Welcome, because the application knows that it is not a replay, for instance
    /// after the delivery service was rolled back.
    Accept,
}

/// The record of a former group.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct FormerRecord {
    /// The SHA-256 hash of the group's identifier.
    name: [u8; 32],
    /// The highest epoch that the client has reached in the group.
    epoch: u64,
    /// The largest sequence of the KeyPackages that were stored when the group ended for the
    /// client.
    sequence: u64,
}

impl Encode for FormerRecord {}

impl FormerRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        Ok(cipher.tag(Kind::Former, &[&Self::read(value)?.name]))
    }

    fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::FormerGroup))
    }
}

fn name_of(group_id: &GroupId) -> [u8; 32] {
    Sha256::digest(&**group_id).into()
}

impl<B: Backend> Store<B> {
    fn former_group(&self, group_id: &GroupId) -> Result<Option<FormerRecord>, StoreError> {
        let key = tagged(Kind::Former, &self.cipher.tag(Kind::Former, &[&name_of(group_id)]));
        let value = self.get(&key, || Record::FormerGroup)?;
        value.map(|value| FormerRecord::read(value.expose())).transpose()
    }

    /// Returns the largest sequence in the records of former groups.
    pub(crate) fn largest_former_sequence(&self) -> Result<u64, StoreError> {
        let mut largest = 0;
        self.scan(&all(Kind::Former), || Record::FormerGroup, &mut |_, value| {
            largest = largest.max(FormerRecord::read(value)?.sequence);
            Ok(())
        })?;
        Ok(largest)
    }

    /// Returns whether a Welcome could restore a former group, given its epoch and the sequence of
    /// its KeyPackage.
    pub(crate) fn is_old_welcome(
        &self,
        group_id: &GroupId,
        epoch: u64,
        sequence: u64,
    ) -> Result<bool, StoreError> {
        let former = self.former_group(group_id)?;
        Ok(former.is_some_and(|former| epoch <= former.epoch && sequence <= former.sequence))
    }
}

impl<B: Backend> Transaction<'_, B> {
    /// Records that the client was in a group up to `epoch`, if any KeyPackages are stored.
    pub(crate) fn remember_group(&mut self, group_id: &GroupId, epoch: u64) -> Result<(), StoreError> {
        let Some((_, sequence)) = self.store.key_package_sequences()? else { return Ok(()) };
        let former = self.store.former_group(group_id)?;
        let epoch = former.map_or(epoch, |former| former.epoch.max(epoch));
        let record = FormerRecord { name: name_of(group_id), epoch, sequence };
        let key = tagged(Kind::Former, &self.store.cipher.tag(Kind::Former, &[&record.name]));
        self.put(&key, &record.encode_secret()?)
    }

    /// Deletes the records of those former groups that no stored KeyPackage could restore.
    pub(crate) fn forget_former_groups(&mut self) -> Result<(), StoreError> {
        let oldest = self.store.key_package_sequences()?.map_or(u64::MAX, |(oldest, _)| oldest);
        let mut forgotten = Vec::new();
        self.store.scan(&all(Kind::Former), || Record::FormerGroup, &mut |key, value| {
            if FormerRecord::read(value)?.sequence < oldest {
                forgotten.push(key.to_vec());
            }
            Ok(())
        })?;
        forgotten.iter().try_for_each(|key| self.delete(&alone(key)))
    }
}
