//! The lock of a group, and its entry in the list of groups.

use crate::StoreError;
use crate::backend::Guard;
use crate::cipher::Tag;
use crate::error::{Misuse, Record};
use pando_mls::{Decode, GroupId};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The right to write a group: one client at a time has it, across processes. It remembers which state of the group
/// was loaded; what is made of an older one is not stored.
#[derive(Debug)]
pub struct GroupLock {
    group_id: GroupId,
    tag: Tag,
    store: Tag,
    version: u64,
    _guard: Guard,
}

impl GroupLock {
    pub(crate) const fn new(group_id: GroupId, tag: Tag, store: Tag, guard: Guard) -> Self {
        Self { group_id, tag, store, version: 0, _guard: guard }
    }

    /// The group.
    #[must_use]
    pub const fn group_id(&self) -> &GroupId {
        &self.group_id
    }

    /// How often the group had been written when it was loaded. 0 if it was not there.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) const fn tag(&self) -> &Tag {
        &self.tag
    }

    pub(crate) const fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    pub(crate) fn check_store(&self, store: &Tag) -> Result<(), Misuse> {
        if self.store == *store { Ok(()) } else { Err(Misuse::OtherStore) }
    }
}

/// The entry of a group.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct GroupRecord {
    /// How often the group was written.
    pub(crate) version: u64,
    pub(crate) group_id: GroupId,
}

impl GroupRecord {
    pub(crate) fn read(value: &[u8]) -> Result<Self, StoreError> {
        Self::decode(value).map_err(|_| StoreError::Corrupt(Record::Group))
    }
}
