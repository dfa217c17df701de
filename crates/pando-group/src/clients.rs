//! Which clients are in a group, if the identity policy tells clients apart by more than their signature keys
//! (RFC 9420, section 12.2): found by an index and not by looking at everybody.

use crate::Violation;
use crate::identity::IdentityPolicy;
use imbl::OrdMap;
use pando_tree::Tree;
use pando_wire::{Credential, LeafIndex};

/// The leaves of clients, by what the policy tells them apart by. Cloning it costs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients(OrdMap<Vec<u8>, LeafIndex>);

impl Clients {
    /// The members of a tree. One that has a client twice is no concern of who joins it.
    pub(crate) fn of(tree: &Tree, policy: &dyn IdentityPolicy) -> Self {
        let members = tree.members().filter_map(|leaf| Some((leaf, tree.credential(leaf)?)));
        Self(members.filter_map(|(leaf, credential)| Some((policy.client_id(&credential)?, leaf))).collect())
    }

    /// A leaf no longer has this credential.
    pub(crate) fn leave(&mut self, leaf: LeafIndex, credential: &Credential, policy: &dyn IdentityPolicy) {
        if let Some(id) = policy.client_id(credential)
            && self.0.get(&id) == Some(&leaf)
        {
            self.0.remove(&id);
        }
    }

    /// 12.2: a leaf gets this credential, and no other has that of the same client.
    pub(crate) fn enter(
        &mut self,
        leaf: LeafIndex,
        credential: &Credential,
        policy: &dyn IdentityPolicy,
    ) -> Result<(), Violation> {
        let Some(id) = policy.client_id(credential) else { return Ok(()) };
        match self.0.insert(id, leaf) {
            Some(other) if other != leaf => Err(Violation::SameClient),
            _ => Ok(()),
        }
    }
}
