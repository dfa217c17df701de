//! Removed members, which still receive all messages but must not be able to use them.

use crate::client::{Id, Member, context};
use crate::failure::{Outcome, ensure};
use crate::random::Random;
use crate::service::Handshake;
use crate::simulation::Simulation;
use pando_mls::{Decode, Encode, MlsMessage};

/// A removed member with its group at the time of its removal. Some removed members have merged
/// their removal, while others have kept the last epoch that they were in.
pub(crate) struct RemovedMember {
    pub(crate) id: Id,
    pub(crate) member: Box<Member>,
}

impl Simulation {
    /// Checks that no removed member can follow the newest Commit, has secrets of the new epoch, or
    /// can send messages to the members.
    pub(crate) fn check_removed(&mut self, random: &mut Random) -> Outcome {
        let head = self.service.head();
        let handshakes: Vec<Handshake> = {
            let epoch = self.service.epoch(head - 1)?;
            epoch.proposals.iter().chain(&epoch.commit).cloned().collect()
        };
        let mut removed_members = std::mem::take(&mut self.removed_members);
        // Some removed members can still process their own removal.
        for removed in removed_members.iter_mut().filter(|removed| removed.member.group.epoch() + 1 < head) {
            for handshake in &handshakes {
                self.refused_by(removed, &handshake.bytes)?;
            }
            self.keeps_nothing(removed)?;
            if random.percent(10) && removed.member.group.is_active() {
                self.is_not_heard(removed, random)?;
            }
        }
        self.removed_members = removed_members;
        Ok(())
    }

    /// Checks that no member that was removed before an epoch can read a message of that epoch.
    pub(crate) fn check_removed_cannot_read(&mut self, epoch: u64, bytes: &[u8]) -> Outcome {
        let mut removed_members = std::mem::take(&mut self.removed_members);
        for removed in removed_members.iter_mut().filter(|removed| removed.member.group.epoch() < epoch) {
            self.refused_by(removed, bytes)?;
        }
        self.removed_members = removed_members;
        Ok(())
    }

    fn refused_by(&mut self, removed: &mut RemovedMember, bytes: &[u8]) -> Outcome {
        let client = &self.clients[removed.id];
        let group = &mut removed.member.group;
        let cx = context(client.signer(group)?, &self.psks, client.config);
        let processed = group.process(MlsMessage::decode(bytes)?, &cx);
        self.count("kept from removed members");
        ensure(processed.is_err(), || format!("client {} was removed, but accepts a message", removed.id))
    }

    fn keeps_nothing(&self, removed: &RemovedMember) -> Outcome {
        let (group, record) = (&removed.member.group, self.service.current()?);
        let exported = group.export("simulation", b"context", 32);
        ensure(exported.is_ok() == group.is_active(), || format!("client {} can export", removed.id))?;
        let authenticator = group.epoch_authenticator();
        let different = authenticator.is_none_or(|own| own.expose() != record.authenticator)
            && exported.ok().is_none_or(|exported| exported.expose() != record.exported)
            && group.resumption_psk(record.public.context.epoch).is_none();
        ensure(different, || format!("client {} was removed, but has the epoch's secrets", removed.id))
    }

    /// Checks that the members reject a proposal from a removed member.
    fn is_not_heard(&mut self, removed: &mut RemovedMember, random: &mut Random) -> Outcome {
        let client = &self.clients[removed.id];
        let group = &mut removed.member.group;
        let cx = context(client.signer(group)?, &self.psks, client.config);
        let message = group.propose_update(None, b"", &cx, random.rng())?.assume_persisted();
        let bytes = message.encode()?;
        for id in self.ready() {
            let processed = self.process(id, MlsMessage::decode(&bytes)?);
            ensure(processed.is_err(), || {
                format!("client {} was removed, but client {id} accepts its proposal", removed.id)
            })?;
        }
        Ok(())
    }
}
