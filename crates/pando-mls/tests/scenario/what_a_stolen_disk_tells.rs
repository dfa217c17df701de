//! The disk of a client is copied, with its signature key, by somebody who has recorded all that was sent. Of the past, this
//! tells the messages whose keys were still kept because nobody had used them, and nothing else (forward secrecy). Of
//! the future, it tells everything until the client, or who speaks for it, brings new keys, and from then on nothing
//! (post-compromise security).

use crate::thief::{Loot, Thief, of_this_epoch, path_context, private_keys};
use crate::world::{Newcomer, World, external_psk, fast_suites, leaf_template, read};
use pando_mls::{
    EpochRow, ExternalJoin, GroupConfig, LeafIndex, MlsMessage, NoPsks, Processed, RatchetType, RowKey,
    SecretId, Suite,
};
use std::collections::BTreeSet;

/// What happens after the theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The victim makes a Commit.
    OwnCommit,
    /// The victim proposes an Update, and somebody else commits it.
    Update,
    /// The victim comes back by an external Commit in the place of its old leaf.
    Resync,
    /// The victim is removed, and added again with a new KeyPackage.
    Readmission,
    /// Somebody mixes in a PSK that the thief does not have.
    UnknownPsk,
    /// Somebody commits a PSK that the thief has, and no path.
    KnownPsk,
    /// Somebody is added, without a path.
    AddWithoutPath,
    /// Everybody else makes a Commit.
    OtherCommits,
    /// The victim proposes an Update that nobody commits.
    UpdateThatIsLost,
}

impl Then {
    /// What heals, and what does not.
    const HEALING: [Self; 5] =
        [Self::OwnCommit, Self::Update, Self::Resync, Self::Readmission, Self::UnknownPsk];
    const NOT_HEALING: [Self; 4] =
        [Self::KnownPsk, Self::AddWithoutPath, Self::OtherCommits, Self::UpdateThatIsLost];
}

/// A group whose wire is tapped.
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

    /// The member at a leaf sends a message, and those get it who are at `readers`.
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

    /// The member at a leaf makes a Commit with a path, and all follow.
    fn commits(&mut self, leaf: u32) {
        let by = self.world.at(leaf);
        let (commit, _) = self.world.commit(by, |builder| builder);
        self.log.push(commit);
    }

    /// Everybody says something.
    fn all_say(&mut self) -> BTreeSet<usize> {
        let leaves: Vec<_> = self.world.tree().members().map(Result::unwrap).map(|leaf| leaf.0).collect();
        leaves.into_iter().map(|leaf| self.says(leaf, &[])).collect()
    }

    /// Six epochs, in which the member at the leaf `victim` reads some messages and not others. Which ones are not
    /// read, and when they were sent.
    fn a_life(&mut self, victim: u32) -> Vec<(u64, usize)> {
        let mut unread = Vec::new();
        for round in 0..6 {
            let other = if victim == 3 { 2 } else { 3 };
            let epoch = self.world.context().epoch;
            unread.push((epoch, self.says(other, &[])));
            self.says(other, &[victim]);
            unread.push((epoch, self.says(other, &[])));
            self.says(victim, &[other]);
            // Whoever was silent before has no ratchet yet, and the keys of all its messages are there.
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
                // Who has proposed the Update takes the Commit, in which it is or is not.
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
        // The signature key was stolen, too, and it does not matter whose it is: nothing is sent.
        thief.read(&self.log, &*self.world.members[0].signer)
    }

    /// How many of the secrets of all members in this epoch a thief has: those of the epoch, and private keys.
    fn shared(&self, loot: &Loot) -> (usize, usize) {
        let members = || self.world.members.iter();
        let epoch: BTreeSet<_> = members().flat_map(of_this_epoch).collect();
        let keys: BTreeSet<_> = members().flat_map(private_keys).collect();
        (epoch.intersection(&loot.secrets).count(), keys.intersection(&loot.secrets).count())
    }
}

/// The whole story.
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
    // What was not read, and is recent enough.
    let mut readable: BTreeSet<usize> =
        unread.into_iter().filter(|(epoch, _)| epoch + PAST_EPOCHS >= now).map(|(_, sent)| sent).collect();
    let (before, past) = (drill.log.len(), readable.len());
    assert!(past > 0 && past < before / 2);
    assert_eq!(drill.loot(&thief).read.into_keys().collect::<BTreeSet<_>>(), readable, "{what}");

    // Between the theft and what heals, the thief is as good as a member.
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
    // Nor does it have any of the secrets that there are now, if it is healed.
    let (epoch, keys) = drill.shared(&loot);
    assert_eq!(epoch == 0, heals, "{what}");
    // Without a path, nobody's private keys are others.
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

/// The path of the Commit that heals is encrypted to none of the keys that were stolen, whatever the rules are.
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
                // That of another is opened once, so the keys and the context are the right ones.
                let expected = usize::from(by != victim);
                assert_eq!(loot.path_secrets(suite, commit, &context), expected);
            }
        }
    }
}

/// Who keeps no past epochs gives away less: of the current one, what has not been read.
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

/// A Commit of one's own that is not accepted yet is stored, and what it leads to can be stolen: it does not heal, and
/// the one after it does.
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

/// The thief can do more than read, until it is healed: it can speak for the victim. Then it cannot any more.
#[test]
fn a_thief_speaks_for_the_victim_until_there_are_new_keys() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 3);
        let at = 1;
        let thief = Thief::of(&mut world.members[at]);
        let forged = thief.forge(&*world.members[at].signer, &mut world.rng);
        assert_eq!(read(world.members[0].process(&forged)).0, world.leaf(at));
        world.commit(at, |builder| builder);
        // One of the last epoch is late, and no more than that; in the new one it knows no keys.
        let late = thief.forge(&*world.members[at].signer, &mut world.rng);
        assert!(world.members[0].process(&late).is_err());
        let commit = thief.forge_commit(&*world.members[at].signer, &mut world.rng);
        for member in &mut world.members {
            assert!(!matches!(member.process(&commit), Ok(Processed::Commit(_))));
        }
        world.agree();
    }
}

/// A client that comes back is another one than that which was lost: its old state is of no use to itself either.
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

/// Two Commits race. A member opens the one that loses, and one of its handshake messages is still to come. When the epoch is
/// over, the member has no handshake keys of it: a thief cannot read either from what is kept for late messages.
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
