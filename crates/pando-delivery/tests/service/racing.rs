//! Many committers that race for each epoch.

use crate::clients::Device;
use crate::fixture::World;
use pando_api::{ProblemCode, SubmitMessage};
use pando_mls::{CommitBuilder, Decode, MlsMessage, MlsMessageBody};
use std::collections::BTreeSet;

const COMMITTERS: usize = 64;
const EPOCHS: usize = 100;

/// In each epoch, all members send a Commit at the same time. Exactly one wins, the others learn
/// which, and the GroupInfo always belongs to the epoch.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_committers_race_over_a_hundred_epochs() {
    let mut world = World::new(1).await;
    let mut members: Vec<_> = (0..COMMITTERS)
        .map(|number| {
            let user = if number == 0 { "alice".to_owned() } else { format!("user{number}") };
            world.device(&format!("{user}@example.org/phone"), 1)
        })
        .collect();
    let (creator, others) = members.split_first_mut().unwrap();
    world.create(creator).await;
    world.add(creator, &mut others.iter_mut().collect::<Vec<_>>()).await;

    for _ in 0..EPOCHS {
        let mut requests = Vec::new();
        for member in &mut members {
            requests.push((member.caller.clone(), world.build_commit(member, None, |commit| commit)));
        }
        let mut sent = tokio::task::JoinSet::new();
        for (caller, request) in requests {
            let (service, group_id, now) = (world.service.clone(), world.group_id.clone(), world.now);
            sent.spawn(async move { service.submit_commit(&caller, &group_id, request, now).await });
        }
        let mut receipts = Vec::new();
        let mut winners = BTreeSet::new();
        while let Some(result) = sent.join_next().await {
            match result.unwrap() {
                Ok(receipt) => receipts.push(receipt),
                Err(refusal) => {
                    assert!(refusal.is(ProblemCode::EpochConflict), "{refusal}");
                    winners.insert(refusal.problem().winner.clone().unwrap().seq);
                }
            }
        }
        assert_eq!(receipts.len(), 1);
        assert_eq!(winners, [receipts[0].head.head.seq].into());
        world.record(&receipts[0].head);
        // Every member learns the winner from the log. The members read the same page.
        let page = world.page(&members[0].caller, members[0].seq, 1 << 20).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        for member in &mut members {
            world.process(member, &page.entries[0].message);
            member.seq = page.entries[0].seq;
        }
        let state = world.service.group_state(&members[1].caller, &world.group_id).await.unwrap();
        assert_eq!(state.head.head.seq, members[0].seq);
        let epoch = members[0].group().epoch();
        assert_eq!(epoch_of(&state.group_info), epoch, "the GroupInfo is not of the epoch");
    }
    let (first, others) = members.split_first_mut().unwrap();
    for member in others {
        assert!(
            member.group().epoch_authenticator().unwrap() == first.group().epoch_authenticator().unwrap()
        );
    }
    let history = world.history(&members[0].caller, 1).await;
    assert_eq!(history.len(), 1 + 1 + EPOCHS);
    assert_eq!(world.history(&members[63].caller, 2).await, history[1..]);
}

fn epoch_of(group_info: &[u8]) -> u64 {
    let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
        panic!()
    };
    group_info.group_context.epoch
}

/// Members add clients while others send messages and Commits. Exactly the clients of the winners
/// have a Welcome.
#[tokio::test(flavor = "multi_thread")]
async fn racing_adds_and_messages_agree() {
    let (mut world, alice, bob, carol) = World::with_three(8).await;
    let mut members = [alice, bob, carol];
    let mut joined: Vec<Device> = Vec::new();
    for round in 0..10 {
        let mut candidates = Vec::new();
        let mut sent = tokio::task::JoinSet::new();
        for (number, member) in members.iter_mut().enumerate() {
            let message = world.encrypt(member, "hello");
            let mut device = world.device(&format!("guest{round}x{number}@example.org/phone"), 1);
            let key_packages = world.key_packages(&mut [&mut device]);
            let request = world.build_commit(member, None, |commit| {
                key_packages.into_iter().fold(commit, CommitBuilder::add)
            });
            let (service, group_id, now) = (world.service.clone(), world.group_id.clone(), world.now);
            let caller = member.caller.clone();
            sent.spawn(async move {
                let send = SubmitMessage { message: message.into() };
                let (sent, committed) = tokio::join!(
                    service.submit_message(&caller, &group_id, send, now),
                    service.submit_commit(&caller, &group_id, request, now)
                );
                sent.unwrap();
                committed.is_ok().then_some(number)
            });
            candidates.push(device);
        }
        let results = sent.join_all().await;
        let winner = results.into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(winner.len(), 1);
        world.service.run_due(world.now).await.unwrap();
        for (number, mut device) in candidates.into_iter().enumerate() {
            let page = world.service.read_inbox(&device.caller, (0, 1 << 20), world.now).await.unwrap();
            assert_eq!(page.entries.len(), usize::from(number == winner[0]));
            if number == winner[0] {
                world.join(&mut device).await;
                joined.push(device);
            }
        }
        for member in &mut members {
            world.follow(member).await;
        }
    }
    let history = world.history(&members[0].caller, 1).await;
    assert_eq!(history.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=42).collect::<Vec<_>>());
    for device in &mut joined {
        let start = device.seq;
        world.follow(device).await;
        assert_eq!(device.group().epoch(), 11);
        let own = world.history(&device.caller, start).await;
        assert_eq!(own, history[usize::try_from(start).unwrap() - 1..]);
    }
}
