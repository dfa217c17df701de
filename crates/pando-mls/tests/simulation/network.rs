//! The simulated network. The network delivers handshake messages in order. It delivers application
//! messages in any order, several times, or never.

use crate::client::{Id, State, id_of};
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::random::Random;
use crate::removed_members::RemovedMember;
use crate::service::{Message, Record};
use crate::simulation::Simulation;
use pando_mls::{ApplicationData, Decode, Encode, MlsMessage, MlsMessageBody, Processed, Staged};

/// The effect of a Commit on a member that has processed it.
pub(crate) enum Followed {
    Entered,
    /// The member was removed.
    Gone,
}

pub(crate) const fn is_public(message: &MlsMessage) -> bool {
    matches!(message.body, MlsMessageBody::PublicMessage(_))
}

impl Simulation {
    /// Delivers some messages to every client that is online, and changes which clients are online.
    pub(crate) fn deliver(&mut self, random: &mut Random) -> Outcome<bool> {
        for id in random.shuffled(0..self.clients.len()) {
            let client = &mut self.clients[id];
            client.online = if client.online { random.percent(92) } else { random.percent(40) };
            if client.online {
                self.serve(id, random)?;
            }
        }
        Ok(true)
    }

    /// Makes most clients that are online enter the newest epoch.
    pub(crate) fn deliver_some(&mut self, random: &mut Random) -> Outcome {
        for id in random.shuffled(0..self.clients.len()) {
            if self.clients[id].online && random.percent(60) {
                self.catch_up(id, random)?;
            }
        }
        Ok(())
    }

    fn serve(&mut self, id: Id, random: &mut Random) -> Outcome {
        for _ in 0..random.below(12) {
            if random.percent(50) {
                self.advance(id, random)?;
            } else {
                self.read_one(id, random)?;
            }
        }
        if random.percent(70) {
            self.catch_up(id, random)?;
        }
        Ok(())
    }

    /// Delivers all messages in the log to a client.
    pub(crate) fn catch_up(&mut self, id: Id, random: &mut Random) -> Outcome {
        while self.advance(id, random)? {}
        Ok(())
    }

    /// Delivers all messages in transit, and makes all members enter the same epoch.
    pub(crate) fn settle(&mut self, random: &mut Random) -> Outcome {
        for id in 0..self.clients.len() {
            self.clients[id].online = true;
            self.catch_up(id, random)?;
            for _ in 0..self.clients[id].member().map_or(0, |member| member.inbox.len()) {
                self.read_one(id, random)?;
            }
        }
        let here = self.of_state(|state| matches!(state, State::Member(_) | State::Lost));
        let roster = &self.service.current()?.public.roster;
        ensure(roster.keys().copied().eq(here), || "the members differ from the roster".to_owned())?;
        for id in self.members() {
            self.enter(id)?;
        }
        Ok(())
    }

    /// Delivers the next entry of the log to a member or an invited client. Returns whether there
    /// was a next entry.
    fn advance(&mut self, id: Id, random: &mut Random) -> Outcome<bool> {
        match &self.clients[id].state {
            State::Outside | State::Lost => return Ok(false),
            State::Invited(_) => {
                self.join(id)?;
                return Ok(true);
            }
            State::Member(_) => {}
        }
        if random.percent(5) {
            self.replay(id, random)?;
        }
        if random.percent(5) {
            self.take_commit_early(id)?;
        }
        if self.take_proposal(id, random)? {
            return Ok(true);
        }
        let epoch = self.clients[id].member()?.group.epoch();
        if self.service.epoch(epoch)?.commit.is_none() {
            return Ok(false);
        }
        self.follow(id, random)?;
        Ok(true)
    }

    fn join(&mut self, id: Id) -> Outcome {
        let State::Invited(invitation) = std::mem::replace(&mut self.clients[id].state, State::Outside)
        else {
            return Err(Failure(format!("client {id} has no Welcome")));
        };
        self.clients[id].accept(&invitation, &self.psks)?;
        self.enter(id)?;
        let messages = self.service.messages.iter().enumerate();
        let member = self.clients[id].member_mut()?;
        let since = messages.filter(|(_, message)| message.epoch >= member.joined);
        member.inbox.extend(since.map(|(index, _)| index));
        Ok(())
    }

    pub(crate) fn process(&mut self, id: Id, message: MlsMessage) -> Outcome<Processed> {
        self.clients[id].act(&self.psks, |group, cx, _| group.process(message, cx))
    }

    /// Makes a member process the Commit that ends its epoch.
    pub(crate) fn follow(&mut self, id: Id, random: &mut Random) -> Outcome<Followed> {
        let epoch = self.clients[id].member()?.group.epoch();
        let commit = self.service.epoch(epoch)?.commit.clone();
        let commit = commit.ok_or_else(|| Failure(format!("epoch {epoch} has no Commit")))?;
        let message = MlsMessage::decode(&commit.bytes)?;
        let doing = || format!("client {id} takes the Commit of epoch {epoch}");
        if random.percent(10) {
            self.process(id, message.clone()).during(doing)?;
        }
        let processed = self.process(id, message).during(doing)?;
        if random.percent(15) {
            self.read_one(id, random)?;
        }
        let own = commit.by == Some(id) && self.clients[id].member()?.pending;
        match processed {
            Processed::OwnCommit if own => {
                self.clients[id].act(&self.psks, |group, _, _| group.merge_pending()).during(doing)?;
            }
            Processed::Commit(staged) if !own && staged.removes_me() => {
                return self.go(id, *staged, random);
            }
            Processed::Commit(staged) if !own => {
                let lost = self.clients[id].act(&self.psks, |group, _, _| group.merge(*staged));
                let lost = lost.during(doing)?.into_iter().map(|proposal| (epoch, proposal));
                self.clients[id].wanted.extend(lost);
            }
            other => return Err(Failure(format!("{}: it is {other:?}", doing()))),
        }
        let member = self.clients[id].member_mut()?;
        member.pending = false;
        member.taken.clear();
        member.handshakes = 0;
        self.enter(id)?;
        Ok(Followed::Entered)
    }

    /// Delivers the Commit before the proposals that it may cover. If some of these proposals are
    /// missing, the member cannot follow yet.
    fn take_commit_early(&mut self, id: Id) -> Outcome {
        let epoch = self.service.epoch(self.clients[id].member()?.group.epoch())?;
        let Some(commit) = epoch.commit.clone() else { return Ok(()) };
        let message = MlsMessage::decode(&commit.bytes)?;
        drop(self.process(id, message));
        self.enter(id)
    }

    /// Makes a member learn of its removal. The member may or may not merge the Commit.
    fn go(&mut self, id: Id, staged: Staged, random: &mut Random) -> Outcome<Followed> {
        let epoch = self.clients[id].member()?.group.epoch();
        if epoch < self.service.head() {
            let there = self.service.epoch(epoch + 1)?.record.member_leaf(id).is_some();
            ensure(!there, || format!("client {id} was wrongly removed"))?;
        }
        let accepts = random.percent(50);
        if accepts {
            self.clients[id].act(&self.psks, |group, _, _| group.merge(staged))?;
        }
        let client = &mut self.clients[id];
        client.wanted.clear();
        if let State::Member(member) = std::mem::replace(&mut client.state, State::Outside) {
            ensure(member.group.is_active() != accepts, || format!("client {id} is removed and active"))?;
            self.removed_members.push(RemovedMember { id, member });
            self.removed_members.drain(..self.removed_members.len().saturating_sub(4));
        }
        self.count("removed");
        Ok(Followed::Gone)
    }

    /// Delivers a handshake message again, and checks that it is rejected.
    fn replay(&mut self, id: Id, random: &mut Random) -> Outcome {
        let member = self.clients[id].member()?;
        let Some(epoch) = member.group.epoch().checked_sub(1).filter(|epoch| *epoch >= member.joined) else {
            return Ok(());
        };
        let epoch = self.service.epoch(epoch)?;
        let handshakes: Vec<_> = epoch.proposals.iter().chain(&epoch.commit).cloned().collect();
        let Some(position) = random.pick(0..handshakes.len()) else { return Ok(()) };
        let processed = self.process(id, MlsMessage::decode(&handshakes[position].bytes)?);
        ensure(processed.is_err(), || format!("client {id} accepts an old handshake"))?;
        self.enter(id)
    }

    /// Makes some members send messages, which are put into the inboxes of all members.
    pub(crate) fn chat(&mut self, random: &mut Random) -> Outcome<bool> {
        let mut able = self.members();
        able.retain(|id| {
            let member = self.clients[*id].member();
            member.is_ok_and(|member| member.group.is_active() && !member.has_proposals())
        });
        let senders = random.pick_some(able, 3);
        for by in &senders {
            let count = if random.percent(8) { 30 } else { 1 + random.below(3) };
            for _ in 0..count {
                self.send(*by, random)?;
            }
        }
        Ok(!senders.is_empty())
    }

    fn send(&mut self, by: Id, random: &mut Random) -> Outcome {
        let (data, authenticated_data) = (random.bytes(20), random.bytes(3));
        let message = self.clients[by]
            .act(&self.psks, |group, cx, _| {
                group.encrypt(
                    ApplicationData::new(&data).authenticated_data(&authenticated_data),
                    cx,
                    random.rng(),
                )
            })
            .during(|| format!("client {by} sends a message"))?;
        let group = &self.clients[by].member()?.group;
        let (leaf, epoch, bytes) = (group.own_leaf(), group.epoch(), message.encode()?);
        let generation = self.service.next_generation(by, epoch);
        self.check_removed_cannot_read(epoch, &bytes)?;
        let index = self.service.messages.len();
        self.service.messages.push(Message { by, leaf, epoch, generation, data, authenticated_data, bytes });
        for id in self.members() {
            if random.percent(97) {
                self.clients[id].member_mut()?.inbox.push(index);
            }
        }
        Ok(())
    }

    /// Delivers one of the messages that are in transit to a member.
    fn read_one(&mut self, id: Id, random: &mut Random) -> Outcome {
        let Ok(member) = self.clients[id].member() else { return Ok(()) };
        let Some(position) = random.pick(0..member.inbox.len()) else { return Ok(()) };
        let index = member.inbox[position];
        let message = self.service.messages[index].clone();
        if message.epoch <= member.group.epoch() {
            // Sometimes the message is delivered again.
            if random.percent(90) {
                self.clients[id].member_mut()?.inbox.swap_remove(position);
            }
            if random.percent(5) {
                self.read_damaged(id, &message, random)?;
            }
        }
        self.read(id, &message)
    }

    /// Delivers a message in which one bit is flipped. The message must be rejected, and the
    /// original must remain readable.
    fn read_damaged(&mut self, id: Id, message: &Message, random: &mut Random) -> Outcome {
        let mut bytes = message.bytes.clone();
        let position = random.below(bytes.len());
        bytes[position] ^= 1 << random.below(8);
        let Ok(damaged) = MlsMessage::decode(&bytes) else { return Ok(()) };
        let processed = self.process(id, damaged);
        ensure(processed.is_err(), || format!("client {id} accepts a damaged message"))
    }

    /// Makes a member read a message, and checks that the result is as expected.
    fn read(&mut self, id: Id, message: &Message) -> Outcome {
        let client = &mut self.clients[id];
        let past_epochs = client.config.past_epochs as u64;
        let member = client.member_mut()?;
        let now = member.group.epoch();
        let remembered =
            message.epoch >= member.joined && message.epoch <= now && now - message.epoch <= past_epochs;
        let expected = remembered
            && message.by != id
            && member.ratchets.read(message.epoch, message.leaf.0, message.generation);
        let before = Record::of(&member.group)?;
        let processed = self.process(id, MlsMessage::decode(&message.bytes)?);
        let what = || {
            let Message { by, epoch, generation, .. } = message;
            format!("client {id}, in epoch {now}, reads message {generation} of client {by} in epoch {epoch}")
        };
        match processed {
            Ok(Processed::Application { sender, credential, epoch, data, authenticated_data }) => {
                ensure(expected, || format!("{}, which it should not", what()))?;
                let same = (sender, epoch) == (message.leaf, message.epoch)
                    && id_of(&credential) == Some(message.by)
                    && *data == *message.data
                    && *authenticated_data == *message.authenticated_data;
                ensure(same, || format!("{}, and finds something else", what()))?;
                self.count(if epoch == now { "read" } else { "read late" });
            }
            Ok(other) => return Err(Failure(format!("{}: it is {other:?}", what()))),
            Err(error) => {
                ensure(!expected, || format!("{}: {error}", what()))?;
                self.count("unreadable");
            }
        }
        let after = Record::of(&self.clients[id].member()?.group)?;
        ensure(before == after, || format!("{}, and its group changes", what()))
    }
}
