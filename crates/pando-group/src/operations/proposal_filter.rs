//! Which of the pending proposals a committer covers (RFC 9420, section 12.2): nobody can keep a member from
//! making Commits by proposing what does not go together.
//!
//! Those that the committer makes itself come first. Then a Remove wins over an Update, a newer Update over an
//! older one, otherwise what came first; a ReInit gives way to everything else. What is left out can be
//! proposed again in the next epoch. PSKs that the committer does not have are left out before, and members for whom
//! there is no room are here.

use crate::Limits;
use crate::identity::Identities;
use crate::operations::new_leaf::NewLeaf;
use crate::rules::extensions::{self, Requirements};
use crate::rules::{leaf_node, proposal};
use crate::state::client_index::ClientIndex;
use crate::state::pending_proposal::PendingProposal;
use crate::state::public_state::PublicState;
use pando_tree::{LeafTemplate, Tree};
use pando_wire::{Add, Extensions, LeafIndex, LeafNode, Proposal, Sender, Update};
use std::collections::{BTreeMap, BTreeSet};
use tls_codec::Size;

/// How large the pending PSKs may be in a Commit that adds somebody, in bytes. A Welcome tells each new member of all of them
/// (section 12.4.3.1), so that many of both would make one without end.
const TOLD_OF_PSKS: usize = 4_096;

/// The pending proposals that `committer` covers beside its own ones and the leaf that it takes, in the order in
/// which they came.
pub(crate) fn select<'a>(
    state: &PublicState,
    committer: LeafIndex,
    own: &[Proposal],
    new_leaf: Option<&NewLeaf<'_>>,
    pending: &[&'a PendingProposal],
    identities: Identities<'a>,
    limits: &'a Limits,
) -> Vec<&'a PendingProposal> {
    // Nothing goes together with a ReInit of one's own.
    if pending.is_empty() || own.iter().any(|proposal| matches!(proposal, Proposal::ReInit(_))) {
        return Vec::new();
    }
    let mut selection = Selection {
        state: state.clone(),
        requirements: Requirements::of(&state.context.extensions).ok(),
        committer,
        identities,
        limits,
        tree: state.tree.clone(),
        staying: state.tree.clone(),
        clients: state.clients.clone(),
        own,
        pending,
        chosen: BTreeSet::new(),
    };
    let removed = selection.removed();
    selection.removes(&removed);
    selection.own(new_leaf);
    selection.updates(&removed);
    selection.group_context_extensions();
    selection.adds();
    selection.psks();
    selection.others();
    selection.reinit();
    selection.chosen.iter().filter_map(|position| pending.get(*position).copied()).collect()
}

struct Selection<'a> {
    /// With the extensions that there will be.
    state: PublicState,
    /// What these extensions ask of a leaf; `None` if they are malformed.
    requirements: Option<Requirements>,
    committer: LeafIndex,
    identities: Identities<'a>,
    limits: &'a Limits,
    /// With what has been chosen so far. Those who are added are not unmerged anywhere: nobody looks at that here.
    tree: Tree,
    /// The tree without those who go.
    staying: Tree,
    /// Who is in `tree`.
    clients: ClientIndex,
    own: &'a [Proposal],
    pending: &'a [&'a PendingProposal],
    /// Positions in `pending`.
    chosen: BTreeSet<usize>,
}

impl<'a> Selection<'a> {
    fn pending(&self) -> impl Iterator<Item = (usize, &'a PendingProposal)> + use<'a> {
        self.pending.iter().copied().enumerate()
    }

    fn is_valid(&self, pending: &PendingProposal) -> bool {
        let PendingProposal { sender, proposal, .. } = pending;
        self.requirements.as_ref().is_some_and(|requirements| {
            proposal::contents_are_valid(&self.state, *sender, proposal, requirements, self.identities)
                .is_ok()
        })
    }

    fn set_extensions(&mut self, new: &Extensions) {
        self.state.context.extensions = new.clone();
        self.requirements = Requirements::of(new).ok();
    }

    /// Who is removed, by whichever proposal; never the committer.
    fn removed(&mut self) -> BTreeSet<LeafIndex> {
        let own = self.own.iter().filter_map(removed_by);
        let mut removed: BTreeSet<_> = own.collect();
        for (position, pending) in self.pending() {
            if let Some(leaf) = removed_by(&pending.proposal)
                && leaf != self.committer
                && self.is_valid(pending)
                && removed.insert(leaf)
            {
                self.chosen.insert(position);
            }
        }
        removed
    }

    /// What the committer wants itself comes before what others want. Should it not fit, the Commit fails, and says
    /// why.
    fn own(&mut self, new_leaf: Option<&NewLeaf<'_>>) {
        if let (Some(new), Some(old)) = (new_leaf, self.tree.leaf(self.committer)) {
            let LeafTemplate { credential, capabilities, extensions } = new.template.clone();
            let signature_key = new.signer.public_key().clone();
            // Its encryption key is still to be made.
            let leaf_node = LeafNode { signature_key, credential, capabilities, extensions, ..old };
            let mut tree = self.tree.clone();
            if tree.update(self.committer, &leaf_node).is_ok() {
                self.try_leaf(self.committer, &leaf_node, tree);
            }
        }
        if let Some(new) = self.own.iter().find_map(new_extensions) {
            self.set_extensions(new);
        }
        for add in self.own.iter().filter_map(added_by) {
            self.try_add(add);
        }
    }

    /// The newest Update of each member who stays.
    fn updates(&mut self, removed: &BTreeSet<LeafIndex>) {
        let mut newest: BTreeMap<LeafIndex, (usize, &Update)> = BTreeMap::new();
        for (position, pending) in self.pending() {
            if let (Proposal::Update(update), Sender::Member(leaf)) = (&pending.proposal, pending.sender)
                && leaf != self.committer
                && !removed.contains(&leaf)
                && self.is_valid(pending)
            {
                newest.insert(leaf, (position, update));
            }
        }
        // In the order in which they will be applied.
        let mut newest: Vec<_> = newest.into_iter().collect();
        newest.sort_unstable_by_key(|(_, (position, _))| *position);
        for (leaf, (position, update)) in newest {
            let leaf_node = &update.leaf_node;
            let mut tree = self.tree.clone();
            if tree.update(leaf, leaf_node).is_ok() && self.try_leaf(leaf, leaf_node, tree) {
                self.chosen.insert(position);
            }
        }
    }

    fn removes(&mut self, removed: &BTreeSet<LeafIndex>) {
        for leaf in removed {
            if let Some(old) = self.tree.leaf(*leaf) {
                self.clients.leave(*leaf, &old.credential, &self.tree, self.identities.policy);
            }
            // Should somebody not be there, the Commit fails, and says so.
            self.tree.remove(*leaf).and_then(|()| self.staying.remove(*leaf)).ok();
        }
    }

    /// The first that members support, if the committer has none.
    fn group_context_extensions(&mut self) {
        if self.own.iter().any(|proposal| new_extensions(proposal).is_some()) {
            return;
        }
        for (position, pending) in self.pending() {
            if let Some(new) = new_extensions(&pending.proposal)
                && self.is_valid(pending)
                && self.fit(new)
            {
                self.set_extensions(new);
                self.chosen.insert(position);
                return;
            }
        }
    }

    fn fit(&self, new: &Extensions) -> bool {
        let old = &self.state.context.extensions;
        extensions::external_senders_are_valid(new, old, self.identities).is_ok()
            && extensions::members_support_required(&self.tree, new).is_ok()
            && extensions::members_support_group_extensions(&self.tree, new).is_ok()
    }

    /// Each client once.
    fn adds(&mut self) {
        for (position, pending) in self.pending() {
            let Some(add) = added_by(&pending.proposal) else { continue };
            if self.is_valid(pending) && self.try_add(add) {
                self.chosen.insert(position);
            }
        }
    }

    fn try_add(&mut self, add: &Add) -> bool {
        let leaf_node = &add.key_package.leaf_node;
        let mut tree = self.tree.clone();
        tree.place(leaf_node)
            .is_ok_and(|leaf| self.is_small_enough(&tree) && self.try_leaf(leaf, leaf_node, tree))
    }

    fn is_small_enough(&self, tree: &Tree) -> bool {
        // What is removed may halve it in the end.
        let mut tree = tree.clone();
        tree.truncate();
        self.limits.check_tree_size(tree.size()).is_ok()
    }

    /// Goes on with a tree that has a new leaf, if that fits.
    fn try_leaf(&mut self, leaf: LeafIndex, leaf_node: &LeafNode, tree: Tree) -> bool {
        let (mut clients, policy) = (self.clients.clone(), self.identities.policy);
        if let Some(old) = self.tree.leaf(leaf) {
            clients.leave(leaf, &old.credential, &self.tree, policy);
        }
        let fits = leaf_node::keys_are_unique(leaf, leaf_node, &tree).is_ok()
            && leaf_node::credential_types_fit(leaf_node, &tree).is_ok()
            && clients.enter(leaf, &leaf_node.credential, &tree, policy).is_ok();
        if fits {
            (self.tree, self.clients) = (tree, clients);
        }
        fits
    }

    /// Each once, as many as there may be. If somebody is added, no more than each new member can be told of.
    fn psks(&mut self) {
        let chosen = self.chosen.iter().filter_map(|position| self.pending.get(*position));
        let mut proposals = chosen.map(|pending| &pending.proposal).chain(self.own);
        let adds = proposals.any(|proposal| added_by(proposal).is_some());
        let mut room = if adds { TOLD_OF_PSKS } else { usize::MAX };
        let id = |proposal: &'a Proposal| match proposal {
            Proposal::PreSharedKey(psk) => Some((&psk.psk.psk, &psk.psk.psk_nonce)),
            _ => None,
        };
        let mut seen: BTreeSet<_> = self.own.iter().filter_map(id).collect();
        for (position, pending) in self.pending() {
            if let Some(id) = id(&pending.proposal)
                && seen.len() < usize::from(u16::MAX)
                && let Some(left) = room.checked_sub(pending.proposal.tls_serialized_len())
                && self.is_valid(pending)
                && seen.insert(id)
            {
                self.chosen.insert(position);
                room = left;
            }
        }
    }

    /// Of the types that everybody who stays supports.
    fn others(&mut self) {
        for (position, pending) in self.pending() {
            if let Proposal::Other(other) = &pending.proposal
                && !other.proposal_type.is_grease()
                && self.staying.support().all_support_proposal(other.proposal_type)
            {
                self.chosen.insert(position);
            }
        }
    }

    /// If there is nothing else.
    fn reinit(&mut self) {
        if !self.own.is_empty() || !self.chosen.is_empty() {
            return;
        }
        let mut pending = self.pending();
        let reinit = pending
            .find(|(_, pending)| matches!(pending.proposal, Proposal::ReInit(_)) && self.is_valid(pending));
        self.chosen.extend(reinit.map(|(position, _)| position));
    }
}

const fn removed_by(proposal: &Proposal) -> Option<LeafIndex> {
    match proposal {
        Proposal::Remove(remove) => Some(remove.removed),
        _ => None,
    }
}

const fn new_extensions(proposal: &Proposal) -> Option<&Extensions> {
    match proposal {
        Proposal::GroupContextExtensions(proposal) => Some(&proposal.extensions),
        _ => None,
    }
}

fn added_by(proposal: &Proposal) -> Option<&Add> {
    match proposal {
        Proposal::Add(add) => Some(add),
        _ => None,
    }
}
