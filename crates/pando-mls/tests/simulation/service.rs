//! The delivery service: it keeps all handshakes, and accepts one Commit for each epoch. What the members of an epoch
//! must agree on is written down beside.

use crate::device::{Id, id_of};
use crate::failure::{Failure, Outcome, ensure};
use pando_mls::{Group, GroupContext, LeafIndex, wire::SignaturePublicKey};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Service {
    epochs: BTreeMap<u64, Epoch>,
    /// All messages of the application.
    pub(crate) messages: Vec<Message>,
}

/// What happened in an epoch.
pub(crate) struct Epoch {
    pub(crate) record: Record,
    pub(crate) proposals: Vec<Handshake>,
    /// The Commit that ended it.
    pub(crate) commit: Option<Handshake>,
}

#[derive(Clone)]
pub(crate) struct Handshake {
    pub(crate) by: Option<Id>,
    pub(crate) bytes: Vec<u8>,
}

/// A message of the application.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) by: Id,
    pub(crate) leaf: LeafIndex,
    pub(crate) epoch: u64,
    /// How many the sender had sent before in this epoch.
    pub(crate) generation: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) authenticated_data: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// What all members have in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) public: PublicRecord,
    pub(crate) authenticator: Vec<u8>,
    pub(crate) exported: Vec<u8>,
    pub(crate) resumption_psk: Vec<u8>,
}

/// What everybody knows of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicRecord {
    /// The tree hash is inside.
    pub(crate) context: GroupContext,
    pub(crate) roster: BTreeMap<Id, Seat>,
}

/// Where a member is in the tree, and what its leaf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
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
            let id = id_of(&node.credential).ok_or_else(|| Failure(format!("{leaf} is nobody")))?;
            let capable = node.capabilities.proposals.contains(&crate::device::CUSTOM_PROPOSAL);
            let other = roster.insert(id, Seat { leaf, key: node.signature_key, capable });
            ensure(other.is_none(), || format!("client {id} is there twice"))?;
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

    pub(crate) fn seat(&self, id: Id) -> Option<&Seat> {
        self.public.roster.get(&id)
    }

    /// Who has a leaf.
    pub(crate) fn at(&self, leaf: LeafIndex) -> Option<Id> {
        self.public.roster.iter().find(|(_, seat)| seat.leaf == leaf).map(|(id, _)| *id)
    }
}

impl Service {
    /// The epoch that has no Commit yet.
    pub(crate) fn head(&self) -> u64 {
        self.epochs.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }

    pub(crate) fn epoch(&self, epoch: u64) -> Outcome<&Epoch> {
        self.epochs.get(&epoch).ok_or_else(|| Failure(format!("there is no epoch {epoch}")))
    }

    /// What everybody has in the newest epoch.
    pub(crate) fn current(&self) -> Outcome<&Record> {
        Ok(&self.epoch(self.head())?.record)
    }

    /// Takes a handshake of the newest epoch.
    pub(crate) fn head_mut(&mut self) -> Outcome<&mut Epoch> {
        let entry = self.epochs.last_entry().ok_or_else(|| Failure("there is no epoch".to_owned()))?;
        Ok(entry.into_mut())
    }

    /// Somebody is in an epoch. The first says what it is like, the others must agree. Returns whether it was the
    /// first.
    pub(crate) fn enter(&mut self, id: Id, record: Record) -> Outcome<bool> {
        let number = record.public.context.epoch;
        if let Some(epoch) = self.epochs.get(&number) {
            ensure(epoch.record == record, || {
                format!("client {id} sees epoch {number} otherwise: {:#?} {record:#?}", epoch.record)
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

    /// The generation of the next message of a sender.
    pub(crate) fn next_generation(&self, by: Id, epoch: u64) -> u32 {
        let sent = self.messages.iter().filter(|message| message.by == by && message.epoch == epoch);
        sent.count() as u32
    }
}
