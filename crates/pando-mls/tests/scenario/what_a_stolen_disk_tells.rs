//! An attacker that has recorded all messages copies a client's disk and its signature key. Of the
//! past messages, the attacker can read only those whose unused keys were still stored (forward
//! secrecy). The attacker can read all later messages until the client, or another member on its
//! behalf, introduces new keys. After that, the attacker can read nothing (post-compromise
//! security).

use crate::attacker::{Attacker, Extracted, of_this_epoch, path_context, private_keys};
use crate::group_fixture::{GroupFixture, Newcomer, external_psk, fast_suites, leaf_template, read};
use pando_mls::{
    EpochRow, ExternalJoin, GroupConfig, LeafIndex, MlsMessage, NoPsks, Processed, RatchetType, RowKey,
    SecretId, Suite,
};
use std::collections::BTreeSet;

/// The event after the theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterTheft {
    /// The victim creates a Commit.
    OwnCommit,
    /// The victim proposes an Update, and another member commits it.
    Update,
    /// The victim rejoins by an external Commit that replaces its old leaf.
    Resync,
    /// The victim is removed, and is then added again with a new KeyPackage.
    Readmission,
    /// A member mixes in a PSK that the attacker does not have.
    UnknownPsk,
    /// A member commits a PSK that the attacker has. The Commit has no path.
    KnownPsk,
    /// A member adds a client by a Commit without a path.
    AddWithoutPath,
    /// All members except the victim create Commits.
    OtherCommits,
    /// The victim proposes an Update that no member commits.
    UpdateThatIsLost,
}

impl AfterTheft {
    /// The events that heal the group. Other events do not heal it.
    const HEALING: [Self; 5] =
        [Self::OwnCommit, Self::Update, Self::Resync, Self::Readmission, Self::UnknownPsk];
    const NOT_HEALING: [Self; 4] =
        [Self::KnownPsk, Self::AddWithoutPath, Self::OtherCommits, Self::UpdateThatIsLost];
}

/// A group with a record of all its messages.
struct TappedGroup {
    fixture: GroupFixture,
    log: Vec<MlsMessage>,
}

const PAST_EPOCHS: u64 = 3;

impl TappedGroup {
    fn new(suite: Suite, public: bool) -> Self {
        let config = GroupConfig::default().with_encrypt_handshakes(!public);
        assert_eq!(config.past_epochs as u64, PAST_EPOCHS);
        let mut fixture = GroupFixture::with_config(suite, config);
        fixture.add(0, 3);
        Self { fixture, log: Vec::new() }
    }

    /// Sends a message from the member at `leaf`, which the members at `readers` read.
    fn says(&mut self, leaf: u32, readers: &[u32]) -> usize {
        let by = self.fixture.at(leaf);
        let data = self.log.len().to_be_bytes();
        let message = self.fixture.send(by, &data);
        for reader in readers {
            let reader = self.fixture.at(*reader);
            assert_eq!(read(self.fixture.members[reader].process(&message)).1, data);
        }
        self.log.push(message);
        self.log.len() - 1
    }

    /// Makes the member at `leaf` commit with a path. All members follow.
    fn commits(&mut self, leaf: u32) {
        let by = self.fixture.at(leaf);
        let (commit, _) = self.fixture.commit(by, |builder| builder);
        self.log.push(commit);
    }

    /// Sends a message from every member.
    fn all_say(&mut self) -> BTreeSet<usize> {
        let leaves: Vec<_> = self.fixture.tree().members().map(Result::unwrap).map(|leaf| leaf.0).collect();
        leaves.into_iter().map(|leaf| self.says(leaf, &[])).collect()
    }

    /// Runs six epochs in which the member at leaf `victim` reads only some messages. Returns the
    /// unread messages with their epochs.
    fn a_life(&mut self, victim: u32) -> Vec<(u64, usize)> {
        let mut unread = Vec::new();
        for round in 0..6 {
            let other = if victim == 3 { 2 } else { 3 };
            let epoch = self.fixture.context().epoch;
            unread.push((epoch, self.says(other, &[])));
            self.says(other, &[victim]);
            unread.push((epoch, self.says(other, &[])));
            self.says(victim, &[other]);
            // A sender that has sent no message before has no ratchet yet, so all its keys can
            // still be derived.
            unread.push((epoch, self.says(if victim == 0 { 1 } else { 0 }, &[])));
            self.commits([other, victim][round % 2]);
        }
        unread
    }

    fn happens(&mut self, event: AfterTheft, victim: u32) {
        let (at, other) = (self.fixture.at(victim), if victim == 2 { 3 } else { 2 });
        let by = self.fixture.at(other);
        match event {
            AfterTheft::OwnCommit => self.commits(victim),
            AfterTheft::Update | AfterTheft::UpdateThatIsLost => {
                let update = self.fixture.members[at].propose_update(&mut self.fixture.rng).unwrap();
                self.log.push(update.clone());
                if event == AfterTheft::Update {
                    self.fixture.deliver_proposal(at, &update);
                }
                // The victim processes this Commit, which may or may not cover its Update.
                self.commits(other);
            }
            AfterTheft::Resync => self.comes_back(victim),
            AfterTheft::Readmission => {
                let removed = LeafIndex(victim);
                self.log.push(self.fixture.commit(by, |builder| builder.remove(removed)).0);
                let (newcomer, by) = (self.fixture.newcomer(), self.fixture.at(other));
                let key_package = newcomer.key_package();
                let (commit, welcome) = self.fixture.commit(by, |builder| builder.add(key_package));
                self.log.push(commit);
                self.fixture.enter(newcomer, &welcome.unwrap());
                assert_eq!(self.fixture.leaf(3), removed);
            }
            AfterTheft::UnknownPsk | AfterTheft::KnownPsk => {
                let psk = external_psk(7);
                self.log.push(self.fixture.commit(by, |builder| builder.psk(psk).without_path()).0);
            }
            AfterTheft::AddWithoutPath => {
                let newcomer = self.fixture.newcomer();
                let key_package = newcomer.key_package();
                let (commit, welcome) =
                    self.fixture.commit(by, |builder| builder.add(key_package).without_path());
                self.log.push(commit);
                self.fixture.enter(newcomer, &welcome.unwrap());
            }
            AfterTheft::OtherCommits => {
                let leaves: Vec<_> =
                    self.fixture.tree().members().map(Result::unwrap).map(|leaf| leaf.0).collect();
                leaves.into_iter().filter(|leaf| *leaf != victim).for_each(|leaf| self.commits(leaf));
            }
        }
    }

    fn comes_back(&mut self, victim: u32) {
        let fixture = &mut self.fixture;
        let lost = fixture.members.remove(fixture.at(victim));
        let group_info = fixture.members[0].group_info(true);
        let (resync, template) = (Some(LeafIndex(victim)), leaf_template());
        let join = ExternalJoin::new(&group_info, template).replace_leaf(resync);
        let cx = crate::group_fixture::client(&*lost.signer).with_config(fixture.config);
        let mut rows = pando_mls::Rows::new();
        let (group, commit) = join.build(&cx, &mut fixture.rng).unwrap().persist_to(&mut rows).unwrap();
        fixture.deliver_commit(usize::MAX, &commit);
        let mut member = crate::group_fixture::Member { signer: lost.signer, group, rows };
        member.merge_pending();
        fixture.members.push(member);
        fixture.agree();
        self.log.push(commit);
    }

    fn extracted(&self, attacker: &Attacker) -> Extracted {
        // The signature key was stolen, too. Any key can be used here, because nothing is sent.
        attacker.read(&self.log, &*self.fixture.members[0].signer)
    }

    /// Returns the number of the members' current epoch secrets and the number of their private
    /// keys that the attacker has.
    fn shared(&self, extracted: &Extracted) -> (usize, usize) {
        let members = || self.fixture.members.iter();
        let epoch: BTreeSet<_> = members().flat_map(of_this_epoch).collect();
        let keys: BTreeSet<_> = members().flat_map(private_keys).collect();
        (epoch.intersection(&extracted.secrets).count(), keys.intersection(&extracted.secrets).count())
    }
}

/// Runs the whole scenario: past epochs, the theft, an event, and later messages.
fn stolen(suite: Suite, public: bool, victim: u32, event: AfterTheft, heals: bool) {
    let what = format!("{}, {public}, {victim}, {event:?}", suite.cipher_suite());
    let mut tapped = TappedGroup::new(suite, public);
    let unread = tapped.a_life(victim);
    let now = tapped.fixture.context().epoch;
    let at = tapped.fixture.at(victim);
    let mut attacker = Attacker::of(&mut tapped.fixture.members[at]);
    if event == AfterTheft::UnknownPsk {
        attacker.psks = Box::new(NoPsks);
    }
    // These messages were not read, and their epochs are still kept.
    let mut readable: BTreeSet<usize> =
        unread.into_iter().filter(|(epoch, _)| epoch + PAST_EPOCHS >= now).map(|(_, sent)| sent).collect();
    let (before, past) = (tapped.log.len(), readable.len());
    assert!(past > 0 && past < before / 2);
    assert_eq!(tapped.extracted(&attacker).read.into_keys().collect::<BTreeSet<_>>(), readable, "{what}");

    // Between the theft and the event that heals the group, the attacker can read as much as the
    // victim.
    readable.extend(tapped.all_say());
    tapped.commits(if victim == 2 { 1 } else { 2 });
    readable.extend(tapped.all_say());
    let extracted = tapped.extracted(&attacker);
    assert_eq!(extracted.read.keys().copied().collect::<BTreeSet<_>>(), readable, "{what}");
    let (epoch, keys) = tapped.shared(&extracted);
    assert!(epoch >= 7 && keys >= 2, "{what}: {epoch} {keys}");

    tapped.happens(event, victim);
    for _ in 0..2 {
        let said = tapped.all_say();
        if !heals {
            readable.extend(said);
        }
        tapped.commits(if victim == 3 { 2 } else { 3 });
    }
    let extracted = tapped.extracted(&attacker);
    assert_eq!(extracted.read.keys().copied().collect::<BTreeSet<_>>(), readable, "{what}");
    for (position, data) in &extracted.read {
        assert_eq!(**data, position.to_be_bytes());
    }
    // After the group is healed, the attacker has none of the current secrets either.
    let (epoch, keys) = tapped.shared(&extracted);
    assert_eq!(epoch == 0, heals, "{what}");
    // Without a path, the private keys do not change.
    assert_eq!(keys == 0, heals && event != AfterTheft::UnknownPsk, "{what}");
}

fn all(victims: &[u32], events: &[AfterTheft], heals: bool) {
    for suite in fast_suites() {
        for public in [false, true] {
            for victim in victims {
                events.iter().for_each(|event| stolen(suite, public, *victim, *event, heals));
            }
        }
    }
}

#[test]
fn new_keys_heal() {
    all(&[0, 1], &AfterTheft::HEALING, true);
}

#[test]
fn without_new_keys_nothing_heals() {
    all(&[0, 3], &AfterTheft::NOT_HEALING, false);
}

/// Shows that the path of the Commit that heals the group is encrypted to none of the stolen keys.
/// This check does not depend on the library's own checks.
#[test]
fn no_stolen_key_opens_what_the_next_commit_is_encrypted_to() {
    for suite in fast_suites() {
        for victim in [0, 2] {
            let mut tapped = TappedGroup::new(suite, true);
            tapped.a_life(victim);
            let at = tapped.fixture.at(victim);
            let attacker = Attacker::of(&mut tapped.fixture.members[at]);
            for by in [(victim + 1) % 4, victim] {
                let transcript = tapped.fixture.context().confirmed_transcript_hash.to_vec();
                tapped.commits(by);
                let context = path_context(&tapped.fixture.members[0].group, &transcript);
                let extracted = tapped.extracted(&attacker);
                let commit = tapped.log.last().unwrap();
                // Control: a Commit of another member can be opened once, which shows that the keys
                // and the context are correct.
                let expected = usize::from(by != victim);
                assert_eq!(extracted.path_secrets(suite, commit, &context), expected);
            }
        }
    }
}

/// Shows that a client that keeps no past epochs loses less, namely only unread messages of the
/// current epoch.
#[test]
fn who_keeps_nothing_of_the_past_loses_nothing_of_it() {
    for suite in fast_suites() {
        let config = GroupConfig::default().with_past_epochs(0).with_past_resumption_psks(0);
        let mut fixture = GroupFixture::with_config(suite, config);
        fixture.add(0, 3);
        let mut tapped = TappedGroup { fixture, log: Vec::new() };
        let unread = tapped.a_life(1);
        let now = tapped.fixture.context().epoch;
        let attacker = Attacker::of(&mut tapped.fixture.members[1]);
        assert!(unread.iter().all(|(epoch, _)| *epoch < now));
        assert!(tapped.extracted(&attacker).read.is_empty());
        let stored = attacker.secrets();
        assert!(stored.iter().all(|stored| match stored.key {
            RowKey::Epoch(epoch, _) => epoch == now,
            RowKey::ResumptionPsk(_) => false,
            _ => true,
        }));
    }
}

/// Shows that a stolen pending Commit does not heal the group. A pending Commit is stored together
/// with its new secrets, which the attacker therefore has. The next Commit heals the group.
#[test]
fn a_pending_commit_is_stolen_with_the_rest() {
    for suite in fast_suites() {
        let mut tapped = TappedGroup::new(suite, false);
        let (commit, _) = tapped.fixture.build(1, |builder| builder).unwrap();
        let attacker = Attacker::of(&mut tapped.fixture.members[1]);
        tapped.log.push(commit.clone());
        tapped.fixture.deliver_commit(1, &commit);
        let readable = tapped.all_say();
        tapped.commits(1);
        tapped.all_say();
        let extracted = tapped.extracted(&attacker);
        assert_eq!(extracted.read.into_keys().collect::<BTreeSet<_>>(), readable);
    }
}

/// Shows that the attacker can also send in the name of the victim until the group is healed, but
/// not afterwards.
#[test]
fn a_thief_speaks_for_the_victim_until_there_are_new_keys() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let at = 1;
        let attacker = Attacker::of(&mut fixture.members[at]);
        let forged = attacker.forge(&*fixture.members[at].signer, &mut fixture.rng);
        assert_eq!(read(fixture.members[0].process(&forged)).0, fixture.leaf(at));
        fixture.commit(at, |builder| builder);
        // The forged message is rejected because its epoch has ended. The attacker has no keys of
        // the new epoch.
        let late = attacker.forge(&*fixture.members[at].signer, &mut fixture.rng);
        assert!(fixture.members[0].process(&late).is_err());
        let commit = attacker.forge_commit(&*fixture.members[at].signer, &mut fixture.rng);
        for member in &mut fixture.members {
            assert!(!matches!(member.process(&commit), Ok(Processed::Commit(_))));
        }
        fixture.agree();
    }
}

/// Shows that a removed client that is added again is a new client: even the client itself cannot
/// open its Welcome with its old state.
#[test]
fn what_was_stolen_before_a_client_came_back_does_not_open_its_welcome() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let attacker = Attacker::of(&mut fixture.members[1]);
        let _ = fixture.remove(0, 1);
        let newcomer: Newcomer = fixture.newcomer();
        let key_package = newcomer.key_package();
        let (_, welcome) = fixture.commit(0, |builder| builder.add(key_package));
        let welcome = welcome.unwrap();
        for stored in attacker.secrets() {
            let Ok(key_pair) = suite.hpke_key_pair(stored.secret.expose().into()) else { continue };
            let secrets = &welcome.secrets[0].encrypted_group_secrets;
            let info = &welcome.encrypted_group_info;
            assert!(suite.decrypt_with_label(&key_pair, "Welcome", info, secrets).is_err());
        }
        fixture.enter(newcomer, &welcome);
    }
}

/// Shows that no handshake keys are kept when an epoch ends. A member has opened a Commit that
/// loses a race, and a proposal is still in transit. An attacker can read neither of them with the
/// keys that are kept for late messages.
#[test]
fn no_handshakes_of_past_epochs_are_readable() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let _skipped = fixture.members[1].propose_update(&mut fixture.rng).unwrap();
        let (lost, _) = fixture.build(1, |builder| builder.only_pending([])).unwrap();
        assert!(matches!(fixture.members[2].process(&lost).unwrap(), Processed::Commit(_)));
        fixture.members[1].clear_pending();
        fixture.commit(0, |builder| builder);
        fixture.members[2].check_store();
        let epoch = fixture.context().epoch;
        let mut emptied = 0;
        for (key, row) in &fixture.members[2].rows {
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
        fixture.agree();
        fixture.chat(1);
    }
}
