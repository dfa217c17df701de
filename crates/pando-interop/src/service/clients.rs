//! The state of the service: all objects, indexed by the numbers that identify them in requests.

use super::failure::{Failure, Outcome};
use super::played_client::{PlayedClient, Psks};
use super::state::State;
use pando_mls::{Group, KeyPackageBundle};
use rand_chacha::ChaCha20Rng;
use std::collections::BTreeMap;

/// All clients that the service plays, and its random number generator.
pub(super) struct Clients {
    pub(super) table: Table,
    pub(super) rng: ChaCha20Rng,
}

/// An object that a number identifies.
enum Entry {
    Member(Box<State>),
    Joiner(Box<Joiner>),
    Successor(Box<Successor>),
    Signer(Box<PlayedClient>),
}

/// A client whose KeyPackage waits for a Welcome. The interface calls this a transaction.
pub(super) struct Joiner {
    pub(super) client: PlayedClient,
    pub(super) bundle: KeyPackageBundle,
}

/// A member of a reinitialized group, with the client that will join the successor group.
pub(super) struct Successor {
    /// The number that identifies the state of the old group.
    pub(super) old: u32,
    pub(super) joiner: Joiner,
}

/// The objects, indexed by number. All kinds of objects share one sequence of numbers, because some
/// requests accept numbers of several kinds.
#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<u32, Entry>,
    last: u32,
}

impl Clients {
    pub(super) fn new(rng: ChaCha20Rng) -> Self {
        Self { table: Table::default(), rng }
    }
}

impl Table {
    pub(super) fn add_state(&mut self, client: PlayedClient, group: Group) -> Outcome<u32> {
        self.add(Entry::Member(Box::new(State::new(client, group))))
    }

    pub(super) fn add_joiner(&mut self, joiner: Joiner) -> Outcome<u32> {
        self.add(Entry::Joiner(Box::new(joiner)))
    }

    pub(super) fn add_successor(&mut self, successor: Successor) -> Outcome<u32> {
        self.add(Entry::Successor(Box::new(successor)))
    }

    pub(super) fn add_signer(&mut self, client: PlayedClient) -> Outcome<u32> {
        self.add(Entry::Signer(Box::new(client)))
    }

    pub(super) fn state(&self, id: u32) -> Outcome<&State> {
        match self.entries.get(&id) {
            Some(Entry::Member(state)) => Ok(state),
            _ => Err(unknown("state", id)),
        }
    }

    pub(super) fn state_mut(&mut self, id: u32) -> Outcome<&mut State> {
        match self.entries.get_mut(&id) {
            Some(Entry::Member(state)) => Ok(state),
            _ => Err(unknown("state", id)),
        }
    }

    pub(super) fn joiner(&self, id: u32) -> Outcome<&Joiner> {
        match self.entries.get(&id) {
            Some(Entry::Joiner(joiner)) => Ok(joiner),
            _ => Err(unknown("transaction", id)),
        }
    }

    pub(super) fn successor(&self, id: u32) -> Outcome<&Successor> {
        match self.entries.get(&id) {
            Some(Entry::Successor(successor)) => Ok(successor),
            _ => Err(unknown("reinitialization", id)),
        }
    }

    pub(super) fn signer(&self, id: u32) -> Outcome<&PlayedClient> {
        match self.entries.get(&id) {
            Some(Entry::Signer(client)) => Ok(client),
            _ => Err(unknown("external signer", id)),
        }
    }

    /// Returns the pre-shared keys of a member or of a client that waits for a Welcome.
    pub(super) fn psks_mut(&mut self, id: u32) -> Outcome<&mut Psks> {
        match self.entries.get_mut(&id) {
            Some(Entry::Member(state)) => Ok(&mut state.client.psks),
            Some(Entry::Joiner(joiner)) => Ok(&mut joiner.client.psks),
            _ => Err(unknown("state or transaction", id)),
        }
    }

    /// Turns a waiting client into a member. The client's KeyPackage is used up, and its old number
    /// becomes invalid.
    pub(super) fn joined(&mut self, id: u32, group: Group) -> Outcome<u32> {
        let client = match self.entries.remove(&id) {
            Some(Entry::Joiner(joiner)) => joiner.client,
            Some(Entry::Successor(successor)) => successor.joiner.client,
            _ => return Err(unknown("transaction or reinitialization", id)),
        };
        let client = PlayedClient { config: *group.config(), ..client };
        self.add_state(client, group)
    }

    /// Removes the object with the given number.
    pub(super) fn free(&mut self, id: u32) -> Outcome<()> {
        self.entries.remove(&id).map(drop).ok_or_else(|| unknown("state", id))
    }

    fn add(&mut self, entry: Entry) -> Outcome<u32> {
        self.last = self.last.checked_add(1).ok_or_else(|| Failure::internal("all numbers are used up"))?;
        self.entries.insert(self.last, entry);
        Ok(self.last)
    }
}

fn unknown(what: &str, id: u32) -> Failure {
    Failure::argument(format!("unknown {what}: {id}"))
}
