//! The changes that are planned for the Commit of an epoch. Proposals never conflict: resolving
//! conflicts is left to each implementation, so it is not a matter of interoperability.

use crate::member::{Bytes, PSKS, Proposal};
use crate::operation::Operation;
use crate::random::Random;
use crate::simulation::{Id, LARGEST, Simulation};
use crate::trace::Checked;
use std::collections::BTreeSet;

/// The changes that have been planned so far.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) added: BTreeSet<Id>,
    pub(crate) removed: BTreeSet<Id>,
    pub(crate) updated: BTreeSet<Id>,
    /// The committers of this epoch. No other member proposes to remove them, and they propose
    /// nothing that they are not allowed to commit themselves.
    pub(crate) committers: BTreeSet<Id>,
    pub(crate) extensions: bool,
    /// Whether one of the proposed extensions is missing from `required_capabilities`.
    pub(crate) not_required: bool,
    /// Whether the plan includes a resumption PSK, which a new member would not know.
    pub(crate) resumption: bool,
    /// Number of proposals that are committed by reference.
    pub(crate) references: usize,
    /// Whether the proposals by reference include PSKs.
    pub(crate) psk_references: bool,
    /// Whether any of the proposals requires a path.
    pub(crate) path: bool,
}

/// A kind of change to the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Update,
    Remove,
    ExternalPsk,
    ResumptionPsk,
    Extensions,
}

impl Change {
    /// Picks a random change. In small groups, Adds are the most frequent change; in large groups,
    /// Removes are.
    pub(crate) fn pick(random: &mut Random, size: usize) -> Self {
        match random.below(20) {
            0..6 if size * 2 < LARGEST => Self::Add,
            0..3 => Self::Add,
            3..6 => Self::Remove,
            6..9 => Self::Update,
            9..12 => Self::Remove,
            12..14 => Self::Add,
            14..16 => Self::ExternalPsk,
            16..18 => Self::ResumptionPsk,
            _ => Self::Extensions,
        }
    }

    pub(crate) const fn is_psk(self) -> bool {
        matches!(self, Self::ExternalPsk | Self::ResumptionPsk)
    }

    pub(crate) const fn by_value(self) -> Operation {
        match self {
            Self::Add => Operation::Add,
            Self::Remove => Operation::Remove,
            Self::ExternalPsk => Operation::ExternalPsk,
            Self::ResumptionPsk => Operation::ResumptionPsk,
            // An Update is never committed by value.
            Self::Update => Operation::ProposedUpdate,
            Self::Extensions => Operation::Extensions,
        }
    }

    pub(crate) const fn proposed(self) -> Operation {
        match self {
            Self::Add => Operation::ProposedAdd,
            Self::Update => Operation::ProposedUpdate,
            Self::Remove => Operation::ProposedRemove,
            Self::ExternalPsk => Operation::ProposedExternalPsk,
            Self::ResumptionPsk => Operation::ProposedResumptionPsk,
            Self::Extensions => Operation::ProposedExtensions,
        }
    }
}

impl Simulation {
    /// Returns the proposal for a change, or `None` if the change does not fit into the plan.
    pub(crate) fn proposal(&mut self, change: Change, by: Id, plan: &mut Plan) -> Checked<Option<Proposal>> {
        Ok(match change {
            Change::Add => self.add(plan)?.map(Proposal::Add),
            Change::Update => {
                let fits = !plan.committers.contains(&by) && !plan.removed.contains(&by);
                if !fits || !plan.updated.insert(by) {
                    return Ok(None);
                }
                plan.path = true;
                Some(Proposal::Update)
            }
            Change::Remove => self.removable(by, plan)?.map(Proposal::Remove),
            Change::ExternalPsk => {
                let (psk_id, _) = PSKS[self.random.below(PSKS.len())];
                Some(Proposal::ExternalPsk(psk_id.to_vec()))
            }
            Change::ResumptionPsk => {
                // Choose a recent epoch in which all current members were already in the group.
                let first = self.members().into_iter().map(|id| self.clients[id].joined).max().unwrap_or(0);
                let epoch = (self.epoch - self.random.below(4).min(self.epoch as usize) as u64).max(first);
                if !plan.added.is_empty() {
                    return Ok(None);
                }
                plan.resumption = true;
                Some(Proposal::ResumptionPsk(epoch))
            }
            Change::Extensions => {
                if std::mem::replace(&mut plan.extensions, true) {
                    return Ok(None);
                }
                plan.path = true;
                let possible = self.possible(Operation::ExtensionNotRequired, self.clients[by].library);
                let extensions = self.extensions(possible)?;
                plan.not_required = extensions.not_required;
                Some(Proposal::Extensions(extensions.bytes))
            }
        })
    }

    /// Returns the KeyPackage of a client to add, or `None` if no client can be added.
    pub(crate) fn add(&mut self, plan: &mut Plan) -> Checked<Option<Bytes>> {
        if self.members().len() + plan.added.len() >= LARGEST || plan.resumption {
            return Ok(None);
        }
        let id = self.client_outside(&plan.added)?;
        plan.added.insert(id);
        self.with_client(id, "makes a KeyPackage", |client| client.key_package()).map(Some)
    }

    /// Returns the leaf index of a member to remove. The last member of an implementation is never
    /// removed.
    pub(crate) fn removable(&mut self, by: Id, plan: &mut Plan) -> Checked<Option<u32>> {
        let members = self.members();
        let stay = |id: &Id| !plan.removed.contains(id);
        let has_others = |id: &Id| {
            let like = |other: &&Id| self.clients[**other].library == self.clients[*id].library;
            members.iter().filter(|other| stay(other)).filter(like).count() > 1
        };
        let may_go = |id: &Id| {
            stay(id)
                && *id != by
                && !plan.updated.contains(id)
                && !plan.committers.contains(id)
                && has_others(id)
        };
        let candidates: Vec<_> = members.iter().copied().filter(may_go).collect();
        let Some(id) = self.random.pick(&candidates) else { return Ok(None) };
        plan.removed.insert(id);
        plan.path = true;
        self.leaf(id).map(Some)
    }
}
