//! An attacker has recorded all messages, and copies a client's disk and its signature key. Of the
//! past, it can read only those messages whose unused keys were still stored (forward secrecy). Of
//! the future, it can read everything until the client, or a member on its behalf, brings in new
//! keys, and nothing from then on (post-compromise security).

use crate::thief::{Loot, Thief, of_this_epoch, path_context, private_keys};
use crate::world::{Newcomer, World, external_psk, fast_suites, leaf_template, read};
use pando_mls::{
    EpochRow, ExternalJoin, GroupConfig, LeafIndex, MlsMessage, NoPsks, Processed, RatchetType, RowKey,
    SecretId, Suite,
};
use std::collections::BTreeSet;

/// The event after the theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The victim makes a Commit.
    OwnCommit,
    /// The victim proposes an Update, and another member commits it.
    Update,
    /// The victim rejoins by an external Commit that replaces its old leaf.
    Resync,
    /// The victim is removed, and added again with a new KeyPackage.
    Readmission,
    /// A member mixes in a PSK that the attacker does not have.
    UnknownPsk,
    /// A member commits a PSK that the attacker has, without a path.
    KnownPsk,
    /// A member adds a client, without a path.
    AddWithoutPath,
    /// All other members make Commits.
    OtherCommits,
    /// The victim proposes an Update that no member commits.
    UpdateThatIsLost,
}

impl Then {
    /// The events that heal the group. The others do not.
    const HEALING: [Self; 5] =
        [Self::OwnCommit, Self::Update, Self::Resync, Self::Readmission, Self::UnknownPsk];
    const NOT_HEALING: [Self; 4] =
        [Self::KnownPsk, Self::AddWithoutPath, Self::OtherCommits, Self::UpdateThatIsLost];
}

/// A group with a record of all its messages.
struct Drill {
    world: World,
    log: Vec<MlsMessage>,
}

const PAST_EPOCHS: u64 = 3;

impl Drill {
    fn new(suite: Suite, public: bool) -> Self {
        let config = GroupConfig::default().with_encrypt_handshakes(!public);
        assert_eq!(config.past_epochs as u64, PAST_EPOCHS);
        let mut world = World::with_config(suite, config);
        world.add(0, 3);
        Self { world, log: Vec::new() }
    }

    /// Sends a message from the member at a leaf to the members at `readers`.
    fn says(&mut self, leaf: u32, readers: &[u32]) -> usize {
        let by = self.world.at(leaf);
        let data = self.log.len().to_be_bytes();
        let message = self.world.send(by, &data);
        for reader in readers {
            let reader = self.world.at(*reader);
            assert_eq!(read(self.world.members[reader].process(&message)).1, data);
        }
        self.log.push(message);
        self.log.len() - 1
    }

    /// Makes the member at a leaf commit with a path. All members follow.
    fn commits(&mut self, leaf: u32) {
        let by = self.world.at(leaf);
        let (commit, _) = self.world.commit(by, |builder| builder);
        self.log.push(commit);
    }

    /// Sends a message from every member.
    fn all_say(&mut self) -> BTreeSet<usize> {
        let leaves: Vec<_> = self.world.tree().members().map(Result::unwrap).map(|leaf| leaf.0).collect();
        leaves.into_iter().map(|leaf| self.says(leaf, &[])).collect()
    }

    /// Runs six epochs in which the member at the leaf `victim` reads some messages and not others.
    /// Returns the unread messages with their epochs.
    fn a_life(&mut self, victim: u32) -> Vec<(u64, usize)> {
        let mut unread = Vec::new();
        for round in 0..6 {
            let other = if victim == 3 { 2 } else { 3 };
            let epoch = self.world.context().epoch;
            unread.push((epoch, self.says(other, &[])));
            self.says(other, &[victim]);
            unread.push((epoch, self.says(other, &[])));
            self.says(victim, &[other]);
            // A sender that has not sent before has no ratchet yet, so all its keys can still be
            // derived.
            unread.push((epoch, self.says(if victim == 0 { 1 } else { 0 }, &[])));
            self.commits([other, victim][round % 2]);
        }
        unread
    }

    fn happens(&mut self, then: Then, victim: u32) {
        let (at, other) = (self.world.at(victim), if victim == 2 { 3 } else { 2 });
        let by = self.world.at(other);
        match then {
            Then::OwnCommit => self.commits(victim),
            Then::Update | Then::UpdateThatIsLost => {
                let update = self.world.members[at].propose_update(&mut self.world.rng).unwrap();
                self.log.push(update.clone());
                if then == Then::Update {
                    self.world.deliver_proposal(at, &update);
                }
                // The victim processes this Commit, which covers its Update or does not.
                self.commits(other);
            }
            Then::Resync => self.comes_back(victim),
            Then::Readmission => {
                let removed = LeafIndex(victim);
                self.log.push(self.world.commit(by, |builder| builder.remove(removed)).0);
                let (newcomer, by) = (self.world.newcomer(), self.world.at(other));
                let key_package = newcomer.key_package();
                let (commit, welcome) = self.world.commit(by, |builder| builder.add(key_package));
                self.log.push(commit);
                self.world.enter(newcomer, &welcome.unwrap());
                assert_eq!(self.world.leaf(3), removed);
            }
            Then::UnknownPsk | Then::KnownPsk => {
                let psk = external_psk(7);
                self.log.push(self.world.commit(by, |builder| builder.psk(psk).without_path()).0);
            }
            Then::AddWithoutPath => {
                let newcomer = self.world.newcomer();
                let key_package = newcomer.key_package();
                let (commit, welcome) =
                    self.world.commit(by, |builder| builder.add(key_package).without_path());
                self.log.push(commit);
                self.world.enter(newcomer, &welcome.unwrap());
            }
            Then::OtherCommits => {
                let leaves: Vec<_> =
                    self.world.tree().members().map(Result::unwrap).map(|leaf| leaf.0).collect();
                leaves.into_iter().filter(|leaf| *leaf != victim).for_each(|leaf| self.commits(leaf));
            }
        }
    }

    fn comes_back(&mut self, victim: u32) {
        let world = &mut self.world;
        let lost = world.members.remove(world.at(victim));
        let group_info = world.members[0].group_info(true);
        let (resync, template) = (Some(LeafIndex(victim)), leaf_template());
        let join = ExternalJoin::new(&group_info, template).replace_leaf(resync);
        let client = crate::world::client(&*lost.signer).with_config(world.config);
        let mut rows = pando_mls::Rows::new();
        let (group, commit) = join.build(&client, &mut world.rng).unwrap().persist_to(&mut rows).unwrap();
        world.deliver_commit(usize::MAX, &commit);
        let mut member = crate::world::Member { signer: lost.signer, group, rows };
        member.merge_pending();
        world.members.push(member);
        world.agree();
        self.log.push(commit);
    }

    fn loot(&self, thief: &Thief) -> Loot {
        // The signature key was stolen, too. Any key works here, because nothing is sent.
        thief.read(&self.log, &*self.world.members[0].signer)
    }

    /// Returns how many of the members' current secrets the attacker has: epoch secrets, and
    /// private keys.
    fn shared(&self, loot: &Loot) -> (usize, usize) {
        let members = || self.world.members.iter();
        let epoch: BTreeSet<_> = members().flat_map(of_this_epoch).collect();
        let keys: BTreeSet<_> = members().flat_map(private_keys).collect();
        (epoch.intersection(&loot.secrets).count(), keys.intersection(&loot.secrets).count())
    }
}

/// Runs the whole story.
fn stolen(suite: Suite, public: bool, victim: u32, then: Then, heals: bool) {
    let what = format!("{}, {public}, {victim}, {then:?}", suite.cipher_suite());
    let mut drill = Drill::new(suite, public);
    let unread = drill.a_life(victim);
    let now = drill.world.context().epoch;
    let at = drill.world.at(victim);
    let mut thief = Thief::of(&mut drill.world.members[at]);
    if then == Then::UnknownPsk {
        thief.psks = Box::new(NoPsks);
    }
    // These messages were not read, and their epoch is still kept.
    let mut readable: BTreeSet<usize> =
        unread.into_iter().filter(|(epoch, _)| epoch + PAST_EPOCHS >= now).map(|(_, sent)| sent).collect();
    let (before, past) = (drill.log.len(), readable.len());
    assert!(past > 0 && past < before / 2);
    assert_eq!(drill.loot(&thief).read.into_keys().collect::<BTreeSet<_>>(), readable, "{what}");

    // Between the theft and the event that heals, the attacker can read as much as the victim.
    readable.extend(drill.all_say());
    drill.commits(if victim == 2 { 1 } else { 2 });
    readable.extend(drill.all_say());
    let loot = drill.loot(&thief);
    assert_eq!(loot.read.keys().copied().collect::<BTreeSet<_>>(), readable, "{what}");
    let (epoch, keys) = drill.shared(&loot);
    assert!(epoch >= 7 && keys >= 2, "{what}: {epoch} {keys}");

    drill.happens(then, victim);
    for _ in 0..2 {
        let said = drill.all_say();
        if !heals {
            readable.extend(said);
        }
        drill.commits(if victim == 3 { 2 } else { 3 });
    }
    let loot = drill.loot(&thief);
    assert_eq!(loot.read.keys().copied().collect::<BTreeSet<_>>(), readable, "{what}");
    for (position, data) in &loot.read {
        assert_eq!(**data, position.to_be_bytes());
    }
    // After healing, the attacker has none of the current secrets either.
    let (epoch, keys) = drill.shared(&loot);
    assert_eq!(epoch == 0, heals, "{what}");
    // Without a path, the private keys stay the same.
    assert_eq!(keys == 0, heals && then != Then::UnknownPsk, "{what}");
}

fn all(victims: &[u32], thens: &[Then], heals: bool) {
    for suite in fast_suites() {
        for public in [false, true] {
            for victim in victims {
                thens.iter().for_each(|then| stolen(suite, public, *victim, *then, heals));
            }
        }
    }
}

#[test]
fn new_keys_heal() {
    all(&[0, 1], &Then::HEALING, true);
}

#[test]
fn without_new_keys_nothing_heals() {
    all(&[0, 3], &Then::NOT_HEALING, false);
}

/// The path of the Commit that heals is encrypted to none of the stolen keys, independently of the
/// library's own checks.
#[test]
fn no_stolen_key_opens_what_the_next_commit_is_encrypted_to() {
    for suite in fast_suites() {
        for victim in [0, 2] {
            let mut drill = Drill::new(suite, true);
            drill.a_life(victim);
            let at = drill.world.at(victim);
            let thief = Thief::of(&mut drill.world.members[at]);
            for by in [(victim + 1) % 4, victim] {
                let transcript = drill.world.context().confirmed_transcript_hash.to_vec();
                drill.commits(by);
                let context = path_context(&drill.world.members[0].group, &transcript);
                let loot = drill.loot(&thief);
                let commit = drill.log.last().unwrap();
                // A Commit of another member can be opened once, which shows that the keys and the
                // context are right.
                let expected = usize::from(by != victim);
                assert_eq!(loot.path_secrets(suite, commit, &context), expected);
            }
        }
    }
}

/// A client that keeps no past epochs loses less: only unread messages of the current epoch.
#[test]
fn who_keeps_nothing_of_the_past_loses_nothing_of_it() {
    for suite in fast_suites() {
        let config = GroupConfig::default().with_past_epochs(0).with_past_resumption_psks(0);
        let mut world = World::with_config(suite, config);
        world.add(0, 3);
        let mut drill = Drill { world, log: Vec::new() };
        let unread = drill.a_life(1);
        let now = drill.world.context().epoch;
        let thief = Thief::of(&mut drill.world.members[1]);
        assert!(unread.iter().all(|(epoch, _)| *epoch < now));
        assert!(drill.loot(&thief).read.is_empty());
        let stored = thief.secrets();
        assert!(stored.iter().all(|stored| match stored.key {
            RowKey::Epoch(epoch, _) => epoch == now,
            RowKey::ResumptionPsk(_) => false,
            _ => true,
        }));
    }
}

/// Our pending Commit is stored, and its new secrets can be stolen. It does not heal, and the
/// Commit after it does.
#[test]
fn a_pending_commit_is_stolen_with_the_rest() {
    for suite in fast_suites() {
        let mut drill = Drill::new(suite, false);
        let (commit, _) = drill.world.build(1, |builder| builder).unwrap();
        let thief = Thief::of(&mut drill.world.members[1]);
        drill.log.push(commit.clone());
        drill.world.deliver_commit(1, &commit);
        let readable = drill.all_say();
        drill.commits(1);
        drill.all_say();
        let loot = drill.loot(&thief);
        assert_eq!(loot.read.into_keys().collect::<BTreeSet<_>>(), readable);
    }
}

/// Until the group is healed, the attacker can also send as the victim. Afterwards it cannot.
#[test]
fn a_thief_speaks_for_the_victim_until_there_are_new_keys() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 3);
        let at = 1;
        let thief = Thief::of(&mut world.members[at]);
        let forged = thief.forge(&*world.members[at].signer, &mut world.rng);
        assert_eq!(read(world.members[0].process(&forged)).0, world.leaf(at));
        world.commit(at, |builder| builder);
        // The forged message is late and is rejected: its epoch is over. The attacker has no keys
        // of the new epoch.
        let late = thief.forge(&*world.members[at].signer, &mut world.rng);
        assert!(world.members[0].process(&late).is_err());
        let commit = thief.forge_commit(&*world.members[at].signer, &mut world.rng);
        for member in &mut world.members {
            assert!(!matches!(member.process(&commit), Ok(Processed::Commit(_))));
        }
        world.agree();
    }
}

/// A client that rejoins is a new one: even the client itself cannot use its old state.
#[test]
fn what_was_stolen_before_a_client_came_back_does_not_open_its_welcome() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 3);
        let thief = Thief::of(&mut world.members[1]);
        let _ = world.remove(0, 1);
        let newcomer: Newcomer = world.newcomer();
        let key_package = newcomer.key_package();
        let (_, welcome) = world.commit(0, |builder| builder.add(key_package));
        let welcome = welcome.unwrap();
        for stored in thief.secrets() {
            let Ok(key_pair) = suite.hpke_key_pair(stored.secret.expose().into()) else { continue };
            let secrets = &welcome.secrets[0].encrypted_group_secrets;
            let info = &welcome.encrypted_group_info;
            assert!(suite.decrypt_with_label(&key_pair, "Welcome", info, secrets).is_err());
        }
        world.enter(newcomer, &welcome);
    }
}

/// Two Commits race. A member opens the one that loses, and one of its handshake messages is still
/// in transit. When the epoch is over, the member has no handshake keys of it, so an attacker can
/// read neither with the keys that are kept for late messages.
#[test]
fn no_handshakes_of_past_epochs_are_readable() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 3);
        let _skipped = world.members[1].propose_update(&mut world.rng).unwrap();
        let (lost, _) = world.build(1, |builder| builder.only_pending([])).unwrap();
        assert!(matches!(world.members[2].process(&lost).unwrap(), Processed::Commit(_)));
        world.members[1].clear_pending();
        world.commit(0, |builder| builder);
        world.members[2].check_store();
        let epoch = world.context().epoch;
        let mut emptied = 0;
        for (key, row) in &world.members[2].rows {
            match key {
                RowKey::OpenedCommit(_) => panic!("the Commit is still there"),
                RowKey::Epoch(past, EpochRow::Secret(id)) if *past < epoch => match id {
                    SecretId::Ratchet(_, RatchetType::Handshake) => {
                        assert!(row.expose().is_empty(), "{key:?}");
                        emptied += 1;
                    }
                    SecretId::Message(_, RatchetType::Handshake, _) => panic!("{key:?}"),
                    _ => {}
                },
                _ => {}
            }
        }
        assert!(emptied > 0);
        world.agree();
        world.chat(1);
    }
}
