//! Runs random histories of an opened public group. After each step, the group is compared with a
//! group that is entirely in memory.
//!
//! The store applies Deltas immediately, one or several steps late, or only before the group is
//! opened again. Commits wait, are dropped, or are merged after other Commits and after rollbacks.
//! Keys and names that other leaves have or used to have are used again. For each message, a third
//! group, which has no history, is loaded from the rows.
//!
//! `PANDO_OPENED_HISTORIES` sets the number of histories.

use crate::forger::{ByName, Forger, Plan, sent, tag};
use crate::observed::text;
use crate::store::Store;
use crate::{group_fixture, make};
use pando_mls::wire::{HpkePublicKey, NodeIndex, Sender, SignaturePublicKey};
use pando_mls::{
    AdmitAll, Delta, Extensions, GroupError, KeyPackage, LeafIndex, Limits, MlsMessage, Proposal,
    PublicGroup, PublicProcessed, PublicStaged, Rows, RustCrypto, TreeError, Violation,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The number of names. The number is so small that some clients are added twice.
const NAMES: usize = 24;

/// A Commit that both groups have staged.
struct Staged {
    resident: Box<PublicStaged>,
    opened: Box<PublicStaged>,
    message: MlsMessage,
}

struct History {
    forger: Forger,
    resident: PublicGroup,
    opened: PublicGroup,
    /// The rows that result from all Deltas.
    rows: Rows,
    store: Arc<Store>,
    /// Deltas that the store has not applied yet.
    late: VecDeque<Delta>,
    /// The maximum number of Deltas that remain unapplied after a step.
    lag: usize,
    staged: Vec<Staged>,
    encryption_keys: BTreeSet<HpkePublicKey>,
    signature_keys: BTreeSet<SignaturePublicKey>,
    key_packages: Vec<KeyPackage>,
    counts: BTreeMap<String, usize>,
}

fn load(rows: &Rows) -> PublicGroup {
    PublicGroup::load(rows, &RustCrypto, &ByName, Limits::default()).unwrap()
}

fn process(group: &mut PublicGroup, message: &MlsMessage) -> Result<(PublicProcessed, Delta), GroupError> {
    Ok(group.process(sent(message), &ByName, &AdmitAll, None)?.into_parts())
}

impl History {
    fn new(seed: u64, lag: usize) -> Self {
        let mut forger = Forger::new(group_fixture::suite(1), seed);
        let members = 1 + forger.below(12) as u32;
        let group_info = forger.group(0..members);
        let (resident, delta) = PublicGroup::new(forger.suite, &group_info, None, &ByName, Limits::default())
            .unwrap()
            .into_parts();
        let mut rows = Rows::new();
        delta.apply(&mut rows).unwrap();
        let store = Store::new(&rows);
        let opened = PublicGroup::open(store.clone(), &RustCrypto, Limits::default()).unwrap();
        let mut history = Self {
            forger,
            resident,
            opened,
            rows,
            store,
            late: VecDeque::new(),
            lag,
            staged: Vec::new(),
            encryption_keys: BTreeSet::new(),
            signature_keys: BTreeSet::new(),
            key_packages: Vec::new(),
            counts: BTreeMap::new(),
        };
        history.see_keys();
        history
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.forger.below(one_in) == 0
    }

    fn name(&mut self) -> u32 {
        self.forger.below(NAMES) as u32
    }

    fn member(&mut self) -> LeafIndex {
        let members: Vec<_> = self.resident.public().tree().members().map(Result::unwrap).collect();
        members[self.forger.below(members.len())]
    }

    /// Records the keys of the current tree.
    fn see_keys(&mut self) {
        let tree = self.resident.public().tree();
        let nodes = (0..tree.size().node_count()).map(NodeIndex);
        self.encryption_keys.extend(nodes.filter_map(|node| tree.encryption_key(node).unwrap()));
        let leaves = tree.members().map(Result::unwrap);
        self.signature_keys.extend(leaves.filter_map(|leaf| tree.signature_key(leaf).unwrap()));
    }

    /// Returns a random key that some node has or used to have.
    fn seen_key(&mut self) -> HpkePublicKey {
        let number = self.forger.below(self.encryption_keys.len());
        self.encryption_keys.iter().nth(number).unwrap().clone()
    }

    /// Checks that the Deltas of both groups are equal, and stores them.
    fn keep(&mut self, resident: &Delta, opened: Delta) {
        let keys = |delta: &Delta| {
            delta
                .writes()
                .map(|(key, _)| (key, true))
                .chain(delta.deletes().map(|key| (key, false)))
                .collect()
        };
        let (expected, found): (BTreeMap<_, _>, BTreeMap<_, _>) = (keys(resident), keys(&opened));
        assert_eq!(found, expected);
        assert!(*resident == opened, "the contents of rows differ");
        resident.apply(&mut self.rows).unwrap();
        self.late.push_back(opened);
        let left = if self.lag < 2 { self.lag } else { self.forger.below(self.lag.min(8) + 1) };
        if self.lag != usize::MAX {
            while self.late.len() > left {
                self.store.apply(&self.late.pop_front().unwrap());
            }
        }
    }

    /// Makes all groups process a message. All of them must accept it, or reject it for the same
    /// reason, which is counted.
    fn process(&mut self, message: &MlsMessage) -> Option<(PublicProcessed, PublicProcessed)> {
        let fresh = process(&mut load(&self.rows), message).map(|(processed, _)| text(&processed));
        let resident = process(&mut self.resident, message);
        let opened = process(&mut self.opened, message);
        match (resident, opened) {
            (Ok((resident, delta)), Ok((opened, other_delta))) => {
                assert_eq!(text(&resident), text(&opened));
                assert_eq!(fresh, Ok(text(&resident)));
                self.keep(&delta, other_delta);
                Some((resident, opened))
            }
            (Err(expected), Err(found)) => {
                assert_eq!(found, expected);
                assert_eq!(fresh, Err(expected.clone()));
                let what = match &expected {
                    GroupError::Violation(Violation::SignatureKeyInUse(_)) => "signature key in use",
                    GroupError::Violation(Violation::EncryptionKeyInUse) => "encryption key in use",
                    GroupError::Violation(Violation::SameClient) => "same client",
                    GroupError::Tree(TreeError::PathKeyReused(_)) => "key of a path in use",
                    GroupError::Tree(TreeError::PathParentHash) => "key of a path free",
                    _ => "refused otherwise",
                };
                self.count(what);
                None
            }
            (resident, opened) => panic!("in memory: {resident:?}; opened: {opened:?}"),
        }
    }

    /// Processes a Commit, if there is one. Then merges, keeps or drops it.
    fn take(&mut self, message: Option<MlsMessage>) {
        let Some(message) = message else { return };
        match self.process(&message) {
            Some((PublicProcessed::Commit(resident), PublicProcessed::Commit(opened))) => {
                let staged = Staged { resident, opened, message };
                match self.forger.below(8) {
                    0 => self.count("dropped"),
                    1 | 2 => self.staged.push(staged),
                    _ => self.merge(&staged),
                }
            }
            None => {}
            Some(processed) => panic!("not a Commit: {processed:?}"),
        }
    }

    /// Merges a Commit, with or without a GroupInfo, unless the Commit is stale.
    fn merge(&mut self, staged: &Staged) {
        let Staged { resident, opened, message } = staged;
        let (resident, opened) = if self.chance(2) {
            let signer = match resident.committer() {
                Sender::Member(leaf) => leaf,
                _ => resident.added().next().unwrap(),
            };
            let (context, tree) = (resident.public().context(), resident.public().tree());
            let group_info =
                self.forger.group_info(context, tag(message), tree, signer, Extensions::default());
            (self.resident.merge(resident, &group_info), self.opened.merge(opened, &group_info))
        } else {
            (self.resident.merge_unconfirmed(resident), self.opened.merge_unconfirmed(opened))
        };
        match (resident, opened) {
            (Ok(resident), Ok(opened)) => {
                self.keep(&resident.into_parts().1, opened.into_parts().1);
                self.count("merged");
                self.see_keys();
            }
            (resident, opened) => {
                assert_eq!(resident.unwrap_err(), opened.unwrap_err());
                self.count("stale");
            }
        }
    }

    fn roll_back(&mut self) {
        match (self.resident.roll_back(), self.opened.roll_back()) {
            (Ok(resident), Ok(opened)) => {
                self.keep(&resident.into_parts().1, opened.into_parts().1);
                self.count("rolled back");
            }
            (resident, opened) => assert_eq!(resident.unwrap_err(), opened.unwrap_err()),
        }
    }

    fn add(&mut self) -> Proposal {
        if !self.key_packages.is_empty() && self.chance(4) {
            let number = self.forger.below(self.key_packages.len());
            return make::add(self.key_packages[number].clone());
        }
        let name = self.name();
        let key = if self.chance(5) { Some(self.seen_key()) } else { None };
        let key_package = self.forger.key_package(name, key);
        self.key_packages.push(key_package.clone());
        make::add(key_package)
    }

    fn plan(&mut self, by: LeafIndex) -> Plan {
        let mut by_value = Vec::new();
        let (adds, removes) = (self.forger.below(3), self.forger.below(5) / 2);
        for _ in 0..adds {
            by_value.push(self.add());
        }
        for _ in 0..removes {
            let removed = self.member();
            if removed != by {
                by_value.push(make::remove(removed.0));
            }
        }
        let has_path = adds == 0 || removes > 0 || self.chance(2);
        let name = if self.chance(5) { Some(self.name()) } else { None };
        let path_key = if self.chance(10) { Some(self.seen_key()) } else { None };
        let (refers, has_new_signer) = (self.chance(2), self.chance(5));
        Plan { by_value, refers, has_path, name, has_new_signer, path_key }
    }

    fn step(&mut self) {
        match self.forger.below(100) {
            0..45 => {
                let by = self.member();
                let plan = self.plan(by);
                let message = self.forger.commit(&self.resident, by, plan);
                self.take(message);
            }
            45..53 => {
                let (name, removed) = (self.name(), if self.chance(2) { Some(self.member()) } else { None });
                let message = self.forger.external(&self.resident, name, removed);
                self.take(message);
            }
            53..66 => {
                let by = self.member();
                let proposal = match self.forger.below(3) {
                    0 => self.add(),
                    1 => make::remove(self.member().0),
                    _ => {
                        let name = if self.chance(3) { Some(self.name()) } else { None };
                        self.forger.update(&self.resident, by, name)
                    }
                };
                let message = self.forger.propose(&self.resident, by, proposal);
                self.process(&message);
            }
            66..76 => {
                if !self.staged.is_empty() {
                    let number = self.forger.below(self.staged.len());
                    let staged = self.staged.swap_remove(number);
                    self.merge(&staged);
                    // The Commit may be merged again after a rollback.
                    self.staged.push(staged);
                    self.staged.truncate(6);
                }
            }
            76..91 => {
                self.roll_back();
                if self.chance(3) {
                    self.roll_back();
                }
            }
            91..93 => self.end(),
            93..95 => self.compare_all(),
            _ => self.reopen(),
        }
        self.compare();
    }

    /// Ends the group by a ReInit and then rolls back the ReInit.
    fn end(&mut self) {
        let by = self.member();
        let reinit = make::reinit(self.forger.suite, make::extensions(&[]));
        let plan = Plan { by_value: vec![Proposal::ReInit(Box::new(reinit))], ..Plan::default() };
        let message = self.forger.commit(&self.resident, by, plan).unwrap();
        match self.process(&message) {
            Some((PublicProcessed::Commit(resident), PublicProcessed::Commit(opened))) => {
                self.merge(&Staged { resident, opened, message: message.clone() });
            }
            processed => panic!("not a Commit: {processed:?}"),
        }
        assert!(self.opened.reinit().is_some() && self.process(&message).is_none());
        self.roll_back();
    }

    /// Compares the parts of the state that take few reads, and some keys that are or were in the
    /// tree.
    fn compare(&mut self) {
        let fresh = load(&self.rows);
        assert_eq!(self.opened.public().context(), self.resident.public().context());
        assert_eq!(fresh.public().context(), self.resident.public().context());
        assert!(self.opened.pending_proposals().eq(self.resident.pending_proposals()));
        for _ in 0..4 {
            let key = self.seen_key();
            let found = |group: &PublicGroup| group.public().tree().find_encryption_key(&key).unwrap();
            assert_eq!(found(&self.opened), found(&self.resident));
            assert_eq!(found(&fresh), found(&self.resident));
            let number = self.forger.below(self.signature_keys.len());
            let key = self.signature_keys.iter().nth(number).unwrap();
            let found = |group: &PublicGroup| group.public().tree().find_signature_key(key).unwrap();
            assert_eq!(found(&self.opened), found(&self.resident));
            assert_eq!(found(&fresh), found(&self.resident));
        }
    }

    /// Compares all rows, for which the opened group must load its whole tree.
    fn compare_all(&mut self) {
        assert!(self.resident.rows().unwrap() == self.rows);
        let rows = self.opened.rows().unwrap();
        assert!(rows.keys().eq(self.rows.keys()), "{:?}", rows.keys());
        assert!(rows == self.rows);
        assert!(self.opened.take_delta().delta().is_empty());
        self.count("compared");
    }

    /// Opens one group from the store again, and loads the other into memory.
    fn reopen(&mut self) {
        self.late.drain(..).for_each(|delta| self.store.apply(&delta));
        assert!(self.store.rows() == self.rows);
        self.opened = PublicGroup::open(self.store.clone(), &RustCrypto, Limits::default()).unwrap();
        self.resident = load(&self.rows);
        self.staged.clear();
    }
}

#[test]
fn opened_groups_are_like_groups_in_memory() {
    let histories = std::env::var("PANDO_OPENED_HISTORIES").ok().map(|count| count.parse().unwrap());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..histories.unwrap_or(48) {
        let lag = [0, 1, 5, usize::MAX][seed as usize % 4];
        let mut history = History::new(seed, lag);
        for step in 0..100 {
            println!("history {seed}, step {step}");
            history.step();
        }
        history.compare_all();
        history.counts.into_iter().for_each(|(what, count)| *counts.entry(what).or_default() += count);
    }
    println!("{counts:?}");
    for what in [
        "compared",
        "dropped",
        "encryption key in use",
        "key of a path free",
        "key of a path in use",
        "merged",
        "rolled back",
        "same client",
        "signature key in use",
        "stale",
    ] {
        assert!(counts.get(what).is_some_and(|count| *count > 10), "{what}");
    }
}
