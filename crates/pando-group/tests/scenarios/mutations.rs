//! Every byte of every kind of message, changed on the way: nobody accepts it, and it does no harm.

use crate::world::{AllPsks, NOW, POLICY, World, external_psk};
use pando_group::{Group, KeyPackageBundle, Processed, PublicGroup, propose_own_add};
use pando_wire::{
    Decode, Encode, GroupInfo, LeafIndex, MlsMessage, PreSharedKey, PreSharedKeyId, Proposal, Welcome,
};

/// Every change of one byte, in its lowest and in its highest bit.
fn changes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |position| {
        [0x01, 0x80].map(|bit| {
            let mut changed = bytes.to_vec();
            changed[position] ^= bit;
            changed
        })
    })
}

/// The last client refuses every change of a message, is what it was, and accepts the message itself.
fn only_the_original_is_accepted(world: &mut World, message: &MlsMessage) -> Processed {
    let group = &mut world.clients.last_mut().unwrap().group;
    let before = snapshot(group);
    for changed in changes(&message.encode().unwrap()) {
        if let Ok(changed) = MlsMessage::decode(&changed) {
            let processed = group.process(changed, &AllPsks, POLICY, Some(NOW));
            assert!(processed.is_err(), "{processed:?}");
            assert_eq!(snapshot(group), before);
        }
    }
    let index = world.clients.len() - 1;
    world.process(index, message).unwrap()
}

/// What can be seen of a group, secrets by what is derived from them.
fn snapshot(group: &Group) -> (Vec<u8>, Vec<u8>, String, Vec<pando_group::PendingProposal>) {
    (
        group.public().context().encode().unwrap(),
        group.export("label", b"context", 32).unwrap().expose().to_vec(),
        format!("{:?} {} {}", group.epoch_authenticator(), group.own_leaf(), group.is_active()),
        group.pending_proposals().cloned().collect(),
    )
}

/// A group that sends its handshakes as private or as public messages.
fn worlds() -> [World; 2] {
    let mut public = World::public(World::first());
    public.add(0, 2);
    [World::of(World::first(), 3), public]
}

#[test]
fn commits() {
    for mut world in worlds() {
        let (bundle, _) = world.newcomer();
        let commit = world.build(0, |builder| builder.add(bundle.key_package).psk(external_psk(1)));
        let message = commit.unwrap().message;
        let Processed::Commit(staged) = only_the_original_is_accepted(&mut world, &message) else {
            panic!("not a Commit")
        };
        world.clients[2].group.merge(*staged).unwrap();
        for index in 0..2 {
            assert_eq!(world.follow(index, &message), index == 0);
        }
        world.agree();
    }
}

#[test]
fn proposals() {
    for mut world in worlds() {
        let (bundle, signer) = world.newcomer();
        let psk = PreSharedKeyId { psk: external_psk(1), psk_nonce: vec![7; 32].into() };
        let client = &mut world.clients[0];
        let update = client.group.propose_update(&*client.signer, POLICY, &mut world.rng).unwrap();
        let psk = Proposal::PreSharedKey(Box::new(PreSharedKey { psk }));
        let psk = client.group.propose(psk, &*client.signer, POLICY, None, &mut world.rng).unwrap();
        let context = world.clients[0].group.public().context();
        let add = propose_own_add(world.suite, context, bundle.key_package, &*signer).unwrap();
        for message in [update, psk, add] {
            let processed = only_the_original_is_accepted(&mut world, &message);
            assert!(matches!(processed, Processed::Proposal(_)), "{processed:?}");
        }
        assert_eq!(world.clients[2].group.pending_proposals().count(), 3);
    }
}

#[test]
fn application_messages() {
    let [mut world, _] = worlds();
    let message = world.send(0, b"hello");
    match only_the_original_is_accepted(&mut world, &message) {
        Processed::Application { data, .. } => assert_eq!(&*data, b"hello"),
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn external_commits() {
    let [mut world, _] = worlds();
    let (_, signer) = world.newcomer();
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    let lost = Some(LeafIndex(1));
    let (_, message) = world.external(&group_info, None, &*signer, lost, vec![external_psk(2)]).unwrap();
    let processed = only_the_original_is_accepted(&mut world, &message);
    assert!(matches!(processed, Processed::Commit(_)), "{processed:?}");
}

#[test]
fn group_infos() {
    let [world, _] = worlds();
    let helper = &world.clients[0];
    let bytes = helper.group.group_info(true, &*helper.signer).unwrap().encode().unwrap();
    for changed in changes(&bytes) {
        if let Ok(changed) = GroupInfo::decode(&changed) {
            let group = PublicGroup::new(world.suite, &changed, None, POLICY);
            assert!(group.is_err(), "{group:?}");
        }
    }
    PublicGroup::new(world.suite, &GroupInfo::decode(&bytes).unwrap(), None, POLICY).unwrap();
}

#[test]
fn welcomes() {
    let [mut world, _] = worlds();
    let (bundle, _) = world.newcomer();
    let copy = |bundle: &KeyPackageBundle| {
        let [init_key_pair, leaf_key_pair] =
            [&bundle.init_key_pair, &bundle.leaf_key_pair].map(crate::members::copy_pair);
        KeyPackageBundle { key_package: bundle.key_package.clone(), init_key_pair, leaf_key_pair }
    };
    let commit = world.build(0, |builder| builder.add(bundle.key_package.clone())).unwrap();
    let bytes = commit.welcome.unwrap().encode().unwrap();
    let join = |welcome: &Welcome| {
        Group::join(world.suite, welcome, copy(&bundle), None, &AllPsks, POLICY, world.config)
    };
    for changed in changes(&bytes) {
        if let Ok(changed) = Welcome::decode(&changed) {
            let group = join(&changed);
            assert!(group.is_err(), "{group:?}");
        }
    }
    join(&Welcome::decode(&bytes).unwrap()).unwrap();
}
