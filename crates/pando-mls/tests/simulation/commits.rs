//! Functions that create Commits. One Commit is accepted in each epoch.

use crate::client::{Id, State, id_of};
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::history::Change;
use crate::network::Followed;
use crate::random::Random;
use crate::service::{Handshake, PublicRecord};
use crate::simulation::{Event, Simulation};
use crate::{client::Invitation, client::Member, client::leaf, content::Content};
use pando_mls::{CommitOutput, Decode, Encode, NewLeaf, Proposal, Welcome};
use std::collections::BTreeSet;

/// A Commit that the delivery service may accept or reject.
pub(crate) struct Candidate {
    pub(crate) by: Id,
    pub(crate) epoch: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) welcome: Option<Vec<u8>>,
    pub(crate) tree_in_welcome: bool,
    /// The clients that the Commit must add. The next field contains the members that it must
    /// remove.
    pub(crate) added: BTreeSet<Id>,
    pub(crate) removed: BTreeSet<Id>,
    /// The joiner's member, if this is an external Commit.
    pub(crate) joiner: Option<Box<Member>>,
}

impl Simulation {
    pub(crate) fn commit(&mut self, change: Change, random: &mut Random) -> Outcome<bool> {
        let Some(by) = random.pick(self.ready()) else { return Ok(false) };
        let Some(content) = self.content(by, change, random)? else { return Ok(false) };
        let candidate = self.build(by, content, random)?;
        self.accept(candidate, random)?;
        Ok(true)
    }

    /// Creates several Commits in one epoch, of which the first to arrive is accepted. Sometimes
    /// one of the Commits comes from a member that has missed the last epochs, so that Commit is
    /// always too late.
    pub(crate) fn race(&mut self, random: &mut Random) -> Outcome<bool> {
        let racers = random.pick_some(self.ready(), 3);
        let late = self.members().into_iter().filter(|id| self.is_late(*id)).collect::<Vec<_>>();
        let late = random.pick(late);
        let mut candidates = Vec::new();
        for by in racers.into_iter().chain(late) {
            let change = if self.is_late(by) {
                Change::Empty
            } else {
                [Change::Several, Change::Add][random.below(2)]
            };
            if let Some(content) = self.content(by, change, random)? {
                candidates.push(self.build(by, content, random)?);
            }
        }
        if let Some(joiner) = random.pick(self.outside()).filter(|_| random.percent(30)) {
            candidates.extend(self.external_commit(joiner, random)?);
        }
        let mut order = random.shuffled(0..candidates.len());
        order.retain(|position| candidates[*position].epoch == self.service.head());
        let Some(winner) = order.first().filter(|_| candidates.len() > 1) else {
            // If there is only one Commit, it stays pending for its committer.
            return Ok(false);
        };
        let winner = candidates.swap_remove(*winner);
        self.accept(winner, random)?;
        Ok(true)
    }

    /// Returns whether a member has missed a Commit. Returns false if the member has a pending
    /// Commit that may be the accepted one.
    fn is_late(&self, id: Id) -> bool {
        let late = |member: &Member| {
            member.group.is_active() && member.group.epoch() < self.service.head() && !member.pending
        };
        self.clients[id].member().is_ok_and(late)
    }

    /// Creates a Commit that does not arrive or is rejected. The member drops it immediately, or
    /// when it learns of another Commit.
    pub(crate) fn lose_commit(&mut self, random: &mut Random) -> Outcome<bool> {
        let Some(by) = random.pick(self.proposers()) else { return Ok(false) };
        let Some(content) = self.content(by, Change::Several, random)? else { return Ok(false) };
        self.build(by, content, random)?;
        if random.percent(50) {
            self.clear_pending(by)?;
        }
        Ok(true)
    }

    /// Drops the pending Commit of a member, and records its proposals.
    fn clear_pending(&mut self, id: Id) -> Outcome {
        let client = &mut self.clients[id];
        let member = client.member_mut()?;
        let (lost, delta) = member.group.clear_pending().into_parts();
        delta.apply(&mut member.rows).unwrap();
        member.pending = false;
        let epoch = member.group.epoch();
        client.wanted.extend(lost.into_iter().map(|proposal| (epoch, proposal)));
        Ok(())
    }

    /// Creates a Commit. Pending proposals of other members must not prevent this.
    pub(crate) fn build(&mut self, by: Id, content: Content, random: &mut Random) -> Outcome<Candidate> {
        if self.clients[by].member()?.pending {
            self.clear_pending(by)?;
        }
        if content.rotate.is_some() {
            self.clients[by].new_signer(self.suite, random)?;
        }
        let (covered_adds, covered_removes) = self.covered(by, &content)?;
        let Content { proposals, psks, rotate, pending, path, tree_in_welcome, .. } = content;
        let authenticated_data = random.bytes(3);
        let wanted = proposals.clone();
        let client = &mut self.clients[by];
        let (message, welcome) = client
            .act(&self.psks, |group, cx, newest| {
                let mut builder = group.commit().authenticated_data(&authenticated_data);
                builder = proposals.into_iter().fold(builder, pando_mls::CommitBuilder::proposal);
                builder = psks.into_iter().fold(builder, pando_mls::CommitBuilder::psk);
                if let Some(capable) = rotate {
                    builder = builder.new_leaf(NewLeaf { template: leaf(by, capable), signer: newest });
                }
                if !pending {
                    builder = builder.without_pending();
                }
                if !path {
                    builder = builder.without_path();
                }
                if !tree_in_welcome {
                    builder = builder.without_tree();
                }
                let output = builder.build(cx, random.rng())?;
                Ok(output.map(|CommitOutput { message, welcome, .. }| (message, welcome)))
            })
            .during(|| format!("client {by} makes a Commit of {wanted:?}"))?;
        let member = client.member_mut()?;
        member.pending = true;
        member.handshakes += 1;
        let added: BTreeSet<_> = content.added.into_iter().chain(covered_adds).collect();
        let removed = content.removed.into_iter().chain(covered_removes);
        Ok(Candidate {
            by,
            epoch: member.group.epoch(),
            bytes: message.encode()?,
            welcome: welcome.map(|welcome| welcome.encode()).transpose()?,
            tree_in_welcome,
            removed: removed.filter(|id| !added.contains(id)).collect(),
            added,
            joiner: None,
        })
    }

    /// Returns the clients that the covered pending proposals must add, and the members that they
    /// must remove.
    fn covered(&self, by: Id, content: &Content) -> Outcome<(Vec<Id>, Vec<Id>)> {
        let group = &self.clients[by].member()?.group;
        let record = &self.service.epoch(group.epoch())?.record;
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        let mut extensions = vec![&record.public.context.extensions];
        let pending: Vec<_> = group.pending_proposals().map(|pending| &pending.proposal).collect();
        for proposal in content.proposals.iter().chain(pending.iter().copied()) {
            if let Proposal::GroupContextExtensions(new) = proposal {
                extensions.push(&new.extensions);
            }
        }
        let demanding = extensions.into_iter().any(crate::proposals::demanding);
        let ends = content.proposals.iter().any(|proposal| matches!(proposal, Proposal::ReInit(_)));
        for proposal in pending.into_iter().filter(|_| content.pending && !ends) {
            match proposal {
                Proposal::Remove(remove) if remove.removed != group.own_leaf() => {
                    removes.extend(record.at(remove.removed));
                }
                // Whether other clients can be added depends on the required capabilities.
                Proposal::Add(add) if !demanding => {
                    adds.extend(id_of(&add.key_package.leaf_node.credential));
                }
                _ => {}
            }
        }
        Ok((adds, removes))
    }

    /// Makes the delivery service accept a Commit. One member enters the new epoch first, and the
    /// others follow when the Commit reaches them.
    pub(crate) fn accept(&mut self, candidate: Candidate, random: &mut Random) -> Outcome {
        let Candidate { by, bytes, welcome, tree_in_welcome, added, removed, joiner, .. } = candidate;
        let before = self.service.current()?.public.clone();
        self.service.head_mut()?.commit = Some(Handshake { by: Some(by), bytes });
        let leader = match joiner {
            Some(mut member) => {
                member.group.merge_pending()?.persist_to(&mut member.rows).unwrap();
                self.clients[by].state = State::Member(member);
                self.clients[by].online = true;
                self.enter(by)?;
                by
            }
            None => self.lead(by, random)?,
        };
        self.commits += 1;
        self.events.push(Event::Epoch(self.service.head(), by));
        self.note_changes(&before)?;

        let roster = &self.service.current()?.public.roster;
        let missing = added.iter().find(|id| !roster.contains_key(id));
        ensure(missing.is_none(), || format!("client {missing:?} was added and is not a member"))?;
        let there = removed.iter().find(|id| roster.contains_key(id));
        ensure(there.is_none(), || format!("client {there:?} was removed and is a member"))?;

        self.invite(leader, welcome, tree_in_welcome)?;
        self.forget_removed(random)?;
        self.check_removed(random)?;
        self.observe(leader, random)?;
        if self.clients[leader].member()?.group.reinit().is_some() {
            return self.begin_again(random);
        }
        self.deliver_some(random)
    }

    /// Makes a member that is not removed enter the epoch first and record its state. Removed
    /// members that process the Commit before it leave the group.
    fn lead(&mut self, by: Id, random: &mut Random) -> Outcome<Id> {
        let others = self.ready().into_iter().filter(|id| *id != by).collect::<Vec<_>>();
        let before = if random.percent(30) { 3 } else { 0 };
        let mut order = random.pick_some(others, before);
        order.push(by);
        let mut gone = Vec::new();
        for id in order {
            while self.take_proposal(id, random)? {}
            match self.follow(id, random)? {
                Followed::Gone => gone.push(id),
                Followed::Entered => {
                    let roster = &self.service.current()?.public.roster;
                    let still = gone.iter().find(|id| roster.contains_key(id));
                    ensure(still.is_none(), || format!("client {still:?} was wrongly removed"))?;
                    return Ok(id);
                }
            }
        }
        Err(Failure(format!("client {by} has removed itself")))
    }

    /// Delivers the Welcome to the clients that it is for.
    fn invite(&mut self, leader: Id, welcome: Option<Vec<u8>>, tree_in_welcome: bool) -> Outcome {
        let Some(bytes) = welcome else { return Ok(()) };
        let group = &self.clients[leader].member()?.group;
        let tree = if tree_in_welcome { None } else { Some(group.public().tree().export()?) };
        let welcome = Welcome::decode(&bytes)?;
        let mut invited = 0;
        for client in &mut self.clients {
            let mut references = Vec::new();
            for bundle in &client.bundles {
                references.push(self.suite.key_package_ref(&bundle.key_package)?);
            }
            if welcome.secrets.iter().any(|secrets| references.contains(&secrets.new_member)) {
                let invitation = Invitation { welcome: bytes.clone(), tree: tree.clone() };
                client.state = State::Invited(invitation);
                invited += 1;
            }
        }
        ensure(invited == welcome.secrets.len(), || "the Welcome is for an unknown client".to_owned())
    }

    /// Moves removed clients outside the group if they have no group from which they could learn of
    /// their removal.
    fn forget_removed(&mut self, random: &mut Random) -> Outcome {
        let PublicRecord { roster, .. } = &self.service.current()?.public;
        for client in self.clients.iter_mut().filter(|client| !roster.contains_key(&client.id)) {
            match client.state {
                State::Lost => client.state = State::Outside,
                // The other invited clients join, and then learn of their removal.
                State::Invited(_) if random.percent(50) => client.state = State::Outside,
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn outside(&self) -> Vec<Id> {
        self.of_state(|state| matches!(state, State::Outside))
    }
}
