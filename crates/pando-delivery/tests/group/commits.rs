//! Commits: one wins each epoch, and its effects are written together.

use crate::fixture::{World, code};
use pando_api::{Digest, EntryKind, ProblemCode, Winner};
use pando_mls::{LeafIndex, Psk};

#[test]
fn one_of_two_racing_commits_wins() {
    let (mut world, mut alice, mut bob, mut carol) = World::with_three();
    let first = world.build_commit(&mut alice, None, |commit| commit);
    let second = world.build_commit(&mut bob, None, |commit| commit);
    // Both are checked on the same snapshot, and the transaction decides.
    let checked = world.check(&alice.caller, &first).unwrap();
    let late = world.check(&bob.caller, &second).unwrap();
    let receipt = world.write_commit(checked).unwrap();
    assert_eq!((receipt.kind, receipt.epoch, receipt.head.head.seq), (EntryKind::Commit, 1, 3));
    let winner = Some(Winner { seq: 3, digest: Digest::of(&first.commit) });
    for refusal in [world.write_commit(late).unwrap_err(), world.submit(&bob.caller, &second).unwrap_err()] {
        let problem = refusal.problem();
        assert_eq!(problem.known_code(), Some(ProblemCode::EpochConflict));
        assert_eq!((problem.epoch, problem.winner.clone()), (Some(2), winner.clone()));
    }
    // The members agree with the server.
    for member in [&mut alice, &mut bob, &mut carol] {
        world.follow(member, 2);
        assert_eq!(member.group().epoch(), 2);
    }
    let public = world.public.as_ref().unwrap().public().context();
    assert_eq!(alice.group().public().context(), public);
}

/// A Commit without a path, which only mixes in a pre-shared key, changes no row of the tree.
#[test]
fn an_old_tree_can_be_brought_back_behind_commits_that_do_not_change_the_tree() {
    let (mut world, mut alice, _, _) = World::with_three();
    let tree = |world: &World| {
        let public = world.public.as_ref().unwrap().public();
        (public.context().tree_hash.to_vec(), public.tree().export().unwrap())
    };
    let mut trees = vec![tree(&world)];
    for has_psk in [false, true, true, false] {
        let psk = Psk::External { psk_id: b"key".as_slice().into() };
        let commit = world.build_commit(&mut alice, None, |commit| {
            if has_psk { commit.psk(psk).without_path() } else { commit }
        });
        let receipt = world.submit(&alice.caller, &commit).unwrap();
        world.follow(&mut alice, receipt.head.head.seq - 1);
        assert_eq!(trees.last() == Some(&tree(&world)), has_psk, "whether the tree stays the same");
        trees.push(tree(&world));
    }
    for (hash, expected) in trees {
        assert_eq!(world.tree(&alice.caller, &hash).unwrap(), expected);
    }
}

#[test]
fn repeating_a_request_returns_the_first_answer() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    let receipt = world.submit(&alice.caller, &commit).unwrap();
    assert_eq!(world.submit(&alice.caller, &commit).unwrap(), receipt);
    world.follow(&mut alice, 2);
    world.follow(&mut bob, 2);
    let message = world.encrypt(&mut bob, "hello");
    let receipt = world.send(&bob.caller, &message).unwrap();
    world.now += 1_000;
    assert_eq!(world.send(&bob.caller, &message).unwrap(), receipt);
    // Even after the epoch has ended.
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).unwrap();
    assert_eq!(world.send(&bob.caller, &message).unwrap(), receipt);
    assert_eq!(world.page(&alice.caller, 4, usize::MAX).unwrap().entries.len(), 1);
}

#[test]
fn messages_of_past_and_future_epochs_are_refused() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let messages = [world.encrypt(&mut bob, "one"), world.encrypt(&mut bob, "two")];
    let mut ahead = None;
    for epoch in 2..=3 {
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        if epoch == 3 {
            let bytes = commit.commit.to_vec();
            world.process(&mut alice, &bytes);
            ahead = Some(world.encrypt(&mut alice, "three"));
            assert_eq!(code(world.send(&alice.caller, ahead.as_ref().unwrap())), ProblemCode::FutureEpoch);
        }
        world.submit(&alice.caller, &commit).unwrap();
        if epoch == 2 {
            world.follow(&mut alice, 2);
            // The policy accepts messages of one past epoch.
            world.send(&bob.caller, &messages[0]).unwrap();
        }
    }
    let refusal = world.send(&bob.caller, &messages[1]).unwrap_err();
    assert_eq!(refusal.problem().known_code(), Some(ProblemCode::StaleEpoch));
    assert_eq!(refusal.problem().epoch, Some(3));
    world.send(&alice.caller, &ahead.unwrap()).unwrap();
}

#[test]
fn an_old_tree_can_be_brought_back() {
    let (mut world, mut alice, mut bob, mut carol) = World::with_three();
    let tree = |world: &World| {
        let public = world.public.as_ref().unwrap().public();
        (public.context().tree_hash.to_vec(), public.tree().export().unwrap())
    };
    let mut trees = vec![tree(&world)];
    for round in 0..4 {
        let member = if round % 2 == 0 { &mut bob } else { &mut alice };
        let mut commit = world.build_commit(member, None, |commit| commit);
        if round == 3 {
            world.clear(&mut alice);
            commit = world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)));
        }
        let caller = if round % 2 == 0 { &bob.caller } else { &alice.caller }.clone();
        let receipt = world.submit(&caller, &commit).unwrap();
        for member in [&mut alice, &mut bob, &mut carol] {
            world.follow(member, receipt.head.head.seq - 1);
        }
        trees.push(tree(&world));
    }
    for (hash, expected) in trees {
        assert_eq!(world.tree(&bob.caller, &hash).unwrap(), expected);
    }
    assert_eq!(code(world.tree(&bob.caller, b"another hash")), ProblemCode::NotFound);
}
