//! Bringing a store of an older format to this one, a step at a time and all in one transaction.
//!
//! Format 1 had no versions of groups: the entry of a group was its identifier alone, so that a Delta made of an
//! older state was not noticed.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{HEADER, Kind, all};
use crate::error::Record;
use crate::group::GroupRecord;
use crate::key::{FORMAT, Header};
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::{Decode, Encode, GroupId};

/// Brings a store to the format that is written.
pub(crate) fn run<B: Backend>(store: &mut Store<B>) -> Result<(), StoreError> {
    let mut transaction = store.begin()?;
    let corrupt = || StoreError::Corrupt(Record::Header);
    // Another process may have done it in the meantime.
    let header = transaction.store.backend.get(&HEADER)?.ok_or_else(corrupt)?;
    let mut header = Header::read(header.expose())?;
    if header.format < 2 {
        number_the_versions(&mut transaction)?;
    }
    header.format = FORMAT;
    transaction.store.backend.put(&HEADER, &header.encode_secret()?)?;
    transaction.commit()
}

/// From 1 to 2.
fn number_the_versions<B: Backend>(transaction: &mut Transaction<'_, B>) -> Result<(), StoreError> {
    let mut groups = Vec::new();
    transaction.store.scan(&all(Kind::Group), || Record::Group, &mut |key, value| {
        let group_id = GroupId::decode(value).map_err(|_| StoreError::Corrupt(Record::Group))?;
        groups.push((key.to_vec(), GroupRecord { version: 1, group_id }));
        Ok(())
    })?;
    groups.iter().try_for_each(|(key, record)| transaction.put(key, &record.encode_secret()?))
}
