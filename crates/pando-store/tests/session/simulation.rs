//! A simulation of random operations by four members, with a delivery service that delays and
//! orders messages. Closures fail and sessions restart. The test checks each member's result for
//! each message, and checks that all members end in the same epoch.

use crate::fixture::{Member, decode, group_of, put, tea};
use pando_mls::wire::ContentType;
use pando_mls::{CommitBuilder, Encode, GroupError, GroupState, Misuse};
use pando_store::session::{Event, Held, Received, SessionError, no_rows};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

const MEMBERS: usize = 4;

/// A message in the log of the delivery service.
#[derive(Clone)]
struct Ordered {
    sender: usize,
    bytes: Vec<u8>,
    /// The text of an application message.
    text: Option<String>,
}

/// An external Commit.
struct External {
    bytes: Vec<u8>,
    /// Whether the delivery service has accepted the Commit, or `None` if the Commit has not
    /// arrived yet.
    is_accepted: Option<bool>,
}

struct Simulation {
    members: [Member; MEMBERS],
    rng: ChaCha20Rng,
    log: Vec<Ordered>,
    /// The epoch in which the delivery service accepts the next Commit.
    epoch: u64,
    /// Messages in transit to the delivery service.
    delayed: Vec<Ordered>,
    /// The position of each member in the log.
    cursors: [usize; MEMBERS],
    /// The epoch in which each member joined.
    joined: [u64; MEMBERS],
    /// External Commits whose results their senders do not know yet.
    external: BTreeMap<usize, External>,
    /// Number of occurrences of each kind of event.
    counts: BTreeMap<&'static str, usize>,
    texts: usize,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            members: group_of(["alice", "bob", "carol", "dave"]),
            rng: ChaCha20Rng::seed_from_u64(seed),
            log: Vec::new(),
            epoch: 1,
            delayed: Vec::new(),
            cursors: [0; MEMBERS],
            joined: [1; MEMBERS],
            external: BTreeMap::new(),
            counts: BTreeMap::new(),
            texts: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap() % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn is_accepted(&self, at: usize) -> Option<bool> {
        self.external.get(&at)?.is_accepted
    }

    fn state(&mut self, at: usize) -> Option<GroupState> {
        Some(self.members[at].session.group(&tea()).ok()?.state())
    }

    /// Sends a message, which is delayed in transit.
    fn send(&mut self, sender: usize, bytes: Vec<u8>, text: Option<String>) {
        self.delayed.push(Ordered { sender, bytes, text });
    }

    /// Makes a message arrive at the delivery service, which accepts one Commit in each epoch.
    fn arrive(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let position = self.below(self.delayed.len());
        let ordered = self.delayed.remove(position);
        let message = decode(&ordered.bytes);
        let is_commit = message.content_type() == Some(ContentType::Commit);
        let is_accepted = !is_commit || message.epoch() == Some(self.epoch);
        if let Some(external) = self.external.get_mut(&ordered.sender)
            && external.bytes == ordered.bytes
        {
            external.is_accepted = Some(is_accepted);
        }
        if is_accepted {
            self.epoch += u64::from(is_commit);
            self.log.push(ordered);
        } else {
            self.count("lost Commits");
        }
    }

    /// Runs a random operation of one member.
    fn act(&mut self) {
        let (at, action) = (self.below(MEMBERS), self.below(12));
        if self.one_in(5) {
            self.members[at].restart();
            self.count("restarts");
        }
        let is_active = self.state(at) == Some(GroupState::Active);
        match action {
            0..=3 if is_active => self.write(at),
            4 if is_active => self.propose(at),
            5 | 6 if is_active => self.commit(at, None),
            7 if is_active => {
                let other = self.below(MEMBERS);
                self.commit(at, Some(other));
            }
            8 => self.join(at),
            _ => self.sync(at),
        }
    }

    fn write(&mut self, at: usize) {
        self.texts += 1;
        let (text, fails) = (format!("text {}", self.texts), self.one_in(6));
        let sent = self.members[at]
            .session
            .send(&tea(), text.as_str(), |_, _| if fails { Err("the closure fails".into()) } else { Ok(()) });
        match sent {
            Ok(bytes) => self.send(at, bytes, Some(text)),
            Err(SessionError::Application(_)) => self.count("failed closures"),
            Err(SessionError::Group(GroupError::Misuse(Misuse::ProposalsPending))) => self.commit(at, None),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn propose(&mut self, at: usize) {
        let update = self.members[at].operate(|group, cx, rng| group.propose_update(None, b"", cx, rng));
        self.send(at, update.encode().unwrap(), None);
        self.count("proposals");
    }

    /// Creates a Commit, which may remove another member.
    fn commit(&mut self, at: usize, removed: Option<usize>) {
        if self.members[at].group().pending_commit().is_some() {
            return;
        }
        let credential = removed.map(|other| self.members[other].credential());
        let group = self.members[at].group();
        let own = group.own_leaf();
        let leaf = group
            .members()
            .map(Result::unwrap)
            .find(|member| member.leaf != own && Some(&member.credential) == credential.as_ref())
            .map(|member| member.leaf);
        let fails = self.one_in(6);
        let committed = self.members[at].session.commit(
            &tea(),
            |commit| leaf.into_iter().fold(commit, CommitBuilder::remove),
            |_, _| if fails { Err("the closure fails".into()) } else { Ok(()) },
        );
        match committed {
            Ok(commit) => self.send(at, commit.message, None),
            Err(SessionError::Application(_)) => self.count("failed closures"),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Joins with an external Commit, unless an external Commit is in transit.
    fn join(&mut self, at: usize) {
        let epoch = self.epoch;
        let inviter = (0..MEMBERS).find(|other| {
            self.state(*other) == Some(GroupState::Active) && self.members[*other].group().epoch() == epoch
        });
        if let (Some(inviter), false) = (inviter, self.external.contains_key(&at)) {
            let group_info = self.members[inviter].group_info();
            let commit = self.members[at].join_externally(&group_info);
            self.external.insert(at, External { bytes: commit.clone(), is_accepted: None });
            self.send(at, commit, None);
            self.count("external Commits");
        }
    }

    /// Makes a member receive messages until one is held.
    fn sync(&mut self, at: usize) {
        // The delivery service has refused the external Commit.
        if self.is_accepted(at) == Some(false) {
            if self.members[at].session.joining(&tea()).unwrap().is_some() {
                self.members[at].session.abandon_join(&tea(), no_rows).unwrap();
                self.count("abandoned joins");
            }
            self.external.remove(&at);
        }
        while let Some(ordered) = self.log.get(self.cursors[at]).cloned() {
            if self.one_in(10) {
                let failed =
                    self.members[at].session.receive(&ordered.bytes, |_, _| Err("the closure fails".into()));
                assert!(matches!(failed, Err(SessionError::Application(_))));
                self.count("failed closures");
            }
            if self.one_in(20) {
                self.members[at].restart();
            }
            if !self.take(at, &ordered) {
                break;
            }
            self.cursors[at] += 1;
        }
    }

    /// Makes a member receive a message, and checks the result. Returns whether the member has
    /// advanced to the next message.
    fn take(&mut self, at: usize, ordered: &Ordered) -> bool {
        let Ordered { sender, bytes, text } = ordered;
        let message = decode(bytes);
        let (epoch, is_own) = (message.epoch().unwrap(), *sender == at);
        let content_type = message.content_type().unwrap();
        let joining = self.members[at].session.joining(&tea()).unwrap();
        let (is_joining, ends_join) =
            (joining.is_some(), joining.is_some_and(|group| group.is_pending(&message)));
        let is_active = self.state(at) == Some(GroupState::Active);
        let group = self.members[at].group();
        let (current, is_pending) = (group.epoch(), group.is_pending(&message));
        let received = self.members[at].receive(bytes);
        let what = format!("{at} {epoch} {content_type:?} of {sender} in {current}: {received:?}");
        let events = match received {
            Received::Held(Held::JoinPending) => {
                assert!(!is_active && is_joining && !ends_join, "{what}");
                self.count("held messages");
                // The delivery service knows whether the external Commit was accepted. If it was
                // accepted, messages from before it are rejected.
                return self.is_accepted(at) == Some(true);
            }
            // The message was sent after the member's removal.
            Received::Held(Held::NoGroup(_)) => {
                assert!(!is_active && !is_joining && epoch > current, "{what}");
                return true;
            }
            Received::Held(_) => panic!("{what}"),
            Received::Rejected(_) => {
                let is_old = epoch < self.joined[at] || epoch + 3 < current;
                let is_late = content_type != ContentType::Application && epoch < current;
                assert!(!is_active || is_old || is_late, "{what}");
                self.count("rejected messages");
                return true;
            }
            Received::Applied { events, .. } => events,
        };
        if events == [Event::OwnMessage] {
            assert!(is_own && content_type == ContentType::Application, "{what}");
            return true;
        }
        if ends_join {
            assert_eq!(events[0], Event::JoinAccepted { epoch: epoch + 1 }, "{what}");
            assert_eq!(self.is_accepted(at), Some(true), "{what}");
            self.external.remove(&at);
            self.joined[at] = epoch + 1;
            self.count("accepted joins");
            return true;
        }
        assert!(is_active, "{what}");
        match content_type {
            ContentType::Application => {
                assert!(!is_own && epoch >= self.joined[at], "{what}");
                let text = text.as_ref().unwrap();
                assert_eq!(events[0].text(), Some(text.as_str()), "{what}");
                let name = format!("read {text}");
                assert!(self.members[at].row(&name).is_none(), "{text} is read twice");
                let mut transaction = self.members[at].session.store_mut().begin().unwrap();
                put(&mut transaction, &name, b"yes").unwrap();
                transaction.commit().unwrap();
                self.count("read messages");
            }
            ContentType::Proposal => {
                let is_ours = matches!(events[..], [Event::OwnProposal(_)]);
                assert!(epoch == current && events.len() == 1 && is_ours == is_own, "{what}");
            }
            ContentType::Commit => {
                assert!(epoch == current, "{what}");
                let Event::Epoch { epoch: next, is_own, .. } = events[0] else { panic!("{what}") };
                assert_eq!((next, is_own), (epoch + 1, is_pending), "{what}");
                if events.contains(&Event::JoinLost) {
                    self.count("lost joins");
                    assert_ne!(self.is_accepted(at), Some(true), "{what}");
                }
                if events.iter().any(|event| matches!(event, Event::RemovedUs { .. })) {
                    self.count("removals");
                }
            }
        }
        true
    }

    /// Makes all delayed messages arrive, and brings all members into the same epoch.
    fn finish(&mut self) {
        while !self.delayed.is_empty() {
            self.arrive();
        }
        for at in 0..MEMBERS {
            self.sync(at);
        }
        let active: Vec<_> = (0..MEMBERS).filter(|at| self.state(*at) == Some(GroupState::Active)).collect();
        let mut authenticators = Vec::new();
        for at in active {
            self.members[at].restart();
            let group = self.members[at].group();
            assert!(group.pending_commit().is_none());
            assert_eq!(group.epoch(), self.epoch);
            authenticators.push(group.epoch_authenticator().unwrap().expose().to_vec());
        }
        assert!(authenticators.iter().all(|other| *other == authenticators[0]));
        assert!(!authenticators.is_empty());
    }
}

#[test]
fn members_do_what_chance_tells_them() {
    let mut counts = BTreeMap::new();
    for seed in 0..20 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..120 {
            simulation.act();
            if simulation.one_in(2) {
                simulation.arrive();
            }
        }
        simulation.finish();
        for (what, count) in simulation.counts {
            *counts.entry(what).or_insert(0) += count;
        }
    }
    let expected = [
        "abandoned joins",
        "accepted joins",
        "external Commits",
        "failed closures",
        "held messages",
        "lost Commits",
        "lost joins",
        "proposals",
        "read messages",
        "rejected messages",
        "removals",
        "restarts",
    ];
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), expected, "{counts:?}");
}
