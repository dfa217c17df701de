//! KeyPackages with their private keys: kept until they are used or expire (RFC 9420, sections 10 and 16.8).

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, Tag, all, alone, range, tagged};
use crate::error::{Misuse, Record};
use crate::faults::point;
use crate::store::Store;
use crate::transaction::Transaction;
use pando_mls::wire::{KeyPackageRef, LeafNodeSource};
use pando_mls::{
    Decode, Encode, HpkeKeyPair, KeyPackage, KeyPackageBundle, Lifetime, SecretBytes, Suite, Welcome,
};
use std::collections::BTreeSet;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A KeyPackage that is stored.
#[derive(Debug)]
pub struct StoredKeyPackage {
    /// What a Welcome calls it.
    pub reference: KeyPackageRef,
    /// The KeyPackage and its private keys.
    pub bundle: KeyPackageBundle,
    /// Whether it stays when it was used.
    pub last_resort: bool,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct KeyPackageRecord {
    reference: KeyPackageRef,
    /// 1 if it stays when it was used, 0 if not.
    last_resort: u8,
    key_package: KeyPackage,
    init_private: SecretBytes,
    leaf_private: SecretBytes,
}

impl KeyPackageRecord {
    pub(crate) fn tag_of(cipher: &Cipher, value: &[u8]) -> Result<Tag, StoreError> {
        Ok(tag(cipher, &Self::read(value)?.reference))
    }

    fn read(value: &[u8]) -> Result<StoredKeyPackage, StoreError> {
        let record = Self::decode(value).map_err(|_| StoreError::Corrupt(Record::KeyPackage))?;
        let Self { reference, last_resort, key_package, init_private, leaf_private } = record;
        let init_key_pair =
            HpkeKeyPair { private: init_private.into(), public: key_package.init_key.clone() };
        let public = key_package.leaf_node.encryption_key.clone();
        let leaf_key_pair = HpkeKeyPair { private: leaf_private.into(), public };
        let bundle = KeyPackageBundle { key_package, init_key_pair, leaf_key_pair };
        Ok(StoredKeyPackage { reference, bundle, last_resort: last_resort == 1 })
    }
}

fn tag(cipher: &Cipher, reference: &KeyPackageRef) -> Tag {
    cipher.tag(Kind::KeyPackage, &[reference])
}

fn record_key(cipher: &Cipher, reference: &KeyPackageRef) -> Vec<u8> {
    tagged(Kind::KeyPackage, &tag(cipher, reference))
}

impl<B: Backend> Store<B> {
    /// The KeyPackage that a Welcome is for, if it is here.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn key_package_for(&self, welcome: &Welcome) -> Result<Option<StoredKeyPackage>, StoreError> {
        // A Welcome may be for very many, and few KeyPackages are here.
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

    /// The KeyPackage with a reference.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn key_package(&self, reference: &KeyPackageRef) -> Result<Option<StoredKeyPackage>, StoreError> {
        let key = record_key(&self.cipher, reference);
        let value = self.get(&key, || Record::KeyPackage)?;
        value.map(|value| KeyPackageRecord::read(value.expose())).transpose()
    }

    /// All KeyPackages.
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
    /// Stores a KeyPackage, which is to be published when this is committed. One of last resort stays when it was
    /// used.
    ///
    /// # Errors
    /// [`Misuse::CipherSuite`] if `suite` is not that of the KeyPackage.
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
        let record = KeyPackageRecord {
            reference: reference.clone(),
            last_resort: last_resort.into(),
            key_package: key_package.clone(),
            init_private: init_key_pair.private.expose().into(),
            leaf_private: leaf_key_pair.private.expose().into(),
        };
        self.put(&record_key(&self.store.cipher, &reference), &record.encode_secret()?)?;
        Ok(reference)
    }

    /// A KeyPackage was used, by the group that is stored in this transaction: it is deleted, unless it is one of
    /// last resort.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if it is not there: somebody else has used it.
    pub fn use_key_package(&mut self, reference: &KeyPackageRef) -> Result<(), StoreError> {
        let stored = self.store.key_package(reference)?.ok_or(StoreError::Stale)?;
        if stored.last_resort { Ok(()) } else { self.remove_key_package(reference) }
    }

    /// Deletes a KeyPackage, also one of last resort, if it is there.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_key_package(&mut self, reference: &KeyPackageRef) -> Result<(), StoreError> {
        self.delete(&alone(&record_key(&self.store.cipher, reference)))
    }

    /// Deletes the KeyPackages whose lifetime is over at a time in seconds since 1970, those of last resort too,
    /// and tells how many there were.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn remove_expired(&mut self, now: u64) -> Result<usize, StoreError> {
        let expired = |stored: &StoredKeyPackage| match &stored.bundle.key_package.leaf_node.leaf_node_source
        {
            LeafNodeSource::KeyPackage { lifetime: Lifetime { not_after, .. } } => *not_after < now,
            _ => false,
        };
        let expired: Vec<_> = self.store.key_packages()?.into_iter().filter(expired).collect();
        expired.iter().try_for_each(|stored| self.remove_key_package(&stored.reference))?;
        Ok(expired.len())
    }
}
