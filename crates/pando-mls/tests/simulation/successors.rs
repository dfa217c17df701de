//! Functions that create reinitialized groups and branches.

use crate::client::{CAPABLE, Id, Member, State, context};
use crate::content::Content;
use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::proposals::demanding;
use crate::random::Random;
use crate::service::{Record, Service};
use crate::simulation::{Event, Simulation};
use pando_mls::{
    Created, CryptoProvider, Decode, Encode, GroupError, GroupId, Misuse, MlsMessage, Processed, Proposal,
    Rows, RustCrypto, Successor, Welcome,
};
use std::collections::BTreeMap;

impl Simulation {
    /// Makes a member end the group by a ReInit.
    pub(crate) fn reinit(&mut self, random: &mut Random) -> Outcome<bool> {
        let Some(by) = random.pick(self.ready()) else { return Ok(false) };
        let reinit = self.new_parameters(random)?;
        let content = Content {
            proposals: vec![Proposal::ReInit(Box::new(reinit))],
            pending: random.percent(50),
            path: random.percent(50),
            tree_in_welcome: true,
            ..Content::default()
        };
        let candidate = self.build(by, content, random)?;
        self.accept(candidate, random)?;
        Ok(true)
    }

    /// Continues after the group has ended. All members learn of the end, one of them creates the
    /// successor group, and the others join it.
    pub(crate) fn begin_again(&mut self, random: &mut Random) -> Outcome {
        for id in random.shuffled(0..self.clients.len()) {
            self.clients[id].online = true;
            self.catch_up(id, random)?;
        }
        let members = self.members();
        let old = self.service.current()?.clone();
        let creator = random.pick(members.iter().copied());
        let creator = creator.ok_or_else(|| Failure("no member is left".to_owned()))?;
        let reinit = self.clients[creator].member()?.group.reinit().cloned();
        let reinit = reinit.ok_or_else(|| Failure("the group has not ended".to_owned()))?;
        for id in &members {
            self.has_ended(*id, random)?;
        }

        let suite = RustCrypto.suite(reinit.cipher_suite).ok_or_else(|| Failure("no suite".to_owned()))?;
        let required = demanding(&reinit.extensions);
        let mut key_packages = BTreeMap::new();
        for id in 0..self.clients.len() {
            self.clients[id].change_suite(suite, random)?;
            if old.member_leaf(id).is_some() {
                let capable = required || random.percent(CAPABLE);
                key_packages.insert(id, self.clients[id].key_package(suite, capable, random)?);
            }
        }
        let bundle = self.clients[creator].take_bundle(|_| true)?;
        key_packages.remove(&creator);
        let successor = Successor::new(bundle, key_packages.into_values().collect());
        let client = &self.clients[creator];
        let cx = context(client.newest_signer(), &self.psks, client.config);
        let created = client
            .member()?
            .group
            .reinitialize(successor, &cx, random.rng())
            .during(|| format!("client {creator} creates the next group"))?;
        let mut rows = Rows::new();
        let Created { group, welcome } = created.persist_to(&mut rows).unwrap();
        let welcome = welcome.map(|welcome| welcome.encode()).transpose()?;

        // From here on, only the new group exists.
        self.suite = suite;
        self.group_id = reinit.group_id;
        self.server = suite.signer(&suite.signature_generate_key(random.rng())?)?;
        self.service = Service::default();
        self.psks.resumption.clear();
        self.removed_members.clear();
        let limits = self.clients[creator].config.ratchet_limits;
        self.clients[creator].state = State::Member(Member::stored(group, rows, limits));
        self.enter(creator)?;
        for id in members.into_iter().filter(|id| *id != creator) {
            let welcome = welcome.as_ref().ok_or_else(|| Failure("there is no Welcome".to_owned()))?;
            let member = self.join_successor(id, welcome, |_| true)?;
            self.clients[id].state = State::Member(member);
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
    fn has_ended(&mut self, id: Id, random: &mut Random) -> Outcome {
        let refused = self.clients[id].act(&self.psks, |group, cx, _| {
            let sent = group.encrypt(b"hello?", cx, random.rng());
            let refused = matches!(sent, Err(GroupError::Misuse(Misuse::Ended)));
            Ok(group.take_delta().map(|()| refused))
        })?;
        ensure(refused, || format!("client {id} sends to a group that has ended"))
    }

    /// Joins the successor group by its Welcome.
    fn join_successor(
        &mut self,
        id: Id,
        welcome: &[u8],
        is_bundle: impl Fn(&pando_mls::KeyPackage) -> bool,
    ) -> Outcome<Box<Member>> {
        let client = &mut self.clients[id];
        let bundle = client.take_bundle(is_bundle)?;
        let cx = context(client.newest_signer(), &self.psks, client.config);
        let joined = client
            .member()?
            .group
            .join_successor(&Welcome::decode(welcome)?, &bundle, None, &cx)
            .during(|| format!("client {id} joins the successor"))?;
        Ok(Member::new(joined, client.config.ratchet_limits))
    }

    /// Makes some members branch off. The members of the branch must agree and be able to send
    /// messages.
    pub(crate) fn branch(&mut self, random: &mut Random) -> Outcome<bool> {
        let mut ready = random.shuffled(self.ready());
        let Some(creator) = ready.pop() else { return Ok(false) };
        ready.truncate(1 + random.below(5));
        let extensions = self.service.current()?.public.context.extensions.clone();
        let required = demanding(&extensions);
        let mut key_packages = BTreeMap::new();
        for id in ready.iter().copied().chain([creator]) {
            let capable = required || random.percent(CAPABLE);
            key_packages.insert(id, self.clients[id].key_package(self.suite, capable, random)?);
        }
        let own = key_packages.remove(&creator);
        let bundle = self.clients[creator].take_bundle(|key_package| Some(key_package) == own.as_ref())?;
        let others = key_packages.values().cloned().collect();
        let client = &self.clients[creator];
        let cx_of_creator = context(client.newest_signer(), &self.psks, client.config);
        let created = client.member()?.group.branch(
            GroupId::from(random.bytes(8)),
            extensions,
            Successor::new(bundle, others),
            &cx_of_creator,
            random.rng(),
        );
        let created = created.during(|| format!("client {creator} makes a branch"))?;
        let Created { mut group, welcome } = created.assume_persisted();
        let message = group.encrypt(b"hello", &cx_of_creator, random.rng())?.assume_persisted();
        let record = Record::of(&group)?;
        let Some(welcome) = welcome else { return Ok(false) };
        let welcome = welcome.encode()?;
        for (id, own) in key_packages {
            let mut member = self.join_successor(id, &welcome, |key_package| *key_package == own)?;
            let seen = Record::of(&member.group)?;
            ensure(seen == record, || format!("client {id} sees another branch: {seen:#?} {record:#?}"))?;
            let client = &self.clients[id];
            let cx = context(client.newest_signer(), &self.psks, client.config);
            let message = MlsMessage::decode(&message.encode()?)?;
            let processed = member.group.process(message, &cx)?.assume_persisted();
            let read = matches!(&processed, Processed::Application { data, .. } if **data == *b"hello");
            ensure(read, || format!("client {id} reads {processed:?} in a branch"))?;
        }
        Ok(true)
    }
}
