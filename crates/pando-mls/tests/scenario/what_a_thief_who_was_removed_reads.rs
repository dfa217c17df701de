//! A removed member has kept copies of all its states, and records all later messages. It can read
//! what it could read before, and nothing that is sent after its removal.

use crate::thief::{Loot, Thief, of_this_epoch, private_keys};
use crate::world::{World, external_psk, fast_suites, suites};
use pando_mls::{MlsMessage, Suite};
use std::collections::BTreeSet;

fn removed(suite: Suite, public: bool, leaf: u32, by_proposal: bool) {
    let mut world = if public { World::public(suite) } else { World::new(suite) };
    world.add(0, 3);
    let (mut log, mut copies): (Vec<MlsMessage>, Vec<Thief>) = (Vec::new(), Vec::new());
    let other = if leaf == 2 { 3 } else { 2 };
    for _ in 0..3 {
        let at = world.at(leaf);
        copies.push(Thief::of(&mut world.members[at]));
        let by = world.at(other);
        log.push(world.send(by, b"with you"));
        log.push(world.commit(by, |builder| builder).0);
        // It has copies of its own Commits in both states: pending and merged.
        let at = world.at(leaf);
        let (commit, _) = world.build(at, |builder| builder).unwrap();
        copies.push(Thief::of(&mut world.members[at]));
        world.deliver_commit(at, &commit);
        log.push(commit);
        copies.push(Thief::of(&mut world.members[at]));
    }
    let by = world.at(other);
    if by_proposal {
        let proposal = world.members[by].propose(crate::proposals::remove(leaf), &mut world.rng).unwrap();
        world.deliver_proposal(by, &proposal);
        log.push(proposal);
        let at = world.at(leaf);
        copies.push(Thief::of(&mut world.members[at]));
    }
    let at = world.at(leaf);
    let target = world.leaf(at);
    let (commit, _) =
        world.build(by, |builder| if by_proposal { builder } else { builder.remove(target) }).unwrap();
    log.push(commit.clone());
    let gone = world.deliver_commit(by, &commit).pop().unwrap();
    let before = log.len();
    for round in 0..3 {
        log.push(world.send(round, b"without you"));
        log.push(world.members[round].propose_update(&mut world.rng).unwrap());
        let update = log.last().unwrap().clone();
        world.deliver_proposal(round, &update);
        log.push(world.commit((round + 1) % 3, |builder| builder.psk(external_psk(1))).0);
        log.push(world.send(round, b"without you"));
        log.push(world.commit(round, |builder| builder.psk(external_psk(2)).without_path()).0);
    }
    let (mut read, mut all) = (BTreeSet::new(), Loot::default());
    for copy in &copies {
        let loot = copy.read(&log, &*gone.signer);
        read.extend(loot.read.into_keys());
        all.secrets.extend(loot.secrets);
    }
    // Control: the messages before the removal are read.
    assert!(read.len() >= 3 && read.iter().all(|sent| *sent < before), "{read:?}");
    for member in &world.members {
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
