//! The lock of a group, and its entry in the list of groups.

use crate::StoreError;
use crate::backend::Guard;
use crate::cipher::Tag;
use crate::error::{Misuse, Record};
use pando_mls::{Decode, GroupId, Instance, SecretBytes};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The exclusive right to write a group. No other thread or process can have this right at the same
/// time.
#[derive(Debug)]
pub struct GroupLock {
    group_id: GroupId,
    tag: Tag,
    store: Tag,
    _guard: Guard,
}

impl GroupLock {
    pub(crate) const fn new(group_id: GroupId, tag: Tag, store: Tag, guard: Guard) -> Self {
        Self { group_id, tag, store, _guard: guard }
    }

    /// Returns the group's identifier.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    pub(crate) const fn tag(&self) -> &Tag {
        &self.tag
    }

    pub(crate) fn check_store(&self, store: &Tag) -> Result<(), Misuse> {
        if self.store == *store { Ok(()) } else { Err(Misuse::OtherStore) }
    }
}

/// A group's entry in the list of groups. This entry contains the instances of the group that this
/// client stores.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct GroupRecord {
    pub(crate) group_id: GroupId,
    /// The instance with which this client is or was a member of the group.
    pub(crate) current: Option<InstanceEntry>,
    /// The instance of an external Commit that is not yet known to be accepted.
    pub(crate) joining: Option<InstanceEntry>,
}

impl pando_mls::Encode for GroupRecord {}

/// An instance of a group.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct InstanceEntry {
    pub(crate) instance: Instance,
    /// 32 random bytes, from which the keys of the rows are derived.
    pub(crate) key: SecretBytes,
}

impl InstanceEntry {
    /// Returns the entry of a new instance, with a random key.
    pub(crate) fn new(instance: Instance) -> Result<Self, StoreError> {
        let mut key = SecretBytes::from(vec![0; 32]);
        getrandom::fill(key.expose_mut())?;
        Ok(Self { instance, key })
    }
}

impl GroupRecord {
    pub(crate) const fn new(group_id: GroupId) -> Self {
        Self { group_id, current: None, joining: None }
    }

    pub(crate) fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::Group))
    }

    /// Returns all instances.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &InstanceEntry> {
        self.current.iter().chain(&self.joining)
    }
}
