//! Ghosts: removed members. They still receive everything, and must not be able to use it.

use crate::device::{Id, Member, client};
use crate::dice::Dice;
use crate::failure::{Outcome, ensure};
use crate::service::Handshake;
use crate::world::World;
use pando_mls::{Decode, Encode, MlsMessage};

/// A removed member with its group at that time. Some have merged their removal; the others have
/// kept the last epoch that they were in.
pub(crate) struct Ghost {
    pub(crate) id: Id,
    pub(crate) member: Box<Member>,
}

impl World {
    /// Checks that no ghost can follow the newest Commit, has secrets of the new epoch, or can send
    /// to the members.
    pub(crate) fn haunt(&mut self, dice: &mut Dice) -> Outcome {
        let head = self.service.head();
        let handshakes: Vec<Handshake> = {
            let epoch = self.service.epoch(head - 1)?;
            epoch.proposals.iter().chain(&epoch.commit).cloned().collect()
        };
        let mut ghosts = std::mem::take(&mut self.ghosts);
        // Some ghosts can still process their own removal.
        for ghost in ghosts.iter_mut().filter(|ghost| ghost.member.group.epoch() + 1 < head) {
            for handshake in &handshakes {
                self.refused_by(ghost, &handshake.bytes)?;
            }
            self.keeps_nothing(ghost)?;
            if dice.percent(10) && ghost.member.group.is_active() {
                self.is_not_heard(ghost, dice)?;
            }
        }
        self.ghosts = ghosts;
        Ok(())
    }

    /// Checks that no ghost that was removed before an epoch can read a message of it.
    pub(crate) fn haunt_with(&mut self, epoch: u64, bytes: &[u8]) -> Outcome {
        let mut ghosts = std::mem::take(&mut self.ghosts);
        for ghost in ghosts.iter_mut().filter(|ghost| ghost.member.group.epoch() < epoch) {
            self.refused_by(ghost, bytes)?;
        }
        self.ghosts = ghosts;
        Ok(())
    }

    fn refused_by(&mut self, ghost: &mut Ghost, bytes: &[u8]) -> Outcome {
        let device = &self.devices[ghost.id];
        let group = &mut ghost.member.group;
        let client = client(device.signer(group)?, &self.psks, device.config);
        let processed = group.process(MlsMessage::decode(bytes)?, &client);
        self.count("kept from ghosts");
        ensure(processed.is_err(), || format!("client {} was removed, but accepts a message", ghost.id))
    }

    fn keeps_nothing(&self, ghost: &Ghost) -> Outcome {
        let (group, record) = (&ghost.member.group, self.service.current()?);
        let exported = group.export("simulation", b"context", 32);
        ensure(exported.is_ok() == group.is_active(), || format!("client {} can export", ghost.id))?;
        let authenticator = group.epoch_authenticator();
        let different = authenticator.is_none_or(|own| own.expose() != record.authenticator)
            && exported.ok().is_none_or(|exported| exported.expose() != record.exported)
            && group.resumption_psk(record.public.context.epoch).is_none();
        ensure(different, || format!("client {} was removed, but has the epoch's secrets", ghost.id))
    }

    /// Checks that the members reject the ghost's proposal.
    fn is_not_heard(&mut self, ghost: &mut Ghost, dice: &mut Dice) -> Outcome {
        let device = &self.devices[ghost.id];
        let group = &mut ghost.member.group;
        let client = client(device.signer(group)?, &self.psks, device.config);
        let message = group.propose_update(None, b"", &client, dice.rng())?.assume_persisted();
        let bytes = message.encode()?;
        for id in self.ready() {
            let processed = self.process(id, MlsMessage::decode(&bytes)?);
            ensure(processed.is_err(), || {
                format!("client {} was removed, but client {id} accepts its proposal", ghost.id)
            })?;
        }
        Ok(())
    }
}
