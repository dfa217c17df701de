//! Selection of the pending proposals that a Commit covers (RFC 9420, section 12.2). Incompatible
//! proposals must not prevent a member from creating Commits.
//!
//! The committer's own proposals have priority over all others. A Remove takes precedence over an
//! Update, and a newer Update takes precedence over an older one. Otherwise, the earlier proposal
//! takes precedence. A ReInit yields to all other proposals. Each proposal that is left out is
//! reported with the reason, and its sender can propose it again in the next epoch.

use crate::config::Limits;
use crate::identity::Identities;
use crate::operations::new_leaf::NewLeaf;
use crate::rules::extensions::{self, Requirements};
use crate::rules::{leaf_node, proposal, sending};
use crate::state::client_index::ClientIndex;
use crate::state::pending_proposal::{Committed, PendingProposal};
use crate::state::public_state::PublicState;
use crate::{Exceeded, GroupError, Violation};
use pando_crypto::CryptoProvider;
use pando_tree::{LeafTemplate, Tree, TreeError};
use pando_wire::{Add, Extensions, LeafIndex, LeafNode, Proposal, Sender, Update};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tls_codec::Size;

/// Maximum total size of the pending PSKs in a Commit that adds members, in bytes. The Welcome
/// repeats all PSKs for each new member (section 12.4.3.1), so its size grows with the number of
/// PSKs times the number of new members.
const WELCOMED_PSK_BYTES: usize = 4_096;

/// A pending proposal that a Commit leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// The proposal that is left out.
    pub proposal: Arc<PendingProposal>,
    /// The reason for leaving out the proposal.
    pub reason: LeftOutReason,
}

/// The reason why a Commit leaves out a proposal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// The application did not select the proposal
    /// ([`CommitBuilder::only_pending`](crate::CommitBuilder::only_pending)).
    #[error("not chosen by the application")]
    NotChosen,
    /// The group's rules did not admit the proposal
    /// ([`GroupRules::admit`](crate::GroupRules::admit)).
    #[error("not admitted by the group's rules")]
    NotAdmitted,
    /// The group's rules refuse a Commit that covers the proposal
    /// ([`GroupRules::check`](crate::GroupRules::check)).
    #[error("refused by the group's rules: {0}")]
    Refused(String),
    /// The proposal is our own and was withdrawn.
    #[error("withdrawn")]
    Withdrawn,
    /// The proposal updates or removes the committer, which must not commit such a proposal itself
    /// (section 12.2).
    #[error("about the committer's own leaf")]
    OwnLeaf,
    /// The proposal concerns the same leaf, PSK or extensions as a covered proposal, or it is a
    /// ReInit and the Commit covers other proposals.
    #[error("another proposal takes precedence")]
    Superseded,
    /// The proposal violates a rule in combination with the covered proposals.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// This client does not have the PSK to which the proposal refers.
    #[error("the pre-shared key is missing")]
    PskMissing,
    /// The proposal would exceed a limit of this client.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The proposal is a ReInit, and this client could not follow it into the new group.
    #[error("this client cannot follow the reinitialization: {0}")]
    CannotFollow(Box<GroupError>),
    /// The proposal would make the Welcome too large.
    #[error("the Welcome would be too large")]
    WelcomeSize,
}

/// The inputs of the selection of proposals.
pub(crate) struct FilterInput<'a> {
    pub(crate) state: &'a PublicState,
    pub(crate) committer: LeafIndex,
    /// The committer's own proposals, which are committed by value.
    pub(crate) own: &'a [Committed],
    pub(crate) new_leaf: Option<&'a NewLeaf<'a>>,
    /// The candidate proposals, in order of arrival.
    pub(crate) pending: &'a [Arc<PendingProposal>],
    pub(crate) identities: Identities<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) crypto: &'a dyn CryptoProvider,
}

/// The proposals that a Commit covers, in order of arrival, and the proposals that it leaves out.
type Selected = (Vec<Arc<PendingProposal>>, Vec<LeftOut>);

/// Selects the proposals that the Commit covers, and returns them together with the proposals that
/// it leaves out.
///
/// # Errors
/// [`GroupError::Source`] if a tree node could not be read.
pub(crate) fn select(input: FilterInput<'_>) -> Result<Selected, GroupError> {
    if input.pending.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let pending = input.pending;
    let mut selection = Selection::new(input);
    selection.run()?;
    let Selection { chosen, mut reasons, .. } = selection;
    let (mut selected, mut left_out) = (Vec::with_capacity(chosen.len()), Vec::new());
    for (position, proposal) in pending.iter().enumerate() {
        if chosen.contains(&position) {
            selected.push(proposal.clone());
        } else {
            let reason = reasons.remove(&position).unwrap_or(LeftOutReason::Superseded);
            left_out.push(LeftOut { proposal: proposal.clone(), reason });
        }
    }
    Ok((selected, left_out))
}

struct Selection<'a> {
    input: FilterInput<'a>,
    /// The current state, but with the extensions of the next epoch.
    state: PublicState,
    /// The requirements that the new extensions place on each leaf.
    requirements: Result<Requirements, Violation>,
    /// The tree after the proposals that were chosen so far. New leaves are not marked as unmerged,
    /// because the selection does not depend on that.
    tree: Tree,
    /// The tree without the removed members.
    staying: Tree,
    /// The index of the clients in `tree`.
    clients: ClientIndex,
    /// The positions of the chosen proposals among the candidates.
    chosen: BTreeSet<usize>,
    /// The reasons why proposals are left out. A proposal without an entry has the reason
    /// [`LeftOutReason::Superseded`].
    reasons: BTreeMap<usize, LeftOutReason>,
}

impl<'a> Selection<'a> {
    fn new(input: FilterInput<'a>) -> Self {
        let state = input.state.clone();
        Self {
            requirements: Requirements::of(&state.context.extensions),
            tree: state.tree.clone(),
            staying: state.tree.clone(),
            clients: state.clients.clone(),
            state,
            chosen: BTreeSet::new(),
            reasons: BTreeMap::new(),
            input,
        }
    }

    fn run(&mut self) -> Result<(), GroupError> {
        // No pending proposal is compatible with the committer's own ReInit.
        if self.own_proposals().any(|proposal| matches!(proposal, Proposal::ReInit(_))) {
            return Ok(());
        }
        let removed = self.removed()?;
        self.removes(&removed)?;
        self.own()?;
        self.updates(&removed)?;
        self.group_context_extensions()?;
        self.adds()?;
        self.psks()?;
        self.others();
        self.reinit()
    }

    fn pending(&self) -> impl Iterator<Item = (usize, &'a PendingProposal)> + use<'a> {
        self.input.pending.iter().map(|pending| &**pending).enumerate()
    }

    fn own_proposals(&self) -> impl Iterator<Item = &'a Proposal> + use<'a> {
        self.input.own.iter().map(Committed::proposal)
    }

    /// Chooses the proposal at `position` if the verdict is positive, and otherwise leaves it out.
    /// Returns whether the proposal is chosen.
    fn decide(&mut self, position: usize, verdict: Result<(), GroupError>) -> Result<bool, GroupError> {
        match verdict {
            Ok(()) => return Ok(self.chosen.insert(position)),
            Err(GroupError::Violation(violation)) => self.leave_out(position, violation.into()),
            Err(GroupError::Exceeded(exceeded)) => self.leave_out(position, exceeded.into()),
            Err(other) => return Err(other),
        }
        Ok(false)
    }

    fn leave_out(&mut self, position: usize, reason: LeftOutReason) {
        self.reasons.insert(position, reason);
    }

    fn check(&self, pending: &PendingProposal) -> Result<(), GroupError> {
        let PendingProposal { sender, proposal, .. } = pending;
        let requirements = self.requirements.as_ref().map_err(Clone::clone)?;
        let identities = self.input.identities;
        proposal::contents_are_valid(&self.state, *sender, proposal, requirements, identities)
    }

    fn set_extensions(&mut self, new: &Extensions) {
        self.state.context.extensions = new.clone();
        self.requirements = Requirements::of(new);
    }

    /// Returns the leaves that our own or pending proposals remove, except for the committer's
    /// leaf.
    fn removed(&mut self) -> Result<BTreeSet<LeafIndex>, GroupError> {
        let mut removed: BTreeSet<_> = self.own_proposals().filter_map(removed_by).collect();
        for (position, pending) in self.pending() {
            let Some(leaf) = removed_by(&pending.proposal) else { continue };
            if leaf == self.input.committer {
                self.leave_out(position, LeftOutReason::OwnLeaf);
            } else if !removed.contains(&leaf) && self.decide(position, self.check(pending))? {
                removed.insert(leaf);
            }
        }
        Ok(removed)
    }

    fn removes(&mut self, removed: &BTreeSet<LeafIndex>) -> Result<(), GroupError> {
        for leaf in removed {
            // If the leaf is blank, assembling the Commit reports the error.
            let Some(old) = self.tree.leaf(*leaf)? else { continue };
            self.clients.leave(*leaf, &old.credential, &self.tree, self.input.identities.policy);
            self.tree.remove(*leaf)?;
            self.staying.remove(*leaf)?;
        }
        Ok(())
    }

    /// Applies the committer's own changes before those of other members. If the committer's
    /// changes are not valid, assembling the Commit reports the error.
    fn own(&mut self) -> Result<(), GroupError> {
        let committer = self.input.committer;
        if let (Some(new), Some(old)) = (self.input.new_leaf, self.tree.leaf(committer)?) {
            let LeafTemplate { credential, capabilities, extensions } = new.template.clone();
            let signature_key = new.signer.public_key().clone();
            // The new encryption key does not exist yet.
            let leaf_node = LeafNode { signature_key, credential, capabilities, extensions, ..old };
            let mut tree = self.tree.clone();
            tree.update(committer, &leaf_node)?;
            unless_invalid(self.try_leaf(committer, &leaf_node, tree))?;
        }
        if let Some(new) = self.own_proposals().find_map(new_extensions) {
            self.set_extensions(new);
        }
        self.own_proposals().filter_map(added_by).try_for_each(|add| unless_invalid(self.try_add(add)))
    }

    /// Chooses the newest Update of each remaining member.
    fn updates(&mut self, removed: &BTreeSet<LeafIndex>) -> Result<(), GroupError> {
        let mut newest: BTreeMap<LeafIndex, (usize, &Update)> = BTreeMap::new();
        for (position, pending) in self.pending() {
            let (Proposal::Update(update), Sender::Member(leaf)) = (&pending.proposal, pending.sender) else {
                continue;
            };
            if leaf == self.input.committer {
                self.leave_out(position, LeftOutReason::OwnLeaf);
            } else if !removed.contains(&leaf) && self.decide(position, self.check(pending))? {
                // The Update is chosen later if it is the newest one of its sender.
                self.chosen.remove(&position);
                newest.insert(leaf, (position, update));
            }
        }
        // Process the Updates in the order in which they will be applied.
        let mut newest: Vec<_> = newest.into_iter().collect();
        newest.sort_unstable_by_key(|(_, (position, _))| *position);
        for (leaf, (position, update)) in newest {
            let mut tree = self.tree.clone();
            tree.update(leaf, &update.leaf_node)?;
            let verdict = self.try_leaf(leaf, &update.leaf_node, tree);
            self.decide(position, verdict)?;
        }
        Ok(())
    }

    /// Chooses the first GroupContextExtensions proposal that the members support, unless the
    /// committer itself proposes new extensions.
    fn group_context_extensions(&mut self) -> Result<(), GroupError> {
        if self.own_proposals().any(|proposal| new_extensions(proposal).is_some()) {
            return Ok(());
        }
        for (position, pending) in self.pending() {
            let Some(new) = new_extensions(&pending.proposal) else { continue };
            let verdict = self.check(pending).and_then(|()| Ok(self.extensions_fit(new)?));
            if self.decide(position, verdict)? {
                self.set_extensions(new);
                return Ok(());
            }
        }
        Ok(())
    }

    fn extensions_fit(&self, new: &Extensions) -> Result<(), Violation> {
        let old = &self.state.context.extensions;
        extensions::external_senders_are_valid(new, old, self.input.identities)?;
        extensions::members_support_required(&self.tree, new)?;
        extensions::members_support_group_extensions(&self.tree, new)
    }

    /// Chooses Adds, at most one for each client.
    fn adds(&mut self) -> Result<(), GroupError> {
        for (position, pending) in self.pending() {
            let Some(add) = added_by(&pending.proposal) else { continue };
            let verdict = self.check(pending).and_then(|()| self.try_add(add));
            self.decide(position, verdict)?;
        }
        Ok(())
    }

    fn try_add(&mut self, add: &Add) -> Result<(), GroupError> {
        let leaf_node = &add.key_package.leaf_node;
        let mut tree = self.tree.clone();
        let leaf = match tree.place(leaf_node) {
            Err(TreeError::TooLarge) => return Err(Exceeded::Leaves(self.input.limits.leaves).into()),
            placed => placed?,
        };
        // Check the size of the truncated tree, because removals may make the final tree smaller.
        let mut truncated = tree.clone();
        truncated.truncate()?;
        self.input.limits.check_tree_size(truncated.size())?;
        self.try_leaf(leaf, leaf_node, tree)
    }

    /// Adopts `tree`, which contains a new leaf, if that leaf is valid.
    fn try_leaf(&mut self, leaf: LeafIndex, leaf_node: &LeafNode, tree: Tree) -> Result<(), GroupError> {
        let (mut clients, policy) = (self.clients.clone(), self.input.identities.policy);
        if let Some(old) = self.tree.leaf(leaf)? {
            clients.leave(leaf, &old.credential, &self.tree, policy);
        }
        leaf_node::keys_are_unique(leaf, leaf_node, &tree)?;
        leaf_node::credential_types_fit(leaf_node, &tree)?;
        clients.enter(leaf, &leaf_node.credential, &tree, policy)?;
        (self.tree, self.clients) = (tree, clients);
        Ok(())
    }

    /// Chooses each PSK once, up to the maximum number of PSKs. If members are added, the size
    /// limit of the Welcome also limits the number of PSKs.
    fn psks(&mut self) -> Result<(), GroupError> {
        let chosen = self.chosen.iter().filter_map(|position| self.input.pending.get(*position));
        let mut proposals = chosen.map(|pending| &pending.proposal).chain(self.own_proposals());
        let adds = proposals.any(|proposal| added_by(proposal).is_some());
        let mut room = if adds { WELCOMED_PSK_BYTES } else { usize::MAX };
        let id = |proposal: &'a Proposal| match proposal {
            Proposal::PreSharedKey(psk) => Some((&psk.psk.psk, &psk.psk.psk_nonce)),
            _ => None,
        };
        let mut seen: BTreeSet<_> = self.own_proposals().filter_map(id).collect();
        for (position, pending) in self.pending() {
            let Some(id) = id(&pending.proposal) else { continue };
            if seen.contains(&id) {
                continue;
            }
            // Section 8.4 encodes the number of PSKs in 16 bits.
            if seen.len() >= usize::from(u16::MAX) {
                self.leave_out(position, Exceeded::PendingProposals(seen.len()).into());
            } else if let Some(left) = room.checked_sub(pending.proposal.tls_serialized_len()) {
                if self.decide(position, self.check(pending))? {
                    seen.insert(id);
                    room = left;
                }
            } else {
                self.leave_out(position, LeftOutReason::WelcomeSize);
            }
        }
        Ok(())
    }

    /// Chooses proposals of the custom types that all remaining members support.
    fn others(&mut self) {
        for (position, pending) in self.pending() {
            let Proposal::Other(other) = &pending.proposal else { continue };
            let kind = other.proposal_type;
            if !kind.is_grease() && self.staying.capability_counts().all_support_proposal(kind) {
                self.chosen.insert(position);
            } else {
                self.leave_out(position, Violation::ProposalTypeUnsupported(kind).into());
            }
        }
    }

    /// Chooses the first ReInit that this client can follow, if no other proposal is chosen.
    fn reinit(&mut self) -> Result<(), GroupError> {
        if !self.input.own.is_empty() || !self.chosen.is_empty() {
            return Ok(());
        }
        for (position, pending) in self.pending() {
            let Proposal::ReInit(reinit) = &pending.proposal else { continue };
            let FilterInput { crypto, identities, limits, .. } = self.input;
            if let Err(error) = sending::reinit(reinit, crypto, identities, limits) {
                self.leave_out(position, LeftOutReason::CannotFollow(Box::new(error)));
            } else if self.decide(position, self.check(pending))? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Drops errors about the proposal itself, and returns all other errors.
fn unless_invalid(verdict: Result<(), GroupError>) -> Result<(), GroupError> {
    match verdict {
        Err(GroupError::Violation(_) | GroupError::Exceeded(_)) => Ok(()),
        other => other,
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
