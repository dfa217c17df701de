//! The delivery service. The service keeps all handshake messages and accepts one Commit per epoch.
//! The service also records the state on which the members of an epoch must agree.

use crate::client::{Id, id_of};
use crate::failure::{Failure, Outcome, ensure};
use pando_mls::{Group, GroupContext, LeafIndex, wire::SignaturePublicKey};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Service {
    epochs: BTreeMap<u64, Epoch>,
    /// All application messages.
    pub(crate) messages: Vec<Message>,
}

/// The events of one epoch.
pub(crate) struct Epoch {
    pub(crate) record: Record,
    pub(crate) proposals: Vec<Handshake>,
    /// The Commit that ended the epoch.
    pub(crate) commit: Option<Handshake>,
}

#[derive(Clone)]
pub(crate) struct Handshake {
    pub(crate) by: Option<Id>,
    pub(crate) bytes: Vec<u8>,
}

/// An application message.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) by: Id,
    pub(crate) leaf: LeafIndex,
    pub(crate) epoch: u64,
    /// The number of messages that the sender had already sent in this epoch.
    pub(crate) generation: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) authenticated_data: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// The state that all members share in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) public: PublicRecord,
    pub(crate) authenticator: Vec<u8>,
    pub(crate) exported: Vec<u8>,
    pub(crate) resumption_psk: Vec<u8>,
}

/// The public part of the state of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicRecord {
    /// The GroupContext, which includes the tree hash.
    pub(crate) context: GroupContext,
    pub(crate) roster: BTreeMap<Id, MemberLeaf>,
}

/// The leaf index of a member, and the contents of its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberLeaf {
    pub(crate) leaf: LeafIndex,
    pub(crate) key: SignaturePublicKey,
    pub(crate) capable: bool,
}

impl PublicRecord {
    pub(crate) fn of(public: &pando_mls::PublicState) -> Outcome<Self> {
        let mut roster = BTreeMap::new();
        for leaf in public.tree().members().map(Result::unwrap) {
            let node =
                public.tree().leaf(leaf).unwrap().ok_or_else(|| Failure(format!("{leaf} is blank")))?;
            let id = id_of(&node.credential).ok_or_else(|| Failure(format!("{leaf} has no id")))?;
            let capable = node.capabilities.proposals.contains(&crate::client::CUSTOM_PROPOSAL);
            let other = roster.insert(id, MemberLeaf { leaf, key: node.signature_key, capable });
            ensure(other.is_none(), || format!("client {id} is a member twice"))?;
        }
        Ok(Self { context: public.context().clone(), roster })
    }
}

impl Record {
    pub(crate) fn of(group: &Group) -> Outcome<Self> {
        let psk = group.resumption_psk(group.epoch());
        let psk = psk.ok_or_else(|| Failure("the epoch has no resumption PSK".to_owned()))?;
        Ok(Self {
            public: PublicRecord::of(group.public())?,
            authenticator: group.epoch_authenticator().unwrap().expose().to_vec(),
            exported: group.export("simulation", b"context", 32)?.expose().to_vec(),
            resumption_psk: psk.expose().to_vec(),
        })
    }

    pub(crate) fn member_leaf(&self, id: Id) -> Option<&MemberLeaf> {
        self.public.roster.get(&id)
    }

    /// Returns the client at a leaf.
    pub(crate) fn at(&self, leaf: LeafIndex) -> Option<Id> {
        self.public.roster.iter().find(|(_, member_leaf)| member_leaf.leaf == leaf).map(|(id, _)| *id)
    }
}

impl Service {
    /// Returns the newest epoch, which has no Commit yet.
    pub(crate) fn head(&self) -> u64 {
        self.epochs.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }

    pub(crate) fn epoch(&self, epoch: u64) -> Outcome<&Epoch> {
        self.epochs.get(&epoch).ok_or_else(|| Failure(format!("there is no epoch {epoch}")))
    }

    /// Returns the shared state of the newest epoch.
    pub(crate) fn current(&self) -> Outcome<&Record> {
        Ok(&self.epoch(self.head())?.record)
    }

    /// Returns a mutable reference to the newest epoch, for the addition of handshake messages.
    pub(crate) fn head_mut(&mut self) -> Outcome<&mut Epoch> {
        let entry = self.epochs.last_entry().ok_or_else(|| Failure("there is no epoch".to_owned()))?;
        Ok(entry.into_mut())
    }

    /// Makes a member enter an epoch. The first member sets the record of the epoch, and the others
    /// must agree with it. Returns whether this member is the first.
    pub(crate) fn enter(&mut self, id: Id, record: Record) -> Outcome<bool> {
        let number = record.public.context.epoch;
        if let Some(epoch) = self.epochs.get(&number) {
            ensure(epoch.record == record, || {
                format!("client {id} sees another epoch {number}: {:#?} {record:#?}", epoch.record)
            })?;
            return Ok(false);
        }
        let same = self.epochs.values().any(|epoch| {
            epoch.record.authenticator == record.authenticator || epoch.record.exported == record.exported
        });
        ensure(!same, || format!("epoch {number} has the secrets of an earlier one"))?;
        self.epochs.insert(number, Epoch { record, proposals: Vec::new(), commit: None });
        Ok(true)
    }

    /// Returns the generation of a sender's next message.
    pub(crate) fn next_generation(&self, by: Id, epoch: u64) -> u32 {
        let sent = self.messages.iter().filter(|message| message.by == by && message.epoch == epoch);
        sent.count() as u32
    }
}
