//! Removals that clients ask for.

use crate::clients::policy;
use crate::fixture::{World, code};
use pando_api::{ClientId, Permission, ProblemCode, RemovalIntent};
use pando_mls::LeafIndex;

fn intent(client: &ClientId, since: u64) -> RemovalIntent {
    RemovalIntent { client: client.clone(), since }
}

#[tokio::test]
async fn a_leave_is_proposed_in_each_epoch_until_it_is_committed() {
    let (mut world, mut alice, mut bob, carol) = World::with_three(1).await;
    let leave = intent(&carol.caller.client, 2);
    let request = |world: &World, caller, leave| {
        let (service, group, now) = (world.service.clone(), world.group_id.clone(), world.now);
        async move { service.request_removal(caller, &group, leave, now).await }
    };
    let receipt = request(&world, &carol.caller, leave.clone()).await.unwrap();
    world.record(&receipt.head);
    assert_eq!(request(&world, &carol.caller, leave.clone()).await.unwrap(), receipt, "a repetition");

    // A Commit of a member that has not read the proposal is refused, and names it.
    let blind = world.build_commit(&mut bob, None, |commit| commit);
    let refusal = world.submit(&bob.caller, &blind).await.unwrap_err();
    assert!(refusal.is(ProblemCode::PendingRemoval));
    assert_eq!(refusal.problem().proposals, [receipt.head.head.seq]);
    world.clear(&mut bob);

    // An external Commit cannot contain the proposal, so it is accepted from others, and the server
    // proposes the removal again. The client itself may not stay by an external Commit.
    let (group_info, tree) = world.state(&carol.caller).await.unwrap();
    let renewed = world.device("carol@example.org/phone", 2);
    let resync = world.build_external_commit_with(&renewed, &group_info, (&tree, Some(LeafIndex(2))));
    assert_eq!(code(world.submit(&renewed.caller, &resync).await), ProblemCode::PendingRemoval);
    let laptop = world.device("bob@example.org/laptop", 1);
    let join = world.build_external_commit_with(&laptop, &group_info, (&tree, None));
    world.submit(&laptop.caller, &join).await.unwrap();
    world.follow(&mut bob).await;
    let early = world.build_commit(&mut bob, None, |commit| commit);
    let refusal = world.submit(&bob.caller, &early).await.unwrap_err();
    assert!(refusal.is(ProblemCode::PendingRemoval), "before the server has proposed it again");
    world.clear(&mut bob);
    world.service.run_due(world.now).await.unwrap();
    let again = request(&world, &carol.caller, leave.clone()).await.unwrap();
    assert!(again.head.head.seq > receipt.head.head.seq);
    assert_eq!(world.service.run_due(world.now).await.unwrap(), 0);
    assert_eq!(request(&world, &carol.caller, leave.clone()).await.unwrap(), again, "once in an epoch");

    // A member that has read the log commits the proposal.
    world.follow(&mut alice).await;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    assert!(alice.group().members().all(|member| member.unwrap().leaf != LeafIndex(2)));
    assert_eq!(code(request(&world, &carol.caller, leave).await), ProblemCode::NotFound);
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).await.unwrap();
}

#[tokio::test]
async fn a_removal_is_bound_to_one_membership_and_to_one_user() {
    let (world, alice, bob, carol) = World::with_three(1).await;
    let group = &world.group_id;
    let request = |caller, leave| world.service.request_removal(caller, group, leave, world.now);
    for (caller, client, since) in [
        (&carol.caller, &carol.caller.client, 1),
        (&carol.caller, &carol.caller.client, 3),
        (&bob.caller, &carol.caller.client, 2),
        (&alice.caller, &carol.caller.client, 2),
    ] {
        assert_eq!(code(request(caller, intent(client, since)).await), ProblemCode::NotFound, "{since}");
    }
    let mallory = "mallory@example.org/phone".parse().unwrap();
    let mallory = pando_delivery::group::Caller { client: mallory, version: 1 };
    assert_eq!(code(request(&mallory, intent(&mallory.client, 2)).await), ProblemCode::NotFound);
    assert_eq!(world.page(&alice.caller, 2, 1_000).await.unwrap().entries.len(), 0, "nothing was proposed");
}

#[tokio::test]
async fn the_last_admin_cannot_leave() {
    let (mut world, mut alice, _, _) = World::with_three(1).await;
    assert_eq!(policy().remove, Permission::Admins);
    let leave = intent(&alice.caller.client, 1);
    let refusal =
        world.service.request_removal(&alice.caller, &world.group_id, leave.clone(), world.now).await;
    assert_eq!(code(refusal), ProblemCode::Policy);
    // With a second device of the admin, one of the two may leave.
    let mut laptop = world.device("alice@example.org/laptop", 1);
    world.add(&mut alice, &mut [&mut laptop]).await;
    let group = world.group_id.clone();
    let since = laptop.seq;
    world.service.request_removal(&alice.caller, &group, leave, world.now).await.unwrap();
    let leave = intent(&laptop.caller.client, since);
    let refusal = world.service.request_removal(&laptop.caller, &group, leave, world.now).await;
    assert_eq!(code(refusal), ProblemCode::Policy, "the other removal is due already");
}

/// A Commit that removes a client and adds it again does not end the removal.
#[tokio::test]
async fn a_client_that_is_added_again_is_still_removed() {
    let (mut world, mut alice, _, carol) = World::with_three(1).await;
    let leave = intent(&carol.caller.client, 2);
    world.service.request_removal(&carol.caller, &world.group_id, leave, world.now).await.unwrap();
    world.follow(&mut alice).await;
    let mut again = world.device("carol@example.org/phone", 2);
    let key_packages = world.key_packages(&mut [&mut again]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    world.service.run_due(world.now).await.unwrap();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    let refusal = world.submit(&alice.caller, &commit).await.unwrap_err();
    assert!(refusal.is(ProblemCode::PendingRemoval));
    assert_eq!(refusal.problem().proposals.len(), 1);
}
