//! Joins by external Commits.

use crate::commits::Candidate;
use crate::device::{CAPABLE, Id, Member, State, client, leaf};
use crate::dice::Dice;
use crate::failure::{Explain, Outcome};
use crate::proposals::demanding;
use crate::world::World;
use pando_mls::{Encode, ExternalJoin, Rows};
use std::collections::BTreeSet;

impl World {
    pub(crate) fn join_from_outside(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let Some(id) = dice.pick(self.outside()) else { return Ok(false) };
        let Some(candidate) = self.external_commit(id, dice)? else { return Ok(false) };
        self.accept(candidate, dice)?;
        Ok(true)
    }

    /// Makes a client lose its state. It rejoins at once, or later.
    pub(crate) fn resync(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let ready = self.ready();
        let may_lose = |state: &State| !matches!(state, State::Outside);
        // Another member must stay, to give out GroupInfos.
        let able = self.of_state(may_lose).into_iter().filter(|id| ready.iter().any(|other| other != id));
        let Some(id) = dice.pick(able) else { return Ok(false) };
        let there = self.service.current()?.seat(id).is_some();
        let device = &mut self.devices[id];
        device.state = if there { State::Lost } else { State::Outside };
        device.wanted.clear();
        if dice.percent(25) {
            return Ok(true);
        }
        let Some(candidate) = self.external_commit(id, dice)? else { return Ok(false) };
        self.accept(candidate, dice)?;
        Ok(true)
    }

    /// Makes the Commit of a client that joins or rejoins with a member's GroupInfo.
    pub(crate) fn external_commit(&mut self, id: Id, dice: &mut Dice) -> Outcome<Option<Candidate>> {
        let Some(helper) = dice.pick(self.ready()) else { return Ok(None) };
        let with_tree = dice.percent(70);
        let group_info = self.group_info(helper, with_tree)?;
        let tree = self.devices[helper].member()?.group.public().tree().export()?;
        let record = self.service.current()?.clone();
        if dice.percent(50) {
            self.devices[id].new_signer(self.suite, dice)?;
        }
        let capable = demanding(&record.public.context.extensions) || dice.percent(CAPABLE);
        let psks = (0..dice.below(3).saturating_sub(1)).map(|_| self.psk(&record, dice));
        let join = ExternalJoin::new(&group_info, leaf(id, capable))
            .tree(Some(&*tree).filter(|_| !with_tree))
            .replace_leaf(record.seat(id).map(|seat| seat.leaf))
            .psks(psks);
        let device = &self.devices[id];
        let client = client(device.newest_signer(), &self.psks, device.config);
        let built =
            join.build(&client, dice.rng()).during(|| format!("client {id} makes an external Commit"))?;
        let mut rows = Rows::new();
        let (group, message) = built.persist_to(&mut rows).unwrap();
        let member = Member::stored(group, rows, device.config.ratchet_limits);
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
