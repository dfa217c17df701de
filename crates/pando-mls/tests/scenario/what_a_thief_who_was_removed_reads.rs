//! A removed member has kept copies of all its states, and records all later messages. The removed
//! member can still read the messages that it could read before, but nothing that is sent after its
//! removal.

use crate::attacker::{Attacker, Extracted, of_this_epoch, private_keys};
use crate::group_fixture::{GroupFixture, external_psk, fast_suites, suites};
use pando_mls::{MlsMessage, Suite};
use std::collections::BTreeSet;

fn removed(suite: Suite, public: bool, leaf: u32, by_proposal: bool) {
    let mut fixture = if public { GroupFixture::public(suite) } else { GroupFixture::new(suite) };
    fixture.add(0, 3);
    let (mut log, mut copies): (Vec<MlsMessage>, Vec<Attacker>) = (Vec::new(), Vec::new());
    let other = if leaf == 2 { 3 } else { 2 };
    for _ in 0..3 {
        let at = fixture.at(leaf);
        copies.push(Attacker::of(&mut fixture.members[at]));
        let by = fixture.at(other);
        log.push(fixture.send(by, b"with you"));
        log.push(fixture.commit(by, |builder| builder).0);
        // The member has copies of its own Commits in both states: pending and merged.
        let at = fixture.at(leaf);
        let (commit, _) = fixture.build(at, |builder| builder).unwrap();
        copies.push(Attacker::of(&mut fixture.members[at]));
        fixture.deliver_commit(at, &commit);
        log.push(commit);
        copies.push(Attacker::of(&mut fixture.members[at]));
    }
    let by = fixture.at(other);
    if by_proposal {
        let proposal = fixture.members[by].propose(crate::proposals::remove(leaf), &mut fixture.rng).unwrap();
        fixture.deliver_proposal(by, &proposal);
        log.push(proposal);
        let at = fixture.at(leaf);
        copies.push(Attacker::of(&mut fixture.members[at]));
    }
    let at = fixture.at(leaf);
    let target = fixture.leaf(at);
    let (commit, _) =
        fixture.build(by, |builder| if by_proposal { builder } else { builder.remove(target) }).unwrap();
    log.push(commit.clone());
    let gone = fixture.deliver_commit(by, &commit).pop().unwrap();
    let before = log.len();
    for round in 0..3 {
        log.push(fixture.send(round, b"without you"));
        log.push(fixture.members[round].propose_update(&mut fixture.rng).unwrap());
        let update = log.last().unwrap().clone();
        fixture.deliver_proposal(round, &update);
        log.push(fixture.commit((round + 1) % 3, |builder| builder.psk(external_psk(1))).0);
        log.push(fixture.send(round, b"without you"));
        log.push(fixture.commit(round, |builder| builder.psk(external_psk(2)).without_path()).0);
    }
    let (mut read, mut all) = (BTreeSet::new(), Extracted::default());
    for copy in &copies {
        let extracted = copy.read(&log, &*gone.signer);
        read.extend(extracted.read.into_keys());
        all.secrets.extend(extracted.secrets);
    }
    // Control: the messages before the removal can be read.
    assert!(read.len() >= 3 && read.iter().all(|sent| *sent < before), "{read:?}");
    for member in &fixture.members {
        for secret in of_this_epoch(member).into_iter().chain(private_keys(member)) {
            assert!(!all.secrets.contains(&secret));
        }
    }
}

#[test]
fn a_removed_member_with_all_its_states_reads_nothing_more() {
    for suite in fast_suites() {
        for leaf in [0, 2] {
            removed(suite, false, leaf, false);
            removed(suite, true, leaf, true);
        }
    }
}

#[test]
fn in_all_suites() {
    suites().for_each(|suite| removed(suite, false, 1, true));
}
