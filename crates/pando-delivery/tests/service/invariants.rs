//! The invariants I1 to I4, I7 and I9 of the delivery service, by their names.
//!
//! I5 and I10 concern clients. I6 is in `key_packages`.

use crate::fixture::{World, code, on_one_and_eight_files};
use pando_api::{ProblemCode, SubmitMessage};
use pando_mls::LeafIndex;

on_one_and_eight_files! {
/// At most one Commit for each epoch of a group.
async fn i1_one_of_several_commits_wins_an_epoch(files: u16) {
    let (mut world, mut alice, mut bob, mut carol) = World::with_three(files).await;
    for _ in 0..3 {
        let requests = [&mut alice, &mut bob, &mut carol].map(|member| {
            (member.caller.clone(), world.build_commit(member, None, |commit| commit))
        });
        let mut results = Vec::new();
        for (caller, request) in &requests {
            results.push(world.submit(caller, request));
        }
        let [one, other, third] = results.try_into().ok().unwrap();
        let (one, other, third) = tokio::join!(one, other, third);
        let results = [one, other, third];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for result in results.into_iter().filter(Result::is_err) {
            let refusal = result.unwrap_err();
            let problem = refusal.problem();
            assert_eq!(problem.known_code(), Some(ProblemCode::EpochConflict));
            assert!(problem.winner.is_some() && problem.epoch.is_some());
        }
        for member in [&mut alice, &mut bob, &mut carol] {
            world.follow(member).await;
        }
    }
    assert_eq!(alice.group().epoch(), 4);
}

/// Sequence numbers have no gaps, and the entries form one chain for all members.
async fn i2_sequence_numbers_have_no_gaps(files: u16) {
    let (mut world, mut alice, mut bob, carol) = World::with_three(files).await;
    for round in 0..4 {
        for member in [&mut alice, &mut bob] {
            let message = world.encrypt(member, &format!("message {round}"));
            world.send(&member.caller, &message).await.unwrap();
        }
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        world.submit(&alice.caller, &commit).await.unwrap();
        world.follow(&mut alice).await;
        world.follow(&mut bob).await;
    }
    let expected = world.history(&alice.caller, 1).await;
    let seqs: Vec<_> = expected.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=14).collect::<Vec<_>>());
    for member in [&bob, &carol] {
        assert_eq!(world.history(&member.caller, 2).await, expected[1..]);
    }
}

/// Acknowledged messages are delivered to every member, with the bytes that were sent.
async fn i3_acknowledged_messages_are_delivered(files: u16) {
    let (mut world, mut alice, mut bob, carol) = World::with_three(files).await;
    let mut acknowledged = Vec::new();
    for round in 0..10 {
        let sender = if round % 2 == 0 { &mut alice } else { &mut bob };
        let message = world.encrypt(sender, &format!("message {round}"));
        let receipt = world.send(&sender.caller, &message).await.unwrap();
        assert_eq!(world.send(&sender.caller, &message).await.unwrap(), receipt, "a repetition");
        acknowledged.push((receipt.head.head.seq, receipt.digest));
    }
    for member in [&alice, &bob, &carol] {
        let history = world.history(&member.caller, 2).await;
        assert_eq!(history[1..], acknowledged);
    }
}

/// A Welcome exists exactly if its Commit has won.
async fn i4_a_welcome_exists_exactly_if_its_commit_has_won(files: u16) {
    let (mut world, mut alice, mut bob, _) = World::with_three(files).await;
    let mut dave = world.device("dave@example.org/phone", 1);
    let mut erin = world.device("erin@example.org/phone", 1);
    let with_dave = world.key_packages(&mut [&mut dave]);
    let with_erin = world.key_packages(&mut [&mut erin]);
    let winner = world.build_commit(&mut alice, None, |commit| commit.add(with_dave[0].clone()));
    let loser = world.build_commit(&mut bob, None, |commit| commit.add(with_erin[0].clone()));
    world.submit(&alice.caller, &winner).await.unwrap();
    assert_eq!(code(world.submit(&bob.caller, &loser).await), ProblemCode::EpochConflict);
    // The Welcome is delivered once, however often the work is run and the request repeated.
    for _ in 0..3 {
        world.service.run_due(world.now).await.unwrap();
        world.submit(&alice.caller, &winner).await.unwrap();
    }
    let inbox = |world: &World, device: &crate::clients::Device| {
        let (service, caller, now) = (world.service.clone(), device.caller.clone(), world.now);
        async move { service.read_inbox(&caller, (0, 1 << 20), now).await.unwrap().entries.len() }
    };
    assert_eq!(inbox(&world, &dave).await, 1);
    assert_eq!(inbox(&world, &erin).await, 0);
    assert_eq!(code(world.page(&erin.caller, 0, 1_000).await), ProblemCode::NotFound);
    world.join(&mut dave).await;
    // A removed entry does not come back.
    world.service.run_due(world.now).await.unwrap();
    assert_eq!(inbox(&world, &dave).await, 0);
    world.follow(&mut dave).await;
    world.follow(&mut alice).await;
    assert_eq!(dave.group().epoch_authenticator(), alice.group().epoch_authenticator());
}

/// A removed client reads up to its removal and nothing later; a stranger reads nothing.
async fn i7_a_removed_client_reads_nothing_after_its_removal(files: u16) {
    let (mut world, mut alice, _, carol) = World::with_three(files).await;
    let mallory = world.device("mallory@example.org/phone", 1);
    let commit = world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)));
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    let message = world.encrypt(&mut alice, "without Carol");
    world.send(&alice.caller, &message).await.unwrap();
    world.service.run_due(world.now).await.unwrap();

    let page = world.page(&carol.caller, 0, usize::MAX).await.unwrap();
    let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!((seqs, page.end), (vec![2, 3], 3), "from the join to the removal");
    let state = world.service.group_state(&alice.caller, &world.group_id).await.unwrap();
    for (caller, after) in [(&carol.caller, 3), (&mallory.caller, 0)] {
        let group = &world.group_id;
        assert_eq!(code(world.page(caller, after, 1_000).await), ProblemCode::NotFound);
        assert_eq!(code(world.service.group_state(caller, group).await), ProblemCode::NotFound);
        assert_eq!(code(world.service.tree(caller, group, &state.tree_hash).await), ProblemCode::NotFound);
        assert_eq!(code(world.service.acknowledge(caller, group, 1, world.now).await), ProblemCode::NotFound);
        assert_eq!(code(world.send(caller, &message).await), ProblemCode::NotFound);
        assert!(world.service.list_groups(caller).await.unwrap().groups.is_empty());
    }
}

/// Two signed heads of one entry never differ, whichever answer they come from.
async fn i9_signed_heads_of_one_entry_never_differ(files: u16) {
    let (mut world, mut alice, mut bob, _) = World::with_three(files).await;
    for round in 0..5 {
        // `World` compares each head with all heads of the same entry.
        let message = world.encrypt(&mut bob, "hello");
        world.send(&bob.caller, &message).await.unwrap();
        world.now += if round % 2 == 0 { 10 } else { 0 };
        let update = world.build_update(&mut bob);
        world.send(&bob.caller, &update).await.unwrap();
        world.follow(&mut alice).await;
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        world.submit(&alice.caller, &commit).await.unwrap();
        world.now -= 5;
        world.submit(&alice.caller, &commit).await.unwrap();
        world.send(&bob.caller, &message).await.unwrap();
        world.follow(&mut alice).await;
        world.follow(&mut bob).await;
        world.state(&alice.caller).await.unwrap();
        for after in 0..alice.seq {
            world.page(&alice.caller, after, 1).await.unwrap();
        }
    }
}
}

/// A Commit that another server process has made in the meantime does not confuse this one.
#[tokio::test]
async fn a_server_follows_another_server_of_the_same_store() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let other = world.other_server();
    for round in 0..4 {
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        let service = if round % 2 == 0 { &other } else { &world.service };
        let receipt = service.submit_commit(&alice.caller, &world.group_id, commit.clone(), world.now).await;
        receipt.unwrap().verify(&commit.commit, &world.keys).unwrap();
        // The same request at the other server returns the same receipt.
        world.submit(&alice.caller, &commit).await.unwrap();
        world.follow(&mut alice).await;
        world.follow(&mut bob).await;
        let update = world.build_update(&mut bob);
        let service = if round % 2 == 0 { &world.service } else { &other };
        let request = SubmitMessage { message: update.into() };
        service.submit_message(&bob.caller, &world.group_id, request, world.now).await.unwrap();
        world.follow(&mut alice).await;
    }
}
