//! Reinitialized groups and branches.

use crate::content::Content;
use crate::device::{CAPABLE, Id, Member, State, client};
use crate::dice::Dice;
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::proposals::demanding;
use crate::service::{Record, Service};
use crate::world::{Event, World};
use pando_mls::{
    Created, CryptoProvider, Decode, Encode, GroupError, GroupId, Misuse, MlsMessage, Processed, Proposal,
    Rows, RustCrypto, Successor, Welcome,
};
use std::collections::BTreeMap;

impl World {
    /// Lets a member end the group.
    pub(crate) fn reinit(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let Some(by) = dice.pick(self.ready()) else { return Ok(false) };
        let reinit = self.new_parameters(dice)?;
        let content = Content {
            proposals: vec![Proposal::ReInit(Box::new(reinit))],
            pending: dice.percent(50),
            path: dice.percent(50),
            tree_in_welcome: true,
            ..Content::default()
        };
        let candidate = self.build(by, content, dice)?;
        self.accept(candidate, dice)?;
        Ok(true)
    }

    /// The group has ended. All members learn that, one creates the next group, and the others join
    /// it.
    pub(crate) fn begin_again(&mut self, dice: &mut Dice) -> Outcome {
        for id in dice.shuffled(0..self.devices.len()) {
            self.devices[id].online = true;
            self.catch_up(id, dice)?;
        }
        let members = self.members();
        let old = self.service.current()?.clone();
        let creator = dice.pick(members.iter().copied());
        let creator = creator.ok_or_else(|| Failure("no member is left".to_owned()))?;
        let reinit = self.devices[creator].member()?.group.reinit().cloned();
        let reinit = reinit.ok_or_else(|| Failure("the group has not ended".to_owned()))?;
        for id in &members {
            self.has_ended(*id, dice)?;
        }

        let suite = RustCrypto.suite(reinit.cipher_suite).ok_or_else(|| Failure("no suite".to_owned()))?;
        let required = demanding(&reinit.extensions);
        let mut key_packages = BTreeMap::new();
        for id in 0..self.devices.len() {
            self.devices[id].change_suite(suite, dice)?;
            if old.seat(id).is_some() {
                let capable = required || dice.percent(CAPABLE);
                key_packages.insert(id, self.devices[id].key_package(suite, capable, dice)?);
            }
        }
        let bundle = self.devices[creator].take_bundle(|_| true)?;
        key_packages.remove(&creator);
        let successor = Successor::new(bundle, key_packages.into_values().collect());
        let device = &self.devices[creator];
        let client = client(device.newest_signer(), &self.psks, device.config);
        let created = device
            .member()?
            .group
            .reinitialize(successor, &client, dice.rng())
            .during(|| format!("client {creator} creates the next group"))?;
        let mut rows = Rows::new();
        let Created { group, welcome } = created.persist_to(&mut rows).unwrap();
        let welcome = welcome.map(|welcome| welcome.encode()).transpose()?;

        // From here on, there is only the new group.
        self.suite = suite;
        self.group_id = reinit.group_id;
        self.server = suite.signer(&suite.signature_generate_key(dice.rng())?)?;
        self.service = Service::default();
        self.psks.resumption.clear();
        self.ghosts.clear();
        let limits = self.devices[creator].config.ratchet_limits;
        self.devices[creator].state = State::Member(Member::stored(group, rows, limits));
        self.enter(creator)?;
        for id in members.into_iter().filter(|id| *id != creator) {
            let welcome = welcome.as_ref().ok_or_else(|| Failure("there is no Welcome".to_owned()))?;
            let member = self.join_successor(id, welcome, |_| true)?;
            self.devices[id].state = State::Member(member);
            self.enter(id)?;
        }
        let new = self.service.current()?;
        let same = new.public.roster.keys().eq(old.public.roster.keys());
        ensure(same, || "the next group has other members".to_owned())?;
        self.events.push(Event::Reinitialized(suite.cipher_suite()));
        self.count("begun again");
        self.observe_anew(creator)
    }

    /// Checks that a member cannot send to a group that has ended.
    fn has_ended(&mut self, id: Id, dice: &mut Dice) -> Outcome {
        let refused = self.devices[id].act(&self.psks, |group, client, _| {
            let sent = group.encrypt(b"hello?", client, dice.rng());
            let refused = matches!(sent, Err(GroupError::Misuse(Misuse::Ended)));
            Ok(group.take_delta().map(|()| refused))
        })?;
        ensure(refused, || format!("client {id} sends to a group that has ended"))
    }

    /// Joins the successor by its Welcome.
    fn join_successor(
        &mut self,
        id: Id,
        welcome: &[u8],
        is_bundle: impl Fn(&pando_mls::KeyPackage) -> bool,
    ) -> Outcome<Box<Member>> {
        let device = &mut self.devices[id];
        let bundle = device.take_bundle(is_bundle)?;
        let client = client(device.newest_signer(), &self.psks, device.config);
        let joined = device
            .member()?
            .group
            .join_successor(&Welcome::decode(welcome)?, &bundle, None, &client)
            .during(|| format!("client {id} joins the successor"))?;
        Ok(Member::new(joined, device.config.ratchet_limits))
    }

    /// Some members branch off. They must agree, and be able to send messages.
    pub(crate) fn branch(&mut self, dice: &mut Dice) -> Outcome<bool> {
        let mut ready = dice.shuffled(self.ready());
        let Some(creator) = ready.pop() else { return Ok(false) };
        ready.truncate(1 + dice.below(5));
        let extensions = self.service.current()?.public.context.extensions.clone();
        let required = demanding(&extensions);
        let mut key_packages = BTreeMap::new();
        for id in ready.iter().copied().chain([creator]) {
            let capable = required || dice.percent(CAPABLE);
            key_packages.insert(id, self.devices[id].key_package(self.suite, capable, dice)?);
        }
        let own = key_packages.remove(&creator);
        let bundle = self.devices[creator].take_bundle(|key_package| Some(key_package) == own.as_ref())?;
        let others = key_packages.values().cloned().collect();
        let device = &self.devices[creator];
        let client_of_creator = client(device.newest_signer(), &self.psks, device.config);
        let created = device.member()?.group.branch(
            GroupId::from(dice.bytes(8)),
            extensions,
            Successor::new(bundle, others),
            &client_of_creator,
            dice.rng(),
        );
        let created = created.during(|| format!("client {creator} makes a branch"))?;
        let Created { mut group, welcome } = created.assume_persisted();
        let message = group.encrypt(b"hello", &client_of_creator, dice.rng())?.assume_persisted();
        let record = Record::of(&group)?;
        let Some(welcome) = welcome else { return Ok(false) };
        let welcome = welcome.encode()?;
        for (id, own) in key_packages {
            let mut member = self.join_successor(id, &welcome, |key_package| *key_package == own)?;
            let seen = Record::of(&member.group)?;
            ensure(seen == record, || format!("client {id} sees another branch: {seen:#?} {record:#?}"))?;
            let device = &self.devices[id];
            let client = client(device.newest_signer(), &self.psks, device.config);
            let message = MlsMessage::decode(&message.encode()?)?;
            let processed = member.group.process(message, &client)?.assume_persisted();
            let read = matches!(&processed, Processed::Application { data, .. } if **data == *b"hello");
            ensure(read, || format!("client {id} reads {processed:?} in a branch"))?;
        }
        Ok(true)
    }
}
