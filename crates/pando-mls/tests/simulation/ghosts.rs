//! Members who were removed. They still get everything, and can do nothing with it.

use crate::device::{Id, Member, client};
use crate::dice::Dice;
use crate::failure::{Outcome, ensure};
use crate::service::Handshake;
use crate::world::World;
use pando_mls::{Decode, Encode, MlsMessage};

/// Somebody who was removed, with the group as it was then. Some have accepted it; the others have kept the last
/// epoch that they were in.
pub(crate) struct Ghost {
    pub(crate) id: Id,
    pub(crate) member: Box<Member>,
}

impl World {
    /// Nobody who was removed before can follow the newest Commit, or has secrets of the epoch that it leads to, or
    /// is listened to.
    pub(crate) fn haunt(&mut self, dice: &mut Dice) -> Outcome {
        let head = self.service.head();
        let handshakes: Vec<Handshake> = {
            let epoch = self.service.epoch(head - 1)?;
            epoch.proposals.iter().chain(&epoch.commit).cloned().collect()
        };
        let mut ghosts = std::mem::take(&mut self.ghosts);
        // Their own removal is what some can still follow.
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

    /// Nobody who was removed before an epoch can read a message of it.
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
        ensure(processed.is_err(), || format!("client {} was removed, and takes a message", ghost.id))
    }

    fn keeps_nothing(&self, ghost: &Ghost) -> Outcome {
        let (group, record) = (&ghost.member.group, self.service.current()?);
        let exported = group.export("simulation", b"context", 32);
        ensure(exported.is_ok() == group.is_active(), || format!("client {} can export", ghost.id))?;
        let authenticator = group.epoch_authenticator();
        let different = authenticator.is_none_or(|own| own.expose() != record.authenticator)
            && exported.ok().is_none_or(|exported| exported.expose() != record.exported)
            && group.resumption_psk(record.public.context.epoch).is_none();
        ensure(different, || format!("client {} was removed, and has the epoch's secrets", ghost.id))
    }

    /// The members refuse what it proposes.
    fn is_not_heard(&mut self, ghost: &mut Ghost, dice: &mut Dice) -> Outcome {
        let device = &self.devices[ghost.id];
        let group = &mut ghost.member.group;
        let client = client(device.signer(group)?, &self.psks, device.config);
        let message = group.propose_update(None, b"", &client, dice.rng())?.assume_persisted();
        let bytes = message.encode()?;
        for id in self.ready() {
            let processed = self.process(id, MlsMessage::decode(&bytes)?);
            ensure(processed.is_err(), || {
                format!("client {} was removed, and client {id} takes its proposal", ghost.id)
            })?;
        }
        Ok(())
    }
}
