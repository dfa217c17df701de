//! A group with its members and a server, and the messages that the server has accepted.

use crate::fixture::{Borrowed, Ending, Member, Newcomer, Server, client, public_handshakes, suite};
use crate::rules_and_clocks::{PolicyByClient, Shared, clock};
use pando_mls::{
    Advice, Group, GroupError, GroupRules, IdentityPolicy, LeafChange, Limits, LocalPolicy, MlsMessage,
    Processed, PublicGroup, PublicProcessed, Rows, Signer, Staged, Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// The number of clients inside and outside the group.
pub(crate) const CLIENTS: usize = 12;

/// An error: the members are in different epochs or states.
#[derive(Debug)]
pub(crate) struct Fork(pub(crate) String);

pub(crate) type Outcome<T = ()> = Result<T, Fork>;

/// The rules or the policy by which one client differs from all other clients.
#[derive(Clone, Copy, Default)]
pub(crate) struct Deviation {
    pub(crate) rules: Option<(usize, &'static dyn GroupRules)>,
    pub(crate) policy: Option<(usize, &'static dyn IdentityPolicy)>,
}

/// A member and its progress in the history.
pub(crate) struct Node {
    pub(crate) member: Member,
    /// The number of accepted messages that the member has processed.
    at: usize,
    /// A Commit that the member holds back, and the number of rounds for which it has been held.
    held: Option<(Staged, usize)>,
    pub(crate) wants_to_leave: bool,
    /// The member's previous signers, and the signers of new leaves that are not committed yet.
    pub(crate) signers: Vec<&'static dyn Signer>,
}

impl Node {
    fn new(mut member: Member, at: usize) -> Self {
        let signer: &'static dyn Signer = Box::leak(member.signer);
        member.signer = Box::new(Borrowed(signer));
        Self { member, at, held: None, wants_to_leave: false, signers: vec![signer] }
    }

    /// Finds the signer for the member's current leaf and makes it the member's signer.
    fn take_signer(&mut self) {
        let Member { group, signer, .. } = &mut self.member;
        let key = group.public().tree().signature_key(group.own_leaf()).unwrap().unwrap();
        let own = self.signers.iter().find(|signer| *signer.public_key() == key).unwrap();
        *signer = Box::new(Borrowed(*own));
    }
}

pub(crate) struct History {
    pub(crate) rng: ChaCha20Rng,
    deviation: Deviation,
    pub(crate) server: Server,
    /// The accepted messages, in the order chosen by the server.
    log: Vec<MlsMessage>,
    /// The members, keyed by the numbers of their clients. Some of these members have been removed
    /// but have not learned of it yet.
    pub(crate) nodes: BTreeMap<usize, Node>,
    /// Clients that may be added later, each with its number.
    pub(crate) newcomers: Vec<(usize, Newcomer)>,
    authenticators: BTreeMap<u64, Vec<u8>>,
    changes: BTreeMap<u64, Vec<LeafChange>>,
    pub(crate) commits: u64,
    pub(crate) tally: BTreeMap<&'static str, u64>,
}

impl History {
    pub(crate) fn new(seed: u64, deviation: Deviation) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let Newcomer { name, signer, bundle } = crate::operations::newcomer(0, u64::MAX, &mut rng);
        let config = public_handshakes();
        let creator = client(&*signer, &Shared, clock(0), config);
        let id = "one epoch";
        let created = Group::builder(id).build(bundle, &creator, &mut rng);
        let (group, delta) = created.unwrap().into_parts();
        let group_info = group.group_info().build(&creator).unwrap();
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        let (rules, policy) = (&Shared, &Ending);
        let member = Member { name, signer, group, rows, rules, policy, now: clock(0) };
        let (group, delta) =
            PublicGroup::new(suite(), &group_info, None, &Ending, Limits::default()).unwrap().into_parts();
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        let node = Node::new(member, 0);
        Self {
            rng,
            deviation,
            server: Server { group, rows, rules: &Shared, now: None },
            log: Vec::new(),
            nodes: BTreeMap::from([(0, node)]),
            newcomers: Vec::new(),
            authenticators: BTreeMap::new(),
            changes: BTreeMap::new(),
            commits: 0,
            tally: BTreeMap::new(),
        }
    }

    /// Runs the history until this number of Commits has been accepted.
    pub(crate) fn run(&mut self, commits: u64) -> Outcome {
        let mut settled = 0;
        while self.commits < commits {
            self.step()?;
            for client in self.nodes.keys().copied().collect::<Vec<_>>() {
                if self.percent(70) {
                    self.deliver(client)?;
                }
            }
            if self.commits >= settled + 25 {
                settled = self.commits;
                self.deliver_all()?;
            }
        }
        self.deliver_all()
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.rng.next_u64() % limit as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        if among.is_empty() { None } else { Some(among[self.below(among.len())]) }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Returns the members that have processed all messages and have neither a held nor a pending
    /// Commit.
    pub(crate) fn ready(&self) -> Vec<usize> {
        let ready = |node: &Node| {
            node.at == self.log.len() && node.held.is_none() && node.member.group.pending_commit().is_none()
        };
        self.nodes.iter().filter(|(_, node)| ready(node)).map(|(client, _)| *client).collect()
    }

    pub(crate) fn member(&mut self, client: usize) -> &mut Member {
        &mut self.nodes.get_mut(&client).unwrap().member
    }

    /// Adds the member of a client that has joined and is up to date.
    pub(crate) fn enter(&mut self, client: usize, mut member: Member) -> Outcome {
        if let Some((deviation, rules)) = self.deviation.rules
            && deviation == client
        {
            member.rules = rules;
        }
        if let Some((deviation, policy)) = self.deviation.policy
            && deviation == client
        {
            member.policy = policy;
        }
        let node = Node::new(member, self.log.len());
        self.nodes.insert(client, node);
        self.compare(client)
    }

    /// Submits a message to the server, which appends it to the log if it accepts it. `welcome` is
    /// for the clients that a Commit adds. Returns whether the server accepted a Commit or now has
    /// the proposal pending.
    pub(crate) fn submit(
        &mut self,
        message: MlsMessage,
        welcome: Option<Welcome>,
    ) -> Outcome<Result<bool, GroupError>> {
        let commits = self.commits;
        let accepted = match self.server.process(&message) {
            Err(error) => return Ok(Err(error)),
            Ok(PublicProcessed::Proposal(_)) => true,
            Ok(PublicProcessed::NotAdmitted(..)) => false,
            Ok(PublicProcessed::Commit(staged)) => {
                let changes = staged.leaf_changes().unwrap();
                self.note(&changes);
                self.changes.insert(staged.public().context().epoch, changes);
                self.server.merge(&staged);
                self.commits += 1;
                true
            }
        };
        let ends_the_epoch = self.commits > commits;
        self.log.push(message);
        if let Some(welcome) = welcome {
            self.welcome(&welcome)?;
        }
        if ends_the_epoch {
            self.newcomers.clear();
        }
        Ok(Ok(accepted))
    }

    /// Counts the leaf changes of a Commit.
    fn note(&mut self, changes: &[LeafChange]) {
        for change in changes {
            match change {
                LeafChange::Removed { .. } => self.count("removed"),
                LeafChange::Updated { .. } if change.changes_identity() => self.count("updated"),
                _ => {}
            }
            let end = change.new_leaf().map(|leaf| crate::fixture::credential_end(&leaf.credential));
            let clocks = self.nodes.values().filter_map(|node| node.member.now);
            if let (Some(end), Some(latest)) = (end, clocks.max())
                && end < latest
            {
                self.count("added a leaf that is expired for a member");
            }
        }
    }

    /// Makes the clients that a Commit has added join.
    fn welcome(&mut self, welcome: &Welcome) -> Outcome {
        let epoch = self.server.group.public().context().epoch;
        let added = self.changes[&epoch].clone();
        for change in added {
            let LeafChange::Added { new, .. } = change else { continue };
            let is_it = |(_, newcomer): &(usize, Newcomer)| newcomer.key_package().leaf_node == *new;
            let Some(position) = self.newcomers.iter().position(is_it) else { continue };
            let (number, newcomer) = self.newcomers.swap_remove(position);
            let Newcomer { name, signer, bundle } = newcomer;
            let joining = client(&*signer, &Shared, clock(number), public_handshakes());
            let joined = Group::join(welcome, &bundle, None, &joining);
            let (group, delta) =
                joined.map_err(|error| Fork(format!("client {number} joins: {error}")))?.into_parts();
            let mut rows = Rows::new();
            delta.apply(&mut rows).unwrap();
            let (rules, policy, now) = (&Shared, &Ending, clock(number));
            self.enter(number, Member { name, signer, group, rows, rules, policy, now })?;
            self.count("joined by a Welcome");
        }
        Ok(())
    }

    /// Makes a member process the messages that it has not processed yet. The member stops when it
    /// holds a Commit back.
    pub(crate) fn deliver(&mut self, client: usize) -> Outcome {
        loop {
            let Some(node) = self.nodes.get_mut(&client) else { return Ok(()) };
            if let Some((staged, rounds)) = node.held.take() {
                if rounds > 0 {
                    node.held = Some((staged, rounds - 1));
                    return Ok(());
                }
                node.member.merge(staged);
                self.entered(client)?;
                continue;
            }
            let Some(message) = self.log.get(node.at) else { return Ok(()) };
            let message = message.clone();
            node.at += 1;
            let epoch = node.member.group.epoch() + 1;
            let processed = node.member.process(&message);
            let processed = processed.map_err(|error| {
                Fork(format!("client {client} does not accept message {}: {error}", node.at - 1))
            })?;
            match processed {
                Processed::OwnCommit => {
                    node.member.operate(|group, _| group.merge_pending()).unwrap();
                    self.entered(client)?;
                }
                Processed::Commit(staged) => self.decide(client, epoch, *staged)?,
                Processed::Proposal(_) | Processed::NotAdmitted(..) | Processed::OwnProposal(_) => {}
                other => return Err(Fork(format!("client {client} takes {other:?}"))),
            }
        }
    }

    /// Merges or holds back a staged Commit, as the member's local policy advises.
    fn decide(&mut self, client: usize, epoch: u64, staged: Staged) -> Outcome {
        let changes = staged.leaf_changes().unwrap();
        if self.changes.get(&epoch) != Some(&changes) {
            return Err(Fork(format!("client {client} sees other changes than the server")));
        }
        let node = self.nodes.get_mut(&client).unwrap();
        let (view, now) = (staged.view(node.member.group.public()).unwrap(), node.member.now);
        let expired = now.is_some_and(|now| !view.leaves_invalid_at(now, &Ending).unwrap().is_empty());
        match PolicyByClient(client).advise(&view, now).unwrap() {
            Advice::Hold(_) => {
                node.held = Some((staged, 1));
                self.count("held");
                return Ok(());
            }
            Advice::Leave(_) => {
                node.wants_to_leave = true;
                node.member.merge(staged);
                self.count("wanted to leave");
            }
            Advice::Merge => node.member.merge(staged),
        }
        if expired {
            self.count("merged although expired");
        }
        self.entered(client)
    }

    /// Updates a node after a merge. The node's member is now in another epoch, or has been
    /// removed.
    fn entered(&mut self, client: usize) -> Outcome {
        let node = self.nodes.get_mut(&client).unwrap();
        if node.member.group.is_active() {
            node.take_signer();
            return self.compare(client);
        }
        self.nodes.remove(&client);
        Ok(())
    }

    /// Checks that a member has the same secrets as all other members in its epoch.
    fn compare(&mut self, client: usize) -> Outcome {
        let group = &self.nodes[&client].member.group;
        let (epoch, found) = (group.epoch(), group.epoch_authenticator().unwrap().expose().to_vec());
        let first = self.authenticators.entry(epoch).or_insert_with(|| found.clone());
        if *first == found { Ok(()) } else { Err(Fork(format!("client {client} differs in epoch {epoch}"))) }
    }

    /// Delivers all messages to all members and compares the members' states.
    fn deliver_all(&mut self) -> Outcome {
        for client in self.nodes.keys().copied().collect::<Vec<_>>() {
            while self.nodes.get(&client).is_some_and(|node| node.at < self.log.len() || node.held.is_some())
            {
                self.deliver(client)?;
            }
        }
        let public = self.server.group.public();
        let members = public.tree().members().map(Result::unwrap).count();
        if members != self.nodes.len() {
            return Err(Fork(format!("there are {members} members, and {} clients", self.nodes.len())));
        }
        for (client, Node { member, .. }) in &mut self.nodes {
            if member.group.public().context() != public.context() {
                return Err(Fork(format!("client {client} has another context than the server")));
            }
            member.check_store();
        }
        self.server.restart();
        Ok(())
    }
}
