//! Records of the application.
//!
//! An application that has no database of its own, or that stores its rows in every backend, keeps
//! them in collections. A collection has a name, and its records have numbers. The records are
//! encrypted like all others, are stored in the same transactions as the groups, and leave no
//! copies behind when they are deleted. The numbers and the lengths of records are not secret.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, alone, tagged};
use crate::error::Record;
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::wire::Opaque;
use pando_mls::{Decode, Encode, SecretBytes};
use std::ops::RangeInclusive;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct ApplicationRecord {
    /// The name of the collection. A tag stands for the name in the key of the record.
    collection: Opaque,
    value: SecretBytes,
}

impl Encode for ApplicationRecord {}

impl ApplicationRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        Ok(tag(cipher, &Self::read(value)?.collection))
    }

    fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::Application))
    }
}

fn tag(cipher: &Cipher, collection: &[u8]) -> Tag {
    cipher.tag(Kind::Application, &[collection])
}

/// Returns the key of a record.
fn key(tag: &Tag, number: u64) -> Vec<u8> {
    [tagged(Kind::Application, tag).as_slice(), &number.to_be_bytes()].concat()
}

/// Returns the number in the key of a record.
pub(crate) fn number(key: &[u8]) -> Option<u64> {
    const PREFIX: usize = size_of::<u8>() + size_of::<Tag>();
    Some(u64::from_be_bytes(key.get(PREFIX..)?.try_into().ok()?))
}

/// Returns the range of the keys of some records.
fn bounds(tag: &Tag, numbers: &RangeInclusive<u64>) -> (Vec<u8>, Vec<u8>) {
    let (_, after_last) = alone(&key(tag, *numbers.end()));
    (key(tag, *numbers.start()), after_last)
}

impl<B: Backend> Store<B> {
    /// Returns a record of the application.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn record(&self, collection: &[u8], number: u64) -> Result<Option<SecretBytes>, StoreError> {
        let key = key(&tag(&self.cipher, collection), number);
        let value = self.get(&key, || Record::Application)?;
        value.map(|value| Ok(ApplicationRecord::read(value.expose())?.value)).transpose()
    }

    /// Passes the records of a collection whose numbers are in a range to `each`, in the order of
    /// their numbers, until `each` fails.
    ///
    /// # Errors
    /// Returns the error of `each`, [`StoreError::Corrupt`] or [`StoreError::Io`].
    pub fn scan_records(
        &self,
        collection: &[u8],
        numbers: RangeInclusive<u64>,
        each: &mut dyn FnMut(u64, SecretBytes) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let bounds = bounds(&tag(&self.cipher, collection), &numbers);
        self.scan(&bounds, || Record::Application, &mut |key, value| {
            let number = number(key).ok_or_else(|| StoreError::Corrupt(Record::Key(key.to_vec())))?;
            each(number, ApplicationRecord::read(value)?.value)
        })
    }
}

impl<B: Backend> Transaction<'_, B> {
    /// Returns a record of the application, as this transaction has left it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn record(&self, collection: &[u8], number: u64) -> Result<Option<SecretBytes>, StoreError> {
        self.store.record(collection, number)
    }

    /// Stores a record of the application, and replaces any stored record with the same number.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Encode`].
    pub fn put_record(&mut self, collection: &[u8], number: u64, value: &[u8]) -> Result<(), StoreError> {
        let key = key(&tag(&self.store.cipher, collection), number);
        let record = ApplicationRecord { collection: collection.into(), value: value.into() };
        let record = record.encode_secret()?;
        // Deleting the old value first ensures that it is overwritten.
        self.delete(&alone(&key))?;
        self.put(&key, &record)
    }

    /// Deletes the records of a collection whose numbers are in a range.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_records(
        &mut self,
        collection: &[u8],
        numbers: RangeInclusive<u64>,
    ) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let bounds = bounds(&tag(&self.store.cipher, collection), &numbers);
        self.delete(&bounds)
    }
}
