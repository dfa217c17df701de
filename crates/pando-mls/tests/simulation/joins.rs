//! Functions that join by external Commits.

use crate::client::{CAPABLE, Id, Member, State, context, leaf};
use crate::commits::Candidate;
use crate::failure::{Explain, Outcome};
use crate::proposals::demanding;
use crate::random::Random;
use crate::simulation::Simulation;
use pando_mls::{Encode, ExternalJoin, Rows};
use std::collections::BTreeSet;

impl Simulation {
    pub(crate) fn join_from_outside(&mut self, random: &mut Random) -> Outcome<bool> {
        let Some(id) = random.pick(self.outside()) else { return Ok(false) };
        let Some(candidate) = self.external_commit(id, random)? else { return Ok(false) };
        self.accept(candidate, random)?;
        Ok(true)
    }

    /// Makes a client lose its state. The client rejoins immediately or later.
    pub(crate) fn resync(&mut self, random: &mut Random) -> Outcome<bool> {
        let ready = self.ready();
        let may_lose = |state: &State| !matches!(state, State::Outside);
        // At least one other member must stay, so that it can issue GroupInfos.
        let able = self.of_state(may_lose).into_iter().filter(|id| ready.iter().any(|other| other != id));
        let Some(id) = random.pick(able) else { return Ok(false) };
        let there = self.service.current()?.member_leaf(id).is_some();
        let client = &mut self.clients[id];
        client.state = if there { State::Lost } else { State::Outside };
        client.wanted.clear();
        if random.percent(25) {
            return Ok(true);
        }
        let Some(candidate) = self.external_commit(id, random)? else { return Ok(false) };
        self.accept(candidate, random)?;
        Ok(true)
    }

    /// Creates the external Commit of a client that joins or rejoins with a member's GroupInfo.
    pub(crate) fn external_commit(&mut self, id: Id, random: &mut Random) -> Outcome<Option<Candidate>> {
        let Some(helper) = random.pick(self.ready()) else { return Ok(None) };
        let with_tree = random.percent(70);
        let group_info = self.group_info(helper, with_tree)?;
        let tree = self.clients[helper].member()?.group.public().tree().export()?;
        let record = self.service.current()?.clone();
        if random.percent(50) {
            self.clients[id].new_signer(self.suite, random)?;
        }
        let capable = demanding(&record.public.context.extensions) || random.percent(CAPABLE);
        let psks = (0..random.below(3).saturating_sub(1)).map(|_| self.psk(&record, random));
        let join = ExternalJoin::new(&group_info, leaf(id, capable))
            .tree(Some(&*tree).filter(|_| !with_tree))
            .replace_leaf(record.member_leaf(id).map(|member_leaf| member_leaf.leaf))
            .psks(psks);
        let client = &self.clients[id];
        let cx = context(client.newest_signer(), &self.psks, client.config);
        let built =
            join.build(&cx, random.rng()).during(|| format!("client {id} makes an external Commit"))?;
        let mut rows = Rows::new();
        let (group, message) = built.persist_to(&mut rows).unwrap();
        let member = Member::stored(group, rows, client.config.ratchet_limits);
        Ok(Some(Candidate {
            by: id,
            epoch: self.service.head(),
            bytes: message.encode()?,
            welcome: None,
            tree_in_welcome: true,
            added: BTreeSet::from([id]),
            removed: BTreeSet::new(),
            joiner: Some(member),
        }))
    }
}
