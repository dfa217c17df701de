//! Pre-shared keys (RFC 9420, section 8.4).

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, all, alone, tagged};
use crate::error::Record;
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::wire::Opaque;
use pando_mls::{Decode, Encode, GroupId, PskStore, PskValue, RowKey, SecretBytes, SourceError, StoredGroup};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct PskRecord {
    psk_id: Opaque,
    psk: SecretBytes,
}

impl Encode for PskRecord {}

impl PskRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        Ok(cipher.tag(Kind::Psk, &[&Self::read(value)?.psk_id]))
    }

    fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::Psk))
    }
}

/// The external PSKs of the store, and the resumption PSKs of its groups.
impl<B: Backend> PskStore for Store<B> {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        self.psk(psk_id).map_err(SourceError::new)
    }

    fn resumption(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        self.resumption_psk(group_id, epoch).map_err(SourceError::new)
    }
}

impl<B: Backend> Store<B> {
    /// Returns an external PSK.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn psk(&self, psk_id: &[u8]) -> Result<Option<PskValue>, StoreError> {
        let value = self.get(&self.psk_key(psk_id), || Record::Psk)?;
        value.map(|value| Ok(PskRecord::read(value.expose())?.psk.into())).transpose()
    }

    /// Returns the identifiers of the external PSKs.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn psk_ids(&self) -> Result<Vec<Opaque>, StoreError> {
        let mut ids = Vec::new();
        self.scan(&all(Kind::Psk), || Record::Psk, &mut |_, value| {
            ids.push(PskRecord::read(value)?.psk_id);
            Ok(())
        })?;
        ids.sort();
        Ok(ids)
    }

    /// Returns the resumption PSK of a group's current epoch, or of a past epoch that is still
    /// stored.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn resumption_psk(&self, group_id: &GroupId, epoch: u64) -> Result<Option<PskValue>, StoreError> {
        // Check the current epoch first. If another process ends that epoch in the meantime, its
        // PSK is found among the PSKs of past epochs.
        match self.stored_group(group_id)? {
            Some(stored) if stored.context.epoch == epoch => Ok(stored.resumption_psk),
            _ => Ok(self.row(group_id, RowKey::ResumptionPsk(epoch))?.map(PskValue::from)),
        }
    }

    /// Returns basic information about a group without loading it, or `None` if it is not stored.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn stored_group(&self, group_id: &GroupId) -> Result<Option<StoredGroup>, StoreError> {
        let Some(state) = self.row(group_id, RowKey::State)? else { return Ok(None) };
        // These rows are read together, so that they belong to the same epoch.
        let rows = self.rows(group_id, RowKey::Public..=RowKey::Member)?;
        let missing = || StoreError::Corrupt(Record::Row(group_id.clone(), RowKey::Public));
        let public = rows.get(&RowKey::Public).ok_or_else(missing)?;
        match StoredGroup::read(&state, public, rows.get(&RowKey::Member)) {
            Ok(stored) => Ok(Some(stored)),
            Err(pando_mls::GroupError::Stored(key)) => {
                Err(StoreError::Corrupt(Record::Row(group_id.clone(), key)))
            }
            Err(_) => Err(StoreError::Corrupt(Record::Group)),
        }
    }

    fn psk_key(&self, psk_id: &[u8]) -> Vec<u8> {
        tagged(Kind::Psk, &self.cipher.tag(Kind::Psk, &[psk_id]))
    }
}

impl<B: Backend> Transaction<'_, B> {
    /// Stores an external PSK, and replaces any stored PSK with the same identifier.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Encode`].
    pub fn put_psk(&mut self, psk_id: &[u8], psk: &PskValue) -> Result<(), StoreError> {
        let record = PskRecord { psk_id: psk_id.into(), psk: psk.expose().into() }.encode_secret()?;
        // Deleting the old value first ensures that it is overwritten.
        self.remove_psk(psk_id)?;
        self.put(&self.store.psk_key(psk_id), &record)
    }

    /// Deletes an external PSK, if it is stored.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_psk(&mut self, psk_id: &[u8]) -> Result<(), StoreError> {
        self.delete(&alone(&self.store.psk_key(psk_id)))
    }
}
