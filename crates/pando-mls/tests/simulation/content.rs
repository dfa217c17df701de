//! The content that Commits carry by value.

use crate::client::{CAPABLE, CUSTOM_PROPOSAL, Id, State, id_of};
use crate::failure::Outcome;
use crate::history::Change;
use crate::proposals::demanding;
use crate::random::Random;
use crate::service::Record;
use crate::simulation::Simulation;
use pando_mls::{
    GroupId, Proposal, Psk,
    wire::{Add, GroupContextExtensions, OtherProposal, Remove, ResumptionPskUsage},
};
use std::collections::BTreeSet;

/// The content of a Commit that is still to be created.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) proposals: Vec<Proposal>,
    pub(crate) psks: Vec<Psk>,
    /// If the committer rotates its signature key, whether its new leaf supports the custom types.
    pub(crate) rotate: Option<bool>,
    /// Whether the Commit covers pending proposals.
    pub(crate) pending: bool,
    pub(crate) path: bool,
    pub(crate) tree_in_welcome: bool,
    pub(crate) added: BTreeSet<Id>,
    pub(crate) removed: BTreeSet<Id>,
}

/// The number of proposals of each kind.
#[derive(Default)]
struct Amounts {
    add: usize,
    remove: usize,
    replace: bool,
    psks: usize,
    extensions: bool,
    custom: bool,
    rotate: bool,
    wanted: bool,
}

impl Amounts {
    fn of(change: Change, random: &mut Random) -> Self {
        let none = Self::default();
        match change {
            Change::Nothing | Change::Empty => none,
            Change::Add => Self { add: 1, ..none },
            Change::AddMany => Self { add: 2 + random.below(7), ..none },
            Change::Remove => Self { remove: 1, ..none },
            Change::RemoveMany => Self { remove: 2 + random.below(4), ..none },
            Change::Replace => Self { replace: true, ..none },
            Change::Psks => Self { psks: 1 + random.below(3), ..none },
            Change::Extensions => Self { extensions: true, ..none },
            Change::Custom => Self { custom: true, ..none },
            Change::Rotate => Self { rotate: true, ..none },
            Change::Several => Self {
                add: random.below(4).saturating_sub(1),
                remove: random.below(4).saturating_sub(2),
                replace: random.percent(30),
                psks: random.below(3).saturating_sub(1),
                extensions: random.percent(20),
                custom: random.percent(20),
                rotate: random.percent(20),
                wanted: true,
            },
        }
    }
}

impl Simulation {
    /// Returns content for a member's Commit, or `None` if no content of this kind is possible. The
    /// parts of the content are valid together, so the Commit must succeed.
    pub(crate) fn content(
        &mut self,
        by: Id,
        change: Change,
        random: &mut Random,
    ) -> Outcome<Option<Content>> {
        let amounts = Amounts::of(change, random);
        let record = self.service.epoch(self.clients[by].member()?.group.epoch())?.record.clone();
        let mut content = Content {
            pending: change != Change::Empty && random.percent(90),
            path: random.percent(70),
            tree_in_welcome: random.percent(70),
            ..Content::default()
        };

        // Choose the members to remove.
        let others = record.public.roster.keys().copied().filter(|id| *id != by);
        content.removed.extend(random.pick_some(others, amounts.remove));
        let lost = self.of_state(|state| matches!(state, State::Lost)).into_iter();
        let lost = lost.filter(|id| record.member_leaf(*id).is_some() && *id != by);
        let replaced = random.pick(lost).filter(|_| amounts.replace);
        content.removed.extend(replaced);

        // Choose the capabilities that the group requires of the members that stay and of those
        // that are added.
        let staying = record.public.roster.iter().filter(|(id, _)| !content.removed.contains(id));
        let all_capable = staying.clone().all(|(_, member_leaf)| member_leaf.capable);
        let mut required = demanding(&record.public.context.extensions);
        if amounts.extensions {
            required = all_capable && random.percent(50);
            let extensions = self.extensions(required, random)?;
            let proposal = GroupContextExtensions { extensions };
            content.proposals.push(Proposal::GroupContextExtensions(proposal));
        }
        if amounts.custom && all_capable {
            content.proposals.push(custom(random));
        }
        if amounts.rotate {
            content.rotate = Some(required || random.percent(CAPABLE));
        }

        // Choose the clients to add.
        content.added.extend(random.pick_some(self.outside(), amounts.add));
        content.added.extend(replaced);
        for id in content.added.clone() {
            let capable = required || random.percent(CAPABLE);
            let key_package = self.clients[id].key_package(self.suite, capable, random)?;
            content.proposals.push(Proposal::Add(Box::new(Add { key_package })));
        }
        if amounts.wanted {
            self.wanted(by, &record, required, all_capable, &mut content)?;
        }
        for removed in content.removed.iter().filter_map(|id| record.member_leaf(*id)) {
            content.proposals.push(Proposal::Remove(Remove { removed: removed.leaf }));
        }
        for _ in 0..amounts.psks {
            content.psks.push(self.psk(&record, random));
        }
        let anything = content.rotate.is_some() || !content.proposals.is_empty() || !content.psks.is_empty();
        let nothing_wanted = matches!(change, Change::Nothing | Change::Empty | Change::Several);
        Ok(Some(content).filter(|_| anything || nothing_wanted))
    }

    /// Returns those proposals of a member's lost Commits that are still valid.
    fn wanted(
        &mut self,
        by: Id,
        record: &Record,
        required: bool,
        all_capable: bool,
        content: &mut Content,
    ) -> Outcome {
        let changes_extensions =
            content.proposals.iter().any(|proposal| matches!(proposal, Proposal::GroupContextExtensions(_)));
        for (epoch, proposal) in std::mem::take(&mut self.clients[by].wanted) {
            match &proposal {
                Proposal::Add(add) => {
                    let leaf = &add.key_package.leaf_node;
                    let capable = leaf.capabilities.proposals.contains(&CUSTOM_PROPOSAL);
                    let Some(id) = id_of(&leaf.credential) else { continue };
                    let client = &self.clients[id];
                    let waits = client.bundles.iter().any(|bundle| bundle.key_package == add.key_package);
                    let outside = matches!(client.state, State::Outside);
                    if !outside || !waits || (required && !capable) || !content.added.insert(id) {
                        continue;
                    }
                }
                Proposal::Remove(remove) => {
                    let removed = self.service.epoch(epoch)?.record.at(remove.removed);
                    let member_leaf = removed.and_then(|id| record.member_leaf(id));
                    let same = member_leaf.is_some_and(|member_leaf| member_leaf.leaf == remove.removed);
                    if let Some(id) = removed.filter(|id| same && *id != by) {
                        content.removed.insert(id);
                    }
                    // This proposal is created together with the other proposals.
                    continue;
                }
                Proposal::Other(_) if !all_capable => continue,
                Proposal::GroupContextExtensions(new)
                    if changes_extensions || demanding(&new.extensions) || required =>
                {
                    continue;
                }
                Proposal::ReInit(_) => continue,
                Proposal::GroupContextExtensions(_) if content.proposals.contains(&proposal) => continue,
                _ => {}
            }
            content.proposals.push(proposal);
        }
        one_change_of_extensions(&mut content.proposals);
        self.count("tried again");
        Ok(())
    }

    /// Returns a PSK that every client has.
    pub(crate) fn psk(&self, record: &Record, random: &mut Random) -> Psk {
        if random.percent(50) {
            return Psk::External { psk_id: random.bytes(2).into() };
        }
        let psk_epoch = random.number() % (record.public.context.epoch + 1);
        let psk_group_id: GroupId = self.group_id.clone();
        let first = self.psks.resumption.keys().next().copied().unwrap_or_default();
        Psk::Resumption {
            usage: ResumptionPskUsage::Application,
            psk_group_id,
            psk_epoch: psk_epoch.max(first),
        }
    }
}

/// Keeps only one GroupContextExtensions proposal, because two are invalid together.
fn one_change_of_extensions(proposals: &mut Vec<Proposal>) {
    let mut seen = false;
    proposals.retain(|proposal| match proposal {
        Proposal::GroupContextExtensions(_) => !std::mem::replace(&mut seen, true),
        _ => true,
    });
}

pub(crate) fn custom(random: &mut Random) -> Proposal {
    Proposal::Other(OtherProposal { proposal_type: CUSTOM_PROPOSAL, data: random.bytes(4).into() })
}
