//! What an epoch's Commit is to change, so that no two proposals are in each other's way: how that is resolved, is for
//! each implementation to decide, and no matter of interoperability.

use crate::dice::Dice;
use crate::member::{Bytes, PSKS, Proposal};
use crate::operation::Operation;
use crate::trace::Checked;
use crate::world::{Id, LARGEST, World};
use std::collections::BTreeSet;

/// What is proposed so far.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) added: BTreeSet<Id>,
    pub(crate) removed: BTreeSet<Id>,
    pub(crate) updated: BTreeSet<Id>,
    /// Who will make a Commit: nobody else proposes that they go, and they propose nothing that they may not commit.
    pub(crate) committers: BTreeSet<Id>,
    pub(crate) extensions: bool,
    /// Whether one of them is not required.
    pub(crate) not_required: bool,
    /// Who is added has no resumption PSKs.
    pub(crate) resumption: bool,
    /// How many proposals there are by reference.
    pub(crate) references: usize,
    /// Whether there are PSKs among them.
    pub(crate) psk_references: bool,
    /// Whether there is anything that needs a path.
    pub(crate) path: bool,
}

/// A change, as the script thinks of it.
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
    /// Adds are the most frequent in small groups, and Removes in large ones.
    pub(crate) fn pick(dice: &mut Dice, size: usize) -> Self {
        match dice.below(20) {
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
            // There is none by value.
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

impl World {
    /// What somebody proposes, if that fits.
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
                let (psk_id, _) = PSKS[self.dice.below(PSKS.len())];
                Some(Proposal::ExternalPsk(psk_id.to_vec()))
            }
            Change::ResumptionPsk => {
                // An epoch in which all members were there, and not long ago.
                let first = self.members().into_iter().map(|id| self.people[id].joined).max().unwrap_or(0);
                let epoch = (self.epoch - self.dice.below(4).min(self.epoch as usize) as u64).max(first);
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
                let possible = self.possible(Operation::ExtensionNotRequired, self.people[by].library);
                let extensions = self.extensions(possible)?;
                plan.not_required = extensions.not_required;
                Some(Proposal::Extensions(extensions.bytes))
            }
        })
    }

    /// The KeyPackage of somebody who is to come.
    pub(crate) fn add(&mut self, plan: &mut Plan) -> Checked<Option<Bytes>> {
        if self.members().len() + plan.added.len() >= LARGEST || plan.resumption {
            return Ok(None);
        }
        let id = self.somebody(&plan.added)?;
        plan.added.insert(id);
        self.ask(id, "makes a KeyPackage", |client| client.key_package()).map(Some)
    }

    /// The leaf of somebody who is to go: never the last member of an implementation.
    pub(crate) fn removable(&mut self, by: Id, plan: &mut Plan) -> Checked<Option<u32>> {
        let members = self.members();
        let stay = |id: &Id| !plan.removed.contains(id);
        let has_others = |id: &Id| {
            let like = |other: &&Id| self.people[**other].library == self.people[*id].library;
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
        let Some(id) = self.dice.pick(&candidates) else { return Ok(None) };
        plan.removed.insert(id);
        plan.path = true;
        self.leaf(id).map(Some)
    }
}
