//! Groups in which few of the members are active.
//!
//! The creator adds all other members by Commits that add up to 10,000 clients each. Most of the
//! clients are only KeyPackages. Then the client at each leaf whose number is a power of two joins,
//! makes one Commit, and is dropped. Between them, these members fill the copath of the creator, so
//! that the Commits of the creator are as small as in a group in which all members are active.

use crate::clients::{Clients, Device, Member};
use crate::server::Server;
use pando_delivery::group::Caller;
use std::collections::BTreeMap;

/// The most clients that one Commit adds.
const ADDED_AT_ONCE: u32 = 10_000;

/// A group.
pub(crate) struct Population {
    /// The number of members that the group is to have.
    pub(crate) size: u32,
    pub(crate) creator: Member,
    /// All members, in the order of their leaves.
    pub(crate) callers: Vec<Caller>,
    /// The clients at leaves with powers of two, which are added and have not joined yet.
    helpers: BTreeMap<u32, Device>,
    /// A client that the last Commit with Adds has added, and that has not joined.
    joiner: Option<Device>,
}

impl Population {
    /// Creates a group of one member.
    pub(crate) async fn create(server: &Server, clients: &mut Clients, size: u32) -> Self {
        let creator = clients.devices(1).remove(0);
        let callers = vec![creator.caller.clone()];
        let creator = server.create_group(clients, creator).await;
        Self { size, creator, callers, helpers: BTreeMap::new(), joiner: None }
    }

    /// Returns the number of members.
    pub(crate) fn members(&self) -> u32 {
        u32::try_from(self.callers.len()).unwrap()
    }

    /// Returns the clients for the next Commit, and whether it is the last one. The first Commit is
    /// the smallest one.
    pub(crate) fn next(&self, clients: &mut Clients) -> (Vec<Device>, bool) {
        let missing = self.size - self.members();
        let rest = missing % ADDED_AT_ONCE;
        let count = if rest == 0 { ADDED_AT_ONCE } else { rest };
        (clients.devices(count), count == missing)
    }

    /// Notes that a Commit has added clients, and keeps those that become active.
    pub(crate) fn added(&mut self, devices: Vec<Device>) {
        let joiner = (0..self.size).rev().find(|leaf| !leaf.is_power_of_two());
        for device in devices {
            let leaf = self.members();
            self.callers.push(device.caller.clone());
            if Some(leaf) == joiner {
                self.joiner = Some(device);
            } else if leaf.is_power_of_two() {
                self.helpers.insert(leaf, device);
            }
        }
    }

    /// Returns the client that the last Commit with Adds has added, and that has not joined.
    pub(crate) fn joiner(&mut self) -> Device {
        self.joiner.take().unwrap()
    }

    /// Fills the copath of the creator.
    pub(crate) async fn warm(&mut self, server: &Server, clients: &Clients) {
        while let Some((_, helper)) = self.helpers.pop_last() {
            let mut helper = server.join(clients, helper).await;
            server.follow(&mut helper).await;
            let request = helper.commit(Vec::new());
            server.submit(&mut helper, request).await;
        }
        server.follow(&mut self.creator).await;
    }
}
