//! Requests that the state of the server refuses: the codes of the statuses 409, 410 and 429
//! (docs/protocol.md, section 4).

use crate::clients::{Clients, SUITE, group_id, policy};
use crate::requests::{BYTES_MEDIA_TYPE, Draft};
use crate::server::Codes;
use crate::world::{EXPIRES, World, path};
use pando_api::{Blob, CreateGroup, Digest, Policy, ProblemCode, Receipt, RemovalIntent, Reset};
use pando_delivery::Refusal;
use pando_delivery::group::partition;
use pando_delivery::store::{Store, Transaction};
use pando_mls::{ProtocolVersion, ReInit};

/// Sends the requests. Returns the codes of their answers.
pub(crate) async fn all() -> Codes {
    let mut codes = Codes::new();
    for world in [epochs().await, heads().await, removals_and_resets().await, names().await, ends().await] {
        for (code, count) in &*world.recorder.server.codes.lock().unwrap() {
            *codes.entry(*code).or_default() += count;
        }
    }
    codes
}

async fn epochs() -> World {
    let (mut world, [mut alice, mut bob, mut carol]) = World::with_three().await;
    // Two Commits of the same epoch.
    let first = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    let second = world.clients.build_commit(&mut bob.device, None, |commit| commit);
    let receipt: Receipt = world.commit(&alice, first.clone()).await.decode(200);
    let answer = world.commit(&bob, second).await;
    assert_eq!(answer.code(), ProblemCode::EpochConflict);
    let problem = answer.problem();
    let winner = problem.winner.unwrap();
    assert_eq!((problem.epoch, winner.seq), (Some(2), receipt.head.head.seq));
    assert_eq!(winner.digest, Digest::of(&first.commit));

    // A message of the last epoch but one, which the policy does not accept.
    world.follow(&mut alice).await;
    let late = world.clients.encrypt(&mut carol.device, "late");
    let update = world.clients.build_update(&mut carol.device);
    world.refresh(&mut alice).await;
    for message in [late, update] {
        let answer = world.message(&carol, &message).await;
        assert_eq!((answer.code(), answer.problem().epoch), (ProblemCode::StaleEpoch, Some(3)));
    }

    // Alice enters the next epoch before the server does.
    let early = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    world.clients.process(&mut alice.device, &early.commit);
    let message = world.clients.encrypt(&mut alice.device, "early");
    let answer = world.message(&alice, &message).await;
    assert_eq!((answer.code(), answer.problem().epoch), (ProblemCode::FutureEpoch, Some(3)));
    let next = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    assert_eq!(world.commit(&alice, next).await.code(), ProblemCode::FutureEpoch);

    // One member's quota of proposals.
    world.clients.clear(&mut bob.device);
    world.follow(&mut bob).await;
    for _ in 0..16 {
        let update = world.clients.build_update(&mut bob.device);
        world.message(&bob, &update).await.decode::<Receipt>(200);
    }
    let update = world.clients.build_update(&mut bob.device);
    assert_eq!(world.message(&bob, &update).await.code(), ProblemCode::Limit);
    world
}

async fn heads() -> World {
    let mut world = World::new(false);
    let mut alice = world.log_in("alice@example.org/laptop", 1).await;
    let mut bob = world.log_in("bob@example.org/phone", 1).await;
    let creation = world.create(&mut alice).await;
    world.add(&mut alice, &mut [&mut bob]).await;
    let mut unknown = world.head(&alice).await;
    unknown.head.time += 1;
    for (head, expected) in [(creation.head, ProblemCode::StaleHead), (unknown, ProblemCode::UnknownHead)] {
        let commit = world.clients.build_commit(&mut alice.device, Some(head), |commit| commit);
        assert_eq!(world.commit(&alice, commit).await.code(), expected);
        world.clients.clear(&mut alice.device);
    }
    // A proposal that only Alice has received.
    let update = world.clients.build_update(&mut bob.device);
    world.clients.process(&mut alice.device, &update);
    let commit = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    assert_eq!(world.commit(&alice, commit).await.code(), ProblemCode::UnknownProposal);
    world
}

async fn removals_and_resets() -> World {
    let (mut world, [mut alice, _, carol]) = World::with_three().await;
    world.refresh(&mut alice).await;
    let successor = world.branch(&alice, 1);
    let reset = Reset { last_good_epoch: 1, successor };
    let answer = world.post(&alice, &path("/reset"), reset).await;
    assert_eq!(answer.code(), ProblemCode::UnconfirmedReset);
    let intent = RemovalIntent { client: carol.device.caller.client.clone(), since: 2 };
    let removal: Receipt = world.post(&carol, &path("/removals"), intent.clone()).await.decode(200);
    let commit = world.clients.build_commit(&mut alice.device, None, |commit| commit);
    let answer = world.commit(&alice, commit).await;
    assert_eq!(answer.code(), ProblemCode::PendingRemoval);
    assert_eq!(answer.problem().proposals, [removal.head.head.seq]);
    // A repetition is answered by the same receipt.
    assert_eq!(world.post(&carol, &path("/removals"), intent).await.decode::<Receipt>(200), removal);
    world
}

async fn names() -> World {
    let (mut world, [alice, mut bob, _]) = World::with_three().await;
    let admin = Policy { admins: vec![bob.device.caller.client.user()], ..policy() };
    let extensions = world.clients.extensions(&admin);
    let group_info = world.clients.build_group(&mut bob.device, extensions).into();
    let other = CreateGroup { group_info, first_commit: None };
    assert_eq!(world.post(&bob, "/v1/groups", other).await.code(), ProblemCode::GroupExists);

    let target = format!("/v1/blobs/{}", Digest::of(b"contents"));
    let put = |expires: u64| {
        let target = format!("{target}?expires={expires}");
        let draft = Draft::new(Some(&alice.session), "PUT", &target);
        draft.with_bytes(BYTES_MEDIA_TYPE, b"contents".to_vec())
    };
    world.recorder.send(put(EXPIRES)).await.decode::<Blob>(200);
    let later = world.recorder.send(put(EXPIRES + 1)).await;
    assert_eq!(later.code(), ProblemCode::IdempotencyConflict);
    world
}

/// A log that was cut off, and a group that has ended.
async fn ends() -> World {
    let (mut world, [mut alice, mut bob, _]) = World::with_three().await;
    world.refresh(&mut alice).await;
    world.follow(&mut bob).await;
    let second = [b"e".as_slice(), &2_u64.to_be_bytes()].concat();
    let cut = move |rows: &mut dyn Transaction| Ok::<_, Refusal>(rows.delete(&second)?);
    world.server().store().write(&partition(&group_id()), 0, cut).await.unwrap();
    let answer = world.get(&alice, &format!("{}?after=1", path("/log"))).await;
    assert_eq!((answer.code(), answer.problem().first), (ProblemCode::Gap, Some(3)));

    let reinit = reinit(&world.clients);
    let commit = world.clients.build_commit(&mut alice.device, None, |commit| commit.reinit(reinit));
    world.commit(&alice, commit).await.decode::<Receipt>(200);
    let hello = world.clients.encrypt(&mut bob.device, "hello");
    let commit = world.clients.build_commit(&mut bob.device, None, |commit| commit);
    for answer in [world.message(&bob, &hello).await, world.commit(&bob, commit).await] {
        assert_eq!(answer.code(), ProblemCode::GroupEnded);
        assert!(answer.problem().successor.is_some());
    }
    world
}

fn reinit(clients: &Clients) -> ReInit {
    ReInit {
        group_id: "a successor of 16 bytes".into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: SUITE,
        extensions: clients.extensions(&policy()),
    }
}
