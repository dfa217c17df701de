//! KeyPackages with their private keys, which are kept until the KeyPackages are used or expire
//! (RFC 9420, sections 10 and 16.8).

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, all, alone, range, tagged};
use crate::error::{Misuse, Record};
use crate::faults::point;
use crate::former_groups::OldWelcome;
use crate::group::GroupLock;
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::wire::{KeyPackageRef, LeafNodeSource};
use pando_mls::{
    Decode, Encode, HpkeKeyPair, KeyPackage, KeyPackageBundle, Lifetime, SecretBytes, Suite, Welcome,
};
use std::collections::BTreeSet;
use std::time::Duration;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A grace period for [`Transaction::remove_expired`], which keeps KeyPackages for 30 days beyond
/// their lifetime.
///
/// A member may add the client on the last day of the lifetime, and the Welcome waits until the
/// client is online again. Without the private keys, the client could not open that Welcome.
pub const KEY_PACKAGE_GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A stored KeyPackage.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredKeyPackage {
    /// The reference that a Welcome contains.
    pub reference: KeyPackageRef,
    /// The KeyPackage and its private keys.
    pub bundle: KeyPackageBundle,
    /// Whether this is a KeyPackage of last resort, which is kept after use.
    pub last_resort: bool,
    /// Number of times that the KeyPackage was used. Only a KeyPackage of last resort remains
    /// stored after its use.
    pub uses: u32,
    /// The position in the order of insertion. A new KeyPackage receives a larger sequence than
    /// every KeyPackage that is already stored.
    pub sequence: u64,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct KeyPackageRecord {
    /// This field must come first, because [`sequence_of`] reads only the beginning of the record.
    sequence: u64,
    uses: u32,
    reference: KeyPackageRef,
    /// 1 if the KeyPackage is kept after use, and 0 otherwise.
    last_resort: u8,
    key_package: KeyPackage,
    init_private: SecretBytes,
    leaf_private: SecretBytes,
}

impl Encode for KeyPackageRecord {}

impl KeyPackageRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        Ok(tag(cipher, &Self::read(value)?.reference))
    }

    fn read(value: &[u8]) -> Result<StoredKeyPackage, StoreError> {
        let record = Self::decode(value).map_err(|_| StoreError::Corrupt(Record::KeyPackage))?;
        let Self { sequence, uses, reference, last_resort, key_package, init_private, leaf_private } = record;
        let init_key_pair =
            HpkeKeyPair { private: init_private.into(), public: key_package.init_key.clone() };
        let public = key_package.leaf_node.encryption_key.clone();
        let leaf_key_pair = HpkeKeyPair { private: leaf_private.into(), public };
        let bundle = KeyPackageBundle { key_package, init_key_pair, leaf_key_pair };
        Ok(StoredKeyPackage { reference, bundle, last_resort: last_resort == 1, uses, sequence })
    }
}

impl From<&StoredKeyPackage> for KeyPackageRecord {
    fn from(stored: &StoredKeyPackage) -> Self {
        let StoredKeyPackage { reference, bundle, last_resort, uses, sequence } = stored;
        let KeyPackageBundle { key_package, init_key_pair, leaf_key_pair } = bundle;
        Self {
            sequence: *sequence,
            uses: *uses,
            reference: reference.clone(),
            last_resort: (*last_resort).into(),
            key_package: key_package.clone(),
            init_private: init_key_pair.private.expose().into(),
            leaf_private: leaf_key_pair.private.expose().into(),
        }
    }
}

/// Returns the sequence of a record.
fn sequence_of(value: &[u8]) -> Result<u64, StoreError> {
    let first = value.first_chunk().ok_or(StoreError::Corrupt(Record::KeyPackage))?;
    Ok(u64::from_be_bytes(*first))
}

fn tag(cipher: &Cipher, reference: &KeyPackageRef) -> Tag {
    cipher.tag(Kind::KeyPackage, &[reference])
}

fn record_key(cipher: &Cipher, reference: &KeyPackageRef) -> Vec<u8> {
    tagged(Kind::KeyPackage, &tag(cipher, reference))
}

impl<B: Backend> Store<B> {
    /// Returns the smallest and the largest sequence of the stored KeyPackages, or `None` if there
    /// are none.
    pub(crate) fn key_package_sequences(&self) -> Result<Option<(u64, u64)>, StoreError> {
        let mut found: Option<(u64, u64)> = None;
        self.scan(&all(Kind::KeyPackage), || Record::KeyPackage, &mut |_, value| {
            let sequence = sequence_of(value)?;
            let (smallest, largest) = found.unwrap_or((sequence, sequence));
            found = Some((smallest.min(sequence), largest.max(sequence)));
            Ok(())
        })?;
        Ok(found)
    }

    /// Returns the stored KeyPackage for which a Welcome was created, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn key_package_for(&self, welcome: &Welcome) -> Result<Option<StoredKeyPackage>, StoreError> {
        // A Welcome may refer to very many KeyPackages, whereas the store contains only a few.
        let mut here = BTreeSet::new();
        point("store::scan")?;
        self.backend.scan(range(&all(Kind::KeyPackage)), &mut |key, _| {
            here.insert(key.to_vec());
            Ok(())
        })?;
        self.check_key()?;
        for secrets in welcome.secrets.iter().filter(|_| !here.is_empty()) {
            if here.contains(&record_key(&self.cipher, &secrets.new_member)) {
                return self.key_package(&secrets.new_member);
            }
        }
        Ok(None)
    }

    /// Returns the stored KeyPackage with this reference, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn key_package(&self, reference: &KeyPackageRef) -> Result<Option<StoredKeyPackage>, StoreError> {
        let key = record_key(&self.cipher, reference);
        let value = self.get(&key, || Record::KeyPackage)?;
        value.map(|value| KeyPackageRecord::read(value.expose())).transpose()
    }

    /// Returns all stored KeyPackages.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn key_packages(&self) -> Result<Vec<StoredKeyPackage>, StoreError> {
        let mut found = Vec::new();
        self.scan(&all(Kind::KeyPackage), || Record::KeyPackage, &mut |_, value| {
            found.push(KeyPackageRecord::read(value)?);
            Ok(())
        })?;
        Ok(found)
    }
}

impl<B: Backend> Transaction<'_, B> {
    /// Stores a KeyPackage, which may be published once this transaction is committed. A KeyPackage
    /// of last resort is kept after use. If the KeyPackage is already stored, it keeps its sequence
    /// and its number of uses.
    ///
    /// # Errors
    /// Returns [`Misuse::CipherSuite`] if `suite` is not the KeyPackage's cipher suite.
    pub fn insert_key_package(
        &mut self,
        suite: Suite,
        bundle: &KeyPackageBundle,
        last_resort: bool,
    ) -> Result<KeyPackageRef, StoreError> {
        let KeyPackageBundle { key_package, init_key_pair, leaf_key_pair } = bundle;
        if key_package.cipher_suite != suite.cipher_suite() {
            return Err(Misuse::CipherSuite.into());
        }
        let reference = suite.key_package_ref(key_package).map_err(|_| Misuse::CipherSuite)?;
        let (sequence, uses) = match self.store.key_package(&reference)? {
            Some(stored) => (stored.sequence, stored.uses),
            None => (self.next_sequence()?, 0),
        };
        let record = KeyPackageRecord {
            sequence,
            uses,
            reference: reference.clone(),
            last_resort: last_resort.into(),
            key_package: key_package.clone(),
            init_private: init_key_pair.private.expose().into(),
            leaf_private: leaf_key_pair.private.expose().into(),
        };
        self.put(&record_key(&self.store.cipher, &reference), &record.encode_secret()?)?;
        Ok(reference)
    }

    /// Returns the sequence for the next KeyPackage, which is one more than the largest sequence in
    /// the stored KeyPackages and in the records of former groups.
    fn next_sequence(&self) -> Result<u64, StoreError> {
        let stored = self.store.key_package_sequences()?.map_or(0, |(_, largest)| largest);
        let largest = stored.max(self.store.largest_former_sequence()?);
        largest.checked_add(1).ok_or(StoreError::Corrupt(Record::KeyPackage))
    }

    /// Marks a KeyPackage as used for the group of `lock`, which this transaction stores. A
    /// single-use KeyPackage is deleted. A KeyPackage of last resort is kept, and its number of
    /// uses increases by one.
    ///
    /// # Errors
    /// - [`StoreError::Stale`] if the KeyPackage is not stored, because another client has used it,
    ///   or if the group is not stored.
    /// - [`StoreError::OldWelcome`] if the client was in the group before, at this epoch or a
    ///   higher one, and had this KeyPackage at that time. In this case, the transaction must not
    ///   be committed.
    pub fn use_key_package(
        &mut self,
        lock: &GroupLock,
        reference: &KeyPackageRef,
        old: OldWelcome,
    ) -> Result<(), StoreError> {
        let mut stored = self.store.key_package(reference)?.ok_or(StoreError::Stale)?;
        if old == OldWelcome::Refuse {
            let joined = self.store.stored_group(lock.group_id())?.ok_or(StoreError::Stale)?;
            if self.store.is_old_welcome(lock.group_id(), joined.context.epoch, stored.sequence)? {
                self.failed = true;
                return Err(StoreError::OldWelcome);
            }
        }
        if !stored.last_resort {
            return self.remove_key_package(reference);
        }
        stored.uses = stored.uses.saturating_add(1);
        let record = KeyPackageRecord::from(&stored).encode_secret()?;
        self.put(&record_key(&self.store.cipher, reference), &record)
    }

    /// Deletes a KeyPackage if it is stored, even if it is one of last resort.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_key_package(&mut self, reference: &KeyPackageRef) -> Result<(), StoreError> {
        self.delete(&alone(&record_key(&self.store.cipher, reference)))?;
        self.forget_former_groups()
    }

    /// Deletes the KeyPackages whose lifetime ended more than `grace` before `now`, including those
    /// of last resort. Returns the number of deleted KeyPackages. `now` is given in seconds since
    /// 1970.
    ///
    /// The grace period [`KEY_PACKAGE_GRACE`] suits clients that are offline for up to a month,
    /// because a Welcome for a KeyPackage may still be in transit when the KeyPackage's lifetime
    /// ends.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn remove_expired(&mut self, now: u64, grace: Duration) -> Result<usize, StoreError> {
        let expired = |stored: &StoredKeyPackage| match &stored.bundle.key_package.leaf_node.leaf_node_source
        {
            LeafNodeSource::KeyPackage { lifetime: Lifetime { not_after, .. } } => {
                not_after.saturating_add(grace.as_secs()) < now
            }
            _ => false,
        };
        let expired: Vec<_> = self.store.key_packages()?.into_iter().filter(expired).collect();
        expired.iter().try_for_each(|stored| self.remove_key_package(&stored.reference))?;
        Ok(expired.len())
    }
}
