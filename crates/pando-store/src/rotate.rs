//! Changing the keys of a store, and shredding it.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, HEADER, Kind, Tag, all, alone, tagged};
use crate::error::Record;
use crate::faults::point;
use crate::former_groups::FormerRecord;
use crate::group::{GroupRecord, InstanceEntry};
use crate::instance::InstanceCipher;
use crate::key::{Header, Key};
use crate::key_packages::KeyPackageRecord;
use crate::psks::PskRecord;
use crate::records::ApplicationRecord;
use crate::signers::SignerRecord;
use crate::store::{Store, Unerased, key_id, not_erased};
use crate::transaction::Transaction;
use pando_mls::{Encode, GroupId, SecretBytes};

impl<B: Backend> Store<B> {
    /// Wraps the data key with the key `new`, and overwrites the old header. The key `old` no
    /// longer opens the store. Nothing else changes, so an attacker who has the old key and an
    /// earlier copy of the file still has the data key.
    ///
    /// # Errors
    /// - [`StoreError::WrongKey`] if exactly one of the keys is [`Key::None`]. Use
    ///   [`Store::rotate`] in this case.
    /// - [`StoreError::NotErased`] if the change took effect, but the old header is still in the
    ///   file.
    /// - [`StoreError::Busy`], [`StoreError::Io`].
    pub fn rewrap(&mut self, old: &Key, new: &Key) -> Result<(), StoreError> {
        if matches!(old, Key::None) != matches!(new, Key::None) {
            return Err(StoreError::WrongKey);
        }
        let mut transaction = self.begin()?;
        let header = transaction.store.backend.get(&HEADER)?;
        let header = Header::read(header.ok_or(StoreError::Corrupt(Record::Header))?.expose())?;
        let opened = header.open(old)?;
        let header = Header::new(opened.store_id, new, &opened.data_key)?.encode_secret()?;
        transaction.store.backend.put(&HEADER, &header)?;
        transaction.finish_change()?;
        drop(transaction);
        self.erase_old_keys()
    }

    /// Re-encrypts the whole store under a new data key, which `new` wraps, and overwrites the old
    /// contents. With [`Key::None`], nothing is encrypted afterwards. No group may be locked during
    /// this call. Other clients that have the store open receive [`StoreError::WrongKey`], and must
    /// open the store again.
    ///
    /// # Errors
    /// - [`StoreError::NotErased`] if the change took effect, but old contents are still in the
    ///   file.
    /// - [`StoreError::Busy`] if a group is locked.
    /// - [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn rotate(&mut self, new: &Key) -> Result<(), StoreError> {
        let mut locks = Vec::new();
        for group_id in self.groups_with(|_| true)? {
            locks.push(self.lock(&group_id, std::time::Duration::ZERO)?);
        }
        let data_key = Header::data_key()?;
        let store_id = *self.cipher.store_id();
        let next = Cipher::new(store_id, &data_key, !matches!(new, Key::None));
        let header = Header::new(store_id, new, &data_key)?.encode_secret()?;
        let mut transaction = self.begin()?;
        transaction.reseal_groups(&next)?;
        transaction.reseal_named(&next)?;
        transaction.store.backend.put(&HEADER, &header)?;
        transaction.store.backend.put(&key_id(), next.id())?;
        transaction.finish_change()?;
        drop(transaction);
        self.cipher = next;
        self.erase_old_keys()
    }

    /// Deletes the data key and all other contents of the store. Opening the store then fails with
    /// [`StoreError::Shredded`].
    ///
    /// File systems and disks may keep copies of the contents. These copies are useless without the
    /// key that wrapped the data key. If there was no such key, the copies stay readable, and no
    /// program can delete them.
    ///
    /// # Errors
    /// - [`StoreError::NotErased`] if the store is shredded, but old contents are still in the
    ///   file. Opening the store tries again to overwrite them.
    /// - [`StoreError::Busy`], [`StoreError::Io`].
    pub fn shred(mut self) -> Result<(), StoreError> {
        let header = Header::shredded().encode_secret()?;
        let mut transaction = self.begin()?;
        transaction.store.backend.put(&HEADER, &header)?;
        transaction.delete::<&[u8]>(&(&key_id(), &[0xff]))?;
        transaction.finish_change()?;
        drop(transaction);
        self.erase_old_keys()?;
        self.compact().map_err(not_erased)
    }
}

impl<B: Backend> Transaction<'_, B> {
    /// Commits a key change. The change may have taken effect even after an error, so old contents
    /// must be overwritten in any case.
    fn finish_change(&mut self) -> Result<(), StoreError> {
        self.store.unerased = Unerased::Overdue;
        self.finish()
    }

    /// Writes a value like `put`, but seals it under the next data key.
    fn put_under(&mut self, next: &Cipher, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        point("store::put")?;
        let sealed = next.seal(key, value)?;
        self.store.backend.put(key, sealed.expose())
    }

    fn reseal_groups(&mut self, next: &Cipher) -> Result<(), StoreError> {
        let mut groups = Vec::new();
        self.store.scan(&all(Kind::Group), || Record::Group, &mut |key, value| {
            groups.push((key.to_vec(), GroupRecord::read(value)?));
            Ok(())
        })?;
        for (key, GroupRecord { group_id, current, joining }) in groups {
            self.delete(&alone(&key))?;
            let current = current.map(|entry| self.reseal_instance(next, &group_id, &entry)).transpose()?;
            let joining = joining.map(|entry| self.reseal_instance(next, &group_id, &entry)).transpose()?;
            let key = tagged(Kind::Group, &next.group_tag(&group_id));
            let record = GroupRecord { group_id, current, joining };
            self.put_under(next, &key, &record.encode_secret()?)?;
        }
        Ok(())
    }

    /// Re-seals the rows of an instance under a new key.
    fn reseal_instance(
        &mut self,
        next: &Cipher,
        group_id: &GroupId,
        entry: &InstanceEntry,
    ) -> Result<InstanceEntry, StoreError> {
        let rows = self.store.read_instance(group_id, entry)?;
        self.delete(&InstanceCipher::new(&self.store.cipher, group_id, entry).all_rows())?;
        let fresh = InstanceEntry::new(entry.instance)?;
        self.write_instance(group_id, &InstanceCipher::new(next, group_id, &fresh), &rows)?;
        Ok(fresh)
    }

    /// Re-seals the records whose keys contain the tag of an identifier.
    fn reseal_named(&mut self, next: &Cipher) -> Result<(), StoreError> {
        for kind in [Kind::KeyPackage, Kind::Psk, Kind::Signer, Kind::Former, Kind::Application] {
            let mut records = Vec::new();
            self.store.scan(&all(kind), || kind.record(), &mut |key, value| {
                records.push((key.to_vec(), SecretBytes::from(value)));
                Ok(())
            })?;
            for (key, value) in records {
                self.delete(&alone(&key))?;
                let tagged = tagged(kind, &named_tag(next, kind, value.expose())?);
                let number = key.get(tagged.len()..).unwrap_or_default();
                self.put_under(next, &[&tagged, number].concat(), value.expose())?;
            }
        }
        Ok(())
    }
}

/// Returns the tag in a record's key, computed from the record's value.
pub(crate) fn named_tag(cipher: &Cipher, kind: Kind, value: &[u8]) -> Result<Tag, StoreError> {
    match kind {
        Kind::KeyPackage => KeyPackageRecord::tag_of(cipher, value),
        Kind::Psk => PskRecord::tag_of(cipher, value),
        Kind::Signer => SignerRecord::tag_of(cipher, value),
        Kind::Former => FormerRecord::tag_of(cipher, value),
        Kind::Application => ApplicationRecord::tag_of(cipher, value),
        Kind::Group => Ok(cipher.group_tag(&GroupRecord::read(value)?.group_id)),
        Kind::Header | Kind::Row => Err(StoreError::Corrupt(Record::Key(vec![kind as u8]))),
    }
}
