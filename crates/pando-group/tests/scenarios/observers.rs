//! A server that follows a group of which it knows no secret.

use crate::world::{POLICY, World, external_psk, over_the_wire};
use pando_group::{GroupError, Missing, Misuse, PublicGroup, PublicProcessed, Violation};
use pando_wire::MlsMessage;

/// A group that sends its handshakes in public, and a server that follows it.
fn world_and_server(members: usize) -> (World, PublicGroup) {
    let mut world = World::public(World::first());
    world.add(0, members - 1);
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    let server = PublicGroup::new(world.suite, &group_info, None, POLICY).unwrap();
    (world, server)
}

fn follow(server: &mut PublicGroup, message: &MlsMessage) {
    match server.process(over_the_wire(message), POLICY, None).unwrap() {
        PublicProcessed::Proposal(_) => {}
        PublicProcessed::Commit(staged) => server.merge(*staged).unwrap(),
    }
}

fn same(world: &World, server: &PublicGroup) {
    let group = world.clients[0].group.public();
    assert_eq!(server.public().context(), group.context());
    assert_eq!(server.public().tree().to_wire(), group.tree().to_wire());
}

#[test]
fn a_server_follows_everything_that_is_public() {
    let (mut world, mut server) = world_and_server(3);
    for round in 0..6 {
        let client = &mut world.clients[(round + 1) % 3];
        let update = client.group.propose_update(&*client.signer, POLICY, &mut world.rng).unwrap();
        world.deliver_proposal((round + 1) % 3, &update);
        follow(&mut server, &update);
        let (bundle, _) = world.newcomer();
        let output = world.commit(round % 3, |builder| match round {
            0 | 1 => builder.add(bundle.key_package),
            2 => builder.psk(external_psk(1)),
            3 => builder.remove(pando_wire::LeafIndex(3)),
            _ => builder,
        });
        follow(&mut server, &output.message);
        same(&world, &server);
    }
}

#[test]
fn a_server_lets_somebody_in_from_outside() {
    let (mut world, mut server) = world_and_server(2);
    let (_, signer) = world.newcomer();
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(false, &*helper.signer).unwrap();
    let tree = server.public().tree().export().unwrap();
    let (group, message) = world.external(&group_info, Some(&tree), &*signer, None, vec![]).unwrap();
    follow(&mut server, &message);
    assert_eq!(server.public().context(), group.public().context());
}

#[test]
fn a_server_refuses_what_members_would() {
    let (mut world, mut server) = world_and_server(3);
    let before = server.public().context().clone();
    let commit = world.build(1, |builder| builder).unwrap().message;
    let bytes = pando_wire::Encode::encode(&commit).unwrap();
    let mut accepted = 0;
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        if let Ok(changed) = <MlsMessage as pando_wire::Decode>::decode(&changed) {
            // The tags at the end are for members to check.
            accepted += usize::from(server.process(changed, POLICY, None).is_ok());
        }
    }
    assert_eq!(accepted, 64);
    assert_eq!(*server.public().context(), before);
    follow(&mut server, &commit);
    assert_eq!(server.process(commit, POLICY, None).unwrap_err().to_string(), {
        let error =
            pando_framing::FramingError::WrongEpoch { message: before.epoch, group: before.epoch + 1 };
        GroupError::Framing(error).to_string()
    });
}

#[test]
fn a_server_needs_the_proposals() {
    let (mut world, mut server) = world_and_server(3);
    world.propose_update(1);
    let commit = world.build(0, |builder| builder).unwrap().message;
    let refused = server.process(commit, POLICY, None).unwrap_err();
    assert!(matches!(refused, GroupError::Missing(Missing::Proposal(_))));
}

#[test]
fn what_is_private_is_not_for_a_server() {
    let (mut world, mut server) = world_and_server(2);
    let message = world.send(0, b"private");
    assert_eq!(server.process(message, POLICY, None).unwrap_err(), GroupError::Misuse(Misuse::WrongMessage));
}

#[test]
fn a_description_that_was_changed_is_refused() {
    let (world, _) = world_and_server(2);
    let helper = &world.clients[0];
    let mut group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    group_info.group_context.epoch += 1;
    let server = PublicGroup::new(world.suite, &group_info, None, POLICY);
    assert_eq!(server.unwrap_err(), GroupError::Violation(Violation::GroupInfoSignature));
}
